"""LSTM, GRU and SimpleRNN that train faster on a CPU than Keras's own, with Keras's weights, options and results.

They are subclasses: whoever reads `layers.LSTM(...)` may read `keras.layers.LSTM(...)`. Only the loop over time is
another. Keras's loop leaves the gradients to TensorFlow, which adds up the gradient of the weights anew at every step.
Here both directions are written out, after four observations:

1. **One product a step.** With x_t the input, h the state before, and a constant 1 for the bias, all gates of a step
   are one matrix product, `a_t = M [h_{t-1}; x_t; 1]`, where M holds the recurrent weights, the input weights and the
   bias side by side.
2. **Features first.** With tensors (features, batch) instead of (batch, features) the gates are contiguous blocks of
   `a_t`, so that cutting them apart costs nothing, and the product runs nearly twice as fast on two cores.
3. **The gradient of the weights after the loop.** Back through time, only `da_t` depends on the step after it. The
   weights' gradient is a sum over all steps, `dM = sum_t da_t [h_{t-1}; x_t; 1]'`: one large product in the end.
4. **Loops side by side.** Rows of a batch do not depend on each other. The batch is cut in as many parts as there are
   cores (up to four), each with a loop of its own, and TensorFlow runs them at the same time. `use_cores` gives each
   loop's products the threads that fall to it.

The equations (`*` elementwise; s logistic; gates in Keras's order; every product above includes the bias):

    SimpleRNN  h = tanh(a)
    LSTM       i, f, g, o = s(a_i), s(a_f), tanh(a_g), s(a_o);  c = f * c + i * g;  h = o * tanh(c)
    GRU        z, r = s(a_z), s(a_r);  n = tanh(W_n x + r * a_n);  h = z * h + (1 - z) * n

and their derivatives stand in the cells below. A masked step leaves the state as it was, as in Keras. On a GPU, and
with any option that is not covered (another activation, no bias, recurrent dropout, unrolling, reset_after=False,
half precision), the layers fall back to Keras's own loop, cuDNN's included.

References: Werbos 1990, Backpropagation through time: what it does and how to do it. Appleyard, Kocisky & Blunsom
2016, Optimizing performance of recurrent neural networks on GPUs (the same regrouping of products).
"""

from __future__ import annotations

import os

import keras
import tensorflow as tf

CORES = os.cpu_count() or 1
LOOPS = min(CORES, 4)  # side by side
ROWS = 8  # of a batch, at least, for a loop of its own


# ---------------------------------------------------------------------------------------------------------------------
# The cells. All tensors (features, batch). `forward` turns the product into the new states and what `backward` needs.


class _SimpleRNN:
    keeps = 1  # tensors for `backward`

    @staticmethod
    def forward(product, states, extra):
        h = tf.tanh(product)
        return [h], [h]

    @staticmethod
    def backward(kept, before, after, gradients):
        (h,), (dh,) = kept, gradients
        return tf.raw_ops.TanhGrad(y=h, dy=dh), [None], None


class _LSTM:
    """The rows of `a_g` come doubled: tanh(a) = 2 s(2 a) - 1, so that one logistic serves all four gates."""

    keeps = 1

    @staticmethod
    def forward(product, states, extra):
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
        upstream = tf.concat([dc * (2 * g - 1), dc * before(1), 2 * (dc * i), dh * tanh_c], axis=0)
        return tf.raw_ops.SigmoidGrad(y=gates, dy=upstream), [None, dc * f], None


class _GRU:
    """`extra` is W_n x + b_n, which must not be multiplied by r; the rows of the product are a_z, a_r, a_n."""

    keeps = 3

    @staticmethod
    def forward(product, states, extra):
        size = states[0].shape[0]
        zr, a_n = tf.split(product, [2 * size, size], axis=0)
        zr = tf.sigmoid(zr)
        z, r = tf.split(zr, 2, axis=0)
        n = tf.tanh(extra + r * a_n)
        return [n + z * (states[0] - n)], [zr, a_n, n]

    @staticmethod
    def backward(kept, before, after, gradients):
        (zr, a_n, n), (dh,) = kept, gradients
        z, r = tf.split(zr, 2, axis=0)
        through_z = dh * z
        dn = tf.raw_ops.TanhGrad(y=n, dy=dh - through_z)
        dzr = tf.raw_ops.SigmoidGrad(y=zr, dy=tf.concat([dh * (before(0) - n), dn * a_n], axis=0))
        return tf.concat([dzr, dn * r], axis=0), [through_z], dn


# ---------------------------------------------------------------------------------------------------------------------
# The loops


def _array(values):
    """The slices of a tensor along its first axis, to read in a loop."""
    return tf.TensorArray(values.dtype, tf.shape(values)[0], clear_after_read=False).unstack(values)


def _scan(cell, inputs, matrix, states, extra=None, mask=None):
    """Run a cell over time.

    Args:
        cell: one of the classes above.
        inputs: (time, inputs + 1, batch), the last row ones.
        matrix: M, (gates, hidden + inputs + 1).
        states: the initial ones, a list of (hidden, batch), h first.
        extra: (time, hidden, batch), for the GRU.
        mask: booleans (time, 1, batch), or None.

    Returns:
        h after every step (time, batch, hidden), and the list of the last states.
    """
    steps, hidden, count = tf.shape(inputs)[0], states[0].shape[0], len(states)
    masks = None if mask is None else _array(mask)

    def empty(length):
        return tf.TensorArray(inputs.dtype, length, clear_after_read=False)

    @tf.custom_gradient
    def scan(inputs, matrix, extra, *initial):
        xs, extras = _array(inputs), _array(extra)

        def forward(t, states, joined_array, state_arrays, kept_arrays):
            joined = tf.concat([states[0], xs.read(t)], axis=0)  # (hidden + inputs + 1, batch)
            new, kept = cell.forward(tf.matmul(matrix, joined), states, extras.read(t) if cell is _GRU else None)
            if masks is not None:
                real = masks.read(t)
                new = [tf.where(real, after, before) for after, before in zip(new, states, strict=True)]
            state_arrays = [array.write(t + 1, state) for array, state in zip(state_arrays, new[1:], strict=True)]
            kept_arrays = [array.write(t, tensor) for array, tensor in zip(kept_arrays, kept, strict=True)]
            return t + 1, new, joined_array.write(t, joined), state_arrays, kept_arrays

        state_arrays = [empty(steps + 1).write(0, state) for state in initial[1:]]
        arrays = empty(steps), state_arrays, [empty(steps) for _ in range(cell.keeps)]
        _, last, joined_array, state_arrays, kept_arrays = tf.while_loop(
            lambda t, *_: t < steps, forward, (0, list(initial), *arrays), parallel_iterations=1
        )
        joined = tf.transpose(joined_array.stack(), [0, 2, 1])  # (time, batch, hidden + inputs + 1)
        outputs = tf.concat([joined[1:, :, :hidden], tf.transpose(last[0])[None]], axis=0)  # (time, batch, hidden)

        def gradient(d_outputs, *d_last):
            upstream = _array(tf.transpose(d_outputs, [0, 2, 1]))
            transposed = tf.transpose(matrix)  # (hidden + inputs + 1, gates)

            def backward(t, gradients, product_array, extra_array):
                gradients = [gradients[0] + upstream.read(t), *gradients[1:]]
                passed = [0.0] * count  # what a masked step hands on as it is
                if masks is not None:
                    real = tf.cast(masks.read(t), inputs.dtype)
                    passed = [(1 - real) * gradient for gradient in gradients]
                    gradients = [real * gradient for gradient in gradients]
                d_product, d_before, d_extra = cell.backward(
                    [array.read(t) for array in kept_arrays],
                    lambda k: state_arrays[k - 1].read(t) if k else joined_array.read(t)[:hidden],
                    lambda k: state_arrays[k - 1].read(t + 1),
                    gradients,
                )
                through_product = tf.matmul(transposed[:hidden], d_product)
                d_before[0] = through_product if d_before[0] is None else d_before[0] + through_product
                if masks is not None:
                    d_before = [gradient + past for gradient, past in zip(d_before, passed, strict=True)]
                if d_extra is not None:
                    extra_array = extra_array.write(t, d_extra)
                return t - 1, d_before, product_array.write(t, d_product), extra_array

            start = (steps - 1, list(d_last), empty(steps), empty(steps))
            _, d_initial, product_array, extra_array = tf.while_loop(
                lambda t, *_: t >= 0, backward, start, parallel_iterations=1
            )
            d_product = tf.transpose(product_array.stack(), [1, 0, 2])
            d_product = tf.reshape(d_product, [matrix.shape[0], -1])  # (gates, time * batch)
            d_matrix = tf.matmul(d_product, tf.reshape(joined, [-1, joined.shape[2]]))
            d_inputs = tf.reshape(tf.matmul(transposed[hidden:], d_product), tf.gather(tf.shape(inputs), [1, 0, 2]))
            d_extra = extra_array.stack() if cell is _GRU else tf.zeros_like(extra)
            return tf.transpose(d_inputs, [1, 0, 2]), d_matrix, d_extra, *d_initial

        return (outputs, *last), gradient

    outputs, *last = scan(inputs, matrix, tf.zeros([0, 0, 0]) if extra is None else extra, *states)
    return outputs, last


# ---------------------------------------------------------------------------------------------------------------------
# The layers


def use_cores():
    """Let `LOOPS` loops run at the same time, and share out the threads of single operations among them.

    A product of this size gains less from a second thread than it costs. To be called before TensorFlow does anything.
    """
    tf.config.threading.set_inter_op_parallelism_threads(CORES)
    tf.config.threading.set_intra_op_parallelism_threads(CORES // LOOPS)


class _Fast:
    """What the three layers share: everything between Keras's `call` and the loops above."""

    def inner_loop(self, sequences, initial_state, mask, training=False):
        """Keras's `RNN.call` asks for this. Returns the last output, all outputs, and the last states."""
        if not self._covered():
            return super().inner_loop(sequences, initial_state, mask, training=training)
        if training and self.cell.dropout:
            sequences = sequences * tf.expand_dims(self.cell.get_dropout_mask(sequences[:, 0]), axis=1)
        sequences = tf.transpose(sequences, [1, 2, 0])  # (time, inputs, batch)
        mask = mask[0] if isinstance(mask, list | tuple) else mask
        if mask is not None:
            mask = tf.transpose(tf.cast(mask, tf.bool))[:, None]  # (time, 1, batch)
        if self.go_backwards:
            sequences, mask = tf.reverse(sequences, [0]), None if mask is None else tf.reverse(mask, [0])

        weights = self.cell.kernel, self.cell.recurrent_kernel, self.cell.bias
        matrix, extra = self._arrange(*map(tf.convert_to_tensor, weights), sequences)
        inputs = tf.concat([sequences, tf.ones_like(sequences[:, :1])], axis=1)
        states = [tf.transpose(state) for state in initial_state]
        cut = self._cutter(sequences.shape[2], tf.shape(sequences)[2])
        outputs, last = [], []
        for piece in zip(*(cut(tensor) for tensor in (inputs, extra, mask, *states)), strict=True):
            some, ends = _scan(self._equations, piece[0], matrix, piece[3:], piece[1], piece[2])
            outputs.append(some)
            last.append([tf.transpose(end) for end in ends])
        outputs = tf.transpose(tf.concat(outputs, axis=1), [1, 0, 2])  # (batch, time, hidden)
        last = [tf.concat(pieces, axis=0) for pieces in zip(*last, strict=True)]
        if mask is not None:  # Keras gives 0 before the first real step, and on request at every masked one
            seen = mask if self.zero_output_for_mask else tf.cumsum(tf.cast(mask, tf.int32)) > 0
            outputs = tf.where(tf.transpose(seen, [2, 0, 1]), outputs, 0)
        return outputs[:, -1], outputs, last

    def _covered(self):
        cell = self.cell
        return (
            cell.compute_dtype == "float32"
            and cell.activation is keras.activations.tanh
            and getattr(cell, "recurrent_activation", keras.activations.sigmoid) is keras.activations.sigmoid
            and getattr(cell, "reset_after", True)
            and cell.use_bias
            and not cell.recurrent_dropout
            and not self.unroll
            and not tf.config.list_physical_devices("GPU")
        )

    @staticmethod
    def _cutter(rows, count):
        """A function that cuts tensors (..., batch) in one part for each loop; `rows` is the batch size if known."""
        parts = LOOPS if rows is None else max(1, min(LOOPS, rows // ROWS))
        sizes = [count * (part + 1) // parts - count * part // parts for part in range(parts)]
        return lambda tensor: [None] * parts if tensor is None else tf.split(tensor, sizes, axis=-1, num=parts)


@keras.saving.register_keras_serializable(package="recurrent")
class SimpleRNN(_Fast, keras.layers.SimpleRNN):
    """`keras.layers.SimpleRNN`, faster on a CPU; see the top of the file."""

    _equations = _SimpleRNN

    def _arrange(self, kernel, recurrent, bias, sequences):
        return tf.transpose(tf.concat([recurrent, kernel, bias[None]], axis=0)), None


@keras.saving.register_keras_serializable(package="recurrent")
class LSTM(_Fast, keras.layers.LSTM):
    """`keras.layers.LSTM`, faster on a CPU; see the top of the file."""

    _equations = _LSTM

    def _arrange(self, kernel, recurrent, bias, sequences):
        return tf.transpose(tf.concat([recurrent, kernel, bias[None]], 0) * tf.repeat([1.0, 1, 2, 1], self.units)), None


@keras.saving.register_keras_serializable(package="recurrent")
class GRU(_Fast, keras.layers.GRU):
    """`keras.layers.GRU`, faster on a CPU; see the top of the file."""

    _equations = _GRU

    def _arrange(self, kernel, recurrent, bias, sequences):
        zr, n = slice(2 * self.units), slice(2 * self.units, None)
        kernel_zr = tf.concat([kernel[:, zr], tf.zeros_like(kernel[:, n])], axis=1)
        bias_zr = tf.concat([bias[0, zr] + bias[1, zr], bias[1, n]], axis=0)
        extra = tf.matmul(tf.transpose(kernel[:, n])[None], sequences) + bias[0, n, None]  # (time, hidden, batch)
        return tf.transpose(tf.concat([recurrent, kernel_zr, bias_zr[None]], axis=0)), extra
