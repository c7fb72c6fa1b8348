"""Padding with and without a mask: the alternating toy of train.py, trained both ways on the same padded data.

    python toy_sequence/masking.py                            # half a minute

Sequences of 5 to 100 steps, right padded to 100: the noise with 0, the targets with nothing at all (`PADDED`, which
loss and accuracy leave out) or, without a mask, with 0 as well, which happens to be the class [1, 0].

    noise (batch, 100, 1) -> SimpleRNN (batch, 100, hidden) -> logits (batch, 100, 2)

Two things go wrong without the mask. The accuracy that the training reports counts padding, on which it is easy to be
right. And the network learns the padding: "when the input is 0, say [1, 0]". A sequence of zeros, which is as good an
input as any noise, it then takes for padding. Both models are measured in three ways: with padding counted, on the real
steps only, and on 100 steps of zeros.
"""

import time
from dataclasses import dataclass

import numpy as np

from common import InputError
from common.cli import Count, Positive, run_script, start_tensorflow
from common.runs import NamedRunOptions, finish_run, start_run
from common.tables import print_table

WAYS = ("masked", "not masked")


@dataclass(frozen=True)
class Options(NamedRunOptions):
    hidden_size: Count = 10  # units of the SimpleRNN
    sequences: Count = 250  # for training; half as many for the test
    shortest: Count = 5  # steps of the shortest sequence
    longest: Count = 100  # steps of the longest; all are padded to it
    batch_size: Count = 10  # sequences
    learning_rate: Positive = 0.01  # of Adam
    clip_norm: Positive = 1.0  # longest gradient; longer ones are scaled down
    epochs: Count = 15


def padded_sequences(count, options, generator):
    """Noise (count, longest, 1), padded with 0, and targets (count, longest), padded with `PADDED`."""
    from common.padding import PADDED, mask
    from toy_sequence.train import make_sequences

    inputs, targets = make_sequences([options.longest] * count, generator)
    real = mask(generator.integers(options.shortest, options.longest + 1, count), options.longest)
    return np.stack(inputs) * real[:, :, None], np.where(real, np.stack(targets), PADDED)


def measure(logits, targets):
    """Accuracy and loss with padding counted, as if its target were class 0, then both on the real steps.

    Args:
        logits: (batch, time, 2).
        targets: (batch, time), `PADDED` where padded.
    """
    from common.padding import PADDED

    real = targets != PADDED
    counted = np.where(real, targets, 0)
    right = logits.argmax(axis=-1) == counted
    losses = np.logaddexp(logits[..., 0], logits[..., 1]) - np.take_along_axis(logits, counted[..., None], -1)[..., 0]
    return tuple(float(each.mean()) for each in (right, losses, right[real], losses[real]))


def train(way, options):
    """Train one of `WAYS`: the model and, for each epoch, what `measure` and `accuracy_on_zeros` say, (epochs, 5)."""
    import keras

    from common.metrics import masked_crossentropy
    from toy_sequence.train import Hyperparameters, build_model

    keras.utils.set_random_seed(options.seed)
    generator = np.random.default_rng(options.seed)
    inputs, targets = padded_sequences(options.sequences, options, generator)
    tests = padded_sequences(max(1, options.sequences // 2), options, generator)
    if way == "not masked":
        targets = np.maximum(targets, 0)  # PADDED becomes class 0, an ordinary target
    model = build_model(Hyperparameters(hidden_size=options.hidden_size))
    optimizer = keras.optimizers.Adam(options.learning_rate, clipnorm=options.clip_norm)
    model.compile(optimizer, masked_crossentropy(), jit_compile=False)
    rows = []

    def test(epoch, logs):
        rows.append((*measure(model(tests[0]).numpy(), tests[1]), accuracy_on_zeros(model, options.longest)))
        print(f"{way}, epoch {epoch + 1}: padding counted {rows[-1][0]:.3f}, real steps {rows[-1][2]:.3f}", flush=True)

    model.fit(
        inputs,
        targets,
        options.batch_size,
        options.epochs,
        verbose=0,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=test)],
    )
    return model, np.array(rows)


def accuracy_on_zeros(model, steps):
    """The accuracy on one sequence of `steps` zeros."""
    said = model(np.zeros((1, steps, 1), "float32")).numpy().argmax(-1)[0]
    return float((said == (np.arange(steps) + 1) % 2).mean())


def draw(models, rows, path, steps=40, real=20):
    """Draw the accuracies by epoch, and what both models say to noise that ends after `real` steps, and to zeros."""
    from common import plots

    figure, axes = plots.plt.subplots(2, 3, figsize=(13, 5), width_ratios=(1, 1.3, 1.3), layout="constrained")
    noise = np.random.default_rng(0).random((1, steps, 1), dtype="float32")
    noise[:, real:] = 0
    for line, way in zip(axes, WAYS, strict=True):
        for values, label in zip(rows[way].T[[0, 2, 4]], ("padding counted", "real steps", "zeros"), strict=True):
            line[0].plot(range(1, len(values) + 1), values, marker=".", label=label)
        line[0].set(title=f"{way}: accuracy", xlabel="epoch", ylim=(0, 1.05))
        titles = (f"{way}: {real} steps of noise, then padding", f"{way}: zeros")
        for axis, inputs, title in zip(line[1:], (noise, np.zeros_like(noise)), titles, strict=True):
            odds = np.exp(models[way](inputs).numpy()[0])  # (time, 2)
            axis.step(
                range(steps), (np.arange(steps) + 1) % 2, where="mid", color="lightgrey", linewidth=4, label="target"
            )
            axis.plot(odds[:, 1] / odds.sum(axis=1), marker=".", label="output: probability of [0, 1]")
            axis.set(title=title, xlabel="step", ylim=(-0.1, 1.1))
        line[1].axvspan(real - 0.5, steps - 0.5, color="white", alpha=0.8)
        line[0].xaxis.get_major_locator().set_params(integer=True)
    axes[0, 0].legend(loc="lower right")
    figure.legend(*axes[0, 2].get_legend_handles_labels(), loc="outside lower right", ncols=2)
    plots.save(figure, path)


def conclusion(final):
    """Three lines about the final accuracies: way -> the last row of `train`'s."""
    reported, reported_loss, real, real_loss, zeros = final["not masked"]
    return [
        f"Trained without a mask: accuracy {reported:.3f}, loss {reported_loss:.4f} with padding counted; "
        f"{real:.3f} and {real_loss:.4f} on the real steps.",
        f"Trained with it: {final['masked'][2]:.3f} and {final['masked'][3]:.4f} on the real steps; "
        f"with padding counted, {final['masked'][0]:.3f} would be reported.",
        f"On zeros the masked model is right in {final['masked'][4]:.2f} of the steps, the other in {zeros:.2f}.",
    ]


def main(options: Options) -> None:
    if options.shortest > options.longest:
        raise InputError(f"--shortest {options.shortest} is above --longest {options.longest}")
    start_tensorflow(options)
    run = start_run("masking", options)
    started, models, rows = time.perf_counter(), {}, {}
    for way in WAYS:
        models[way], rows[way] = train(way, options)
    seconds = time.perf_counter() - started
    final = {way: tuple(map(float, rows[way][-1])) for way in WAYS}
    print()
    header = ("training", "accuracy, padding counted", "loss", "accuracy, real steps", "loss", "accuracy, zeros")
    print_table(header, [(way, *final[way]) for way in WAYS])
    draw(models, rows, run / "masking.png")
    finish_run(run, run.parent.name, {"accuracy": final, "seed": options.seed, "training_seconds": seconds})
    print("\nConclusion", *conclusion(final), f"pictures are in {run}", sep="\n")


if __name__ == "__main__":
    run_script(main, Options)
