"""How far do the figures spread when only the seed changes?

    python -m common.seeds                                           # all four tasks, seeds 0 to 4 (half an hour)
    python -m common.seeds chargen --seeds 3 --runs runs/gru --flags="--cell gru"   # flags of train.py

Runs train.py of each task with each seed, in runs/seeds/<task>/seed-N, and prints one table. If it is interrupted, the
same command goes on: finished trainings are kept, a begun one is resumed.
"""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from tyro.conf import Positional

from common import InputError
from common.cli import Bounds, Flags, run_script
from common.runs import open_run
from common.saving import read_json, write_json
from common.tables import TASKS, print_table

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Options(Flags):
    tasks: Positional[tuple[Literal[TASKS], ...]] = TASKS  # which tasks
    seeds: Annotated[int, Bounds(least=2, below=1000)] = 5  # how many; they count from 0
    runs: Path = Path("runs/seeds")  # folder in which the run folders lie
    flags: str = ""  # more flags for train.py, in one string


def train(run: Path, seed: int, flags: str) -> None:
    """Train a run, or go on with it, unless it is finished. InputError says why a training has failed."""
    if (run / "metrics.json").exists():
        return
    task, folder = run.parent.name, run.parent.parent
    command = [sys.executable, ROOT / task / "train.py", "--runs", folder, "--name", run.name, "--seed", str(seed)]
    command += ["--resume"] * (run / "backup").is_dir() + flags.split()
    process = subprocess.run(command, stderr=subprocess.PIPE, text=True)
    if process.returncode:
        reason = (process.stderr.strip() or f"exit code {process.returncode}").splitlines()[-1]
        raise InputError(f"the training of {run} has failed: {reason}")


def rows(runs: list[Path]) -> list[tuple]:
    """The rows of the table for the runs of one task, which may differ in their seed only."""
    opened = [open_run(run) for run in runs]
    but_seed = {"seed": None, "name": None, "runs": None, "resume": None}
    settings = [hyperparameters | but_seed | {"corpus": metrics["corpus"]} for hyperparameters, metrics in opened]
    for run, its in zip(runs, settings, strict=True):
        if its != settings[0]:
            raise InputError(f"{run} and {runs[0]} have other settings or another corpus; remove one of them")
    labels = opened[0][1]["metric"], opened[0][1]["baseline"]["name"]
    values = np.array([(metrics[labels[0]], metrics["baseline"]["value"]) for _, metrics in opened])  # (seeds, 2)
    measures = values.mean(axis=0), values.std(axis=0, ddof=1), values.min(axis=0), values.max(axis=0)
    return [(runs[0].parent.name, *row) for row in zip(labels, *measures, strict=True)]


def main(options: Options) -> None:
    table = []
    for task in options.tasks:
        folder, flags = options.runs / task, options.runs / task / "flags.json"
        if any(folder.glob("seed-*")) and read_json(flags) != options.flags:
            raise InputError(f"the runs in {folder} have other --flags ({flags}); choose another --runs")
        folder.mkdir(parents=True, exist_ok=True)
        write_json(flags, options.flags)
        for seed in range(options.seeds):
            print(f"=== {task}, seed {seed} ===", flush=True)
            train(folder / f"seed-{seed}", seed, options.flags)
        table += rows([folder / f"seed-{seed}" for seed in range(options.seeds)])
    print()
    print_table((f"{options.seeds} seeds", "metric", "mean", "standard deviation", "minimum", "maximum"), table)


if __name__ == "__main__":
    run_script(main, Options)
