"""What the code may not do: run what it reads, or reach for the network when it is imported."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("common", "chargen", "sentiment", "pos_tagging", "toy_sequence", "benchmarks")
SOURCES = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
UNSAFE_MODULES = {"pickle", "cPickle", "dill", "joblib", "shelve", "marshal"}
UNSAFE_CALLS = {"eval", "exec", "compile", "__import__"}

SAFE_VALUES = {"allow_pickle": False, "safe_mode": True, "shell": False}  # of arguments


def unsafe(source: str) -> list[str]:
    """The names in a source that unpickle or run what they are given."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.split(".")[0] in UNSAFE_MODULES]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in UNSAFE_MODULES:
            found.append(node.module)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in UNSAFE_CALLS:
            found.append(node.func.id)
        elif isinstance(node, ast.keyword) and node.arg in SAFE_VALUES:
            value = getattr(node.value, "value", None)
            found += [] if value is SAFE_VALUES[node.arg] else [node.arg]
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_nothing_that_is_read_is_run(path):
    assert unsafe(path.read_text()) == []


UNSAFE = ["import pickle", "from joblib import load", "eval('1')", "load(f, allow_pickle=True)", "f(safe_mode=False)"]


@pytest.mark.parametrize("source", UNSAFE)
def test_the_search_finds_what_it_looks_for(source):
    assert unsafe(source)


def test_no_import_reaches_for_the_network():
    paths = [path.relative_to(ROOT) for path in SOURCES if path.stem not in ("__init__", "minimal")]  # those train
    modules = [".".join(path.with_suffix("").parts) for path in paths if path.parts[0] != "benchmarks"]
    guard = "import sys\nsys.addaudithook(lambda event, _: sys.exit(event) if event == 'socket.connect' else None)\n"
    code = guard + "".join(f"import {module}\n" for module in modules)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
