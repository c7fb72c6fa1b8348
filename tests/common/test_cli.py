import subprocess
import sys
from dataclasses import dataclass
from typing import Literal

import pytest

from common import InputError, cli, runs
from common.cli import Count, Share


@dataclass(frozen=True)
class Options(runs.RunOptions):
    preset: Literal["default", "book"] = "default"
    hidden_size: Count = 8  # units of the layer
    lengths: tuple[Count, ...] = (1, 2)
    dropout: Share = 0.5
    cell: Literal["lstm", "gru"] = "lstm"


PRESETS = {"default": Options(), "book": Options(preset="book", hidden_size=99)}


def parse(*arguments):
    return cli.parse_flags(Options, list(arguments), presets=PRESETS)


def test_flags_override_defaults():
    assert parse("--hidden-size", "3", "--cell", "gru") == Options(hidden_size=3, cell="gru")


def test_preset_changes_the_defaults_and_flags_still_win():
    assert parse("--preset", "book").hidden_size == 99
    assert parse("--preset=book", "--hidden-size", "5") == Options(preset="book", hidden_size=5)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--hiden-size", "3"], "--hiden-size"),
        (["--hidden-size", "many"], "--hidden-size"),
        (["--hidden-size"], "--hidden-size"),
        (["--cell", "rnn"], "--cell"),
        (["--preset", "blog"], "--preset"),
        (["--hidden-size", "0"], "--hidden-size is 0"),
        (["--hidden-size", "-4"], "--hidden-size is -4"),
        (["--hidden-size", "2147483648"], "--hidden-size is 2147483648"),  # does not fit in 32 bits
        (["--lengths", "3", "0"], "--lengths is 0"),
        (["--dropout", "1"], "--dropout is 1.0"),
        (["--dropout", "nan"], "--dropout is nan"),
        (["--seed", "-1"], "--seed"),
        (["--seed", "4294967296"], "--seed is 4294967296"),
        (["--name", "\udce9"], "not valid UTF-8"),
    ],
)
def test_bad_flags_are_named_in_one_line(arguments, named):
    with pytest.raises(InputError) as error:
        parse(*arguments)
    assert named in str(error.value)
    assert "\n" not in str(error.value)


def test_a_dropout_and_a_seed_of_zero_are_fine():
    assert parse("--dropout", "0", "--seed", "0").dropout == 0


IN_A_DESTRUCTOR = """
import signal, time
from common.cli import Flags, run_script


class Interrupted:
    def __del__(self):
        signal.raise_signal(signal.SIGTERM)
        time.sleep(0)


def main(options):
    thing = Interrupted()
    del thing
    for _ in range(100):
        time.sleep(0.05)
    print("went on")


run_script(main, Flags)
"""


def test_a_signal_in_a_destructor_is_not_lost():
    """Python ignores what is raised there, KeyboardInterrupt too."""
    process = subprocess.run([sys.executable, "-c", IN_A_DESTRUCTOR], capture_output=True, text=True, timeout=60)
    assert process.returncode == 130, process.stderr
    assert process.stdout == ""
