"""The toy's network: a recurrent layer of a few units, and a logit for each of the two classes at every step."""

import keras
import tensorflow as tf

from common.fast_rnn import GRU, LSTM, SimpleRNN
from common.metrics import MaskedAccuracy, masked_crossentropy


def build_model(cell: str, hidden_size: int) -> keras.Sequential:
    """The model, not compiled: noise (batch, time, 1) -> logits (batch, time, 2); any length.

    Args:
        cell: `simple`, `lstm` or `gru`.
        hidden_size: units of the recurrent layer.
    """
    recurrent = {"simple": SimpleRNN, "lstm": LSTM, "gru": GRU}[cell]
    return keras.Sequential(
        [
            keras.Input((None, 1)),  # `None`: sequences of any length
            recurrent(hidden_size, return_sequences=True),
            keras.layers.Dense(2),
        ]
    )


def compile_model(model, learning_rate: float, clip_norm: float) -> None:
    """Adam on the cross-entropy of the real steps; padded steps count neither in the loss nor in the accuracy."""
    model.compile(
        keras.optimizers.Adam(learning_rate, clipnorm=clip_norm),
        masked_crossentropy(),
        metrics=[MaskedAccuracy()],
        jit_compile=False,
    )


@tf.function(reduce_retracing=True)  # compiled, so that 1,000 steps take no time
def logits_after(model, inputs, steps: int):
    """Logits (batch, time - steps, 2) for `inputs` (batch, time, 1) from step `steps` on.

    The first `steps` are read one by one; the state after them is the initial state for the others.
    """
    recurrent, output = model.layers
    states = recurrent.cell.get_initial_state(len(inputs))
    for step in range(steps):
        _, states = recurrent.cell(inputs[:, step], states)
    return output(recurrent(inputs[:, steps:], initial_state=list(states)))
