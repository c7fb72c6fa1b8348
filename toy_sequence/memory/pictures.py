"""The pictures of the lessons on memory."""

import numpy as np

from common import plots


def losses_and_gates(losses, inputs, answers, gates, unit, path):
    """The losses of the cells, and answer, c and gates of one unit over one sequence (time, ...)."""
    figure = plots.plt.figure(figsize=(11, 4.5), layout="constrained")
    left, right, below = figure.subplot_mosaic("ab;ac", width_ratios=(2, 3)).values()
    for name, values in losses.items():
        left.plot((np.arange(len(values)) + 1) * 100 / len(values), values, label=name)
    left.set(xlabel="training (%)", ylabel="mean squared error (log scale)", yscale="log")
    left.legend()
    steps = np.arange(len(inputs))
    right.step(steps, answers[:, 0], where="mid", color="lightgrey", linewidth=4, label="number to keep")
    right.plot(gates["c"][:, unit], marker=".", label=f"memory c of unit {unit}")
    right.set(xticks=[])
    for name in ("input gate", "forget gate", "output gate"):
        below.plot(gates[name][:, unit], marker=".", label=name)
    below.set(xlabel="step", ylabel="gate (0 closed, 1 open)", ylim=(-0.05, 1.05))
    for axis in (right, below):
        for step in steps[inputs[:, 1] == 1]:
            axis.axvline(step, color="black", linestyle=":", linewidth=1, label="flag" if step == 0 else None)
        axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    plots.save(figure, path)


def gradients_by_layer(norms, path):
    """The gradient norms of all layers, relative to that of the last step: before training and after."""
    figure, axes = plots.plt.subplots(1, 2, figsize=(11, 4.2), sharey=True, layout="constrained")
    for axis, (title, layers) in zip(axes, norms.items(), strict=True):
        for (name, (h, *c)), colour in zip(layers.items(), plots.plt.get_cmap("tab10").colors, strict=False):
            steps = np.arange(1, len(h) + 1)
            axis.plot(steps, h / h[-1], color=colour, label=name)
            for memory in c:  # the last c reaches the loss only through h
                axis.plot(steps[:-1], memory[:-1] / h[-1], color=colour, linestyle="--", label=f"{name}: dL/dc")
        axis.set(title=title, xlabel="step t", yscale="log", ylim=(1e-12, 1e3))
    axes[0].set_ylabel("norm of dL/dh at t / at the end")
    axes[1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    plots.save(figure, path)


def gradients_by_radius(matrices, norms, path):
    """The eigenvalues of matrices, a dict by spectral radius; the gradient norms of a linear and of a tanh network."""
    figure, axes = plots.plt.subplots(1, 3, figsize=(12, 3.8), layout="constrained")
    colours = plots.plt.get_cmap("viridis")(np.linspace(0, 0.9, len(matrices)))
    for (radius, matrix), colour in zip(matrices.items(), colours, strict=True):
        values = np.linalg.eigvals(matrix)
        axes[0].scatter(values.real, values.imag, s=9, color=colour)
        for axis, activation in zip(axes[1:], ("linear", "tanh"), strict=True):
            h = norms[activation][radius]
            axis.plot(np.arange(1, len(h) + 1), h / h[-1], color=colour, label=f"{radius:g}")
            axis.set(title=f"{activation} network", xlabel="step t", yscale="log")
    axes[0].add_patch(plots.plt.Circle((0, 0), 1, fill=False, linestyle=":"))
    axes[0].set(title="eigenvalues of U, unit circle", aspect="equal", xlabel="real part", ylabel="imaginary part")
    axes[1].set_ylabel("norm of dL/dh at t / at the end")
    axes[2].legend(title="spectral radius", loc="center left", bbox_to_anchor=(1.0, 0.5))
    plots.save(figure, path)


def right_by_lag(results, lags, learned, chance, path):
    """The share of right answers by lag; `chance` is that of a guess, by task."""
    figure, axes = plots.plt.subplots(1, 2, figsize=(11, 3.6), sharey=True, layout="constrained")
    for axis, (task, cells) in zip(axes, results.items(), strict=True):
        axis.axhline(learned, color="lightgrey", label=f"learned: {learned}")
        axis.axhline(chance[task], color="lightgrey", linestyle=":", label="chance")
        for (cell, by_lag), marker in zip(cells.items(), "osx^vD+", strict=False):
            axis.plot(list(by_lag), [right for right, _ in by_lag.values()], marker=marker, alpha=0.7, label=cell)
        axis.set(title=task, xlabel="lag (steps)", xscale="log", ylim=(0, 1.05))
        axis.set_xticks(lags, lags)
        axis.minorticks_off()
    axes[0].set_ylabel("right answers")
    axes[1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    plots.save(figure, path)


def seconds_by_length(seconds, path):
    """The time of a training step by the number of time steps; `seconds`: "layer, way" -> length -> seconds."""
    figure, axis = plots.plt.subplots(figsize=(8, 4.2), layout="constrained")
    colours = dict(zip(dict.fromkeys(name.split(", ")[0] for name in seconds), ("grey", "C0", "C1", "C2"), strict=True))
    for name, by_length in seconds.items():
        layer, way = name.split(", ")
        line = "--" if way in ("loop", "Keras") else "-"
        axis.plot(list(by_length), list(by_length.values()), line, marker=".", color=colours[layer], label=name)
    lengths = sorted({length for by_length in seconds.values() for length in by_length})
    axis.set(xscale="log", yscale="log", xlabel="time steps", ylabel="seconds of a training step")
    axis.set_xticks(lengths, lengths)
    axis.minorticks_off()
    axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    plots.save(figure, path)


def relatives(curves, loads, capacity, theory, rings, dice, shown, path):
    """The picture of relatives.py.

    Args:
        curves: (network, delay) -> shares of right answers.
        loads, capacity: loads, and number of units -> overlaps at each.
        theory: loads and overlaps.
        rings: two pairs (damaged, restored) of pictures, one of a network that holds few patterns, one of many.
        dice: the true dice and the learned ones, (2, 6) each.
        shown: of one sequence which die was thrown, the rolls, and P(loaded | rolls).
    """
    figure = plots.plt.figure(figsize=(12, 9), layout="constrained")
    axes = figure.subplot_mosaic("aaaabbbbcccc;hhhhhhiijjkk;mmmmmmmmdddd")
    for (name, delay), shares in curves.items():
        axis = axes["abc"[delay]]
        axis.plot((np.arange(len(shares)) + 1) * 100 / len(shares), shares, marker=".", label=name)
        axis.set(title=f"odd number of ones? delay {delay}", xlabel="training (%)", ylim=(0.4, 1.03))
    axes["a"].set_ylabel("right answers")
    axis.legend(loc="center right")

    axis = axes["h"]
    for units, overlaps in capacity.items():
        axis.plot(loads, overlaps, marker=".", label=f"{units} units")
    axis.plot(*theory, color="black", linewidth=1, label="theory, endless network")
    axis.axvline(theory[0][-1], color="black", linestyle=":", linewidth=1)
    axis.set(title="Hopfield: restored patterns", xlabel="load (patterns per unit)", ylabel="overlap", ylim=(0, 1.05))
    axis.legend(loc="lower left")
    (damaged, at_low_load), (_, at_high_load) = rings
    titles = {"i": "20 % damaged", "j": "restored, load 0.1", "k": "restored, load 0.2"}
    for (place, title), ring in zip(titles.items(), (damaged, at_low_load, at_high_load), strict=True):
        axes[place].imshow(ring, cmap="binary")
        axes[place].set(xticks=[], yticks=[])
        axes[place].set_title(title, fontsize="medium")

    axis, (thrown, rolls, loaded) = axes["m"], shown
    axis.fill_between(np.arange(len(thrown)), thrown, step="mid", color="lightgrey", label="the loaded die is thrown")
    axis.plot(loaded, label="P(loaded | all rolls), learned")
    sixes = np.flatnonzero(rolls == 5)
    axis.scatter(sixes, np.full(len(sixes), 1.06), s=9, color="C1", label="a 6 is rolled")
    axis.set(title="hidden Markov model", xlabel="roll", ylim=(0, 1.3), yticks=(0, 0.5, 1))
    axis.legend(loc="upper center", ncols=3)
    axis, sides = axes["d"], np.arange(1, 7)
    for (true, learned), colour, shift, name in zip(
        np.swapaxes(dice, 0, 1), ("C0", "C1"), (-0.2, 0.2), ("fair", "loaded"), strict=True
    ):
        axis.bar(sides + shift, learned, 0.35, color=colour, label=f"{name}, learned")
        axis.scatter(sides + shift, true, color="black", marker="_", label="truth" if name == "loaded" else None)
    axis.set(title="P(side | die)", xlabel="side")
    axis.legend(loc="upper left")
    plots.save(figure, path)
