"""What the last few characters alone say about the next one: votes beside the recurrent layer.

After *quee* comes *n*: a recurrent layer has to spell that out in its state, a table simply says so. For every string
of a few characters that the training text holds more than once, its *n-grams*, the layer below learns one number for
each character of the vocabulary. Those of all the strings that end at the newest character are added to the logits.
Trained together, the recurrent layer learns what the table gets wrong. In training each length is left out now and
then; else the longest, which know the training text by heart, would learn alone.

Reference: Mikolov, Deoras, Povey, Burget & Cernocky 2011, Strategies for training large scale neural network language
models (the maximum entropy model trained inside the network; there the strings are hashed, here they are looked up).
"""

import keras
import numpy as np
import tensorflow as tf

READ = 1_000_000  # characters, at most, from which the n-grams are taken
NUMBERS = 1_000_000  # in the table for one length, at most: of a large vocabulary fewer n-grams are known


def ngram_numbers(windows, lengths, vocabulary_size: int):
    """A number for the n-gram of each length that ends a window: (..., longest) -> (..., lengths), int64.

    Args:
        windows: characters as NumPy or TensorFlow int64, ids counted from 1, and 0 before the text.
    """
    base, longest = (vocabulary_size + 1) | 1, max(lengths)
    powers = [[base**back if back < length else 0 for length in lengths] for back in reversed(range(longest))]
    offsets = [base**longest * length for length in lengths]  # so that no two lengths have a number in common
    powers, offsets = (
        (np.array(exact, object) % 2**64).astype("uint64").astype("int64") for exact in (powers, offsets)
    )  # beyond 64 bits the numbers wrap around, and serve as well
    return windows @ powers + offsets


def known_ngrams(ids, lengths, vocabulary_size: int, minimum_count: int = 2) -> np.ndarray:
    """The numbers, sorted, of the n-grams of a text (length,) that occur `minimum_count` times; if they are too many,
    of the commonest (see `READ` and `NUMBERS`)."""
    text = np.concatenate([np.zeros(max(lengths) - 1), ids[:READ]]).astype("int64")
    text[max(lengths) - 1 :] += 1  # 0 is before the text
    windows = np.lib.stride_tricks.sliding_window_view(text, max(lengths))
    known = []
    for column in ngram_numbers(windows, lengths, vocabulary_size).T:
        found, counts = np.unique(column, return_counts=True)
        commonest = np.argsort(-counts, kind="stable")[: max(1, NUMBERS // vocabulary_size)]
        known.append(found[commonest[counts[commonest] >= minimum_count]])
    return np.unique(np.concatenate(known))


@keras.saving.register_keras_serializable(package="chargen")
class Votes(keras.layers.Layer):
    """Adds to logits (batch, time, vocabulary) the votes of the n-grams that end at each of the ids (batch, time).

    It is stateful: it remembers the last characters of the batch before, until `reset_states`.

    Args:
        lengths: of the n-grams, in characters.
        count: how many are known; their numbers are the weight `known`.
        dropout: share of the lengths that is left out at each step of training.
    """

    stateful = True

    def __init__(self, lengths, count, dropout=0.5, **keywords):
        super().__init__(**keywords)
        self.lengths, self.count = list(lengths), count
        self.dropout = keras.layers.Dropout(dropout, noise_shape=(None, None, None, 1))

    def get_config(self):
        own = {"lengths": self.lengths, "count": self.count, "dropout": self.dropout.rate}
        return {**super().get_config(), **own}

    def build(self, shapes):
        batch, _, size = shapes[0]
        self.known = self.add_weight(shape=(self.count,), dtype="int64", initializer="zeros", trainable=False)
        rows = self.count + len(self.lengths)  # one more for each length: all those that are not known
        self.table = self.add_weight(shape=(rows, size), initializer="zeros")
        self.states = [tf.Variable(start, trainable=False) for start in self.get_initial_state(batch)]

    def get_initial_state(self, batch_size):
        """The characters before a text begins: none. As a cell's, a list of tensors."""
        return [tf.zeros((batch_size, max(self.lengths)), tf.int64)]

    def reset_states(self):
        """Forget the last characters: the text begins anew."""
        self.states[0].assign(tf.zeros_like(self.states[0]))

    def call(self, inputs, training=False):
        logits, ids = inputs
        logits, [last] = self.vote(logits, ids, self.states, training)
        self.states[0].assign(last)
        return logits

    def vote(self, logits, ids, states, training=False):
        """Logits and votes; and the states after, the last characters: a list of one tensor (batch, longest length)."""
        longest, steps = max(self.lengths), tf.shape(ids)[1]
        text = tf.concat([states[0], tf.cast(ids, tf.int64) + 1], axis=1)
        windows = tf.gather(
            text, tf.range(steps)[:, None] + np.arange(1, longest + 1), axis=1
        )  # (batch, time, longest)
        numbers = ngram_numbers(windows, self.lengths, self.table.shape[1])  # (batch, time, lengths)
        place = tf.reshape(tf.searchsorted(self.known, tf.reshape(numbers, [-1])), tf.shape(numbers))
        place = tf.minimum(place, self.count - 1)
        unknown = self.count + tf.range(len(self.lengths))
        place = tf.where(tf.gather(self.known, place) == numbers, place, unknown)
        votes = tf.gather(self.table.value, place)  # (batch, time, lengths, vocabulary); no copy of the table is made
        votes = self.dropout(votes, training=training)
        return logits + tf.reduce_sum(votes, axis=2), [text[:, steps:]]
