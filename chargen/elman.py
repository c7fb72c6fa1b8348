"""An Elman network that predicts the next word, watched while it learns.

    python chargen/elman.py                                   # words of Alice, about two minutes
    python chargen/elman.py --activation relu --clip-norm 1e9   # another activation, and no clipping
    python chargen/elman.py --level character
    python chargen/elman.py --data botchan --tokenizer janome   # words of 坊っちゃん

Elman's network of 1990, as Mikolov made a language model of it in 2010: the hidden layer gets the new word and its
own last values, and a soft-max over the vocabulary says what comes next. The training loop is written out here: take
`sequence_length` words from each of the streams, measure the loss, get the gradients, clip them, step, carry the
state on. Every `snapshot_every` steps it prints the loss and writes a few words.

    words (batch, time) -> embedding (batch, time, hidden) -> SimpleRNN (batch, time, hidden)
                        -> logits (batch, time, vocabulary)

The measure is the perplexity of the last tenth of the text, 2 to the bits per word: among how many equally likely
words it would have to guess to do as well. Words that occur less than twice in the training part are one
word, [UNK], and predicting it counts as right.

References: Elman 1990, Finding structure in time. Mikolov et al. 2010, Recurrent neural network based language model.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from chargen.ngram import NGram, load_symbols
from common.cli import Count, LearningRate, Positive, Size, run_script, start_tensorflow
from common.data import split_text
from common.runs import RunOptions, finish_run, start_run
from common.saving import save_model
from common.tokenizer import TokenizerName


@dataclass(frozen=True)
class Hyperparameters(RunOptions):
    level: Literal["word", "character"] = "word"  # what is predicted
    encoding: str | None = None  # of a text of your own, such as euc_jp; by default UTF-8 or Shift_JIS, whichever it is
    tokenizer: TokenizerName = None  # splits a text without spaces, such as a Japanese one, into words
    activation: Literal["tanh", "logistic", "relu", "elu"] = "tanh"  # of the hidden layer
    hidden_size: Size = 128  # units of the hidden layer, and numbers that stand for a word
    sequence_length: Count = 20  # words that gradients flow back through
    batch_size: Count = 16  # streams read side by side
    learning_rate: LearningRate = 0.002  # of Adam
    clip_norm: Positive = 1.0  # longest gradient; longer ones are scaled down
    max_steps: Count = 600  # steps of training
    snapshot_every: Count = 100  # steps from one report to the next
    sample_length: Count = 30  # words of the sample in each report


def train(hyperparameters, ids, vocabulary):
    """Train on the first 80 % of `ids`.

    Returns:
        The model, and the history: a dict of lists, one entry a step: `loss` in bits, `gradient_norm` before
        clipping. It ends early if the loss is no longer a number.
    """
    import keras
    import tensorflow as tf

    from chargen.model import CharacterModel
    from chargen.writer import Writer
    from common.batches import stream_batches

    keras.utils.set_random_seed(hyperparameters.seed)
    training, _, _ = split_text(ids)
    activation = {"logistic": "sigmoid"}.get(hyperparameters.activation, hyperparameters.activation)
    size = hyperparameters.hidden_size
    model = CharacterModel(hyperparameters.batch_size, len(vocabulary), size, size, "simple", activation)
    writer = Writer(model, vocabulary)
    optimizer = keras.optimizers.Adam(hyperparameters.learning_rate)
    between = " " if hyperparameters.level == "word" and not hyperparameters.tokenizer else ""

    @tf.function
    def step(inputs, targets):
        with tf.GradientTape() as tape:
            logits = model(inputs)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits))
        gradients = tape.gradient(loss, model.trainable_variables)
        gradients = [tf.convert_to_tensor(gradient) for gradient in gradients]
        gradients, norm = tf.clip_by_global_norm(gradients, hyperparameters.clip_norm)
        optimizer.apply(gradients, model.trainable_variables)
        return loss / np.log(2), norm

    history = {"loss": [], "gradient_norm": []}
    batches = stream_batches(training, hyperparameters.batch_size, hyperparameters.sequence_length)
    prompt = [int(first) for first in training[:5]]
    while True:
        model.reset_states()  # at the start of the text
        for inputs, targets in batches:
            loss, norm = step(inputs, targets)
            history["loss"].append(float(loss))
            history["gradient_norm"].append(float(norm))
            done = len(history["loss"])
            if not np.isfinite(history["loss"][-1]):
                print(f"step {done}: the loss is no longer a number; try a smaller --clip-norm or --learning-rate")
                return model, history
            if done % hyperparameters.snapshot_every == 0 or done == hyperparameters.max_steps:
                recent = np.mean(history["loss"][-hyperparameters.snapshot_every :])
                written = writer.ids(prompt, hyperparameters.sample_length, seed=done)
                print(
                    f"step {done}: {recent:.3f} bits per {hyperparameters.level}, "
                    f"gradient norm {history['gradient_norm'][-1]:.2f}\n    {between.join(vocabulary.decode(written))}",
                    flush=True,
                )
            if done == hyperparameters.max_steps:
                return model, history


def bits_of(model, ids) -> float:
    """Mean bits on the last tenth of `ids`, the state carried on from the text before; infinite if it overflows, as
    the unbounded states of ReLU can."""
    from chargen.scoring import bits_of, read_stream

    training, validation, test = split_text(ids)
    bits = bits_of(read_stream(model, test, np.concatenate([training[-5000:], validation])), test)
    return float(np.nan_to_num(bits, nan=np.inf).mean())


def draw(histories: dict, level: str, path: Path, span=20):
    """Draw the loss and the gradient norm of one or several trainings by step, means of `span` steps."""
    from common import plots

    figure, axes = plots.plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
    for label, history in histories.items():
        for axis, (name, values) in zip(axes, history.items(), strict=True):
            width = min(span, len(values))
            axis.plot(np.convolve(values, np.ones(width) / width, "valid"), label=label)
            axis.set(xlabel="step", ylabel=name.replace("_", " "))
    axes[0].set_ylabel(f"loss (bits per {level})")
    axes[0].set_ylim(0, 1.2 * min(history["loss"][0] for history in histories.values()))  # what explodes leaves it
    axes[1].set_yscale("log")
    axes[0].legend()
    plots.save(figure, path)


def main(hyperparameters: Hyperparameters) -> None:
    ids, vocabulary, corpus = load_symbols(hyperparameters)
    print(f"{len(ids)} {hyperparameters.level}s, {len(vocabulary)} different", flush=True)
    start_tensorflow(hyperparameters)
    run = start_run("elman", hyperparameters, corpus=corpus)
    started = time.perf_counter()
    model, history = train(hyperparameters, ids, vocabulary)
    seconds = time.perf_counter() - started
    save_model(model, run / "model.keras", characters=vocabulary)
    draw({hyperparameters.activation: history}, hyperparameters.level, run / "training.png")

    training, validation, test = split_text(ids)
    perplexity = 2 ** bits_of(model, ids)
    baseline = float(2 ** NGram(training, len(vocabulary), 3, "kneser-ney").bits(test, validation).mean())
    finish_run(
        run,
        "elman",
        {
            "model": f"simple {hyperparameters.hidden_size}, {hyperparameters.activation}",
            "corpus": corpus,
            "split": "contiguous 80/10/10: train, validation (not used), test",
            "seed": hyperparameters.seed,
            "training_seconds": seconds,
            "metric": "test_perplexity",
            "test_perplexity": perplexity if np.isfinite(perplexity) else None,
            "baseline": {"name": "Kneser-Ney 3-gram", "value": baseline},
        },
    )
    print(
        f"perplexity {perplexity:.1f} on the test part (Kneser-Ney 3-gram: {baseline:.1f}), {seconds:.0f} s, in {run}"
    )


if __name__ == "__main__":
    run_script(main, Hyperparameters)
