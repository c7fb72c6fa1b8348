"""List the runs, or put some of them side by side.

python -m common.compare_runs                                             # all runs in runs/
python -m common.compare_runs runs/chargen/latest runs/chargen/gru        # what differs, and all their metrics
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from common import InputError
from common.cli import Flags, run_script
from common.runs import open_run
from common.tables import HEADER, TASKS, print_table, summary

NOT_COMPARED = "name", "runs", "resume"  # flags that say where a run lies, not what it is


@dataclass(frozen=True)
class Options(Flags):
    compared: Positional[tuple[Path, ...]] = ()  # two run folders or more; without any, all runs are listed
    runs: Path = Path("runs")  # folder in which the run folders lie


def find_runs(folder: Path) -> list[Path]:
    """The run folders `<task>/<name>` in a folder, that which was started last at the end of its task."""
    runs = {path.parent for path in folder.glob("*/*/hyperparameters.json") if not path.parent.is_symlink()}
    return sorted(runs, key=lambda run: (run.parent.name, started(run), run.name))


def started(run: Path) -> str:
    """When a run was started, in local time."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime((run / "hyperparameters.json").stat().st_mtime))


def row(run: Path) -> tuple:
    """The row of a run in the list."""
    _, *cells = HEADER
    try:
        _, *cells = summary(run)
    except InputError:
        finished = (run / "metrics.json").exists()
        state = ("damaged" if run.parent.name in TASKS else "a lesson") if finished else "unfinished"
        cells = [state, *[""] * (len(cells) - 1)]
    return run.parent.name, run.name, started(run), *cells


def numbers(metrics: dict, before: str = "") -> dict[str, float]:
    """All numbers of metrics, by name; the name of one in an inner dictionary is `outer: inner`."""
    found = {}
    for name, value in metrics.items():
        if isinstance(value, dict):
            found |= numbers(value, f"{before}{name}: ")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found[before + name] = value
    return found


def side_by_side(columns: list[dict], keep: Callable[[list], bool] = lambda cells: True) -> list[tuple]:
    """One row for each key of some dictionaries, with the values of all; `-` where one has none.

    Args:
        keep: whether a row with these values is wanted.
    """
    keys = dict.fromkeys(key for column in columns for key in column)
    rows = [(key, *(column.get(key, "-") for column in columns)) for key in keys]
    return [row for row in rows if keep(list(row[1:]))]


def differences(opened: list[tuple[dict, dict]]) -> list[tuple]:
    """In which hyperparameters, corpus or versions of libraries runs differ: rows `(name, value, value, ...)`.

    Args:
        opened: hyperparameters and metrics of each, as `open_run` gives them.
    """
    settings = []
    for hyperparameters, metrics in opened:
        compared = {name: str(value) for name, value in hyperparameters.items() if name not in NOT_COMPARED}
        corpus, versions = metrics.get("corpus"), metrics.get("versions")
        compared["corpus"] = corpus.get("name") if isinstance(corpus, dict) else None
        settings.append(compared | (versions if isinstance(versions, dict) else {}))
    return side_by_side(settings, keep=lambda cells: any(cell != cells[0] for cell in cells))


def main(options: Options) -> None:
    if not options.compared:
        print_table(("task", "run", "started", *HEADER[1:]), [row(run) for run in find_runs(options.runs)])
        return
    if len(options.compared) == 1:
        raise InputError(f"{options.compared[0]} is one run; name a second one to compare it with")
    opened = [open_run(run) for run in options.compared]
    names = [str(run) for run in options.compared]
    print_table(("what differs", *names), differences(opened))
    print()
    print_table(("metrics", *names), side_by_side([numbers(metrics) for _, metrics in opened]))


if __name__ == "__main__":
    run_script(main, Options)
