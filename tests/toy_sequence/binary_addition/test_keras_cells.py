import json

import numpy as np

from common.padding import PADDED
from toy_sequence.binary_addition import keras_cells
from toy_sequence.binary_addition.keras_cells import Hyperparameters
from toy_sequence.binary_addition.pairs import random_pairs


def as_int(bits):
    return sum(int(bit) << place for place, bit in enumerate(bits))


def test_training_pairs_are_padded_and_never_longer_than_8_bits():
    options = Hyperparameters(steps=4, batch_size=64)
    steps = set()
    for inputs, targets in keras_cells.training_batches(options):
        assert inputs.shape == (64, 9, 2)
        for pair, target in zip(inputs, targets, strict=True):
            real = int((target != PADDED).sum())  # the bits, and the last carry
            steps.add(real)
            assert (target[:real] != PADDED).all()
            assert not pair[real - 1 :].any()
            assert as_int(pair[:, 0]) + as_int(pair[:, 1]) == as_int(target[:real])
    assert steps == set(range(2, 10))


def adder(carried=1.0):
    """A SimpleRNN that adds, its weights made by hand: its units say whether the two bits and the carry are at least
    1, 2, 3; the second is the carry."""
    model = keras_cells.build_model("SimpleRNN", 3, 0.3)
    steep = 20.0
    recurrent = np.zeros((3, 3))
    recurrent[1] = carried * steep / 2  # a state of -1 is no carry, 1 is one
    bias = steep * (0.5 - np.array([0.5, 1.5, 2.5]))
    output = np.array([[0, 1.0], [0, -1], [0, 1]])
    model.set_weights([np.full((2, 3), steep), recurrent, bias, output, np.array([0.1, 0])])
    return model


def test_exact_match_of_a_network_that_adds_and_of_one_that_forgets_the_carry():
    pairs = random_pairs(200, 50, np.random.default_rng(0))
    pairs[:, 0] = 0  # the first state is 0, neither a carry nor none
    assert keras_cells.exact_match(adder(), pairs) == 1
    assert keras_cells.exact_match(adder(carried=0.0), pairs) < 0.1


def test_the_conclusion_names_the_first_failure():
    passed = {
        "all pairs of 8 bits": 1.0,
        **{f"{n}, {b}": 1.0 for n in ("random", "one carry") for b in keras_cells.LENGTHS},
    }
    lines = keras_cells.conclusion({"GRU 3": passed, "SimpleRNN 2": {**passed, "random, 64": 0.5, "one carry, 8": 0.1}})
    assert lines[0].endswith(": GRU 3.")
    assert "SimpleRNN 2 (2 of 17, the first: random, 64)" in lines[1]


def test_the_script_measures_all_three_cells(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(keras_cells, "LENGTHS", (8, 16))
    monkeypatch.setattr(keras_cells, "all_pairs", lambda bits: np.zeros((2, 8, 2), int))
    keras_cells.main(Hyperparameters(steps=2, hidden_size=3, batch_size=8, test_pairs=4, runs=tmp_path, name="x"))
    lines = capsys.readouterr().out.splitlines()
    assert lines[-5] == "Conclusion"
    run = tmp_path / "keras_cells" / "x"
    assert set(json.loads((run / "metrics.json").read_text())["exact_match"]) == {
        "SimpleRNN 2",
        "SimpleRNN 3",
        "LSTM 3",
        "GRU 3",
    }
    assert (run / "keras_cells.png").stat().st_size > 10_000
