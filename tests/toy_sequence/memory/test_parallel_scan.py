import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from common import InputError
from toy_sequence.memory import cells, scan_layers
from toy_sequence.memory import parallel_scan as lesson
from toy_sequence.memory.from_scratch import outputs_and_gradients
from toy_sequence.memory.scan_layers import LRU, MinGRU, MinLSTM

BOTH_WAYS = pytest.mark.parametrize("parallel", [False, True], ids=["loop", "scan"])
INPUTS = np.random.default_rng(0).normal(size=(2, 11, 3))  # (batch, time, inputs)


def s(values):
    return 1 / (1 + np.exp(-values))


def run(a, b):
    """All h_t = a_t * h_{t-1} + b_t, in NumPy."""
    h, outputs = 0, []
    for t in range(b.shape[1]):
        h = a[:, t] * h + b[:, t]
        outputs.append(h)
    return np.stack(outputs, axis=1)


def min_gru(x, kernel, bias):
    z, n = np.split(x @ kernel + bias, 2, axis=-1)
    return run(1 - s(z), s(z) * n)


def min_lstm(x, kernel, bias):
    i, f, n = np.split(x @ kernel + bias, 3, axis=-1)
    return run(s(f) / (s(f) + s(i)), s(i) / (s(f) + s(i)) * n)


def lru(x, decay, phase, scale, kernel_in, kernel_out, skip):
    real, imaginary = np.split(x @ kernel_in, 2, axis=-1)
    b = np.exp(scale) * (real + 1j * imaginary)
    h = run(np.broadcast_to(np.exp(-np.exp(decay) + 1j * np.exp(phase)), b.shape), b)
    real_out, imaginary_out = np.split(kernel_out, 2)
    return h.real @ real_out + h.imag @ imaginary_out + x @ skip


@BOTH_WAYS
@pytest.mark.parametrize("steps", [1, 2, 3, 8, 13])
def test_the_recurrence_is_that_of_numpy(parallel, steps):
    a, b = np.random.default_rng(steps).uniform(-1, 1, (2, 4, steps, 5)).astype("float32")
    assert np.allclose(scan_layers.recurrence(a, b, parallel), run(a, b), atol=1e-6)


@BOTH_WAYS
@pytest.mark.parametrize("layer, reference", [(MinGRU, min_gru), (MinLSTM, min_lstm), (LRU, lru)])
def test_outputs_and_gradients_are_those_of_numpy(layer, reference, parallel):
    keras.utils.set_random_seed(0)
    layer = layer(4, parallel, return_sequences=True)
    layer.build(INPUTS.shape)
    generator = np.random.default_rng(1)
    weights = [weight + generator.normal(0, 0.3, weight.shape) for weight in layer.get_weights()]
    layer.set_weights(weights)
    outputs, *gradients = outputs_and_gradients(layer, INPUTS.astype("float32"))
    assert np.allclose(outputs, reference(INPUTS, *weights), atol=1e-5)
    projection = np.random.default_rng(0).normal(size=outputs.shape)
    for weight, gradient in zip(weights, gradients, strict=True):  # against central differences, in 64 bits
        for place in np.ndindex(weight.shape):
            before, losses = weight[place], []
            for change in (1e-6, -1e-6):
                weight[place] = before + change
                losses.append((reference(INPUTS, *weights) * projection).sum())
            weight[place] = before
            assert gradient[place] == pytest.approx((losses[0] - losses[1]) / 2e-6, rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("name", ["MinGRU", "MinLSTM"])
def test_the_cell_step_by_step_gives_what_the_scan_gives(name):
    layer = getattr(scan_layers, name)(4, parallel=True, return_sequences=True)
    steps = keras.layers.RNN(getattr(cells, f"{name}Cell")(4), return_sequences=True)
    for each in (layer, steps):
        each.build(INPUTS.shape)
    steps.set_weights(layer.get_weights())
    inputs = INPUTS.astype("float32")
    assert np.allclose(layer(inputs), steps(inputs), atol=1e-6)


def test_the_length_may_be_unknown_and_the_shape_is_kept():
    inputs = keras.Input((None, 3))
    outputs = MinGRU(4, return_sequences=True)(inputs)
    assert outputs.shape == (None, None, 4)
    model = keras.Model(inputs, keras.layers.Dense(1)(outputs))
    assert model.predict(np.zeros((2, 7, 3)), verbose=0).shape == (2, 7, 1)


@pytest.mark.parametrize("name", [*lesson.LAYERS, "LRUBlock"])
def test_a_saved_layer_comes_back(name, tmp_path):
    model = keras.Sequential([keras.Input((None, 3)), getattr(scan_layers, name)(4, parallel=True)])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.layers[0].parallel
    assert np.array_equal(loaded(INPUTS.astype("float32")), model(INPUTS.astype("float32")))


def test_a_new_lru_remembers_for_long():
    layer = LRU(500)
    layer.build((None, None, 3))
    size, angle = np.exp(-np.exp(layer.decay)), np.exp(layer.phase)
    assert 0.9 <= size.min() < 0.91 < 0.99 < size.max() <= 0.999
    assert 0 < angle.min() < 0.05 < 0.3 < angle.max() <= np.pi / 10 + 1e-6
    assert np.allclose(np.exp(layer.scale), np.sqrt(1 - size**2), rtol=1e-3)


def test_a_step_of_training_learns_at_any_length():
    keras.utils.set_random_seed(0)
    step = lesson.training_step(MinGRU(4, return_sequences=True), 2)
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
