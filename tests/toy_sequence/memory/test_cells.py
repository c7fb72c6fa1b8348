import json

import keras
import numpy as np
import pytest

from toy_sequence.memory import cells, from_scratch
from toy_sequence.memory.from_scratch import Hyperparameters, outputs_and_gradients

INPUTS = np.random.default_rng(0).normal(size=(4, 12, 3)).astype("float32")  # (batch, time, inputs)


def ours(name, units=7):
    layer = keras.layers.RNN(getattr(cells, name)(units), return_sequences=True)
    layer.build(INPUTS.shape)
    return layer


def random_weights(layer):
    generator = np.random.default_rng(1)
    return [generator.normal(0, 0.7, weight.shape) for weight in layer.get_weights()]


@pytest.mark.parametrize("name", ["SimpleRNN", "LSTM", "GRU"])
def test_outputs_and_gradients_are_those_of_keras(name):
    theirs = getattr(keras.layers, name)(7, return_sequences=True)
    theirs.build(INPUTS.shape)
    layer = ours(f"{name}Cell")
    weights = random_weights(theirs)
    for each in (theirs, layer):
        each.set_weights(weights)
    pairs = zip(outputs_and_gradients(layer, INPUTS), outputs_and_gradients(theirs, INPUTS), strict=True)
    for one, other in pairs:
        assert np.linalg.norm(one - other) <= 1e-5 * np.linalg.norm(other)


def peephole_lstm(inputs, kernel, recurrent, bias, peepholes):
    """All h (batch, time, units), computed in NumPy in 64 bits."""

    def s(a):
        return 1 / (1 + np.exp(-a))

    units = len(recurrent)
    h = c = np.zeros((len(inputs), units))
    outputs = []
    for x in inputs.swapaxes(0, 1):
        a = x @ kernel + h @ recurrent + bias
        a_i, a_f, a_g, a_o = (a[:, block * units : (block + 1) * units] for block in range(4))
        i, f = s(a_i + peepholes[0] * c), s(a_f + peepholes[1] * c)
        c = f * c + i * np.tanh(a_g)
        h = s(a_o + peepholes[2] * c) * np.tanh(c)
        outputs.append(h)
    return np.stack(outputs, axis=1)


def test_the_peephole_cell_is_the_same_in_numpy():
    layer = ours("PeepholeLSTMCell")
    weights = random_weights(layer)
    layer.set_weights(weights)
    outputs, *gradients = outputs_and_gradients(layer, INPUTS)
    assert np.allclose(outputs, peephole_lstm(INPUTS, *weights), atol=1e-5)
    projection = np.random.default_rng(0).normal(size=outputs.shape)
    for weight, gradient in zip(weights, gradients, strict=True):  # against central differences, in 64 bits
        for place in list(np.ndindex(weight.shape))[:: max(1, weight.size // 10)]:
            before, losses = weight[place], []
            for change in (1e-6, -1e-6):
                weight[place] = before + change
                losses.append((peephole_lstm(INPUTS, *weights) * projection).sum())
            weight[place] = before
            assert gradient[place] == pytest.approx((losses[0] - losses[1]) / 2e-6, rel=1e-3, abs=1e-3)


def test_the_forget_gate_starts_open():
    bias = ours("LSTMCell").cell.bias.numpy()
    assert bias.tolist() == [0] * 7 + [1] * 7 + [0] * 14


def test_gates_over_time_are_those_of_the_run():
    layer = ours("LSTMCell")
    kept = from_scratch.gates_over_time(layer.cell, INPUTS)
    assert np.allclose(kept["output gate"] * np.tanh(kept["c"]), layer(INPUTS).numpy(), atol=1e-6)
    assert kept["input gate"].shape == (4, 12, 7)


def test_the_answer_is_the_number_flagged_last():
    options = Hyperparameters(sequence_length=15, flagged=0.3)
    inputs, answers = from_scratch.make_sequences(20, options, np.random.default_rng(0))
    for sequence, answer in zip(inputs, answers, strict=True):
        assert sequence[0, 1] == 1
        for t, (number, flag) in enumerate(sequence):
            last = number if flag else last  # noqa: F821 - the first step has a flag
            assert answer[t, 0] == last


def test_the_script_compares_trains_and_draws(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(from_scratch, "PARTS", 2)
    options = Hyperparameters(steps=4, sequence_length=5, hidden_size=2, batch_size=4, runs=tmp_path, name="x")
    from_scratch.main(options)
    lines = capsys.readouterr().out.splitlines()
    assert lines[-5] == "Conclusion"
    run = tmp_path / "from_scratch" / "x"
    metrics = json.loads((run / "metrics.json").read_text())
    assert max(max(pair) for pair in metrics["differences"].values()) < 1e-5
    assert f"GRUCell {metrics['losses']['GRUCell']:.4f}" in lines[-3]
    assert (run / "from_scratch.png").stat().st_size > 10_000
