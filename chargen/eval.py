"""Measure a trained character model on the last tenth of the text, which it has not seen.

    python chargen/eval.py                      # the newest run
    python chargen/eval.py --run runs/chargen/NAME

Every character of the test part is predicted exactly once. A model of streams reads the validation part first, so
that it comes to the test part with a state, as it would in use; a model of windows gets the characters before each
one. Beside it stands a Witten-Bell 5-gram model, trained here and now on everything before the test part.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.data import load_text, split_text
from common.summary import print_table
from common.training import check_corpus, load_model, open_run, run_script, write_json


@dataclass(frozen=True)
class Options:
    run: Path = Path("runs/chargen/latest")  # run folder to evaluate
    data: str | None = None  # where the corpus is now, if not where training found it


def bits_of_stream(model, ids, before, piece=5000):
    """Bits for each character of `ids` (length,), the state carried on from the text `before` (length,).

    Read in pieces of `piece` characters, so that memory does not grow with the text."""
    import tensorflow as tf

    from chargen.generate import initial_states, step

    @tf.function(reduce_retracing=True)
    def read(text, states):
        bits = tf.TensorArray(tf.float32, tf.size(text) - 1)
        for position in tf.range(tf.size(text) - 1):
            logits, states = step(model, text[position][None], states)
            nats = tf.nn.sparse_softmax_cross_entropy_with_logits(text[position + 1][None], logits)
            bits = bits.write(position, nats[0] / math.log(2))
        return bits.stack(), states

    whole, states, bits = np.concatenate([before, ids]), initial_states(model, 1), []
    for start in range(0, len(whole) - 1, piece):
        some, states = read(tf.constant(whole[start : start + piece + 1]), states)
        bits.append(some.numpy())
    return np.concatenate(bits)[-len(ids) :]


def bits_of_windows(model, ids, before):
    """Bits for each character of `ids` (length,), each predicted from the window of characters before it."""
    import tensorflow as tf

    length = model.input_shape[1]
    whole = np.concatenate([before[-length:], ids])
    windows = np.lib.stride_tricks.sliding_window_view(whole[:-1], length)  # (len(ids), length), a view: no copies
    logits = model.predict(windows, batch_size=512, verbose=0)
    return tf.nn.sparse_softmax_cross_entropy_with_logits(ids, logits).numpy() / math.log(2)


def evaluate(run: Path, text: str) -> dict:
    """Measure `run/model.keras` on the test part of `text`, print the table, draw the pictures, return the figures."""
    from chargen.ngram import WittenBell
    from common import plots

    model, vocabularies = load_model(run / "model.keras")
    vocabulary = vocabularies["characters"]
    train, validation, test = split_text(text)
    bits_of = bits_of_windows if len(model.output_shape) == 2 else bits_of_stream
    bits = bits_of(model, vocabulary.encode(test), vocabulary.encode(validation))
    ngram_bits = WittenBell(train + validation, len(vocabulary), order=5).bits(test, train + validation)

    print_table(
        ("model", "bits per character", "characters"),
        [
            ("uniform guess", math.log2(len(vocabulary)), len(test)),
            ("Witten-Bell 5-gram", float(ngram_bits.mean()), len(test)),
            (f"this run ({run})", float(bits.mean()), len(test)),
        ],
    )
    plots.learning_curves(run, ["bits_per_character"])
    draw_bits(bits, ngram_bits, run / "bits_per_character.png")
    return {
        "figure": "test_bits_per_character",
        "test_bits_per_character": float(bits.mean()),
        "baseline": {"name": "Witten-Bell 5-gram", "value": float(ngram_bits.mean())},
    }


def draw_bits(bits, ngram_bits, path, span=500):
    """Draw the running mean over `span` characters of the bits of the model and of the n-gram model."""
    from common import plots

    span = min(span, len(bits))
    figure, axis = plots.plt.subplots(figsize=(8, 3.5), layout="constrained")
    for values, label in ((ngram_bits, "Witten-Bell 5-gram"), (bits, "this run")):
        axis.plot(np.convolve(values, np.ones(span) / span, "valid"), label=f"{label}: {values.mean():.3f}")
    axis.set(xlabel="character of the test part", ylabel=f"bits per character (mean of {span})")
    axis.legend()
    plots.save(figure, path)


def main(options: Options) -> None:
    hyperparameters, metrics = open_run(options.run)
    text, corpus = load_text(options.data or hyperparameters["data"])
    check_corpus(metrics, corpus)
    write_json(options.run / "metrics.json", metrics | evaluate(options.run, text))
    print(f"pictures and metrics.json are in {options.run}")


if __name__ == "__main__":
    run_script(main, Options)
