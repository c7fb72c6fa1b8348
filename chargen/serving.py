"""A writer for common/export.py: prompts in, text out, all of it TensorFlow.

An ensemble writes with the mean of its members' probabilities.
"""

from functools import partial

import tensorflow as tf

from chargen.model import CharacterModel  # noqa: F401 - registers the layers
from chargen.writer import Writer
from common.export import Exportable, load_with_keras_layers, lookup_table


def search(known, keys):
    """`tf.searchsorted` for keys that are known, in operations that ONNX and LiteRT have: compare with every one."""
    return tf.argmax(tf.cast(known == keys[:, None], tf.int32), axis=1, output_type=tf.int32)


class Ensemble:
    """Several models that write together: `step` gives the logarithm of the mean of their probabilities."""

    def __init__(self, members):
        self.members = members

    def initial_states(self, batch_size):
        return [state for member in self.members for state in member.initial_states(batch_size)]

    def step(self, ids, states):
        probabilities, after, each = 0.0, [], len(states) // len(self.members)
        for number, member in enumerate(self.members):
            logits, new = member.step(ids, states[number * each : (number + 1) * each])
            probabilities, after = probabilities + tf.nn.softmax(logits), [*after, *new]
        return tf.math.log(probabilities / len(self.members)), after


def make_exportable(run):
    """What chargen/export.py exports: the model of a run, or all members of its ensemble."""
    paths = sorted(run.glob("member-*.keras")) or [run / "model.keras"]
    members, vocabularies = zip(*(load_with_keras_layers(path, "characters") for path in paths), strict=True)
    vocabulary = vocabularies[0]["characters"]
    model = members[0] if len(members) == 1 else Ensemble(members)
    unknown = -1 if vocabulary.unknown is None else vocabulary.unknown
    table, tokens = lookup_table(vocabulary, unknown), tf.constant(vocabulary.tokens)
    write = Writer(model, vocabulary).continue_ids
    prompts = tf.TensorSpec([None], tf.string, "prompt")

    def read(prompt):
        """The logits (batch, vocabulary) and the states after the prompts (batch,)."""
        characters = tf.strings.unicode_split(tf.strings.lower(prompt, encoding="utf-8"), "UTF-8")
        lengths, ids = characters.row_lengths(), table.lookup(characters.to_tensor(vocabulary.tokens[0]))
        tf.debugging.assert_positive(lengths, "a prompt is empty; give at least one character to continue")
        tf.debugging.assert_non_negative(ids, "the model does not know a character of the prompt")
        logits, states = tf.zeros((len(prompt), len(vocabulary))), model.initial_states(tf.shape(prompt)[0])
        for position in tf.range(tf.shape(ids)[1]):
            real = tf.cast(position, tf.int64) < lengths[:, None]  # (batch, 1): the prompt is not over yet
            after = model.step(ids[:, position], states)
            logits, states = tf.nest.map_structure(partial(tf.where, real), after, (logits, states))
        return logits, states

    @tf.function(
        input_signature=[
            prompts,
            tf.TensorSpec([], tf.int32, "length"),
            tf.TensorSpec([], tf.float32, "temperature"),
            tf.TensorSpec([], tf.int32, "seed"),
        ]
    )
    def serve(prompt, length, temperature, seed):
        ids, _, _ = write(*read(prompt), 0, length, seed, temperature, None)
        return {"text": tf.strings.reduce_join(tf.gather(tokens, ids), axis=1)}

    @tf.function(input_signature=[prompts])
    def next_character(prompt):
        logits, _ = read(prompt)
        return {"characters": tokens, "probabilities": tf.nn.softmax(logits)}

    def network(ids, *states):
        """One step, with all states given and returned."""
        for member in members:
            if member.ngram_logits:
                member.ngram_logits.search = search
        logits, after = model.step(ids, list(states))
        return {"logits": logits, **{f"new_state_{number}": state for number, state in enumerate(after)}}

    endpoints = {"serving_default": serve, "next_character": next_character}
    inputs = [tf.TensorSpec([None], tf.int32, "ids")]
    for number, state in enumerate(model.initial_states(1)):
        inputs.append(tf.TensorSpec([None, state.shape[1]], state.dtype, f"state_{number}"))
    return Exportable(endpoints, network, inputs, members, [table], vocabularies[0])
