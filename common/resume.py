"""A training that can be killed at any moment and goes on as if nothing had happened.

Every few steps, and after every epoch, `Backup` saves all that changes while a model learns: the weights, the states of
stateful layers, the optimizer's variables, how far the random numbers of dropout have come, the sums that the metrics
are made of, and the history. They are one file, which is replaced as a whole, so that there always is a good one.

The data need not be saved: a step is found again by its epoch and its place there (`common.batches.epochs`).
"""

from __future__ import annotations

import csv
import io
import json
import signal
import threading
import zipfile
from pathlib import Path

import keras
import numpy as np

from common import InputError
from common.saving import replacing

KINDS = ("model", "states", "optimizer", "metrics")  # of variables


class Backup(keras.callbacks.Callback):
    """Saves a training to a file while `fit` runs, and goes on from that file where there is one.

    At Ctrl-C, and at the signal TERM that a cluster sends before it takes a machine away, it waits for the end of the
    step, saves, and raises KeyboardInterrupt. At a second one it does not wait.

    Args:
        path: the file.
        batches: the dataset that is trained on, one of `common.batches.epochs`.
        every: steps between two savings.
        history: `history.csv`, written anew after each epoch; `None` for no such file.
        stopping: `EarlyStopping`, to be shown the epochs before, if the training is resumed. It comes before this one.
    """

    writes = True
    finishes_step = True  # when it is interrupted; one of several workers cannot know at which step the others stop

    def __init__(self, path: Path, batches, every: int, history: Path | None, stopping):
        super().__init__()
        self.path, self.batches, self.every, self.history, self.stopping = path, batches, every, history, stopping
        self.rows: list[dict] = []  # the epochs that are done: {"epoch": 0, "loss": ..., ...}
        self.epoch, self.step = 0, 0  # whole epochs done; steps done of the one after them
        self.left = 0  # steps to pass over
        self.interrupted = False
        self._handlers: dict = {}

    def _variables(self, kind: str) -> list:
        if kind == "model":
            return self.model.variables
        if kind == "optimizer":
            return self.model.optimizer.variables
        if kind == "metrics":
            return self.model.metrics_variables
        layers = self.model._flatten_layers()
        return [state for layer in layers if getattr(layer, "stateful", False) for state in layer.states]

    def save(self) -> None:
        """Write the file. OSError if that fails; the file is then what it was."""
        arrays = {kind: [np.asarray(variable) for variable in self._variables(kind)] for kind in KINDS}
        arrays["states"] = self.gather_states(arrays["states"])
        if not self.writes:
            return
        named = {key: array for kind in KINDS for key, array in zip(self._keys(kind), arrays[kind], strict=True)}
        progress = json.dumps({"epoch": self.epoch, "step": self.step, "rows": self.rows})
        self.path.parent.mkdir(exist_ok=True)
        with replacing(self.path) as temporary, open(temporary, "wb") as file:
            np.savez(file, progress=progress, **named)

    def read(self) -> bytes:
        """The content of the file, `b""` if there is none."""
        return self.path.read_bytes() if self.path.exists() else b""

    def gather_states(self, states: list) -> list:
        """All rows of the states of stateful layers."""
        return states

    def own_rows(self, state: np.ndarray) -> np.ndarray:
        """Of a state, the rows that this process trains with."""
        return state

    def _keys(self, kind: str) -> list[str]:
        """The names of the arrays of a kind in the file."""
        return [f"{kind}-{place}" for place in range(len(self._variables(kind)))]

    def _restore(self, arrays: dict, kinds: tuple[str, ...]) -> None:
        for kind in kinds:
            for key, variable in zip(self._keys(kind), self._variables(kind), strict=True):
                variable.assign(self.own_rows(arrays[key]) if kind == "states" else arrays[key])

    def on_train_begin(self, logs=None):
        self._catch_signals()
        content = self.read()
        if not content and not self.path.exists():
            return
        try:
            with np.load(io.BytesIO(content)) as archive:
                arrays = dict(archive)
            progress = json.loads(str(arrays.pop("progress")))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise InputError(f"{self.path} is damaged ({error}); delete it to start this training anew") from None
        self.epoch, self.step, self.rows[:] = progress["epoch"], progress["step"], progress["rows"]
        print(f"going on after step {self.step} of epoch {self.epoch + 1}, from {self.path}", flush=True)
        for row in self.rows if self.stopping else []:
            self.stopping.on_epoch_end(row["epoch"], row)
        # A training that has ended has no epochs left.
        self.model._initial_epoch = self.params["epochs"] if self.model.stop_training else self.epoch
        self.model.optimizer.build(self.model.trainable_variables)
        kinds = KINDS if self.step else ("model", "states", "optimizer")  # an epoch starts with empty metrics
        missing = [key for kind in kinds[:3] for key in self._keys(kind) if key not in arrays]
        if missing:
            raise InputError(f"{self.path} is damaged: it has no {missing[0]}; delete it to start this training anew")
        if self.step:
            self._pass_over_steps(arrays)
        else:
            self._restore(arrays, kinds)

    def _pass_over_steps(self, arrays: dict) -> None:
        """Let `fit` go through the steps of an epoch that were done before without doing them again."""
        train, self.left = self.model.train_function, self.step

        def pass_over(iterator):
            if self.left == self.step:
                train(iterator)  # makes the metrics' variables; what else it does is overwritten below
            else:
                next(iterator)
            self.left -= 1
            if self.left:
                return {}
            self._restore(arrays, KINDS)
            self.model.train_function = train
            return self.model.get_metrics_result()

        self.model.train_function = pass_over

    def _catch_signals(self) -> None:
        def stop(number, frame):
            self.interrupted = True
            for other, before in self._handlers.items():
                signal.signal(other, before)  # the next one has its usual effect

        if threading.current_thread() is threading.main_thread():
            self._handlers = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}

    def on_epoch_begin(self, epoch, logs=None):
        self.batches.epoch.number = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.left:
            return
        self.step = batch + 1
        if self.step % self.every == 0 or (self.interrupted and self.finishes_step):
            self.save()
        self._stop_if_interrupted()

    def on_epoch_end(self, epoch, logs=None):
        self.epoch, self.step = epoch + 1, 0
        self.rows.append({"epoch": epoch, **logs})
        if self.history and self.writes:
            self._write_history()
        self.save()
        self._stop_if_interrupted()

    def on_train_end(self, logs=None):
        for number, before in self._handlers.items():
            signal.signal(number, before)
        self._stop_if_interrupted()  # after the last epoch

    def _stop_if_interrupted(self) -> None:
        if self.interrupted and self.finishes_step:
            raise KeyboardInterrupt(
                f"saved after step {self.step} of epoch {self.epoch + 1} in {self.path}; --resume continues the run"
            )
        if self.interrupted:
            raise KeyboardInterrupt

    def _write_history(self) -> None:
        with replacing(self.history) as temporary, open(temporary, "w", newline="") as file:
            writer = csv.DictWriter(file, ["epoch", *sorted(set(self.rows[0]) - {"epoch"})])
            writer.writeheader()
            writer.writerows(self.rows)
