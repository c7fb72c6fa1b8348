"""Do the tests notice when the code is wrong? Change it in one place after another, and see whether they fail.

    make mutants                                      # 10 mutants of each file in tests/mutants.toml (hours)
    make mutants ARGS="--sample 0"                    # all of them (days)
    make mutants ARGS="--files 'common/*' --retry"    # those that survived once more, after tests were added
    make mutants ARGS="--report"                      # the score so far

cosmic-ray makes the mutants (`<` becomes `<=`, 1 becomes 2, a loop is never entered, ...) in a copy of the tree. A
mutant is killed if one of the file's tests fails or takes far longer than usual. The results stay in `.mutants/`:
stopped at any moment, the same command goes on. A file that was edited begins anew.
Not mutated: annotations, messages (what is printed or raised), the defaults of dataclasses (choices, not behaviour)
and `if __name__ == "__main__"`. Mutants that change nothing that matters stand in tests/accepted_mutants.txt.
"""

import argparse
import ast
import difflib
import fnmatch
import hashlib
import multiprocessing
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
import tomllib
from collections import Counter
from pathlib import Path

import pytest
from cosmic_ray.commands.init import init
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator
from cosmic_ray.work_db import use_db
from cosmic_ray.work_item import TestOutcome, WorkerOutcome, WorkResult

ROOT = Path(__file__).parent.parent
SESSIONS = ROOT / ".mutants"
NOT_COPIED = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "data", "runs")
# Mutants that any test would see (a bit shift of floats), or hardly any could (`is` for `==`).
POINTLESS = re.compile(
    r"core/Replace(BinaryOperator_\w+_(.Shift|Bit.+|Mod|Pow)|ComparisonOperator_((?!Is).+_Is.*|Is(Not)?_(?!Is).+))"
)
PYTEST = ("-x", "-n", "0", "-p", "no:cacheprovider", "--basetemp", "../tmp")
fork = multiprocessing.get_context("forkserver")
fork.set_forkserver_preload(["keras", "sklearn.metrics", "matplotlib.pyplot", "hypothesis"])


def left_alone(source: str) -> list[ast.AST]:
    """The parts of a source that are not mutated."""
    parts = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef):
            parts += [field for field in node.body if isinstance(field, ast.AnnAssign)]
        elif isinstance(node, ast.Raise) or (isinstance(node, ast.Call) and ast.unparse(node.func) == "print"):
            parts.append(node)
        elif isinstance(node, ast.If) and "__name__" in ast.unparse(node.test):
            parts.append(node.test)
        parts += [part for part in (getattr(node, "annotation", None), getattr(node, "returns", None)) if part]
    return parts


def sampled(items, source: str, sample: int) -> list:
    """`sample` mutants of a file (0: all), always the same, each in another place as long as there are places."""
    spans = [((part.lineno, part.col_offset), (part.end_lineno, part.end_col_offset)) for part in left_alone(source)]
    items = [item for item in items if not any(start <= item.mutations[0].start_pos < end for start, end in spans)]
    items.sort(key=lambda item: (item.mutations[0].operator_name, item.mutations[0].occurrence))
    items = [item for item in items if not POINTLESS.fullmatch(item.mutations[0].operator_name)]
    random.Random(0).shuffle(items)
    rounds, met = {}, Counter()
    for item in items:
        place = item.mutations[0].start_pos
        rounds[item.job_id], met[place] = met[place], met[place] + 1
    items.sort(key=lambda item: rounds[item.job_id])
    return items[: sample or None]


def mutate(mutation, source: str) -> tuple[str, str, str]:
    """The mutated source, and the line that is changed: as it is, and as it becomes."""
    mutated = mutate_code(source, get_operator(mutation.operator_name)(), mutation.occurrence)
    lines = list(difflib.unified_diff(source.splitlines(), mutated.splitlines(), n=0, lineterm=""))[3:]
    before, after = (" ".join(line[1:].strip() for line in lines if line[0] == sign) for sign in "-+")
    return mutated, before, after or f"without {before.strip()}"


def run_pytest(tests):
    os.setsid()  # a group of its own, to be ended together
    for number in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), number)
    sys.path.insert(0, os.getcwd())  # before the editable install of ROOT
    os._exit(pytest.main([*PYTEST, *tests]))


def passes(tests: list[str], seconds: float) -> bool:
    """Whether tests pass in that time. They run in a fork of a process that has loaded TensorFlow already."""
    process = fork.Process(target=run_pytest, args=(tests,))
    process.start()
    process.join(seconds)
    if process.exitcode is None:
        os.killpg(process.pid, signal.SIGKILL)
    return process.exitcode == 0


def try_file(path: str, tests: list[str], accepted: set[str], options) -> Counter:
    """Try the mutants of a file that have no result yet: how many are killed, survived, accepted, not tried."""
    source, outcomes, seconds = Path(path).read_text(), Counter(), None
    digest = hashlib.sha256(source.encode()).hexdigest()[:8]
    with use_db(str(SESSIONS / f"{path.replace('/', '.')}-{digest}.sqlite")) as session:
        if not session.num_work_items:
            init([Path(path)], session, {})
        results = dict(session.results)
        for item in sampled(list(session.work_items), source, options.sample):
            mutated, before, after = mutate(item.mutations[0], source)
            if f"{path}: {after}" in accepted:
                outcomes["accepted"] += 1
                continue
            result = results.get(item.job_id)
            if not options.report and (result is None or (options.retry and not result.is_killed)):
                if seconds is None:
                    start = time.monotonic()
                    if not passes(tests, 3600):
                        print(f"{path}: left out, for {' '.join(tests)} fail without a mutant")
                        break
                    seconds = time.monotonic() - start
                Path(path).write_text(mutated)
                outcome = TestOutcome.SURVIVED if passes(tests, 3 * seconds + 20) else TestOutcome.KILLED
                Path(path).write_text(source)
                result = WorkResult(WorkerOutcome.NORMAL, test_outcome=outcome)
                session.set_result(item.job_id, result)
            outcome = "not tried" if result is None else result.test_outcome.value
            outcomes[outcome] += 1
            if outcome == "survived":
                print(f"{path}:{item.mutations[0].start_pos[0]}\n    - {before}\n    + {after}", flush=True)
    print(path, dict(outcomes), flush=True)
    return outcomes


def try_all(options):
    """Try the mutants of all files, and print the score of each group."""
    lines = Path("tests/accepted_mutants.txt").read_text().splitlines()
    accepted = {line.rpartition("  # ")[0] for line in lines if not line.startswith("#")}
    for group in tomllib.loads(Path("tests/mutants.toml").read_text()).values():
        files = fnmatch.filter(group["tests"], options.files)
        outcomes = sum(
            (try_file(path, [f"tests/{name}" for name in group["tests"][path]], accepted, options) for path in files),
            Counter(),
        )
        if tried := outcomes["killed"] + outcomes["survived"]:
            share = outcomes["killed"] / tried
            print(f"\n{group['says']}: {share:.1%} killed of {tried} (goal {group['goal']:.0%}); {dict(outcomes)}\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, default=10, help="mutants of each file (default 10; 0: all)")
    parser.add_argument("--files", default="*", help="only the files that this pattern matches")
    parser.add_argument("--retry", action="store_true", help="try those that survived once more")
    parser.add_argument("--report", action="store_true", help="try none")
    options = parser.parse_args()

    SESSIONS.mkdir(exist_ok=True)
    os.environ["RNN_DATA"] = os.path.abspath(os.environ.get("RNN_DATA", ROOT / "data"))
    with tempfile.TemporaryDirectory() as folder:
        tree = shutil.copytree(ROOT, Path(folder, "tree"), ignore=NOT_COPIED)
        os.chdir(tree)
        os.environ |= {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
        try_all(options)


if __name__ == "__main__":
    main()
