"""Sequences of different lengths in one batch: right padding, masks, length buckets.

Right padding (zeros after the sequence, not before it) is what cuDNN's kernels ask for, and it keeps the first step
of every sequence at index 0. A padded target is `PADDED`, and neither the loss nor a metric ever counts it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

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
        A dataset of `(inputs (batch, time, ...), targets (batch, time) or (batch,))`.
    """
    lengths = [len(sequence) for sequence in inputs]
    dataset = tf.data.Dataset.from_tensor_slices((_ragged(inputs), _ragged(targets)))
    dataset = dataset.map(lambda *pair: tuple(tf.identity(row) for row in pair))  # ragged rows become tensors
    if seed is not None:
        dataset = dataset.shuffle(len(lengths), seed=seed)
    bounds = sorted({int(bound) + 1 for bound in np.quantile(lengths, (0.2, 0.4, 0.6, 0.8, 0.9))})
    in_bucket = np.bincount(np.searchsorted(bounds, lengths, side="right"))
    batches = int(np.ceil(in_bucket / batch_size).sum())  # for the progress bar: tf.data cannot count them itself
    dataset = dataset.bucket_by_sequence_length(
        lambda sequence, target: tf.shape(sequence)[0],
        bucket_boundaries=bounds,
        bucket_batch_sizes=[batch_size] * (len(bounds) + 1),
        padding_values=(tf.zeros((), dataset.element_spec[0].dtype), tf.cast(PADDED, dataset.element_spec[1].dtype)),
    )
    return dataset.apply(tf.data.experimental.assert_cardinality(batches)).prefetch(tf.data.AUTOTUNE)


def _ragged(sequences: Sequence) -> tf.RaggedTensor | np.ndarray:
    if np.ndim(sequences[0]) == 0:
        return np.asarray(sequences)
    return tf.RaggedTensor.from_row_lengths(np.concatenate(sequences), [len(sequence) for sequence in sequences])


def predict_in_batches(
    predict: Callable[[np.ndarray], np.ndarray],
    sequences: Sequence[np.ndarray],
    batch_size: int = 256,
    batch_steps: int = 16_384,
) -> list[np.ndarray]:
    """Apply `predict` to batches of similar length; results come back in the order of `sequences`.

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
    while longest_first:
        rows = min(batch_size, batch_steps // max(1, len(sequences[longest_first[0]])))
        batch, longest_first = longest_first[: max(1, rows)], longest_first[max(1, rows) :]
        for index, row in zip(batch, predict(pad([sequences[index] for index in batch])), strict=True):
            results[index] = row
    return results
