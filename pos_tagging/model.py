"""The network: it reads a sentence from both sides, and says for every word how likely each tag is.

    ids of features (batch, time, features) -> embeddings, side by side (batch, time, sum of sizes)
                                            -> first LSTM, both ways (batch, time, 2 * hidden)
                                            -> second one, added to the first -> logits (batch, time, tags)

The features of a word are the word itself, its endings and beginnings, its shape, and its letters (features.py). A
convolution reads the letters: it finds patterns that nobody has listed. The second layer reads the sentence again, now
that the first has said of each word what it is among its neighbours.

References: Graves & Schmidhuber 2005, Framewise phoneme classification with bidirectional LSTM. Ma & Hovy 2016,
End-to-end sequence labeling via bi-directional LSTM-CNNs-CRF (the character CNN). He et al. 2016, Deep residual
learning for image recognition (a layer that adds to the one below). Kiperwasser & Goldberg 2016, Simple and accurate
dependency parsing using bidirectional LSTM feature representations (words that are now and then unknown in training).
Liang et al. 2021, R-Drop: regularized dropout for neural networks (two passes that should agree).
"""

import keras
import numpy as np
from keras import layers, ops

from common import fast_rnn
from common.metrics import MaskedAccuracy, masked_crossentropy
from common.padding import PADDED
from pos_tagging.features import LETTERS, UNKNOWN_ID, feature_names

CELLS = {"simple": fast_rnn.SimpleRNN, "lstm": fast_rnn.LSTM, "gru": fast_rnn.GRU}


@keras.saving.register_keras_serializable(package="rnn_examples")
class CharacterCNN(layers.Layer):
    """A convolution over the letters of each word: ids (batch, time, letters) -> (batch, time, filters).

    Each filter looks at three letters in a row; what counts is its best match, wherever in the word that is.

    Args:
        vocabulary_size: number of different letters.
        letter_size: numbers that stand for a letter.
        filters: number of filters.
    """

    def __init__(self, vocabulary_size, letter_size, filters, **options):
        super().__init__(**options)
        self.config = {"vocabulary_size": vocabulary_size, "letter_size": letter_size, "filters": filters}
        self.embedding = layers.Embedding(vocabulary_size, letter_size)
        self.filters = layers.Dense(filters)

    def build(self, shape):
        self.embedding.build(shape)
        self.filters.build((*shape, 3 * self.config["letter_size"]))

    def call(self, ids):
        letters = self.embedding(ids)  # (batch, time, letters, letter_size)
        padded = ops.pad(letters, ((0, 0), (0, 0), (1, 1), (0, 0)))  # a zero before the first and after the last
        threes = ops.concatenate([padded[:, :, :-2], letters, padded[:, :, 2:]], axis=-1)  # each with its neighbours
        matches = self.filters(threes)  # (batch, time, letters, filters)
        return ops.tanh(ops.max(matches, axis=2))

    def get_config(self):
        return {**super().get_config(), **self.config}


@keras.saving.register_keras_serializable(package="rnn_examples")
class FeatureDropout(layers.Layer):
    """Put the vectors of a word's features side by side; in training, some of them are zero as a whole.

    So the network learns to tag a word that it does not know, by the other features and the context.

    Args:
        rate: share of the features that is dropped in training.
    """

    def __init__(self, rate, **options):
        super().__init__(**options)
        self.drop = layers.Dropout(rate, noise_shape=(None, None, 1))  # a whole vector or nothing

    def call(self, features, training=False):
        """Args: features, a list of arrays (batch, time, size). Returns (batch, time, sum of sizes)."""
        return ops.concatenate([self.drop(each, training=training) for each in features], axis=-1)

    def get_config(self):
        return {**super().get_config(), "rate": self.drop.rate}


@keras.saving.register_keras_serializable(package="rnn_examples")
class RareWordDropout(layers.Layer):
    """In training, rare words are now and then unknown: ids (batch, time) -> ids (batch, time).

    So the vector of the unknown word is learned from rare words, which are most like it, and they have theirs, too.

    Args:
        rate: a word that occurs n times in training becomes `UNKNOWN_ID` in a share of `rate / n`.
        counts: how often each id occurs in training.
    """

    def __init__(self, rate, counts, **options):
        super().__init__(**options)
        self.rate, self.counts = rate, list(counts)
        self.seed_generator = keras.random.SeedGenerator()

    def call(self, ids, training=False):
        if not training:
            return ids
        share = self.rate / np.maximum(self.counts, 1)
        draws = keras.random.uniform(ops.shape(ids), seed=self.seed_generator)
        return ops.where(draws < ops.take(share.astype("float32"), ids), UNKNOWN_ID, ids)

    def get_config(self):
        return {**super().get_config(), "rate": self.rate, "counts": self.counts}


def recurrent_layer(hyperparameters, return_sequences=True):
    """The recurrent layer that the flags ask for: `hidden_size` units, twice that if it reads from both sides."""
    layer = CELLS[hyperparameters.cell](hyperparameters.hidden_size, return_sequences=return_sequences)
    return layers.Bidirectional(layer) if hyperparameters.bidirectional else layer


def build_model(hyperparameters, vocabularies):
    """The model, not compiled: ids of features (batch, time, features), 0 if padded -> logits (batch, time, tags)."""
    names = feature_names(vocabularies)
    ids = keras.Input((None, len(names) + (LETTERS if "letters" in vocabularies else 0)), dtype="int32")
    mask = ids[:, :, 0] > 0  # (batch, time): false where padded

    feature_dropout = FeatureDropout(hyperparameters.feature_dropout)
    features = []
    for place, name in enumerate(names):
        size = hyperparameters.embedding_size if name == "word" else hyperparameters.feature_size
        column = ids[:, :, place]
        if name == "word" and hyperparameters.rare_word_dropout:
            column = RareWordDropout(hyperparameters.rare_word_dropout, vocabularies[name].counts)(column)
        features.append(layers.Embedding(len(vocabularies[name]), size)(column))
    if "letters" in vocabularies:
        cnn = CharacterCNN(len(vocabularies["letters"]), hyperparameters.letter_size, hyperparameters.filters)
        features.append(cnn(ids[:, :, len(names) :]))
    words = feature_dropout(features)  # (batch, time, sum of sizes)

    words = layers.Dropout(hyperparameters.dropout)(words)
    hidden = recurrent_layer(hyperparameters)(words, mask=mask)  # (batch, time, 2 * hidden)
    for _ in range(hyperparameters.layers - 1):
        below = layers.Dropout(hyperparameters.dropout)(hidden)
        hidden = below + recurrent_layer(hyperparameters)(below, mask=mask)
    hidden = layers.Dropout(hyperparameters.dropout)(hidden)
    return keras.Model(ids, layers.Dense(len(vocabularies["tags"]))(hidden))


def agreeing_crossentropy(weight):
    """The loss of a batch that holds every sentence twice, first all of them, then all again (`twice` in train.py).

    It is the masked cross-entropy, and `weight` times the mean of the Kullback-Leibler divergences, both ways, between
    the first and the second answer to each real word. Without dropout the answers are the same, and so is the loss.
    """
    crossentropy = masked_crossentropy()

    def loss(targets, logits):  # (2 * batch, time), (2 * batch, time, tags)
        first, second = ops.split(ops.log_softmax(logits), 2)  # log-probabilities, (batch, time, tags) each
        divergences = ops.sum((ops.exp(first) - ops.exp(second)) * (first - second), axis=-1) / 2  # (batch, time)
        real = ops.cast(ops.split(targets, 2)[0] != PADDED, divergences.dtype)
        divergence = ops.divide_no_nan(ops.sum(divergences * real), ops.sum(real))
        return crossentropy(targets, logits) + weight * divergence

    return loss


def compile_model(model, hyperparameters, steps):
    """Compile for `steps` steps of training in all; the learning rate falls to 0 along half a cosine."""
    rate = keras.optimizers.schedules.CosineDecay(hyperparameters.learning_rate, steps)
    weight = hyperparameters.agreement
    loss = agreeing_crossentropy(weight) if weight else masked_crossentropy()
    model.compile(keras.optimizers.Adam(rate), loss, metrics=[MaskedAccuracy()], jit_compile=False)
