"""Recurrent layers with dropout of their recurrent weights.

Reference: Merity, Keskar & Socher 2018, Regularizing and optimizing LSTM language models.
"""

import keras
from keras import layers

from common import fast_rnn


class WeightDrop:
    """Dropout of the recurrent weights of a layer (batch, time, inputs) -> (batch, time, hidden).

    Dropout of the state itself would make a layer forget, step by step. Dropped weights are zero for all time steps of
    a batch, and leave the state alone.

    Args:
        weight_dropout: share of the recurrent weights that is dropped at each step of training.
    """

    def __init__(self, units, weight_dropout=0.0, **options):
        super().__init__(units, **options)
        self.drop = layers.Dropout(weight_dropout)

    def get_config(self):
        return {**super().get_config(), "weight_dropout": self.drop.rate}

    def inner_loop(self, sequences, initial_state, mask, training=False):
        weights = self.cell.recurrent_kernel
        dropped = self.drop(keras.ops.convert_to_tensor(weights), training=training)
        with keras.StatelessScope([(weights, dropped)]):  # whoever reads the weights there gets these
            return super().inner_loop(sequences, initial_state, mask, training=training)


@keras.saving.register_keras_serializable(package="rnn_examples")
class WeightDropSimpleRNN(WeightDrop, fast_rnn.SimpleRNN):
    """A SimpleRNN with dropout of its recurrent weights."""


@keras.saving.register_keras_serializable(package="rnn_examples")
class WeightDropLSTM(WeightDrop, fast_rnn.LSTM):
    """An LSTM with dropout of its recurrent weights."""


@keras.saving.register_keras_serializable(package="rnn_examples")
class WeightDropGRU(WeightDrop, fast_rnn.GRU):
    """A GRU with dropout of its recurrent weights."""
