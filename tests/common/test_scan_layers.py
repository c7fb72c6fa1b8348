import keras
import numpy as np
import pytest
import tensorflow as tf

from common import scan_layers
from common.scan_layers import LRU, MinGRU, MinLSTM

BOTH_WAYS = pytest.mark.parametrize("parallel", [False, True], ids=["loop", "scan"])
INPUTS = np.random.default_rng(0).normal(size=(2, 11, 3))  # (batch, time, inputs)


def s(values):
    return 1 / (1 + np.exp(-values))


def run(a, b, h=0):
    """All h_t = a_t * h_{t-1} + b_t after h, in NumPy."""
    outputs = []
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
    generator = np.random.default_rng(steps)
    a, b = generator.uniform(-1, 1, (2, 4, steps, 5)).astype("float32")
    h = generator.uniform(-1, 1, (4, 5)).astype("float32")
    assert np.allclose(scan_layers.recurrence(a, b, h, parallel), run(a, b, h), atol=1e-6)


@BOTH_WAYS
@pytest.mark.parametrize("layer, reference", [(MinGRU, min_gru), (MinLSTM, min_lstm), (LRU, lru)])
def test_outputs_and_gradients_are_those_of_numpy(layer, reference, parallel):
    keras.utils.set_random_seed(0)
    layer = layer(4, parallel, return_sequences=True)
    layer.build(INPUTS.shape)
    generator = np.random.default_rng(1)
    weights = [weight + generator.normal(0, 0.3, weight.shape) for weight in layer.get_weights()]
    layer.set_weights(weights)
    projection = generator.normal(size=(2, 11, 4))
    with tf.GradientTape() as tape:
        outputs = layer(INPUTS.astype("float32"))
        loss = tf.reduce_sum(outputs * projection)
    gradients = tape.gradient(loss, [weight.value for weight in layer.trainable_variables])
    assert np.allclose(outputs, reference(INPUTS, *weights), atol=1e-5)
    for weight, gradient in zip(weights, gradients, strict=True):  # against central differences, in 64 bits
        for place in np.ndindex(weight.shape):
            before, losses = weight[place], []
            for change in (1e-6, -1e-6):
                weight[place] = before + change
                losses.append((reference(INPUTS, *weights) * projection).sum())
            weight[place] = before
            assert gradient.numpy()[place] == pytest.approx((losses[0] - losses[1]) / 2e-6, rel=1e-3, abs=1e-3)


@BOTH_WAYS
@pytest.mark.parametrize("name", ["MinGRU", "MinLSTM", "LRU", "LRUBlock"])
def test_in_pieces_with_the_state_handed_on_is_in_one_go(name, parallel):
    keras.utils.set_random_seed(0)
    layer = getattr(scan_layers, name)(4, parallel, return_sequences=True, return_state=True)
    inputs = tf.constant(INPUTS, "float32")
    whole, end = layer(inputs)
    state, pieces = layer.get_initial_state(2), []
    for piece in (inputs[:, :3], inputs[:, 3:4], inputs[:, 4:]):
        outputs, *state = layer(piece, initial_state=state)
        pieces.append(outputs)
    assert np.allclose(np.concatenate(pieces, axis=1), whole, atol=1e-5)
    assert np.allclose(state[0], end, atol=1e-5)
    first, _ = layer(inputs[:, 3:], initial_state=layer.get_initial_state(2))
    assert not np.allclose(first, whole[:, 3:], atol=1e-3)


@BOTH_WAYS
def test_the_gradient_reaches_the_state_before(parallel):
    generator = np.random.default_rng(0)
    a, b = (tf.constant(values, "float32") for values in generator.uniform(-1, 1, (2, 4, 7, 5)))
    h = tf.constant(generator.uniform(-1, 1, (4, 5)), "float32")
    with tf.GradientTape() as tape:
        tape.watch(h)
        last = scan_layers.recurrence(a, b, h, parallel)[:, -1]
    assert np.allclose(tape.gradient(last, h), np.prod(a, axis=1), atol=1e-6)  # h_7 = a_7 ... a_1 h_0 + ...


def test_the_length_may_be_unknown_and_the_shape_is_kept():
    inputs = keras.Input((None, 3))
    outputs = MinGRU(4, return_sequences=True)(inputs)
    assert outputs.shape == (None, None, 4)
    model = keras.Model(inputs, keras.layers.Dense(1)(outputs))
    assert model.predict(np.zeros((2, 7, 3)), verbose=0).shape == (2, 7, 1)


@pytest.mark.parametrize("name", ["MinGRU", "MinLSTM", "LRU", "LRUBlock"])
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
