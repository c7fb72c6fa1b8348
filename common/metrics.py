"""Bits per character, masked loss and masked accuracy."""

from __future__ import annotations

import math

import keras
from keras import ops

from common.padding import PADDED
from common.vocabulary import SPELLING_BITS


@keras.saving.register_keras_serializable(package="rnn_examples")
class BitsPerCharacter(keras.metrics.MeanMetricWrapper):
    """Mean cross-entropy of next-character logits (batch, ..., vocabulary), in bits: nats / ln 2.

    Args:
        unknown: the id that rare characters share, if any; it costs `SPELLING_BITS` more.
    """

    def __init__(self, name: str = "bits_per_character", dtype=None, unknown: int | None = None):
        super().__init__(_bits, name=name, dtype=dtype, unknown=unknown)
        self.unknown = unknown

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype, "unknown": self.unknown}


def _bits(targets, logits, unknown):
    bits = keras.losses.sparse_categorical_crossentropy(targets, logits, from_logits=True) / math.log(2)
    if unknown is None:
        return bits
    return bits + SPELLING_BITS * ops.cast(ops.equal(targets, unknown), bits.dtype)


def masked_crossentropy() -> keras.losses.Loss:
    """Mean cross-entropy of logits (batch, time, classes) over the real steps; a target `PADDED` never counts."""
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=PADDED, name="masked_crossentropy")


class MaskedAccuracy(keras.metrics.Metric):
    """The share of the real steps (target not `PADDED`) whose largest logit is the target's.

    Keras's own accuracy counts padded steps too unless every batch brings sample weights.
    """

    def __init__(self, name: str = "masked_accuracy", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.correct = self.add_variable((), "zeros", name="correct")
        self.steps = self.add_variable((), "zeros", name="steps")

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Args: y_true (batch, time) class ids; y_pred (batch, time, classes) logits; sample_weight is not used."""
        real = ops.not_equal(y_true, PADDED)
        hit = ops.equal(ops.cast(y_true, "int32"), ops.cast(ops.argmax(y_pred, axis=-1), "int32"))  # never if PADDED
        self.correct.assign_add(ops.sum(ops.cast(hit, self.dtype)))
        self.steps.assign_add(ops.sum(ops.cast(real, self.dtype)))

    def result(self):
        return ops.divide_no_nan(self.correct, self.steps)
