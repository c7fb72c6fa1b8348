"""How likely a model finds each character of a text, with and without learning from what it has read."""

import numpy as np
import tensorflow as tf

from chargen.model import build_optimizer

CHUNK = 10  # characters between two steps of dynamic evaluation
LEARNING_RATE, NGRAM_LEARNING_RATE = 0.001, 0.1  # of dynamic evaluation
DECAY = 0.01  # after each step, this share of the way back to the trained weights
CONTEXT = 5000  # characters before a text that the model reads first


def read_stream(model, ids, before, learn=False, rate=LEARNING_RATE, ngram_rate=NGRAM_LEARNING_RATE, decay=DECAY):
    """The model's distribution of each character of `ids` (length,), which follow on the text `before`.

    Args:
        model: a `CharacterModel`. It stays as it is.
        learn: dynamic evaluation: after each chunk a copy of the model learns from it, with the rates and the decay
            that follow.

    Yields:
        Arrays (CHUNK or fewer, vocabulary), so that memory does not grow with the text.
    """
    reader = model.copy(batch_size=1)
    weights, trained = reader.trainable_variables, [tf.identity(weight) for weight in model.trainable_variables]
    optimizer = build_optimizer(reader, rate, ngram_rate)

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


def mean_of(streams):
    """The mean of several distributions, chunk by chunk."""
    return (np.mean(chunks, axis=0) for chunks in zip(*streams, strict=True))


def bits_of(stream, ids) -> np.ndarray:
    """Bits for each of `ids` (length,), whose distributions come in chunks: an array (length,)."""
    bits, start = [], 0
    for distributions in stream:
        chunk = ids[start : start + len(distributions)]
        bits.append(-np.log2(distributions[np.arange(len(chunk)), chunk]))
        start += len(chunk)
    return np.concatenate(bits)
