"""Keras's callbacks for a training of this suite."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras

from common import InputError
from common.board import Board
from common.resume import Backup
from common.runs import RunOptions
from common.saving import save_model
from common.vocabulary import Vocabulary


class SaveBestModel(keras.callbacks.Callback):
    """Writes the model when the monitored metric is better than in all epochs before, resumed ones included."""

    def __init__(self, path: Path, monitor: str, mode: str, vocabularies: dict[str, Vocabulary], backup: Backup):
        super().__init__()
        self.path, self.monitor, self.vocabularies, self.backup = path, monitor, vocabularies, backup
        self.better = max if mode == "max" else min

    def on_epoch_end(self, epoch, logs=None):
        if all(self.better(logs[self.monitor], row[self.monitor]) != row[self.monitor] for row in self.backup.rows):
            save_model(self.model, self.path, **self.vocabularies)


MAX_LOSS = 1000  # nats; a guess among a million classes costs 14


class StopIfDiverged(keras.callbacks.Callback):
    """Ends the script as soon as a loss or a metric is not a number any more, or absurdly large: there is no result.

    Raises:
        InputError: says in which epoch.
    """

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        for name, value in (logs or {}).items():
            if not math.isfinite(value) or value > MAX_LOSS:
                raise InputError(
                    f"the training has diverged: {name} is {value:.3g} in epoch {self.epoch + 1}; "
                    "try a smaller --learning-rate"
                )

    def on_epoch_end(self, epoch, logs=None):
        self.on_train_batch_end(0, logs)


class ResetStates(keras.callbacks.Callback):
    """Makes a stateful model, and stateful layers, forget before each epoch and before each validation."""

    def on_epoch_begin(self, epoch=None, logs=None):
        for layer in (self.model, *self.model.layers):
            if getattr(layer, "stateful", False):
                layer.reset_states()

    def on_test_begin(self, logs=None):
        self.on_epoch_begin()


def mode_of(monitor: str) -> str:
    """Keras's `mode`: an accuracy is the better the larger it is, any other metric the smaller."""
    return "max" if "accuracy" in monitor else "min"


def run_callbacks(
    run: Path,
    monitor: str,
    vocabularies: dict[str, Vocabulary],
    options: RunOptions,
    batches: Any,
    patience: int,
    name: str = "model",
    make_backup: Callable[..., Backup] = Backup,
    sampler: keras.callbacks.Callback | None = None,
) -> list[keras.callbacks.Callback]:
    """The callbacks of a training that may be resumed: the best model, backup, early stopping, and for the main model
    of the run history.csv and TensorBoard (common/board.py).

    Args:
        run: the run folder.
        monitor: the validation metric that decides which epoch is best, such as `val_loss`.
        vocabularies: saved with the model.
        options: those of the script.
        batches: the dataset that is trained on; the backup tells it the epoch.
        patience: epochs without improvement after which training stops.
        name: of the model's file, without `.keras`; the main one is `model`, or `member-1` of an ensemble.
        make_backup: another one than `Backup`, for several workers (common/distributed.py).
        sampler: lets the model write after each epoch; its `text` is kept for the main model.
    """
    mode = mode_of(monitor)
    main = name in ("model", "member-1")
    stopping = keras.callbacks.EarlyStopping(monitor, mode=mode, patience=patience, verbose=1)
    history = run / "history.csv" if main else None
    backup = make_backup(run / "backup" / f"{name}.npz", batches, options.save_every, history, stopping)
    writers = [SaveBestModel(run / f"{name}.keras", monitor, mode, vocabularies, backup)]
    if main:
        writers.append(Board(run, vocabularies, sampler))
    return [StopIfDiverged(), *([sampler] if sampler else []), *(writers if backup.writes else []), stopping, backup]


def trial_callbacks(monitor: str, patience: int, report: Callable[[float], None]) -> list[keras.callbacks.Callback]:
    """The callbacks of a training of which only the figure is kept (common/tune.py): it stops as early as with
    `run_callbacks`, and `report` gets the monitored metric after each epoch."""
    return [
        StopIfDiverged(),
        keras.callbacks.EarlyStopping(monitor, mode=mode_of(monitor), patience=patience),
        keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: report(logs[monitor])),
    ]
