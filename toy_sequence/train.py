"""The smallest recurrent task: say 0 1 0 1 0 1 ... whatever the input is.

The input is noise, uniform in [0, 1); the target alternates, [0, 1], [1, 0], [0, 1], ... A network without memory
cannot do this: nothing in the input tells an odd step from an even one. A recurrent network has to keep one bit and
flip it at every step. model.py says what the network is here.

    noise (batch, time, 1) -> SimpleRNN (batch, time, hidden) -> logits (batch, time, 2)

It is trained twice. First as in the blog post that this toy comes from: 250 sequences of 100 steps each. Then on
sequences of 20 to 100 steps, right padded to the longest of their batch, the padded steps masked out of loss and
accuracy: a model whose time axis is `None` takes sequences of any length, also lengths that it was never trained on.

References: Elman 1990, Finding structure in time. Jordan 1986, Serial order.
"""

import time
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from common import InputError
from common.cli import Count, LearningRate, Positive, Size, progress, run_script, start_tensorflow
from common.runs import RunOptions, finish_run, start_run
from common.saving import save_model
from toy_sequence.sequences import make_sequences


@dataclass(frozen=True)
class Hyperparameters(RunOptions):
    data: ClassVar[None] = None  # no flag: the toy makes its own sequences
    cell: Literal["simple", "lstm", "gru"] = "simple"  # the recurrent layer
    hidden_size: Size = 10  # its units
    sequences: Count = 250  # for training
    shortest: Count = 20  # steps of the shortest sequence of the second training
    longest: Count = 100  # steps of the longest one, and of all sequences of the first training
    batch_size: Count = 10  # sequences
    learning_rate: LearningRate = 0.01  # of Adam
    clip_norm: Positive = 1.0  # longest gradient; longer ones are scaled down
    epochs: Count = 10

    def __post_init__(self):
        super().__post_init__()
        if self.shortest > self.longest:
            raise InputError(f"--shortest {self.shortest} is above --longest {self.longest}")


SPACE = {  # what tune.py tries: a list of choices, or from the first number to the second, "log": by their logarithm
    "cell": ["simple", "lstm", "gru"],
    "hidden_size": (2, 20),
    "batch_size": [5, 10, 20],
    "learning_rate": (0.001, 0.1, "log"),
}


def main(hyperparameters: Hyperparameters) -> None:
    start_tensorflow(hyperparameters)
    import keras

    from common.batches import bucketed_batches
    from common.callbacks import run_callbacks
    from toy_sequence.eval import evaluate
    from toy_sequence.model import build_model, compile_model

    seed, batch_size = hyperparameters.seed, hyperparameters.batch_size
    shortest, longest, count = hyperparameters.shortest, hyperparameters.longest, hyperparameters.sequences
    various = np.random.default_rng(seed + 1).integers(shortest, longest + 1, count)
    trainings = {
        "fixed_length": ([longest] * count, f"first training: every sequence has {longest} steps"),
        "model": (various, f"second training: {shortest} to {longest} steps, padded"),
    }

    run = start_run("toy_sequence", hyperparameters)
    started = time.perf_counter()
    untrained = build_model(hyperparameters.cell, hyperparameters.hidden_size)
    untrained.summary()
    save_model(untrained, run / "untrained.keras")
    for name, (lengths, title) in trainings.items():
        print(f"\n{title}", flush=True)
        keras.utils.set_random_seed(seed)  # both start with the weights of the untrained model
        model = build_model(hyperparameters.cell, hyperparameters.hidden_size)
        compile_model(model, hyperparameters.learning_rate, hyperparameters.clip_norm)
        generator = np.random.default_rng(seed)
        training = bucketed_batches(*make_sequences(lengths, generator), batch_size, seed)
        validation = bucketed_batches(*make_sequences(lengths[: max(1, count // 10)], generator), batch_size)
        patience = hyperparameters.epochs  # a training as short as this always runs to its end
        model.fit(
            training,
            validation_data=validation,
            epochs=hyperparameters.epochs,
            shuffle=False,  # the dataset shuffles
            verbose=progress(),
            callbacks=run_callbacks(run, "val_loss", {}, hyperparameters, training, patience, name),
        )
    seconds = time.perf_counter() - started

    metrics = evaluate(run, seed)
    finish_run(
        run,
        "toy_sequence",
        {
            "model": f"{hyperparameters.cell} {hyperparameters.hidden_size}",
            "corpus": {"name": "made on the fly", "sha256": None},
            "split": "new sequences of 7, 100, 150 and 1000 steps, zeros, and a given initial state",
            "seed": seed,
            "training_seconds": seconds,
            **metrics,
        },
    )
    print(f"{metrics['exact_match']:.4f} of the test sequences without any error, {seconds:.0f} s, in {run}")


if __name__ == "__main__":
    run_script(main, Hyperparameters)
