"""How likely a model finds each character of a text, with and without learning from what it has read."""

import keras
import numpy as np
import tensorflow as tf

CHUNK = 25  # characters between two steps of dynamic evaluation
LEARNING_RATE, DECAY = 1e-3, 0.01  # of dynamic evaluation; the decay leads each step back to the trained weights
SHARED_WEIGHT = 0.005  # of the weights of interpolation, shared out again after each character
CONTEXT = 5000  # characters before a text that the model reads first


def read_stream(model, ids, before, learn=False, rate=LEARNING_RATE, decay=DECAY):
    """The model's distribution of each character of `ids` (length,), which follow on the text `before`.

    Args:
        model: a `CharacterModel`. It stays as it is.
        learn: dynamic evaluation: after each chunk a copy of the model learns from it, with the rate and decay that
            follow.

    Yields:
        Arrays (CHUNK or fewer, vocabulary), so that memory does not grow with the text.
    """
    reader = model.copy(batch_size=1)
    weights, trained = reader.trainable_variables, [tf.identity(weight) for weight in model.trainable_variables]
    optimizer = keras.optimizers.Adam(rate, beta_2=0.99)

    @tf.function(reduce_retracing=True)
    def read(inputs):
        return tf.nn.softmax(reader(inputs[None])[0])

    @tf.function(reduce_retracing=True)
    def read_and_learn(inputs, targets):
        with tf.GradientTape() as tape:
            logits = reader(inputs[None])[0]
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits))
        optimizer.apply(tape.gradient(loss, weights), weights)
        for weight, start in zip(weights, trained, strict=True):
            weight.assign_add(decay * (start - weight))
        return tf.nn.softmax(logits)

    if learn:
        optimizer.build(weights)
    before = np.asarray(before[-CONTEXT:]).astype("int32")
    read(tf.constant(before[:-1]))
    whole = np.concatenate([before[-1:], ids]).astype("int32")
    for start in range(0, len(ids), CHUNK):
        text = tf.constant(whole[start : start + CHUNK + 1])
        yield (read_and_learn(text[:-1], text[1:]) if learn else read(text[:-1])).numpy()


def bits_of_stream(model, ids, before) -> np.ndarray:
    """Bits for each of `ids` (length,), which follow on the text `before`: an array (length,)."""
    starts = range(0, len(ids), CHUNK)
    chunks = zip(starts, read_stream(model, ids, before), strict=True)
    return -np.log2(np.concatenate([p[np.arange(len(p)), ids[start : start + CHUNK]] for start, p in chunks]))


class Interpolation:
    """A mean of the distributions of several experts, weighted by how well they have done so far."""

    def __init__(self, experts: int):
        self.weights = np.full(experts, 1 / experts)

    def mix(self, given) -> np.ndarray:
        """Args: given (experts, length), the probability that each gave the character that came. Returns (length,)."""
        mixed = []
        for probabilities in np.transpose(given):
            mixed.append(self.weights @ probabilities)
            after = self.weights * probabilities / mixed[-1]
            self.weights = (1 - SHARED_WEIGHT) * after + SHARED_WEIGHT / len(after)
        return np.array(mixed)
