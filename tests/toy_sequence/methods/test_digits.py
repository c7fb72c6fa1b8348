import json

import keras
import numpy as np
import pytest

from toy_sequence.methods import digits, small_pictures, studies
from toy_sequence.methods.digits import RATES, Options

SIZES = {"hidden_size": 3, "channels": 2, "batch_size": 4, "steps": 3, "transfer_steps": 4}
TINY = Options(**SIZES, repeats=1, pictures=2, draws=2)


def test_no_picture_is_in_two_parts_and_all_are_in_one():
    parts = small_pictures.load()
    rows = np.concatenate([pictures.reshape(len(pictures), 64) for pictures, _ in parts])
    assert len(rows) == 1797 == len(np.unique(rows, axis=0))
    assert [len(labels) for _, labels in parts] == [1078, 359, 360]
    assert all(pictures.max() == 1 and np.bincount(labels).min() >= 34 for pictures, labels in parts)


def test_5_to_9_become_the_classes_0_to_4_and_each_gets_its_pictures():
    training, *_ = small_pictures.load()
    part = small_pictures.only(training, 5, 9)
    chosen, labels = small_pictures.draw(part, 20, np.random.default_rng(0))
    assert np.bincount(labels).tolist() == [20] * 5
    assert len(np.unique(chosen.reshape(100, 64), axis=0)) == 100
    for picture, label in zip(chosen, labels, strict=True):
        (place,) = np.flatnonzero((training[0] == picture).all(axis=(1, 2, 3)))
        assert training[1][place] == label + 5


def test_every_picture_is_seen_before_any_is_seen_again():
    part = np.arange(10.0).reshape(10, 1, 1, 1), np.arange(10)
    pictures, labels = small_pictures.batches(part, 7, 4, np.random.default_rng(0))
    assert pictures.shape == (7, 4, 1, 1, 1) and labels.shape == (7, 4)
    assert np.array_equal(pictures.ravel(), labels.ravel())
    assert sorted(labels.ravel()[:10]) == sorted(labels.ravel()[10:20]) == list(range(10))


def test_pictures_move_by_one_pixel_and_nothing_comes_in():
    whole = np.arange(1.0, 65).reshape(8, 8)
    up, down, left, right = small_pictures.shifted(whole.reshape(1, 8, 8, 1))[..., 0]
    assert np.array_equal(up[:-1], whole[1:]) and not up[-1].any()
    assert np.array_equal(down[1:], whole[:-1]) and not down[0].any()
    assert np.array_equal(left[:, :-1], whole[:, 1:]) and not left[:, -1].any()
    assert np.array_equal(right[:, 1:], whole[:, :-1]) and not right[:, 0].any()


def convolve(x, kernel):
    """x (batch, rows, columns, in), kernel (3, 3, in, out)."""
    wide = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    rows, columns = x.shape[1:3]
    return sum(wide[:, a : a + rows, b : b + columns] @ kernel[a, b] for a in range(3) for b in range(3))


def by_hand(weights, x):
    """The logits of the convolutional network for pictures x (batch, 8, 8, 1), in NumPy."""
    first, *one, second, gamma, beta, mean, variance, matrix, bias = weights

    def normalise(y, gamma, beta, mean, variance):
        return gamma * (y - mean) / np.sqrt(variance + 1e-3) + beta

    y = np.maximum(normalise(convolve(x, first), *one), 0)
    y = y.reshape(len(x), 4, 2, 4, 2, -1).max(axis=(2, 4))
    y = np.maximum(y + normalise(convolve(y, second), gamma, beta, mean, variance), 0).mean(axis=(1, 2))
    return y @ matrix + bias


def test_the_convolutional_network_by_hand_and_no_augmentation_outside_of_training():
    keras.utils.set_random_seed(0)
    model = small_pictures.build_model("CNN", 3, True, TINY)
    x = np.random.default_rng(0).random((20, 8, 8, 1)).astype("float32")
    model(x, training=True)  # averages that are not 0 and 1
    expected = by_hand(model.get_weights(), x)
    assert np.array(model(x, training=False)) == pytest.approx(expected, abs=1e-4)
    assert digits.accuracy(model, x, expected.argmax(axis=1)) == 1
    assert digits.accuracy(model, x, (expected.argmax(axis=1) + 1) % 3) == 0
    told = digits.accuracy(lambda x, training: keras.ops.one_hot([int(training)] * len(x), 2), x, np.zeros(20))
    assert told == 1


def test_the_lstm_reads_the_rows_from_above():
    model = small_pictures.build_model("LSTM", 10, False, TINY)
    pictures, _ = small_pictures.load()[0]
    *_, lstm, output = model.layers
    after_two = np.array(output(lstm(pictures[:, :2, :, 0]))).argmax(axis=1)
    shares = digits.after_rows(model, pictures, after_two)
    assert len(shares) == 8 and shares[1] == 1
    assert shares[7] == digits.accuracy(model, pictures, after_two) < 1


def test_what_learns_and_from_which_weights(monkeypatch):
    real, seen = studies.trainer, []

    def trainer(model, optimizer):
        train = real(model, optimizer)

        def spy(weights, rates, order):
            train(weights, rates, order)
            changed = [not np.array_equal(*pair) for pair in zip(weights, model.get_weights(), strict=True)]
            seen.append((changed, rates[0], weights, model.get_weights(), order[1].shape))

        return spy

    monkeypatch.setattr(studies, "trainer", trainer)
    results = digits.transfer(small_pictures.load(), TINY)
    assert [len(results[way][1]) for way in (digits.BASELINE, *digits.WAYS)] == [2] * 4
    first, *others = seen
    assert first[0][:2] == [True, True]
    assert len(others) == 2 * len(RATES) * 4  # draws
    for number in range(0, len(others), 4):
        frozen, half, tuned, scratch = others[number : number + 4]
        assert {each[1] for each in others[number : number + 4]} == {RATES[number // 4 % len(RATES)]}
        assert not any(frozen[0][:-2] + half[0][:-2]) and frozen[0][-1] and half[0][-1]
        assert tuned[0][0] and scratch[0][0]
        assert all(np.array_equal(*pair) for pair in zip(first[3][:-2], frozen[2][:-2], strict=True))
        assert all(np.array_equal(*pair) for pair in zip(half[3], tuned[2], strict=True))
        assert not np.array_equal(scratch[2][0], first[3][0])
        assert [each[4] for each in (frozen, half, tuned, scratch)] == [(4, 4), (2, 4), (2, 4), (4, 4)]


def test_the_rate_of_a_way_is_chosen_on_the_validation(monkeypatch):
    table = [  # a rate in each row; frozen, fine-tuned, from scratch: validation, test
        [0.5, 0.9, 0.5, 0.9, 0.5, 0.1],
        [0.6, 0.2, 0.4, 0.2, 0.5, 0.7],
        [0.1, 1.0, 0.6, 0.8, 0.4, 0.3],
        [0.2, 1.0, 0.1, 0.9, 0.3, 0.9],
    ]
    figures = iter([0, *np.ravel(table)])  # before them, that of the CNN of 0 to 4
    monkeypatch.setattr(digits, "accuracy", lambda *_: next(figures))
    monkeypatch.setattr(studies, "trainer", lambda *_: lambda *_: None)
    results = digits.transfer(small_pictures.load(), Options(**SIZES, draws=1))
    assert 0.85 < results.pop(digits.BASELINE)[1][0] < 1
    assert results == {"frozen": (0.01, [0.2]), "fine-tuned": (0.03, [0.8]), "from scratch": (0.003, [0.1])}


def test_a_rate_for_each_step():
    rates = studies.falling(0.1, 4)
    assert rates == pytest.approx([0.1, 0.0853553, 0.05, 0.0146447], abs=1e-6)
    model = small_pictures.build_model("CNN", 3, False, TINY)
    part = np.random.default_rng(0).random((4, 8, 8, 1)).astype("float32"), np.array([0, 1, 2, 0], "int32")
    order = small_pictures.batches(part, 4, 4, np.random.default_rng(0))
    weights = model.get_weights()
    train = studies.trainer(model, keras.optimizers.SGD())
    train(weights, np.array([0.1, 0, 0, 0]), order)
    after_all = model.get_weights()
    train(weights, 0.1, [values[:1] for values in order])
    for places in (0, 1, 5, -1):  # the learned ones, not the averages
        assert after_all[places] == pytest.approx(model.get_weights()[places], abs=1e-6)
    assert not np.array_equal(after_all[0], weights[0])


def test_the_script_draws_what_it_measured(tmp_path, capsys):
    digits.main(Options(**SIZES, repeats=1, pictures=2, draws=2, runs=tmp_path, name="x"))
    assert capsys.readouterr().out.splitlines()[-5] == "Conclusion"
    run = tmp_path / "digits" / "x"
    metrics = json.loads((run / "metrics.json").read_text())
    assert set(metrics["networks"]) == {"LSTM", "LSTM, augmented", "CNN", "CNN, augmented"}
    assert set(metrics["transfer"]) == {digits.BASELINE, *digits.WAYS}
    assert (run / "digits.png").stat().st_size > 10_000
