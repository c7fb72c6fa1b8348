"""Is a sentence about a film or a book positive or negative?

A recurrent layer reads the words of a sentence and keeps a summary of them; its last state decides.

    words (batch, time) -> embedding (batch, time, embedding) -> LSTM (batch, hidden) -> logit (batch, 1)

**The trap.** The UMich file has 7,086 rows but only 1,212 different sentences: most rows are copies. A random split
puts copies of the test sentences into the training part, and any model shines, by memory. Here copies are dropped
first, and every sentence is tested by a model that never saw it: five models are trained, each on four fifths
(five-fold cross-validation). A sixth, `leaking.keras`, is trained on a random split of the raw file, so that you can
see the difference.

The model you use afterwards, `model.keras`, is trained like the five, on all the sentences. Each training sets a
tenth of its sentences aside to see when to stop.

References: Hochreiter & Schmidhuber 1997, Long short-term memory. Gulli & Pal 2017, Deep Learning with Keras, chapter
6. Kohavi 1995, A study of cross-validation and bootstrap for accuracy estimation.
"""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from common.data import deduplicate, fold, folds, load_opinions
from common.text import Vocabulary
from common.training import (
    SharedRunOptions,
    callbacks,
    finish_run,
    load_tensorflow,
    run_script,
    start_run,
)
from common.workers import Workers


@dataclass(frozen=True)
class Hyperparameters(SharedRunOptions):
    cell: Literal["simple", "lstm", "gru"] = "lstm"  # the recurrent layer
    embedding_size: int = 64  # numbers that stand for a word
    hidden_size: int = 64  # units of the recurrent layer
    dropout: float = 0.5  # share of the embedding's and the recurrent layer's outputs that is zeroed in training
    minimum_count: int = 2  # rarer words share one embedding with the unknown ones
    batch_size: int = 32  # sentences
    learning_rate: float = 0.002  # of Adam
    epochs: int = 15  # at most
    patience: int = 3  # epochs without improvement on the sentences set aside before training stops


def encode(sentence: str, vocabulary: Vocabulary):
    """The ids of the words of a sentence (time,); words are what `fold` leaves: no case, no punctuation."""
    return vocabulary.encode(fold(sentence).split())


def build_model(hyperparameters, vocabulary_size):
    """The model, not compiled: ids of words (batch, time), 0 where padded -> logit (batch, 1), above 0 for positive."""
    from keras import Input, Sequential, layers

    from common.recurrent import GRU, LSTM, SimpleRNN

    recurrent = {"simple": SimpleRNN, "lstm": LSTM, "gru": GRU}[hyperparameters.cell]
    return Sequential(
        [
            Input((None,), dtype="int32"),
            layers.Embedding(vocabulary_size, hyperparameters.embedding_size, mask_zero=True),
            layers.Dropout(hyperparameters.dropout),
            recurrent(hyperparameters.hidden_size),  # thanks to the mask, the state after the last real word
            layers.Dropout(hyperparameters.dropout),
            layers.Dense(1),
        ]
    )


def train_on(rows, hyperparameters, run: Path, name: str, workers: Workers):
    """Train a model on rows `(label, sentence)`; `<run>/<name>.keras` is its best epoch."""
    import keras
    from sklearn.model_selection import train_test_split

    from common.padding import bucketed_batches

    labels = [label for label, _ in rows]
    seed = hyperparameters.seed
    training, validation = train_test_split(rows, test_size=0.1, stratify=labels, random_state=seed)
    vocabulary = Vocabulary.of_words(
        (fold(sentence).split() for _, sentence in training), hyperparameters.minimum_count
    )

    def batches(part, shuffle_seed=None):
        inputs = [encode(sentence, vocabulary) for _, sentence in part]
        return bucketed_batches(inputs, [label for label, _ in part], hyperparameters.batch_size, shuffle_seed)

    keras.utils.set_random_seed(seed)
    model = build_model(hyperparameters, len(vocabulary))
    model.compile(
        keras.optimizers.Adam(hyperparameters.learning_rate),
        keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=[keras.metrics.BinaryAccuracy("accuracy", threshold=0.0)],  # a logit of 0 is a probability of 0.5
        jit_compile=False,
    )
    workers.join(model)
    main_model = name == "model"
    if main_model:
        model.summary()
    training_batches, vocabularies = workers.share(batches(training, seed)), {"words": vocabulary}
    model.fit(
        training_batches,
        validation_data=workers.share(batches(validation)),
        epochs=hyperparameters.epochs,
        callbacks=callbacks(
            run, "val_loss", vocabularies, hyperparameters, training_batches, hyperparameters.patience, name, workers
        ),
        shuffle=False,  # the dataset has done it
        verbose=1 if main_model else 2,  # a bar for the main model, a line an epoch for the others
    )


def main(hyperparameters: Hyperparameters) -> None:
    from sentiment.eval import evaluate, leaking_split

    raw, corpus = load_opinions(hyperparameters.data)
    rows = deduplicate(raw)
    parts = folds([label for label, _ in rows])
    print(f"{len(raw)} rows, {len(rows)} different sentences with one label", flush=True)

    workers = load_tensorflow(hyperparameters)
    run = start_run("sentiment", hyperparameters, workers.chief)
    started = time.perf_counter()
    for number, (training, _) in enumerate(parts, start=1):
        print(f"\nfold {number} of {len(parts)}: train on {len(training)} sentences", flush=True)
        train_on([rows[index] for index in training], hyperparameters, run, f"fold-{number}", workers)
    print("\na random split of the raw file, copies and all, for comparison", flush=True)
    fewer = replace(hyperparameters, epochs=min(5, hyperparameters.epochs))  # six times as many rows
    train_on(leaking_split(raw, hyperparameters.seed)[0], fewer, run, "leaking", workers)
    print("\nthe model to use: train on all sentences", flush=True)
    train_on(rows, hyperparameters, run, "model", workers)
    seconds = time.perf_counter() - started
    if not workers.chief:
        return  # the chief evaluates

    figures = evaluate(run, raw, hyperparameters.seed)
    finish_run(
        run,
        "sentiment",
        {
            "model": f"{hyperparameters.cell} {hyperparameters.hidden_size}",
            "corpus": corpus,
            "split": "deduplicated, stratified 5-fold, shuffled with seed 0",
            "seed": hyperparameters.seed,
            "training_seconds": seconds,
            **figures,
        },
    )
    print(f"{figures['cv_accuracy']:.4f} cross-validated accuracy, {seconds:.0f} s for seven trainings, in {run}")


if __name__ == "__main__":
    run_script(main, Hyperparameters)
