import json

import numpy as np
import pytest

from common import InputError
from toy_sequence.memory import lags as lesson
from toy_sequence.memory.lags import Hyperparameters


def test_adding_marks_one_number_in_each_half():
    inputs, sums = lesson.adding(10, 200, np.random.default_rng(0))
    places = set()
    for sequence, total in zip(inputs, sums, strict=True):
        first, second = np.flatnonzero(sequence[:, 1])
        assert first < 5 <= second
        places |= {first, second}
        assert total == pytest.approx([sequence[first, 0] + sequence[second, 0]])
    assert places == set(range(10))


def test_copy_shows_letters_then_blanks_then_nothing():
    inputs, letters = lesson.copy(7, 50, np.random.default_rng(0))
    assert inputs.shape == (50, 3 + 7 + 3, 5)
    assert np.array_equal(inputs[:, :3].argmax(axis=2), letters)
    assert (inputs[:, 3:10] == [0, 0, 0, 0, 1]).all()
    assert not inputs[:, 10:].any()
    assert set(letters.ravel()) == {0, 1, 2, 3}


def test_loss_and_right_by_hand():
    loss, right = lesson.loss_and_right(
        "adding", np.array([[[1.0]], [[0.5]]], "float32"), np.array([[1.05], [1.5]], "float32")
    )
    assert float(loss) == pytest.approx((0.05**2 + 1) / 2, rel=1e-4)
    assert float(right) == 0.5
    logits = np.log([[[0.7, 0.1, 0.1, 0.1], [0.2, 0.4, 0.2, 0.2]]]).astype("float32")
    loss, right = lesson.loss_and_right("copy", logits, np.array([[0, 3]], "float32"))
    assert float(loss) == pytest.approx(-(np.log(0.7) + np.log(0.2)) / 2, rel=1e-4)
    assert float(right) == 0.5


@pytest.mark.parametrize("task", ["adding", "copy"])
def test_a_step_of_training_changes_what_a_test_does_not(task):
    options = Hyperparameters(hidden_size=4, batch_size=8)
    train, test = lesson.build(task, "GRU", options)
    batch = getattr(lesson, task)(10, 8, np.random.default_rng(0))
    before = float(test(*batch))
    assert float(test(*batch)) == before == float(train(*batch))  # what training reports is from before its step
    for _ in range(60):
        train(*batch)
    assert float(test(*batch)) > before


def test_a_lag_that_is_not_learned_ends_the_course(monkeypatch):
    options = Hyperparameters(lags=(4, 6, 8), budget=40, hidden_size=2, batch_size=8)
    monkeypatch.setattr(lesson, "ENOUGH", 1.1)
    monkeypatch.setattr(lesson, "LEARNED", 0.0)
    assert list(lesson.climb("copy", "GRU", options)) == [4, 6, 8]
    monkeypatch.setattr(lesson, "LEARNED", 1.1)
    results = lesson.climb("copy", "GRU", options)
    assert list(results) == [4]
    assert results[4][1] == 10  # batches: 40 time steps of 4


def test_the_longest_lag_learned_and_the_conclusion():
    good, bad = (0.95, 100), (0.5, 100)
    assert lesson.longest_learned({10: good, 20: good, 50: bad}) == 20
    assert lesson.longest_learned({10: bad}) == 0
    results = {
        task: {"SimpleRNN": {10: bad}, "LSTM": {10: good, 20: bad}, "GRU": {10: good, 20: good}}
        for task in ("adding", "copy")
    }
    lines = lesson.conclusion(results)
    assert "SimpleRNN 0, LSTM 10, GRU 20" in lines[0]
    assert "GRU, up to 20 steps" in lines[2]


@pytest.mark.parametrize("lags", [(), (1, 5), (20, 10), (10, 10)])
def test_impossible_lags_are_refused(lags, tmp_path):
    with pytest.raises(InputError, match="--lags"):
        lesson.main(Hyperparameters(lags=lags, runs=tmp_path))
    assert not list(tmp_path.iterdir())


def test_the_script_draws_what_it_measured(tmp_path, capsys):
    options = Hyperparameters(lags=(4, 6), budget=40, hidden_size=2, batch_size=8, runs=tmp_path, name="x")
    lesson.main(options)
    assert capsys.readouterr().out.splitlines()[-5] == "Conclusion"
    run = tmp_path / "lags" / "x"
    results = json.loads((run / "metrics.json").read_text())["results"]
    assert list(results) == ["adding", "copy"]
    assert all(tuple(cells) == lesson.CELLS for cells in results.values())
    assert (run / "lags.png").stat().st_size > 10_000
