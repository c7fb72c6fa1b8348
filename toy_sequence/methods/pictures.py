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


def draw_losses(axis, results, colours=8):
    """The median loss of the trainings by step, the mean of ten steps; the second `colours` lines are dashed."""
    for number, (label, result) in enumerate(results.items()):
        losses = np.median(result["losses"], axis=0)
        smooth = np.convolve(losses, np.ones(10) / 10, "valid")
        line = "--" if number >= colours else "-"
        axis.plot(np.arange(10, len(losses) + 1), smooth, line, color=f"C{number % colours}", label=label)
    axis.set(xlabel="step of training", ylabel="loss (log scale)", yscale="log")


def forecasts(load, mean, scale, origins, forecasts, results, windows, path):
    """The error by horizon and by window, and a week of day-ahead forecasts with their intervals.

    Args:
        load: (hours,), of which `mean` and `scale` standardised the series that was forecast.
        origins: the hours at which the forecasts were made.
        forecasts, results: by the name of the method; (origins, 24, 3), and what `measure` returns.
        windows: of the networks, which are called "stateful 24", "stateless 24" and so on.
    """
    figure = plots.plt.figure(figsize=(12, 7.5), layout="constrained")
    left, right, below = figure.subplot_mosaic("ab;cc", width_ratios=(3, 2)).values()
    colours = dict(zip(windows, plots.plt.get_cmap("viridis")(np.linspace(0, 0.85, len(windows))), strict=True))
    networks = {f"{kind} {window}" for kind in ("stateful", "stateless") for window in windows}
    others = [name for name in results if name not in networks]
    for name, line in zip(others, (":", "-.", "--", "-"), strict=True):
        left.plot(np.arange(1, 25), results[name]["by_horizon"], line, color="grey", label=name)
        right.axhline(results[name]["error"], color="grey", linestyle=line)
    for window, colour in colours.items():
        for kind, line in (("stateful", "-"), ("stateless", "--")):
            errors = results[f"{kind} {window}"]["by_horizon"]
            left.plot(np.arange(1, 25), errors, line, color=colour, label=f"{kind} {window}")
    left.set(xlabel="hours ahead", ylabel="mean absolute error", xticks=[1, 6, 12, 18, 24], title="error by horizon")
    left.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    ordered = sorted(windows)
    for kind, line in (("stateful", "o-"), ("stateless", "s--")):
        right.plot(ordered, [results[f"{kind} {window}"]["error"] for window in ordered], line, label=kind)
    right.set(xscale="log", xlabel="window (hours)", title="error by window, all 24 hours")
    right.set_xticks(ordered, ordered)
    right.minorticks_off()
    right.legend()

    best = min(networks, key=lambda name: results[name]["error"])
    midnights = [number for number, origin in enumerate(origins) if (origin + 1) % 24 == 0][:7]
    for day, number in enumerate(midnights):
        hours = origins[number] + np.arange(1, 25)
        low, middle, high = forecasts[best][number].T * scale + mean
        label = {"interval": "its 90 % interval", "middle": f"{best}, forecast at midnight"} if day == 0 else {}
        below.fill_between(hours, low, high, alpha=0.25, color="tab:orange", linewidth=0, label=label.get("interval"))
        below.plot(hours, middle, color="tab:orange", label=label.get("middle"))
        below.axvline(hours[0], color="lightgrey", linewidth=0.8, zorder=0)
    hours = origins[midnights[0]] + np.arange(1, 24 * len(midnights) + 1)
    below.plot(hours, load[hours], "k.-", linewidth=0.8, markersize=3, label="load")
    below.set(xlabel="hour of the series", ylabel="load", title="the first days of the test")
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
