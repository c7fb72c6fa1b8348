"""Padding with and without a mask: the alternating toy of train.py, trained both ways on the same padded data.

    python toy_sequence/masking.py                            # half a minute

Sequences of 5 to 100 steps are right padded to 100. The noise is padded with 0. The targets are padded with `PADDED`,
which loss and accuracy leave out; or, without a mask, with 0 as well, which happens to be the class [1, 0].

    noise (batch, 100, 1) -> SimpleRNN (batch, 100, hidden) -> logits (batch, 100, 2)

Two things go wrong without the mask. The accuracy reported in training counts padding, where it is easy to be right.
And the network learns the padding: "when the input is 0, say [1, 0]". A sequence of zeros is as good an input as any
noise, but this network takes it for padding. Both models are measured in three ways: with padding counted, on the real
steps only, and on 100 steps of zeros.
"""

import time
from dataclasses import dataclass

import numpy as np

from common import InputError
from common.cli import Count, LearningRate, Positive, Size, run_script, start_tensorflow
from common.runs import NamedRunOptions, finish_run, start_run
from common.tables import print_table
from toy_sequence.sequences import alternating, make_sequences

WAYS = ("masked", "not masked")


@dataclass(frozen=True)
class Options(NamedRunOptions):
    hidden_size: Size = 10  # units of the SimpleRNN
    sequences: Count = 250  # for training; half as many for the test
    shortest: Count = 5  # steps of the shortest sequence
    longest: Count = 100  # steps of the longest; all are padded to it
    batch_size: Count = 10  # sequences
    learning_rate: LearningRate = 0.01  # of Adam
    clip_norm: Positive = 1.0  # longest gradient; longer ones are scaled down
    epochs: Count = 15

    def __post_init__(self):
        super().__post_init__()
        if self.shortest > self.longest:
            raise InputError(f"--shortest {self.shortest} is above --longest {self.longest}")


def padded_sequences(count, options, generator):
    """Noise (count, longest, 1), padded with 0, and targets (count, longest), padded with `PADDED`."""
    from common.padding import PADDED, mask

    inputs, targets = make_sequences([options.longest] * count, generator)
    real = mask(generator.integers(options.shortest, options.longest + 1, count), options.longest)
    return np.stack(inputs) * real[:, :, None], np.where(real, np.stack(targets), PADDED)


def measure(logits, targets):
    """Accuracy and loss with padding counted, as if its target were class 0; then both on the real steps.

    Args:
        logits: (batch, time, 2).
        targets: (batch, time), `PADDED` where padded.
    """
    real = targets >= 0  # PADDED is -1
    counted = np.where(real, targets, 0)
    right = logits.argmax(axis=-1) == counted
    losses = np.logaddexp(logits[..., 0], logits[..., 1]) - np.take_along_axis(logits, counted[..., None], -1)[..., 0]
    return tuple(float(each.mean()) for each in (right, losses, right[real], losses[real]))


def accuracy_on_zeros(model, steps):
    """The accuracy on one sequence of `steps` zeros."""
    predictions = model(np.zeros((1, steps, 1), "float32")).numpy().argmax(-1)[0]
    return float((predictions == alternating(steps)).mean())


def train(way, options):
    """Train one of `WAYS`: the model and, for each epoch, what `measure` and `accuracy_on_zeros` say, (epochs, 5)."""
    import keras

    from toy_sequence.model import build_model, compile_model

    keras.utils.set_random_seed(options.seed)
    generator = np.random.default_rng(options.seed)
    inputs, targets = padded_sequences(options.sequences, options, generator)
    test_inputs, test_targets = padded_sequences(max(1, options.sequences // 2), options, generator)
    if way == "not masked":
        targets = np.maximum(targets, 0)  # PADDED becomes class 0, an ordinary target
    model = build_model("simple", options.hidden_size)
    compile_model(model, options.learning_rate, options.clip_norm)
    rows = []

    def test(epoch, logs):
        logits = model(test_inputs).numpy()
        rows.append((*measure(logits, test_targets), accuracy_on_zeros(model, options.longest)))
        print(f"{way}, epoch {epoch + 1}: padding counted {rows[-1][0]:.3f}, real steps {rows[-1][2]:.3f}", flush=True)

    after_each_epoch = keras.callbacks.LambdaCallback(on_epoch_end=test)
    model.fit(inputs, targets, options.batch_size, options.epochs, verbose=0, callbacks=[after_each_epoch])
    return model, np.array(rows)


def conclusion(final):
    """Three lines about the final accuracies: way -> the last row of `train`'s."""
    reported, reported_loss, real, real_loss, zeros = final["not masked"]
    return [
        f"Trained without a mask: accuracy {reported:.3f}, loss {reported_loss:.4f} with padding counted; "
        f"{real:.3f} and {real_loss:.4f} on the real steps.",
        f"Trained with a mask: {final['masked'][2]:.3f} and {final['masked'][3]:.4f} on the real steps; "
        f"counting padding, one would report an accuracy of {final['masked'][0]:.3f}.",
        f"On zeros, the masked model is right in {final['masked'][4]:.2f} of the steps, the other in {zeros:.2f}.",
    ]


def main(options: Options) -> None:
    start_tensorflow(options)
    from toy_sequence import pictures

    run = start_run("masking", options)
    started, models, rows = time.perf_counter(), {}, {}
    for way in WAYS:
        models[way], rows[way] = train(way, options)
    seconds = time.perf_counter() - started
    final = {way: tuple(map(float, rows[way][-1])) for way in WAYS}
    print()
    header = ("training", "accuracy, padding counted", "loss", "accuracy, real steps", "loss", "accuracy, zeros")
    print_table(header, [(way, *final[way]) for way in WAYS])
    pictures.masking(models, rows, run / "masking.png")
    finish_run(run, "masking", {"accuracy": final, "seed": options.seed, "training_seconds": seconds})
    print("\nConclusion", *conclusion(final), f"pictures are in {run}", sep="\n")


if __name__ == "__main__":
    run_script(main, Options)
