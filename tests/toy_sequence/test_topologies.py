import json

import keras
import numpy as np
import pytest

from common import InputError
from toy_sequence import topologies
from toy_sequence.topologies import STREAMS, WINDOW, Hyperparameters


def generator():
    return np.random.default_rng(0)


def test_countdown():
    inputs, targets = topologies.countdown(30, generator())
    for digit, target in zip(inputs.argmax(axis=1), targets, strict=True):
        assert target.tolist() == [*range(digit, 0, -1), *[0] * (10 - digit)]


def test_majority():
    inputs, targets = topologies.majority(50, generator())
    assert targets.tolist() == [int(sum(bits[:, 0]) >= 8) for bits in inputs]
    assert set(targets) == {0, 1}


def test_echo_and_ahead():
    inputs, late = topologies.echo(5, generator())
    assert np.array_equal(late[:, 3:], inputs[:, :-3, 0]) and not late[:, :3].any()
    inputs, early = topologies.ahead(5, generator())
    assert np.array_equal(early[:, :-2], inputs[:, 2:, 0]) and not early[:, -2:].any()


def test_backwards():
    inputs, targets = topologies.backwards(5, generator())
    assert targets.tolist() == [[int(digit) for digit in reversed(row)] for row in inputs.argmax(axis=2)]


def test_windows_of_a_stream_follow_each_other():
    inputs, targets = topologies.first_sign(3 * STREAMS + 5, generator())
    assert inputs.shape == (3 * STREAMS, WINDOW, 1)
    first = inputs[:STREAMS, 0, 0]
    assert set(first) == {-1, 1}
    for window in range(3):
        rows = slice(window * STREAMS, (window + 1) * STREAMS)
        assert np.array_equal(targets[rows], np.repeat((first > 0)[:, None], WINDOW, axis=1))
    assert np.abs(inputs[STREAMS:, 0]).std() > 0  # later windows begin with noise
    assert not set(inputs[STREAMS:, 0, 0]) & {-1, 1}


@pytest.mark.parametrize("name", ["one-to-many", "many-to-one", "encoder-decoder", "bidirectional", "stateful"])
def test_shapes(name, capsys):
    task, shape, batch_size, layers = topologies.build_models(6)[name]
    model = keras.Sequential([keras.Input(shape, batch_size), *layers])
    inputs, targets = task(STREAMS, generator())
    assert model(inputs).shape[:-1] == targets.shape
    topologies.print_shapes(model)
    lines = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    assert [line[0] for line in lines] == ["input", *(type(layer).__name__ for layer in model.layers)]
    assert lines[-1][1] == str(model.output_shape)


def test_the_state_goes_on_within_a_pass_and_no_further():
    task, shape, batch_size, layers = topologies.build_models(4)["stateful"]
    options = Hyperparameters(sequences=3 * STREAMS, epochs=1)
    model, accuracies = topologies.fit(task, shape, batch_size, layers, options)
    random = generator()
    _ = task(3 * STREAMS, random)
    inputs, targets = task(STREAMS, random)  # those that `fit` tests on
    layers[0].reset_states()
    right = (model(inputs).numpy().argmax(-1) == targets).mean()
    assert accuracies[-1] == pytest.approx(right)
    assert not np.allclose(model(inputs), model(inputs))  # the state of the call before is still there


def test_the_conclusion_is_made_of_the_accuracies():
    final = dict.fromkeys(topologies.build_models(2), 0.5) | {"synchronous": 0.995}
    lines = topologies.conclusion(final)
    assert lines[0] == "Solved to 99 % or more: synchronous."
    assert "0.500" in lines[1] and "0.500" in lines[2]


def test_too_few_sequences_are_refused(tmp_path):
    with pytest.raises(InputError, match="--sequences"):
        topologies.main(Hyperparameters(sequences=31, runs=tmp_path))


def test_the_script_trains_them_all(tmp_path, capsys, monkeypatch):
    trained = []

    def fit(task, shape, batch_size, layers, options):
        trained.append(task)
        return None, [0.1, len(trained) / 10]

    monkeypatch.setattr(topologies, "fit", fit)
    topologies.main(Hyperparameters(hidden_size=2, sequences=64, epochs=1, runs=tmp_path, name="x"))
    assert capsys.readouterr().out.splitlines()[-5] == "Conclusion"
    run = tmp_path / "topologies" / "x"
    accuracies = json.loads((run / "metrics.json").read_text())["accuracy"]
    assert list(accuracies) == list(topologies.build_models(2))
    assert list(accuracies.values()) == [number / 10 for number in range(1, 9)]
    assert (run / "topologies.png").stat().st_size > 10_000
