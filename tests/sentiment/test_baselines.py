from dataclasses import replace

import numpy as np
import pytest

from common.data import deduplicate, parse_opinions
from common.padding import pad
from common.sample import opinions
from sentiment.baselines import ZeroMasked, build_cnn, build_lstm, make_word_encoder, train_and_predict
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


def test_masked_steps_are_zeroed():
    inputs = np.arange(1, 13, dtype="float32").reshape(2, 3, 2)
    mask = np.array([[True, True, False], [True, False, False]])
    assert np.array(ZeroMasked()(inputs, mask=mask)).tolist() == [[[1, 2], [3, 4], [0, 0]], [[7, 8], [0, 0], [0, 0]]]


@pytest.mark.parametrize("name", MODELS)
def test_every_model_gives_a_probability_for_each_sentence(name):
    probabilities = train_and_predict(name, TINY, ROWS[:100], [sentence for _, sentence in ROWS[100:130]])
    assert probabilities.shape == (30,)
    assert ((probabilities >= 0) & (probabilities <= 1)).all()


@pytest.mark.parametrize("name", ["naive Bayes", "logistic regression", "SVM"])
def test_a_positive_word_makes_the_sentence_positive(name):
    rows = [(1, "a good film"), (0, "a bad film"), (1, "good"), (0, "bad")]
    good, bad = train_and_predict(name, TINY, rows, ["good book", "bad book"])
    assert good > 0.5 > bad
