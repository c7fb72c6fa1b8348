import itertools
import json
from math import erf, exp, pi, sqrt

import keras
import numpy as np
import pytest

from toy_sequence.memory import cells, hopfield, relatives
from toy_sequence.memory.hidden_markov import CHANGES, DICE, baum_welch, forward_backward, play, viterbi

# Jordan and Elman


@pytest.mark.parametrize("delay", [0, 1, 2])
def test_the_answer_is_whether_the_ones_up_to_the_delay_are_odd(delay):
    bits, answers = relatives.odd_ones(20, 7, delay, np.random.default_rng(0))
    for row, answer in zip(bits[:, :, 0], answers[:, :, 0], strict=True):
        assert answer.tolist() == [sum(row[: max(0, t + 1 - delay)]) % 2 for t in range(7)]


def test_jordans_cell_is_the_same_in_numpy():
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(4, 9, 3)).astype("float32")
    layer = keras.layers.RNN(cells.JordanCell(5), return_sequences=True)
    layer.build(inputs.shape)
    weights = [generator.normal(size=weight.shape) for weight in layer.get_weights()]
    layer.set_weights(weights)
    kernel, recurrent, bias, output_kernel, output_bias = weights
    y, expected = np.zeros((4, 1)), []
    for x in inputs.swapaxes(0, 1):
        h = np.tanh(x @ kernel + y @ recurrent + bias)
        y = 1 / (1 + np.exp(-(h @ output_kernel + output_bias)))
        expected.append(y)
    assert np.allclose(layer(inputs), np.stack(expected, axis=1), atol=1e-5)


def test_steps_at_which_no_answer_is_due_do_not_count():
    class Zeros:
        def predict(self, bits, verbose):
            return np.zeros_like(bits)

    answers = np.array([[[0], [0], [1], [0], [1], [1]]])
    assert relatives.right(Zeros(), 2, answers, answers) == 1 / 4


# Hopfield


def test_hebbs_weights_by_hand():
    weights = hopfield.hebb(np.array([[1, 1, -1], [1, -1, -1]]))
    assert weights == pytest.approx(np.array([[0, 0, -2], [0, 0, 0], [-2, 0, 0]]) / 3)


def test_the_energy_by_hand_and_it_never_rises():
    assert hopfield.energy(np.array([[0, 2], [2, 0]]), np.array([[1, 1], [1, -1]])).tolist() == [-2, 2]
    generator = np.random.default_rng(0)
    weights = hopfield.hebb(generator.choice([-1.0, 1.0], (15, 60)))
    start = generator.choice([-1.0, 1.0], (8, 60))
    states, energies = hopfield.restore(weights, start)
    assert energies[0] == pytest.approx([-s @ weights @ s / 2 for s in start])
    assert (np.diff(energies, axis=0) <= 1e-9).all() and (energies[-1] < energies[0]).all()
    assert ((states @ weights) * states >= -1e-9).all()  # at rest: every unit agrees with all others


def test_few_patterns_are_restored_and_many_are_not():
    few, many = (hopfield.overlaps(200, load, 0.1, np.random.default_rng(0)) for load in (0.05, 0.4))
    assert few.mean() > 0.99 and many.mean() < 0.6


def test_the_share_of_the_damage():
    patterns = np.ones((100, 100))
    assert (hopfield.damage(patterns, 0.2, np.random.default_rng(0)) == -1).mean() == pytest.approx(0.2, abs=0.02)


def test_theory_solves_the_equations_of_the_mean_field():
    """At temperature 0: m = erf(m / sqrt(2 a r)), r = 1 / (1 - C)^2, C = sqrt(2 / (pi a r)) exp(-m^2 / 2ar);
    iterated from m = 1."""
    loads, overlaps = hopfield.theory()
    assert loads[-1] == pytest.approx(0.138, abs=5e-4)
    for load in (0.08, 0.12):
        m, r = 1.0, 1.0
        for _ in range(500):
            c = sqrt(2 / (pi * load * r)) * exp(-(m**2) / (2 * load * r))
            r, m = 1 / (1 - c) ** 2, erf(m / sqrt(2 * load * r))
        assert np.interp(load, loads, overlaps) == pytest.approx(m, abs=1e-4)


# Hidden Markov model


def all_paths(rolls):
    """P(dice and rolls) of every sequence of dice, a dict."""
    chances = {}
    for path in itertools.product((0, 1), repeat=len(rolls)):
        chances[path] = 0.5 * np.prod([DICE[die, roll] for die, roll in zip(path, rolls, strict=True)])
        chances[path] *= np.prod([CHANGES[pair] for pair in itertools.pairwise(path)])
    return chances


def test_forward_backward_and_viterbi_against_all_sequences_of_dice():
    rolls = np.random.default_rng(0).integers(0, 6, (6, 7))
    rolls[:3] = np.where(rolls[:3] > 2, 5, rolls[:3])  # some with many sixes
    filtered, smoothed, pairs, log = forward_backward(rolls, CHANGES, DICE)
    expected_pairs, logs = np.zeros((2, 2)), []
    for row, found_filtered, found_smoothed, best in zip(
        rolls, filtered, smoothed, viterbi(rolls, CHANGES, DICE), strict=True
    ):
        chances = all_paths(row)
        total = sum(chances.values())
        logs.append(np.log(total))
        assert chances[tuple(best)] == pytest.approx(max(chances.values()))
        for t in range(7):
            assert found_smoothed[t, 1] == pytest.approx(sum(p for path, p in chances.items() if path[t]) / total)
            so_far = all_paths(row[: t + 1])
            loaded = sum(p for path, p in so_far.items() if path[t])
            assert found_filtered[t, 1] == pytest.approx(loaded / sum(so_far.values()))
        for path, p in chances.items():
            for pair in itertools.pairwise(path):
                expected_pairs[pair] += p / total
    assert pairs == pytest.approx(expected_pairs)
    assert log == pytest.approx(np.mean(logs))


def test_baum_welch_never_makes_the_rolls_less_probable_and_finds_the_dice():
    generator = np.random.default_rng(0)
    _, rolls = play(100, 200, generator)
    changes, dice, logs = baum_welch(rolls, 150, generator)
    assert (np.diff(logs) > -1e-9).all()
    assert changes == pytest.approx(CHANGES, abs=0.03)
    assert dice == pytest.approx(DICE, abs=0.03)


def test_the_casino_plays_as_it_says():
    thrown, rolls = play(200, 300, np.random.default_rng(0))
    after_loaded = thrown[:, 1:][thrown[:, :-1] == 1]
    assert after_loaded.mean() == pytest.approx(CHANGES[1, 1], abs=0.01)
    for die in (0, 1):
        shares = np.bincount(rolls[thrown == die], minlength=6) / (thrown == die).sum()
        assert shares == pytest.approx(DICE[die], abs=0.01)


def test_the_script_trains_measures_and_draws(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(relatives, "DELAYS", (1,))
    monkeypatch.setattr(relatives, "PARTS", 2)
    small = {"hidden_size": 2, "sequence_length": 4, "batch_size": 4, "steps": 20, "side": 12}
    casino = {"sequences": 5, "rolls": 20, "rounds": 3}
    relatives.main(relatives.Hyperparameters(**small, **casino, runs=tmp_path, name="x"))
    lines = capsys.readouterr().out.splitlines()
    assert lines[-5] == "Conclusion"
    run = tmp_path / "relatives" / "x"
    metrics = json.loads((run / "metrics.json").read_text())
    assert f"{metrics['guessed']['all rolls'][0]:.3f} of the dice" in lines[-2]
    assert f"holds {metrics['capacity']} patterns" in lines[-3]
    assert [len(shares) for shares in metrics["right"].values()] == [1, 1]
    assert (run / "relatives.png").stat().st_size > 10_000
