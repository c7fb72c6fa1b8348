"""The cells of cells.py: do they give what Keras's own give, and what do their gates do?

    python toy_sequence/memory/from_scratch.py                # about a minute

First, SimpleRNN, LSTM and GRU get the weights of Keras's own layers, and outputs and gradients are compared. Then all
four cells, including the LSTM with peepholes, learn a task that needs gates: at every step a number between -1 and 1
comes in, with a flag that is rarely 1; the network has to give the last flagged number, however long ago it came.

    number, flag (batch, time, 2) -> RNN(cell) (batch, time, hidden) -> answer (batch, time, 1)

The figure shows the losses and, over one sequence, what the gates of the LSTM do. A designer would open the input gate
and close the forget gate where the flag is 1, and let the constant error carousel hold c everywhere else; see whether
training found the same. The figure shows the hidden unit whose c follows the answer most closely. The equations and the
references are in cells.py.
"""

import time
from dataclasses import dataclass

import numpy as np

from common.cli import Count, LearningRate, Share, Size, run_script, start_tensorflow
from common.runs import NamedRunOptions, finish_run, start_run
from common.tables import print_table

CELLS = ("SimpleRNNCell", "LSTMCell", "PeepholeLSTMCell", "GRUCell")
PARTS = 20  # of the training; each gives one point of the loss curve


@dataclass(frozen=True)
class Hyperparameters(NamedRunOptions):
    hidden_size: Size = 4  # units
    sequence_length: Count = 40  # steps
    batch_size: Count = 64  # sequences
    steps: Count = 600  # of training
    learning_rate: LearningRate = 0.02  # of Adam
    flagged: Share = 0.08  # share of the numbers with a flag; the first number always has one


def outputs_and_gradients(layer, inputs):
    """h after every step (batch, time, hidden), and the gradients of a random projection of h by each weight."""
    import tensorflow as tf

    with tf.GradientTape() as tape:
        outputs = layer(inputs)
        loss = tf.reduce_sum(outputs * np.random.default_rng(0).normal(size=outputs.shape))
    return [np.array(each) for each in (outputs, *tape.gradient(loss, [w.value for w in layer.trainable_variables]))]


def difference(ours, theirs, batch=4, steps=20, inputs=3):
    """The largest difference between two layers that have the same weights.

    Args:
        ours, theirs: layers, not built; `ours` gets the weights of `theirs`.

    Returns:
        That of the outputs, and that of the gradients relative to their norm.
    """
    sequences = np.random.default_rng(1).normal(size=(batch, steps, inputs)).astype("float32")
    for layer in (theirs, ours):
        layer.build(sequences.shape)
    ours.set_weights(theirs.get_weights())
    results = zip(outputs_and_gradients(ours, sequences), outputs_and_gradients(theirs, sequences), strict=True)
    (one, other), *gradients = results
    relative = [np.linalg.norm(one - other) / np.linalg.norm(other) for one, other in gradients]
    return float(np.abs(one - other).max()), float(max(relative))


def make_sequences(count, hyperparameters, generator):
    """Numbers and flags (count, time, 2), and at every step the number flagged last (count, time, 1)."""
    shape = (count, hyperparameters.sequence_length)
    numbers = generator.uniform(-1, 1, shape)
    flags = generator.random(shape) < hyperparameters.flagged
    flags[:, 0] = True
    last = np.maximum.accumulate(np.where(flags, np.arange(shape[1]), 0), axis=1)  # the step of the last flag
    answers = np.take_along_axis(numbers, last, axis=1)
    return np.stack([numbers, flags], axis=-1).astype("float32"), answers[..., None].astype("float32")


def train(name, model, hyperparameters):
    """Train a compiled model: the mean squared error in each of `PARTS`."""
    generator = np.random.default_rng(hyperparameters.seed)
    losses = []
    part = max(1, hyperparameters.steps // PARTS)
    for number in range(1, PARTS + 1):
        inputs, answers = make_sequences(part * hyperparameters.batch_size, hyperparameters, generator)
        losses += model.fit(inputs, answers, hyperparameters.batch_size, verbose=0).history["loss"]
        if number % 5 == 0:
            print(f"{name}: step {number * part}, loss {losses[-1]:.4f}", flush=True)
    return losses


def gates_over_time(cell, inputs):
    """c and the gates i, f, o of an LSTM cell over sequences (batch, time, 2): a dict of (batch, time, units)."""
    states = [np.zeros((len(inputs), cell.units), "float32")] * 2
    kept = {"c": [], "input gate": [], "forget gate": [], "output gate": []}
    for t in range(inputs.shape[1]):
        states, gates = cell.call_with_gates(inputs[:, t], states)
        for values, tensor in zip(kept.values(), (states[1], *gates), strict=True):
            values.append(np.array(tensor))
    return {name: np.stack(values, axis=1) for name, values in kept.items()}


def conclusion(differences, losses, gates, flags, unit):
    """Three lines: the comparison, the losses, and the gates (batch, time, units) of one unit of the LSTM."""
    worst = max(max(pair) for pair in differences.values())
    final = sorted((values[-1], name) for name, values in losses.items())
    i, f = (gates[name][..., unit] for name in ("input gate", "forget gate"))
    return [
        f"The largest difference from Keras's own layers is {worst:.1e}, in outputs and gradients.",
        "Mean squared error at the end: " + ", ".join(f"{name} {loss:.4f}" for loss, name in final) + ".",
        f"LSTM unit {unit}: with the flag the input gate is {i[flags].mean():.2f} and the forget gate "
        f"{f[flags].mean():.2f}, without it {i[~flags].mean():.2f} and {f[~flags].mean():.2f}.",
    ]


def main(hyperparameters: Hyperparameters) -> None:
    start_tensorflow(hyperparameters)
    import keras

    from toy_sequence.memory import cells, pictures

    run = start_run("from_scratch", hyperparameters)
    differences = {}
    for name in ("SimpleRNN", "LSTM", "GRU"):
        theirs = getattr(keras.layers, name)(16, bias_initializer="normal", return_sequences=True)
        ours = keras.layers.RNN(getattr(cells, f"{name}Cell")(16), return_sequences=True)
        differences[f"{name}Cell"] = difference(ours, theirs)
    rows = [(name, f"{outputs:.1e}", f"{gradients:.1e}") for name, (outputs, gradients) in differences.items()]
    print_table(("cell", "outputs", "gradients"), rows)

    started, losses, trained = time.perf_counter(), {}, {}
    for name in CELLS:
        keras.utils.set_random_seed(hyperparameters.seed)
        trained[name] = getattr(cells, name)(hyperparameters.hidden_size)
        model = keras.Sequential(
            [keras.Input((None, 2)), keras.layers.RNN(trained[name], return_sequences=True), keras.layers.Dense(1)]
        )
        model.compile(keras.optimizers.Adam(hyperparameters.learning_rate, clipnorm=1.0), "mse", jit_compile=False)
        losses[name] = train(name, model, hyperparameters)
    seconds = time.perf_counter() - started

    inputs, answers = make_sequences(200, hyperparameters, np.random.default_rng(hyperparameters.seed + 1))
    gates = gates_over_time(trained["LSTMCell"], inputs)
    memories = gates["c"].reshape(-1, hyperparameters.hidden_size).T  # (hidden, batch * time)
    unit = int(np.argmax([abs(np.corrcoef(memory, answers.ravel())[0, 1]) for memory in memories]))
    shown = int(np.argsort(inputs[:, :, 1].sum(axis=1))[len(inputs) // 2])  # a sequence with a usual number of flags
    gates_shown = {name: values[shown] for name, values in gates.items()}
    pictures.losses_and_gates(losses, inputs[shown], answers[shown], gates_shown, unit, run / "from_scratch.png")
    final = {name: values[-1] for name, values in losses.items()}
    finish_run(run, "from_scratch", {"differences": differences, "losses": final, "training_seconds": seconds})
    lines = conclusion(differences, losses, gates, inputs[:, :, 1] == 1, unit)
    print("\nConclusion", *lines, f"pictures are in {run}", sep="\n")


if __name__ == "__main__":
    run_script(main, Hyperparameters)
