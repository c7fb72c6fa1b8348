"""The figures of eval.py, each a PNG file in the run folder."""

from pathlib import Path

import keras
import numpy as np
from sklearn.calibration import CalibrationDisplay
from sklearn.decomposition import PCA
from sklearn.metrics import RocCurveDisplay

from common import plots
from common.prediction import predict_in_batches
from sentiment.scoring import BINS


def draw_roc(labels, probabilities, path: Path) -> None:
    """Draw the ROC curve: true positives against false positives, for every threshold."""
    figure, axis = plots.plt.subplots(figsize=(4.5, 4.5), layout="constrained")
    RocCurveDisplay.from_predictions(labels, probabilities, ax=axis, name="this run", plot_chance_level=True)
    axis.set(xlabel="false positive rate", ylabel="true positive rate")
    plots.save(figure, path)


def draw_calibration(labels, probabilities, error: float, positive: str, path: Path) -> None:
    """Draw the share of positive sentences against the probability predicted, and below it how often that is predicted.

    Args:
        error: the expected calibration error, for the legend.
        positive: the name of the positive label.
    """
    figure, (above, below) = plots.plt.subplots(
        2, sharex=True, figsize=(4.5, 5.5), height_ratios=(3, 1), layout="constrained"
    )
    name = f"this run, error {error:.3f}"
    CalibrationDisplay.from_predictions(labels, probabilities, n_bins=BINS, ax=above, name=name)
    above.set(xlabel="", ylabel=f"share of {positive} sentences")
    below.hist(probabilities, np.linspace(0, 1, BINS + 1), edgecolor="white")
    below.set(xlabel=f"probability of {positive}", ylabel="sentences", yscale="log", ylim=(0.8, None))
    plots.save(figure, path)


def draw_sentences(model, encode, rows, part, names, path: Path) -> None:
    """Draw the vectors of the sentences in one fold's model, training and test, on their two main axes.

    Args:
        model, encode: the fold's model and encoder. Of an ensemble, the first member is shown.
        rows: `(label, sentence)`.
        part: the fold, `(training rows, test rows)`.
        names: of the labels.
    """
    member = next((layer for layer in model.layers if isinstance(layer, keras.Model)), model)
    reader = keras.Model(member.inputs, member.get_layer("sentence").output)
    vectors = predict_in_batches(reader.predict_on_batch, [encode(sentence) for _, sentence in rows])
    axes = PCA(2).fit([vectors[index] for index in part[0]])
    figure, panels = plots.plt.subplots(1, 2, sharex=True, sharey=True, figsize=(9, 4.2), layout="constrained")
    for panel, indices, title in zip(panels, part, ("seen in training", "not seen"), strict=True):
        for label, color in ((0, "tab:red"), (1, "tab:blue")):
            points = axes.transform([vectors[index] for index in indices if rows[index][0] == label])
            panel.scatter(*points.T, s=9, alpha=0.6, color=color, label=names[label])
        panel.set(title=f"{len(indices)} sentences {title}", xlabel="first principal component")
    panels[0].set_ylabel("second principal component")
    panels[1].legend()
    plots.save(figure, path)
