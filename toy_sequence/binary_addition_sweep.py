"""What the settings of binary_addition_numpy.py do: all loss curves in one figure, and a table.

    python toy_sequence/binary_addition_sweep.py              # a minute on two cores

The exercises of the course notes: a wider spread of the initial weights, other learning rates, more hidden units,
the initialisations of Xavier Glorot and Kaiming He, other activations. All but what the label says is as in
binary_addition_numpy.py. The trainings do not depend on each other, and run in as many processes as there are cores.

Look at tanh and ReLU: their loss ends on a floor. Without biases their state is 0 as long as only zeros come in, so
that the output is 0.5, neither right nor wrong, until the first 1; exact match counts it as 0.

The table gives the loss of the last interval, the share of all 16,384 pairs that are added without an error, the
first interval after which the loss was below 0.1, and the iteration at which a run diverged.
"""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from common.cli import Count, run_script
from common.runs import NamedRunOptions, finish_run, start_run
from common.tables import print_table
from toy_sequence.binary_addition_numpy import Hyperparameters, exact_match, train

SETTINGS = {
    "as given: std 1, rate 0.1, hidden 16": {},
    "std 10": {"weight_init_std": 10.0},
    "rate 0.5": {"learning_rate": 0.5},
    "rate 1": {"learning_rate": 1.0},
    "hidden 32": {"hidden_size": 32},
    "hidden 100": {"hidden_size": 100},
    "rate 0.5, hidden 32": {"learning_rate": 0.5, "hidden_size": 32},
    "Xavier": {"init": "xavier"},
    "He": {"init": "he"},
    "tanh": {"activation": "tanh"},
    "tanh, Xavier": {"activation": "tanh", "init": "xavier"},
    "ReLU": {"activation": "relu"},
    "ReLU, He": {"activation": "relu", "init": "he"},
}
HEADER = ("setting", "loss", "exact match", "loss below 0.1 after", "diverged at")


@dataclass(frozen=True)
class Options(NamedRunOptions):
    iterations: Count = 10_000  # pairs that each net learns from
    plot_interval: Count = 200  # iterations that one point of the curves is the mean of


def measure(hyperparameters):
    """Train with one setting: the losses, the exact match over all pairs, the iteration of a divergence or None."""
    weights, losses, diverged = train(hyperparameters)
    with np.errstate(over="ignore", invalid="ignore"):  # after a divergence
        return losses, exact_match(weights, hyperparameters.activation), diverged


def draw(results, interval, path):
    """Draw the loss curves of all settings, the label of each with its exact match."""
    from common import plots

    figure, axis = plots.plt.subplots(figsize=(10, 5), layout="constrained")
    colours = plots.plt.get_cmap("tab20").colors
    for (label, (losses, match, diverged)), colour in zip(results.items(), colours, strict=False):
        note = ", diverged" if diverged else ""
        iterations = np.arange(1, len(losses) + 1) * interval
        axis.plot(
            iterations, losses, color=colour, linestyle="--" if diverged else "-", label=f"{match:.4f} {label}{note}"
        )
    axis.set(xlabel="iteration", ylabel="loss of a sum (log scale)", yscale="log")
    axis.legend(title="exact match", loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small", alignment="left")
    plots.save(figure, path)


def conclusion(results):
    """Three lines about all settings."""
    matches = {label: match for label, (_, match, _) in results.items()}
    diverged = [label for label, (*_, iteration) in results.items() if iteration]
    perfect = [label for label, match in matches.items() if match == 1]
    lowest = min((label for label in results if results[label][0]), key=lambda label: results[label][0][-1])
    worst = min(matches, key=matches.get)
    return [
        f"{len(perfect)} of {len(results)} settings add all pairs without an error; lowest loss: {lowest}.",
        f"The worst is {worst!r}, with {matches[worst]:.2%} of the pairs right.",
        f"Diverged: {', '.join(diverged) or 'none'}.",
    ]


def main(options: Options) -> None:
    run = start_run("binary_addition_sweep", options)
    base = Hyperparameters(iterations=options.iterations, plot_interval=options.plot_interval, seed=options.seed)
    results, rows = {}, []
    with ProcessPoolExecutor() as pool:
        measured = pool.map(measure, [replace(base, **setting) for setting in SETTINGS.values()])
        for label, (losses, match, diverged) in zip(SETTINGS, measured, strict=True):
            results[label] = losses, match, diverged
            low = next((point for point, loss in enumerate(losses, start=1) if loss < 0.1), None)
            reached = low * options.plot_interval if low else "-"
            rows.append((label, losses[-1] if losses else "-", match, reached, diverged or "-"))
            print(f"{len(rows)} of {len(SETTINGS)}: {label}", flush=True)
    print()
    print_table(HEADER, rows)
    draw(results, options.plot_interval, run / "binary_addition_sweep.png")
    finish_run(run, run.parent.name, {"settings": [dict(zip(HEADER, row, strict=True)) for row in rows]})
    print("\nConclusion", *conclusion(results), f"pictures are in {run}", sep="\n")


if __name__ == "__main__":
    run_script(main, Options)
