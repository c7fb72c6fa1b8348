"""Measure a trained toy on new sequences, most of them of lengths that it was never trained on.

    python toy_sequence/eval.py                           # the newest run
    python toy_sequence/eval.py --run runs/toy_sequence/NAME

A sequence counts as right only if every one of its steps is right (exact match). The last row starts from a given
state instead of zeros: the state that the network had after 3 steps of another sequence. It has to go on from there,
with [1, 0].
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.cli import Flags, run_script, start_tensorflow
from common.runs import open_run
from common.saving import load_model, write_json
from common.tables import print_table
from toy_sequence.sequences import make_sequences

MODELS = {"untrained.keras": "untrained", "fixed_length.keras": "one length", "model.keras": "padded lengths"}
TEST_SEQUENCES = 100  # in each test


@dataclass(frozen=True)
class Options(Flags):
    run: Path = Path("runs/toy_sequence/latest")  # run folder to evaluate


def test_sets(seed: int) -> dict:
    """The test sequences: name -> (noise (sequences, time, 1), targets (sequences, time), steps read before them)."""
    generator = np.random.default_rng(seed + 2)  # not the numbers of the two trainings
    sets = {
        f"{length} steps": (*make_sequences([length] * TEST_SEQUENCES, generator), 0) for length in (7, 100, 150, 1000)
    }
    inputs, targets = make_sequences([100], generator)
    sets["100 steps, all zeros"] = ([np.zeros_like(inputs[0])], targets, 0)
    inputs, targets = make_sequences([103] * TEST_SEQUENCES, generator)
    sets["100 steps, state given"] = (inputs, [target[3:] for target in targets], 3)
    return {name: (np.stack(inputs), np.stack(targets), before) for name, (inputs, targets, before) in sets.items()}


def evaluate(run: Path, seed: int) -> dict:
    """Measure the run's three models, print the table, draw the pictures, return the metrics."""
    from toy_sequence import pictures
    from toy_sequence.model import logits_after

    sets = test_sets(seed)
    matches, shown = {}, {}  # (model, test set) -> booleans (sequences,); model -> logits of one sequence (time, 2)
    for file, label in MODELS.items():
        model, _ = load_model(run / file)
        for test, (inputs, targets, before) in sets.items():
            logits = logits_after(model, inputs, before).numpy()  # (sequences, time, 2)
            matches[label, test] = (logits.argmax(-1) == targets).all(axis=1)
            if test == "100 steps":
                shown[label] = logits[0]
    shares = {key: float(right.mean()) for key, right in matches.items()}
    print_table(
        ("exact match on", *MODELS.values()),
        [(test, *(shares[label, test] for label in MODELS.values())) for test in sets],
    )
    pictures.learning_curves(run)
    pictures.target_and_output(shown, run / "target_and_output.png")
    print("\nConclusion", *conclusion(shares, sets), sep="\n")
    over_all = {label: float(np.concatenate([matches[label, test] for test in sets]).mean()) for label in shown}
    return {
        "metric": "exact_match",
        "exact_match": over_all["padded lengths"],
        "exact_match_by_test": {test: shares["padded lengths", test] for test in sets},
        "baseline": {"name": "untrained", "value": over_all["untrained"]},
    }


def conclusion(shares, tests):
    """Three lines about the shares of sequences without any error, a dict by (model, test)."""
    untrained = max(shares["untrained", test] for test in tests)
    lines = [f"Untrained, the network gets at most {untrained:.2%} of the sequences of a test right."]
    for label, trained in (("one length", "one length"), ("padded lengths", "padded sequences of many lengths")):
        by_test = {test: shares[label, test] for test in tests}
        worst = min(by_test, key=by_test.get)
        lines.append(f"Trained on {trained}, it gets {by_test[worst]:.2%} right in its worst test ({worst}).")
    return lines


def main(options: Options) -> None:
    _, metrics = open_run(options.run)
    start_tensorflow()
    write_json(options.run / "metrics.json", metrics | evaluate(options.run, metrics["seed"]))
    print(f"pictures and metrics.json are in {options.run}")


if __name__ == "__main__":
    run_script(main, Options)
