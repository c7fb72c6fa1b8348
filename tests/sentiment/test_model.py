"""The layers of model.py and the network, against NumPy."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from common.padding import pad
from sentiment.model import (
    BestMatches,
    Calibration,
    MaskedMaxPooling,
    SubwordEmbedding,
    SubwordLogits,
    build_model,
    predict,
)
from sentiment.subwords import MAX_SUBWORDS
from sentiment.train import Hyperparameters

TINY = Hyperparameters(embedding_size=5, hidden_size=6, filters=4, word_dropout=0.0, input_dropout=0.0, dropout=0.0)


def with_random_weights(model):
    generator = np.random.default_rng(1)
    model.set_weights([generator.normal(0, 0.7, weight.shape) for weight in model.get_weights()])
    if isinstance(model.layers[-1], Calibration):
        model.layers[-1].set_weights(np.array([1.3, 0.1]))
    return model


def test_the_vector_of_a_word_is_the_sum_of_its_subwords_over_the_root_of_their_number():
    layer = SubwordEmbedding(20, 5)
    ids = np.zeros((1, 3, MAX_SUBWORDS), dtype="int32")  # the third word is padding
    ids[0, 0, :3], ids[0, 1, :1] = [3, 4, 5], [6]
    words = layer(ids)
    table = layer.get_weights()[0]
    assert np.allclose(words, [[table[[3, 4, 5]].sum(axis=0) / np.sqrt(3), table[6], np.zeros(5)]], atol=1e-6)


def test_padded_words_are_masked():
    ids = np.array([[[3, 4], [5, 0], [0, 0]]], dtype="int32")
    assert np.array(SubwordEmbedding(20, 5, mask_zero=True).compute_mask(ids)).tolist() == [[True, True, False]]


def test_the_calibration_leaves_logits_as_they_are_at_the_start():
    layer = Calibration()
    assert np.allclose(layer(np.array([[3.0], [-1.0], [90.0], [-90.0]])), [[3], [-1], [90], [-90]])
    assert layer.trainable_variables == []


def test_calibrated_probabilities_by_hand():
    """A logit of 4 log 3 at a temperature of 4: a probability of 3/4. With a fifth of the labels wrong, the label is
    positive with a probability of 4/5 * 3/4 + 1/5 * 1/4 = 0.65. However large the logit, it is never above 4/5."""
    layer = Calibration()
    layer.build((None, 1))
    layer.set_weights(np.array([4, 0]))
    assert np.allclose(layer(np.array([[3.0], [-1.0]])), [[0.75], [-0.25]])
    layer.set_weights(np.array([4, 0.2]))
    logits = np.array(layer(4 * np.log([[3.0], [1 / 3], [1], [1e30], [1e-30]])))[:, 0]
    assert np.allclose(1 / (1 + np.exp(-logits)), [0.65, 0.35, 0.5, 0.8, 0.2])


def test_subword_logits_are_added_up_and_scaled():
    layer = SubwordLogits(20, scale=3.0)
    ids = np.zeros((1, 3, MAX_SUBWORDS), dtype="int32")
    ids[0, 0, :4], ids[0, 1, :1] = [3, 4, 5, 6], [7]  # the third word is padding
    assert np.array(layer(ids)).tolist() == [[0]]  # at the start
    layer.set_weights([np.arange(20.0)[:, None]])
    assert np.allclose(layer(ids), [[3 * ((3 + 4 + 5 + 6) / 2 + 7)]], atol=1e-4)


def test_masked_max_pooling_looks_at_real_steps_only():
    states = np.array([[[-0.5, 0.2], [-0.7, 0.1], [0.9, 0.9]], [[0.3, -0.4], [0.8, 0.8], [0.8, 0.8]]], "float32")
    mask = np.array([[True, True, False], [True, False, False]])
    assert np.allclose(MaskedMaxPooling()(states, mask=mask), [[-0.5, 0.2], [0.3, -0.4]])
    assert np.allclose(MaskedMaxPooling()(states), [[0.9, 0.9], [0.8, 0.8]])


def test_the_best_matches_of_the_filters_against_numpy():
    """Each filter at each place, also where it looks at the first or at the last word only; none matches below 0."""
    generator = np.random.default_rng(0)
    layer, words = BestMatches(9), generator.normal(size=(2, 5, 4)).astype("float32")
    lengths = [5, 1]
    found = np.array(layer(words, mask=np.arange(5) < np.array(lengths)[:, None]))
    [kernel] = layer.get_weights()  # (3, features, filters)
    assert kernel.shape == (3, 4, 9)
    for sentence, length, of_sentence in zip(words, lengths, found, strict=True):
        best = np.zeros(9)
        for first in range(-2, length):
            real = [number for number in range(3) if 0 <= first + number < length]
            best = np.maximum(best, sum(sentence[first + number] @ kernel[number] for number in real))
        assert np.allclose(of_sentence, best, atol=1e-5)
    assert 0 < np.count_nonzero(found) < found.size
    assert np.allclose(layer(words)[0], found[0], atol=1e-5)  # without a mask, all words are real


def test_without_filters_the_recurrent_layer_reads_alone():
    with_filters, without = (build_model(replace(TINY, filters=filters), 20) for filters in (4, 0))
    assert with_filters.get_layer("sentence").output.shape[1] == 2 * TINY.hidden_size + 4
    assert without.get_layer("sentence").output.shape[1] == 2 * TINY.hidden_size
    assert not any(isinstance(layer, BestMatches) for layer in without.layers)


@pytest.mark.parametrize("cell", ["simple", "lstm", "gru"])
def test_padding_does_not_change_what_the_model_says(cell):
    model = with_random_weights(build_model(replace(TINY, cell=cell), 20))
    generator = np.random.default_rng(0)
    sentences = [generator.integers(1, 20, (length, MAX_SUBWORDS)) for length in (9, 1, 4)]
    one_by_one = np.concatenate([model(sentence[None]) for sentence in sentences])
    assert np.allclose(model(pad(sentences)), one_by_one, atol=1e-5)


def test_the_order_of_subwords_and_missing_ones_do_not_matter_but_the_order_of_words_does():
    model = with_random_weights(build_model(TINY, 20))
    words = np.zeros((1, 3, MAX_SUBWORDS), dtype="int32")
    words[0, :, :3] = [[3, 4, 5], [6, 7, 0], [8, 9, 10]]
    turned = words.copy()
    turned[0, :, :3] = [[5, 3, 4], [7, 6, 0], [9, 8, 10]]
    assert np.allclose(model(words), model(turned), atol=1e-5)
    assert not np.allclose(model(words), model(words[:, ::-1]), atol=1e-3)


def test_the_logit_is_a_linear_function_of_the_sentence_plus_the_subword_logits():
    model = with_random_weights(build_model(TINY, 20))
    ids = np.random.default_rng(0).integers(1, 20, (2, 4, MAX_SUBWORDS))
    sentence = keras.Model(model.input, model.get_layer("sentence").output)(ids)  # (2, 2 hidden + filters)
    dense = next(layer for layer in model.layers if isinstance(layer, keras.layers.Dense))
    wide = next(layer for layer in model.layers if isinstance(layer, SubwordLogits))
    weights, bias = dense.get_weights()
    assert sentence.shape == (2, 2 * TINY.hidden_size + TINY.filters)
    model.get_layer("calibration").set_weights(np.array([1.3, 0]))
    assert np.allclose(model(ids), (sentence @ weights + bias + wide(ids)) / 1.3, atol=1e-5)
    assert wide.scale == TINY.subword_logit_scale


def test_loss_falls_in_a_few_steps():
    keras.utils.set_random_seed(0)
    model = build_model(TINY, 20)
    model.compile(keras.optimizers.Adam(0.02), keras.losses.BinaryCrossentropy(from_logits=True))
    inputs = pad([np.tile(np.arange(1, 8)[:, None], MAX_SUBWORDS), np.tile(np.arange(8, 19)[:, None], MAX_SUBWORDS)])
    labels = np.array([[0.0], [1.0]])
    losses = model.fit(inputs, labels, batch_size=2, epochs=15, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]


def test_predictions_are_probabilities_in_the_order_of_the_sentences():
    model = with_random_weights(build_model(TINY, 20))
    sentences = {name: np.full((length, MAX_SUBWORDS), length) for name, length in (("a", 9), ("b", 1), ("c", 4))}
    expected = [1 / (1 + np.exp(-float(model(ids[None])[0, 0]))) for ids in sentences.values()]
    assert np.allclose(predict(model, sentences.get, ["a", "b", "c"]), expected, atol=1e-5)


def test_a_saved_model_says_the_same(tmp_path):
    model = with_random_weights(build_model(TINY, 20))
    model.save(tmp_path / "model.keras")
    ids = np.random.default_rng(0).integers(0, 20, (2, 4, MAX_SUBWORDS))
    assert np.allclose(keras.saving.load_model(tmp_path / "model.keras")(ids), model(ids), atol=1e-6)
