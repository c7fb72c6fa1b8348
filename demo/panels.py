"""A panel of the page: one task, its newest model if there is one, and its training if somebody has asked for that."""

import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

from chargen import generate
from common import InputError
from common.runs import open_run

ROOT = Path(__file__).parent.parent
PRETRAINED = {"chargen": generate.PRETRAINED}  # what answers as long as nothing is trained
LINES = 12  # of a training's output that the page shows


class Busy(InputError):
    """Another training is running."""


class TooLong(InputError):
    """A text is too long to be answered in a moment."""


class Panel:
    """One task of the page.

    Args:
        task: such as `chargen`.
        runs: folder in which the run folders lie.
        load: makes of a run folder what answers questions, see models.py.
    """

    one_training = threading.Lock()  # for all panels: two at once would take twice as long

    def __init__(self, task: str, runs: Path, load: Callable[[Path], object]):
        self.task, self.runs, self.load = task, runs, load
        self.training = [sys.executable, str(ROOT / task / "train.py"), "--runs", str(runs)]  # what the button starts
        self.model, self.lines, self.process = None, deque(maxlen=LINES), None
        self.lock = threading.Lock()  # who holds it may ask the model
        self.find()

    def find(self) -> None:
        """Load the newest run, or the model that came with the project; note what there is to say about it."""
        latest = self.runs / self.task / "latest"
        self.trained = latest.exists()
        run = latest if self.trained else PRETRAINED.get(self.task, latest)
        try:
            _, metrics = open_run(run)
            model = self.load(run)
        except InputError as error:
            self.about = str(error) if self.trained else "Nothing is trained yet."
            return
        where = run.relative_to(ROOT) if run.is_relative_to(ROOT) else run
        metric = metrics["metric"].replace("_", " ")
        self.about = (
            f"{where}: {metrics['model']}; corpus: {metrics['corpus']['name']}; "
            f"{metric} {metrics[metrics['metric']]:.4f}"
        )
        with self.lock:
            self.model = model

    def status(self) -> dict:
        """What the page shows of the panel."""
        return {
            "ready": self.model is not None,
            "trained": self.trained,
            "about": self.about,
            "command": f"make train-{self.task}",
            "training": self.process is not None,
            "lines": list(self.lines),
        }

    def answers(self, question: dict) -> Iterator[dict]:
        """The model's answers to a question. Whoever reads them slowly keeps nobody else from asking."""
        if self.model is None:
            raise InputError(f"nothing is trained yet; make train-{self.task} trains a model")
        answers = self.model.answers(question)
        while True:
            with self.lock:
                answer = next(answers, None)
            if answer is None:
                return
            yield answer

    def train(self) -> None:
        """Start the training, in a process of its own."""
        if not self.one_training.acquire(blocking=False):
            raise Busy("a training is running already; wait until it is done")
        environment = os.environ | {"PYTHONUNBUFFERED": "1"}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "stdin": subprocess.DEVNULL}
        self.lines.clear()
        self.process = subprocess.Popen(self.training, env=environment, text=True, errors="replace", **pipes)
        threading.Thread(target=self.follow, daemon=True).start()

    def follow(self) -> None:
        """Collect what the training prints; load its model at the end."""
        try:
            for line in self.process.stdout:
                self.lines.append(line.rstrip())
            if self.process.wait() == 0:
                self.find()
        finally:
            self.process = None
            self.one_training.release()

    def stop(self) -> None:
        """End the training, if there is one; what it saved last is kept."""
        process = self.process
        if process:
            process.terminate()
