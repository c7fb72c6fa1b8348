"""The pictures of digits.py, and its two networks."""

import numpy as np
from keras import Input, Model, layers
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


def load():
    """Training, validation and test: three pairs of pictures (batch, 8, 8, 1), from 0 to 1, and labels (batch,)."""
    digits = load_digits()
    pictures, labels = (digits.images / 16).astype("float32")[..., None], digits.target.astype("int32")
    first, rest, labels, rest_labels = train_test_split(
        pictures, labels, test_size=0.4, stratify=labels, random_state=0
    )
    halves = train_test_split(rest, rest_labels, test_size=0.5, stratify=rest_labels, random_state=0)
    return (first, labels), (halves[0], halves[2]), (halves[1], halves[3])


def only(part, low, high):
    """The pictures of the digits from `low` to `high`, which become the classes 0, 1, ..."""
    pictures, labels = part
    chosen = (labels >= low) & (labels <= high)
    return pictures[chosen], labels[chosen] - low


def draw(part, count, generator):
    """`count` random pictures of each class, or all if there are fewer."""
    pictures, labels = part
    places = [generator.permutation(np.flatnonzero(labels == label))[:count] for label in np.unique(labels)]
    return pictures[np.concatenate(places)], labels[np.concatenate(places)]


def batches(part, steps, batch_size, generator):
    """Pictures (steps, batch, 8, 8, 1) and labels (steps, batch): the part again and again, each time reshuffled."""
    pictures, labels = part
    epochs = -(-steps * batch_size // len(labels))
    order = np.concatenate([generator.permutation(len(labels)) for _ in range(epochs)])
    order = order[: steps * batch_size].reshape(steps, batch_size)
    return pictures[order], labels[order]


def shifted(pictures):
    """The pictures moved by one pixel up, down, left, right, one after the other: (4 * batch, 8, 8, 1)."""
    wide = np.pad(pictures, ((0, 0), (1, 1), (1, 1), (0, 0)))
    corners = (2, 1), (0, 1), (1, 2), (1, 0)
    return np.concatenate([wide[:, row : row + 8, column : column + 8] for row, column in corners])


def build_model(kind, classes, augmented, options):
    """The model, not compiled: pictures (batch, 8, 8, 1) -> logits (batch, classes)."""
    inputs = x = Input((8, 8, 1))
    if augmented:
        x = layers.RandomTranslation(1 / 8, 1 / 8, fill_mode="constant")(x)
        x = layers.RandomRotation(0.03, fill_mode="constant")(x)  # of a whole turn
    if kind == "LSTM":
        x = layers.LSTM(options.hidden_size)(layers.Reshape((8, 8))(x))
    else:
        # With Keras's momentum of 0.99, the averages would still be far off after the few steps of the transfer.
        convolution = {"filters": options.channels, "kernel_size": 3, "padding": "same", "use_bias": False}
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(layers.Conv2D(**convolution)(x)))
        x = layers.MaxPooling2D(2)(x)  # (batch, 4, 4, channels)
        past = layers.BatchNormalization(momentum=0.9)(layers.Conv2D(**convolution)(x))
        x = layers.GlobalAveragePooling2D()(layers.ReLU()(x + past))
    return Model(inputs, layers.Dense(classes)(x))
