import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from common import InputError, scan_layers
from toy_sequence.memory import cells
from toy_sequence.memory import parallel_scan as lesson

INPUTS = np.random.default_rng(0).normal(size=(2, 11, 3))  # (batch, time, inputs)


@pytest.mark.parametrize("name", ["MinGRU", "MinLSTM"])
def test_the_cell_step_by_step_gives_what_the_scan_gives(name):
    layer = getattr(scan_layers, name)(4, parallel=True, return_sequences=True)
    steps = keras.layers.RNN(getattr(cells, f"{name}Cell")(4), return_sequences=True)
    for each in (layer, steps):
        each.build(INPUTS.shape)
    steps.set_weights(layer.get_weights())
    inputs = INPUTS.astype("float32")
    assert np.allclose(layer(inputs), steps(inputs), atol=1e-6)


def test_a_step_of_training_learns_at_any_length():
    keras.utils.set_random_seed(0)
    step = lesson.training_step(scan_layers.MinGRU(4, return_sequences=True), 2)
    for length in (3, 6):
        inputs, targets = tf.ones((2, length, lesson.INPUTS)), tf.ones((2, length, 1))
        losses = [float(step(inputs, targets)) for _ in range(10)]
        assert losses[-1] < losses[0]


def test_a_slow_method_is_left_out_at_greater_lengths():
    options = lesson.Options(lengths=(2, 3), batch_size=2, repeats=1, patience=1e-9)
    seconds = lesson.measure({"any": lambda inputs, targets: 0.0}, options.lengths, options)
    assert list(seconds["any"]) == [2]


@pytest.mark.parametrize("lengths", [(), (20, 10), (10, 10)])
def test_impossible_lengths_are_refused(lengths):
    with pytest.raises(InputError, match="--lengths"):
        lesson.Options(lengths=lengths)


def test_the_script_compares_measures_and_draws(tmp_path, script):
    sizes = ["--lengths", 3, 5, "--hidden-size", 2, "--batch-size", 2, "--repeats", 1]
    process = script("toy_sequence/memory/parallel_scan.py", *sizes, "--name", "x", "--runs", tmp_path)
    assert process.returncode == 0, process.stderr
    assert process.stdout.splitlines()[-5] == "Conclusion"
    run = tmp_path / "parallel_scan" / "x"
    metrics = json.loads((run / "metrics.json").read_text())
    assert max(max(pair) for pair in metrics["differences"].values()) < 1e-5
    assert len(metrics["seconds_a_step"]) == 8
    assert (run / "parallel_scan.png").stat().st_size > 10_000
