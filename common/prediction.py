"""Predict for many sequences of different length, and read, predict and write side by side."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from common.padding import pad


def predict_in_batches(
    predict: Callable[[np.ndarray], np.ndarray],
    sequences: Sequence[np.ndarray],
    batch_size: int = 256,
    batch_steps: int = 16_384,
) -> list[np.ndarray]:
    """Apply `predict` to batches of similar length, two at a time; results come back in the order of `sequences`.

    Args:
        predict: a padded batch (batch, time, ...) -> an array (batch, ...), such as `model.predict_on_batch`.
        sequences: arrays (time, ...).
        batch_size: sequences a batch, at most.
        batch_steps: steps a batch, padding included, at most; a longer sequence is a batch of its own.

    Returns:
        One array a sequence: `predict`'s row for it, padding still in it.
    """
    results: list[np.ndarray | None] = [None] * len(sequences)
    longest_first = sorted(range(len(sequences)), key=lambda index: -len(sequences[index]))
    batches, start = [], 0
    while start < len(sequences):
        rows = max(1, min(batch_size, batch_steps // max(1, len(sequences[longest_first[start]]))))
        batches.append(longest_first[start : start + rows])
        start += rows

    def predict_batch(batch):
        return predict(pad([sequences[index] for index in batch]))

    with ThreadPoolExecutor(2) as pool:
        for batch, rows in zip(batches, pool.map(predict_batch, batches), strict=True):
            for index, row in zip(batch, rows, strict=True):
                results[index] = row
    return results


def ahead(items: Iterable) -> Iterator:
    """The items of an iterable, each made in a thread while the one before it is being used.

    An exception there is raised here, in its turn.
    """
    made: queue.Queue = queue.Queue(1)  # pairs (item, exception)

    def make():
        try:
            for item in items:
                made.put((item, None))
            made.put((None, StopIteration()))
        except BaseException as error:
            made.put((None, error))

    threading.Thread(target=make, daemon=True).start()  # a daemon, for it may wait for input that never comes
    while True:
        item, error = made.get()
        if isinstance(error, StopIteration):
            return
        if error:
            raise error
        yield item
