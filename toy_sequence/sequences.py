"""The sequences of the toy: noise in, 0 1 0 1 ... out."""

import numpy as np


def alternating(steps):
    """The targets 1, 0, 1, 0, ... (time,); class 1 is [0, 1], class 0 is [1, 0]."""
    return (np.arange(steps) + 1) % 2


def make_sequences(lengths, generator):
    """Noise and alternating targets: lists of arrays (time, 1) and (time,)."""
    inputs = [generator.random((length, 1), dtype="float32") for length in lengths]
    return inputs, [alternating(length) for length in lengths]
