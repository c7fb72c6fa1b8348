"""Measure a trained tagger on the last fifth of the sentences, and show where it errs.

    python pos_tagging/eval.py                          # the newest run
    python pos_tagging/eval.py --run runs/pos_tagging/NAME

Accuracy is the share of real words with the right tag. The table also has the accuracy on unseen words (those that
occur nowhere before the test part), the share of sentences without any error, and, as a warning, what the book's way of
counting gives: every sentence padded to 250 steps, and every padded step counted as a right answer. The baseline is a
conditional random field, the strongest classical tagger of baselines.py, trained in the same command on the sentences
that the network has learned from. Below the table comes the difference in token accuracy, with its 95 % interval by a
bootstrap over the sentences. compare.py has more taggers.

Then come precision, recall and F1 of every tag, and the commonest errors with a sentence for each. The figures:
learning curves, confusion matrix, and accuracy by the length of the sentence and by how often a word was seen.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.cli import Count, Flags, run_script, start_tensorflow
from common.data import load_tagged_sentences, split_sentences
from common.runs import check_corpus, open_run
from common.saving import load_model, read_json, write_json
from common.statistics import Difference, paired_bootstrap
from common.tables import print_table

CLASSIC_STEPS = 250  # the length that the book's script pads to
HEADER = ("model", "token accuracy", "unseen words", "whole sentences", f"padded to {CLASSIC_STEPS} (misleading)")


@dataclass(frozen=True)
class Options(Flags):
    run: Path = Path("runs/pos_tagging/latest")  # run folder to evaluate
    data: str | None = None  # where the corpus is now, if not where training found it
    errors: Count = 20  # how many kinds of errors to list


def mark(test, predicted) -> list[list[bool]]:
    """Whether each word has the right tag; the arguments are those of `measure`."""
    return [
        [tag == prediction for (_, tag), prediction in zip(*pair, strict=True)]
        for pair in zip(test, predicted, strict=True)
    ]


def difference(test, first, second) -> Difference:
    """By how much the token accuracy of the tags `first` is above that of `second`; the unit is the sentence."""
    right = ([sum(hits) for hits in mark(test, predicted)] for predicted in (first, second))
    return paired_bootstrap(*right, list(map(len, test)))


def measure(test, predicted, known_words) -> dict:
    """The metrics of a tagger, in the order of `HEADER`.

    Args:
        test: sentences, lists of `(word, tag)`.
        predicted: lists of tags, one a sentence.
        known_words: the set of words that occur before the test part.
    """
    right = mark(test, predicted)
    flat = np.concatenate(right)
    unseen = np.array([word not in known_words for sentence in test for word, _ in sentence])
    # The book's way: each sentence is cut or padded to 250 steps, and the padded ones all count as right.
    padded = sum(sum(hits[:CLASSIC_STEPS]) + max(0, CLASSIC_STEPS - len(hits)) for hits in right)
    return {
        "token_accuracy": float(flat.mean()),
        "unseen_word_accuracy": float(flat[unseen].mean()) if unseen.any() else None,
        "sentence_accuracy": float(np.mean([all(hits) for hits in right])),
        "padded_accuracy": float(padded / (CLASSIC_STEPS * len(test))),
    }


def print_errors(test, predicted, most):
    """Print the `most` commonest confusions of tags, with a sentence for each."""
    examples = defaultdict(list)  # (true tag, predicted tag) -> where it happened
    for sentence, tags in zip(test, predicted, strict=True):
        words = [word for word, _ in sentence]
        for place, ((word, tag), prediction) in enumerate(zip(sentence, tags, strict=True)):
            if tag != prediction:
                around = [*words[max(0, place - 6) : place], f"[{word}]", *words[place + 1 : place + 6]]
                examples[tag, prediction].append(" ".join(around))
    rows = sorted(examples.items(), key=lambda item: -len(item[1]))[:most]
    print_table(("is", "taken for", "times", "such as"), [(*pair, len(found), found[0]) for pair, found in rows])
    print()


def evaluate(run: Path, sentences, errors: int = 0) -> dict:
    """Measure `run/model.keras` on the test part, print the table, draw the figures, return the metrics.

    Args:
        errors: how many kinds of errors to list below, after the scores of each tag; 0 for neither.
    """
    from sklearn.metrics import classification_report

    import pos_tagging.model  # noqa: F401 - registers the layers
    from common.plots import learning_curves
    from pos_tagging import figures
    from pos_tagging.baselines import crf
    from pos_tagging.tagger import tag_sentences

    training, validation, test = split_sentences(sentences)
    before = training + validation
    known_words = {word for sentence in before for word, _ in sentence}
    words = [[word for word, _ in sentence] for sentence in test]
    tagged = tag_sentences(*load_model(run / "model.keras"), words)
    predicted = [[tag for tag, _ in row] for row in tagged]

    print("training a conditional random field for comparison ...", flush=True)
    learned = training if read_json(run / "hyperparameters.json")["validate"] else before
    commonest = Counter(tag for sentence in learned for _, tag in sentence).most_common(1)[0][0]
    always = [[commonest] * len(sentence) for sentence in test]
    by_crf = crf(learned, words)
    ours, baseline = (measure(test, tags, known_words) for tags in (predicted, by_crf))
    rows = {f"always {commonest}": measure(test, always, known_words), "CRF": baseline, f"this run ({run})": ours}
    print_table(HEADER, [(name, *metrics.values()) for name, metrics in rows.items()])
    above_crf = difference(test, predicted, by_crf)
    print(f"\ntoken accuracy, this run - CRF (95 % interval): {above_crf}")

    if errors:
        flat = [[tag for _, tag in sentence] for sentence in test], predicted
        print("\n" + classification_report(*map(np.concatenate, flat), digits=3, zero_division=0))
        print_errors(test, predicted, errors)
    learning_curves(run, ["loss", "masked_accuracy"])
    figures.draw_confusion(test, predicted, run / "confusion_matrix.png")
    figures.draw_accuracy(before, test, predicted, run / "accuracy.png")
    return {
        "metric": "token_accuracy",
        **ours,
        "baseline": {"name": "CRF", "value": baseline["token_accuracy"]},
        "difference_to_baseline": above_crf._asdict(),
    }


def main(options: Options) -> None:
    hyperparameters, metrics = open_run(options.run)
    sentences, corpus = load_tagged_sentences(options.data or hyperparameters["data"])
    check_corpus(metrics, corpus)
    start_tensorflow()
    write_json(options.run / "metrics.json", metrics | evaluate(options.run, sentences, options.errors))
    print(f"metrics.json and the figures are in {options.run}")


if __name__ == "__main__":
    run_script(main, Options)
