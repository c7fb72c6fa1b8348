"""Trainings that are resumed, stopped or shut off from outside, as processes of their own: none may lie about it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import forked
import pytest
from forked import finished

from common import sample

ROOT = Path(__file__).parent.parent
TINY = ["--hidden-size", "4", "--epochs", "1"]


@pytest.fixture
def start(tmp_path):
    """Starts a training whose output is in `<name>.txt`."""
    processes = []

    def start(path, *arguments, name="output"):
        process = forked.start(path, "--runs", tmp_path / "runs", *TINY, *arguments, output=tmp_path / f"{name}.txt")
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()


def wait_for(text, output, process):
    """Wait until the output of a process holds a text."""
    while text not in (output.read_text() if output.exists() else ""):
        assert process.is_alive(), output.with_suffix(".err").read_text()
        time.sleep(0.01)


def test_a_training_is_not_resumed_on_the_same_rows_in_another_order(start, tmp_path):
    rows = sample.opinions(400).splitlines()
    (tmp_path / "rows.txt").write_text("\n".join(rows))
    process = start("sentiment/train.py", "--data", tmp_path / "rows.txt")
    wait_for("fold 2", tmp_path / "output.txt", process)
    process.kill()
    process.join()
    (tmp_path / "rows.txt").write_text("\n".join(reversed(rows)))
    process = start("sentiment/train.py", "--data", tmp_path / "rows.txt", "--resume")
    (line,) = finished(process, tmp_path / "output.txt", code=2)
    assert "resume with the same corpus" in line


def test_two_processes_cannot_have_one_run(start, tmp_path):
    first = start("sentiment/train.py", "--data", "sample", "--name", "x")
    wait_for("fold 1", tmp_path / "output.txt", first)
    second = start("sentiment/train.py", "--data", "sample", "--resume", name="second")
    (line,) = finished(second, tmp_path / "second.txt", code=2)
    assert "another process trains the run" in line
    assert first.is_alive()
    finished(first, tmp_path / "output.txt")
    assert (tmp_path / "runs" / "sentiment" / "x" / "metrics.json").exists()


@pytest.mark.parametrize(
    ("path", "phase"), [("sentiment/train.py", "fold 3"), ("pos_tagging/train.py", "conditional random field")]
)
def test_a_signal_in_the_folds_or_in_the_evaluation_ends_with_one_line(start, tmp_path, path, phase):
    process = start(path, "--data", "sample", "--name", "x")
    wait_for(phase, tmp_path / "output.txt", process)
    os.kill(process.pid, signal.SIGTERM)
    (line,) = finished(process, tmp_path / "output.txt", code=130)
    assert "interrupted" in line
    assert "--resume" in line


def test_a_training_whose_output_nobody_reads_any_more_does_not_end_as_if_it_were_done(tmp_path):
    command = [sys.executable, ROOT / "toy_sequence" / "train.py", "--runs", tmp_path, "--sequences", "20"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        process.stdout.close()
        (line,) = process.stderr.read().splitlines()
    assert process.returncode == 2
    assert "nobody reads the output" in line
