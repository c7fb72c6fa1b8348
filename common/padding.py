"""Sequences of different lengths in one array: right padding and its mask.

Right padding (zeros after the sequence, not before it) is what cuDNN's kernels ask for, and it keeps the first step
of every sequence at index 0. A padded target is `PADDED`, and neither the loss nor a metric ever counts it.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np

PADDED = -1  # the target of a padded step


def pad(sequences: Sequence[np.ndarray], value: float = 0) -> np.ndarray:
    """Right-pad arrays (time, ...) of different lengths to one array (batch, longest time, ...)."""
    dtype = np.asarray(sequences[0]).dtype
    return keras.utils.pad_sequences(sequences, padding="post", value=value, dtype=dtype)


def mask(lengths: Sequence[int], steps: int | None = None) -> np.ndarray:
    """Booleans (batch, steps), true where a step belongs to its sequence; `steps` defaults to the longest length."""
    lengths = np.asarray(lengths)
    return np.arange(steps or lengths.max())[None, :] < lengths[:, None]
