import json
import os

import pytest
from conftest import refused

FIGURES = {"metric": "accuracy", "accuracy": 0.75, "model": "lstm 8", "training_seconds": 12.4, "seed": 0}
FIGURES |= {"corpus": {"name": "a text", "sha256": "aa"}, "baseline": {"name": "guess", "value": 0.5}}


@pytest.fixture
def make_run(tmp_path):
    """Makes the folder of a run that was started at a time, in seconds."""

    def make(name, metrics, time=1e9, **hyperparameters):
        run = tmp_path / name
        run.mkdir(parents=True)
        (run / "hyperparameters.json").write_text(json.dumps({"seed": 0, "name": run.name, **hyperparameters}))
        os.utime(run / "hyperparameters.json", (time, time))
        if metrics is not None:
            (run / "metrics.json").write_text(metrics if isinstance(metrics, str) else json.dumps(metrics))
        return run

    return make


def test_the_list_has_every_run_once_and_says_in_which_state_it_is(make_run, script, tmp_path):
    make_run("chargen/b", FIGURES, time=1e9)
    make_run("chargen/a", FIGURES | {"accuracy": 0.875}, time=1e9 + 86400)
    make_run("sentiment/stopped", None)
    make_run("sentiment/torn", '{"metric": ')
    make_run("lags", None)  # too high up to be a run
    make_run("lags/x", {"results": []})
    (tmp_path / "chargen" / "latest").symlink_to("a")
    process = script("common/compare_runs.py", "--runs", tmp_path)
    rows = [line.split() for line in process.stdout.splitlines()[2:]]
    assert [row[:2] for row in rows] == [
        ["chargen", "b"], ["chargen", "a"], ["lags", "x"], ["sentiment", "stopped"], ["sentiment", "torn"],
    ]  # fmt: skip
    assert rows[1][2].startswith("2001-09-")
    assert rows[1][4:] == ["lstm", "8", "a", "text", "accuracy", "0.8750", "0.5000", "(guess)", "12"]
    assert rows[2][4:] == ["a", "lesson"]
    assert rows[3][4:] == ["unfinished"]
    assert rows[4][4:] == ["damaged"]


def test_two_runs_show_what_differs_and_all_metrics(make_run, script):
    one = make_run("chargen/one", FIGURES | {"by_length": {"7": 1.0}}, hidden_size=8, learning_rate=1e-6)
    two = make_run("chargen/two", FIGURES | {"accuracy": 0.25}, hidden_size=8, learning_rate=2e-6, ngrams=[2])
    settings, metrics = script("common/compare_runs.py", one, two).stdout.split("\n\n")
    rows = [line.split() for line in settings.splitlines()[2:]]
    assert rows == [["learning_rate", "1e-06", "2e-06"], ["ngrams", "-", "[2]"]]
    rows = [line.split() for line in metrics.splitlines()[2:]]
    assert ["accuracy", "0.7500", "0.2500"] in rows
    assert ["by_length:", "7", "1.0000", "-"] in rows
    assert ["baseline:", "value", "0.5000", "0.5000"] in rows


def test_one_run_or_a_damaged_one_cannot_be_compared(make_run, script):
    run = make_run("chargen/one", FIGURES)
    assert refused(script("common/compare_runs.py", run), "one run", "second")
    torn = make_run("chargen/torn", '{"metric": ')
    assert refused(script("common/compare_runs.py", run, torn), str(torn / "metrics.json"), "damaged")
