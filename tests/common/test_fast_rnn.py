"""The fast layers give what Keras's own give: outputs, states, gradients, files."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from common import fast_rnn
from common.fast_rnn import layers as fast_layers

CELLS = ["SimpleRNN", "LSTM", "GRU"]
BATCH, STEPS, INPUTS, HIDDEN = 19, 11, 5, 7  # rows enough for two loops

random = np.random.default_rng(0)
lengths = random.integers(1, STEPS, BATCH)
MASKS = {
    "none": None,
    "right padded": np.arange(STEPS) < lengths[:, None],
    "fully padded rows": np.arange(STEPS) < (lengths * (np.arange(BATCH) % 3 > 0))[:, None],
    "holes": random.random((BATCH, STEPS)) < 0.5,
}


def sequences(batch=BATCH, steps=STEPS):
    return np.random.default_rng(1).normal(size=(batch, steps, INPUTS)).astype("float32")


def pair(cell, **options):
    """Keras's layer and ours, with the same weights."""
    keras.utils.set_random_seed(2)
    options = {"bias_initializer": "normal", **options}
    layers = [getattr(package, cell)(HIDDEN, **options) for package in (keras.layers, fast_rnn)]
    for layer in layers:
        layer.build((BATCH if options.get("stateful") else None, None, INPUTS))
    layers[1].set_weights(layers[0].get_weights())
    return layers


def run(layer, inputs, *states, mask=None):
    """All results of a layer, and the gradients of a random projection of them by inputs, states and weights."""
    inputs, states = tf.constant(inputs), [tf.constant(state) for state in states]
    options = {"initial_state": states} if states else {}
    with tf.GradientTape() as tape:
        tape.watch([inputs, *states])
        results = keras.tree.flatten(layer(inputs, mask=mask, **options))
        generator = np.random.default_rng(3)
        loss = sum(tf.reduce_sum(result * generator.normal(size=result.shape)) for result in results)
    sources = [inputs, *states, *(weight.value for weight in layer.trainable_variables)]
    return [np.array(tensor) for tensor in (*results, *tape.gradient(loss, sources))]


def assert_equal(ours, theirs):
    for one, other in zip(ours, theirs, strict=True):
        assert np.linalg.norm(one - other) <= 1e-5 * np.linalg.norm(other)


@pytest.mark.parametrize("cut", ["batch", "units"])
@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("cell", CELLS)
def test_outputs_states_and_gradients_are_those_of_keras(cell, mask, cut, monkeypatch):
    monkeypatch.setattr(fast_layers, "LOOPS", 3)
    monkeypatch.setattr(fast_layers, "LARGE", HIDDEN if cut == "units" else HIDDEN + 1)
    theirs, ours = pair(cell, return_sequences=True, return_state=True)
    assert ours._shares(BATCH) == ((1, [2, 2, 3]) if cut == "units" else (2, [HIDDEN]))
    states = [random.normal(size=(BATCH, HIDDEN)).astype("float32") for _ in range(2 if cell == "LSTM" else 1)]
    arguments = sequences(), *states
    assert_equal(run(ours, *arguments, mask=MASKS[mask]), run(theirs, *arguments, mask=MASKS[mask]))


@pytest.mark.parametrize(
    "options", [{}, {"return_state": True}, {"go_backwards": True}, {"go_backwards": True, "return_sequences": True}]
)
@pytest.mark.parametrize("mask", ["none", "fully padded rows"])
@pytest.mark.parametrize("cell", CELLS)
def test_options_mean_what_they_mean_in_keras(cell, mask, options):
    theirs, ours = pair(cell, **options)
    assert_equal(run(ours, sequences(), mask=MASKS[mask]), run(theirs, sequences(), mask=MASKS[mask]))


@pytest.mark.parametrize("cell", CELLS)
def test_bidirectional(cell):
    theirs, ours = pair(cell, return_sequences=True)
    theirs, ours = keras.layers.Bidirectional(theirs), keras.layers.Bidirectional(ours)
    for layer in (theirs, ours):
        layer.build((None, None, INPUTS))
    assert type(ours.backward_layer) is getattr(fast_rnn, cell)
    ours.set_weights(theirs.get_weights())
    mask = MASKS["right padded"]
    assert_equal(run(ours, sequences(), mask=mask), run(theirs, sequences(), mask=mask))


@pytest.mark.parametrize("cell", CELLS)
def test_a_stateful_layer_goes_on_where_it_stopped_and_forgets_on_reset(cell):
    layers = pair(cell, stateful=True, return_sequences=True)
    results = []
    for layer in layers:
        parts = [np.array(layer(part)) for part in (sequences(), sequences())]
        layer.reset_states()
        results.append([*parts, np.array(layer(sequences()))])
    assert_equal(results[1], results[0])
    assert np.array_equal(results[1][0], results[1][2])


@pytest.mark.parametrize("cell", CELLS)
def test_batch_and_length_may_vary_in_one_compiled_model(cell):
    theirs, ours = pair(cell, return_sequences=True)

    def results(layer, inputs):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = layer(inputs)
        return [outputs, *tape.gradient(outputs, [inputs, *(weight.value for weight in layer.trainable_variables)])]

    compiled = tf.function(lambda inputs: results(ours, inputs), input_signature=[tf.TensorSpec((None, None, INPUTS))])
    for batch, steps in ((1, 1), (3, 9), (40, 4)):  # of one row, one of the loops side by side gets nothing
        inputs = tf.constant(sequences(batch, steps))
        assert_equal(*([np.array(one) for one in every] for every in (compiled(inputs), results(theirs, inputs))))


@pytest.mark.parametrize("cell", CELLS)
def test_dropout_of_the_inputs_uses_one_mask_for_all_steps(cell):
    _, ours = pair(cell, dropout=0.5, return_sequences=True)
    keras.utils.set_random_seed(4)
    ours.cell.seed_generator.state.assign([5, 0])
    dropped = ours.cell.get_dropout_mask(sequences()[:, 0])
    ours.cell.reset_dropout_mask()
    ours.cell.seed_generator.state.assign([5, 0])
    trained = np.array(ours(sequences(), training=True))
    assert_equal([trained], [np.array(ours(sequences() * np.array(dropped)[:, None], training=False))])
    assert not np.allclose(trained, ours(sequences(), training=False))


UNCOVERED = [
    ("SimpleRNN", {"activation": "relu"}),
    ("LSTM", {"use_bias": False}),
    ("LSTM", {"recurrent_activation": "hard_sigmoid"}),
    ("GRU", {"reset_after": False}),
    ("GRU", {"unroll": True}),
    ("LSTM", {"dtype": "mixed_bfloat16"}),
    ("GRU", {"dtype": "mixed_bfloat16"}),
]


@pytest.mark.parametrize(("cell", "options"), UNCOVERED)
def test_what_is_not_covered_is_left_to_keras(cell, options, monkeypatch):
    theirs, ours = pair(cell, **options)
    monkeypatch.setattr(fast_layers, "_scan", None)  # calling it would fail
    assert np.array_equal(*(keras.ops.convert_to_numpy(layer(sequences()[:, :3])) for layer in (theirs, ours)))


@pytest.mark.parametrize("cell", CELLS)
def test_what_is_covered_is_not_left_to_keras(cell, monkeypatch):
    _, ours = pair(cell)
    monkeypatch.setattr(fast_layers, "_scan", None)
    with pytest.raises(TypeError):
        ours(sequences())


@pytest.mark.parametrize("cell", CELLS)
def test_a_file_saved_with_one_loads_into_the_other(cell, tmp_path):
    models = [keras.Sequential([keras.Input((None, INPUTS)), layer]) for layer in pair(cell)]
    for number, (model, other) in enumerate((models, models[::-1])):
        path = tmp_path / f"{number}.keras"
        model.save(path)
        expected = model.predict(sequences(), verbose=0)
        assert_equal([keras.saving.load_model(path).predict(sequences(), verbose=0)], [expected])
        other.set_weights([np.zeros_like(weight) for weight in other.get_weights()])
        other.load_weights(path)
        assert_equal([other.predict(sequences(), verbose=0)], [expected])


@pytest.mark.parametrize(
    ("cell", "method"), [("SimpleRNN", "jacobian"), ("LSTM", "batch_jacobian"), ("GRU", "jacobian")]
)
def test_jacobians_are_those_of_keras(cell, method):
    inputs, results = tf.constant(sequences(4, 5)), []
    for layer in pair(cell):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = layer(inputs, mask=tf.constant(MASKS["holes"][:4, :5]))
        results.append([np.array(getattr(tape, method)(outputs, inputs))])
    assert_equal(*results[::-1])


@pytest.mark.parametrize("cell", CELLS)
def test_inputs_may_be_integers(cell):
    theirs, ours = pair(cell)
    integers = (3 * sequences()).astype("int32")
    assert_equal([np.array(ours(integers))], [np.array(theirs(integers))])


@pytest.mark.parametrize(("rows", "states"), [(BATCH, 1), (1, BATCH)])
@pytest.mark.parametrize("cell", CELLS)
def test_one_initial_state_serves_a_batch_and_one_row_goes_on_from_many_states(cell, rows, states):
    theirs, ours = pair(cell, return_sequences=True, return_state=True)
    initial = [random.normal(size=(states, HIDDEN)).astype("float32") for _ in range(2 if cell == "LSTM" else 1)]
    arguments = sequences(rows), *initial
    assert_equal(run(ours, *arguments), run(theirs, *arguments))


@pytest.mark.parametrize("cell", CELLS)
def test_an_initial_state_of_one_row_serves_a_batch_of_unknown_size(cell):
    theirs, ours = pair(cell)
    states = [np.full((1, HIDDEN), 0.3, "float32")] * (2 if cell == "LSTM" else 1)
    signature = [tf.TensorSpec((None, None, INPUTS))]
    compiled = tf.function(lambda inputs: ours(inputs, initial_state=states), input_signature=signature)
    assert_equal([np.array(compiled(sequences()))], [np.array(theirs(sequences(), initial_state=states))])


@pytest.mark.parametrize("cell", CELLS)
def test_an_exported_model_has_the_outputs_and_gradients_of_keras(cell, tmp_path):
    inputs, mask = keras.Input((None, INPUTS)), keras.Input((None,), dtype="bool")
    theirs, ours = (keras.Model([inputs, mask], layer(inputs, mask=mask)) for layer in pair(cell))
    ours.export(tmp_path / "model", verbose=False)
    exported = tf.saved_model.load(tmp_path / "model")  # a variable: what is loaded lives as long as it

    def results(model):
        values = tf.constant(sequences())
        with tf.GradientTape() as tape:
            tape.watch(values)
            outputs = model([values, tf.constant(MASKS["fully padded rows"])])
        return [np.array(outputs), np.array(tape.gradient(outputs, values))]

    assert_equal(results(exported.serve), results(theirs))
