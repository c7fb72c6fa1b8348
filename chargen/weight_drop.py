"""Dropout of recurrent weights: in each step of training another share of them is zero.

Dropout of the state itself would make a layer forget, step by step. Zeroed weights stay zero for all time steps of a
batch, and leave the state alone.

Reference: Merity, Keskar & Socher 2018, Regularizing and optimizing LSTM language models.
"""

import keras

from common import recurrent


@keras.saving.register_keras_serializable(package="chargen")
class WeightDropLSTM(recurrent.LSTM):
    """An LSTM (batch, time, inputs) -> (batch, time, hidden) with dropout of its recurrent weights.

    Args:
        weight_dropout: share of them that is zeroed in training; the others grow by as much, as in `Dropout`.
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
