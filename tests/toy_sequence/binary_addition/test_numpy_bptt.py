import json
from dataclasses import replace

import keras
import numpy as np
import pytest

from toy_sequence.binary_addition import numpy_bptt, sweep
from toy_sequence.binary_addition.numpy_bptt import Hyperparameters
from toy_sequence.binary_addition.pairs import add, random_pairs


@pytest.mark.parametrize("activation", numpy_bptt.ACTIVATIONS)
def test_the_written_out_gradients_are_right(activation):
    assert numpy_bptt.largest_gradient_error(activation) < 1e-5


@pytest.mark.parametrize("activation", numpy_bptt.ACTIVATIONS)
def test_the_network_is_that_of_keras(activation):
    weights = numpy_bptt.initial_weights(Hyperparameters(hidden_size=5))
    layer = keras.layers.SimpleRNN(5, activation, use_bias=False, return_sequences=True)
    layer.build((None, None, 2))
    layer.set_weights([weights["W_in"], weights["W"]])
    inputs, _ = add(random_pairs(7, 2, np.random.default_rng(0)))
    states, outputs = numpy_bptt.forward(weights, inputs, activation)
    theirs = layer(inputs).numpy()
    assert np.allclose(np.stack(states[1:], axis=1), theirs, rtol=1e-4, atol=1e-5)
    assert np.allclose(outputs, 1 / (1 + np.exp(-(theirs @ weights["W_out"])[:, :, 0])), atol=1e-4)


def test_the_spread_of_the_initial_weights():
    spread = {
        init: numpy_bptt.initial_weights(Hyperparameters(hidden_size=400, init=init, weight_init_std=3))["W"].std()
        for init in ("normal", "xavier", "he")
    }
    assert spread["normal"] == pytest.approx(3, rel=0.02)
    assert spread["xavier"] == pytest.approx((2 / 800) ** 0.5, rel=0.02)
    assert spread["he"] == pytest.approx((2 / 400) ** 0.5, rel=0.02)


def test_a_silent_network_is_right_where_the_sum_is_0():
    weights = numpy_bptt.initial_weights(Hyperparameters())
    weights["W_out"] *= 0
    assert numpy_bptt.exact_match(weights, "sigmoid") == 1 / 16384


def test_training_learns_to_add():
    options = Hyperparameters(activation="tanh", init="xavier", learning_rate=0.2, iterations=2500)
    weights, losses, diverged = numpy_bptt.train(options)
    assert diverged is None
    assert losses[-1] < 0.3 * losses[0]
    assert numpy_bptt.exact_match(weights, "tanh") > 0.9


@pytest.mark.parametrize("std", [1, 1e100])
def test_a_divergence_is_found_out_and_leaves_numbers(std):
    options = Hyperparameters(activation="relu", weight_init_std=std, iterations=60, plot_interval=10)
    weights, losses, diverged = numpy_bptt.train(options)
    assert 1 <= diverged <= 60
    assert all(np.isfinite(weight).all() for weight in weights.values())
    assert np.isfinite(losses).all()


def test_the_correlation_with_the_carry():
    weights = {
        "W_in": np.ones((2, 1)),
        "W": np.zeros((1, 1)),
        "W_out": np.ones((1, 1)),
    }  # the unit: how many bits are 1
    ones, carries = [], []
    for a in range(128):
        for b in range(128):
            carry = 0
            for t in range(8):
                ones.append((a >> t & 1) + (b >> t & 1))
                carry = (ones[-1] + carry) // 2
                carries.append(carry)
    found = numpy_bptt.carry_correlations(weights, "relu")
    assert found == pytest.approx([np.corrcoef(ones, carries)[0, 1]])
    dead = {**weights, "W_in": -weights["W_in"]}
    assert numpy_bptt.carry_correlations(dead, "relu") == [0]


def test_the_script_leaves_a_picture_and_says_what_it_saw(tmp_path, capsys):
    options = Hyperparameters(iterations=40, plot_interval=10, hidden_size=4, runs=tmp_path, name="x")
    numpy_bptt.main(options)
    lines = capsys.readouterr().out.splitlines()
    run = tmp_path / "numpy_bptt" / "x"
    metrics = json.loads((run / "metrics.json").read_text())
    assert lines[-5] == "Conclusion"
    assert f"{metrics['exact_match']:.2%}" in lines[-3]
    assert f"to {metrics['losses'][-1]:.4f}" in lines[-4]
    assert len(metrics["losses"]) == 4
    assert (run / "numpy_bptt.png").stat().st_size > 10_000

    numpy_bptt.main(replace(options, name="y", activation="relu", weight_init_std=1e100))
    said = capsys.readouterr().out
    assert "diverged at iteration 1" in said
    assert "nan" not in said


def test_the_sweep_has_the_settings_of_the_notes(tmp_path, capsys):
    assert {"weight_init_std": 10.0} in sweep.SETTINGS.values()
    rates = {(each.get("learning_rate", 0.1), each.get("hidden_size", 16)) for each in sweep.SETTINGS.values()}
    assert {(0.1, 16), (0.5, 16), (1.0, 16), (0.1, 32), (0.1, 100), (0.5, 32)} <= rates
    losses, match, diverged = sweep.measure(Hyperparameters(activation="relu", iterations=20, plot_interval=5))
    assert len(losses) == 4 and 0 <= match < 0.5 and diverged


def test_the_sweep_draws_and_concludes(tmp_path, script):
    few = ("--iterations", "20", "--plot-interval", "10")
    process = script("toy_sequence/binary_addition/sweep.py", "--runs", tmp_path, "--name", "x", *few)
    assert process.returncode == 0, process.stderr
    run = tmp_path / "sweep" / "x"
    rows = {row["setting"]: row for row in json.loads((run / "metrics.json").read_text())["settings"]}
    assert list(rows) == list(sweep.SETTINGS)
    assert isinstance(rows["ReLU"]["diverged at"], int)
    assert "ReLU" in process.stdout.splitlines()[-2]
    assert (run / "sweep.png").stat().st_size > 10_000
