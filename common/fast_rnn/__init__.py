"""Recurrent layers that train faster on a CPU than Keras's own, and give the same results."""

from common.fast_rnn.layers import GRU, LSTM, SimpleRNN, use_cores

__all__ = ["GRU", "LSTM", "SimpleRNN", "use_cores"]
