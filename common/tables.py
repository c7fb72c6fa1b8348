"""Print tables: `print_table` for the scripts, and one line a task for the newest runs.

python -m common.tables                  # the newest finished run of each task in runs/
python -m common.tables --runs FOLDER    # the same in another folder
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from common import InputError
from common.cli import Flags, run_script
from common.saving import read_json

TASKS = "chargen", "pos_tagging", "sentiment", "toy_sequence"
HEADER = "task", "model", "corpus", "metric", "value", "baseline", "seconds"


@dataclass(frozen=True)
class Options(Flags):
    runs: Path = Path("runs")  # folder in which the run folders lie


def print_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print aligned columns; floats get four decimals."""
    cells = [[f"{cell:.4f}" if isinstance(cell, float) else str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    rule = ["-" * width for width in widths]
    for row in [cells[0], rule, *cells[1:]]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def summary(run: Path) -> tuple:
    """The row of a finished run: the cells that `HEADER` names.

    Raises:
        InputError: its metrics.json is missing or damaged.
    """
    path = run / "metrics.json"
    metrics = read_json(path)
    try:
        name, baseline = metrics["metric"], metrics["baseline"]
        beside = f"{baseline['value']:.4f} ({baseline['name']})"
        seconds = round(metrics["training_seconds"])
        return run.parent.name, metrics["model"], metrics["corpus"]["name"], name, float(metrics[name]), beside, seconds
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{path} is damaged ({error!r}); train again") from None


def main(options: Options) -> None:
    newest = [options.runs / task / "latest" for task in TASKS]
    print_table(HEADER, [summary(run) for run in newest if (run / "metrics.json").is_file()])


if __name__ == "__main__":
    run_script(main, Options)
