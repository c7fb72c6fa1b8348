"""A classifier for common/export.py: sentences in, labels and probabilities out, all of it TensorFlow.

The same as subwords.py, with TensorFlow's strings, so that it can be saved with the model.
"""

import tensorflow as tf

import sentiment.model  # noqa: F401 - registers the layers
from common.export import Exportable, load_with_keras_layers, lookup_table
from sentiment.subwords import LENGTHS, MAX_CHARACTERS, MAX_SUBWORDS


def make_exportable(run):
    """What sentiment/export.py exports: the model of a run."""
    model, vocabularies = load_with_keras_layers(run / "model.keras", "subwords", "labels")
    table, labels = lookup_table(vocabularies["subwords"], 0), tf.constant(vocabularies["labels"].tokens)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "sentence")])
    def serve(sentence):
        words = split_words(sentence)
        logits = model(encode(words, table))[:, 0]
        has_words = words.row_lengths() > 0
        probability = tf.sigmoid(tf.abs(logits))
        return {
            "label": tf.where(has_words, tf.gather(labels, tf.cast(logits >= 0, tf.int32)), ""),
            "probability": tf.where(has_words, probability, float("nan")),
        }

    def network(ids):
        return {"probability": tf.sigmoid(model(ids))[:, 0]}

    inputs = [tf.TensorSpec([None, None, MAX_SUBWORDS], tf.int32, "ids")]
    return Exportable({"serving_default": serve}, network, inputs, [model], [table], vocabularies)


def split_words(sentences):
    """`common.data.normalise`, and split: strings (batch,) -> ragged strings (batch, words)."""
    lower = tf.strings.lower(sentences, encoding="utf-8")
    return tf.strings.split(tf.strings.regex_replace(lower, r"[^\pL\pN_]+", " "))


def encode(words, table):
    """What `make_encoder` does: ragged strings (batch, words) -> ids of subwords (batch, time, MAX_SUBWORDS)."""
    characters = tf.strings.unicode_split(words.flat_values, "UTF-8")[:, :MAX_CHARACTERS]
    whole = tf.strings.join(["<", tf.strings.reduce_join(characters, axis=1), ">"])
    strings = tf.strings.ngrams(tf.strings.unicode_split(whole, "UTF-8"), LENGTHS, separator="")
    ids = table.lookup(tf.concat([whole[:, None], strings], axis=1).to_tensor())  # (all words, strings), 0 if unknown
    first = first_occurrences(ids)
    known = tf.ragged.boolean_mask(ids, first & (ids > 0))[:, :MAX_SUBWORDS].to_tensor(shape=(None, MAX_SUBWORDS))
    known = tf.maximum(known, tf.one_hot(0, MAX_SUBWORDS, dtype=tf.int32))  # 1, `UNKNOWN`, where nothing is known
    ids = words.with_flat_values(known).to_tensor()
    return tf.pad(ids, [[0, 0], [0, 1], [0, 0]])  # one padded step: the network needs one even if there are no words


def first_occurrences(ids):
    """Booleans (words, strings): false where the same id stands further left in the row."""
    order = tf.argsort(ids, stable=True)
    ordered = tf.gather(ids, order, batch_dims=1)
    new = tf.concat([tf.ones_like(ordered[:, :1], tf.bool), ordered[:, 1:] != ordered[:, :-1]], axis=1)
    return tf.gather(new, tf.argsort(order), batch_dims=1)
