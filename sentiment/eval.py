"""Measure a run of the sentiment model by five-fold cross-validation.

    python sentiment/eval.py                        # the newest run
    python sentiment/eval.py --run runs/sentiment/NAME

Each of the run's five fold models is loaded and tested on the fifth of the sentences that it never saw. Below stands
a linear model on TF-IDF of words and word pairs, trained here and now on the same folds, and, labelled as leaking,
the accuracy that a random split of the raw file gives.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.data import deduplicate, folds, load_opinions
from common.summary import print_table
from common.training import check_corpus, load_model, open_run, run_script, write_json


@dataclass(frozen=True)
class Options:
    run: Path = Path("runs/sentiment/latest")  # run folder to evaluate
    data: str | None = None  # where the corpus is now, if not where training found it


def leaking_split(raw, seed):
    """A random 80/20 split of the raw rows, copies and all: what the classic script does. Returns train, test."""
    from sklearn.model_selection import train_test_split

    return train_test_split(raw, test_size=0.2, random_state=seed)


def predict(path: Path, sentences):
    """The probability that each sentence is positive, (sentences,), by the model saved at `path`."""
    from common.padding import predict_in_batches
    from sentiment.train import encode

    model, vocabularies = load_model(path)
    ids = [encode(sentence, vocabularies["words"]) for sentence in sentences]
    logits = np.concatenate(predict_in_batches(model.predict_on_batch, ids))  # (sentences,)
    return 1 / (1 + np.exp(-logits))


def evaluate(run: Path, raw, seed: int) -> dict:
    """Cross-validate the run's models on the raw rows, print the table, draw the pictures, return the figures."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import accuracy_score, f1_score
    from sklearn.pipeline import make_pipeline

    rows = deduplicate(raw)
    labels, sentences = np.array([label for label, _ in rows]), np.array([text for _, text in rows], dtype=object)
    probabilities, linear = np.zeros(len(rows)), np.zeros(len(rows), dtype=int)
    parts = folds(labels.tolist())
    for number, (training, test) in enumerate(parts, start=1):
        probabilities[test] = predict(run / f"fold-{number}.keras", sentences[test])
        baseline = make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression(C=10))
        linear[test] = baseline.fit(sentences[training], labels[training]).predict(sentences[test])
    ours = (probabilities >= 0.5).astype(int)

    def scores(score, predictions):
        each = [score(labels[test], predictions[test]) for _, test in parts]
        return float(np.mean(each)), float(np.std(each))

    leaked = leaking_split(raw, seed)[1]
    leaking = accuracy_score(
        [label for label, _ in leaked], predict(run / "leaking.keras", [text for _, text in leaked]) >= 0.5
    )

    accuracy, spread = scores(accuracy_score, ours)
    linear_accuracy, linear_spread = scores(accuracy_score, linear)
    majority, majority_spread = scores(accuracy_score, np.full(len(rows), int(labels.mean() >= 0.5)))
    f1 = scores(f1_score, ours)[0]
    print_table(
        ("model", "test on", "accuracy", "spread over folds", "F1"),
        [
            ("always the commoner label", "unseen sentences", majority, majority_spread, ""),
            (
                "TF-IDF, logistic regression",
                "unseen sentences",
                linear_accuracy,
                linear_spread,
                scores(f1_score, linear)[0],
            ),
            (f"this run ({run})", "unseen sentences", accuracy, spread, f1),
            ("LEAKING: random split of the raw file", "copies of training sentences", float(leaking), "", ""),
        ],
    )
    draw(run, labels, probabilities)
    return {
        "figure": "cv_accuracy",
        "cv_accuracy": accuracy,
        "cv_f1": f1,
        "leaking_accuracy": float(leaking),
        "baseline": {"name": "TF-IDF, logistic regression", "value": linear_accuracy},
    }


def draw(run, labels, probabilities):
    """Draw the learning curves of the main model, and ROC curve and confusion matrix of the cross-validation."""
    from sklearn.metrics import RocCurveDisplay

    from common import plots

    plots.learning_curves(run, ["loss", "accuracy"])
    figure, axis = plots.plt.subplots(figsize=(4.5, 4.5), layout="constrained")
    RocCurveDisplay.from_predictions(labels, probabilities, ax=axis, name="this run", plot_chance_level=True)
    axis.set(xlabel="false positive rate", ylabel="true positive rate")
    plots.save(figure, run / "roc.png")
    names = np.array(["negative", "positive"])
    predictions = (probabilities >= 0.5).astype(int)
    plots.confusion_matrix(names[labels], names[predictions], names, run / "confusion_matrix.png")


def main(options: Options) -> None:
    hyperparameters, metrics = open_run(options.run)
    raw, corpus = load_opinions(options.data or hyperparameters["data"])
    check_corpus(metrics, corpus)
    write_json(options.run / "metrics.json", metrics | evaluate(options.run, raw, metrics["seed"]))
    print(f"pictures and metrics.json are in {options.run}")


if __name__ == "__main__":
    run_script(main, Options)
