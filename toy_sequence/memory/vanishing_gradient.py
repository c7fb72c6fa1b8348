"""How much of a gradient is left 20 steps back in time: six recurrent layers, before and after training.

    python toy_sequence/memory/vanishing_gradient.py          # about a minute

The task: normally distributed numbers come in, and after the last one the network has to say whether the *first* was
positive. What it learns about the first step comes back through all the others, as dL/dh_t, the gradient of the loss
with respect to the state after step t. Each step back multiplies it by the Jacobian of that step:

    numbers (batch, time, 1) -> recurrent layer, last h (batch, hidden) -> logit (batch,)
    dL/dh_t = dL/dh_{t+1} dh_{t+1}/dh_t        SimpleRNN: dh_{t+1}/dh_t = U' diag(f'(u_{t+1}))

Where these products shrink, the first number is never learned; where they grow, a step of training can go anywhere. An
LSTM has a second path back, through its memory c (the constant error carousel), where the factor is the forget gate
alone; its gradient is drawn as a dashed line. With forget bias 1 that gate starts at about 0.73, with 0 at 0.5.

The second figure takes the network apart. If f is linear, T steps multiply by U^T, which grows or shrinks like the
spectral radius to the power T; the spectral radius is the largest absolute value of an eigenvalue of U. With tanh,
f' <= 1 can only shrink it further.

References: Hochreiter 1991. Bengio, Simard & Frasconi 1994, Learning long-term dependencies with gradient descent is
difficult. Pascanu, Mikolov & Bengio 2013. Le, Jaitly & Hinton 2015 (identity-initialised ReLU).
"""

import time
from dataclasses import dataclass

import numpy as np

from common.cli import Count, LearningRate, Positive, Size, progress, run_script, start_tensorflow
from common.runs import NamedRunOptions, finish_run, start_run
from common.tables import print_table

RADII = (0.8, 0.95, 1.0, 1.05, 1.2)  # spectral radii of the second figure
RADII_STEPS = 100  # of its networks


@dataclass(frozen=True)
class Hyperparameters(NamedRunOptions):
    sequence_length: Count = 20  # steps
    hidden_size: Size = 32  # units
    batch_size: Count = 32  # sequences
    steps: Count = 500  # of training
    learning_rate: LearningRate = 0.01  # of Adam
    clip_norm: Positive = 1.0  # longest gradient; longer ones are scaled down


def build_layers(size):
    """The recurrent layers by name, not built."""
    from common.fast_rnn import GRU, LSTM, SimpleRNN

    return {
        "SimpleRNN, tanh": SimpleRNN(size),
        "SimpleRNN, ReLU": SimpleRNN(size, activation="relu"),
        "SimpleRNN, ReLU, identity": SimpleRNN(size, activation="relu", recurrent_initializer="identity"),
        "LSTM, forget bias 0": LSTM(size, unit_forget_bias=False),
        "LSTM, forget bias 1": LSTM(size),
        "GRU": GRU(size),
    }


def build_model(layer, hyperparameters):
    """A compiled model with this recurrent layer: numbers (batch, time, 1) -> logit (batch, 1)."""
    import keras

    keras.utils.set_random_seed(hyperparameters.seed)
    model = keras.Sequential([keras.Input((None, 1)), layer, keras.layers.Dense(1)])
    optimizer = keras.optimizers.Adam(hyperparameters.learning_rate, clipnorm=hyperparameters.clip_norm)
    model.compile(optimizer, keras.losses.BinaryCrossentropy(from_logits=True), jit_compile=False)
    return model


def make_sequences(count, length, generator):
    """Numbers (count, length, 1), and whether the first is positive (count, 1)."""
    inputs = generator.standard_normal((count, length, 1)).astype("float32")
    return inputs, (inputs[:, 0] > 0).astype("float32")


def gradient_norms(cell, loss_of, inputs):
    """The norm of dL/dstate_t after each step t, averaged over the batch: an array (time,) for each state, h first.

    Args:
        cell: a Keras cell, run step by step so that the tape knows every state.
        loss_of: the last h (batch, hidden) -> a loss for each sequence, (batch,).
        inputs: (batch, time, inputs).
    """
    import tensorflow as tf

    kept = []
    with tf.GradientTape() as tape:
        states = cell.get_initial_state(len(inputs))
        for t in range(inputs.shape[1]):
            tape.watch(states)
            _, states = cell(inputs[:, t], states)
            states = [tf.identity(state) for state in states]
            kept.append(states)
        loss = loss_of(states[0])
    gradients = tape.gradient(loss, kept, unconnected_gradients="zero")  # the last c reaches the loss only through h
    return [
        np.array([np.linalg.norm(g, axis=1).mean() for g in over_time]) for over_time in zip(*gradients, strict=True)
    ]


def measure(model, inputs, targets):
    """What `gradient_norms` says of the cross-entropy, and the share of right answers."""
    import tensorflow as tf

    layer, output = model.layers

    def loss_of(h):
        return tf.nn.sigmoid_cross_entropy_with_logits(tf.constant(targets), output(h))[:, 0]

    return gradient_norms(layer.cell, loss_of, inputs), float(((model(inputs).numpy() > 0) == targets).mean())


def random_matrix(size, radius, generator):
    """A matrix (size, size) of normally distributed numbers, scaled to a spectral radius."""
    matrix = generator.standard_normal((size, size))
    return matrix * radius / np.abs(np.linalg.eigvals(matrix)).max()


def spectral_norms(radius, activation, hyperparameters):
    """U, random with this spectral radius, of a SimpleRNN; and `gradient_norms` (time,) of the sum of its last h."""
    import keras

    generator = np.random.default_rng(hyperparameters.seed)
    matrix = random_matrix(hyperparameters.hidden_size, radius, generator)
    cell = keras.layers.SimpleRNNCell(hyperparameters.hidden_size, activation)
    cell.build((None, 1))
    cell.recurrent_kernel.assign(matrix)
    inputs, _ = make_sequences(hyperparameters.batch_size, RADII_STEPS, generator)
    return matrix, gradient_norms(cell, lambda h: keras.ops.sum(h, axis=1), 0.1 * inputs)[0]


def left_at_start(norms):
    """How much of the gradient at the last step is left at the first, in h or in c, whichever keeps more."""
    return max(state[0] for state in norms) / norms[0][-1]


def factor(norms):
    """The mean factor of a step back, over the first half of the sequence (the second half has not settled yet)."""
    half = norms[: max(2, len(norms) // 2)]
    return float((half[0] / half[-1]) ** (1 / (len(half) - 1))) if half.min() > 0 else 0.0


def conclusion(norms, accuracies, radii):
    """Three lines: which layers keep a gradient, which learn the task, what the spectral radius does."""
    left = {name: left_at_start(states) for name, states in norms["at initialisation"].items()}
    low, high = min(left, key=left.get), max(left, key=left.get)
    learned = [name for name, accuracy in accuracies.items() if accuracy >= 0.95]
    grown = ", ".join(f"{radius:g}: {factor(h):.3f}" for radius, h in radii["linear"].items())
    return [
        f"At initialisation, {left[low]:.0e} of the last step's gradient reaches the first step in the network "
        f"{low!r}, and {left[high]:.0e} in {high!r}.",
        f"After training, at least 95 % right: {'; '.join(learned) or 'none'}.",
        f"Linear network, factor of a step back by spectral radius: {grown}.",
    ]


def main(hyperparameters: Hyperparameters) -> None:
    start_tensorflow(hyperparameters)
    from toy_sequence.memory import pictures

    run = start_run("vanishing_gradient", hyperparameters)
    started = time.perf_counter()
    steps, batch_size, seed = hyperparameters.sequence_length, hyperparameters.batch_size, hyperparameters.seed
    test = make_sequences(256, steps, np.random.default_rng(seed + 1))
    norms, accuracies, rows = {"at initialisation": {}, "after training": {}}, {}, []
    for name, layer in build_layers(hyperparameters.hidden_size).items():
        print(f"\n{name}", flush=True)
        model = build_model(layer, hyperparameters)
        norms["at initialisation"][name], _ = measure(model, *test)
        training = make_sequences(hyperparameters.steps * batch_size, steps, np.random.default_rng(seed))
        model.fit(*training, batch_size, verbose=progress())
        norms["after training"][name], accuracies[name] = measure(model, *test)
        before, after = (left_at_start(layers[name]) for layers in norms.values())
        rows.append((name, f"{before:.1e}", f"{after:.1e}", accuracies[name]))
    seconds = time.perf_counter() - started
    matrices, radii = {}, {"linear": {}, "tanh": {}}
    for activation, by_radius in radii.items():
        for radius in RADII:
            matrices[radius], by_radius[radius] = spectral_norms(radius, activation, hyperparameters)
    pictures.gradients_by_layer(norms, run / "vanishing_gradient.png")
    pictures.gradients_by_radius(matrices, radii, run / "spectral_radius.png")
    print("\nThe gradient at step 1 (for the LSTM in h or c, the larger), relative to that at the end:")
    header = ("layer", "at initialisation", "after training", "right answers")
    print_table(header, rows)
    metrics = {
        "layers": [dict(zip(header, row, strict=True)) for row in rows],
        "factors": {key: {radius: factor(h) for radius, h in value.items()} for key, value in radii.items()},
    }
    finish_run(run, "vanishing_gradient", metrics | {"seed": seed, "training_seconds": seconds})
    print("\nConclusion", *conclusion(norms, accuracies, radii), f"pictures are in {run}", sep="\n")


if __name__ == "__main__":
    run_script(main, Hyperparameters)
