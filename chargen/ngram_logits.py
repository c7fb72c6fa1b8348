"""What the last few characters alone say about the next one: a table beside the recurrent layer.

After *quee* comes *n*. A recurrent layer has to keep that in its state; a table can simply say it. For every string of
a few characters that occurs at least twice in the training text, its *n-grams*, the layer below learns one number for
each character of the vocabulary. The numbers of all the n-grams that end at the newest character are added to the
logits. Both are trained together, so that the recurrent layer learns what the table gets wrong. In training, each
length is dropped now and then. Otherwise the longest n-grams, which know the training text by heart, would do all the
learning.

Reference: Mikolov, Deoras, Povey, Burget & Cernocky 2011, Strategies for training large scale neural network language
models (the maximum entropy model trained inside the network; there the strings are hashed, here they are looked up).
"""

import keras
import numpy as np
import tensorflow as tf

MAX_CHARACTERS = 1_000_000  # of the training text from which the n-grams are taken
MAX_TABLE_SIZE = 1_000_000  # numbers for one length: with a large vocabulary fewer n-grams are known


def ngram_keys(windows, lengths, vocabulary_size: int):
    """A key for the n-gram of each length that ends a window: (..., longest) -> (..., lengths), int64.

    Args:
        windows: characters as NumPy or TensorFlow int64, ids counted from 1, and 0 before the text.
    """
    base, longest = (vocabulary_size + 1) | 1, max(lengths)
    powers = [[base**back if back < length else 0 for length in lengths] for back in reversed(range(longest))]
    offsets = [base**longest * length for length in lengths]  # so that no two lengths have a key in common
    powers, offsets = (
        (np.array(exact, object) % 2**64).astype("uint64").astype("int64") for exact in (powers, offsets)
    )  # beyond 64 bits the keys wrap around, and serve as well
    # A sum where `windows @ powers` would do: LiteRT has no product of matrices of integers.
    return sum(windows[..., place, None] * row for place, row in enumerate(powers)) + offsets


def known_ngrams(ids, lengths, vocabulary_size: int, minimum_count: int = 2, size: int | None = None) -> np.ndarray:
    """The sorted keys of the n-grams that occur `minimum_count` times in a text (length,). If there are too many, they
    are those of the most frequent ones (see `MAX_CHARACTERS` and `MAX_TABLE_SIZE`). Each has `size` numbers, by default
    one for each character of the vocabulary."""
    text = np.concatenate([np.zeros(max(lengths) - 1), ids[:MAX_CHARACTERS]]).astype("int64")
    text[max(lengths) - 1 :] += 1  # 0 is before the text
    windows = np.lib.stride_tricks.sliding_window_view(text, max(lengths))
    known = []
    for column in ngram_keys(windows, lengths, vocabulary_size).T:
        found, counts = np.unique(column, return_counts=True)
        most_frequent = np.argsort(-counts, kind="stable")[: max(1, MAX_TABLE_SIZE // (size or vocabulary_size))]
        known.append(found[most_frequent[counts[most_frequent] >= minimum_count]])
    return np.unique(np.concatenate(known))


@keras.saving.register_keras_serializable(package="rnn_examples")
class NgramLogits(keras.layers.Layer):
    """Logits (batch, time, vocabulary) from the n-grams that end at each of the ids (batch, time).

    Args:
        lengths: of the n-grams, in characters.
        count: how many n-grams are known; their keys are the weight `known`.
        vocabulary_size: number of different ids.
        dropout: share of the lengths that is dropped at each step of training.
        size: numbers of an n-gram, if not logits: the result is (batch, time, size).
    """

    search = staticmethod(tf.searchsorted)  # sorted keys, keys -> places; serving.py has one that ONNX knows

    def __init__(self, lengths, count, vocabulary_size, dropout=0.5, size=None, **options):
        super().__init__(**options)
        self.lengths, self.count, self.vocabulary_size = list(lengths), count, vocabulary_size
        self.size = size or vocabulary_size
        self.dropout = keras.layers.Dropout(dropout, noise_shape=(None, None, None, 1))

    def build(self, ids_shape, state_shape=None):
        self.known = self.add_weight((self.count,), "zeros", "int64", trainable=False, name="known")
        rows = self.count + len(self.lengths)  # one more for each length: all the n-grams that are not known
        self.table = self.add_weight((rows, self.size), "zeros", name="table")

    def get_config(self):
        own = {"lengths": self.lengths, "count": self.count, "vocabulary_size": self.vocabulary_size}
        return {**super().get_config(), **own, "dropout": self.dropout.rate, "size": self.size}

    def initial_state(self, batch_size):
        """The characters before a text begins, (batch, longest length): none."""
        return tf.zeros((batch_size, max(self.lengths)), "int64")

    def call(self, ids, state, training=False):
        """Args: ids (batch, time); state (batch, longest length), the last characters before them.

        Returns: logits (batch, time, vocabulary), and the state after them.
        """
        steps = tf.shape(ids)[1]
        text = tf.concat([state, tf.cast(ids, "int64") + 1], axis=1)
        window = np.arange(1, max(self.lengths) + 1)
        windows = tf.gather(text, tf.range(steps)[:, None] + window, axis=1)  # (batch, time, longest)
        keys = ngram_keys(windows, self.lengths, self.vocabulary_size)  # (batch, time, lengths)
        row = tf.reshape(self.search(self.known.value, tf.reshape(keys, [-1])), tf.shape(keys))
        row = tf.minimum(row, self.count - 1)
        unknown = self.count + tf.range(len(self.lengths))
        row = tf.where(tf.gather(self.known, row) == keys, row, unknown)
        logits = tf.gather(self.table.value, row)  # (batch, time, lengths, size); the table is not copied
        logits = self.dropout(logits, training=training)
        return tf.reduce_sum(logits, axis=2), text[:, steps:]
