"""Tag every word of a sentence with its part of speech.

*The dog barks* and *the bark of the dog*: what a word is depends on its neighbours. A bidirectional recurrent layer
reads the sentence from both sides, so that each word's tag is chosen knowing all the words before and after it.
minimal.py has the book's version of this; model.py says what the network is here.

**Spelling.** One word in ten of the test part never occurs in training; only its spelling and its neighbours tell what
it is. So a word enters not only as itself: its endings and beginnings of a few letters and its shape (`Xx` for Vinken,
`d-x` for 10-year) have embeddings of their own, and a convolution reads its letters. `--no-spelling` and
`--no-letters` leave them out. In training, whole features are dropped now and then, the word among them, so that the
network learns to do without it, and rare words are taken for unknown ones.

**Agreement.** So the network says something else each time that it reads a sentence in training, as other things are
dropped. With `--agreement 0.2` it reads each sentence twice in every step, and the loss grows where the answers differ.

**Best (`--preset best`).** An ensemble of five with other seeds, each trained with agreement; `model.keras` holds all
and averages their probabilities. They learn from the validation part, too: all choices have been made on it before.

The measure is the share of the words of the test part that get the right tag. Padded steps count nowhere. The book
pads everything to 250 steps and counts padding as right answers, which gives 0.92 to a model that has learned nothing.

References: Graves & Schmidhuber 2005 (bidirectional LSTM). Marcus, Santorini & Marcinkiewicz 1993, Building a large
annotated corpus of English: the Penn Treebank. Gulli & Pal 2017, Deep Learning with Keras, chapter 6. Liang et al.
2021, R-Drop: regularized dropout for neural networks (agreement).
"""

import time
from dataclasses import dataclass
from typing import Literal

from common.cli import Count, Layers, LearningRate, Share, Size, Weight, progress, run_script, start_tensorflow
from common.data import load_tagged_sentences, split_sentences
from common.runs import SharedRunOptions, finish_run, start_run
from common.saving import load_model, save_model
from common.tokenizer import TokenizerName, as_vocabularies, make_marker
from pos_tagging.features import encode_sentences, encode_validation, make_vocabularies


@dataclass(frozen=True)
class Hyperparameters(SharedRunOptions):
    preset: Literal["default", "best"] = "default"  # where the other defaults come from
    tokenizer: TokenizerName = None  # what tag.py is to split sentences with, if they are in Japanese
    cell: Literal["simple", "lstm", "gru"] = "lstm"  # of the recurrent layers
    bidirectional: bool = True  # read the sentence from both sides
    spelling: bool = True  # words enter with endings, beginnings and shape, not only as themselves
    letters: bool = True  # and with what a convolution finds in their letters
    embedding_size: Size = 100  # numbers that stand for a word
    feature_size: Size = 16  # numbers that stand for each feature of its spelling
    letter_size: Size = 25  # numbers that stand for a letter
    filters: Size = 64  # of the convolution over the letters: each looks at three letters in a row
    hidden_size: Size = 100  # units of a recurrent layer, in each direction
    layers: Layers = 2  # recurrent layers, one upon the other; each adds to what the one below has found
    feature_dropout: Share = 0.4  # share of whole features dropped in training
    dropout: Share = 0.4  # share of the recurrent layers' inputs and outputs dropped in training
    rare_word_dropout: Share = 0.33  # of a word that occurs once, the share in which it is unknown in training
    agreement: Weight = 0.0  # in the loss, of how much two readings of a sentence differ; 0: each is read once
    minimum_count: Count = 2  # rarer endings, beginnings and so on are unknown; words, too, if none is dropped
    batch_size: Count = 32  # sentences
    learning_rate: LearningRate = 0.005  # of Adam, at the start; falls to 0 along a cosine
    epochs: Count = 15  # at most
    patience: Count = 6  # epochs without improvement on validation before training stops
    ensemble_size: Count = 1  # networks trained, each with another seed, whose probabilities are averaged
    validate: bool = True  # set sentences aside to find the best epoch; if not, learn from them too


PRESETS = {
    "default": Hyperparameters(),
    "best": Hyperparameters(preset="best", agreement=0.2, ensemble_size=5, validate=False),
}

SPACE = {  # what tune.py tries: from the first number to the second, "log": by their logarithm
    "embedding_size": (50, 200, "log"),
    "feature_size": (8, 32, "log"),
    "hidden_size": (50, 200, "log"),
    "feature_dropout": (0.1, 0.6),
    "dropout": (0.2, 0.6),
    "learning_rate": (0.001, 0.02, "log"),
}


def twice(batches):
    """Batches `(inputs, targets)` that hold every sentence twice: all of them, then all again in the same order."""
    import tensorflow as tf

    return batches.map(lambda inputs, targets: (tf.concat([inputs] * 2, axis=0), tf.concat([targets] * 2, axis=0)))


def fit(model, hyperparameters, training_batches, validation_batches=None, callbacks=()):
    """Train a compiled model on batches `(inputs, targets)`."""
    if hyperparameters.agreement:  # the loss expects every sentence twice, in validation, too
        training_batches = twice(training_batches)
        if validation_batches is not None:
            validation_batches = twice(validation_batches)
    model.fit(
        training_batches,
        validation_data=validation_batches,
        epochs=hyperparameters.epochs,
        callbacks=list(callbacks),
        shuffle=False,  # the batches are shuffled already
        verbose=progress(),
    )


def main(hyperparameters: Hyperparameters) -> None:
    make_marker(hyperparameters.tokenizer)  # complains now, not in tag.py, if it is not installed
    sentences, corpus = load_tagged_sentences(hyperparameters.data)
    training, validation, test = split_sentences(sentences)
    if not hyperparameters.validate:
        training, validation = training + validation, []
    print(f"{len(training)} sentences for training, {len(validation)} for validation, {len(test)} for test", flush=True)
    vocabularies = make_vocabularies(training, hyperparameters) | as_vocabularies(hyperparameters.tokenizer)
    training_data = encode_sentences(training, vocabularies)
    validation_data = encode_validation(validation, vocabularies)

    start_tensorflow(hyperparameters)
    import keras

    from common.batches import bucketed_batches
    from common.callbacks import run_callbacks
    from common.distributed import connect
    from common.ensemble import average, members
    from pos_tagging.eval import evaluate
    from pos_tagging.model import build_model, compile_model

    workers = connect(hyperparameters.strategy)

    def batches(data, seed=None):
        return workers.share(bucketed_batches(*data, hyperparameters.batch_size, seed))

    run = start_run("pos_tagging", hyperparameters, corpus, workers.chief)
    started = time.perf_counter()
    validation_batches = batches(validation_data) if validation else None
    monitor = "val_masked_accuracy" if validation else "loss"
    for name, seed in members(hyperparameters):
        print(f"training {name}, seed {seed}", flush=True)
        keras.utils.set_random_seed(seed)
        training_batches = batches(training_data, seed)
        model = build_model(hyperparameters, vocabularies)
        compile_model(model, hyperparameters, hyperparameters.epochs * len(training_batches))
        workers.join(model)
        callbacks = run_callbacks(
            run,
            monitor,
            vocabularies,
            hyperparameters,
            training_batches,
            hyperparameters.patience,
            name,
            workers.backup,
        )
        fit(model, hyperparameters, training_batches, validation_batches, callbacks)
    model.summary()
    seconds = time.perf_counter() - started
    workers.leave()
    if hyperparameters.ensemble_size > 1:
        model = average([load_model(run / f"{name}.keras")[0] for name, _ in members(hyperparameters)])
        save_model(model, run / "model.keras", **vocabularies)

    metrics = evaluate(run, sentences)
    sides = "bidirectional " if hyperparameters.bidirectional else ""
    finish_run(
        run,
        "pos_tagging",
        {
            "model": f"{sides}{hyperparameters.cell} {hyperparameters.hidden_size}",
            "parameters": model.count_params(),
            "corpus": corpus,
            "split": f"last 20 % of the sentences test, {len(validation)} before them validation, the others training",
            "seed": hyperparameters.seed,
            "training_seconds": seconds,
            **metrics,
        },
    )
    print(f"{metrics['token_accuracy']:.4f} token accuracy on the test part, {seconds:.0f} s, in {run}")


if __name__ == "__main__":
    run_script(main, Hyperparameters, PRESETS)
