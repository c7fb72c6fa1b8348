"""Is a sentence about a film or a book positive or negative?

The sentences are typed as people type: *loved*, *looooved*, *awesomest*, *sucksss*. Half of the words occur once, so
a table of one vector a word knows little. Here a word is the sum of its **pieces**: itself, and the strings of three
to five characters in it (pieces.py). What was learned of *sucks* so reaches *sucksss*. A layer reads the words in both
directions, and from each of its numbers the largest over the sentence is kept: one clear word is enough.
Besides, every piece has a vote of its own, as in a linear model; so the layer learns what the votes get wrong. Of some
sentences only the votes are heard in training, or the layer would soon know them by heart and leave nothing to learn.

    pieces (batch, time, pieces) -> embedding, summed over the pieces (batch, time, embedding)
        -> bidirectional LSTM (batch, time, 2 hidden) -> maximum over time (batch, 2 hidden) -> logit (batch, 1)
    pieces (batch, time, pieces) -> votes, summed over pieces and time (batch, 1), added to the logit

**Best (`--preset best`).** Several of these, with other seeds: their logits are averaged.

**Book (`--preset book`).** The model of the book reads whole words in one direction, and its last state decides:

    words (batch, time) -> embedding (batch, time, embedding) -> LSTM (batch, hidden) -> logit (batch, 1)

**The trap.** The UMich file has 7,086 rows but only 1,212 different sentences: most rows are copies. A random split
puts copies of the test sentences into the training part, and any model shines, by memory. Here copies are dropped
first, and every sentence is tested by a model that never saw it: five models are trained, each on four fifths
(five-fold cross-validation). A sixth, `leaking.keras`, is trained on a random split of the raw file, so that you can
see the difference. The model you use afterwards, `model.keras`, is trained like the five, on all the sentences.

With so few sentences none is spared to say when to stop: the number of epochs is fixed. It was chosen, as were the
other numbers below, on the training parts of the folds alone: `python sentiment/compare.py --protocol inner` trains
on four fifths of each and measures on its last fifth.

References: Hochreiter & Schmidhuber 1997, Long short-term memory. Bojanowski et al. 2017, Enriching word vectors with
subword information. Cheng et al. 2016, Wide & deep learning for recommender systems (the votes). Gal & Ghahramani
2016, A theoretically grounded application of dropout in recurrent neural networks. Kohavi 1995, A study of
cross-validation. Gulli & Pal 2017, Deep Learning with Keras, chapter 6.
"""

import math
import time
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import numpy as np

from common.callbacks import run_callbacks
from common.cli import Count, Positive, Share, run_script, start_tensorflow
from common.data import deduplicate, folds, load_opinions
from common.distributed import Workers
from common.runs import SharedRunOptions, finish_run, start_run
from common.saving import save_model
from common.vocabulary import Vocabulary
from sentiment.pieces import MOST_PIECES, make_encoder, make_vocabulary

ALONE = Workers()


@dataclass(frozen=True)
class Hyperparameters(SharedRunOptions):
    preset: Literal["default", "book", "best"] = "default"  # where the other defaults come from
    reads: Literal["pieces", "words"] = "pieces"  # what has an embedding
    cell: Literal["simple", "lstm", "gru"] = "lstm"  # the recurrent layer
    minimum_count: Count = 2  # rarer pieces or words are unknown
    vocabulary_size: Count = 8000  # the commonest pieces or words that are left, at most
    embedding_size: Count = 64  # numbers that stand for a piece or a word
    hidden_size: Count = 48  # units of the recurrent layer, in each direction
    word_dropout: Share = 0.2  # share of the words that is zeroed in training
    input_dropout: Share = 0.4  # share of the embedding's numbers that is zeroed, the same in all words of a sentence
    dropout: Share = 0.5  # share of the numbers zeroed before the last layer
    sentence_dropout: Share = 0.3  # share of the sentences of which only the votes are heard in training
    vote_scale: Positive = 3.0  # of the votes: so many times as fast they learn
    batch_size: Count = 64  # sentences
    learning_rate: Positive = 0.004  # of Adam, at the start; falls to 0 along a cosine
    epochs: Count = 12
    members: Count = 1  # models whose logits are averaged, each with another seed


PRESETS = {
    "default": Hyperparameters(),
    "book": Hyperparameters(
        preset="book",
        reads="words",
        hidden_size=64,
        word_dropout=0.0,
        input_dropout=0.5,
        batch_size=128,
        learning_rate=0.008,
        epochs=10,
    ),
    "best": Hyperparameters(preset="best", members=5),
}


def few_epochs(hyperparameters):
    """For the raw file, which has six times as many rows: one model, at most three epochs."""
    return replace(hyperparameters, members=1, epochs=min(3, hyperparameters.epochs))


def build_model(hyperparameters, vocabulary_size):
    """The model, not compiled: ids as `make_encoder` gives them, 0 where padded -> logit (batch, 1), above 0 for
    positive. The layer named `sentence` gives the vector of the sentence."""
    from keras import Input, Model, Sequential, layers, ops

    from common.fast_rnn import GRU, LSTM, SimpleRNN

    recurrent = {"simple": SimpleRNN, "lstm": LSTM, "gru": GRU}[hyperparameters.cell]
    size = hyperparameters.embedding_size
    if hyperparameters.reads == "words":
        return Sequential(
            [
                Input((None,), dtype="int32"),
                layers.Embedding(vocabulary_size, size, mask_zero=True),
                layers.Dropout(hyperparameters.input_dropout),
                recurrent(hyperparameters.hidden_size, name="sentence"),  # the state after the last real word
                layers.Dropout(hyperparameters.dropout),
                layers.Dense(1),
            ]
        )
    ids = Input((None, MOST_PIECES), dtype="int32")
    real = ops.cast(ids > 0, "float32")[..., None]  # (batch, time, pieces, 1)
    root = ops.sqrt(ops.maximum(ops.sum(real, axis=2), 1))  # (batch, time, 1)
    words = ops.sum(layers.Embedding(vocabulary_size, size)(ids) * real, axis=2) / root  # (batch, time, embedding)
    votes = ops.sum(layers.Embedding(vocabulary_size, 1, "zeros")(ids) * real, axis=2) / root  # (batch, time, 1)
    votes = hyperparameters.vote_scale * ops.sum(votes, axis=1)  # (batch, 1)
    words = layers.Dropout(hyperparameters.word_dropout, noise_shape=(None, None, 1))(words)
    words = layers.Dropout(hyperparameters.input_dropout, noise_shape=(None, 1, size))(words)
    mask = ids[..., 0] > 0  # (batch, time)
    states = layers.Bidirectional(recurrent(hyperparameters.hidden_size, return_sequences=True))(words, mask=mask)
    padded = ops.cast(ops.logical_not(mask), "float32")[..., None]  # (batch, time, 1)
    sentence = layers.GlobalMaxPooling1D(name="sentence")(states - 2 * padded)  # states lie between -1 and 1
    heard = layers.Dropout(hyperparameters.dropout)(sentence)
    heard = layers.Dropout(hyperparameters.sentence_dropout, noise_shape=(None, 1))(heard)  # all or nothing of it
    return Model(ids, layers.Dense(1)(heard) + votes)


@lru_cache(3)
def compiled_model(build, hyperparameters, workers):
    """The model that `build` makes, compiled. One serves all trainings, because TensorFlow takes longer to plan the
    computation of a step than this model takes to learn."""
    import keras

    model = build(hyperparameters, hyperparameters.vocabulary_size)
    model.compile(
        keras.optimizers.Adam(clipnorm=1.0),
        keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=[keras.metrics.BinaryAccuracy("accuracy", threshold=0.0)],  # a logit of 0 is a probability of 0.5
        jit_compile=False,
    )
    model.optimizer.build(model.trainable_variables)
    workers.join(model)
    return model


def fit(rows, hyperparameters, callbacks_of=None, build=build_model, workers=ALONE):
    """Train `members` models on rows `(label, sentence)`.

    Args:
        callbacks_of: gives, for vocabulary and batches, the callbacks of the last member of the run's main model.
        build: makes a model, as `build_model` does.
        workers: those who train together.

    Returns:
        One model that gives the mean of their logits, and its vocabulary. The next call may change the model.
    """
    import keras

    from common.batches import bucketed_batches

    vocabulary = make_vocabulary([sentence for _, sentence in rows], hyperparameters)
    encode = make_encoder(vocabulary)
    inputs, labels = [encode(sentence) for _, sentence in rows], np.array([label for label, _ in rows], dtype="float32")
    model = compiled_model(build, replace(hyperparameters, seed=0, members=1, epochs=1), workers)  # what a step needs
    members, angle = [], math.pi / hyperparameters.epochs
    rates = keras.callbacks.LearningRateScheduler(
        lambda epoch: hyperparameters.learning_rate * (1 + math.cos(angle * epoch)) / 2
    )
    for seed in range(hyperparameters.seed, hyperparameters.seed + hyperparameters.members):
        keras.utils.set_random_seed(seed)
        fresh = build(hyperparameters, hyperparameters.vocabulary_size)
        for variable, start in zip(model.variables, fresh.variables, strict=True):  # the state of dropout included
            variable.assign(start)
        workers.vary_dropout(model)
        for variable in model.optimizer.variables:
            variable.assign(keras.ops.zeros_like(variable))
        is_main = callbacks_of and seed == hyperparameters.seed + hyperparameters.members - 1
        if is_main:
            model.summary()
        batches = workers.share(bucketed_batches(inputs, labels, hyperparameters.batch_size, seed))
        model.fit(
            batches,
            epochs=hyperparameters.epochs,
            callbacks=[rates, *(callbacks_of(vocabulary, batches) if is_main else [])],
            shuffle=False,  # the dataset has done it
            verbose=1 if is_main else 2,  # a bar for the main model, a line an epoch for the others
        )
        if hyperparameters.members > 1:
            members.append(keras.models.clone_model(model))
            members[-1].set_weights(model.get_weights())
            members[-1].name = f"member_{len(members)}"
    if not members:
        return model, vocabulary
    ids = keras.Input(model.input_shape[1:], dtype="int32")
    return keras.Model(ids, keras.layers.Average()([member(ids) for member in members])), vocabulary


def main(hyperparameters: Hyperparameters) -> None:
    from sentiment.eval import evaluate, leaking_split

    raw, names, corpus = load_opinions(hyperparameters.data)
    rows = deduplicate(raw)
    parts = folds([label for label, _ in rows])
    print(
        f"{len(raw)} rows, {len(rows)} different sentences with one label; {names[1]!r} counts as positive", flush=True
    )

    workers = start_tensorflow(hyperparameters)
    run = start_run("sentiment", hyperparameters, workers.chief, corpus)
    started = time.perf_counter()

    labels = Vocabulary(names)

    def train_and_save(name, rows, hyperparameters, callbacks_of=None):
        path = run / f"{name}.keras"
        if path.exists() and workers.count == 1 and not callbacks_of:  # it does if the run is resumed
            return
        model, vocabulary = fit(rows, hyperparameters, callbacks_of, workers=workers)
        if workers.chief:
            save_model(model, path, tokens=vocabulary, labels=labels)

    def of_main(vocabulary, batches):  # no sentence is set aside: the last epoch is kept, not the best on validation
        vocabularies = {"tokens": vocabulary, "labels": labels}
        return run_callbacks(
            run, "loss", vocabularies, hyperparameters, batches, hyperparameters.epochs, workers=workers
        )

    for number, (training, _) in enumerate(parts, start=1):
        print(f"\nfold {number} of {len(parts)}: train on {len(training)} sentences", flush=True)
        train_and_save(f"fold-{number}", [rows[index] for index in training], hyperparameters)
    print("\na random split of the raw file, copies and all, for comparison", flush=True)
    train_and_save("leaking", leaking_split(raw, hyperparameters.seed)[0], few_epochs(hyperparameters))
    print("\nthe model to use: train on all sentences", flush=True)
    train_and_save("model", rows, hyperparameters, of_main)
    seconds = time.perf_counter() - started
    if not workers.chief:
        return  # the chief evaluates

    figures = evaluate(run, raw, names, hyperparameters.seed)
    described = f"{hyperparameters.cell} {hyperparameters.hidden_size}, {hyperparameters.reads}"
    finish_run(
        run,
        "sentiment",
        {
            "model": described if hyperparameters.members == 1 else f"{hyperparameters.members} x {described}",
            "corpus": corpus,
            "split": "deduplicated, stratified 5-fold, shuffled with seed 0",
            "seed": hyperparameters.seed,
            "training_seconds": seconds,
            **figures,
        },
    )
    print(f"{figures['cv_accuracy']:.4f} cross-validated accuracy, {seconds:.0f} s for seven trainings, in {run}")


if __name__ == "__main__":
    run_script(main, Hyperparameters, PRESETS)
