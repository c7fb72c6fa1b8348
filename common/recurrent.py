"""LSTM, GRU and SimpleRNN that train faster on a CPU than Keras's own, with Keras's weights, options and results.

They are subclasses: whoever reads `layers.LSTM(...)` may read `keras.layers.LSTM(...)`. Only the loop over time is
another. Keras's loop leaves the gradients to TensorFlow, which adds up the gradient of the weights anew at every step.
Here both directions are written out, after four observations:

1. **One product a step.** With x_t the input, h the state before, and a constant 1 for the bias, all gates of a step
   are one product, `a_t = M [h_{t-1}; x_t; 1]`, M being recurrent weights, input weights and bias side by side.
2. **Features first.** With tensors (features, batch) instead of (batch, features) the gates are contiguous blocks of
   `a_t`, so that cutting them apart costs nothing, and the product runs nearly twice as fast on two cores.
3. **The gradient of the weights after the loop.** Back through time, only `da_t` depends on the step after it. The
   weights' gradient is a sum over all steps, `dM = sum_t da_t [h_{t-1}; x_t; 1]'`: one large product in the end.
4. **Loops side by side.** A batch is cut in as many parts as there are cores (up to four; half as many in each
   direction of a Bidirectional layer), each with its own loop, all at once. `use_cores` shares out the threads.

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


# The cells: all tensors (features, batch).
#
# forward: the product, the states before, W_n x for the GRU -> the states after, what `backward` needs again.
# backward: that, the states before and after, the gradients of the states after -> the gradient of the product, those
# that reach the states before not through the product, that of W_n x.


class _SimpleRNN:
    keeps = 0  # tensors for `backward`, besides the states

    @staticmethod
    def forward(product, states):
        return [tf.tanh(product)], []

    @staticmethod
    def backward(kept, before, after, gradients):
        return tf.raw_ops.TanhGrad(y=after(0), dy=gradients[0]), [0.0]


class _LSTM:
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
        upstream = tf.concat([dc * (2 * g - 1), dc * before(1), 2 * (dc * i), dh * tanh_c], axis=0)
        return tf.raw_ops.SigmoidGrad(y=gates, dy=upstream), [0.0, dc * f]


class _GRU:
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
        dzr = tf.raw_ops.SigmoidGrad(y=zr, dy=tf.concat([dh * (before(0) - n), dn * a_n], axis=0))
        return tf.concat([dzr, dn * r], axis=0), [through_z], dn


def _empty(length):
    return tf.TensorArray(tf.float32, length, clear_after_read=False)


def _array(values):
    """The slices of a tensor along its first axis, to read in a loop."""
    return tf.TensorArray(values.dtype, tf.shape(values)[0], clear_after_read=False).unstack(values)


def _write(arrays, t, tensors):
    return [array.write(t, tensor) for array, tensor in zip(arrays, tensors, strict=True)]


def _flat(values):
    """(time, features, batch) -> (features, time * batch)."""
    return tf.reshape(tf.transpose(values, [1, 0, 2]), [values.shape[1], -1])


def _scan(cell, inputs, matrix, states, beside=(), mask=None):
    """Run a cell over time: h after every step (batch, time, hidden), and the list of the last states.

    Args:
        inputs: (time, inputs + 1, batch), the last row ones.
        matrix: M, (gates, hidden + inputs + 1).
        states: the initial ones, a list of (hidden, batch), h first.
        beside: for the GRU, a list of one tensor (time, hidden, batch), W_n x + b_n.
        mask: booleans (time, 1, batch), or None.
    """
    steps, hidden = tf.shape(inputs)[0], states[0].shape[0]
    masks = None if mask is None else _array(mask)

    @tf.custom_gradient
    def scan(inputs, matrix, *others):
        initial, besides = others[: len(states)], [_array(values) for values in others[len(states) :]]
        xs = _array(inputs)

        def forward(t, states, state_arrays, kept_arrays):
            product = tf.matmul(matrix, tf.concat([states[0], xs.read(t)], axis=0))
            new, kept = cell.forward(product, states, *(array.read(t) for array in besides))
            if masks is not None:
                real = masks.read(t)
                new = [tf.where(real, after, before) for after, before in zip(new, states, strict=True)]
            return t + 1, new, _write(state_arrays, t + 1, new), _write(kept_arrays, t, kept)

        state_arrays = _write([_empty(steps + 1) for _ in initial], 0, initial)
        kept_arrays = [_empty(steps) for _ in range(cell.keeps)]
        _, last, state_arrays, kept_arrays = tf.while_loop(
            lambda t, *_: t < steps, forward, (0, list(initial), state_arrays, kept_arrays), parallel_iterations=1
        )
        h = state_arrays[0].stack()  # (time + 1, hidden, batch), the initial one included
        outputs = tf.transpose(h[1:], [2, 0, 1])  # (batch, time, hidden)

        def gradient(d_outputs, *d_last):
            upstream = _array(tf.transpose(d_outputs, [1, 2, 0]))
            transposed = tf.transpose(matrix)  # (hidden + inputs + 1, gates)

            def backward(t, gradients, product_array, beside_arrays):
                gradients = [gradients[0] + upstream.read(t), *gradients[1:]]
                if masks is not None:  # a masked step hands the gradients on as they are
                    real = tf.cast(masks.read(t), tf.float32)
                    passed, gradients = [(1 - real) * g for g in gradients], [real * g for g in gradients]
                d_product, d_before, *d_beside = cell.backward(
                    [array.read(t) for array in kept_arrays],
                    lambda k: state_arrays[k].read(t),
                    lambda k: state_arrays[k].read(t + 1),
                    gradients,
                )
                d_before[0] += tf.matmul(transposed[:hidden], d_product)
                if masks is not None:
                    d_before = [gradient + past for gradient, past in zip(d_before, passed, strict=True)]
                return t - 1, d_before, product_array.write(t, d_product), _write(beside_arrays, t, d_beside)

            start = (steps - 1, list(d_last), _empty(steps), [_empty(steps) for _ in besides])
            _, d_initial, product_array, beside_arrays = tf.while_loop(
                lambda t, *_: t >= 0, backward, start, parallel_iterations=1
            )
            d_product = _flat(product_array.stack())
            joined = tf.concat([_flat(h[:-1]), _flat(inputs)], axis=0)  # (hidden + inputs + 1, time * batch)
            d_matrix = tf.matmul(d_product, joined, transpose_b=True)
            d_inputs = tf.reshape(tf.matmul(transposed[hidden:], d_product), [inputs.shape[1], steps, -1])
            d_beside = [array.stack() for array in beside_arrays]
            return tf.transpose(d_inputs, [1, 0, 2]), d_matrix, *d_initial, *d_beside

        return (outputs, *last), gradient

    outputs, *last = scan(inputs, matrix, *states, *beside)
    return outputs, last


def use_cores():
    """Let `LOOPS` loops run at the same time, each with its share of the threads. Call it before TensorFlow starts."""
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
        mask = mask[0] if isinstance(mask, list | tuple) else mask
        mask = None if mask is None else tf.cast(mask, tf.bool)
        if self.go_backwards:
            sequences, mask = tf.reverse(sequences, [1]), None if mask is None else tf.reverse(mask, [1])
        weights = [
            tf.convert_to_tensor(part) for part in (self.cell.kernel, self.cell.recurrent_kernel, self.cell.bias)
        ]
        matrix = self._matrix(*weights)
        cut = self._cutter(sequences.shape[0], tf.shape(sequences)[0])
        outputs, last = [], []
        for part, part_mask, *states in zip(*map(cut, (sequences, mask, *initial_state)), strict=True):
            part = tf.transpose(part, [1, 2, 0])  # (time, inputs, batch)
            part_outputs, ends = _scan(
                self._equations,
                tf.concat([part, tf.ones_like(part[:, :1])], axis=1),
                matrix,
                [tf.transpose(state) for state in states],
                self._beside(*weights, part),
                None if mask is None else tf.transpose(part_mask)[:, None],  # (time, 1, batch)
            )
            outputs.append(part_outputs)
            last.append([tf.transpose(end) for end in ends])
        outputs = tf.concat(outputs, axis=0)  # (batch, time, hidden)
        last = [tf.concat(parts, axis=0) for parts in zip(*last, strict=True)]
        if mask is not None:  # Keras gives 0 before the first real step, and on request at every masked one
            seen = mask if self.zero_output_for_mask else tf.cumsum(tf.cast(mask, tf.int32), axis=1) > 0
            outputs = tf.where(seen[:, :, None], outputs, 0)
        return outputs[:, -1], outputs, last

    def _matrix(self, kernel, recurrent, bias):
        """M, (gates, hidden + inputs + 1)."""
        return tf.transpose(tf.concat([recurrent, kernel, bias[None]], axis=0))

    def _beside(self, kernel, recurrent, bias, inputs):
        """What the cell needs of (time, inputs, batch) beside the product: a list of tensors (time, ..., batch)."""
        return []

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

    def _cutter(self, rows, count):
        """A function that cuts tensors (batch, ...) in one part for each loop; `rows` is the batch size if known."""
        sides = 2 if self.name.startswith(("forward_", "backward_")) else 1  # as Bidirectional names its two layers
        parts = max(1, min(LOOPS // sides, LOOPS if rows is None else rows // ROWS))
        sizes = [count * (part + 1) // parts - count * part // parts for part in range(parts)]
        return lambda tensor: [None] * parts if tensor is None else tf.split(tensor, sizes, num=parts)


@keras.saving.register_keras_serializable(package="recurrent")
class SimpleRNN(_Fast, keras.layers.SimpleRNN):
    """`keras.layers.SimpleRNN`, faster on a CPU; see the top of the file."""

    _equations = _SimpleRNN


@keras.saving.register_keras_serializable(package="recurrent")
class LSTM(_Fast, keras.layers.LSTM):
    """`keras.layers.LSTM`, faster on a CPU; see the top of the file."""

    _equations = _LSTM

    def _matrix(self, kernel, recurrent, bias):
        return super()._matrix(kernel, recurrent, bias) * tf.repeat([1.0, 1, 2, 1], self.units)[:, None]


@keras.saving.register_keras_serializable(package="recurrent")
class GRU(_Fast, keras.layers.GRU):
    """`keras.layers.GRU`, faster on a CPU; see the top of the file."""

    _equations = _GRU

    def _matrix(self, kernel, recurrent, bias):
        zr, n = slice(2 * self.units), slice(2 * self.units, None)
        kernel = tf.concat([kernel[:, zr], tf.zeros_like(kernel[:, n])], axis=1)
        return super()._matrix(kernel, recurrent, tf.concat([bias[0, zr] + bias[1, zr], bias[1, n]], axis=0))

    def _beside(self, kernel, recurrent, bias, inputs):
        n = slice(2 * self.units, None)
        return [tf.matmul(tf.transpose(kernel[:, n])[None], inputs) + bias[0, n, None]]
