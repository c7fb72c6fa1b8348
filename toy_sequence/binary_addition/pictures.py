"""The pictures of the three lessons on binary addition."""

import numpy as np

from common import plots


def loss_and_carry(losses, correlations, interval, path):
    """The loss by iteration, and how closely each unit follows the carry."""
    figure, axes = plots.plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
    axes[0].plot(np.arange(1, len(losses) + 1) * interval, losses)
    axes[0].set(xlabel="iteration", ylabel="loss of a sum", ylim=(0, None))
    axes[1].bar(range(len(correlations)), correlations)
    axes[1].set(xlabel="hidden unit", ylabel="correlation with the carry", ylim=(-1, 1))
    plots.save(figure, path)


def loss_by_setting(results, interval, path):
    """The loss curves of all settings, each labelled with its exact match."""
    figure, axis = plots.plt.subplots(figsize=(10, 5), layout="constrained")
    colours = plots.plt.get_cmap("tab20").colors
    for (label, (losses, match, diverged)), colour in zip(results.items(), colours, strict=False):
        iterations = np.arange(1, len(losses) + 1) * interval
        line, note = ("--", ", diverged") if diverged else ("-", "")
        axis.plot(iterations, losses, color=colour, linestyle=line, label=f"{match:.4f} {label}{note}")
    axis.set(xlabel="iteration", ylabel="loss of a sum (log scale)", yscale="log")
    axis.legend(title="exact match", loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small", alignment="left")
    plots.save(figure, path)


def match_by_bits(matches, lengths, longest, path):
    """The exact match by number of bits, for random pairs and for pairs with one long carry."""
    figure, axes = plots.plt.subplots(1, 2, figsize=(10, 3.6), sharey=True, layout="constrained")
    for axis, name in zip(axes, ("random", "one carry"), strict=True):
        for (network, tests), marker in zip(matches.items(), "vosx", strict=True):
            axis.plot(lengths, [tests[f"{name}, {bits}"] for bits in lengths], marker=marker, alpha=0.7, label=network)
        axis.axvspan(lengths[0] * 0.9, longest, color="lightgrey", label="seen in training")
        axis.set_xscale("log", base=2, subs=[])
        axis.set(xticks=lengths, xticklabels=lengths, xlabel="bits of the two numbers", ylim=(-0.05, 1.05))
    axes[0].set(title="random pairs", ylabel="exact match")
    axes[1].set(title="one carry through all bits")
    axes[0].legend(loc="center")
    plots.save(figure, path)
