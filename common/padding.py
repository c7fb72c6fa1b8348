"""Sequences of different lengths in one batch: right padding, masks, length buckets.

Right padding (zeros after the sequence, not before it) is what cuDNN's kernels ask for, and it keeps the first step
of every sequence at index 0. A padded target is `PADDED`, and neither the loss nor a metric ever counts it.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import tensorflow as tf

from common.text import epochs

PADDED = -1  # the target of a padded step


def pad(sequences: Sequence[np.ndarray], value: float = 0) -> np.ndarray:
    """Right-pad arrays (time, ...) of different lengths to one array (batch, longest time, ...)."""
    dtype = np.asarray(sequences[0]).dtype
    return keras.utils.pad_sequences(sequences, padding="post", value=value, dtype=dtype)


def mask(lengths: Sequence[int], steps: int | None = None) -> np.ndarray:
    """Booleans (batch, steps), true where a step belongs to its sequence; `steps` defaults to the longest length."""
    lengths = np.asarray(lengths)
    return np.arange(steps or lengths.max())[None, :] < lengths[:, None]


def bucketed_batches(
    inputs: Sequence[np.ndarray], targets: Sequence, batch_size: int, seed: int | None = None
) -> tf.data.Dataset:
    """Batches of sequences of about the same length, so that little of a batch is padding.

    The bounds of the buckets are quantiles of the lengths; each batch is padded to its own longest sequence.

    Args:
        inputs: arrays (time, ...) of ids (padded with 0).
        targets: arrays (time,) of class ids (padded with `PADDED`), or one number a sequence.
        batch_size: sequences a batch.
        seed: shuffles the sequences, anew in every epoch; `None` keeps the given order within each bucket.

    Returns:
        A dataset of `common.text.epochs`: `(inputs (batch, time, ...), targets (batch, time) or (batch,))`.
    """
    lengths = [len(sequence) for sequence in inputs]
    bounds = sorted({int(bound) + 1 for bound in np.quantile(lengths, (0.2, 0.4, 0.6, 0.8, 0.9))})
    bucket_of = np.searchsorted(bounds, lengths, side="right")
    single = np.ndim(targets[0]) == 0

    def batch(rows):
        chosen = [targets[row] for row in rows]
        return pad([inputs[row] for row in rows]), np.array(chosen) if single else pad(chosen, PADDED)

    def batches(epoch):
        order = range(len(inputs)) if seed is None else np.random.default_rng([seed, epoch]).permutation(len(inputs))
        buckets = [[] for _ in range(len(bounds) + 1)]
        for row in order:
            bucket = buckets[bucket_of[row]]
            bucket.append(row)
            if len(bucket) == batch_size:
                yield batch(bucket)
                bucket.clear()
        yield from (batch(bucket) for bucket in buckets if bucket)

    signature = tuple(tf.TensorSpec((None,) * np.ndim(part), np.asarray(part).dtype) for part in batch([0]))
    signature = tf.TensorSpec((None, None, *np.shape(inputs[0])[1:]), signature[0].dtype), signature[1]
    return epochs(batches, signature, int(np.ceil(np.bincount(bucket_of) / batch_size).sum()))


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
