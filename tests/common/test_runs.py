import json
import os
from dataclasses import dataclass, replace
from typing import Literal

import pytest

from common import InputError, runs, saving
from common.cli import Count, Share


@dataclass(frozen=True)
class Options(runs.RunOptions):
    preset: Literal["default", "book"] = "default"
    hidden_size: Count = 8  # units of the layer
    lengths: tuple[Count, ...] = (1, 2)
    dropout: Share = 0.5
    cell: Literal["lstm", "gru"] = "lstm"


def test_a_run_is_never_overwritten(tmp_path):
    options = Options(runs=tmp_path, name="first")
    run = runs.start_run("task", options)
    assert json.loads((run / "hyperparameters.json").read_text())["hidden_size"] == 8
    with pytest.raises(InputError, match="exists already"):
        runs.start_run("task", options)


def test_a_name_may_not_leave_the_folder(tmp_path):
    with pytest.raises(InputError, match="plain name"):
        runs.start_run("task", Options(runs=tmp_path, name="../elsewhere"))
    assert not (tmp_path.parent / "elsewhere").exists()


def test_latest_points_to_the_newest_finished_run(tmp_path):
    for name in ("one", "two"):
        run = runs.start_run("task", Options(runs=tmp_path, name=name))
        runs.finish_run(run, "task", {"metric": "accuracy"})
    runs.start_run("task", Options(runs=tmp_path, name="unfinished"))
    assert (tmp_path / "task" / "latest").resolve().name == "two"
    assert {"tensorflow", "keras", "numpy"} <= set(runs.open_run(tmp_path / "task" / "latest")[1]["versions"])


TEXT = {"name": "a text", "sha256": "aa"}


def killed(options, corpus=TEXT):
    """A run that was started by a process that is gone."""
    run = runs.start_run("task", options, corpus=corpus)
    runs.release_locks()
    return run


def resume(options, corpus=TEXT):
    try:
        return runs.start_run("task", options, corpus=corpus)
    finally:
        runs.release_locks()


def test_resume_finds_the_unfinished_run_and_wants_the_same_flags(tmp_path):
    options = Options(runs=tmp_path, name="one")
    run = killed(options)
    again = replace(options, name=None, resume=True)
    assert resume(again) == run
    with pytest.raises(InputError, match="--hidden-size 8, not 9"):
        resume(replace(again, hidden_size=9))
    runs.finish_run(run, "task", {})
    with pytest.raises(InputError, match="finished"):
        resume(replace(again, name="one"))
    with pytest.raises(InputError, match="no unfinished run"):
        resume(again)


def test_a_run_is_resumed_on_the_same_corpus_only(tmp_path):
    options = Options(runs=tmp_path, name="one")
    killed(options)
    with pytest.raises(InputError, match=r"a text \(SHA-256 aa\), but .* is generated sample \(SHA-256 bb\)"):
        resume(replace(options, resume=True), {"name": "generated sample", "sha256": "bb"})
    assert resume(replace(options, resume=True))


@pytest.mark.parametrize("name", ["../one", "latest", "a/b"])
def test_the_name_of_a_run_to_resume_is_checked_too(tmp_path, name):
    killed(Options(runs=tmp_path, name="one"))
    with pytest.raises(InputError, match="plain name"):
        resume(Options(runs=tmp_path / "task", name=name, resume=True))


def test_a_run_that_is_being_trained_is_not_taken_and_stays_as_it_is(tmp_path):
    dead = killed(Options(runs=tmp_path, name="dead"))
    live = runs.start_run("task", Options(runs=tmp_path, name="live"), corpus=TEXT)
    (live / ".part-1-model.keras").write_text("half written")
    (dead / ".part-2-model.keras").write_text("half written")
    os.utime(dead, (0, 0))  # the live one is the newest
    with pytest.raises(InputError, match="another process"):
        runs.start_run("task", Options(runs=tmp_path, name="live", resume=True), corpus=TEXT)
    assert runs.start_run("task", Options(runs=tmp_path, resume=True), corpus=TEXT) == dead
    assert (live / ".part-1-model.keras").exists()
    assert not (dead / ".part-2-model.keras").exists()
    runs.release_locks()


def test_a_run_resumed_with_other_code_says_so(tmp_path, monkeypatch, capsys):
    options = Options(runs=tmp_path, name="one")
    run = killed(options)
    monkeypatch.setattr(runs, "_code_version", lambda task: "other code")
    resume(replace(options, resume=True))
    assert "the code has changed" in capsys.readouterr().out
    runs.finish_run(run, "task", {"seed": 0})
    assert saving.read_json(run / "metrics.json")["code_changed_during_training"] is True


def test_evaluating_on_another_corpus_is_refused():
    metrics = {"corpus": {"name": "Alice", "sha256": "aa"}}
    runs.check_corpus(metrics, {"name": "Alice", "sha256": "aa"})
    with pytest.raises(InputError, match=r"aa.*bb"):
        runs.check_corpus(metrics, {"name": "generated sample", "sha256": "bb"})
