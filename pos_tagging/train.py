"""Tag every word of a sentence with its part of speech.

*The dog barks* and *the bark of the dog*: what a word is depends on its neighbours. A bidirectional recurrent layer
reads the sentence from both sides, so that each word's tag is chosen knowing all the words before and after it.

    words (batch, time, 3) -> embeddings (batch, time, embedding) -> both GRUs (batch, time, 2 * hidden)
                           -> logits (batch, time, tags)

A word enters as three ids: the lower-cased word, its last three letters, and its shape (`Xx` for Vinken, `d-x` for
10-year). One word in ten of the test part never occurs in training; ending and shape are what is left to go by.

`--model encoder-decoder` is the model of the book: a GRU squeezes the whole sentence into one vector, and a second
one unrolls the tags from it. The book pads everything to 250 steps and counts padding as right answers, which makes
0.916 of a model that has learned nothing. Here padded steps count nowhere; eval.py shows both ways of counting.

References: Graves & Schmidhuber 2005 (bidirectional LSTM). Marcus, Santorini & Marcinkiewicz 1993, Building a large
annotated corpus of English: the Penn Treebank. Gulli & Pal 2017, Deep Learning with Keras, chapter 6.
"""

import re
import time
from dataclasses import dataclass
from typing import Literal

import numpy as np

from common.data import load_tagged_sentences, split_sentences
from common.text import Vocabulary
from common.training import SharedRunOptions, callbacks, finish_run, load_tensorflow, run_script, start_run


@dataclass(frozen=True)
class Hyperparameters(SharedRunOptions):
    model: Literal["tagger", "encoder-decoder"] = "tagger"  # one tag a step, or the book's encoder-decoder
    cell: Literal["simple", "lstm", "gru"] = "gru"  # the recurrent layers
    embedding_size: int = 100  # numbers that stand for a word
    feature_size: int = 32  # numbers that stand for its ending, and for its shape
    hidden_size: int = 100  # units of each recurrent layer
    feature_dropout: float = 0.2  # share of whole features hidden in training: the context must do without them
    dropout: float = 0.4  # share of the recurrent layers' inputs and outputs that is zeroed in training
    minimum_count: int = 2  # rarer words share one embedding with the unknown ones
    batch_size: int = 32  # sentences
    learning_rate: float = 0.005  # of Adam, at the start; falls to 0 along a cosine
    epochs: int = 10  # at most
    patience: int = 6  # epochs without improvement on validation before training stops


def features(word: str) -> tuple[str, str, str]:
    """What the model sees of a word: the word in lower case, its ending, its shape."""
    shape = "".join("X" if c.isupper() else "x" if c.islower() else "d" if c.isdigit() else c for c in word)
    return word.lower(), word[-3:].lower(), re.sub(r"(.)\1+", r"\1", shape)  # runs as one: Xxxx -> Xx


def make_vocabularies(sentences, minimum_count: int) -> dict[str, Vocabulary]:
    """The vocabularies of words, endings, shapes and tags of tagged sentences; the tags' has no padding."""
    seen = [[features(word) for word, _ in sentence] for sentence in sentences]
    vocabularies = {
        name: Vocabulary.of_words(([each[place] for each in sentence] for sentence in seen), minimum_count)
        for place, name in enumerate(("words", "endings", "shapes"))
    }
    return {**vocabularies, "tags": Vocabulary(sorted({tag for sentence in sentences for _, tag in sentence}))}


def encode_words(words, vocabularies) -> np.ndarray:
    """The ids of the features of words: an int32 array (time, 3)."""
    columns = zip(*map(features, words), strict=True)
    names = ("words", "endings", "shapes")
    return np.stack([vocabularies[name].encode(column) for name, column in zip(names, columns, strict=True)], axis=-1)


def build_model(hyperparameters, vocabularies):
    """The model, not compiled: ids of features (batch, time, 3), 0 where padded -> logits (batch, time, tags)."""
    from keras import Input, Model, layers, ops

    from common.recurrent import GRU, LSTM, SimpleRNN

    recurrent = {"simple": SimpleRNN, "lstm": LSTM, "gru": GRU}[hyperparameters.cell]
    hidden_size, tags = hyperparameters.hidden_size, len(vocabularies["tags"])
    sizes = hyperparameters.embedding_size, hyperparameters.feature_size, hyperparameters.feature_size
    ids = Input((None, 3), dtype="int32")
    hide = layers.Dropout(hyperparameters.feature_dropout, noise_shape=(None, None, 1))  # a whole vector or nothing
    embedded = layers.Concatenate()(
        [
            hide(layers.Embedding(len(vocabularies[name]), size, mask_zero=True)(ids[:, :, place]))
            for place, (name, size) in enumerate(zip(("words", "endings", "shapes"), sizes, strict=True))
        ]
    )
    embedded = layers.Dropout(hyperparameters.dropout)(embedded)  # (batch, time, sum of sizes)

    if hyperparameters.model == "tagger":
        hidden = layers.Bidirectional(recurrent(hidden_size, return_sequences=True))(embedded)
    else:
        summary = recurrent(hidden_size)(embedded)  # (batch, hidden), after the last real word
        repeated = ops.ones_like(embedded[:, :, :1]) * ops.expand_dims(summary, 1)  # RepeatVector, to any length
        hidden = recurrent(hidden_size, return_sequences=True)(repeated)
    hidden = layers.Dropout(hyperparameters.dropout)(hidden)
    return Model(ids, layers.Dense(tags)(hidden))


def main(hyperparameters: Hyperparameters) -> None:
    sentences, corpus = load_tagged_sentences(hyperparameters.data)
    training, validation, test = split_sentences(sentences)
    vocabularies = make_vocabularies(training, hyperparameters.minimum_count)
    print(f"{len(training)} sentences for training, {len(validation)} for validation, {len(test)} for test", flush=True)

    workers = load_tensorflow(hyperparameters)
    import keras

    from common.metrics import MaskedAccuracy, masked_crossentropy
    from common.padding import bucketed_batches
    from pos_tagging.eval import evaluate

    def batches(part, seed=None):
        known = [sentence for sentence in part if all(tag in vocabularies["tags"] for _, tag in sentence)]
        words = [encode_words([word for word, _ in sentence], vocabularies) for sentence in known]
        tags = [vocabularies["tags"].encode([tag for _, tag in sentence]) for sentence in known]
        return bucketed_batches(words, tags, hyperparameters.batch_size, seed)

    training_batches = workers.share(batches(training, hyperparameters.seed))
    steps = hyperparameters.epochs * len(training_batches)
    model = build_model(hyperparameters, vocabularies)
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(hyperparameters.learning_rate, steps)),
        masked_crossentropy(),
        metrics=[MaskedAccuracy()],
        jit_compile=False,
    )
    workers.join(model)
    model.summary()

    run = start_run("pos_tagging", hyperparameters, workers.chief)
    started = time.perf_counter()
    monitor, patience = "val_masked_accuracy", hyperparameters.patience
    model.fit(
        training_batches,
        validation_data=workers.share(batches(validation)),
        epochs=hyperparameters.epochs,
        callbacks=callbacks(run, monitor, vocabularies, hyperparameters, training_batches, patience, workers=workers),
        shuffle=False,  # the dataset has done it
    )
    seconds = time.perf_counter() - started
    if not workers.chief:
        return  # the chief evaluates

    figures = evaluate(run, sentences)
    finish_run(
        run,
        "pos_tagging",
        {
            "model": f"{hyperparameters.cell} {hyperparameters.hidden_size}, {hyperparameters.model}",
            "parameters": model.count_params(),
            "corpus": corpus,
            "split": "last 20 % of the sentences test, the 300 before them validation",
            "seed": hyperparameters.seed,
            "training_seconds": seconds,
            **figures,
        },
    )
    print(f"{figures['token_accuracy']:.4f} token accuracy on the test part, {seconds:.0f} s, in {run}")


if __name__ == "__main__":
    run_script(main, Hyperparameters)
