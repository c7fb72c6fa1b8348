"""The pictures of the lessons on methods."""

import numpy as np

from common import plots
from toy_sequence.methods.surfaces import SADDLE, STARTS, SURFACES


def optimizers(surfaces, tasks, others, path):
    """The paths on both surfaces, and the losses of all networks."""
    figure, axes = plots.plt.subplots(2, 3, figsize=(13, 7), layout="constrained")
    for axis, (surface, ways) in zip(axes[0], surfaces.items(), strict=False):
        draw_paths(axis, surface, ways)
    for axis, (task, results) in zip(axes[1], tasks.items(), strict=False):
        draw_losses(axis, results)
        axis.set(title=f"{task}, each at its best rate", ylim=(1e-4, 1))
    axes[1, 0].legend(fontsize="small", loc="upper right", ncols=2)
    for axis, title, chosen in (
        (axes[0, 2], "addition: the first weights", [label for label in others if "normalisation" not in label]),
        (axes[1, 2], "addition: normalisation", [label for label in others if "normalisation" in label]),
    ):
        draw_losses(axis, {label.removeprefix("normalisation "): others[label] for label in chosen}, colours=3)
        axis.set(title=title, ylim=(1e-4, 1))
        axis.legend(fontsize="small", loc="lower left")
    plots.save(figure, path)


def draw_paths(axis, surface, ways):
    """The contour lines of a surface, and the way of each optimizer: name -> (steps, rate, path (time, 2))."""
    low, high = ((-1, -0.35), (1, 1.5)) if surface == SADDLE else ((-1.5, -0.5), (1.5, 1.8))
    x, y = np.meshgrid(*(np.linspace(least, most, 200) for least, most in zip(low, high, strict=True)))
    heights = SURFACES[surface](x, y)
    levels = heights.min() + np.geomspace(1e-3, np.ptp(heights), 14)
    axis.contour(x, y, heights, levels, colors="lightgrey", linewidths=0.8)
    for *_, path in ways.values():
        axis.plot(*path.T, marker=".", markersize=4, linewidth=1, alpha=0.8)
    axis.plot(*STARTS[surface], "k^")
    axis.set(title=f"{surface}: a dot for each step", xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    axis.locator_params(axis="x", nbins=5)


def draw_losses(axis, results, colours=8):
    """The median loss of the trainings by step, the mean of ten steps; the second `colours` lines are dashed."""
    for number, (label, result) in enumerate(results.items()):
        losses = np.median(result["losses"], axis=0)
        smooth = np.convolve(losses, np.ones(10) / 10, "valid")
        line = "--" if number >= colours else "-"
        axis.plot(np.arange(10, len(losses) + 1), smooth, line, color=f"C{number % colours}", label=label)
    axis.set(xlabel="step of training", ylabel="loss (log scale)", yscale="log")


def digits(part, augmentation, networks, ways, path):
    """Augmented pictures, the accuracies of all networks, that of the LSTM by rows, and that of each draw.

    Args:
        part: pictures (batch, 8, 8, 1) and labels (batch,).
        augmentation: layers.
    """
    figure, axes = plots.plt.subplots(2, 2, figsize=(11, 7), layout="constrained")
    (top, accuracies), (by_rows, draws) = axes
    lines = [np.stack([part[0][part[1] == label][0] for label in range(10)])]
    for _ in range(4):
        pictures = lines[0]
        for layer in augmentation:
            pictures = layer(pictures, training=True)
        lines.append(np.array(pictures))
    framed = np.pad(np.array(lines)[..., 0], ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=0.5)  # (5, 10, 10, 10)
    top.imshow(framed.transpose(0, 2, 1, 3).reshape(50, 100), cmap="gray_r")
    top.set(title="ten pictures of the test, and below\nwhat augmentation makes of them", xticks=[], yticks=[])
    for place, (key, label) in enumerate((("test", "as they are"), ("moved", "moved by a pixel"))):
        shares = np.array([[each[key].mean() for each in tries] for tries in networks.values()])
        middle = np.arange(len(networks)) + 0.4 * place - 0.2
        accuracies.bar(middle, shares.mean(axis=1), 0.38, label=label)
        accuracies.plot(np.repeat(middle, shares.shape[1]), shares.ravel(), "k.", markersize=4)
    accuracies.set_xticks(range(len(networks)), [name.replace(", ", ",\n") for name in networks])
    accuracies.set(title="accuracy in the test (a dot: a training)", ylim=(0, 1.05))
    accuracies.legend(loc="lower right", framealpha=1)
    for name, tries in networks.items():
        if "rows" in tries[0]:
            by_rows.plot(range(1, 9), np.mean([each["rows"] for each in tries], axis=0), marker=".", label=name)
    by_rows.set(title="an LSTM that stops reading early", xlabel="rows read", ylabel="accuracy", ylim=(0, 1.05))
    by_rows.legend()
    tests = [values for _, values in ways.values()]
    draws.plot(range(len(ways)), tests, ".-", color="grey", alpha=0.6)
    draws.plot(range(len(ways)), np.mean(tests, axis=1), "k_", markersize=40)
    draws.set_xticks(range(len(ways)), [way.replace(" ", "\n") for way in ways])
    draws.set(title="5 to 9 after 0 to 4 (a line: a draw)", ylabel="accuracy", xlim=(-0.4, len(ways) - 0.6))
    plots.save(figure, path)


def forecasts(load, origins, forecasts, results, windows, path):
    """The error by horizon and by window, and the first days of the test with their forecasts and intervals.

    Args:
        load: (hours,).
        origins: the hours at which the forecasts were made.
        forecasts, results: by the name of the method; (seeds, origins, 24, 3), and what `measure` returns.
        windows: of the networks, which are called "stateful 24", "stateless 24" and so on.
    """
    figure = plots.plt.figure(figsize=(9, 5.5), layout="constrained")
    left, right, below = figure.subplot_mosaic("ab;cc").values()
    windows, kinds = sorted(windows), {"stateful": ("C0", "-"), "stateless": ("C1", "--")}
    networks = [f"{kind} {window}" for kind in kinds for window in windows]
    others = [name for name in results if name not in networks]
    for name, line in zip(others, (":", "-.", "--", "-"), strict=True):
        left.plot(np.arange(1, 25), results[name]["by_horizon"], line, color="grey", label=name)
        right.axhline(results[name]["error"], color="grey", linestyle=line)
    for kind, (colour, line) in kinds.items():
        for window, width in zip(windows, np.linspace(1, 3, len(windows)), strict=True):
            name = f"{kind} {window}"
            left.plot(np.arange(1, 25), results[name]["by_horizon"], line, color=colour, linewidth=width, label=name)
        errors = [results[f"{kind} {window}"]["by_seed"] for window in windows]
        right.plot(windows, [each.mean() for each in errors], line, color=colour, label=kind)
        for window, each in zip(windows, errors, strict=True):
            right.plot([window] * len(each), each, "_", color=colour, markersize=10)  # one dash for each seed
    left.set(xlabel="hours ahead", ylabel="mean absolute error", xticks=[1, 6, 12, 18, 24], title="error by horizon")
    left.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    right.set(xscale="log", xlabel="window (hours)", title="error by window, each seed")
    right.set_xticks(windows, windows)
    right.minorticks_off()
    right.legend()

    best = min(networks, key=lambda name: results[name]["error"])
    midnights = [number for number, origin in enumerate(origins) if (origin + 1) % 24 == 0][:5]
    hours = origins[midnights[0]] + np.arange(1, 24 * len(midnights) + 1)
    low, middle, high = np.concatenate(forecasts[best][0, midnights]).T  # of the first seed
    below.fill_between(hours, low, high, color="peachpuff", linewidth=0, label="its 90 % interval")
    below.plot(hours, middle, color="C1", label=f"{best}, forecast at midnight")
    below.plot(hours, load[hours], "k.", markersize=4, label="load")
    below.set(xlabel="hour of the series", ylabel="load", title="the first days of the test", xticks=hours[::24])
    below.margins(x=0.01)
    below.set_ylim(top=below.get_ylim()[1] + 0.15 * np.ptp(below.get_ylim()))  # room for the legend
    below.legend(loc="upper right", ncols=3, fontsize="small")
    plots.save(figure, path)


def mazes(results, lengths, mazes_a_round, path):
    """Learning curves for each length of the corridor, and success by length, where trained and elsewhere.

    Args:
        results: method -> length in training -> what `study` of t_maze.py returns.
        lengths: of the other mazes.
        mazes_a_round: episodes in a round of training.
    """
    trained = list(next(iter(results.values())))
    figure, axes = plots.plt.subplots(
        2, len(trained), figsize=(3.8 * len(trained), 6), squeeze=False, layout="constrained"
    )
    for (top, below), length in zip(axes.T, trained, strict=True):
        for (name, by), line in zip(results.items(), ("-", "-", "--"), strict=True):
            curves = by[length]["curves"]  # (repeats, rounds)
            smooth = np.array([np.convolve(curve, np.ones(5) / 5, "valid") for curve in curves])
            episodes = mazes_a_round * np.arange(curves.shape[1] - smooth.shape[1] + 1, curves.shape[1] + 1)
            mean, spread = smooth.mean(axis=0), smooth.std(axis=0)
            top.plot(episodes, mean, line, label=name)
            top.fill_between(episodes, mean - spread, np.minimum(mean + spread, 1), alpha=0.2, linewidth=0)
            below.plot(lengths, by[length]["elsewhere"].mean(axis=0), f"o{line}", markersize=4, label=name)
        below.axvline(length, color="grey", linewidth=0.8)
        below.set(
            xscale="log", xlabel="corridor in the test (steps)", title=f"trained on {length} steps, tested on others"
        )
        below.set_xticks(lengths, lengths, fontsize="small")
        below.minorticks_off()
        top.set(xlabel="episodes of training", title=f"corridor of {length} steps")
        for axis in (top, below):
            axis.axhline(0.5, color="lightgrey", linestyle=":", zorder=0)
            axis.set(ylim=(-0.03, 1.03), ylabel="goals reached without exploring")
    axes[0, 0].legend(loc="lower right")
    plots.save(figure, path)
