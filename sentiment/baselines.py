"""The models that the network is compared with: linear ones, and two networks that read whole words.

References: Wang & Manning 2012, Baselines and bigrams: simple, good sentiment and topic classification (NB-SVM). Kim
2014, Convolutional neural networks for sentence classification. Gulli & Pal 2017, Deep Learning with Keras, chapter 6
(the LSTM).
"""

from collections.abc import Callable, Sequence

import numpy as np
from keras import Input, Model, Sequential, layers
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.dummy import DummyClassifier
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import Pipeline, make_pipeline, make_union
from sklearn.svm import LinearSVC

from common.data import normalise
from common.fast_rnn import LSTM
from common.vocabulary import Vocabulary
from sentiment.model import BestMatches, Calibration, build_model, predict
from sentiment.splits import inner_folds
from sentiment.subwords import make_encoder, make_vocabulary
from sentiment.training import fit

LINEAR = "logistic regression", "SVM", "NB-SVM", "character SVM", "word + character SVM"


class LogCountRatios(TransformerMixin, BaseEstimator):
    """Multiplies each n-gram by how much it speaks for the positive label, as naive Bayes counts it: the logarithm of
    its share of the positive sentences' n-grams over its share of the negative ones' (one is added to each count).

    Reference: Wang & Manning 2012, section 2.1, the log-count ratio r.
    """

    def fit(self, ngrams, labels):
        """Learn the ratios from `ngrams`, a sparse matrix (sentences, n-grams) of 0 and 1, and `labels`, 0 or 1."""
        is_positive = np.array(labels) == 1
        positive, negative = (1 + np.asarray(ngrams[rows].sum(axis=0)) for rows in (is_positive, ~is_positive))
        self.ratios_ = np.log(positive / positive.sum()) - np.log(negative / negative.sum())  # (1, n-grams)
        return self

    def transform(self, ngrams):
        """The n-grams (sentences, n-grams), multiplied by their ratios."""
        return ngrams.multiply(self.ratios_).tocsr()


def make_linear(name: str) -> Pipeline:
    """The linear model `name`, one of `LINEAR`, not trained."""
    words = TfidfVectorizer(ngram_range=(1, 2))
    characters = TfidfVectorizer(ngram_range=(1, 5), analyzer="char", sublinear_tf=True)
    if name == "logistic regression":
        return make_pipeline(words, LogisticRegression(C=10))
    features = {
        "SVM": words,
        "NB-SVM": make_pipeline(CountVectorizer(ngram_range=(1, 3), binary=True), LogCountRatios()),
        "character SVM": characters,
        "word + character SVM": make_union(words, characters),
    }
    return make_pipeline(features[name], LinearSVC(max_iter=10_000))


def predict_linear(model: Pipeline, sentences: Sequence[str]) -> np.ndarray:
    """The probability that each sentence is positive, (sentences,), by a trained linear model. Of an SVM it is the
    sigmoid of the distance from the hyperplane: not calibrated, too close to 0.5."""
    if hasattr(model, "predict_proba"):
        return model.predict_proba(sentences)[:, 1]
    return 1 / (1 + np.exp(-model.decision_function(sentences)))


def strongest_linear(labels: np.ndarray, sentences: np.ndarray) -> str:
    """The name of the linear model with the highest accuracy by the inner protocol, which does not look at the test
    parts of the folds."""

    def inner_accuracy(name: str) -> float:
        accuracies = []
        for training, validation in inner_folds(labels.tolist()):
            model = make_linear(name).fit(sentences[training], labels[training])
            accuracies.append(model.score(sentences[validation], labels[validation]))
        return np.mean(accuracies)

    return max(LINEAR, key=inner_accuracy)


def build_lstm(settings, vocabulary_size: int) -> Model:
    """The model of the book: ids of words (batch, time), 0 where padded -> logits (batch, 1)."""
    return Sequential(
        [
            Input((None,), dtype="int32"),
            layers.Embedding(vocabulary_size, settings.embedding_size, mask_zero=True),
            layers.Dropout(settings.input_dropout),
            LSTM(settings.hidden_size),  # the state after the last real word
            layers.Dropout(settings.dropout),
            layers.Dense(1),
            Calibration(name="calibration"),
        ]
    )


def build_cnn(settings, vocabulary_size: int) -> Model:
    """A 1-D convolution over three words at a time: ids of words (batch, time), 0 where padded -> logits (batch, 1)."""
    ids = Input((None,), dtype="int32")
    words = layers.Embedding(vocabulary_size, settings.embedding_size, mask_zero=True)(ids)
    words = layers.Dropout(settings.input_dropout)(words)  # (batch, time, embedding)
    sentence = BestMatches(2 * settings.hidden_size)(words)
    logits = layers.Dense(1)(layers.Dropout(settings.dropout)(sentence))
    return Model(ids, Calibration(name="calibration")(logits))


def make_word_encoder(sentences: Sequence[str], settings) -> Callable[[str], np.ndarray]:
    """The function that turns a sentence into ids of its words (time,). The vocabulary is that of `sentences`."""
    words = (normalise(sentence).split() for sentence in sentences)
    tokens = Vocabulary.of_words(words, settings.minimum_count).tokens
    vocabulary = Vocabulary(tokens[: settings.vocabulary_size])
    return lambda sentence: vocabulary.encode(normalise(sentence).split())


def train_and_predict(name: str, settings, training: Sequence[tuple[int, str]], sentences: Sequence[str]) -> np.ndarray:
    """Train the model `name` of compare.py; return the probability that each of `sentences` is positive.

    Args:
        settings: of the three networks, `Hyperparameters` of train.py.
        training: rows `(label, sentence)`.
    """
    labels, texts = zip(*training, strict=True)
    if name in ("network", "book's LSTM", "CNN"):
        build = {"network": build_model, "book's LSTM": build_lstm, "CNN": build_cnn}[name]
        read_subwords = name == "network"
        encode = make_encoder(make_vocabulary(texts, settings)) if read_subwords else make_word_encoder(texts, settings)
        return predict(fit(build, settings, list(map(encode, texts)), labels), encode, sentences)
    if name in LINEAR:
        model = make_linear(name)
    elif name == "majority":
        model = DummyClassifier()
    else:
        model = make_pipeline(CountVectorizer(ngram_range=(1, 2), binary=True), MultinomialNB())
    return predict_linear(model.fit(texts, labels), sentences)
