"""Print tables: `print_table` for the scripts, and one line a task for the newest runs.

python -m common.tables           # the newest finished run of each task in runs/
python -m common.tables FOLDER    # the same in another folder
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from common.saving import read_json


def print_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print aligned columns; floats get four decimals."""
    cells = [[f"{cell:.4f}" if isinstance(cell, float) else str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    rule = ["-" * width for width in widths]
    for row in [cells[0], rule, *cells[1:]]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def main(runs: Path) -> None:
    rows = []
    for task in ("chargen", "pos_tagging", "sentiment", "toy_sequence"):
        if (runs / task / "latest" / "metrics.json").is_file():
            metrics = read_json(runs / task / "latest" / "metrics.json")
            metric, baseline = metrics["metric"], metrics["baseline"]
            rows.append(
                (
                    task,
                    metrics["model"],
                    metrics["corpus"]["name"],
                    metric,
                    float(metrics[metric]),
                    f"{baseline['value']:.4f} ({baseline['name']})",
                    round(metrics["training_seconds"]),
                )
            )
    print_table(("task", "model", "corpus", "metric", "value", "baseline", "seconds"), rows)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs"))
