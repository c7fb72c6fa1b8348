"""The equations of the recurrent cells, forward and backward, for the loops of `layers.py`.

With a the product of the weights with state and input, bias included (`*` elementwise; s logistic; gates in Keras's
order):

    SimpleRNN  h = tanh(a)
    LSTM       i, f, g, o = s(a_i), s(a_f), tanh(a_g), s(a_o);  c = f * c + i * g;  h = o * tanh(c)
    GRU        z, r = s(a_z), s(a_r);  n = tanh(W_n x + r * a_n);  h = z * h + (1 - z) * n

All tensors are (features, batch). Each cell has two functions:

    forward   the product, the states before, W_n x for the GRU -> the states after, and what `backward` needs again
    backward  that, the states before and after, the gradients of the states after -> the gradient of the product,
              gate by gate; those that reach the states before outside of the product; that of W_n x

References: Hochreiter & Schmidhuber 1997, Long short-term memory (with the forget gate of Gers et al. 2000). Cho et al.
2014, Learning phrase representations using RNN encoder-decoder (the GRU).
"""

import tensorflow as tf


class SimpleRNN:
    keeps = 0  # tensors for `backward`, besides the states

    @staticmethod
    def forward(product, states):
        return [tf.tanh(product)], []

    @staticmethod
    def backward(kept, before, after, gradients):
        return [tf.raw_ops.TanhGrad(y=after(0), dy=gradients[0])], [0.0]


class LSTM:
    """The rows of `a_g` come doubled: tanh(a) = 2 s(2 a) - 1, so that one logistic serves all four gates."""

    keeps = 1

    @staticmethod
    def forward(product, states):
        gates = tf.sigmoid(product)
        i, f, g, o = tf.split(gates, 4, axis=0)
        c = f * states[1] + i * (2 * g - 1)
        return [o * tf.tanh(c), c], [gates]

    @staticmethod
    def backward(kept, before, after, gradients):
        (gates,), (dh, dc) = kept, gradients
        i, f, g, o = tf.split(gates, 4, axis=0)
        tanh_c = tf.tanh(after(1))
        dc = dc + tf.raw_ops.TanhGrad(y=tanh_c, dy=dh * o)
        upstream = dc * (2 * g - 1), dc * before(1), 2 * (dc * i), dh * tanh_c
        return [tf.raw_ops.SigmoidGrad(y=y, dy=dy) for y, dy in zip((i, f, g, o), upstream, strict=True)], [0.0, dc * f]


class GRU:
    """W_n x + b_n must not be multiplied by r, and comes beside the product; the product's rows are a_z, a_r, a_n."""

    keeps = 3

    @staticmethod
    def forward(product, states, x_n):
        size = states[0].shape[0]
        zr, a_n = tf.split(product, [2 * size, size], axis=0)
        zr = tf.sigmoid(zr)
        z, r = tf.split(zr, 2, axis=0)
        n = tf.tanh(x_n + r * a_n)
        return [n + z * (states[0] - n)], [zr, a_n, n]

    @staticmethod
    def backward(kept, before, after, gradients):
        (zr, a_n, n), (dh,) = kept, gradients
        z, r = tf.split(zr, 2, axis=0)
        through_z = dh * z
        dn = tf.raw_ops.TanhGrad(y=n, dy=dh - through_z)
        dz = tf.raw_ops.SigmoidGrad(y=z, dy=dh * (before(0) - n))
        dr = tf.raw_ops.SigmoidGrad(y=r, dy=dn * a_n)
        return [dz, dr, dn * r], [through_z], dn
