"""minGRU, minLSTM and the linear recurrent unit: layers whose gates do not read the state.

A step of all three is

    h_t = a_t * h_{t-1} + b_t        `*` elementwise; a, b, h: (batch, time, units)

and a and b depend on the inputs alone. So they are computed for all steps at once, and what remains of the recurrence
is this one line. `loop` goes through it step by step. `scan` needs only log2(time) rounds, for two steps in a row are a
step of the same kind:

    h_t = a_t (a_{t-1} h_{t-2} + b_{t-1}) + b_t = (a_t a_{t-1}) h_{t-2} + (a_t b_{t-1} + b_t)

The first round joins each step with the one before it, the second joins pairs to fours, then come eights, and so on. In
a round, all steps are computed side by side. It is more work in all: time * log2(time) instead of time.

LSTM and GRU cannot do this. Their gates read h_{t-1}, and so does the tanh of a SimpleRNN.

References: Hillis & Steele 1986, Data parallel algorithms (this scan). Blelloch 1990, Prefix sums and their
applications. Martin & Cundy 2018, Parallelizing linear recurrent neural nets over sequence length. Orvieto et al. 2023,
Resurrecting recurrent neural networks for long sequences (LRU). Feng et al. 2024, Were RNNs all we needed? (minGRU,
minLSTM).
"""

import math

import keras
import tensorflow as tf


def loop(a, b):
    """All h_t = a_t * h_{t-1} + b_t, one step after the other."""
    by_time = [tf.transpose(values, [1, 0, 2]) for values in (a, b)]  # (time, batch, units)
    h = tf.scan(lambda h, step: step[0] * h + step[1], by_time, initializer=tf.zeros_like(b[:, 0]))
    return tf.transpose(h, [1, 0, 2])


def scan(a, b):
    """The same, in log2(time) rounds."""
    steps = tf.shape(b)[1]

    def join(reach, a, b):  # a_t and b_t lead from h_{t - reach} to h_t; twice as far after the round
        return 2 * reach, a * later(a, reach), b + a * later(b, reach)

    return tf.while_loop(lambda reach, *_: reach < steps, join, (1, a, b))[2]


def later(values, steps):
    """Every value `steps` steps later, and zeros before the first."""
    return tf.concat([tf.zeros_like(values[:, :steps]), values[:, :-steps]], axis=1)


def recurrence(a, b, h, parallel):
    """All states after `h` (batch, units), by `scan` if `parallel`, else by `loop`; with gradients.

    With g_t the gradient of the loss by h_t along all paths, and d_t along the direct one, not through h_{t+1},

        g_t = a_{t+1} g_{t+1} + d_t,        dL/db_t = g_t,        dL/da_t = g_t h_{t-1}

    Back-propagation through time is the same recurrence, from the last step to the first, and can be scanned as well.
    (TensorFlow's gradient by a complex number is the conjugate of what this rule gives; real numbers do not notice.)
    """
    run = scan if parallel else loop

    @tf.custom_gradient
    def forward(a, b):
        h = run(a, b)

        def gradient(direct):
            from_the_end = tf.reverse(tf.math.conj(a), [1])  # a_T, ..., a_1
            g = tf.reverse(run(later(from_the_end, 1), tf.reverse(direct, [1])), [1])  # later: 0, a_T, ..., a_2
            return g * tf.math.conj(later(h, 1)), g

        return h, gradient

    first = b[:, :1] + a[:, :1] * h[:, None]
    return forward(a, tf.concat([first, b[:, 1:]], axis=1))


class ScanLayer(keras.layers.Layer):
    """What the layers share: inputs (batch, time, inputs) -> outputs (batch, time, units), or only the last.

    Args:
        units: size of the outputs.
        parallel: compute by `scan`; otherwise by `loop`, which is faster on a CPU. The results are the same.
        return_sequences: give the outputs of all steps, not only that of the last.
        return_state: give the last state, too, after the outputs: real numbers, (batch, state_size * units).
    """

    state_size = 1  # numbers of the state, for each unit

    def __init__(self, units, parallel=False, return_sequences=False, return_state=False, **options):
        super().__init__(**options)
        self.units, self.parallel = units, parallel
        self.return_sequences, self.return_state = return_sequences, return_state

    def get_config(self):
        names = ("units", "parallel", "return_sequences", "return_state")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}

    def get_initial_state(self, batch_size):
        """The state before the first step, zeros, in a list of one, as Keras's recurrent layers give it."""
        return [tf.zeros((batch_size, self.state_size * self.units))]

    def call(self, inputs, initial_state=None):
        """Args: initial_state, a list of one state (batch, state_size * units); zeros by default."""
        (state,) = initial_state or self.get_initial_state(tf.shape(inputs)[0])
        outputs, state = self.outputs_and_state(inputs, state)
        outputs = outputs if self.return_sequences else outputs[:, -1]
        return [outputs, state] if self.return_state else outputs

    def cell(self, inputs, states):
        """One step, as the cells of Keras's recurrent layers take it: inputs (batch, inputs), a list of one state."""
        outputs, state = self.outputs_and_state(inputs[:, None], *states)
        return outputs[:, 0], [state]

    def outputs_and_state(self, inputs, state):
        """The outputs of all steps, (batch, time, units), and the last state, (batch, state_size * units)."""
        raise NotImplementedError


@keras.saving.register_keras_serializable(package="rnn_examples")
class MinGRU(ScanLayer):
    """The GRU without its reset gate, and without h_{t-1} in what is left (Feng et al. 2024, section 3.1).

    update gate  z_t = s(x_t W_z + b_z)
    candidate    n_t = x_t W_n + b_n                     without tanh
    output       h_t = (1 - z_t) * h_{t-1} + z_t * n_t   (in the paper's notation; our GRU says z for 1 - z)
    """

    def build(self, input_shape):
        self.dense = keras.layers.Dense(2 * self.units)
        self.dense.build(input_shape)

    def outputs_and_state(self, inputs, state):
        z, n = tf.split(self.dense(inputs), 2, axis=-1)
        z = tf.sigmoid(z)
        h = recurrence(1 - z, z * n, state, self.parallel)
        return h, h[:, -1]


@keras.saving.register_keras_serializable(package="rnn_examples")
class MinLSTM(ScanLayer):
    """The LSTM without its output gate, and without h_{t-1} in the rest (Feng et al. 2024, section 3.2).

    input gate   i_t = s(x_t W_i + b_i)
    forget gate  f_t = s(x_t W_f + b_f)
    candidate    n_t = x_t W_n + b_n
    output       h_t = f_t / (f_t + i_t) * h_{t-1} + i_t / (f_t + i_t) * n_t

    What is kept and what is let in add up to 1, so that h stays as large as the candidates, however long it runs.
    """

    def build(self, input_shape):
        self.dense = keras.layers.Dense(3 * self.units)
        self.dense.build(input_shape)

    def outputs_and_state(self, inputs, state):
        i, f, n = tf.split(self.dense(inputs), 3, axis=-1)
        i, f = tf.sigmoid(i), tf.sigmoid(f)
        h = recurrence(f / (f + i), i / (f + i) * n, state, self.parallel)
        return h, h[:, -1]


@keras.saving.register_keras_serializable(package="rnn_examples")
class LRU(ScanLayer):
    """The linear recurrent unit (Orvieto et al. 2023, section 3): complex numbers that turn and shrink.

    state   h_t = e * h_{t-1} + g * (x_t B)      complex (units,); e, the same at all steps, has |e| < 1
    output  y_t = real part of h_t C, + x_t D

    e = exp(-exp(decay) + i exp(phase)), so that |e| < 1 whatever training does. g starts as sqrt(1 - |e|^2), which
    makes h as large for a slow unit as for a fast one. |e| starts between 0.9 and 0.999, and the angle between 0 and
    pi / 10, as the paper advises for long sequences.

    It is linear: between two such layers, or before one, there has to be something that is not. The state that it
    gives and takes has the real parts, then the imaginary ones.
    """

    state_size = 2

    def build(self, input_shape):
        inputs, units = input_shape[-1], self.units
        square = keras.random.uniform((units,), 0.9**2, 0.999**2)  # |e|^2
        log = keras.ops.log
        self.decay = self.add_weight((units,), name="decay")
        self.decay.assign(log(-log(square) / 2))
        self.phase = self.add_weight((units,), name="phase")
        self.phase.assign(log(keras.random.uniform((units,), 1e-4, math.pi / 10)))
        self.scale = self.add_weight((units,), name="scale")
        self.scale.assign(log(1 - square) / 2)
        # Real parts and imaginary parts side by side.
        self.dense_in = keras.layers.Dense(2 * units, use_bias=False)
        self.dense_in.build(input_shape)
        self.dense_out = keras.layers.Dense(units, use_bias=False)
        self.dense_out.build((None, None, 2 * units))
        self.skip = keras.layers.Dense(units, use_bias=False)
        self.skip.build((None, None, inputs))

    def outputs_and_state(self, inputs, state):
        size, angle = tf.exp(-tf.exp(self.decay)), tf.exp(self.phase)
        e = tf.complex(size * tf.cos(angle), size * tf.sin(angle))
        real, imaginary = tf.split(self.dense_in(inputs), 2, axis=-1)
        b = tf.complex(tf.exp(self.scale) * real, tf.exp(self.scale) * imaginary)
        h = tf.complex(*tf.split(state, 2, axis=-1))
        h = recurrence(tf.broadcast_to(e, tf.shape(b)), b, h, self.parallel)
        parts = tf.concat([tf.math.real(h), tf.math.imag(h)], axis=-1)  # (batch, time, 2 * units)
        return self.dense_out(parts) + self.skip(inputs), parts[:, -1]


@keras.saving.register_keras_serializable(package="rnn_examples")
class LRUBlock(ScanLayer):
    """An LRU between two dense layers with ReLU: the least that makes it a network that is not linear."""

    state_size = 2

    def build(self, input_shape):
        self.before = keras.layers.Dense(self.units, "relu")
        self.before.build(input_shape)
        self.lru = LRU(self.units, self.parallel)
        self.lru.build((None, None, self.units))
        self.after = keras.layers.Dense(self.units, "relu")
        self.after.build((None, None, self.units))

    def outputs_and_state(self, inputs, state):
        outputs, state = self.lru.outputs_and_state(self.before(inputs), state)
        return self.after(outputs), state
