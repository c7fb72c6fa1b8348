"""The pictures of train.py, masking.py and topologies.py."""

import numpy as np

from common import plots
from toy_sequence.sequences import alternating


def learning_curves(run):
    """Loss and accuracy by epoch: `learning_curves.png`."""
    plots.learning_curves(run, ["loss", "masked_accuracy"])


def draw_output(axis, logits):
    """Draw the alternating target, and the probability of [0, 1] that logits (time, 2) give it, by soft-max."""
    steps = np.arange(len(logits))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    axis.step(steps, alternating(len(steps)), where="mid", color="lightgrey", linewidth=4, label="target")
    axis.plot(probabilities[:, 1], marker=".", label="output: probability of [0, 1]")
    axis.set(ylim=(-0.1, 1.1))


def target_and_output(logits, path, steps=40):
    """Target and output over time, a dict by model of logits (time, 2): before training and after."""
    figure, axes = plots.plt.subplots(len(logits), 1, figsize=(8, 6), sharex=True, layout="constrained")
    for axis, (label, of_model) in zip(axes, logits.items(), strict=True):
        draw_output(axis, of_model[:steps])
        axis.set(title=label)
    axes[0].legend(loc="upper right")
    axes[-1].set(xlabel="step")
    plots.save(figure, path)


def masking(models, rows, path, steps=40, real=20):
    """The accuracies by epoch, and what both models say to noise that ends after `real` steps, and to zeros."""
    figure, axes = plots.plt.subplots(2, 3, figsize=(13, 5), width_ratios=(1, 1.3, 1.3), layout="constrained")
    noise = np.random.default_rng(0).random((1, steps, 1), dtype="float32")
    noise[:, real:] = 0
    for line, (way, model) in zip(axes, models.items(), strict=True):
        for values, label in zip(rows[way].T[[0, 2, 4]], ("padding counted", "real steps", "zeros"), strict=True):
            line[0].plot(range(1, len(values) + 1), values, marker=".", label=label)
        line[0].set(title=f"{way}: accuracy", xlabel="epoch", ylim=(0, 1.05))
        line[0].xaxis.get_major_locator().set_params(integer=True)
        titles = (f"{way}: {real} steps of noise, then padding", f"{way}: zeros")
        for axis, inputs, title in zip(line[1:], (noise, np.zeros_like(noise)), titles, strict=True):
            draw_output(axis, model(inputs).numpy()[0])
            axis.set(title=title, xlabel="step")
        line[1].axvspan(real - 0.5, steps - 0.5, color="white", alpha=0.8)
    axes[0, 0].legend(loc="lower right")
    figure.legend(*axes[0, 2].get_legend_handles_labels(), loc="outside lower right", ncols=2)
    plots.save(figure, path)


def topologies(accuracies, path):
    """The accuracy of each topology by epoch, beside that of the network without what makes it special."""
    figure, axes = plots.plt.subplots(2, 3, figsize=(10, 5.5), sharex=True, sharey=True, layout="constrained")
    for axis, title in zip(axes.flat, (name for name in accuracies if ":" not in name), strict=True):
        for name, values in accuracies.items():
            if name.split(":")[0] == title:
                _, _, contrast = name.partition(": ")
                axis.plot(range(1, len(values) + 1), values, marker=".", label=contrast or title)
        axis.set(title=title, ylim=(0, 1.05))
        axis.xaxis.get_major_locator().set_params(integer=True)
        if len(axis.lines) > 1:
            axis.legend(loc="lower right")
    axes[1, 1].set_xlabel("epoch")
    for axis in axes[:, 0]:
        axis.set_ylabel("accuracy, new sequences")
    plots.save(figure, path)
