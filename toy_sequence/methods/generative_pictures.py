"""The pictures of the autoencoder and of the adversarial networks."""

import numpy as np

from common import plots
from toy_sequence.methods.waves import CYCLES, KINDS, PARTS, fundamental


def autoencoder(curves, ways, plane, path):
    """The losses by epoch; the words of the test, at their means; and the words on the way between two of them.

    Args:
        curves: by name, the history of the training.
        ways: by name, a list of ways: a word of the test, what is read out on the way, another word of the test.
        plane: of the last model, the means (words, latent), and the words.
    """
    figure = plots.plt.figure(figsize=(13, 7.5), layout="constrained")
    axes = figure.subplot_mosaic("abc;ddd", height_ratios=(3, 2))
    for axis, key, title in (
        (axes["a"], "val_kl", "KL: what z says of the word"),
        (axes["b"], "val_reconstruction", "reconstruction loss"),
    ):
        for name, history in curves.items():
            axis.plot(np.arange(1, len(history[key]) + 1), history[key], label=name)
        axis.set(title=title, xlabel="epoch", ylabel="nats a word, on validation")
    axes["a"].set(yscale="log", ylabel="nats a word, on validation (log scale)")
    axes["b"].legend(loc="upper right")
    draw_plane(figure, axes["c"], *plane)
    axes["d"].axis("off")
    axes["d"].set_title("from the mean of one word of the test to that of another, read out at equal steps")
    rows = [(name, all_ways[0]) for name, all_ways in ways.items()] + [("both", way) for way in ways["both"][1:]]
    for row, (name, (start, *between, end)) in enumerate(rows):
        for column, text in enumerate((name, f"“{start}”", *between, f"“{end}”")):
            colour = f"C{list(curves).index(name)}" if 1 < column < len(between) + 2 else "black"
            place = column / (len(between) + 2), 1 - (row + 0.5) / len(rows)
            axes["d"].text(*place, text, color=colour, ha="center", va="center", transform=axes["d"].transAxes)
    plots.save(figure, path)


def draw_plane(figure, axis, means, words):
    """The two directions in which the means (words, latent) differ most, each word coloured by its length."""
    centred = means - means.mean(axis=0)
    places = centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T  # (words, 2)
    dots = axis.scatter(*places.T, c=[len(word) for word in words], cmap="viridis", s=12)
    for place, word in list(zip(places, words, strict=True))[:16]:
        axis.annotate(word, place, fontsize="x-small")
    figure.colorbar(dots, ax=axis, label="letters of the word")
    axis.set(title="both: the means of the test, in the two\ndirections in which they differ most")


def adversaries(waves, histories, results, path):
    """Waves by kind, real and generated; the cycles and phases of the sines; losses and measures by step.

    Args:
        waves: by name, (kinds, count, steps); the first are real.
        histories: by the name of the training, what `gan.train` returns.
        results: by name, what `gan.measure` returns.
    """
    real, (first, *_, last) = next(iter(waves)), histories
    figure = plots.plt.figure(figsize=(13, 11), layout="constrained")
    grid = figure.add_gridspec(6, 3, height_ratios=(1, 1, 1, 1, 2.5, 2.5))
    for column, name in enumerate((real, first, last)):
        for kind, label in enumerate(KINDS):
            axis = figure.add_subplot(grid[kind, column])
            for number, wave in enumerate(waves[name][kind, :6]):  # six waves one after another, with a gap
                axis.plot(np.arange(len(wave)) + number * (len(wave) + 6), wave, color=f"C{kind}", linewidth=1.3)
            axis.set(xticks=[], yticks=[-1, 0, 1], ylim=(-1.4, 1.4))
            axis.axhline(0, color="lightgrey", linewidth=0.6, zorder=0)
            axis.set_title(name if kind == 0 else "")
            axis.set_ylabel(label if column == 0 else "")
        axis = figure.add_subplot(grid[4, column])
        for kind, label in enumerate(KINDS):
            axis.plot(*fundamental(waves[name][kind, :250]), ".", color=f"C{kind}", markersize=3, label=label)
        axis.set(xlabel="cycles", ylabel="phase", xlim=(0.4, 4.1), ylim=(0, 1))
        axis.set_title(f"{name}: {results[name]['modes']} of {16 * len(KINDS)} modes")
        for edge in np.linspace(*CYCLES, PARTS + 1):
            axis.axvline(edge, color="lightgrey", linewidth=0.6, zorder=0)
        for edge in np.linspace(0, 1, PARTS + 1):
            axis.axhline(edge, color="lightgrey", linewidth=0.6, zorder=0)
    losses, discrepancy, covered = (figure.add_subplot(grid[5, column]) for column in range(3))
    for number, (name, history) in enumerate(histories.items()):
        steps = [row["step"] for row in history]
        for network, line in (("discriminator", "-"), ("generator", ":")):
            losses.plot(steps, [row[network] for row in history], line, color=f"C{number}", label=f"{name}: {network}")
        discrepancy.plot(steps, [row["MMD"] for row in history], color=f"C{number}", label=name)
        covered.plot(steps, [row["modes"] for row in history], color=f"C{number}", label=name)
    for level in np.log(2), 2 * np.log(2):
        losses.axhline(level, color="lightgrey", linewidth=0.8, zorder=0)
    covered.axhline(results[real]["modes"], color="grey", linestyle="--", label=real)
    losses.set(title="losses (grey: the discriminator only guesses)", xlabel="step")
    losses.set_ylim(bottom=0)
    discrepancy.set(title="MMD to real waves (log scale)", xlabel="step", yscale="log")
    covered.set(title=f"modes covered, of {16 * len(KINDS)}", xlabel="step", ylim=(0, 16 * len(KINDS) + 3))
    losses.legend(fontsize="x-small")
    covered.legend(fontsize="small", loc=(0.5, 0.46))
    plots.save(figure, path)
