"""The sequences of the toy: noise in, 0 1 0 1 ... out."""

import numpy as np


def make_sequences(lengths, generator):
    """Noise and alternating targets: lists of arrays (time, 1) and (time,), target 1 (that is [0, 1]) first."""
    inputs = [generator.random((length, 1), dtype="float32") for length in lengths]
    return inputs, [(np.arange(length) + 1) % 2 for length in lengths]
