"""The network that reads a sentence: a deep part, and a wide part beside it.

    ids (batch, time, subwords)
        -> SubwordEmbedding: words (batch, time, embedding)
    words -> bidirectional GRU (batch, time, 2 hidden) -> MaskedMaxPooling (batch, 2 hidden)
    words -> BestMatches: a convolution over three words, max pooling (batch, filters)
    both, side by side (batch, 2 hidden + filters) -> Dense: logit (batch, 1)
    ids (batch, time, subwords)
        -> SubwordLogits (batch, 1), added to the logit
    the sum -> Calibration: the same, less sure

A logit above 0 says that the sentence is positive.
"""

import math

import keras
import numpy as np
from keras import Input, Model, layers, ops

from common.fast_rnn import GRU, LSTM, SimpleRNN
from common.prediction import predict_in_batches
from sentiment.subwords import MAX_SUBWORDS

PACKAGE = "rnn_examples"


@keras.saving.register_keras_serializable(package=PACKAGE)
class SubwordEmbedding(layers.Embedding):
    """Ids of subwords (batch, time, subwords), 0 where there is none -> vectors of words (batch, time, output_dim).

    The vector of a word is the sum of the vectors of its subwords over the root of their number, so that long words
    and short ones have about the same length. Padded words have the vector 0; `mask_zero=True` masks them.

    Reference: Bojanowski et al. 2017, Enriching word vectors with subword information.
    """

    def call(self, ids):
        real = ops.cast(ids > 0, self.compute_dtype)[..., None]  # (batch, time, subwords, 1)
        root = ops.sqrt(ops.maximum(ops.sum(real, axis=2), 1))  # (batch, time, 1)
        return ops.sum(super().call(ids) * real, axis=2) / root

    def compute_mask(self, ids, mask=None):
        return ids[..., 0] > 0 if self.mask_zero else None  # (batch, time)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:2], self.output_dim)


@keras.saving.register_keras_serializable(package=PACKAGE)
class SubwordLogits(layers.Layer):
    """Ids of subwords (batch, time, subwords) -> logits (batch, 1): a linear model of the subwords.

    Every subword has a logit, 0 at the start. They are added up as `SubwordEmbedding` does it, over all words.

    Args:
        vocabulary_size: how many subwords there are.
        scale: multiplies the sum, so that these logits learn faster than the rest of the network.

    Reference: Cheng et al. 2016, Wide & deep learning for recommender systems.
    """

    def __init__(self, vocabulary_size: int, scale: float, **kwargs):
        super().__init__(**kwargs)
        self.vocabulary_size, self.scale = vocabulary_size, scale
        self.logits = SubwordEmbedding(vocabulary_size, 1, embeddings_initializer="zeros")

    def build(self, input_shape):
        self.logits.build(input_shape)

    def call(self, ids):
        return self.scale * ops.sum(self.logits(ids), axis=1)  # over time

    def get_config(self):
        return super().get_config() | {"vocabulary_size": self.vocabulary_size, "scale": self.scale}


@keras.saving.register_keras_serializable(package=PACKAGE)
class MaskedMaxPooling(layers.Layer):
    """The largest value of each feature over the real steps: (batch, time, features), masked -> (batch, features)."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs, mask=None):
        if mask is not None:
            inputs = ops.where(mask[..., None], inputs, -math.inf)
        return ops.max(inputs, axis=1)

    def compute_mask(self, inputs, mask=None):
        return None  # there is no time any more


@keras.saving.register_keras_serializable(package=PACKAGE)
class BestMatches(layers.Layer):
    """A convolution over the words, then max pooling: (batch, time, features), masked -> (batch, filters).

    A filter is compared with every three neighbouring words. Its best match in the sentence is kept, or 0 if none is
    above 0.

    Reference: Kim 2014, Convolutional neural networks for sentence classification.
    """

    def __init__(self, filters: int, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.filters = filters
        self.convolution = layers.Conv1D(filters, 3, activation="relu", use_bias=False)

    def build(self, input_shape):
        self.convolution.build(input_shape)

    def call(self, words, mask=None):
        if mask is not None:
            words = words * ops.cast(mask, words.dtype)[..., None]
        words = ops.pad(words, [(0, 0), (2, 2), (0, 0)])  # a filter may match one word alone, at either end
        return ops.max(self.convolution(words), axis=1)  # without a bias, padding gives 0, the least that there is

    def compute_mask(self, words, mask=None):
        return None  # there is no time any more

    def get_config(self):
        return super().get_config() | {"filters": self.filters}


@keras.saving.register_keras_serializable(package=PACKAGE)
class Calibration(layers.Layer):
    """Logits -> logits that are as sure as they may be, by two numbers that training.py sets, on sentences not trained
    on. Until then the logits stay as they are.

    `temperature` divides the logits: it is above 1 where the network is too sure of itself, below 1 where it is not
    sure enough. `wrong` is the share of the labels that are wrong, whatever the sentence says: with a probability of p
    that a sentence is positive, its label is positive with (1 - wrong) p + wrong (1 - p), never more than 1 - wrong.

    Reference: Guo et al. 2017, On calibration of modern neural networks (the temperature).
    """

    def build(self, input_shape):
        self.temperature = self.add_weight(shape=(), initializer="ones", trainable=False, name="temperature")
        self.wrong = self.add_weight(shape=(), initializer="zeros", trainable=False, name="wrong")

    def call(self, logits):
        logits = logits / self.temperature  # log p - log (1 - p)
        wrong = ops.log(self.wrong) - ops.log(1 - self.wrong)  # minus infinity at the start
        return logits + ops.softplus(wrong - logits) - ops.softplus(wrong + logits)


def build_model(hyperparameters, vocabulary_size: int) -> Model:
    """The network, not compiled: ids (batch, time, subwords), 0 where padded -> logits (batch, 1).

    The layer named `sentence` gives the vector of the sentence.
    """
    recurrent = {"simple": SimpleRNN, "lstm": LSTM, "gru": GRU}[hyperparameters.cell]
    size = hyperparameters.embedding_size

    ids = Input((None, MAX_SUBWORDS), dtype="int32")
    words = SubwordEmbedding(vocabulary_size, size, mask_zero=True)(ids)  # (batch, time, embedding)
    words = layers.Dropout(hyperparameters.word_dropout, noise_shape=(None, None, 1))(words)  # of whole words
    words = layers.Dropout(hyperparameters.input_dropout, noise_shape=(None, 1, size))(words)  # the same in all words
    states = layers.Bidirectional(recurrent(hyperparameters.hidden_size, return_sequences=True))(words)
    features = [MaskedMaxPooling()(states)]  # (batch, 2 hidden)
    if hyperparameters.filters:
        features.append(BestMatches(hyperparameters.filters)(words))  # (batch, filters)
    sentence = layers.Concatenate(name="sentence")(features)  # (batch, 2 hidden + filters)
    sentence = layers.Dropout(hyperparameters.dropout)(sentence)
    sentence = layers.Dropout(hyperparameters.sentence_dropout, noise_shape=(None, 1))(sentence)  # all of it or nothing
    deep = layers.Dense(1)(sentence)
    wide = SubwordLogits(vocabulary_size, hyperparameters.subword_logit_scale)(ids)
    return Model(ids, Calibration(name="calibration")(layers.Add()([deep, wide])))


def predict(model: Model, encode, sentences) -> np.ndarray:
    """The probability that each sentence is positive, (sentences,). `encode` turns a sentence into ids."""
    logits = np.concatenate(predict_in_batches(model.predict_on_batch, [encode(sentence) for sentence in sentences]))
    return 1 / (1 + np.exp(-logits.astype("float64")))
