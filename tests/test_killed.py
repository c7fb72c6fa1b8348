"""Real training processes that are killed, interrupted, or run out of disk, and resumed."""

import contextlib
import os
import random
import signal
import time
from pathlib import Path

import forked
import numpy as np
import pytest
from forked import finished

import chargen.model  # noqa: F401 - registers the layers
from common.saving import load_model

FLAGS = ["--preset", "default", "--epochs", "2", "--hidden-size", "12", "--batch-size", "4", "--ensemble-size", "2"]
FLAGS += ["--sequence-length", "20", "--sample-length", "1", "--save-every", "3", "--deterministic"]


@pytest.fixture
def output(tmp_path):
    return tmp_path / "output.txt"


@pytest.fixture
def start(output):
    processes = []

    def start(*arguments, **more):
        processes.append(forked.start("chargen/train.py", *arguments, output=output, **more))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()


@pytest.fixture(scope="module")
def flags(tmp_path_factory):
    folder = tmp_path_factory.mktemp("resume")
    return ["--runs", str(folder), "--data", str(forked.write_text(folder)), *FLAGS]


def results(run):
    """The weights of the models, and the history."""
    assert (run / "metrics.json").is_file()
    weights = {path.name: load_model(path)[0].get_weights() for path in sorted(run.glob("*.keras"))}
    return weights, (run / "history.csv").read_text()


@pytest.fixture(scope="module")
def uninterrupted(flags, tmp_path_factory):
    output = tmp_path_factory.mktemp("uninterrupted") / "output.txt"
    finished(forked.start("chargen/train.py", *flags, "--name", "whole", output=output), output)
    return results(Path(flags[1]) / "chargen" / "whole")


def assert_same(run, expected):
    weights, history = results(run)
    assert weights.keys() == expected[0].keys()
    for name, values in weights.items():
        for value, other in zip(values, expected[0][name], strict=True):
            assert np.array_equal(value, other), name
    assert history == expected[1]


def wait_for_savings(backup, count, process):
    """Wait until the files of the folder have been replaced `count` times."""
    seen, last = 0, None
    while seen < count and process.is_alive():
        now = {}
        for path in backup.glob("*.npz"):
            with contextlib.suppress(FileNotFoundError):
                now[path.name] = path.stat().st_mtime_ns
        seen += now != last and last is not None
        last = now
        time.sleep(0.0005)
    assert process.is_alive() or count == 0


@pytest.mark.slow
def test_a_training_that_is_killed_ten_times_ends_with_the_same_bits(flags, start, uninterrupted, output):
    run = Path(flags[1]) / "chargen" / "killed"
    seed = random.randrange(1_000_000)
    print("seed", seed)  # pytest shows it when the test fails
    generator = random.Random(seed)
    for _ in range(10):
        process = start(*flags, "--name", "killed", *(["--resume"] if run.exists() else []))
        wait_for_savings(run / "backup", generator.randint(0, 6), process)
        time.sleep(generator.uniform(0, 0.05))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL, output.with_suffix(".err").read_text()
    finished(start(*flags, "--name", "killed", *(["--resume"] if run.exists() else [])), output)
    assert_same(run, uninterrupted)
    assert not list(run.rglob(".*"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_training_says_where_it_is_saved(flags, start, uninterrupted, output, number):
    run = Path(flags[1]) / "chargen" / number.name
    process = start(*flags, "--name", number.name, "--save-every", "1000000")
    wait_for_savings(run / "backup", 2, process)
    os.kill(process.pid, number)
    (line,) = finished(process, output, code=130)
    assert f"{run}/backup/" in line
    assert "--resume" in line
    if number == signal.SIGTERM:
        return  # resuming is the same for both
    finished(start(*flags, "--name", number.name, "--resume"), output)
    assert_same(run, uninterrupted)


def test_a_full_disk_is_one_line_and_leaves_what_was_saved(flags, start, output):
    run = Path(flags[1]) / "chargen" / "full"
    process = start(*flags, "--name", "full", "--ensemble-size", "1")
    while not (run / "model.keras").exists():
        time.sleep(0.01)
        assert process.is_alive()
    process.kill()
    process.join()
    before = (run / "model.keras").read_bytes()
    with np.load(run / "backup" / "model.npz") as archive:
        assert archive.files
    process = start(*flags, "--name", "full", "--ensemble-size", "1", "--resume", file_size=4096)
    (line,) = finished(process, output, code=2)
    assert line.startswith("train.py: error: ")
    assert (run / "model.keras").read_bytes() == before
    with np.load(run / "backup" / "model.npz") as archive:
        assert archive.files
    assert not list(run.rglob(".part-*"))
