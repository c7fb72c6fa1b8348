"""From the fields of a dataclass to the flags of a script, and from errors to exit codes. And how TensorFlow starts."""

from __future__ import annotations

import _thread
import contextlib
import dataclasses
import io
import math
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, get_args, get_type_hints

from common import InputError, WorkerLost


@dataclasses.dataclass(frozen=True)
class Bounds:
    """What a number may be: from `least` (or above it, if `above`) up to, but not including, `below`."""

    least: float = 0
    above: bool = False
    below: float = math.inf

    def check(self, flag: str, value: float) -> None:
        """Raise InputError, which names the flag, the value and the bound."""
        if not math.isfinite(value) or value < self.least or (self.above and value == self.least):
            raise InputError(f"{flag} is {value}; it must be {'above' if self.above else 'at least'} {self.least}")
        if value >= self.below:
            raise InputError(f"{flag} is {value}; it must be below {self.below}")


Count = Annotated[int, Bounds(least=1, below=2**31)]  # a number of steps, of sentences, ...
Size = Annotated[int, Bounds(least=1, below=10_001)]  # of a layer: weights of a larger one would fill the memory
Layers = Annotated[int, Bounds(least=1, below=101)]  # one upon the other: more take minutes to plan
Seed = Annotated[int, Bounds(below=2**31)]
Positive = Annotated[float, Bounds(above=True)]  # a temperature, a standard deviation, ...
LearningRate = Annotated[float, Bounds(above=True, below=1000)]
Share = Annotated[float, Bounds(below=1)]  # of what is dropped
Weight = Annotated[float, Bounds()]  # of a part of the loss; 0 leaves the part out


class Flags:
    """The fields of a dataclass that inherits this are the flags of a script, and its bounds are checked: those of the
    flags, and those of a default that somebody has edited."""

    def __post_init__(self):
        for name, kind in get_type_hints(type(self), include_extras=True).items():
            values = getattr(self, name)
            for part in (kind, *get_args(kind)):  # the second for tuple[Count, ...] and Count | None
                for bounds in getattr(part, "__metadata__", ()):
                    for value in values if isinstance(values, tuple) else (values,):
                        if isinstance(bounds, Bounds) and value is not None:
                            bounds.check("--" + name.replace("_", "-"), value)


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
    sys.unraisablehook = interrupt_again
    open_standard_streams()
    try:
        parsed = parse_flags(options, sys.argv[1:], main.__globals__.get("__doc__") or "", presets)
        main(parsed)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader of our output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if hasattr(parsed, "resume"):
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
        saved = str(interrupt) or "what was saved last is kept; --resume continues a training run"
        print(f"{script}: interrupted; {saved}", file=sys.stderr)
        sys.exit(130)


def interrupt_again(ignored) -> None:
    """A signal may arrive while a destructor runs, where Python ignores exceptions: let it arrive once more."""
    if ignored.exc_type is KeyboardInterrupt:
        threading.Timer(0.01, _thread.interrupt_main, [signal.SIGTERM]).start()
    else:
        sys.__unraisablehook__(ignored)


def open_standard_streams() -> None:
    """Give a process that was started without standard input, output or error an empty one, and let output that its
    encoding cannot express be written as escapes."""
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is that of the stream
            setattr(sys, name, os.fdopen(number, mode))
        if mode == "w" and hasattr(getattr(sys, name), "reconfigure"):
            getattr(sys, name).reconfigure(errors="backslashreplace")


def parse_flags(options: type, arguments: list[str], description: str = "", presets: dict | None = None) -> Any:
    """Parse `arguments` into the dataclass `options` with tyro.

    Raises:
        InputError: an unknown flag or an impossible value.
        SystemExit: after `--help`.
    """
    import tyro

    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError:  # bytes that Python could not decode
            raise InputError(f"{argument!r} is not valid UTF-8") from None
    defaults = options() if presets is None else presets[_preset(arguments, presets)]
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            return tyro.cli(
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


def progress() -> int:
    """Keras's `verbose`: a bar where a person looks at a terminal, one line an epoch in a file or a pipe."""
    return 1 if sys.stdout.isatty() else 2


def start_tensorflow(options: Any = None, gpu: bool = True) -> None:
    """Import TensorFlow without the log lines of its start.

    The scripts call this once flags and files have been checked: `--help` and errors need not wait for the import.

    Args:
        options: for a training, a dataclass with `seed`: say what it runs on, fix the seed.
        gpu: whether it may use GPUs.
    """
    if not gpu:
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # what matters comes as an exception
    os.environ["KERAS_BACKEND"] = "tensorflow"
    sys.stderr.flush()
    stderr, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)  # TensorFlow's C++ start-up messages go straight to file descriptor 2
    try:
        import keras
        import tensorflow as tf

        from common.fast_rnn import use_cores

        gpus = tf.config.list_physical_devices("GPU")
        tf.get_logger().setLevel("ERROR")
        if not gpus:
            use_cores()
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(null)
    if options is None:
        return
    where = f"{len(gpus)} GPU" if gpus else f"CPU, {os.cpu_count()} cores"
    versions = f"TensorFlow {tf.__version__}, Keras {keras.__version__}"
    print(f"{versions} on {where}; seed {options.seed}", flush=True)
    keras.utils.set_random_seed(options.seed)
    if getattr(options, "deterministic", False):
        tf.config.experimental.enable_op_determinism()
