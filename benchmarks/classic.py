"""The tasks as the classic scripts do them: windows and one-hot arrays, padding to 40 and 250 steps, Keras's layers.

One character is generated with one call of `model.predict` on the window before it. Run by `tasks.py`.
"""

import sys

import keras
import numpy as np
from keras import layers
from measuring import EPOCHS, ragged, report, stop_when

WINDOW = 10


def chargen(task, data):
    size = int(data["size"])

    def windows(ids):
        inputs = np.zeros((len(ids) - WINDOW, WINDOW, size), dtype=bool)
        targets = np.zeros((len(ids) - WINDOW, size), dtype=bool)
        for start in range(len(ids) - WINDOW):
            inputs[start, np.arange(WINDOW), ids[start : start + WINDOW]] = True
            targets[start, ids[start + WINDOW]] = True
        return inputs, targets

    inputs, targets = windows(data["training"])
    validation = windows(data["validation"])
    layer = layers.SimpleRNN(128, unroll=True) if task == "chargen-book" else layers.LSTM(384)
    model = keras.Sequential([keras.Input((WINDOW, size)), layer, layers.Dense(size, activation="softmax")])
    model.compile("rmsprop", "categorical_crossentropy")

    def generate(characters=50):
        text = list(data["validation"][:WINDOW])
        for _ in range(characters):
            window = np.eye(size)[text[-WINDOW:]][None]
            text.append(int(np.argmax(model.predict(window, verbose=0))))
        return characters

    report(
        task,
        lambda done: model.fit(inputs, targets, 128, EPOCHS, verbose=0, callbacks=[stop_when(model, done)]),
        lambda: model.evaluate(*validation, batch_size=512, verbose=0) / np.log(2),
        generate,
        len(inputs),
        inputs.nbytes + targets.nbytes,
    )


def padded(rows, steps):
    return keras.utils.pad_sequences(rows, maxlen=steps)  # on the left, as is its default


def pos_tagging(task, data):
    steps, sizes = 250, data["sizes"].tolist()
    inputs = padded(ragged(data, "training_inputs"), steps)
    targets = keras.utils.to_categorical(padded(ragged(data, "training_targets"), steps), sizes[-1])
    validation, tags = ragged(data, "validation_inputs"), ragged(data, "validation_targets")
    validation_inputs = padded(validation, steps)
    ids = keras.Input((steps, 1), dtype="int32")
    embedded = layers.Embedding(sizes[0], 100)(ids[:, :, 0])
    hidden = layers.Bidirectional(layers.GRU(100, return_sequences=True))(embedded)
    model = keras.Model(ids, layers.Dense(sizes[-1], activation="softmax")(hidden))
    model.compile(keras.optimizers.Adam(0.005), "categorical_crossentropy")

    def predict():
        return model.predict(validation_inputs, batch_size=32, verbose=0).argmax(-1)

    def quality():
        rows = zip(predict(), tags, strict=True)
        return np.mean(np.concatenate([row[-len(true) :] == true for row, true in rows]))

    report(
        task,
        lambda done: model.fit(inputs, targets, 32, EPOCHS, verbose=0, callbacks=[stop_when(model, done)]),
        quality,
        lambda: predict().shape[0] and sum(map(len, tags)),
        len(inputs),
        inputs.nbytes + targets.nbytes,
    )


def sentiment(task, data):
    steps, size = 40, int(data["size"])
    inputs, targets = padded(ragged(data, "training_inputs"), steps), data["training_targets"]
    validation = padded(ragged(data, "validation_inputs"), steps)
    embedding, lstm, dense = layers.Embedding(size, 64), layers.LSTM(64), layers.Dense(1, activation="sigmoid")
    dropout = layers.Dropout(0.5)
    model = keras.Sequential([keras.Input((steps,), dtype="int32"), embedding, dropout, lstm, dropout, dense])
    model.compile(keras.optimizers.Adam(0.002), "binary_crossentropy")

    def predict():
        return model.predict(inputs, batch_size=32, verbose=0).shape[0]

    def quality():
        probabilities = model.predict(validation, batch_size=32, verbose=0)[:, 0]
        return np.mean((probabilities > 0.5) == data["validation_targets"])

    report(
        task,
        lambda done: model.fit(inputs, targets, 32, EPOCHS, verbose=0, callbacks=[stop_when(model, done)]),
        quality,
        predict,
        len(inputs),
        inputs.nbytes + targets.nbytes,
    )


if __name__ == "__main__":
    task, path = sys.argv[1:]
    {"pos_tagging": pos_tagging, "sentiment": sentiment}.get(task, chargen)(task, np.load(path))
