"""Ten models, trained on the same sentences, side by side (baselines.py says what they are).

    python sentiment/compare.py                          # all but `inner`
    python sentiment/compare.py --protocol folds
    python sentiment/compare.py --protocol inner --models network --epochs 12   # try a change of the default model

- **folds**: five-fold cross-validation on different sentences. Beside it the *leaking* accuracy that each model gets
  on a random split of the raw file, full of copies. Different sentences may still differ in one word: two more
  columns hold the accuracy on near-copies of a training sentence (Jaccard's index of their words above 0.8) and on
  the rest.
- **subjects**: nearly every sentence names one of four books and films. Train on those that do not mention one of them,
  test on those that do. What was memorised of a subject ("everybody praises this one") is worth nothing here.
- **groups**: the folds again, with near-copies kept together, in training or in the test.
- **inner**: the training part of each of the five folds is itself split in five; one fifth validates. The folds' test
  parts are not looked at. This is the protocol to choose hyperparameters by, with the logarithmic loss beside the
  accuracy, because it is less noisy.

The last column says by how much the accuracy of the last row is higher, with the 95 % interval, by a bootstrap over the
sentences (common/statistics.py).

The flags of train.py set the row `network`, so that a change can be tried; the other rows stay as they are.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Literal

import numpy as np

from common import InputError
from common.cli import run_script, start_tensorflow
from common.corpora import UMICH
from common.data import deduplicate, folds, load_opinions
from common.sample import SUBJECTS
from common.tables import print_table
from sentiment.train import PRESETS, Hyperparameters, for_raw_file

UMICH_SUBJECTS = "da vinci", "harry potter", "brokeback mountain", "mission impossible"
MODELS = (
    *("majority", "naive Bayes", "logistic regression", "SVM", "NB-SVM", "character SVM", "word + character SVM"),
    *("book's LSTM", "CNN", "network"),
)
WORD_SETTINGS = Hyperparameters(  # of the book's LSTM and the CNN, which read whole words
    minimum_count=2,
    vocabulary_size=8000,
    embedding_size=64,
    hidden_size=64,
    input_dropout=0.5,
    dropout=0.5,
    batch_size=128,
    learning_rate=0.008,
    epochs=10,
)


@dataclass(frozen=True)
class Options(Hyperparameters):
    protocol: Literal["folds", "subjects", "groups", "inner", "all"] = (
        "all"  # how the sentences are split; all: the first three
    )
    models: tuple[str, ...] = MODELS  # rows of the table
    subjects: tuple[str, ...] = ()  # to leave out, one after another; by default those of the corpus

    def __post_init__(self):
        super().__post_init__()
        if not self.models:
            raise InputError(f"--models: name at least one of {', '.join(MODELS)}")
        unknown = [name for name in self.models if name not in MODELS]
        if unknown:
            raise InputError(f"--models: there is no {unknown[0]!r}; there are {', '.join(MODELS)}")


def right_and_losses(predict: Callable, rows, training, test) -> tuple[np.ndarray, np.ndarray]:
    """Whether a model is right on each test row, and its logarithmic loss there, in nats: both (test rows,).

    Args:
        predict: trains on rows `(label, sentence)`; returns the probability that each of some sentences is positive.
        training, test: indices of `rows`.
    """
    probabilities = predict([rows[index] for index in training], [rows[index][1] for index in test])
    labels = np.array([rows[index][0] for index in test])
    losses = -np.log(np.clip(np.where(labels, probabilities, 1 - probabilities), 1e-7, None))
    return (probabilities >= 0.5) == labels, losses


def have_near_copies(splits, pairs) -> np.ndarray:
    """For each test row of the folds, one fold after the other, whether a near-copy of it is in another fold."""
    fold_of = {row: number for number, (_, test) in enumerate(splits) for row in test}
    found = {row for pair in pairs if fold_of[pair[0]] != fold_of[pair[1]] for row in pair}
    return np.array([row in found for row in fold_of])


def leaking_accuracy(predict: Callable, leaking) -> float:
    """The accuracy on the test part of `leaking`, a random split `(training, test)` of the raw rows."""
    training, test = leaking
    probabilities = predict(training, [sentence for _, sentence in test])
    return float(np.mean((probabilities >= 0.5) == np.array([label for label, _ in test])))


def compare(protocol, rows, splits, leaking, near, options, train_and_predict) -> tuple[list, list]:
    """Train every model on the splits of one protocol; returns the rows of the table, and for each row and each split
    whether the model was right on each test row.

    Args:
        rows: the different sentences, `(label, sentence)`.
        splits: pairs of indices of `rows`, `(training, test)`.
        leaking: a random split of the raw rows, for the folds.
        near: what `have_near_copies` says of the test rows of the folds.
        train_and_predict: that of baselines.py.
    """
    table, right_of = [], []
    for name in options.models:
        print(f"{protocol}: {name}", flush=True)
        settings = options if name == "network" else replace(WORD_SETTINGS, seed=options.seed)
        predict = partial(train_and_predict, name, settings)
        results = [right_and_losses(predict, rows, *split) for split in splits]
        right_of.append([right for right, _ in results])
        accuracies = [float(right.mean()) for right in right_of[-1]]
        table.append([name, float(np.mean(accuracies)), float(np.std(accuracies))])
        if protocol == "subjects":
            table[-1] += accuracies
        elif protocol == "inner":
            table[-1].append(float(np.mean([losses.mean() for _, losses in results])))
        elif protocol == "folds":
            predict_raw = partial(train_and_predict, name, for_raw_file(settings))
            right = np.concatenate(right_of[-1])
            table[-1].append(leaking_accuracy(predict_raw, leaking))
            table[-1] += [float(right[part].mean()) if part.any() else "" for part in (near, ~near)]
    return table, right_of


def main(options: Options) -> None:
    raw, _, corpus = load_opinions(options.data, options.tokenizer)
    subjects = options.subjects or {
        UMICH.name: UMICH_SUBJECTS,
        "generated sample": tuple(subject.strip() for subject in SUBJECTS.split("|")),
    }.get(corpus["name"], ())
    if options.protocol == "subjects" and not subjects:
        raise InputError("name the subjects of your sentences: --subjects tea coffee")

    from sentiment.splits import difference, grouped_folds, inner_folds, leaking_split, near_copies, subject_folds

    rows = deduplicate(raw)
    labels = [label for label, _ in rows]
    pairs = near_copies([sentence for _, sentence in rows])
    splits = {"folds": folds(labels), "subjects": subject_folds(rows, subjects)}  # they complain before any training
    if options.protocol in ("groups", "all"):
        splits["groups"] = grouped_folds(labels, pairs)
    if options.protocol == "inner":
        splits["inner"] = inner_folds(labels)
    near = have_near_copies(splits["folds"], pairs)

    start_tensorflow(options)
    from sentiment.baselines import train_and_predict

    headers = {
        "folds": ("different sentences", "accuracy", "spread", "LEAKING", "near copies", "the rest"),
        "subjects": ("one subject left out", "accuracy", "spread", *subjects),
        "groups": ("near copies together", "accuracy", "spread"),
        "inner": ("inner validation", "accuracy", "spread", "loss"),
    }
    for protocol in ("folds", "subjects", "groups") if options.protocol == "all" else (options.protocol,):
        if protocol == "subjects" and not subjects:
            print("the subjects of these sentences are not known; name them, as in --subjects tea coffee\n")
            continue
        leaking = leaking_split(raw, options.seed)
        table, right_of = compare(protocol, rows, splits[protocol], leaking, near, options, train_and_predict)
        for row, right in zip(table[:-1], right_of, strict=False):
            row.append(difference(right_of[-1], right, splits[protocol]))
        table[-1].append("")
        print()
        print_table((*headers[protocol], f"{options.models[-1]} - this row (95 % interval)"), table)
        if protocol == "folds":
            print(
                f"{near.sum()} of {len(near)} test sentences are near-copies of a training sentence: of the words of "
                "the two, more than 0.8 are in both"
            )
        print(flush=True)


if __name__ == "__main__":
    run_script(main, Options, {name: Options(**asdict(preset)) for name, preset in PRESETS.items()})
