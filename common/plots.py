"""The figures that several tasks draw, each saved as a PNG file in the run folder."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # draw into files; no window, so that it works without a screen
from matplotlib import font_manager
from matplotlib import pyplot as plt

from common import InputError

# Kana and kanji are drawn with the font of this package, and all else as ever. It is looked for and not
# imported, which would draw everything with it. Where it is missing, as on Colab, there are boxes.
if package := find_spec("matplotlib_fontja"):
    font_manager.fontManager.addfont(Path(package.origin).with_name("fonts") / "ipaexg.ttf")
    plt.rcParams["font.family"] = ["sans-serif", "IPAexGothic"]


def learning_curves(run: Path, metrics: Sequence[str]) -> None:
    """Draw every metric of `history.csv`, on training and on validation, by epoch: `learning_curves.png`."""
    try:
        with open(run / "history.csv", newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        curves = {name: [float(row[name]) for row in rows] for name in (rows[0] if rows else ())}
        epochs = [int(epoch) + 1 for epoch in curves.get("epoch", ())]
    except (TypeError, ValueError, OverflowError, csv.Error) as error:
        raise InputError(f"{run / 'history.csv'} is damaged ({error}); train again") from None
    if not {"epoch", *metrics} <= curves.keys():
        raise InputError(f"{run / 'history.csv'} is damaged: it must have epoch, {', '.join(metrics)}; train again")
    figure, axes = plt.subplots(1, len(metrics), figsize=(5 * len(metrics), 3.5), squeeze=False, layout="constrained")
    for axis, metric in zip(axes[0], metrics, strict=True):
        for column, label in ((metric, "training"), (f"val_{metric}", "validation")):
            if column in curves:  # there is none on validation if nothing was set aside
                axis.plot(epochs, curves[column], marker=".", label=label)
        axis.set(xlabel="epoch", ylabel=metric.replace("_", " "))
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.legend()
    save(figure, run / "learning_curves.png")


def confusion_matrix(targets: Sequence, predictions: Sequence, labels: Sequence, path: Path) -> None:
    """Draw how often each label (row) was taken for which (column)."""
    from sklearn.metrics import ConfusionMatrixDisplay

    size = 3 + 0.35 * len(labels)
    figure, axis = plt.subplots(figsize=(size + 0.6, size), layout="constrained")
    display = ConfusionMatrixDisplay.from_predictions(
        targets, predictions, labels=labels, ax=axis, cmap="Blues", colorbar=False, xticks_rotation="vertical"
    )
    display.ax_.set(xlabel="predicted", ylabel="true")
    save(figure, path)


def save(figure: plt.Figure, path: Path) -> None:
    """Save a figure and close it."""
    figure.savefig(path, dpi=110)
    plt.close(figure)
