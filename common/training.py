"""From hyperparameters to flags, to a run folder, to a finished run. Nothing here knows about any task or model."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import hashlib
import importlib
import io
import json
import math
import os
import platform
import shutil
import signal
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from common import InputError, WorkerLost
from common.text import Vocabulary

if TYPE_CHECKING:
    from common.workers import Workers


@dataclasses.dataclass(frozen=True)
class NamedRunOptions:
    """Options of every script that leaves a run folder."""

    name: str | None = None
    """Name of the run folder; by default the date and time."""
    runs: Path = Path("runs")
    """Folder in which the run folders lie."""
    seed: int = 0
    """Fixes initial weights, data order, dropout and sampling."""


@dataclasses.dataclass(frozen=True)
class RunOptions(NamedRunOptions):
    """What every train.py asks for; its Hyperparameters inherit it."""

    data: str | None = None
    """A corpus of your own (file, or folder that holds the corpus), or "sample" for the generated one. By default the
    published corpus is looked up, and downloaded if need be."""
    resume: bool = False
    """Continue the interrupted run called --name (by default the newest unfinished one) from what it saved last."""
    save_every: int = 200
    """Steps of training between two savings of all that is needed to resume; each epoch's end is saved as well."""
    deterministic: bool = False
    """Let TensorFlow use only operations that give the same bits every time; slower."""


@dataclasses.dataclass(frozen=True)
class SharedRunOptions(RunOptions):
    """Those of a train.py that several workers can run together, see common/workers.py."""

    strategy: Literal["none", "mirrored", "multiworker"] = "none"
    """Who trains: this process alone; one worker for each GPU of this machine; the workers named in TF_CONFIG."""


# ---------------------------------------------------------------------------------------------------------------------
# Flags and exit codes


def run_script(main: Callable[[Any], None], options: type, presets: dict[str, Any] | None = None) -> None:
    """Turn the command line into an `options` dataclass and call `main` with it; then exit.

    Exit codes: 0 done; 2 bad input or a bad flag, with one line on stderr; 3 another worker is lost; 130 interrupted.

    Args:
        main: takes the dataclass.
        options: a dataclass; every field becomes a flag, and its comment or docstring the help.
        presets: for `--preset NAME`: the dataclass whose values stand where no flag does.
    """
    script, parsed = Path(sys.argv[0]).name, None
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C
    try:
        parsed = parse_flags(options, sys.argv[1:], main.__globals__.get("__doc__") or "", presets)
        main(parsed)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader of our output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(parsed, RunOptions):
            print(f"{script}: error: nobody reads the output any more; --resume continues the run", file=sys.stderr)
            sys.exit(2)
        sys.exit(0)
    except (InputError, OSError) as error:
        print(f"{script}: error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)
    except WorkerLost as error:
        print(f"{script}: error: {error}", file=sys.stderr, flush=True)
        os._exit(3)  # without TensorFlow's own end, which waits for the other worker
    except KeyboardInterrupt as interrupt:
        saved = str(interrupt) or "what was saved last is kept"
        print(f"{script}: interrupted; {saved}; --resume continues a training run", file=sys.stderr)
        sys.exit(130)
    finally:
        release_locks()


def parse_flags(options: type, arguments: list[str], description: str = "", presets: dict | None = None) -> Any:
    """Parse `arguments` into the dataclass `options` with tyro and check the values (see `check_values`).

    Raises:
        InputError: an unknown flag or an impossible value.
        SystemExit: after `--help`.
    """
    import tyro

    _check_text(arguments)
    defaults = options() if presets is None else presets[_preset(arguments, presets)]
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            parsed = tyro.cli(
                options,
                args=arguments,
                default=defaults,
                description=description,
                config=(tyro.conf.FlagCreatePairsOff,),
            )
    except SystemExit as stop:
        if stop.code in (0, None):
            raise
        raise InputError(_one_line(complaint.getvalue())) from None
    check_values(parsed)
    return parsed


def _check_text(arguments: list[str]) -> None:
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError:  # bytes that Python could not decode
            raise InputError(f"{argument!r} is not valid UTF-8") from None


def _preset(arguments: list[str], presets: dict) -> str:
    """The value of `--preset` among the arguments; tyro complains later where it is none of the presets."""
    chosen = next(iter(presets))
    for position, argument in enumerate(arguments):
        flag, equals, value = argument.partition("=")
        if flag == "--preset":
            chosen = value if equals else "".join(arguments[position + 1 : position + 2])
    return chosen if chosen in presets else next(iter(presets))


def _one_line(box: str) -> str:
    """What tyro writes in a box of several lines, as one line: its first paragraph, and what it thinks was meant."""
    paragraphs, current = [], []
    for line in box.splitlines()[1:]:
        line = line.strip("│ ")
        if line.startswith(("───", "---", "╰")):  # without UTF-8, tyro draws with hyphens
            paragraphs.append(" ".join(current))
            current = []
        else:
            current.append(line)
    wanted = [text for text in paragraphs if text and not text.startswith(("For full help", "Argument helptext"))]
    return "; ".join(wanted or ["bad flags"]) + "; --help lists the flags"


def check_values(options: Any) -> None:
    """Check the numbers of a dataclass of options by their meaning, which is the same in every script.

    Counts and sizes are at least 1 and fit in 32 bits, rates and other real numbers finite and above 0; `seed`, `top_k`
    and a `dropout` may be 0, a dropout is below 1.

    Raises:
        InputError: names the flag, the value and the bound.
    """
    given = [(field.name, getattr(options, field.name)) for field in dataclasses.fields(options)]
    given = [(name, one) for name, value in given for one in (value if isinstance(value, tuple) else [value])]
    for name, value in given:
        flag = "--" + name.replace("_", "-")
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        may_be_zero = name in ("seed", "top_k") or name.endswith("dropout")
        if not math.isfinite(value) or value < 0 or (value == 0 and not may_be_zero):
            raise InputError(f"{flag} is {value}; it must be {'at least 0' if may_be_zero else 'above 0'}")
        if name.endswith("dropout") and value >= 1:
            raise InputError(f"{flag} is {value}; it must be below 1")
        if isinstance(value, int) and value >= 2**31:
            raise InputError(f"{flag} is {value}; it must be below 2**31")


# ---------------------------------------------------------------------------------------------------------------------
# TensorFlow


def load_tensorflow(options: Any = None) -> Workers:
    """Import TensorFlow without the log lines of its start.

    The scripts call this once flags and files have been checked: `--help` and errors need not wait for the import.

    Args:
        options: for a training, a dataclass with `seed`: find the other workers, say what it runs on, fix the seed.

    Returns:
        The workers that train together, usually this process alone.
    """
    from common.workers import Workers, connect

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # what matters comes as an exception
    os.environ["KERAS_BACKEND"] = "tensorflow"
    started = "tensorflow" in sys.modules
    sys.stderr.flush()
    stderr, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)  # TensorFlow's C++ start-up messages go straight to file descriptor 2
    try:
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
        tf.get_logger().setLevel("ERROR")
        if not started and not gpus:
            from common.recurrent import use_cores

            use_cores()
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(null)
    if options is None:
        return Workers()
    import keras

    workers = connect(getattr(options, "strategy", "none"))
    where = f"{len(gpus)} GPU" if gpus else f"CPU, {os.cpu_count()} cores"
    together = f", {workers.count} workers" if workers.count > 1 else ""
    print(
        f"TensorFlow {tf.__version__}, Keras {keras.__version__} on {where}{together}; seed {options.seed}", flush=True
    )
    keras.utils.set_random_seed(options.seed)
    if getattr(options, "deterministic", False):
        tf.config.experimental.enable_op_determinism()
    return workers


# ---------------------------------------------------------------------------------------------------------------------
# A run folder: runs/<task>/<name>/


def start_run(task: str, options: NamedRunOptions, chief: bool = True, corpus: dict | None = None) -> Path:
    """Make the run folder `runs/<task>/<name>` with `hyperparameters.json` and `backup/` in it, or find the one to
    resume, and lock it for this process. Workers that are not the chief only get its path.

    Args:
        options: `NamedRunOptions`; only `RunOptions` can ask to resume.
        corpus: `{"name", "sha256"}`; a run is resumed on the same corpus only.

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


def callbacks(
    run: Path,
    monitor: str,
    vocabularies: dict[str, Vocabulary],
    options: RunOptions,
    batches: Any,
    patience: int,
    name: str = "model",
    workers: Workers | None = None,
) -> list[Any]:
    """Keras's callbacks for a training that may be resumed: the best model, backup, early stopping, and for the main
    model of the run history.csv and TensorBoard.

    Args:
        run: the run folder.
        monitor: the validation metric that decides which epoch is best, such as `val_loss`.
        vocabularies: saved with the model.
        options: those of the script.
        batches: the dataset that is trained on; the backup tells it the epoch.
        patience: epochs without improvement after which training stops.
        name: of the model's file, without `.keras`; the main one is `model`.
        workers: those who train together; only the chief writes.
    """
    import keras

    from common.backup import Backup
    from common.workers import Workers

    workers = workers or Workers()
    mode = "max" if "accuracy" in monitor else "min"
    better = max if mode == "max" else min
    main = name == "model"
    stopping = keras.callbacks.EarlyStopping(monitor, mode=mode, patience=patience, verbose=1)
    history = run / "history.csv" if main else None
    backup = Backup(run / "backup" / f"{name}.npz", batches, options.save_every, history, stopping, workers)

    class SaveBestModel(keras.callbacks.Callback):
        """Write the model when the monitored metric is better than in all epochs before, resumed ones included."""

        def on_epoch_end(self, epoch, logs=None):
            if all(better(logs[monitor], row[monitor]) != row[monitor] for row in backup.rows):
                save_model(self.model, run / f"{name}.keras", **vocabularies)

    written_by_chief = [SaveBestModel()]
    if main:
        written_by_chief.append(keras.callbacks.TensorBoard(run / "tensorboard", write_graph=False))
    return [keras.callbacks.TerminateOnNaN(), *(written_by_chief if workers.chief else []), stopping, backup]


def start_anew() -> Any:
    """A Keras callback that forgets the states of stateful layers before each epoch and before each validation."""
    import keras

    class StartAnew(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch=None, logs=None):
            for layer in self.model.layers:
                if getattr(layer, "stateful", False):
                    layer.reset_states()

        def on_test_begin(self, logs=None):
            self.on_epoch_begin()

    return StartAnew()


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
        InputError: there is no such run, or it is not finished.
    """
    if not (run / "metrics.json").is_file():
        task = run.parent.name or "<task>"
        raise InputError(
            f"there is no finished run in {run}; train one: python {task}/train.py, or name one with --run"
        )
    return read_json(run / "hyperparameters.json"), read_json(run / "metrics.json")


def check_corpus(metrics: dict, corpus: dict) -> None:
    """Raise InputError unless `corpus` is the one that the run was trained on: its test part would mean nothing."""
    trained = metrics["corpus"]
    if trained["sha256"] != corpus["sha256"]:
        raise InputError(
            f"the run was trained on {trained['name']} (SHA-256 {trained['sha256']}), but the corpus found is "
            f"{corpus['name']} ({corpus['sha256']}); evaluate with the same corpus, see --data"
        )


def save_model(model: Any, path: Path, **vocabularies: Vocabulary) -> None:
    """Save a Keras model and its vocabularies in one `.keras` file, atomically.

    A `.keras` file is a zip; the vocabularies are one more member, `vocabularies.json`, which Keras itself ignores.
    """
    with replacing(path) as temporary:
        model.save(temporary)
        with zipfile.ZipFile(temporary, "a") as archive:
            tokens = {name: vocabulary.tokens for name, vocabulary in vocabularies.items()}
            archive.writestr("vocabularies.json", json.dumps(tokens, ensure_ascii=False))


def load_model(path: Path, *modules: str) -> tuple[Any, dict[str, Vocabulary]]:
    """Load what `save_model` wrote: the model, not compiled, and its vocabularies by name.

    Nothing in the file is run: Keras's safe mode refuses Lambda layers, and no class but Keras's and those of
    common/recurrent.py and of `modules`, which are named as in an import, is known here.

    Raises:
        InputError: no such file, a damaged one, one without vocabularies, or one with other classes.
    """
    if not path.is_file():
        raise InputError(f"there is no model {path}; train one, or name its run folder with --run")
    load_tensorflow()
    import keras

    for module in ("common.recurrent", *modules):  # they register the layers that the file may hold
        importlib.import_module(module)

    try:
        with zipfile.ZipFile(path) as archive:
            tokens = json.loads(archive.read("vocabularies.json"))
        vocabularies = {name: Vocabulary([str(token) for token in known]) for name, known in tokens.items()}
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # whatever zipfile, JSON, HDF5 and Keras may find in a file
        reason = (str(error).strip() or type(error).__name__).split("\n")[0]
        raise InputError(f"{path} is damaged or not a model of this suite ({reason}); train again") from None
    return model, vocabularies


def write_json(path: Path, content: Any) -> None:
    """Write JSON atomically: a reader sees the old file or the new one, never half of one."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give the path of a file to write, which takes the place of `path` if all goes well: whoever looks at `path` sees
    the old file or the new one, never half of one, even if the process is killed."""
    temporary = path.with_name(f".part-{os.getpid()}-{path.name}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def read_json(path: Path) -> Any:
    """Read a JSON file of a run; InputError if it is missing or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path} is missing; is {path.parent} the folder of a run?") from None
    except ValueError as error:
        raise InputError(f"{path} is damaged ({error}); train again") from None
