"""Dropout of recurrent weights: in each step of training another share of them is zero.

Dropout of the state itself would make a layer forget, step by step. Zeroed weights stay zero for all time steps of a
batch, and leave the state alone.

Reference: Merity, Keskar & Socher 2018, Regularizing and optimizing LSTM language models.
"""

import keras

from common import fast_rnn


class WeightDrop:
    """What the three layers below add to a recurrent layer (batch, time, inputs) -> (batch, time, hidden).

    Args:
        weight_dropout: share of the recurrent weights that is zeroed in training; the others grow by as much, as in
            `Dropout`.
    """

    def __init__(self, units, weight_dropout, **keywords):
        super().__init__(units, **keywords)
        self.drop = keras.layers.Dropout(weight_dropout)

    def get_config(self):
        return {**super().get_config(), "weight_dropout": self.drop.rate}

    def inner_loop(self, sequences, initial_state, mask, training=False):
        weights = self.cell.recurrent_kernel
        dropped = self.drop(keras.ops.convert_to_tensor(weights), training=training)
        with keras.StatelessScope([(weights, dropped)]):  # whoever reads the weights there gets these
            return super().inner_loop(sequences, initial_state, mask, training=training)


@keras.saving.register_keras_serializable(package="chargen")
class WeightDropSimpleRNN(WeightDrop, fast_rnn.SimpleRNN):
    """A SimpleRNN with dropout of its recurrent weights."""


@keras.saving.register_keras_serializable(package="chargen")
class WeightDropLSTM(WeightDrop, fast_rnn.LSTM):
    """An LSTM with dropout of its recurrent weights."""


@keras.saving.register_keras_serializable(package="chargen")
class WeightDropGRU(WeightDrop, fast_rnn.GRU):
    """A GRU with dropout of its recurrent weights."""
