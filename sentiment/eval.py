"""Measure a run of the sentiment model by five-fold cross-validation.

    python sentiment/eval.py                        # the newest run
    python sentiment/eval.py --run runs/sentiment/NAME

Each of the run's five fold models is tested on the fifth of the sentences that it never saw. The other rows of the
table are there to compare with: the majority class, and five linear models, trained on the same folds (baselines.py
says what they are). The strongest of them is the baseline. Which one that is, the inner protocol of compare.py says: it
splits the training parts of the folds, and does not look at their test parts. One more row is the mean of its
probabilities and the run's. The row LEAKING shows the accuracy on a random split of the raw file. Below the table come
the difference in accuracy to the baseline, with its 95 % interval by a bootstrap over the sentences, and the run's most
confident errors.

Figures in the run folder: `roc.png`; `calibration.png`: of the sentences with a probability of about 0.8, are 80 %
positive? (the *expected calibration error* is the mean distance from that); `sentences.png`: the vectors of the
sentences before the last layer, in two dimensions; `confusion_matrix.png`; `learning_curves.png`.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.cli import Flags, run_script, start_tensorflow
from common.data import deduplicate, folds, load_opinions, normalise
from common.runs import check_corpus, open_run
from common.saving import write_json
from common.tables import print_table
from common.tokenizer import BOUNDARY

MAX_ERRORS = 10  # to print


@dataclass(frozen=True)
class Options(Flags):
    run: Path = Path("runs/sentiment/latest")  # run folder to evaluate
    data: str | None = None  # where the corpus is now, if not where training found it


def evaluate(run: Path, raw, names, seed: int) -> dict:
    """Cross-validate the run's models on the raw rows, print the tables, draw the figures, return the metrics."""
    from common import plots
    from sentiment import figures, scoring
    from sentiment.baselines import strongest_linear
    from sentiment.model import predict
    from sentiment.splits import difference, leaking_split

    rows = deduplicate(raw)
    labels, sentences = np.array([label for label, _ in rows]), np.array([text for _, text in rows], dtype=object)
    parts = folds(labels.tolist())
    classifiers = [scoring.load_classifier(run / f"fold-{number + 1}.keras") for number in range(len(parts))]
    probabilities, linear = scoring.predict_unseen(classifiers, parts, labels, sentences)
    baseline = strongest_linear(labels, sentences)
    majority = np.full(len(rows), round(labels.mean()))

    leaking_labels, leaking_sentences = zip(*leaking_split(raw, seed)[1], strict=True)
    leaking_probabilities = predict(*scoring.load_classifier(run / "leaking.keras"), leaking_sentences)
    leaking = scoring.accuracy(leaking_labels, leaking_probabilities)

    accuracy, spread, f1 = scoring.fold_scores(labels, probabilities, parts)
    linear_scores = {name: scoring.fold_scores(labels, each, parts) for name, each in linear.items()}
    mean_scores = scoring.fold_scores(labels, (probabilities + linear[baseline]) / 2, parts)
    print_table(
        ("model", "tested on", "accuracy", "spread over folds", "F1"),
        [
            ("majority class", "unseen sentences", *scoring.fold_scores(labels, majority, parts)[:2], ""),
            *((name, "unseen sentences", *scores) for name, scores in linear_scores.items()),
            (f"this run ({run})", "unseen sentences", accuracy, spread, f1),
            (f"mean of this run and {baseline}", "unseen sentences", *mean_scores),
            ("LEAKING: random split of the raw file", "copies of training sentences", leaking, "", ""),
        ],
    )
    right, baseline_right = (
        [(each[test] >= 0.5) == labels[test] for _, test in parts] for each in (probabilities, linear[baseline])
    )
    above = difference(right, baseline_right, parts)
    print(f"\nThe {baseline} is the strongest linear model by the inner protocol.")
    print(f"accuracy, this run - {baseline} (95 % interval): {above}")
    whole = {normalise(text): text.replace(BOUNDARY, "") for _, text in raw if BOUNDARY in text}  # as they were written
    print_errors(labels, [whole.get(text, text) for text in sentences], probabilities, names)
    error = scoring.calibration_error(labels, probabilities)
    print(f"\nexpected calibration error {error:.4f}")

    plots.learning_curves(run, ["loss", "accuracy"])
    true, predicted = np.array(names)[labels], np.array(names)[(probabilities >= 0.5).astype(int)]
    plots.confusion_matrix(true, predicted, names, run / "confusion_matrix.png")
    figures.draw_roc(labels, probabilities, run / "roc.png")
    figures.draw_calibration(labels, probabilities, error, names[1], run / "calibration.png")
    figures.draw_sentences(*classifiers[0], rows, parts[0], names, run / "sentences.png")
    return {
        "metric": "cv_accuracy",
        "cv_accuracy": accuracy,
        "cv_spread": spread,
        "cv_f1": f1,
        "cv_accuracy_with_linear": mean_scores[0],
        "calibration_error": error,
        "leaking_accuracy": leaking,
        "baseline": {"name": baseline, "value": linear_scores[baseline][0]},
        "difference_to_baseline": above._asdict(),
    }


def print_errors(labels, sentences, probabilities, names) -> None:
    """Print the `MAX_ERRORS` most confident errors: wrong predictions with the highest probabilities."""
    of_wrong_label = np.abs(probabilities - labels)  # above 0.5: an error
    worst = [index for index in of_wrong_label.argsort()[::-1][:MAX_ERRORS] if of_wrong_label[index] > 0.5]
    print("\nmost confident errors")
    print_table(
        ("predicted", "probability", "true", "sentence"),
        [(names[1 - labels[k]], float(of_wrong_label[k]), names[labels[k]], sentences[k][:100]) for k in worst],
    )


def main(options: Options) -> None:
    hyperparameters, metrics = open_run(options.run)
    raw, names, corpus = load_opinions(options.data or hyperparameters["data"], hyperparameters.get("tokenizer"))
    check_corpus(metrics, corpus)
    start_tensorflow()
    write_json(options.run / "metrics.json", metrics | evaluate(options.run, raw, names, metrics["seed"]))
    print(f"figures and metrics.json are in {options.run}")


if __name__ == "__main__":
    run_script(main, Options)
