"""Measure a run of the sentiment model by five-fold cross-validation.

    python sentiment/eval.py                        # the newest run
    python sentiment/eval.py --run runs/sentiment/NAME

Each of the run's five fold models is loaded and tested on the fifth of the sentences that it never saw. Below stands
a linear model on TF-IDF of words and word pairs, trained here and now on the same folds; what the mean of both
probabilities gives; and, labelled as leaking, the accuracy that a random split of the raw file gives. After that come
the mistakes that the run was surest of.

Pictures in the run folder: `roc.png`; `calibration.png`, of the sentences that got a probability of about 0.8, are
80 % positive? (the mean distance from that, weighted by the number of sentences, is the *expected calibration error*);
`sentences.png`, what the last layer sees, squeezed into two dimensions; `confusion_matrix.png`; `learning_curves.png`.

References: Guo et al. 2017, On calibration of modern neural networks.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.cli import Flags, run_script
from common.data import deduplicate, folds, load_opinions
from common.runs import check_corpus, open_run
from common.saving import load_model, write_json
from common.tables import print_table
from sentiment.pieces import make_encoder

BINS = 10  # of probability, for the calibration
SHOWN = 10  # mistakes


@dataclass(frozen=True)
class Options(Flags):
    run: Path = Path("runs/sentiment/latest")  # run folder to evaluate
    data: str | None = None  # where the corpus is now, if not where training found it


def leaking_split(raw, seed):
    """A random 80/20 split of the raw rows, copies and all: what the classic script does. Returns train, test."""
    from sklearn.model_selection import train_test_split

    return train_test_split(raw, test_size=0.2, random_state=seed)


def predict(model, vocabulary, sentences) -> np.ndarray:
    """The probability that each sentence is positive, (sentences,)."""
    from common.prediction import predict_in_batches

    encode = make_encoder(vocabulary)
    logits = np.concatenate(predict_in_batches(model.predict_on_batch, [encode(sentence) for sentence in sentences]))
    return 1 / (1 + np.exp(-logits.astype("float64")))


def predict_saved(path: Path, sentences) -> np.ndarray:
    """The same, by the model saved at `path`."""
    model, vocabularies = load_model(path)
    return predict(model, vocabularies["tokens"], sentences)


def linear_model():
    """Logistic regression on TF-IDF of words and word pairs, not trained."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    return make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression(C=10))


def calibration(labels, probabilities):
    """What stands in `calibration.png`.

    Returns:
        For each of `BINS` equal bins of probability that holds a sentence, (mean probability, share of positive ones,
        number of sentences); and the expected calibration error, the mean over all sentences of the distance between
        the first two.
    """
    bins = np.minimum((probabilities * BINS).astype(int), BINS - 1)
    found = np.array([(probabilities[bins == k].mean(), labels[bins == k].mean(), sum(bins == k)) for k in set(bins)])
    found = found[found[:, 0].argsort()]
    return found, float(np.average(np.abs(found[:, 0] - found[:, 1]), weights=found[:, 2]))


def evaluate(run: Path, raw, names, seed: int) -> dict:
    """Cross-validate the run's models on the raw rows, print the table, draw the pictures, return the figures."""
    from sklearn.metrics import accuracy_score, f1_score

    rows = deduplicate(raw)
    labels, sentences = np.array([label for label, _ in rows]), np.array([text for _, text in rows], dtype=object)
    probabilities, linear = np.zeros(len(rows)), np.zeros(len(rows))
    parts = folds(labels.tolist())
    for number, (training, test) in enumerate(parts, start=1):
        probabilities[test] = predict_saved(run / f"fold-{number}.keras", sentences[test])
        baseline = linear_model().fit(sentences[training], labels[training])
        linear[test] = baseline.predict_proba(sentences[test])[:, 1]

    def scores(probabilities, score=accuracy_score):
        each = [score(labels[test], probabilities[test] >= 0.5) for _, test in parts]
        return float(np.mean(each)), float(np.std(each))

    leaked_labels, leaked = zip(*leaking_split(raw, seed)[1], strict=True)
    leaking = float(accuracy_score(leaked_labels, predict_saved(run / "leaking.keras", leaked) >= 0.5))

    def row(name, probabilities):
        return name, "unseen sentences", *scores(probabilities), scores(probabilities, f1_score)[0]

    print_table(
        ("model", "test on", "accuracy", "spread over folds", "F1"),
        [
            (*row("always the commoner label", np.full(len(rows), labels.mean()))[:-1], ""),
            row("TF-IDF, logistic regression", linear),
            row(f"this run ({run})", probabilities),
            row("mean of the two above", (probabilities + linear) / 2),
            ("LEAKING: random split of the raw file", "copies of training sentences", leaking, "", ""),
        ],
    )
    wrong = np.abs(probabilities - labels)  # above 0.5: a mistake
    surest = [index for index in wrong.argsort()[::-1][:SHOWN] if wrong[index] > 0.5]
    print("\nthe surest mistakes, with the probability of what was said")
    print_table(
        ("said", "probability", "true", "sentence"),
        [(names[1 - labels[k]], float(wrong[k]), names[labels[k]], sentences[k][:100]) for k in surest],
    )
    accuracy = scores(probabilities)[0]
    error = draw(run, rows, parts[0], probabilities, names)
    print(f"\nexpected calibration error {error:.4f}")
    return {
        "figure": "cv_accuracy",
        "cv_accuracy": accuracy,
        "cv_spread": scores(probabilities)[1],
        "cv_f1": scores(probabilities, f1_score)[0],
        "cv_accuracy_with_linear": scores((probabilities + linear) / 2)[0],
        "calibration_error": error,
        "leaking_accuracy": leaking,
        "baseline": {"name": "TF-IDF, logistic regression", "value": scores(linear)[0]},
    }


def draw(run, rows, first_fold, probabilities, names) -> float:
    """Draw the pictures that the top of the file names, and return the expected calibration error."""
    from sklearn.metrics import RocCurveDisplay

    from common import plots

    labels = np.array([label for label, _ in rows])
    plots.learning_curves(run, ["loss", "accuracy"])
    figure, axis = plots.plt.subplots(figsize=(4.5, 4.5), layout="constrained")
    RocCurveDisplay.from_predictions(labels, probabilities, ax=axis, name="this run", plot_chance_level=True)
    axis.set(xlabel="false positive rate", ylabel="true positive rate")
    plots.save(figure, run / "roc.png")
    said = np.array(names)[(probabilities >= 0.5).astype(int)]
    plots.confusion_matrix(np.array(names)[labels], said, names, run / "confusion_matrix.png")

    found, error = calibration(labels, probabilities)
    figure, (above, below) = plots.plt.subplots(
        2, sharex=True, figsize=(4.5, 5.5), height_ratios=(3, 1), layout="constrained"
    )
    above.plot([0, 1], [0, 1], "k--", label="perfectly calibrated")
    above.plot(found[:, 0], found[:, 1], marker="o", label=f"this run, error {error:.3f}")
    above.set(ylabel=f"share of {names[1]} sentences")
    above.legend()
    below.hist(probabilities, np.linspace(0, 1, BINS + 1), edgecolor="white")
    below.set(xlabel=f"probability of {names[1]}", ylabel="sentences", yscale="log", ylim=(0.8, None))
    plots.save(figure, run / "calibration.png")
    draw_sentences(run, rows, first_fold, names)
    return error


def draw_sentences(run, rows, first_fold, names):
    """Draw the vectors of the sentences in the first fold's model, training and test, on their two main axes."""
    import keras
    from sklearn.decomposition import PCA

    from common import plots
    from common.prediction import predict_in_batches

    model, vocabularies = load_model(run / "fold-1.keras")
    member = next((layer for layer in model.layers if isinstance(layer, keras.Model)), model)  # the first of several
    reader = keras.Model(member.inputs, member.get_layer("sentence").output)
    encode = make_encoder(vocabularies["tokens"])
    vectors = predict_in_batches(reader.predict_on_batch, [encode(sentence) for _, sentence in rows])
    training, test = first_fold
    axes = PCA(2).fit([vectors[index] for index in training])
    figure, panels = plots.plt.subplots(1, 2, sharex=True, sharey=True, figsize=(9, 4.2), layout="constrained")
    for panel, part, title in zip(panels, (training, test), ("seen in training", "not seen"), strict=True):
        for label, color in ((0, "tab:red"), (1, "tab:blue")):
            points = axes.transform([vectors[index] for index in part if rows[index][0] == label])
            panel.scatter(*points.T, s=9, alpha=0.6, color=color, label=names[label])
        panel.set(title=f"{len(part)} sentences {title}", xlabel="first principal component")
    panels[0].set_ylabel("second principal component")
    panels[1].legend()
    plots.save(figure, run / "sentences.png")


def main(options: Options) -> None:
    hyperparameters, metrics = open_run(options.run)
    raw, names, corpus = load_opinions(options.data or hyperparameters["data"])
    check_corpus(metrics, corpus)
    write_json(options.run / "metrics.json", metrics | evaluate(options.run, raw, names, metrics["seed"]))
    print(f"pictures and metrics.json are in {options.run}")


if __name__ == "__main__":
    run_script(main, Options)
