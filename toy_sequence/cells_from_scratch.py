"""The cells of cells.py: the same as Keras's, and what their gates do.

    python toy_sequence/cells_from_scratch.py                 # about a minute

First, SimpleRNN, LSTM and GRU get the weights of Keras's own layers, and outputs and gradients are compared. Then all
four cells, LSTM with peepholes included, learn a task that needs gates: at every step a number between -1 and 1 comes
in, with a flag that is seldom 1; the network has to say the last flagged number, however long ago it came.

    number, flag (batch, time, 2) -> RNN(cell) (batch, time, hidden) -> answer (batch, time, 1)

The figure shows the losses and, over one sequence, what the gates of the LSTM do. A designer would open the input gate
and close the forget gate where the flag is 1, and let the constant error carousel hold c everywhere else; look whether
training came to the same. Of the hidden units, the one is shown whose c follows the answer most closely. The equations
and the references stand in cells.py.
"""

import time
from dataclasses import dataclass

import numpy as np

from common.cli import Count, Positive, run_script, start_tensorflow
from common.runs import NamedRunOptions, finish_run, start_run
from common.tables import print_table

NAMES = {"SimpleRNNCell": "SimpleRNN", "LSTMCell": "LSTM", "PeepholeLSTMCell": None, "GRUCell": "GRU"}  # and Keras's
PARTS = 20  # of the training, one point of the loss curve each


@dataclass(frozen=True)
class Hyperparameters(NamedRunOptions):
    hidden_size: Count = 4  # units
    sequence_length: Count = 40  # steps
    batch_size: Count = 64  # sequences
    steps: Count = 600  # of training
    learning_rate: Positive = 0.02  # of Adam
    flagged: Positive = 0.08  # share of the numbers to be kept; the first one always is


def outputs_and_gradients(layer, inputs):
    """h after every step (batch, time, hidden), and the gradients of a random projection of it by each weight."""
    import tensorflow as tf

    with tf.GradientTape() as tape:
        outputs = layer(inputs)
        loss = tf.reduce_sum(outputs * np.random.default_rng(0).normal(size=outputs.shape))
    return [np.array(each) for each in (outputs, *tape.gradient(loss, [w.value for w in layer.trainable_variables]))]


def difference_to_keras(name, units=16, batch=4, steps=20, inputs=3):
    """The largest difference between a cell of cells.py and Keras's layer: of the outputs, and of the gradients
    relative to their norm."""
    import keras

    from toy_sequence import cells

    theirs = getattr(keras.layers, NAMES[name])(units, bias_initializer="normal", return_sequences=True)
    ours = keras.layers.RNN(getattr(cells, name)(units), return_sequences=True)
    sequences = np.random.default_rng(1).normal(size=(batch, steps, inputs)).astype("float32")
    for layer in (theirs, ours):
        layer.build(sequences.shape)
    ours.set_weights(theirs.get_weights())
    results = zip(outputs_and_gradients(ours, sequences), outputs_and_gradients(theirs, sequences), strict=True)
    (one, other), *gradients = results
    relative = [np.linalg.norm(one - other) / np.linalg.norm(other) for one, other in gradients]
    return float(np.abs(one - other).max()), float(max(relative))


def make_sequences(count, hyperparameters, generator):
    """Numbers and flags (count, time, 2), and the number flagged last at every step (count, time, 1)."""
    shape = (count, hyperparameters.sequence_length)
    numbers = generator.uniform(-1, 1, shape)
    flags = generator.random(shape) < hyperparameters.flagged
    flags[:, 0] = True
    last = np.maximum.accumulate(np.where(flags, np.arange(shape[1]), 0), axis=1)  # the step of the last flag
    answers = np.take_along_axis(numbers, last, axis=1)
    return np.stack([numbers, flags], axis=-1).astype("float32"), answers[..., None].astype("float32")


def train(name, hyperparameters):
    """Train a network with one cell: returns the cell, and the mean squared error in each of `PARTS`."""
    import keras

    from toy_sequence import cells

    keras.utils.set_random_seed(hyperparameters.seed)
    generator = np.random.default_rng(hyperparameters.seed)
    cell = getattr(cells, name)(hyperparameters.hidden_size)
    model = keras.Sequential(
        [keras.Input((None, 2)), keras.layers.RNN(cell, return_sequences=True), keras.layers.Dense(1)]
    )
    model.compile(keras.optimizers.Adam(hyperparameters.learning_rate, clipnorm=1.0), "mse", jit_compile=False)
    losses = []
    part = max(1, hyperparameters.steps // PARTS)
    for number in range(1, PARTS + 1):
        inputs, answers = make_sequences(part * hyperparameters.batch_size, hyperparameters, generator)
        losses += model.fit(inputs, answers, hyperparameters.batch_size, verbose=0).history["loss"]
        if number % 5 == 0:
            print(f"{name}: step {number * part}, loss {losses[-1]:.4f}", flush=True)
    return cell, losses


def gates_over_time(cell, inputs):
    """c and the gates i, f, o of an LSTM cell over sequences (batch, time, 2): a dict of (batch, time, units)."""
    states = [np.zeros((len(inputs), cell.units), "float32")] * 2
    kept = {"c": [], "input gate": [], "forget gate": [], "output gate": []}
    for t in range(inputs.shape[1]):
        states, gates = cell.call_with_gates(inputs[:, t], states)
        for values, tensor in zip(kept.values(), (states[1], *gates), strict=True):
            values.append(np.array(tensor))
    return {name: np.stack(values, axis=1) for name, values in kept.items()}


def draw(losses, inputs, answers, gates, unit, path):
    """Draw the loss of the cells, and answer, c and gates of one unit over one sequence (time, ...)."""
    from common import plots

    figure = plots.plt.figure(figsize=(11, 4.5), layout="constrained")
    left, right, below = figure.subplot_mosaic("ab;ac", width_ratios=(2, 3)).values()
    for name, values in losses.items():
        left.plot((np.arange(PARTS) + 1) * 100 / PARTS, values, label=name)
    left.set(xlabel="training (%)", ylabel="mean squared error (log scale)", yscale="log")
    left.legend()
    steps = np.arange(len(inputs))
    right.step(steps, answers[:, 0], where="mid", color="lightgrey", linewidth=4, label="number to keep")
    right.plot(gates["c"][:, unit], marker=".", label=f"carousel c of unit {unit}")
    right.set(xticks=[])
    for name in ("input gate", "forget gate", "output gate"):
        below.plot(gates[name][:, unit], marker=".", label=name)
    below.set(xlabel="step", ylabel="gate (0 closed, 1 open)", ylim=(-0.05, 1.05))
    for axis in (right, below):
        for step in steps[inputs[:, 1] == 1]:
            axis.axvline(step, color="black", linestyle=":", linewidth=1, label="flag" if step == 0 else None)
        axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    plots.save(figure, path)


def conclusion(differences, losses, gates, flags, unit):
    """Three lines: about the comparison, the losses, and a unit of the LSTM's gates (batch, time, units)."""
    worst = max(max(pair) for pair in differences.values())
    final = sorted((values[-1], name) for name, values in losses.items())
    i, f = (gates[name][..., unit] for name in ("input gate", "forget gate"))
    return [
        f"The largest difference to Keras's own layers is {worst:.1e}, in outputs and gradients.",
        "Mean squared error in the end: " + ", ".join(f"{name} {loss:.4f}" for loss, name in final) + ".",
        f"LSTM unit {unit}: with the flag the input gate is {i[flags].mean():.2f} and the forget gate "
        f"{f[flags].mean():.2f}, without it {i[~flags].mean():.2f} and {f[~flags].mean():.2f}.",
    ]


def main(hyperparameters: Hyperparameters) -> None:
    start_tensorflow(hyperparameters)
    run = start_run("cells_from_scratch", hyperparameters)
    differences = {name: difference_to_keras(name) for name, keras_name in NAMES.items() if keras_name}
    print_table(
        ("cell", "outputs", "gradients"),
        [(name, *(f"{value:.1e}" for value in pair)) for name, pair in differences.items()],
    )
    started, losses, trained = time.perf_counter(), {}, {}
    for name in NAMES:
        trained[name], losses[name] = train(name, hyperparameters)
    seconds = time.perf_counter() - started

    inputs, answers = make_sequences(200, hyperparameters, np.random.default_rng(hyperparameters.seed + 1))
    gates = gates_over_time(trained["LSTMCell"], inputs)
    follows = [
        abs(np.corrcoef(gates["c"][..., unit].ravel(), answers.ravel())[0, 1]) for unit in range(gates["c"].shape[-1])
    ]
    unit = int(np.argmax(follows))
    one = int(np.argsort(inputs[:, :, 1].sum(axis=1))[len(inputs) // 2])  # a sequence with as many flags as most
    draw(
        losses,
        inputs[one],
        answers[one],
        {name: values[one] for name, values in gates.items()},
        unit,
        run / "cells.png",
    )
    lines = conclusion(differences, losses, gates, inputs[:, :, 1] == 1, unit)
    final = {name: values[-1] for name, values in losses.items()}
    finish_run(run, run.parent.name, {"differences": differences, "losses": final, "training_seconds": seconds})
    print("\nConclusion", *lines, f"pictures are in {run}", sep="\n")


if __name__ == "__main__":
    run_script(main, Hyperparameters)
