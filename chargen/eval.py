"""Measure a trained character model on the last tenth of the text, which it has not seen.

    python chargen/eval.py                      # the newest run
    python chargen/eval.py --run runs/chargen/NAME

Every character of the test part is predicted exactly once. A model of streams reads the text before it first, so that
it comes to the test part with a state, as it would in use; a model of windows gets the characters before each one.

Beside the model stand n-gram models, trained here and now on the same training part. The validation part is there to
choose by (the best epoch; the order of Kneser-Ney) and to be read as context; nobody learns from it. What Kneser-Ney
would gain by learning from it, too, stands in a row of its own.

The lower rows go on learning while they read the test part, always after they have been scored:

- *adaptive Kneser-Ney* counts what it has read;
- *dynamic evaluation*: after every 25 characters the model learns from them, by a small step of gradient descent, and
  slowly forgets what it has so learned (Krause et al. 2018);
- *interpolation*: a weighted mean of that and of adaptive n-gram models. At each character the weights shift to those
  who gave it a high probability (Bayes' rule, with a little of the weights shared out again).

*ensemble*: the mean probabilities of all models of the run (`--members`), which differ only in their seed.

References: Krause, Kahembwe, Murray & Renals 2018, Dynamic evaluation of neural sequence models. Herbster & Warmuth
1998, Tracking the best expert (the shared weights).
"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from chargen.generate import MODULES
from common.cli import Flags, run_script
from common.data import load_text, split_text
from common.runs import check_corpus, open_run
from common.saving import load_model, write_json
from common.tables import print_table

PIECE = 25  # characters between two steps of dynamic evaluation
RATE, FORGETTING = 1e-3, 0.01  # its learning rate, and how far each step leads back to the trained weights
SHARED = 0.005  # of the weights of interpolation, shared out after each character


@dataclass(frozen=True)
class Options(Flags):
    run: Path = Path("runs/chargen/latest")  # run folder to evaluate
    data: str | None = None  # where the corpus is now, if not where training found it


def read_stream(model, ids, before, learn=False, rate=RATE, forgetting=FORGETTING):
    """The model's distribution of each character of `ids` (length,), the state carried on from the text `before`.

    Args:
        model: a model of streams.
        learn: dynamic evaluation, with the learning rate and the forgetting that follow.

    Yields:
        Arrays (PIECE or fewer, vocabulary), so that memory does not grow with the text.
    """
    import keras
    import tensorflow as tf

    reader = keras.models.clone_model(model, input_tensors=keras.Input((None,), batch_size=1, dtype="int32"))
    reader.set_weights(model.get_weights())  # a copy that reads one stream, in pieces of any length
    weights, trained = reader.trainable_variables, [tf.identity(weight) for weight in model.trainable_variables]
    optimizer = keras.optimizers.Adam(rate, beta_2=0.99)

    @tf.function(reduce_retracing=True)
    def read(inputs):
        return tf.nn.softmax(reader(inputs[None])[0])

    @tf.function(reduce_retracing=True)
    def read_and_learn(inputs, targets):
        with tf.GradientTape() as tape:
            logits = reader(inputs[None])[0]
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits))
        optimizer.apply(tape.gradient(loss, weights), weights)
        for weight, start in zip(weights, trained, strict=True):
            weight.assign_add(forgetting * (start - weight))
        return tf.nn.softmax(logits)

    if learn:
        optimizer.build(weights)
    before = np.asarray(before[-5000:]).astype("int32")
    read(tf.constant(before[:-1]))
    whole = np.concatenate([before[-1:], ids]).astype("int32")
    for start in range(0, len(ids), PIECE):
        text = tf.constant(whole[start : start + PIECE + 1])
        yield (read_and_learn(text[:-1], text[1:]) if learn else read(text[:-1])).numpy()


def bits_of_stream(model, ids, before) -> np.ndarray:
    """Bits for each of `ids` (length,), the state carried on from the text `before`: an array (length,)."""
    starts = range(0, len(ids), PIECE)
    pieces = zip(starts, read_stream(model, ids, before), strict=True)
    return -np.log2(np.concatenate([p[np.arange(len(p)), ids[start : start + PIECE]] for start, p in pieces]))


def read_windows(model, ids, before):
    """As `read_stream` for a model of windows, which sees only the few characters before each one."""
    length = model.input_shape[1]
    whole = np.concatenate([before[-length:], ids])
    for start in range(0, len(ids), PIECE):
        piece = whole[start : start + length + min(PIECE, len(ids) - start) - 1]
        windows = np.lib.stride_tricks.sliding_window_view(piece, length)  # (PIECE, length), a view: no copies
        logits = model.predict_on_batch(windows.astype("int32")).astype("float64")
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        yield odds / odds.sum(axis=1, keepdims=True)


class Interpolation:
    """A mean of the distributions of several experts, weighted by how well they have done so far."""

    def __init__(self, experts: int):
        self.weights = np.full(experts, 1 / experts)

    def mix(self, given) -> np.ndarray:
        """Args: given (experts, length), the probability that each gave the character that came. Returns (length,)."""
        mixed = []
        for probabilities in np.transpose(given):
            mixed.append(self.weights @ probabilities)
            after = self.weights * probabilities / mixed[-1]
            self.weights = (1 - SHARED) * after + SHARED / len(after)
        return np.array(mixed)


def evaluate(run: Path, ids) -> dict:
    """Measure the models of `run` on the test part of `ids`, print the table, draw the pictures, return the figures."""
    from chargen.ngram import LONGEST, NGram, best_order
    from common import plots

    train, validation, test = split_text(ids)
    before = np.concatenate([train[-LONGEST:], validation])
    models = [load_model(path, *MODULES) for path in (run / "model.keras", *sorted(run.glob("member-*.keras")))]
    size = len(models[0][1]["characters"])
    order = best_order(train, validation, size)
    witten_bell, kneser_ney = "Witten-Bell 5-gram", f"Kneser-Ney {order}-gram"

    def ngrams(text):
        return {witten_bell: NGram(text, size, 5, "witten-bell"), kneser_ney: NGram(text, size, order, "kneser-ney")}

    static, adaptive = ngrams(train), ngrams(train)
    static[f"{kneser_ney} of 90 %"] = NGram(before, size, order, "kneser-ney")
    streams = len(models[0][0].output_shape) == 3
    reads = [read_stream(model, test, before) if streams else read_windows(model, test, before) for model, _ in models]
    learns = [read_stream(model, test, before, learn=True) for model, _ in models] if streams else reads
    interpolation = Interpolation(1 + len(adaptive))

    bits: dict[str, list] = {}

    def score(name, probabilities):
        bits.setdefault(name, []).append(-np.log2(probabilities))

    for start in range(0, len(test), PIECE):
        piece = np.asarray(test[start : start + PIECE])
        came = np.arange(len(piece)), piece
        context = np.concatenate([before[-PIECE:], test[max(0, start - PIECE) : start]])
        for name, ngram in static.items():
            score(name, ngram.distributions(piece, context)[came])
        by_model = [next(read)[came] for read in reads]
        score("model", by_model[0])
        if len(models) > 1:
            score(f"ensemble of {len(models)}", np.mean(by_model, axis=0))
        by_ngrams = {name: ngram.distributions(piece, context)[came] for name, ngram in adaptive.items()}
        score(f"adaptive {kneser_ney}", by_ngrams[kneser_ney])
        if streams:
            by_model = [next(learn)[came] for learn in learns]
            score("+ dynamic evaluation", np.mean(by_model, axis=0))
        score("+ interpolation", interpolation.mix([np.mean(by_model, axis=0), *by_ngrams.values()]))
        for ngram in adaptive.values():
            ngram.learn(piece, context)
        if start // PIECE % 100 == 0:
            print(f"\r{start / len(test):.0%} of the test part", end="", flush=True)
    print("\r", end="")

    bits = {name: np.concatenate(pieces) for name, pieces in bits.items()}
    means = {name: float(values.mean()) for name, values in bits.items()}
    rows = [("uniform guess", math.log2(size)), *means.items()]
    print_table((str(run), "bits per character"), rows)
    plots.learning_curves(run, ["bits_per_character"])
    draw_bits(bits, run / "bits_per_character.png")
    return {
        "figure": "test_bits_per_character",
        "test_bits_per_character": means["model"],
        "baseline": {"name": kneser_ney, "value": means[kneser_ney]},
        "all_bits_per_character": means,
    }


def draw_bits(bits, path, span=500):
    """Draw the running mean over `span` characters of the bits of every line of the table."""
    from common import plots

    span = min(span, min(map(len, bits.values())))
    figure, axis = plots.plt.subplots(figsize=(8, 4), layout="constrained")
    for label, values in bits.items():
        axis.plot(np.convolve(values, np.ones(span) / span, "valid"), label=f"{label}: {values.mean():.3f}")
    axis.set(xlabel="character of the test part", ylabel=f"bits per character (mean of {span})")
    figure.legend(loc="outside lower center", ncols=3)
    plots.save(figure, path)


def main(options: Options) -> None:
    hyperparameters, metrics = open_run(options.run)
    ids, _, corpus = load_text(options.data or hyperparameters["data"])
    check_corpus(metrics, corpus)
    write_json(options.run / "metrics.json", metrics | evaluate(options.run, ids))
    print(f"pictures and metrics.json are in {options.run}")


if __name__ == "__main__":
    run_script(main, Options)
