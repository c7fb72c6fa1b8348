"""Scripts in processes of their own that are forks of one which has imported TensorFlow: each costs its work only."""

import multiprocessing
import os
import random
import resource
import runpy
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent

fork = multiprocessing.get_context("forkserver")
fork.set_forkserver_preload(["keras", "sklearn.metrics", "matplotlib.pyplot"])


def write_text(folder: Path) -> Path:
    """A text of 1,500 made-up words in a file of that folder."""
    generator = random.Random(0)
    words = ("".join(generator.choices("abcde", k=generator.randint(1, 5))) for _ in range(1500))
    (folder / "text.txt").write_text(" ".join(words))
    return folder / "text.txt"


def start(path, *arguments, output: Path, file_size=None, **environment):
    """Start what `python PATH ARGUMENTS` does, without the evaluation of chargen's models.

    Args:
        output: the file for standard output; standard error goes to the same name with `.err`.
        file_size: bytes that it can write to a file, as if the disk were full then.
        environment: more variables.
    """
    process = fork.Process(target=_run, args=(path, list(map(str, arguments)), output, file_size, environment))
    process.start()
    return process


def _run(path, arguments, output, file_size, environment):
    os.environ.update(environment)
    sys.argv = [str(ROOT / path), *arguments]
    os.chdir(ROOT)
    for number, file in ((1, output), (2, output.with_suffix(".err"))):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    if file_size is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    import chargen.eval

    chargen.eval.evaluate = lambda run, ids: {"test_bits_per_character": 0.0}
    runpy.run_path(sys.argv[0], run_name="__main__")


def finished(process, output: Path, code=0, seconds=300):
    """Wait for the end of a process; the lines on its standard error."""
    process.join(seconds)
    errors = output.with_suffix(".err").read_text()
    assert process.exitcode == code, f"{process.exitcode}: {errors} {output.read_text()[-2000:]}"
    return errors.splitlines()
