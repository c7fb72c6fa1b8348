import json

import numpy as np
import pytest

from common import InputError
from common.padding import PADDED
from toy_sequence import masking
from toy_sequence.masking import Options


def test_padding_is_zeros_after_the_sequence():
    inputs, targets = masking.padded_sequences(40, Options(shortest=2, longest=9), np.random.default_rng(0))
    lengths = set()
    for sequence, target in zip(inputs, targets, strict=True):
        length = int((target != PADDED).sum())
        lengths.add(length)
        assert target.tolist() == [(t + 1) % 2 for t in range(length)] + [PADDED] * (9 - length)
        assert not sequence[length:].any() and sequence[:length].all()
    assert lengths == set(range(2, 10))


def test_counting_padding_flatters():
    targets = np.array([[1, 0, 1, PADDED, PADDED, PADDED, PADDED, PADDED]])
    always_0 = np.tile(np.log([3.0, 1.0]), (1, 8, 1))  # class 0 with 3/4
    wrong, right = np.log(4), np.log(4 / 3)
    expected = (6 / 8, (2 * wrong + 6 * right) / 8, 1 / 3, (2 * wrong + right) / 3)
    assert masking.measure(always_0, targets) == pytest.approx(expected)


def test_accuracy_on_zeros():
    assert masking.accuracy_on_zeros(lambda inputs: FakeLogits(np.eye(2)[[[1, 0, 1, 1]]]), 4) == 0.75


class FakeLogits:
    def __init__(self, values):
        self.values = values

    def numpy(self):
        return self.values


def test_only_the_network_without_a_mask_learns_the_padding():
    options = Options(sequences=100, longest=30, epochs=6, learning_rate=0.03)
    models = {way: masking.train(way, options)[0] for way in masking.WAYS}
    inputs, targets = masking.padded_sequences(50, options, np.random.default_rng(5))
    said = {way: model(inputs).numpy().argmax(-1)[targets == PADDED] for way, model in models.items()}
    assert (said["not masked"] == 0).mean() > 0.8
    assert (said["masked"] == 0).mean() < 0.7


def test_impossible_lengths_are_refused(tmp_path):
    with pytest.raises(InputError, match="--shortest"):
        masking.main(Options(shortest=20, longest=10, runs=tmp_path))


def test_the_script_shows_both_ways(tmp_path, capsys):
    masking.main(Options(sequences=10, longest=12, epochs=2, runs=tmp_path, name="x"))
    lines = capsys.readouterr().out.splitlines()
    accuracy = json.loads((tmp_path / "masking" / "x" / "metrics.json").read_text())["accuracy"]
    assert f"{accuracy['not masked'][0]:.3f}" in lines[-4] and f"{accuracy['masked'][2]:.3f}" in lines[-3]
    assert (tmp_path / "masking" / "x" / "masking.png").stat().st_size > 10_000
