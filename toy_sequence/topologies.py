"""Six ways to wire a recurrent layer, each on a tiny task: what goes in, what comes out, and every shape between.

    python toy_sequence/topologies.py                         # about two minutes

    one-to-many       a digit n in; out: n, n-1, n-2, ... 0, 0            the digit is repeated at every step
    many-to-one       15 bits in; out: are most of them 1?                only the last state counts
    synchronous       bits in; out: the bit of 3 steps ago                an answer at every step
    encoder-decoder   5 digits in; out: the same backwards                reads everything before its first answer
    bidirectional     bits in; out: the bit 2 steps ahead                 a second layer reads from the end
    stateful          a long stream in windows of 5 steps; out at every   the state goes on from window to window
                      step: the sign of the stream's first number

The last two are trained once more without what makes them special: in one direction only, and with a state that starts
from zero in each window. Logits are (batch, classes) or (batch, time, classes); accuracies are on new sequences.

References: Schuster & Paliwal 1997 (bidirectional). Cho et al. 2014, Sutskever, Vinyals & Le 2014 (encoder-decoder).
"""

import math
import time
from dataclasses import dataclass

import numpy as np

from common import InputError
from common.cli import Count, LearningRate, Size, run_script, start_tensorflow
from common.runs import NamedRunOptions, finish_run, start_run
from common.tables import print_table

STREAMS, WINDOW = 32, 5  # of the stateful task: streams read side by side, and steps read at a time


@dataclass(frozen=True)
class Hyperparameters(NamedRunOptions):
    hidden_size: Size = 32  # units of each recurrent layer
    sequences: Count = 2000  # for training; a tenth as many for the test
    epochs: Count = 12
    batch_size: Count = 64  # sequences; the stateful task always has 32 streams
    learning_rate: LearningRate = 0.01  # of Adam at the start; falls to 0 along half a cosine

    def __post_init__(self):
        super().__post_init__()
        if self.sequences < STREAMS:
            raise InputError(f"--sequences is {self.sequences}; the stateful task needs at least {STREAMS}")


# The tasks: (count, generator) -> inputs, targets


def countdown(count, generator):
    """A digit, one-hot (count, 10), and the way from it down to 0 (count, 10)."""
    digits = generator.integers(0, 10, count)
    return np.eye(10, dtype="float32")[digits], np.maximum(digits[:, None] - np.arange(10), 0)


def majority(count, generator):
    """15 bits (count, 15, 1), and whether most of them are 1 (count,)."""
    bits = generator.integers(0, 2, (count, 15))
    return bits[:, :, None].astype("float32"), (bits.sum(axis=1) > 7).astype(int)


def echo(count, generator, delay=3):
    """20 bits (count, 20, 1), and the bit of `delay` steps ago, 0 where there is none (count, 20). A negative delay
    looks that many steps ahead."""
    bits = generator.integers(0, 2, (count, 20))
    late = np.zeros_like(bits)
    if delay > 0:
        late[:, delay:] = bits[:, :-delay]
    else:
        late[:, :delay] = bits[:, -delay:]
    return bits[:, :, None].astype("float32"), late


def ahead(count, generator):
    """As `echo`, but the bit is the one 2 steps ahead."""
    return echo(count, generator, delay=-2)


def backwards(count, generator):
    """5 digits from 0 to 4, one-hot (count, 5, 5), and the same digits from last to first (count, 5)."""
    digits = generator.integers(0, 5, (count, 5))
    return np.eye(5, dtype="float32")[digits], digits[:, ::-1]


def first_sign(count, generator):
    """32 streams of `count // 32` windows each: the first window of all streams, then the second of all, ...

    Returns:
        Numbers (windows * 32, WINDOW, 1): 1 or -1 at the start of a stream, then noise; and at every step whether the
        stream began with 1, (windows * 32, WINDOW).
    """
    windows = count // STREAMS
    streams = generator.normal(0, 0.3, (STREAMS, windows * WINDOW)).astype("float32")
    streams[:, 0] = generator.choice([-1, 1], STREAMS)
    signs = np.repeat(streams[:, :1] > 0, windows * WINDOW, axis=1).astype(int)
    inputs, targets = (
        each.reshape(STREAMS, windows, WINDOW).swapaxes(0, 1).reshape(-1, WINDOW) for each in (streams, signs)
    )
    return inputs[:, :, None], targets


# The models


def build_models(hidden):
    """The networks by topology: (task, input shape, batch size if fixed, layers)."""
    from keras.layers import Bidirectional, Dense, RepeatVector

    from common.fast_rnn import GRU

    def over_time(**options):
        return GRU(hidden, return_sequences=True, **options)

    return {
        "one-to-many": (countdown, (10,), None, [RepeatVector(10), over_time(), Dense(10)]),
        "many-to-one": (majority, (None, 1), None, [GRU(hidden), Dense(2)]),
        "synchronous": (echo, (None, 1), None, [over_time(), Dense(2)]),
        "encoder-decoder": (backwards, (None, 5), None, [GRU(hidden), RepeatVector(5), over_time(), Dense(5)]),
        "bidirectional": (ahead, (None, 1), None, [Bidirectional(over_time()), Dense(2)]),
        "bidirectional: one direction": (ahead, (None, 1), None, [over_time(), Dense(2)]),
        "stateful": (first_sign, (WINDOW, 1), STREAMS, [over_time(stateful=True), Dense(2)]),
        "stateful: state not kept": (first_sign, (WINDOW, 1), STREAMS, [over_time(), Dense(2)]),
    }


def print_shapes(model):
    """Print the shapes of the input and of each layer's output, `None` where any size will do."""
    print(f"    {'input':<16}{model.inputs[0].shape}")
    for layer in model.layers:
        print(f"    {type(layer).__name__:<16}{layer.output.shape}")


def fit(task, shape, batch_size, layers, hyperparameters):
    """Train a network of `layers` on `task`: the model, and its accuracy on new sequences after each epoch."""
    import keras

    from common.callbacks import ResetStates

    keras.utils.set_random_seed(hyperparameters.seed)
    model = keras.Sequential([keras.Input(shape, batch_size), *layers])
    print_shapes(model)
    generator = np.random.default_rng(hyperparameters.seed)
    training = task(hyperparameters.sequences, generator)
    test = task(max(STREAMS, hyperparameters.sequences // 10), generator)
    size = batch_size or hyperparameters.batch_size
    steps = hyperparameters.epochs * math.ceil(len(training[0]) / size)
    rate = keras.optimizers.schedules.CosineDecay(hyperparameters.learning_rate, steps)
    model.compile(
        keras.optimizers.Adam(rate, clipnorm=1.0),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=False,
    )
    history = model.fit(
        *training,
        size,
        hyperparameters.epochs,
        verbose=0,
        callbacks=[ResetStates()],
        validation_data=test,
        validation_batch_size=batch_size,
        shuffle=batch_size is None,  # the windows of the streams must stay in order
    )
    return model, history.history["val_accuracy"]


def conclusion(final):
    """Three lines about the final accuracies, a dict by name."""
    solved = [name for name, accuracy in final.items() if accuracy >= 0.99]
    return [
        f"Solved to 99 % or more: {', '.join(solved) or 'none'}.",
        f"Two steps ahead: {final['bidirectional']:.3f} in both directions, "
        f"{final['bidirectional: one direction']:.3f} in one.",
        f"Streams in windows: {final['stateful']:.3f} with the state kept, "
        f"{final['stateful: state not kept']:.3f} without.",
    ]


def main(hyperparameters: Hyperparameters) -> None:
    start_tensorflow(hyperparameters)
    from toy_sequence import pictures

    run = start_run("topologies", hyperparameters)
    started, accuracies = time.perf_counter(), {}
    for name, parts in build_models(hyperparameters.hidden_size).items():
        print(f"\n{name}", flush=True)
        _, accuracies[name] = fit(*parts, hyperparameters)
        print(f"    accuracy {accuracies[name][-1]:.4f}", flush=True)
    seconds = time.perf_counter() - started
    final = {name: values[-1] for name, values in accuracies.items()}
    print()
    print_table(("topology", "accuracy"), list(final.items()))
    pictures.topologies(accuracies, run / "topologies.png")
    finish_run(run, "topologies", {"accuracy": final, "seed": hyperparameters.seed, "training_seconds": seconds})
    print("\nConclusion", *conclusion(final), f"pictures are in {run}", sep="\n")


if __name__ == "__main__":
    run_script(main, Hyperparameters)
