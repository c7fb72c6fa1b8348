"""Run folders: runs/<task>/<name>/, one for each training, never overwritten."""

from __future__ import annotations

import dataclasses
import fcntl
import hashlib
import json
import os
import platform
import shutil
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from common import InputError
from common.cli import Count, Flags, Seed
from common.saving import read_json, write_json


@dataclasses.dataclass(frozen=True)
class NamedRunOptions(Flags):
    """Options of every script that leaves a run folder."""

    name: str | None = None
    """Name of the run folder; by default the date and time."""
    runs: Path = Path("runs")
    """Folder in which the run folders lie."""
    seed: Seed = 0
    """Fixes initial weights, data order, dropout and sampling."""


@dataclasses.dataclass(frozen=True)
class RunOptions(NamedRunOptions):
    """What every train.py asks for; its Hyperparameters inherit it."""

    data: str | None = None
    """A corpus of your own (file, or folder that holds the corpus), "sample" for the generated one, or, for chargen,
    "botchan". By default the published corpus is looked up, and downloaded if need be."""
    resume: bool = False
    """Continue the interrupted run called --name (by default the newest unfinished one) from what it saved last."""
    save_every: Count = 200
    """Steps of training between two savings of all that is needed to resume; each epoch's end is saved as well."""
    deterministic: bool = False
    """Let TensorFlow use only operations that give the same bits every time; slower."""


@dataclasses.dataclass(frozen=True)
class SharedRunOptions(RunOptions):
    """Those of a train.py that several workers can run together, see common/distributed.py."""

    strategy: Literal["none", "mirrored", "multiworker"] = "none"
    """Who trains: this process alone; one worker for each GPU of this machine; the workers named in TF_CONFIG."""


def start_run(task: str, options: NamedRunOptions, corpus: dict | None = None, chief: bool = True) -> Path:
    """Make the run folder `runs/<task>/<name>` with `hyperparameters.json` and `backup/` in it, or find the one to
    resume, and lock it for this process.

    Args:
        options: `NamedRunOptions`; only `RunOptions` can ask to resume.
        corpus: `{"name", "sha256"}`; a run is resumed on the same corpus only.
        chief: false in a worker that is not the chief (common/distributed.py), which only gets the path.

    Raises:
        InputError: the run exists already (a run is never overwritten), there is none to resume, another process is
            training it, or flags or corpus differ from those that it was started with.
    """
    folder = options.runs / task
    if not chief:
        return folder / (options.name or "")
    if options.name and (Path(options.name).name != options.name or options.name in ("..", "latest")):
        raise InputError(f"--name is {options.name!r}; it must be a plain name, without slashes, and not `latest`")
    started = {"corpus": corpus, "code": _code_version(task)}
    if getattr(options, "resume", False):  # not every script can resume
        run = _lock_unfinished(folder, options.name)
        _check_resumable(run, options, started)
    else:
        run = folder / (options.name or time.strftime("%Y-%m-%d_%H-%M-%S"))
        try:
            run.mkdir(parents=True)
        except FileExistsError:
            raise InputError(f"the run {run} exists already; choose another --name, or --resume it") from None
        (run / "backup").mkdir()
        if not _lock(run):
            raise InputError(f"another process trains the run {run}; choose another --name")
        write_json(run / "backup" / "started.json", started)
        write_json(run / "hyperparameters.json", _as_json(options))
    print(f"run folder: {run}", flush=True)
    return run


def _lock_unfinished(folder: Path, name: str | None) -> Path:
    """Lock the run to resume: that of a name, or the newest unfinished one that no other process is training."""
    if name:
        run = folder / name
        if (run / "metrics.json").exists():
            raise InputError(f"the run {run} is finished; choose another --name to start a new one")
        if not (run / "backup").is_dir():
            raise InputError(f"there is no run {run} to resume; leave out --resume to start it")
        unfinished = [run]
    else:
        unfinished = [path.parent for path in folder.glob("*/backup") if not (path.parent / "metrics.json").exists()]
        if not unfinished:
            raise InputError(f"there is no unfinished run in {folder}; leave out --resume to start a new one")
    for run in sorted(unfinished, key=lambda run: run.stat().st_mtime, reverse=True):
        if _lock(run):
            return run
    raise InputError(f"another process trains the run {run}; wait for its end, or interrupt it")


def _check_resumable(run: Path, options: RunOptions, started: dict) -> None:
    for half_written in run.rglob(".part-*"):
        half_written.unlink()
    for path, content in (
        (run / "backup" / "started.json", started),
        (run / "hyperparameters.json", _as_json(options)),
    ):
        if not path.exists():  # killed before it could even write them
            write_json(path, content)
    before = read_json(run / "hyperparameters.json")
    for key, value in _as_json(options).items():
        if key not in ("resume", "name", "runs", "save_every", "strategy") and before.get(key) != value:
            flag = "--" + key.replace("_", "-")
            raise InputError(
                f"{run} was started with {flag} {before.get(key)}, not {value}; resume with the same flags"
            )
    at_start = read_json(run / "backup" / "started.json")
    if at_start["corpus"] != started["corpus"]:
        then, now = (
            f"{corpus['name']} (SHA-256 {corpus['sha256']})" for corpus in (at_start["corpus"], started["corpus"])
        )
        raise InputError(f"{run} was started on {then}, but the corpus found now is {now}; resume with the same corpus")
    if at_start["code"] != started["code"]:
        print("*** the code has changed since this run was started; metrics.json will say so ***", flush=True)


def _code_version(task: str) -> str:
    """A hash of the sources of a task and of common/."""
    root = Path(__file__).parent.parent
    sources = [path for folder in ("common", task) for path in sorted((root / folder).rglob("*.py"))]
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()


_locks: list = []  # open files; closing one gives its lock back


def _lock(run: Path) -> bool:
    """Lock a run for this process; false if another process has locked it."""
    file = open(run / "backup" / "lock", "w")  # noqa: SIM115
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return False
    _locks.append(file)
    return True


def release_locks() -> None:
    """Give back the locks of all runs of this process."""
    while _locks:
        _locks.pop().close()


def _as_json(options: Any) -> dict:
    return json.loads(json.dumps(dataclasses.asdict(options), default=str))


def finish_run(run: Path, task: str, metrics: dict[str, Any]) -> None:
    """Write `metrics.json`, with the versions of the libraries added, point `runs/<task>/latest` to this run, and drop
    its backup."""
    names = ("tensorflow", "keras", "numpy", "nltk", "scikit-learn")
    versions = {"python": platform.python_version(), **{name: version(name) for name in names}}
    started = run / "backup" / "started.json"
    if started.exists() and read_json(started)["code"] != _code_version(task):
        metrics = metrics | {"code_changed_during_training": True}
    write_json(run / "metrics.json", {"task": task, "versions": versions, **metrics})
    pointer = run.parent / f".latest-{os.getpid()}"
    pointer.symlink_to(run.name)
    os.replace(pointer, run.parent / "latest")
    shutil.rmtree(run / "backup", ignore_errors=True)


def open_run(run: Path) -> tuple[dict, dict]:
    """The hyperparameters and the metrics of a finished run.

    Raises:
        InputError: there is no such run, it is not finished, or its files are damaged.
    """
    if not (run / "metrics.json").is_file():
        task = run.parent.name or "<task>"
        raise InputError(
            f"there is no finished run in {run}; train one: python {task}/train.py, or name one with --run"
        )
    contents = read_json(run / "hyperparameters.json"), read_json(run / "metrics.json")
    for name, content, needed in zip(("hyperparameters", "metrics"), contents, ("seed", "metric"), strict=True):
        if not isinstance(content, dict) or needed not in content:
            raise InputError(f"{run / name}.json is damaged: it has no {needed!r}; train again")
    return contents


def check_corpus(metrics: dict, corpus: dict) -> None:
    """Raise InputError unless `corpus` is the one that the run was trained on: its test part would mean nothing."""
    trained = metrics.get("corpus")
    if not isinstance(trained, dict) or not {"name", "sha256"} <= trained.keys():
        raise InputError("the metrics.json of the run is damaged: its corpus has no name and hash; train again")
    if trained["sha256"] != corpus["sha256"]:
        raise InputError(
            f"the run was trained on {trained['name']} (SHA-256 {trained['sha256']}), but the corpus found is "
            f"{corpus['name']} ({corpus['sha256']}); evaluate with the same corpus, see --data"
        )
