"""How the sentences are split besides into the usual folds: at random, by subject, with near-copies kept together. And
how two models differ over the splits."""

from collections.abc import Sequence

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.model_selection import StratifiedGroupKFold, train_test_split

from common import InputError
from common.data import folds, normalise
from common.statistics import Difference, paired_bootstrap


def leaking_split(raw: list[tuple[int, str]], seed: int) -> tuple[list, list]:
    """A random 80/20 split of the raw rows, copies included, as the classic script makes it: `(training, test)`."""
    return tuple(train_test_split(raw, test_size=0.2, random_state=seed))


def subject_folds(rows: list[tuple[int, str]], subjects: Sequence[str]) -> list[tuple[list[int], list[int]]]:
    """Leave one subject out: for each subject, `(training rows, test rows)`. The test rows are those that mention the
    subject (words as `normalise` leaves them), the training rows all the others.

    Raises:
        InputError: a subject is in no row or in all rows, or one of the parts of it lacks a label.
    """
    sentences = [f" {normalise(sentence)} " for _, sentence in rows]
    parts = []
    for subject in subjects:
        mentions = [f" {normalise(subject)} " in sentence for sentence in sentences]
        test = [index for index, mention in enumerate(mentions) if mention]
        training = [index for index, mention in enumerate(mentions) if not mention]
        if any({rows[index][0] for index in part} != {0, 1} for part in (training, test)):
            raise InputError(
                f"--subjects: the {len(test)} of {len(rows)} sentences that mention {subject!r}, and the others, must "
                "hold both labels; choose another subject"
            )
        parts.append((training, test))
    return parts


def near_copies(sentences: Sequence[str], overlap: float = 0.8) -> list[tuple[int, int]]:
    """The pairs of sentences, as indices with the smaller one first, that share more than `overlap` of their words.

    The overlap is Jaccard's index: how many different words are in both sentences, over how many are in either of them
    (words as `normalise` leaves them).

    Reference: Broder 1997, On the resemblance and containment of documents.
    """
    counter = CountVectorizer(preprocessor=normalise, tokenizer=str.split, token_pattern=None, binary=True)
    words = counter.fit_transform(sentences)  # 0 or 1 (sentences, vocabulary)
    sizes = words.sum(axis=1).A1  # different words of each sentence
    pairs = []
    for one in range(len(sentences)):
        others = slice(one + 1, None)
        shared = (words[others] @ words[one].T).toarray()[:, 0]  # words that each later sentence shares with this one
        index = shared / (sizes[others] + sizes[one] - shared)
        pairs += [(one, one + 1 + int(other)) for other in np.flatnonzero(index > overlap)]
    return pairs


def near_copy_groups(pairs: Sequence[tuple[int, int]], count: int) -> list[int]:
    """The group of each of `count` sentences, as the index of its first sentence.

    Near-copies are in one group, and so are near-copies of near-copies.
    """
    earlier = list(range(count))  # for each sentence an earlier one of its group; the first one names itself

    def first(index: int) -> int:
        while earlier[index] != index:
            index = earlier[index]
        return index

    for pair in pairs:
        one, other = sorted(first(index) for index in pair)
        earlier[other] = one
    return [first(index) for index in range(count)]


def grouped_folds(
    labels: list[int], pairs: Sequence[tuple[int, int]], count: int = 5
) -> list[tuple[list[int], list[int]]]:
    """The same as `folds`, but near-copies are kept together, in the training part or in the test part of a fold.

    Args:
        labels: 0 or 1 for each row.
        pairs: what `near_copies` found among the rows.

    Raises:
        InputError: the groups are too few or too large for both labels to be in each part of each fold.
    """
    groups = near_copy_groups(pairs, len(labels))
    labels_of_groups = set(zip(groups, labels, strict=True))
    parts = []
    if min(sum(label == each for _, each in labels_of_groups) for label in (0, 1)) >= count:
        splitter = StratifiedGroupKFold(count, shuffle=True, random_state=0)
        parts = [(train.tolist(), test.tolist()) for train, test in splitter.split(labels, labels, groups)]
    if not parts or any({labels[row] for row in rows} != {0, 1} for part in parts for rows in part):
        raise InputError(
            f"--protocol groups: {len(labels)} sentences in {len(set(groups))} groups of near-copies are too few, or "
            f"the groups too large, for {count} folds; choose another protocol"
        )
    return parts


def difference(first: Sequence, second: Sequence, splits: Sequence[tuple]) -> Difference:
    """By how much the mean accuracy over the splits of one model is above that of another; the unit is the sentence.

    Args:
        first, second: for each split, whether the model is right on each test row.
        splits: `(training rows, test rows)`.
    """
    tests = [test for _, test in splits]
    units = np.unique(np.concatenate(tests), return_inverse=True)[1]  # a sentence may be in several test parts
    weights = np.concatenate([np.full(len(test), 1 / len(test)) for test in tests])  # each split counts the same
    right = np.concatenate(first), np.concatenate(second), np.ones(len(units))
    return paired_bootstrap(*(np.bincount(units, weights * each) for each in right))


def inner_folds(labels) -> list[tuple[list[int], list[int]]]:
    """For each of the five folds one `(training, validation)` split of its training part; its test part is left out.

    One fifth validates, or one fourth where a label has only four rows in a training part.
    """
    splits = []
    for number, (training, _) in enumerate(folds(labels)):
        inner = [labels[index] for index in training]
        parts = folds(inner, min(5, inner.count(0), inner.count(1)))
        splits.append(tuple([training[index] for index in part] for part in parts[number % len(parts)]))
    return splits
