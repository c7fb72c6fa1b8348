from dataclasses import replace

import keras
import numpy as np
import pytest

from common.data import deduplicate, fold, parse_opinions
from common.padding import pad
from common.sample import opinions
from common.text import Vocabulary
from common.workers import Workers
from sentiment.eval import leaking_split, predict
from sentiment.train import Hyperparameters, build_model, encode, train_on

TINY = Hyperparameters(embedding_size=5, hidden_size=6, dropout=0.0, epochs=1)


def with_random_weights(model):
    generator = np.random.default_rng(1)
    model.set_weights([generator.normal(0, 0.7, weight.shape) for weight in model.get_weights()])
    return model


def test_encode_ignores_case_and_punctuation():
    vocabulary = Vocabulary(["", "[UNK]", "i", "like", "it"])
    assert encode("I -- LIKE it, mostly!", vocabulary).tolist() == [2, 3, 4, 1]


@pytest.mark.parametrize("cell", ["simple", "lstm", "gru"])
def test_padding_does_not_change_what_the_model_says(cell):
    model = with_random_weights(build_model(replace(TINY, cell=cell), 20))
    sentences = [np.arange(1, 1 + length) for length in (9, 1, 4)]
    one_by_one = np.concatenate([model(sentence[None]) for sentence in sentences])
    assert np.allclose(model(pad(sentences)), one_by_one, atol=1e-5)


def test_loss_falls_in_a_few_steps():
    keras.utils.set_random_seed(0)
    model = build_model(TINY, 20)
    model.compile(keras.optimizers.Adam(0.02), keras.losses.BinaryCrossentropy(from_logits=True))
    inputs, labels = pad([np.arange(1, 8), np.arange(8, 19)]), np.array([[0.0], [1.0]])
    losses = model.fit(inputs, labels, batch_size=2, epochs=15, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]


def test_predictions_are_probabilities_in_order_of_the_sentences(tmp_path):
    rows = deduplicate(parse_opinions(opinions(400), "sample"))
    train_on(rows, replace(TINY, epochs=1), tmp_path, "model", Workers())
    sentences = [sentence for _, sentence in rows[:40]]
    together = predict(tmp_path / "model.keras", sentences)
    assert ((together > 0) & (together < 1)).all()
    alone = np.concatenate([predict(tmp_path / "model.keras", [sentence]) for sentence in sentences[:3]])
    assert np.allclose(together[:3], alone, atol=1e-5)


def test_the_leaking_split_leaks_as_the_classic_one_does():
    training, test = leaking_split(parse_opinions(opinions(), "sample"), seed=0)
    seen = {fold(sentence) for _, sentence in training}
    assert np.mean([fold(sentence) in seen for _, sentence in test]) > 0.4
