"""What the models learn from, batch by batch: streams of a long text, and sequences of similar length.

What is random in an epoch follows from the seed and the number of the epoch alone, so that a training which is resumed
meets the same data again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import tensorflow as tf

from common import InputError
from common.padding import PADDED, pad


class Epoch:
    """The number of the epoch that a dataset of `epochs` gives when it is next gone through."""

    number = 0


def epochs(batches: Callable[[int], Iterator[tuple]], signature: tuple, steps: int):
    """A dataset that asks `batches(epoch)` for the batches of each epoch, `steps` of them.

    It counts how often it has been gone through. Its attribute `epoch`, an `Epoch`, sets that number: what is random in
    `batches` follows from the seed and the epoch, so that a training which is resumed meets the same data again.
    """
    epoch = Epoch()

    def count():
        epoch.number += 1
        yield from batches(epoch.number - 1)

    dataset = tf.data.Dataset.from_generator(count, output_signature=signature)
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(steps)).prefetch(2)
    options = tf.data.Options()
    options.autotune.enabled = False  # its thread sleeps for up to a minute, and `fit` may wait for it at the end
    dataset = dataset.with_options(options)
    dataset.epoch = epoch
    return dataset


def stream_batches(ids, batch_size, sequence_length, seed=None):
    """Cut a text into `batch_size` streams and read them in step: batch k + 1 goes on where batch k stopped.

    Args:
        ids: the text, an array (length,).
        seed: starts each epoch at another character and reads round the end of the text, so that the cuts fall
            elsewhere; `None`: at the first character.

    Returns:
        A dataset of `epochs`: `(inputs, targets)`, both (batch_size, sequence_length), targets one character ahead.
    """
    steps = (len(ids) - 1) // batch_size // sequence_length
    if steps < 1:
        raise InputError(
            f"a part of {len(ids)} characters is too short for {batch_size} streams of {sequence_length} steps; "
            "use a longer text, or smaller --batch-size and --sequence-length"
        )
    length = steps * sequence_length  # of a stream; the few characters left over at the end are not used
    places = np.arange(batch_size)[:, None] * length + np.arange(sequence_length + 1)

    def batches(epoch):
        first = 0 if seed is None else int(np.random.default_rng([seed, epoch]).integers(len(ids)))
        for start in range(first, first + length, sequence_length):
            pieces = ids.take(start + places, mode="wrap").astype("int32")  # (batch, time + 1)
            yield pieces[:, :-1], pieces[:, 1:]

    shape = tf.TensorSpec((batch_size, sequence_length), tf.int32)
    return epochs(batches, (shape, shape), steps)


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
        A dataset of `epochs`: `(inputs (batch, time, ...), targets (batch, time) or (batch,))`.
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
