"""The smallest recurrent task: say 0 1 0 1 0 1 ... whatever the input is.

The input is noise, uniform in [0, 1); the target alternates, [0, 1], [1, 0], [0, 1], ... A network without memory
cannot do it: nothing in the input says whose turn it is. A recurrent one must keep one bit and flip it at every step.

    noise (batch, time, 1) -> SimpleRNN (batch, time, hidden) -> logits (batch, time, 2)

It is trained twice. First as in the blog post that this toy comes from: 250 sequences of 100 steps each. Then on
sequences of 20 to 100 steps, right padded to the longest of their batch, the padded steps masked out of loss and
accuracy: a model whose time axis is `None` takes sequences of any length, also those that it was never trained on.

References: Elman 1990, Finding Structure in Time. Jordan 1986, Serial order.
"""

import time
from dataclasses import dataclass
from typing import Literal

import numpy as np

from common import InputError
from common.callbacks import run_callbacks
from common.cli import Count, Positive, run_script, start_tensorflow
from common.runs import RunOptions, finish_run, start_run
from common.saving import save_model


@dataclass(frozen=True)
class Hyperparameters(RunOptions):
    cell: Literal["simple", "lstm", "gru"] = "simple"  # the recurrent layer
    hidden_size: Count = 10  # its units
    sequences: Count = 250  # for training
    shortest: Count = 20  # steps of the shortest sequence of the second training
    longest: Count = 100  # steps of the longest one, and of all sequences of the first training
    batch_size: Count = 10  # sequences
    learning_rate: Positive = 0.01  # of Adam
    clip_norm: Positive = 1.0  # longest gradient; longer ones are scaled down
    epochs: Count = 10


def make_sequences(lengths, generator):
    """Noise and alternating targets: lists of arrays (time, 1) and (time,), target 1 (that is [0, 1]) first."""
    inputs = [generator.random((length, 1), dtype="float32") for length in lengths]
    return inputs, [(np.arange(length) + 1) % 2 for length in lengths]


def build_model(hyperparameters):
    """The model, not compiled: noise (batch, time, 1) -> logits (batch, time, 2); any length."""
    from keras import Input, Sequential, layers

    from common.fast_rnn import GRU, LSTM, SimpleRNN

    recurrent = {"simple": SimpleRNN, "lstm": LSTM, "gru": GRU}[hyperparameters.cell]
    return Sequential(
        [
            Input((None, 1)),
            recurrent(hyperparameters.hidden_size, return_sequences=True),
            layers.Dense(2),
        ]
    )


def fit(model, lengths, hyperparameters, run, name):
    """Train `model` on sequences of the given lengths, validated on a tenth as many new ones.

    `<run>/<name>.keras` is its best epoch.
    """
    import keras

    from common.batches import bucketed_batches
    from common.metrics import MaskedAccuracy, masked_crossentropy

    generator = np.random.default_rng(hyperparameters.seed)
    batch_size = hyperparameters.batch_size
    training = bucketed_batches(*make_sequences(lengths, generator), batch_size, hyperparameters.seed)
    validation = bucketed_batches(*make_sequences(lengths[: max(1, len(lengths) // 10)], generator), batch_size)
    model.compile(
        keras.optimizers.Adam(hyperparameters.learning_rate, clipnorm=hyperparameters.clip_norm),
        masked_crossentropy(),
        metrics=[MaskedAccuracy()],
        jit_compile=False,
    )
    patience = hyperparameters.epochs  # so short a training always runs to its end
    kept = run_callbacks(run, "val_loss", {}, hyperparameters, training, patience, name)
    model.fit(training, validation_data=validation, epochs=hyperparameters.epochs, callbacks=kept, shuffle=False)


def main(hyperparameters: Hyperparameters) -> None:
    if hyperparameters.data is not None:
        raise InputError("--data: the toy makes its own sequences; leave the flag out")
    if hyperparameters.shortest > hyperparameters.longest:
        raise InputError(f"--shortest {hyperparameters.shortest} is above --longest {hyperparameters.longest}")
    start_tensorflow(hyperparameters)
    import keras

    from toy_sequence.eval import evaluate

    run = start_run("toy_sequence", hyperparameters)
    started = time.perf_counter()
    model = build_model(hyperparameters)
    model.summary()
    save_model(model, run / "untrained.keras")

    print(f"\nfirst training: every sequence has {hyperparameters.longest} steps", flush=True)
    fit(model, [hyperparameters.longest] * hyperparameters.sequences, hyperparameters, run, "fixed_length")

    print(f"\nsecond training: {hyperparameters.shortest} to {hyperparameters.longest} steps, padded", flush=True)
    keras.utils.set_random_seed(hyperparameters.seed)
    generator = np.random.default_rng(hyperparameters.seed + 1)
    lengths = generator.integers(hyperparameters.shortest, hyperparameters.longest + 1, hyperparameters.sequences)
    fit(build_model(hyperparameters), lengths, hyperparameters, run, "model")
    seconds = time.perf_counter() - started

    figures = evaluate(run, hyperparameters.seed)
    finish_run(
        run,
        "toy_sequence",
        {
            "model": f"{hyperparameters.cell} {hyperparameters.hidden_size}",
            "corpus": {"name": "made on the fly", "sha256": None},
            "split": "new sequences of 7, 100, 150 and 1000 steps, zeros, and a given initial state",
            "seed": hyperparameters.seed,
            "training_seconds": seconds,
            **figures,
        },
    )
    print(f"{figures['exact_match']:.4f} of the test sequences without any error, {seconds:.0f} s, in {run}")


if __name__ == "__main__":
    run_script(main, Hyperparameters)
