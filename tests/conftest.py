"""Shared by all tests: no network, no corpus unless a test asks for it."""

import contextlib
import fcntl
import io
import os
import runpy
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from common.runs import release_locks
from common.sample import story
from common.saving import replacing

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # on a GPU products have fewer digits (TensorFloat-32) than tests compare

ROOT = Path(__file__).parent.parent

# A shorter story than the generated sample, in the same file for all workers of pytest-xdist.
STORY = Path(tempfile.gettempdir()) / f"story-of-the-tests-{os.getuid()}.txt"
with replacing(STORY) as temporary:
    temporary.write_text(story(400))

# Flags with which a task is trained in seconds.
TINY = {
    "chargen": ["--data", str(STORY), "--hidden-size", "16", "--batch-size", "16", "--epochs", "1"],
    "sentiment": ["--data", "sample", "--hidden-size", "8", "--epochs", "1"],
    "pos_tagging": ["--data", "sample", "--hidden-size", "8", "--epochs", "1"],
    "toy_sequence": ["--sequences", "20", "--epochs", "1"],
}


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """A test that reaches for anything but this machine fails."""
    connect = socket.socket.connect

    def guarded(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise OSError(f"the tests work without network, but something connects to {address}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture
def real_corpora(monkeypatch):
    """The folder with the three published corpora; the test is skipped where there is none."""
    folder = Path(os.environ.get("RNN_DATA", ROOT / "data"))
    names = ("alice_in_wonderland.txt", "umich-sentiment-train.txt", "treebank.zip")
    if not all((folder / name).is_file() for name in names):
        pytest.skip(f"the published corpora are not in {folder}; set RNN_DATA or run `make data`")
    return str(folder)


@pytest.fixture(scope="session")
def new_process():
    """Run a script in a process of its own, as a user does: `new_process("chargen/train.py", "--epochs", "1")`."""

    def run(path, *arguments, input="", **environment):
        return subprocess.run(
            [sys.executable, ROOT / path, *map(str, arguments)],
            cwd=ROOT,
            env={**os.environ, **environment},
            input=input,
            capture_output=True,
            text=not isinstance(input, bytes),
            timeout=300,
        )

    return run


@pytest.fixture
def script(monkeypatch):
    """The same in the process of the tests, where TensorFlow is loaded already: seconds cheaper, and as good for all
    that does not depend on how a process starts and ends."""

    def run(path, *arguments, input="", **environment):
        monkeypatch.chdir(ROOT)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        raw = input.encode() if isinstance(input, str) else input
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
        monkeypatch.setattr(sys, "argv", [str(ROOT / path), *map(str, arguments)])
        returncode = 0
        with contextlib.redirect_stdout(io.StringIO()) as stdout, contextlib.redirect_stderr(io.StringIO()) as stderr:
            try:
                runpy.run_path(str(ROOT / path), run_name="__main__")
            except SystemExit as stop:
                returncode = stop.code or 0
            finally:
                release_locks()  # as the end of a process does
        return SimpleNamespace(returncode=returncode, stdout=stdout.getvalue(), stderr=stderr.getvalue())

    return run


@pytest.fixture(scope="session")
def runs(tmp_path_factory, worker_id):
    """One folder for all workers of pytest-xdist, so that each task is trained only once."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "runs"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def trained(new_process, runs):
    """Trains a task once; returns what it printed, and the run folder, which the tests only read."""

    def train(task):
        run, output = runs / task / "tiny", runs / f"{task}.txt"
        with open(runs / f"{task}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not run.exists():
                process = new_process(f"{task}/train.py", "--runs", runs, "--name", "tiny", *TINY[task])
                output.write_text(process.stderr + process.stdout)
        assert (run / "metrics.json").exists(), output.read_text()
        return output.read_text(), run

    return train


def refused(process, *named):
    """Exit code 2 and one line on stderr that names what is wrong; no traceback."""
    assert process.returncode == 2, process.stderr
    lines = process.stderr.strip().splitlines()
    assert len(lines) == 1, process.stderr
    assert all(name in lines[0] for name in named), lines[0]
    return True
