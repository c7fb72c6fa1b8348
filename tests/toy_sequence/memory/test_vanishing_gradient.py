import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from toy_sequence.memory import vanishing_gradient as vanishing
from toy_sequence.memory.vanishing_gradient import Hyperparameters


def test_the_target_is_the_sign_of_the_first_number():
    inputs, targets = vanishing.make_sequences(50, 7, np.random.default_rng(0))
    assert inputs.shape == (50, 7, 1)
    assert targets[:, 0].tolist() == [float(sequence[0, 0] > 0) for sequence in inputs]
    assert 0 < targets.sum() < 50


def test_a_linear_network_multiplies_by_its_matrix():
    cell = keras.layers.SimpleRNNCell(4, "linear")
    cell.build((None, 1))
    matrix = np.random.default_rng(0).normal(size=(4, 4))
    cell.recurrent_kernel.assign(matrix)
    norms = vanishing.gradient_norms(cell, lambda h: tf.reduce_sum(h, axis=1), np.zeros((3, 6, 1), "float32"))[0]
    expected = [np.linalg.norm(np.linalg.matrix_power(matrix, 5 - t) @ np.ones(4)) for t in range(6)]
    assert norms == pytest.approx(expected, rel=1e-4)


def test_both_states_of_an_lstm_have_the_gradients_of_central_differences():
    keras.utils.set_random_seed(0)
    cell = keras.layers.LSTMCell(3)
    cell.build((None, 1))
    inputs = np.random.default_rng(0).normal(size=(1, 4, 1)).astype("float32")
    found = vanishing.gradient_norms(cell, lambda h: tf.reduce_sum(h, axis=1), inputs)

    def loss(after_first):  # the loss, as it depends on h and c after the first step
        states = [tf.constant(state) for state in after_first]
        for t in range(1, 4):
            _, states = cell(inputs[:, t], states)
        return float(tf.reduce_sum(states[0]))

    _, states = cell(inputs[:, 0], cell.get_initial_state(1))
    states = [np.array(state) for state in states]
    for which, norms in enumerate(found):
        differences = []
        for unit in range(3):
            changed = [[state.copy() for state in states] for _ in range(2)]
            changed[0][which][0, unit] += 1e-2
            changed[1][which][0, unit] -= 1e-2
            differences.append((loss(changed[0]) - loss(changed[1])) / 2e-2)
        assert norms[0] == pytest.approx(np.linalg.norm(differences), rel=1e-2)


def test_the_random_matrix_has_the_radius_asked_for():
    matrix = vanishing.random_matrix(20, 1.2, np.random.default_rng(0))
    assert np.abs(np.linalg.eigvals(matrix)).max() == pytest.approx(1.2)


def test_the_growth_of_a_linear_network_is_its_spectral_radius():
    options = Hyperparameters(hidden_size=8, batch_size=2)
    for radius in (0.8, 1.05):
        matrix, norms = vanishing.spectral_norms(radius, "linear", options)
        assert np.abs(np.linalg.eigvals(matrix)).max() == pytest.approx(radius)
        assert vanishing.factor(norms) == pytest.approx(radius, rel=0.02)
        assert vanishing.factor(vanishing.spectral_norms(radius, "tanh", options)[1]) <= radius


def test_the_layers_are_what_their_names_say():
    built = vanishing.build_layers(4)
    for layer in built.values():
        layer.build((None, None, 1))
    assert np.array_equal(built["SimpleRNN, ReLU, identity"].cell.recurrent_kernel, np.eye(4))
    assert built["SimpleRNN, ReLU"].cell.activation is keras.activations.relu
    assert built["LSTM, forget bias 1"].cell.bias.numpy()[4:8].tolist() == [1] * 4
    assert not built["LSTM, forget bias 0"].cell.bias.numpy().any()


def test_the_script_measures_before_and_after(tmp_path, capsys, monkeypatch):
    one = {"LSTM, forget bias 1": vanishing.build_layers(3)["LSTM, forget bias 1"]}
    monkeypatch.setattr(vanishing, "build_layers", lambda size: one)
    monkeypatch.setattr(vanishing, "RADII", (0.8, 1.2))
    monkeypatch.setattr(vanishing, "RADII_STEPS", 6)
    options = Hyperparameters(sequence_length=6, hidden_size=3, batch_size=8, steps=10, runs=tmp_path, name="x")
    vanishing.main(options)
    lines = capsys.readouterr().out.splitlines()
    assert lines[-5] == "Conclusion"
    run = tmp_path / "vanishing_gradient" / "x"
    metrics = json.loads((run / "metrics.json").read_text())
    (row,) = metrics["layers"]
    assert row["layer"] == "LSTM, forget bias 1"
    assert row["at initialisation"] != row["after training"]
    assert set(metrics["factors"]["tanh"]) == {"0.8", "1.2"}
    for name in ("vanishing_gradient", "spectral_radius"):
        assert (run / f"{name}.png").stat().st_size > 10_000
