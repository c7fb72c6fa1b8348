import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from common.data import deduplicate, folds, parse_opinions
from common.padding import pad
from common.sample import opinions
from sentiment import baselines
from sentiment.baselines import (
    LINEAR,
    LogCountRatios,
    build_cnn,
    build_lstm,
    make_linear,
    make_word_encoder,
    strongest_linear,
    train_and_predict,
)
from sentiment.compare import MODELS
from sentiment.train import Hyperparameters

ROWS = deduplicate(parse_opinions(opinions(400), "sample")[0])
TINY = Hyperparameters(embedding_size=5, hidden_size=6, epochs=1)


def test_words_are_encoded_without_case_and_punctuation():
    encode = make_word_encoder(["It, it; it! I I like", "like"], replace(TINY, minimum_count=2, vocabulary_size=4))
    assert encode("I -- LIKE it, mostly!").tolist() == [3, 1, 2, 1]  # "like" comes third, and there is room for two


@pytest.mark.parametrize("build", [build_lstm, build_cnn])
def test_padding_does_not_change_what_the_models_say(build):
    model = build(TINY, 20)
    generator = np.random.default_rng(1)
    model.set_weights([generator.normal(0, 0.7, weight.shape) for weight in model.get_weights()])
    sentences = [np.arange(1, 1 + length) for length in (9, 1, 4)]
    one_by_one = np.concatenate([model(sentence[None]) for sentence in sentences])
    assert np.allclose(model(pad(sentences)), one_by_one, atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_every_model_gives_a_probability_for_each_sentence(name):
    probabilities = train_and_predict(name, TINY, ROWS[:100], [sentence for _, sentence in ROWS[100:130]])
    assert probabilities.shape == (30,)
    assert ((probabilities >= 0) & (probabilities <= 1)).all()


@pytest.mark.parametrize("name", ["naive Bayes", *LINEAR])
def test_a_positive_word_makes_the_sentence_positive(name):
    rows = [(1, "a good film"), (0, "a bad film"), (1, "good"), (0, "bad")]
    good, bad = train_and_predict(name, TINY, rows, ["good book", "bad book"])
    assert good > 0.5 > bad


def test_the_log_count_ratios_by_hand():
    ngrams = csr_matrix([[1, 0, 1], [0, 1, 0], [1, 1, 0], [1, 0, 0], [0, 1, 0]])
    weighted = LogCountRatios().fit(ngrams, [1, 0, 0, 1, 1]).transform(ngrams[[0, 1]]).toarray()
    # Positive are rows 0, 3 and 4: counts 2, 1, 1. Negative are rows 1 and 2: counts 1, 2, 0.
    ratios = [math.log((3 / 7) / (2 / 6)), math.log((2 / 7) / (3 / 6)), math.log((2 / 7) / (1 / 6))]
    assert np.allclose(weighted, [[ratios[0], 0, ratios[2]], [0, ratios[1], 0]])


def test_the_features_are_one_to_three_words_and_one_to_five_characters():
    rows = {"good old tea": 1, "bad": 0}
    features = {name: make_linear(name).fit(list(rows), list(rows.values()))[:-1] for name in LINEAR}
    assert features["NB-SVM"][0][0].get_feature_names_out().tolist() == [
        *("bad", "good", "good old", "good old tea", "old", "old tea", "tea")
    ]
    strings = {text[start : start + size] for text in rows for size in range(1, 6) for start in range(len(text))}
    assert set(features["character SVM"].get_feature_names_out()) == strings
    words = len(features["SVM"].get_feature_names_out())
    assert len(features["word + character SVM"].get_feature_names_out()) == words + len(strings)


def test_the_characters_of_a_sentence_count_by_the_logarithm_of_their_number():
    weights = make_linear("character SVM")[0].fit_transform(["aaaa b", "c"])[0].toarray()[0]
    names = make_linear("character SVM")[0].fit(["aaaa b", "c"]).vocabulary_
    assert weights[names["a"]] / weights[names["b"]] == pytest.approx(1 + math.log(4))


def test_the_strongest_linear_model_is_chosen_without_the_test_parts(monkeypatch):
    """Models that do not learn; the third is right most often. Nothing that one fold sees is in its test part."""
    labels, sentences = np.array([0, 1] * 20), np.array([f"sentence {number}" for number in range(40)], dtype=object)
    seen = []

    class Model:
        def __init__(self, name):
            self.accuracy = [0.5, 0.7, 0.9, 0.8, 0.6][LINEAR.index(name)]

        def fit(self, inputs, targets):
            seen.append(set(inputs))
            assert list(targets) == [labels[list(sentences).index(each)] for each in inputs]
            return self

        def score(self, inputs, targets):
            assert seen[-1].isdisjoint(inputs)
            seen[-1] |= set(inputs)
            return self.accuracy

    monkeypatch.setattr(baselines, "make_linear", Model)
    assert strongest_linear(labels, sentences) == LINEAR[2]
    for number, (training, test) in enumerate(folds(labels.tolist())):
        for each in seen[number::5]:
            assert each == set(sentences[training]) and each.isdisjoint(sentences[test])
