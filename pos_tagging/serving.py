"""A tagger for common/export.py: sentences in, tags and their probabilities out, all of it TensorFlow.

The same as features.py, with TensorFlow's strings, so that it can be saved with the model.
"""

import sys

import tensorflow as tf

import pos_tagging.model  # noqa: F401 - registers the layers
from common.export import Exportable, load_with_keras_layers, lookup_table
from pos_tagging.features import BEGINNINGS, ENDINGS, LETTERS, UNKNOWN_ID, feature_names


def make_exportable(run):
    """What pos_tagging/export.py exports: the model of a run."""
    model, vocabularies = load_with_keras_layers(run / "model.keras", "word", "tags")
    tables = {name: lookup_table(vocabulary, UNKNOWN_ID) for name, vocabulary in vocabularies.items()}
    kinds, tags = kinds_of_characters(), tf.constant(vocabularies["tags"].tokens)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "sentence")])
    def serve(sentence):
        words = split_words(sentence)
        logits = model(encode(words, feature_names(vocabularies), tables, kinds))  # (batch, time, tags)
        real = tf.sequence_mask(words.row_lengths(), tf.shape(logits)[1])
        return {
            "tags": tf.where(real, tf.gather(tags, tf.argmax(logits, axis=-1)), ""),
            "probabilities": tf.where(real, tf.reduce_max(tf.nn.softmax(logits), axis=-1), 0),
        }

    def network(ids):
        return {"probabilities": tf.nn.softmax(model(ids))}

    inputs = [tf.TensorSpec([None, None, model.input_shape[-1]], tf.int32, "ids")]
    endpoints = {"serving_default": serve}
    return Exportable(endpoints, network, inputs, [model], [*tables.values(), kinds], vocabularies)


def split_words(sentences):
    """`str.split`: strings (batch,) -> ragged strings (batch, words). TensorFlow's own knows ASCII's spaces only."""
    return tf.strings.split(tf.strings.regex_replace(sentences, r"[\t-\r\x1c-\x1f\x{85}\pZ]", " "))


def kinds_of_characters():
    """A table: X for upper-case characters, x for lower-case ones, d for digits."""
    kinds = {}
    for character in map(chr, range(sys.maxunicode + 1)):
        if character.isupper() or character.islower() or character.isdigit():
            kinds[character] = "X" if character.isupper() else "x" if character.islower() else "d"
    pairs = tf.lookup.KeyValueTensorInitializer(list(kinds), list(kinds.values()))
    return tf.lookup.StaticHashTable(pairs, default_value="")


def encode(words, names, tables, kinds):
    """What `encode_words` does: ragged strings (batch, words) -> ids of features (batch, time, features)."""
    characters = tf.strings.unicode_split(words.flat_values, "UTF-8")  # ragged (all words, characters)
    lower = tf.strings.lower(words.flat_values, encoding="utf-8")
    lower_characters = tf.strings.unicode_split(lower, "UTF-8")
    parts = [lower_characters[:, -n:] for n in ENDINGS] + [lower_characters[:, :n] for n in BEGINNINGS]
    seen = [lower, *(tf.strings.reduce_join(part, axis=1) for part in parts), shapes(characters, kinds)]
    columns = [tables[name].lookup(column)[:, None] for name, column in zip(names, seen)]  # noqa: B905 - names may be fewer
    if "letters" in tables:
        half = LETTERS // 2
        short = tf.concat([characters[:, :half], characters[:, half:][:, -half:]], axis=1)
        columns.append(tables["letters"].lookup(short.to_tensor(shape=(None, LETTERS))))  # "" is `PADDING`: 0
    ids = words.with_flat_values(tf.concat(columns, axis=1)).to_tensor()
    return tf.pad(ids, [[0, 0], [0, 1], [0, 0]])  # one padded step: the network needs one even if there are no words


def shapes(characters, kinds):
    """The shapes of words, runs as one (McDonald -> XxXx): ragged (words, characters) -> strings (words,)."""
    characters = characters.to_tensor()
    kind = kinds.lookup(characters)
    kind = tf.where(kind == "", characters, kind)
    new = tf.concat([tf.ones_like(kind[:, :1], tf.bool), kind[:, 1:] != kind[:, :-1]], axis=1)
    return tf.strings.reduce_join(tf.where(new, kind, ""), axis=1)
