"""LSTM, GRU and SimpleRNN that train faster on a CPU than Keras's own, with Keras's weights, options and results.

They are subclasses: whoever reads `layers.LSTM(...)` may read `keras.layers.LSTM(...)`. Only the loop over time is
another. Keras's loop leaves the gradients to TensorFlow, which adds up the gradient of the weights anew at every step.
Here both directions are written out, after five observations:

1. **One product a step.** With x_t the input, h the state before, and a constant 1 for the bias, all gates of a step
   are one product, `a_t = M [h_{t-1}; x_t; 1]`, M being recurrent weights, input weights and bias side by side.
2. **Features first.** With tensors (features, batch) instead of (batch, features) the gates are contiguous blocks of
   `a_t`, so that cutting them apart costs nothing, and the product runs nearly twice as fast on two cores.
3. **The gradient of the weights after the loop.** Back through time, only `da_t` depends on the step after it. The
   weights' gradient is a sum over all steps, `dM = sum_t da_t [h_{t-1}; x_t; 1]'`: one large product in the end.
4. **Loops side by side.** A batch is cut in as many parts as there are cores (up to four; half as many in each
   direction of a Bidirectional layer), each with its own loop, all at once. `use_cores` shares out the threads.
5. **Units side by side.** A product with few columns takes as long as it takes to read M. So if a large layer has a
   small batch, not the batch but the units are cut in parts: each core reads its own rows of M only.

The cells' equations stand in `cells.py`. A masked step leaves the state as it was, as in Keras. On a GPU, and
with any option that is not covered (another activation, no bias, recurrent dropout, unrolling, reset_after=False,
half precision), the layers fall back to Keras's own loop, cuDNN's included.

References: Werbos 1990, Backpropagation through time: what it does and how to do it. Appleyard, Kocisky & Blunsom
2016, Optimizing performance of recurrent neural networks on GPUs (the same regrouping of products).
"""

from __future__ import annotations

import contextlib
import os

import keras
import tensorflow as tf

from common.fast_rnn import cells

CORES = os.cpu_count() or 1
LOOPS = min(CORES, 4)  # side by side
ROWS = 8  # of a batch, at least, for a loop of its own
LARGE, LARGE_ROWS = 192, 16  # units of a large layer, and the ROWS of one


def _empty(length):
    return tf.TensorArray(tf.float32, length, clear_after_read=False)


def _array(values):
    """The slices of a tensor along its first axis, to read in a loop."""
    return tf.TensorArray(values.dtype, tf.shape(values)[0], clear_after_read=False).unstack(values)


def _write(arrays, t, tensors):
    return tf.nest.map_structure(lambda array, tensor: array.write(t, tensor), arrays, tensors)


def _flat(values):
    """(time, features, batch) -> (features, time * batch)."""
    return tf.reshape(tf.transpose(values, [1, 0, 2]), [values.shape[1], -1])


def _sizes(count, parts):
    """The sizes of `parts` parts of `count`, as equal as can be."""
    return [count * (part + 1) // parts - count * part // parts for part in range(parts)]


def _apart(tensors, sizes, axis):
    """Cut tensors (or None) in parts of these sizes: a list of all the first parts, one of all the second parts, ..."""
    cut = [tensor if tensor is None else tf.split(tensor, sizes, axis=axis, num=len(sizes)) for tensor in tensors]
    return [[parts and parts[number] for parts in cut] for number in range(len(sizes))]


def _scan(cell, inputs, matrices, states, beside, mask=None):
    """Run a cell over time: h after every step (batch, time, hidden), and the last states, nested as `states` are.

    The units may be cut in parts, which compute each step side by side; `matrices`, `states` and `beside` are lists of
    what belongs to each part.

    Args:
        inputs: (time, inputs + 1, batch), the last row ones.
        matrices: the part's rows of M, (its gates, hidden + inputs + 1), `hidden` being all units.
        states: the initial ones, a list of (part of hidden, batch), h first.
        beside: for the GRU, a list of one tensor (time, part of hidden, batch), W_n x + b_n.
        mask: booleans (time, 1, batch), or None.
    """
    steps, sizes = tf.shape(inputs)[0], [part[0].shape[0] for part in states]
    masks = [] if mask is None else [_array(mask)]

    @tf.custom_gradient
    def scan(inputs, matrices, initial, beside):
        xs, besides = _array(inputs), tf.nest.map_structure(_array, beside)

        def forward(t, states, state_arrays, kept_arrays):
            below = tf.concat([*(part[0] for part in states), xs.read(t)], axis=0)
            new, kept = [], []
            for matrix, part, part_beside in zip(matrices, states, besides, strict=True):
                results = cell.forward(tf.matmul(matrix, below), part, *(array.read(t) for array in part_beside))
                new.append(results[0]), kept.append(results[1])
            if masks:
                real = masks[0].read(t)
                new = tf.nest.map_structure(lambda after, before: tf.where(real, after, before), new, states)
            return t + 1, new, _write(state_arrays, t + 1, new), _write(kept_arrays, t, kept)

        state_arrays = _write(tf.nest.map_structure(lambda _: _empty(steps + 1), initial), 0, initial)
        kept_arrays = [[_empty(steps) for _ in range(cell.keeps)] for _ in sizes]
        _, last, state_arrays, kept_arrays = tf.while_loop(
            lambda t, *_: t < steps, forward, (0, initial, state_arrays, kept_arrays), parallel_iterations=1
        )
        arrays, graph = (state_arrays, kept_arrays, masks), tf.compat.v1.get_default_graph()
        stacked = tf.nest.map_structure(lambda array: array.stack(), arrays)
        h = tf.concat([part[0] for part in stacked[0]], axis=1)  # (time + 1, hidden, batch)
        outputs = tf.transpose(h[1:], [2, 0, 1])  # (batch, time, hidden)

        def gradient(d_outputs, *d_last):
            state_arrays, kept_arrays, masks = arrays
            if tf.compat.v1.get_default_graph() is not graph:  # `jacobian`, `export`: arrays cannot be read there
                state_arrays, kept_arrays, masks = tf.nest.map_structure(_array, stacked)
            upstream = [_array(part) for part in tf.split(tf.transpose(d_outputs, [1, 2, 0]), sizes, axis=1)]
            transposed = tf.transpose(tf.concat(matrices, axis=0))  # (hidden + inputs + 1, gates)
            *blocks, inputs_block = tf.split(transposed, [*sizes, inputs.shape[1]])

            def backward(t, gradients, product_array, beside_arrays):
                gradients = [
                    [part[0] + array.read(t), *part[1:]] for part, array in zip(gradients, upstream, strict=True)
                ]
                if masks:  # a masked step hands the gradients on as they are
                    real = tf.cast(masks[0].read(t), tf.float32)
                    passed = tf.nest.map_structure(lambda g: (1 - real) * g, gradients)
                    gradients = tf.nest.map_structure(lambda g: real * g, gradients)
                d_gates, d_before, d_beside = [], [], []
                for kept, arrays, part in zip(kept_arrays, state_arrays, gradients, strict=True):
                    results = cell.backward(
                        [array.read(t) for array in kept],
                        lambda k, arrays=arrays: arrays[k].read(t),
                        lambda k, arrays=arrays: arrays[k].read(t + 1),
                        part,
                    )
                    d_gates += results[0]
                    d_before.append(results[1]), d_beside.append(list(results[2:]))
                below = tf.concat(d_gates, axis=0)
                for block, part in zip(blocks, d_before, strict=True):
                    part[0] += tf.matmul(block, below)
                if masks:
                    d_before = tf.nest.map_structure(tf.add, d_before, passed)
                return t - 1, d_before, product_array.write(t, below), _write(beside_arrays, t, d_beside)

            start = _empty(steps), tf.nest.map_structure(lambda _: _empty(steps), beside)
            d_last = tf.nest.pack_sequence_as(initial, d_last)
            _, d_initial, product_array, beside_arrays = tf.while_loop(
                lambda t, *_: t >= 0, backward, (steps - 1, d_last, *start), parallel_iterations=1
            )
            d_product = _flat(product_array.stack())
            joined = tf.concat([_flat(h[:-1]), _flat(inputs)], axis=0)  # (hidden + inputs + 1, time * batch)
            rows = tf.split(d_product, [matrix.shape[0] for matrix in matrices])
            d_matrices = [tf.matmul(part, joined, transpose_b=True) for part in rows]
            d_inputs = tf.matmul(inputs_block, d_product)
            d_inputs = tf.transpose(tf.reshape(d_inputs, [inputs.shape[1], steps, -1]), [1, 0, 2])
            d_beside = tf.nest.map_structure(lambda array: array.stack(), beside_arrays)
            return tf.nest.flatten([d_inputs, d_matrices, d_initial, d_beside])

        return (outputs, *tf.nest.flatten(last)), gradient

    outputs, *last = scan(inputs, matrices, states, beside)
    return outputs, tf.nest.pack_sequence_as(states, last)


def use_cores():
    """Let `LOOPS` loops run at the same time, each with its share of the threads. It has no effect once TensorFlow has
    computed something."""
    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_inter_op_parallelism_threads(CORES)
        tf.config.threading.set_intra_op_parallelism_threads(CORES // LOOPS)


class _Fast:
    """What the three layers share: everything between Keras's `call` and the loops above."""

    def inner_loop(self, sequences, initial_state, mask, training=False):
        """Keras's `RNN.call` asks for this. Returns the last output, all outputs, and the last states."""
        more_states = sequences.shape[0] == 1 and any(state.shape[0] not in (1, None) for state in initial_state)
        if more_states or not self._covered():
            return super().inner_loop(sequences, initial_state, mask, training=training)
        sequences = tf.cast(sequences, tf.float32)  # they may be integers
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
        loops, sizes = self._shares(sequences.shape[0])
        gates = tf.reshape(matrix, [-1, self.units, matrix.shape[-1]])  # (kinds of gates, hidden, ...)
        matrices = [tf.reshape(part, [-1, matrix.shape[-1]]) for (part,) in _apart([gates], sizes, 1)]
        batch = tf.shape(sequences)[0]
        initial_state = [tf.broadcast_to(state, [batch, state.shape[-1]]) for state in initial_state]
        rows = _sizes(batch, loops)
        outputs, last = [], []
        for part, part_mask, *states in _apart([sequences, mask, *initial_state], rows, 0):
            part = tf.transpose(part, [1, 2, 0])  # (time, inputs, batch)
            part_outputs, ends = _scan(
                self._equations,
                tf.concat([part, tf.ones_like(part[:, :1])], axis=1),
                matrices,
                _apart([tf.transpose(state) for state in states], sizes, 0),
                _apart(self._beside(*weights, part), sizes, 1),
                None if mask is None else tf.transpose(part_mask)[:, None],  # (time, 1, batch)
            )
            outputs.append(part_outputs)
            last.append([tf.transpose(tf.concat(end, axis=0)) for end in zip(*ends, strict=True)])
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

    def _shares(self, rows):
        """How many loops share the batch of `rows` (None: not known), and the sizes of the parts of the units."""
        sides = 2 if self.name.startswith(("forward_", "backward_")) else 1  # as Bidirectional names its two layers
        most = max(1, LOOPS // sides)
        large = self.units >= LARGE
        loops = most if rows is None else max(1, min(most, rows // (LARGE_ROWS if large else ROWS)))
        return loops, _sizes(self.units, most // loops if large else 1)


@keras.saving.register_keras_serializable(package="rnn_examples")
class SimpleRNN(_Fast, keras.layers.SimpleRNN):
    """`keras.layers.SimpleRNN`, faster on a CPU; see the top of the file."""

    _equations = cells.SimpleRNN


@keras.saving.register_keras_serializable(package="rnn_examples")
class LSTM(_Fast, keras.layers.LSTM):
    """`keras.layers.LSTM`, faster on a CPU; see the top of the file."""

    _equations = cells.LSTM

    def _matrix(self, kernel, recurrent, bias):
        return super()._matrix(kernel, recurrent, bias) * tf.repeat([1.0, 1, 2, 1], self.units)[:, None]


@keras.saving.register_keras_serializable(package="rnn_examples")
class GRU(_Fast, keras.layers.GRU):
    """`keras.layers.GRU`, faster on a CPU; see the top of the file."""

    _equations = cells.GRU

    def _matrix(self, kernel, recurrent, bias):
        zr, n = slice(2 * self.units), slice(2 * self.units, None)
        kernel = tf.concat([kernel[:, zr], tf.zeros_like(kernel[:, n])], axis=1)
        return super()._matrix(kernel, recurrent, tf.concat([bias[0, zr] + bias[1, zr], bias[1, n]], axis=0))

    def _beside(self, kernel, recurrent, bias, inputs):
        n = slice(2 * self.units, None)
        return [tf.matmul(tf.transpose(kernel[:, n])[None], inputs) + bias[0, n, None]]
