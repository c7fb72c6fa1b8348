"""Shared by all tests: no network, no corpus unless a test asks for it."""

import contextlib
import io
import os
import runpy
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from common.runs import release_locks

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

ROOT = Path(__file__).parent.parent


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
