"""Measure a trained toy on new sequences, most of them of lengths that it was never trained on.

    python toy_sequence/eval.py                           # the newest run
    python toy_sequence/eval.py --run runs/toy_sequence/NAME

A sequence counts only if every one of its steps is right (exact match). The last row starts with a given state
instead of zeros: the state that the network had after 3 steps of another sequence. It has to go on from there, with
[1, 0].
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from common.cli import Flags, run_script, start_tensorflow
from common.runs import open_run
from common.saving import load_model, write_json
from common.tables import print_table

MODELS = {"untrained.keras": "untrained", "fixed_length.keras": "one length", "model.keras": "padded lengths"}
TESTS = 100  # sequences in each test


@dataclass(frozen=True)
class Options(Flags):
    run: Path = Path("runs/toy_sequence/latest")  # run folder to evaluate


def test_sets(seed: int) -> dict:
    """The test sequences: name -> (noise (sequences, time, 1), targets (sequences, time), steps read before them)."""
    from toy_sequence.train import make_sequences

    generator = np.random.default_rng(seed + 2)  # not the numbers of the two trainings
    sets = {f"{length} steps": (*make_sequences([length] * TESTS, generator), 0) for length in (7, 100, 150, 1000)}
    inputs, targets = make_sequences([100], generator)
    sets["100 steps, all zeros"] = ([np.zeros_like(inputs[0])], targets, 0)
    inputs, targets = make_sequences([103] * TESTS, generator)
    sets["100 steps, state given"] = (inputs, [target[3:] for target in targets], 3)
    return {name: (np.stack(inputs), np.stack(targets), before) for name, (inputs, targets, before) in sets.items()}


def read_on(model, inputs, steps: int):
    """Logits for `inputs` (batch, time, 1) after the first `steps`, whose state is handed on as the initial one."""
    recurrent, output = model.layers
    states = recurrent.cell.get_initial_state(len(inputs))
    for step in range(steps):
        _, states = recurrent.cell(inputs[:, step], states)
    return output(recurrent(inputs[:, steps:], initial_state=list(states)))


def evaluate(run: Path, seed: int) -> dict:
    """Measure the run's three models, print the table, draw the pictures, return the figures."""
    start_tensorflow()
    import tensorflow as tf

    sets = test_sets(seed)
    matches = {}  # (model, test set) -> booleans (sequences,)
    for name in MODELS:
        model, _ = load_model(run / name)
        read = tf.function(partial(read_on, model), reduce_retracing=True)  # compiled: 1,000 steps take no time
        for test, (inputs, targets, before) in sets.items():
            right = read(tf.constant(inputs), before).numpy().argmax(-1) == targets  # (sequences, time)
            matches[name, test] = right.all(axis=1)
    header = ("exact match on", *MODELS.values())
    print_table(header, [(test, *(float(matches[name, test].mean()) for name in MODELS)) for test in sets])

    draw(run, sets["100 steps"][0][:1])
    print("\nConclusion", *conclusion(matches, sets), sep="\n")
    share = {name: float(np.concatenate([matches[name, test] for test in sets]).mean()) for name in MODELS}
    return {
        "figure": "exact_match",
        "exact_match": share["model.keras"],
        "exact_match_by_test": {test: float(matches["model.keras", test].mean()) for test in sets},
        "baseline": {"name": "untrained", "value": share["untrained.keras"]},
    }


def conclusion(matches, sets):
    """Three lines about the matches, (model, test set) -> booleans."""
    shares = {(name, test): float(matches[name, test].mean()) for name in MODELS for test in sets}
    untrained = max(shares["untrained.keras", test] for test in sets)
    lines = [f"Untrained, the network gets at most {untrained:.2%} of the sequences of a test right."]
    for name, trained in (("fixed_length.keras", "one length"), ("model.keras", "padded sequences of many lengths")):
        worst = min(sets, key=lambda test, name=name: shares[name, test])
        lines.append(f"Trained on {trained}, {shares[name, worst]:.2%} in the test that it does worst in ({worst}).")
    return lines


def draw(run, inputs, shown=40):
    """Draw the learning curves, and target and output over time, before training and after."""
    from common import plots

    plots.learning_curves(run, ["loss", "masked_accuracy"])
    figure, axes = plots.plt.subplots(len(MODELS), 1, figsize=(8, 6), sharex=True, layout="constrained")
    for axis, (name, label) in zip(axes, MODELS.items(), strict=True):
        model, _ = load_model(run / name)
        odds = np.exp(read_on(model, inputs[:, :shown], 0)[0])  # (time, 2)
        axis.step(range(shown), (np.arange(shown) + 1) % 2, where="mid", color="lightgrey", linewidth=4, label="target")
        axis.plot(odds[:, 1] / odds.sum(axis=1), marker=".", label="output: probability of [0, 1]")
        axis.set(title=label, ylim=(-0.1, 1.1))
    axes[0].legend(loc="upper right")
    axes[-1].set(xlabel="step")
    plots.save(figure, run / "target_and_output.png")


def main(options: Options) -> None:
    _, metrics = open_run(options.run)
    write_json(options.run / "metrics.json", metrics | evaluate(options.run, metrics["seed"]))
    print(f"pictures and metrics.json are in {options.run}")


if __name__ == "__main__":
    run_script(main, Options)
