"""What the settings of numpy_bptt.py do: all loss curves in one figure, and a table.

    python toy_sequence/binary_addition/sweep.py              # a minute on two cores

The exercises of the course notes: a wider spread of the initial weights, other learning rates, more hidden units,
the initialisations of Xavier Glorot and Kaiming He, other activations. Everything that a label does not name is as in
numpy_bptt.py. The trainings do not depend on each other, and run in as many processes as there are cores.

Look at tanh and ReLU: their loss stops falling early. Without biases their state is 0 as long as only zeros come in.
The output is then 0.5, neither right nor wrong, until the first 1; exact match counts it as 0.

The table gives the loss of the last interval, the share of all 16,384 pairs that are added without an error, the
iterations until the loss was first below 0.1, and the iteration at which a run diverged.
"""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from common import InputError
from common.cli import Count, run_script
from common.runs import NamedRunOptions, finish_run, start_run
from common.tables import print_table
from toy_sequence.binary_addition.numpy_bptt import Hyperparameters, exact_match, train

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
    iterations: Count = 10_000  # pairs that each network learns from
    plot_interval: Count = 200  # iterations; each point of the curves is the mean of that many

    def __post_init__(self):
        super().__post_init__()
        if self.iterations < self.plot_interval:
            raise InputError(f"--iterations is {self.iterations}, fewer than one --plot-interval {self.plot_interval}")


def measure(hyperparameters):
    """Train with one setting: the losses, the exact match on all pairs, the iteration of a divergence or None."""
    weights, losses, diverged = train(hyperparameters)
    with np.errstate(over="ignore", invalid="ignore"):  # after a divergence
        return losses, exact_match(weights, hyperparameters.activation), diverged


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
    from toy_sequence.binary_addition import pictures

    run = start_run("sweep", options)
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
    pictures.loss_by_setting(results, options.plot_interval, run / "sweep.png")
    finish_run(run, "sweep", {"settings": [dict(zip(HEADER, row, strict=True)) for row in rows]})
    print("\nConclusion", *conclusion(results), f"pictures are in {run}", sep="\n")


if __name__ == "__main__":
    run_script(main, Options)
