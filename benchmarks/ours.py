"""The tasks as this suite does them, with the models and the input of its own scripts. Run by `tasks.py`."""

import sys
from dataclasses import replace

import numpy as np
from measuring import EPOCHS, ragged, report, stop_when

from common.callbacks import ResetStates
from common.cli import start_tensorflow
from common.runs import RunOptions

start_tensorflow(RunOptions())
import keras  # noqa: E402

import chargen.train  # noqa: E402
import pos_tagging.compare  # noqa: E402
import pos_tagging.model  # noqa: E402
import sentiment.compare  # noqa: E402
from chargen.model import build_model, compile_model  # noqa: E402
from chargen.scoring import bits_of, read_stream  # noqa: E402
from chargen.writer import Writer  # noqa: E402
from common.batches import bucketed_batches, stream_batches  # noqa: E402
from common.metrics import masked_crossentropy  # noqa: E402
from common.prediction import predict_in_batches  # noqa: E402
from common.vocabulary import Vocabulary  # noqa: E402
from sentiment.baselines import build_lstm  # noqa: E402

BOOK = {"cell": "simple", "hidden_size": 128, "ngrams": (), "batch_size": 128, "sequence_length": 25}
BOOK |= {"input_dropout": 0.0, "dropout": 0.0, "weight_dropout": 0.0}
PLAIN = {"ngrams": (), "weight_dropout": 0.0}  # the default, but as PyTorch has it


def train_chargen(task, data):
    size, ids = int(data["size"]), data["training"]
    # For chargen-book the classic way's 128 windows a batch, as streams.
    settings = replace(chargen.train.Hyperparameters(), **(BOOK if task == "chargen-book" else PLAIN))
    vocabulary = Vocabulary([chr(number + 32) for number in range(size)])  # any characters will do
    model = build_model(settings, size)
    batches = stream_batches(ids, settings.batch_size, settings.sequence_length)
    compile_model(model, settings, EPOCHS * len(batches))
    writer = Writer(model, vocabulary)

    def train(done):
        callbacks = [ResetStates(), stop_when(model, done)]
        model.fit(batches, epochs=EPOCHS, shuffle=False, verbose=0, callbacks=callbacks)

    report(
        task,
        train,
        lambda: bits_of(read_stream(model, data["validation"], ids[-1000:]), data["validation"]).mean(),
        lambda: len(writer.write(vocabulary.tokens[0], 5000)),
        len(batches) * settings.batch_size * settings.sequence_length,
        2 * ids.nbytes,
    )


def train_pos_tagging(task, data):
    settings = replace(pos_tagging.compare.WORDS, bidirectional=True)
    vocabularies = dict(zip(("word", "tags"), map(range, data["sizes"]), strict=True))
    model = pos_tagging.model.build_model(settings, vocabularies)
    model.compile(keras.optimizers.Adam(settings.learning_rate), masked_crossentropy(), jit_compile=False)
    batches = bucketed_batches(
        ragged(data, "training_inputs"), ragged(data, "training_targets"), settings.batch_size, seed=0
    )
    validation, tags = ragged(data, "validation_inputs"), ragged(data, "validation_targets")

    def predict():
        return predict_in_batches(lambda ids: model.predict_on_batch(ids).argmax(axis=-1), validation)

    def quality():
        rows = zip(predict(), tags, strict=True)
        return np.mean(np.concatenate([row[: len(true)] == true for row, true in rows]))

    report(
        task,
        lambda done: model.fit(batches, epochs=EPOCHS, shuffle=False, verbose=0, callbacks=[stop_when(model, done)]),
        quality,
        lambda: predict() and sum(map(len, tags)),
        len(data["training_inputs_lengths"]),
        data["training_inputs"].nbytes + data["training_targets"].nbytes,
    )


def train_sentiment(task, data):
    settings = sentiment.compare.WORD_SETTINGS
    model = build_lstm(settings, int(data["size"]))
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(settings.learning_rate), loss, jit_compile=False)
    training = ragged(data, "training_inputs")
    batches = bucketed_batches(training, data["training_targets"], settings.batch_size, seed=0)
    validation = ragged(data, "validation_inputs")

    def quality():
        logits = np.array(predict_in_batches(model.predict_on_batch, validation))[:, 0]
        return np.mean((logits > 0) == data["validation_targets"])

    report(
        task,
        lambda done: model.fit(batches, epochs=EPOCHS, shuffle=False, verbose=0, callbacks=[stop_when(model, done)]),
        quality,
        lambda: len(predict_in_batches(model.predict_on_batch, training)),
        len(training),
        data["training_inputs"].nbytes + data["training_targets"].nbytes,
    )


if __name__ == "__main__":
    task, path = sys.argv[1:]
    {"pos_tagging": train_pos_tagging, "sentiment": train_sentiment}.get(task, train_chargen)(task, np.load(path))
