"""Tag every word of a sentence with its part of speech.

*The dog barks* and *the bark of the dog*: what a word is depends on its neighbours. A bidirectional recurrent layer
reads the sentence from both sides, so that each word's tag is chosen knowing all the words before and after it.

    words (batch, time, features) -> embeddings, side by side (batch, time, sum of sizes)
                                  -> both LSTMs (batch, time, 2 * hidden) -> logits (batch, time, tags)

One word in ten of the test part never occurs in training; its spelling is what is left to go by. So a word enters not
only as itself: its endings and beginnings of a few letters and its shape (`Xx` for Vinken, `d-x` for 10-year) have
embeddings of their own. In training, whole features are hidden now and then, the word among them, so that the network
learns to do with the others and with the context.

**Best (`--preset best`).** Five of them with other seeds; `model.keras` holds all and averages their probabilities. The
validation part, on which everything here was chosen, has done its work by then, and they learn from it too.

**The models of the book (`--preset book`)** are in encoder_decoder.py: a GRU squeezes the whole sentence into one
vector, and a second one unrolls the tags from it. The book pads everything to 250 steps and counts padding as right
answers, which makes 0.92 of a model that has learned nothing. Here padded steps count nowhere; eval.py shows both
ways of counting, compare.py all models side by side.

References: Graves & Schmidhuber 2005 (bidirectional LSTM). Marcus, Santorini & Marcinkiewicz 1993, Building a large
annotated corpus of English: the Penn Treebank. Gulli & Pal 2017, Deep Learning with Keras, chapter 6.
"""

import os
import time
from dataclasses import dataclass
from typing import Literal

from common.callbacks import run_callbacks
from common.cli import Count, Positive, Share, run_script, start_tensorflow
from common.data import load_tagged_sentences, split_sentences
from common.distributed import Workers
from common.runs import SharedRunOptions, finish_run, start_run
from common.saving import load_model, save_model
from pos_tagging.features import LETTERS, encode_words, make_vocabularies


@dataclass(frozen=True)
class Hyperparameters(SharedRunOptions):
    preset: Literal["default", "book", "best"] = "default"  # where the other defaults come from
    model: Literal["tagger", "encoder-decoder", "attention"] = "tagger"  # one tag a step, or as in encoder_decoder.py
    cell: Literal["simple", "lstm", "gru"] = "lstm"  # the recurrent layers
    bidirectional: bool = True  # read the sentence from both sides
    spelling: bool = True  # words enter with endings, beginnings and shape, not only as themselves
    letters: bool = True  # and with what a convolution finds in their letters
    embedding_size: Count = 100  # numbers that stand for a word
    feature_size: Count = 16  # numbers that stand for each feature of its spelling
    letter_size: Count = 25  # numbers that stand for a letter
    filters: Count = 64  # of the convolution over the letters: each looks at three letters in a row
    hidden_size: Count = 100  # units of each recurrent layer
    feature_dropout: Share = 0.2  # share of whole features hidden in training
    dropout: Share = 0.4  # share of the recurrent layers' inputs and outputs that is zeroed in training
    minimum_count: Count = 2  # rarer words share one embedding with the unknown ones; so do rarer endings and so on
    batch_size: Count = 32  # sentences
    learning_rate: Positive = 0.005  # of Adam, at the start; falls to 0 along a cosine
    epochs: Count = 10  # at most
    patience: Count = 6  # epochs without improvement on validation before training stops
    members: Count = 1  # networks trained, each with another seed, whose probabilities are averaged
    validate: bool = True  # set sentences aside to find the best epoch; if not, learn from them too and keep the last


PRESETS = {
    "default": Hyperparameters(),
    "book": Hyperparameters(
        preset="book",
        model="encoder-decoder",
        cell="gru",
        bidirectional=False,
        spelling=False,
        letters=False,
        feature_dropout=0.0,
    ),
    "best": Hyperparameters(preset="best", members=5, validate=False),
}


def build_model(hyperparameters, vocabularies):
    """The model, not compiled: ids of features (batch, time, features), 0 if padded -> logits (batch, time, tags)."""
    from keras import Input, Model, layers, ops

    from common.fast_rnn import GRU, LSTM, SimpleRNN
    from pos_tagging.encoder_decoder import AttentionDecoder, decode_summary

    cell = {"simple": SimpleRNN, "lstm": LSTM, "gru": GRU}[hyperparameters.cell]

    def recurrent(return_sequences):
        layer = cell(hyperparameters.hidden_size, return_sequences=return_sequences)
        return layers.Bidirectional(layer) if hyperparameters.bidirectional else layer

    sizes = {name: len(vocabulary) for name, vocabulary in vocabularies.items() if name not in ("letters", "tags")}
    ids = Input((None, len(sizes) + (LETTERS if "letters" in vocabularies else 0)), dtype="int32")
    real = ids[:, :, 0] > 0  # (batch, time): the mask, false where padded
    hide = layers.Dropout(hyperparameters.feature_dropout, noise_shape=(None, None, 1))  # a whole vector or nothing
    embedded = []
    for place, (name, count) in enumerate(sizes.items()):
        size = hyperparameters.embedding_size if name == "word" else hyperparameters.feature_size
        embedded.append(hide(layers.Embedding(count, size)(ids[:, :, place])))
    if "letters" in vocabularies:
        letters = layers.Embedding(len(vocabularies["letters"]), hyperparameters.letter_size)(ids[:, :, len(sizes) :])
        around = ops.pad(letters, ((0, 0), (0, 0), (1, 1), (0, 0)))  # (batch, time, letters + 2, letter_size)
        threes = ops.concatenate([around[:, :, :-2], letters, around[:, :, 2:]], axis=-1)  # each with its neighbours
        found = layers.Dense(hyperparameters.filters)(threes)  # (batch, time, letters, filters): a convolution
        embedded.append(hide(ops.tanh(ops.max(found, axis=2))))  # the best match of each filter, wherever it is
    embedded = layers.Concatenate()(embedded) if len(embedded) > 1 else embedded[0]
    embedded = layers.Dropout(hyperparameters.dropout)(embedded)  # (batch, time, sum of sizes)

    if hyperparameters.model == "encoder-decoder":
        hidden = decode_summary(recurrent, embedded, real)
    elif hyperparameters.model == "attention":
        encoded = recurrent(return_sequences=True)(embedded, mask=real)
        hidden, _ = AttentionDecoder(hyperparameters.hidden_size)(encoded, real)  # and the weights (batch, time, time)
    else:
        hidden = recurrent(return_sequences=True)(embedded, mask=real)
    hidden = layers.Dropout(hyperparameters.dropout)(hidden)
    return Model(ids, layers.Dense(len(vocabularies["tags"]))(hidden))


def average(models):
    """One model that gives the logarithm of the mean of the models' probabilities."""
    from keras import Input, Model, ops

    ids = Input(models[0].input_shape[1:], dtype="int32")
    probabilities = [ops.softmax(model(ids)) for model in models]
    return Model(ids, ops.log(sum(probabilities) / len(models)))


def fit(hyperparameters, training, validation, vocabularies, seed=0, run=None, name="model", workers=None):
    """Build a network, train it on tagged sentences, return it; with a run folder, save its best epoch there."""
    import keras

    from common.batches import bucketed_batches
    from common.metrics import MaskedAccuracy, masked_crossentropy

    workers = workers or Workers()

    def batches(part, seed=None):
        known = [sentence for sentence in part if all(tag in vocabularies["tags"] for _, tag in sentence)]
        words = [encode_words([word for word, _ in sentence], vocabularies) for sentence in known]
        tags = [vocabularies["tags"].encode([tag for _, tag in sentence]) for sentence in known]
        return workers.share(bucketed_batches(words, tags, hyperparameters.batch_size, seed))

    keras.utils.set_random_seed(seed)
    training_batches = batches(training, seed)
    steps = hyperparameters.epochs * len(training_batches)
    model = build_model(hyperparameters, vocabularies)
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(hyperparameters.learning_rate, steps)),
        masked_crossentropy(),
        metrics=[MaskedAccuracy()],
        jit_compile=False,
    )
    workers.join(model)
    monitor = "val_masked_accuracy" if validation else "loss"
    saved = [monitor, vocabularies, hyperparameters, training_batches, hyperparameters.patience, name, workers]
    model.fit(
        training_batches,
        validation_data=batches(validation) if validation else None,
        epochs=hyperparameters.epochs,
        callbacks=run_callbacks(run, *saved) if run else [],
        shuffle=False,  # the dataset has done it
    )
    return model


def main(hyperparameters: Hyperparameters) -> None:
    sentences, corpus = load_tagged_sentences(hyperparameters.data)
    training, validation, test = split_sentences(sentences)
    if not hyperparameters.validate:
        training, validation = training + validation, []
    vocabularies = make_vocabularies(training, hyperparameters)
    print(f"{len(training)} sentences for training, {len(validation)} for validation, {len(test)} for test", flush=True)

    workers = start_tensorflow(hyperparameters)
    from pos_tagging.eval import evaluate

    run = start_run("pos_tagging", hyperparameters, workers.chief, corpus)
    started = time.perf_counter()
    for member in range(hyperparameters.members):
        if member:
            print(f"member {member + 1} of {hyperparameters.members}", flush=True)
        seed = hyperparameters.seed + 1000 * member  # runs with other seeds share no member
        name = f"member-{member + 1}" if member else "model"
        model = fit(hyperparameters, training, validation, vocabularies, seed, run, name, workers)
    model.summary()
    seconds = time.perf_counter() - started
    if not workers.chief:
        return  # the chief evaluates
    if hyperparameters.members > 1:
        if not (run / "member-1.keras").exists():  # it does if a run is resumed that was interrupted just here
            os.replace(run / "model.keras", run / "member-1.keras")
        model = average([load_model(path)[0] for path in sorted(run.glob("member-*.keras"))])
        save_model(model, run / "model.keras", **vocabularies)

    figures = evaluate(run, sentences)
    finish_run(
        run,
        "pos_tagging",
        {
            "model": f"{hyperparameters.cell} {hyperparameters.hidden_size}, {hyperparameters.model}",
            "parameters": model.count_params(),
            "corpus": corpus,
            "split": f"last 20 % of the sentences test, {len(validation)} before them validation, the others training",
            "seed": hyperparameters.seed,
            "training_seconds": seconds,
            **figures,
        },
    )
    print(f"{figures['token_accuracy']:.4f} token accuracy on the test part, {seconds:.0f} s, in {run}")


if __name__ == "__main__":
    run_script(main, Hyperparameters, PRESETS)
