"""SimpleRNN, Jordan's cell, LSTM, LSTM with peepholes, GRU, minGRU and minLSTM, each a Keras cell of about 20 lines.

A cell maps one step, (input x_t, states before) -> (output, states after); `keras.layers.RNN(cell)` runs it over time.
from_scratch.py compares SimpleRNN, LSTM and GRU with Keras's own, and trains them and the LSTM with peepholes.
common/scan_layers.py has layers of minGRU and minLSTM that can run over time in parallel.

In the equations s is the logistic function and `*` elementwise; x is (batch, inputs), the states are (batch, units).
The weights are W, called `kernel` (inputs, gates * units), U, called `recurrent_kernel` (units, gates * units), and b,
called `bias`. They hold the gates side by side in Keras's order, so that the weights of Keras's layers fit
(`set_weights`).

References: Jordan 1986. Elman 1990 (SimpleRNN). Hochreiter & Schmidhuber 1997 (LSTM). Gers, Schmidhuber & Cummins 2000
(forget gate). Gers & Schmidhuber 2000 (peepholes). Cho et al. 2014 (GRU). Feng et al. 2024 (minGRU, minLSTM).
"""

import keras
from keras import ops


class Cell(keras.layers.Layer):
    """What the cells share: weights for `gates` gates of `units` units each."""

    gates = 1
    bias_rows = ()  # the GRU has two biases

    def __init__(self, units, **options):
        super().__init__(**options)
        self.units = self.state_size = self.output_size = units

    def build(self, input_shape):
        width = self.gates * self.units
        self.kernel = self.add_weight((input_shape[-1], width), "glorot_uniform", name="kernel")
        self.recurrent_kernel = self.add_weight((self.units, width), "orthogonal", name="recurrent_kernel")
        self.bias = self.add_weight((*self.bias_rows, width), "zeros", name="bias")


class SimpleRNNCell(Cell):
    """Elman's network.

    h_t = tanh(x_t W + h_{t-1} U + b)
    """

    def call(self, x, states, training=False):
        h = ops.tanh(x @ self.kernel + states[0] @ self.recurrent_kernel + self.bias)
        return h, [h]


class JordanCell(Cell):
    """Jordan's network, four years before Elman's: the answer is fed back, not the hidden units.

    h_t = tanh(x_t W + y_{t-1} U + b)        y_t = s(h_t V + a)

    The state is y (batch, 1); h is forgotten. U is (1, units), V, called `output_kernel`, (units, 1).
    """

    def __init__(self, units, **options):
        super().__init__(units, **options)
        self.state_size = self.output_size = 1

    def build(self, input_shape):
        self.kernel = self.add_weight((input_shape[-1], self.units), "glorot_uniform", name="kernel")
        self.recurrent_kernel = self.add_weight((1, self.units), "glorot_uniform", name="recurrent_kernel")
        self.bias = self.add_weight((self.units,), "zeros", name="bias")
        self.output_kernel = self.add_weight((self.units, 1), "glorot_uniform", name="output_kernel")
        self.output_bias = self.add_weight((1,), "zeros", name="output_bias")

    def call(self, x, states, training=False):
        h = ops.tanh(x @ self.kernel + states[0] @ self.recurrent_kernel + self.bias)
        y = ops.sigmoid(h @ self.output_kernel + self.output_bias)
        return y, [y]


class LSTMCell(Cell):
    """Long short-term memory.

    input gate    i_t = s(x_t W_i + h_{t-1} U_i + b_i)       lets the candidate in
    forget gate   f_t = s(x_t W_f + h_{t-1} U_f + b_f)       keeps the carousel turning (1) or stops it (0)
    candidate     g_t = tanh(x_t W_g + h_{t-1} U_g + b_g)
    output gate   o_t = s(x_t W_o + h_{t-1} U_o + b_o)       lets the memory out
    constant error carousel   c_t = f_t * c_{t-1} + i_t * g_t
    output                    h_t = o_t * tanh(c_t)

    With f = 1 and i = 0 the carousel's derivative dc_t / dc_{t-1} is exactly 1: on this path no gradient vanishes.
    That is why b_f starts at 1.
    """

    gates = 4

    def __init__(self, units, **options):
        super().__init__(units, **options)
        self.state_size = [units, units]  # h and c

    def build(self, input_shape):
        super().build(input_shape)
        one_for_the_forget_gate = ops.repeat(ops.array([0.0, 1.0, 0.0, 0.0]), self.units)
        self.bias.assign(one_for_the_forget_gate)

    def call_with_gates(self, x, states):
        """The states after the step, h and c, and the gates i, f, o; all (batch, units)."""
        h, c = states
        i, f, g, o = ops.split(x @ self.kernel + h @ self.recurrent_kernel + self.bias, 4, axis=-1)
        i, f, g, o = ops.sigmoid(i), ops.sigmoid(f), ops.tanh(g), ops.sigmoid(o)
        c = f * c + i * g
        return [o * ops.tanh(c), c], [i, f, o]

    def call(self, x, states, training=False):
        states, _ = self.call_with_gates(x, states)
        return states[0], states


class PeepholeLSTMCell(LSTMCell):
    """An LSTM whose gates also see the constant error carousel of their own unit, through the weights p (3, units).

    i_t = s(x_t W_i + h_{t-1} U_i + p_i * c_{t-1} + b_i)
    f_t = s(x_t W_f + h_{t-1} U_f + p_f * c_{t-1} + b_f)
    g_t = tanh(x_t W_g + h_{t-1} U_g + b_g)        c_t = f_t * c_{t-1} + i_t * g_t
    o_t = s(x_t W_o + h_{t-1} U_o + p_o * c_t + b_o)        h_t = o_t * tanh(c_t)

    The output gate sees the new c, the other two the old one.
    """

    def build(self, input_shape):
        super().build(input_shape)
        self.peepholes = self.add_weight((3, self.units), "glorot_uniform", name="peepholes")

    def call_with_gates(self, x, states):
        h, c = states
        p_i, p_f, p_o = ops.unstack(self.peepholes, 3)
        i, f, g, o = ops.split(x @ self.kernel + h @ self.recurrent_kernel + self.bias, 4, axis=-1)
        i, f, g = ops.sigmoid(i + p_i * c), ops.sigmoid(f + p_f * c), ops.tanh(g)
        c = f * c + i * g
        o = ops.sigmoid(o + p_o * c)
        return [o * ops.tanh(c), c], [i, f, o]


class GRUCell(Cell):
    """Gated recurrent unit, with the reset gate after the product (Keras's `reset_after=True`, and cuDNN's).

    update gate   z_t = s(x_t W_z + b_z + h_{t-1} U_z + b'_z)
    reset gate    r_t = s(x_t W_r + b_r + h_{t-1} U_r + b'_r)
    candidate     n_t = tanh(x_t W_n + b_n + r_t * (h_{t-1} U_n + b'_n))
    h_t = z_t * h_{t-1} + (1 - z_t) * n_t

    It has no output gate and no second state; z is its forget gate, and 1 - z its input gate.
    """

    gates = 3
    bias_rows = (2,)  # b and b'

    def call(self, x, states, training=False):
        h = states[0]
        x_z, x_r, x_n = ops.split(x @ self.kernel + self.bias[0], 3, axis=-1)
        h_z, h_r, h_n = ops.split(h @ self.recurrent_kernel + self.bias[1], 3, axis=-1)
        z, r = ops.sigmoid(x_z + h_z), ops.sigmoid(x_r + h_r)
        n = ops.tanh(x_n + r * h_n)
        h = z * h + (1 - z) * n
        return h, [h]


class MinGRUCell(Cell):
    """The GRU without its reset gate, and with gates that do not read the state.

    update gate   z_t = s(x_t W_z + b_z)        here what is let in; in the GRU above, what is kept
    candidate     n_t = x_t W_n + b_n           without tanh
    h_t = (1 - z_t) * h_{t-1} + z_t * n_t

    The derivative dh_t / dh_{t-1} is 1 - z_t, and no matrix U can let the gradient grow.
    """

    gates = 2

    def build(self, input_shape):
        width = self.gates * self.units
        self.kernel = self.add_weight((input_shape[-1], width), "glorot_uniform", name="kernel")
        self.bias = self.add_weight((width,), "zeros", name="bias")

    def call(self, x, states, training=False):
        z, n = ops.split(x @ self.kernel + self.bias, 2, axis=-1)
        z = ops.sigmoid(z)
        h = (1 - z) * states[0] + z * n
        return h, [h]


class MinLSTMCell(MinGRUCell):
    """The LSTM without its output gate, its second state, and gates that read the state.

    input gate    i_t = s(x_t W_i + b_i)
    forget gate   f_t = s(x_t W_f + b_f)
    candidate     n_t = x_t W_n + b_n
    h_t = (f_t * h_{t-1} + i_t * n_t) / (f_t + i_t)     the shares of old and new add up to 1
    """

    gates = 3

    def call(self, x, states, training=False):
        i, f, n = ops.split(x @ self.kernel + self.bias, 3, axis=-1)
        i, f = ops.sigmoid(i), ops.sigmoid(f)
        h = (f * states[0] + i * n) / (f + i)
        return h, [h]
