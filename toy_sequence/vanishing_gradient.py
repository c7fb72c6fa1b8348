"""How much of a gradient is left 20 steps back in time: six recurrent layers, before and after training.

    python toy_sequence/vanishing_gradient.py                 # about a minute

The task: normally distributed numbers come in, and after the last one the network has to say whether the *first* was
positive. What it learns of the first step comes back through all the others, as dL/dh_t, the gradient of the loss by
the state after step t. From step to step it is multiplied by the Jacobian of the step:

    numbers (batch, time, 1) -> recurrent layer, last h (batch, hidden) -> logit (batch,)
    dL/dh_t = dL/dh_{t+1} dh_{t+1}/dh_t        SimpleRNN: dh_{t+1}/dh_t = U' diag(f'(u_{t+1}))

Where these products shrink, the first number is never learned; where they grow, a step of training goes anywhere. An
LSTM has a second way back, through its memory c (the constant error carousel), on which the factor is the forget gate
alone; its gradient is drawn as a dashed line. With forget bias 1 that gate starts at about 0.73, with 0 at 0.5.

The second figure takes the network apart: with f linear, T steps multiply by U^T, whose growth is that of the largest
eigenvalue of U in absolute value, the spectral radius, to the power T. With tanh, f' <= 1 only shrinks it further.

References: Hochreiter 1991. Bengio, Simard & Frasconi 1994, Learning long-term dependencies with gradient descent is
difficult. Pascanu, Mikolov & Bengio 2013. Le, Jaitly & Hinton 2015 (identity-initialised ReLU).
"""

import time
from dataclasses import dataclass

import numpy as np

from common.cli import Count, Positive, run_script, start_tensorflow
from common.runs import NamedRunOptions, finish_run, start_run
from common.tables import print_table

RADII = (0.8, 0.95, 1.0, 1.05, 1.2)  # spectral radii of the second figure
RADII_STEPS = 100  # of its networks


@dataclass(frozen=True)
class Hyperparameters(NamedRunOptions):
    sequence_length: Count = 20  # steps
    hidden_size: Count = 32  # units
    batch_size: Count = 32  # sequences
    steps: Count = 500  # of training
    learning_rate: Positive = 0.01  # of Adam
    clip_norm: Positive = 1.0  # longest gradient; longer ones are scaled down


def build_layers(hidden_size):
    """The recurrent layers by name, not built."""
    from common.fast_rnn import GRU, LSTM, SimpleRNN

    return {
        "SimpleRNN, tanh": SimpleRNN(hidden_size),
        "SimpleRNN, ReLU": SimpleRNN(hidden_size, activation="relu"),
        "SimpleRNN, ReLU, identity": SimpleRNN(hidden_size, activation="relu", recurrent_initializer="identity"),
        "LSTM, forget bias 0": LSTM(hidden_size, unit_forget_bias=False),
        "LSTM, forget bias 1": LSTM(hidden_size),
        "GRU": GRU(hidden_size),
    }


def make_sequences(count, length, generator):
    """Numbers (count, length, 1), and whether the first is positive (count, 1)."""
    inputs = generator.standard_normal((count, length, 1)).astype("float32")
    return inputs, (inputs[:, 0] > 0).astype("float32")


def gradient_norms(cell, loss_of, inputs):
    """The norm of dL/dstate_t after each step t, mean over the batch: one array (time,) a state, h first.

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
    """`gradient_norms` of the cross-entropy, and the share of right answers."""
    import tensorflow as tf

    layer, output = model.layers

    def loss_of(h):
        return tf.nn.sigmoid_cross_entropy_with_logits(tf.constant(targets), output(h))[:, 0]

    return gradient_norms(layer.cell, loss_of, inputs), float(((model(inputs).numpy() > 0) == targets).mean())


def train(model, hyperparameters, generator):
    """Train on sequences made anew for every batch."""
    import keras

    optimizer = keras.optimizers.Adam(hyperparameters.learning_rate, clipnorm=hyperparameters.clip_norm)
    model.compile(optimizer, keras.losses.BinaryCrossentropy(from_logits=True), jit_compile=False)
    count = hyperparameters.steps * hyperparameters.batch_size
    model.fit(*make_sequences(count, hyperparameters.sequence_length, generator), hyperparameters.batch_size, verbose=2)


def spectral_norms(radius, activation, hyperparameters):
    """`gradient_norms` (time,) of the sum of the last h of a SimpleRNN with a random U of this spectral radius."""
    import keras
    import tensorflow as tf

    generator = np.random.default_rng(hyperparameters.seed)
    matrix = random_matrix(hyperparameters.hidden_size, radius, generator)
    cell = keras.layers.SimpleRNNCell(hyperparameters.hidden_size, activation)
    cell.build((None, 1))
    cell.recurrent_kernel.assign(matrix)
    inputs, _ = make_sequences(hyperparameters.batch_size, RADII_STEPS, generator)
    return gradient_norms(cell, lambda h: tf.reduce_sum(h, axis=1), 0.1 * inputs)[0]


def random_matrix(size, radius, generator):
    """A matrix (size, size) of normally distributed numbers, scaled to a spectral radius."""
    matrix = generator.standard_normal((size, size))
    return matrix * radius / np.abs(np.linalg.eigvals(matrix)).max()


def left_at_start(norms):
    """Of the gradient at the last step by h, what is left at the first, by h or c, the larger: `gradient_norms`'."""
    return max(state[0] for state in norms) / norms[0][-1]


def factor(norms):
    """The mean factor from step to step back through the first half of the sequence (its later part is a transient)."""
    half = norms[: max(2, len(norms) // 2)]
    return float((half[0] / half[-1]) ** (1 / (len(half) - 1))) if half.min() > 0 else 0.0


def draw_layers(norms, path):
    """Draw the gradient norms, relative to the last step's, of all layers: before training and after."""
    from common import plots

    figure, axes = plots.plt.subplots(1, 2, figsize=(11, 4.2), sharey=True, layout="constrained")
    for axis, (title, layers) in zip(axes, norms.items(), strict=True):
        for (name, (h, *c)), colour in zip(layers.items(), plots.plt.get_cmap("tab10").colors, strict=False):
            steps = np.arange(1, len(h) + 1)
            axis.plot(steps, h / h[-1], color=colour, label=name)
            for memory in c:  # without its last step: that c reaches the loss only through h
                axis.plot(steps[:-1], memory[:-1] / h[-1], color=colour, linestyle="--", label=f"{name}: dL/dc")
        axis.set(title=title, xlabel="step t", yscale="log", ylim=(1e-12, 1e3))
    axes[0].set_ylabel("norm of dL/dh at t / at the end")
    axes[1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    plots.save(figure, path)


def draw_radii(norms, hyperparameters, path):
    """Draw the eigenvalues for each spectral radius, and the gradient norms of a linear and a tanh network."""
    from common import plots

    figure, axes = plots.plt.subplots(1, 3, figsize=(12, 3.8), layout="constrained")
    for radius, colour in zip(RADII, plots.plt.get_cmap("viridis")(np.linspace(0, 0.9, len(RADII))), strict=True):
        matrix = random_matrix(hyperparameters.hidden_size, radius, np.random.default_rng(hyperparameters.seed))
        values = np.linalg.eigvals(matrix)
        axes[0].scatter(values.real, values.imag, s=9, color=colour)
        for axis, activation in zip(axes[1:], ("linear", "tanh"), strict=True):
            h = norms[activation][radius]
            axis.plot(np.arange(1, len(h) + 1), h / h[-1], color=colour, label=f"{radius:g}")
            axis.set(title=f"{activation} network", xlabel="step t", yscale="log")
    axes[0].add_patch(plots.plt.Circle((0, 0), 1, fill=False, linestyle=":"))
    axes[0].set(title="eigenvalues of U, unit circle", aspect="equal", xlabel="real part", ylabel="imaginary part")
    axes[1].set_ylabel("norm of dL/dh at t / at the end")
    axes[2].legend(title="spectral radius", loc="center left", bbox_to_anchor=(1.0, 0.5))
    plots.save(figure, path)


def conclusion(norms, accuracies, radii):
    """Three lines: which layers keep a gradient, which of them learn, what the spectral radius does."""
    left = {name: left_at_start(states) for name, states in norms["at initialisation"].items()}
    low, high = min(left, key=left.get), max(left, key=left.get)
    learned = [name for name, accuracy in accuracies.items() if accuracy >= 0.95]
    grown = ", ".join(f"{radius:g} gives {factor(h):.3f}" for radius, h in radii["linear"].items())
    return [
        f"At initialisation, {left[low]:.0e} of the last step's gradient reaches the first in the {low}; "
        f"{left[high]:.0e} in the {high}.",
        f"After training, right in 95 % of the cases or more: {'; '.join(learned) or 'none'}.",
        f"Linear network, spectral radius and factor a step: {grown}.",
    ]


def main(hyperparameters: Hyperparameters) -> None:
    start_tensorflow(hyperparameters)
    import keras

    run = start_run("vanishing_gradient", hyperparameters)
    started = time.perf_counter()
    test = make_sequences(256, hyperparameters.sequence_length, np.random.default_rng(hyperparameters.seed + 1))
    norms, accuracies, rows = {"at initialisation": {}, "after training": {}}, {}, []
    for name, layer in build_layers(hyperparameters.hidden_size).items():
        print(f"\n{name}", flush=True)
        keras.utils.set_random_seed(hyperparameters.seed)
        model = keras.Sequential([keras.Input((None, 1)), layer, keras.layers.Dense(1)])
        norms["at initialisation"][name], _ = measure(model, *test)
        train(model, hyperparameters, np.random.default_rng(hyperparameters.seed))
        norms["after training"][name], accuracies[name] = measure(model, *test)
        before, after = (left_at_start(layers[name]) for layers in norms.values())
        rows.append((name, f"{before:.1e}", f"{after:.1e}", accuracies[name]))
    seconds = time.perf_counter() - started
    radii = {
        activation: {radius: spectral_norms(radius, activation, hyperparameters) for radius in RADII}
        for activation in ("linear", "tanh")
    }
    draw_layers(norms, run / "vanishing_gradient.png")
    draw_radii(radii, hyperparameters, run / "spectral_radius.png")
    print("\nThe gradient at step 1 (for the LSTM by h or c, the larger), relative to that at the end:")
    header = ("layer", "at initialisation", "after training", "right answers")
    print_table(header, rows)
    figures = {"layers": [dict(zip(header, row, strict=True)) for row in rows]}
    figures["factors"] = {key: {radius: factor(h) for radius, h in value.items()} for key, value in radii.items()}
    finish_run(run, run.parent.name, figures | {"seed": hyperparameters.seed, "training_seconds": seconds})
    print("\nConclusion", *conclusion(norms, accuracies, radii), f"pictures are in {run}", sep="\n")


if __name__ == "__main__":
    run_script(main, Hyperparameters)
