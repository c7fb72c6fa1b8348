"""What came next when the network was in a similar state: a memory of all that it has read.

The state of the recurrent layer is what the network makes of the text so far. If it was in almost the same state
before, what came next then is a good guess for what comes next now. So all states are kept, each with the character
that followed. To predict, the nearest of them are looked up, and their characters vote. A vote counts the less, the
more its state differs from the state now, and the older it is (the age is counted in characters):

    weight of a state  is proportional to  exp(-distance / temperature) / age^FORGETTING

This is softmax attention: the state now is the query, the states before are the keys, the characters that followed are
the values. Nothing in it is trained. A network needs many small steps to learn a new word; here once is enough.

The network stays as it was trained, without dynamic evaluation: otherwise its old states would mean something else.

References: Grave, Joulin & Usunier 2017, Improving neural language models with a continuous cache. Khandelwal, Levy,
Jurafsky, Zettlemoyer & Lewis 2020, Generalization through memorization: nearest neighbor language models. Anderson &
Schooler 1991, Reflections of the environment in memory (why a power of the age).
"""

import numpy as np
import tensorflow as tf

from chargen.scoring import CHUNK, mean_of, read_stream

NEIGHBOURS = 500
TEMPERATURE = 0.08  # as a share of the spread of the states: the root of the units' variances, summed
FORGETTING = 0.7
UNIFORM = 0.02  # share of the uniform distribution: something may come that never came before
MEMORY = 150_000  # states, the newest ones
BLOCK = 10 * CHUNK  # characters that are predicted side by side
ROWS, WARM_UP = 16, 500  # parts of the text that are read side by side, each from so many characters before it on


def states_of(model, ids) -> np.ndarray:
    """What the recurrent layer of a `CharacterModel` gives after each of `ids` (length,): an array (length, hidden)."""
    length = -(-len(ids) // ROWS)
    places = length * np.arange(ROWS)[:, None] + np.arange(-WARM_UP, length)
    rows = ids[places.clip(0, len(ids) - 1)]
    read = tf.function(lambda rows, states: model.recurrent(model.embedding(rows), initial_state=states))
    states = model.recurrent.get_initial_state(ROWS)
    outputs, *_ = read(tf.constant(rows), states)
    return outputs.numpy()[:, WARM_UP:].reshape(ROWS * length, -1)[: len(ids)]


def read_neighbours(model, ids, before, only_read=0):
    """The distribution of each of `ids` (length,), which follow on the text `before`, by what followed similar states.

    More than `MEMORY` ids are read in parts of so many, so that memory does not grow with the text.

    Args:
        model: a `CharacterModel`. It stays as it is.
        only_read: so many characters at the end of `before` (the validation part) lead to the states that come after
            them, but are not remembered.

    Yields:
        Arrays (CHUNK or fewer, vocabulary), as `scoring.read_stream` does.
    """
    known, read = np.split(np.asarray(before), [len(before) - only_read])
    known, read, ids, later = known[-MEMORY:], read[-MEMORY:], ids[:MEMORY], ids[MEMORY:]
    text = np.concatenate([known, read, ids]).astype("int32")
    start, only_read = len(known) + len(read), len(read)
    states = states_of(model, text[:-1])  # number i comes before text[i + 1]
    places = np.delete(np.arange(len(states)), slice(start - 1 - only_read, start - 1))
    keys, values = tf.constant(states[places]), text[places + 1]
    lengths = tf.reduce_sum(keys**2, axis=1)  # squared
    temperature = TEMPERATURE * np.sqrt(states[:start].var(axis=0).sum())
    queries, size = states[start - 1 :].copy(), model.config["vocabulary_size"]
    del states  # they take memory, and are in `keys`

    @tf.function(reduce_retracing=True)
    def nearest(queries, now, keys, lengths, places):
        """Distances and indices (queries, neighbours) of the keys that are nearest, the nearest first."""
        squares = tf.reduce_sum(queries**2, axis=1, keepdims=True) + lengths
        squares -= 2 * tf.matmul(queries, keys, transpose_b=True)
        squares = tf.where(places < now[:, None], squares, np.inf)  # what follows on later states isn't known yet
        found, indices = tf.math.top_k(-squares, tf.minimum(NEIGHBOURS, tf.shape(keys)[0]))
        return tf.sqrt(tf.maximum(-found, 0)), indices

    for first in range(0, len(ids), BLOCK):
        now = start - 1 + np.arange(first, min(first + BLOCK, len(ids)))
        end = np.searchsorted(places, now[-1])
        memory = slice(max(0, end - MEMORY), end)
        block = tf.constant(queries[first : first + BLOCK])
        found = nearest(block, tf.constant(now), keys[memory], lengths[memory], tf.constant(places[memory]))
        distances, indices = (array.numpy() for array in found)
        ages = np.maximum(now[:, None] - places[memory][indices], 1)
        weights = np.exp((distances[:, :1] - distances) / temperature) / ages**FORGETTING
        votes = np.zeros((len(now), size))
        np.add.at(votes, (np.arange(len(now))[:, None], values[memory][indices]), weights)
        distributions = (1 - UNIFORM) * votes / votes.sum(axis=1, keepdims=True) + UNIFORM / size
        yield from np.split(distributions, range(CHUNK, len(now), CHUNK))
    if len(later):
        yield from read_neighbours(model, later, ids)


def network_streams(models, ids, before, only_read) -> dict:
    """For `mixing.adaptive_bits`: what the networks say of `ids`, by dynamic evaluation and by their neighbours. Of
    several models it is the mean of their probabilities. Args: as `read_neighbours`."""
    return {
        "+ dynamic evaluation": mean_of([read_stream(model, ids, before, learn=True) for model in models]),
        "+ neighbours": mean_of([read_neighbours(model, ids, before, only_read) for model in models]),
    }
