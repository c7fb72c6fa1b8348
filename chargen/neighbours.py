"""What came next when the network was in a similar state: a memory of all that it has read.

The state of the recurrent layer is what the network makes of the text so far. If it was in almost the same state
before, what came next then is a good guess for what comes next now. So all states are kept, each with the character
that followed. To predict, these characters vote. The vote of a state counts the less, the more it differs from the
state now, and the older it is (the age is counted in characters):

    weight of a state  is proportional to  exp(-distance^2 / TEMPERATURE) / age^FORGETTING

This is softmax attention: the state now is the query, the states before are the keys, the characters that followed are
the values. Nothing in it is trained. A network needs many small steps to learn a new word; here once is enough.

The network stays as it was trained, without dynamic evaluation: otherwise its old states would mean something else.

References: Grave, Joulin & Usunier 2017, Improving neural language models with a continuous cache. Khandelwal, Levy,
Jurafsky, Zettlemoyer & Lewis 2020, Generalization through memorization: nearest neighbor language models. Anderson &
Schooler 1991, Reflections of the environment in memory (why a power of the age).
"""

import numpy as np
import tensorflow as tf

from chargen.scoring import CHUNK

TEMPERATURE = 0.07  # as a share of the states' variance, summed over the units
FORGETTING = 0.7
UNIFORM = 0.02  # share of the uniform distribution: something may come that never came before
MEMORY = 150_000  # states, the newest ones
BLOCK = 10 * CHUNK  # characters that are predicted side by side
ROWS, WARM_UP = 16, 500  # parts of the text that are read side by side; each begins so many characters early


def states_of(model, ids) -> np.ndarray:
    """The state of the recurrent layer of a `CharacterModel` after each of `ids` (length,): an array (length, hidden)."""
    length = -(-len(ids) // ROWS)
    places = length * np.arange(ROWS)[:, None] + np.arange(-WARM_UP, length)
    rows = np.asarray(ids)[places.clip(0, len(ids) - 1)].astype("int32")
    read = tf.function(lambda rows, states: model.recurrent(model.embedding(rows), initial_state=states))
    states = model.recurrent.get_initial_state(ROWS)
    outputs, *_ = read(tf.constant(rows), states)
    return outputs.numpy()[:, WARM_UP:].reshape(ROWS * length, -1)[: len(ids)]


def read_neighbours(model, ids, before, only_read=0):
    """The distribution of each of `ids` (length,), which follow on the text `before`, by the states most like the one
    before it.

    Args:
        model: a `CharacterModel`. It stays as it is.
        only_read: so many characters at the end of `before` are read, but what followed on their states isn't known:
            the validation part.

    Yields:
        Arrays (CHUNK or fewer, vocabulary), as `scoring.read_stream` does.
    """
    before = np.asarray(before)[-MEMORY:]
    text, start = np.concatenate([before, ids]), len(before)
    states = states_of(model, text[:-1])  # that number i is the one before text[i + 1]
    temperature = TEMPERATURE * states.var(axis=0).sum()
    known = np.ones(len(states), bool)
    known[max(0, start - only_read - 1) : start - 1] = False
    bias = np.where(known, -np.square(states).sum(axis=1) / temperature, -np.inf).astype("float32")
    size = model.config["vocabulary_size"]

    @tf.function(reduce_retracing=True)
    def answer(queries, keys, bias, ages, values):
        logits = 2 / temperature * tf.matmul(queries, keys, transpose_b=True) + bias
        logits -= FORGETTING * tf.math.log(tf.cast(tf.maximum(ages, 1), tf.float32))
        weights = tf.nn.softmax(tf.where(ages > 0, logits, -np.inf))
        votes = tf.transpose(tf.math.unsorted_segment_sum(tf.transpose(weights), values, size))
        return (1 - UNIFORM) * votes + UNIFORM / size

    for first in range(start - 1, len(states), BLOCK):
        last = min(first + BLOCK, len(states))
        memory = slice(max(0, last - MEMORY), last)
        ages = np.arange(first, last)[:, None] - np.arange(memory.start, last)
        distributions = answer(states[first:last], states[memory], bias[memory], ages.astype("int32"), text[1:][memory])
        yield from np.split(distributions.numpy(), range(CHUNK, last - first, CHUNK))
