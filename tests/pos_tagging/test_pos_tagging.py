from dataclasses import replace

import keras
import numpy as np
import pytest

from common.metrics import masked_crossentropy
from common.padding import PADDED, pad
from common.sample import tagged_sentences
from common.training import load_model, save_model
from pos_tagging.eval import perceptron_tags, scores, tag_sentences
from pos_tagging.tag import tag_lines
from pos_tagging.train import Hyperparameters, build_model, encode_words, features, make_vocabularies

TINY = Hyperparameters(embedding_size=5, feature_size=3, hidden_size=6, feature_dropout=0.0, dropout=0.0)
SENTENCES = tagged_sentences(200)
VOCABULARIES = make_vocabularies(SENTENCES, 2)
VARIANTS = [
    TINY,
    replace(TINY, cell="lstm"),
    replace(TINY, cell="simple"),
    replace(TINY, model="encoder-decoder"),
]


def model_of(hyperparameters):
    model = build_model(hyperparameters, VOCABULARIES)
    generator = np.random.default_rng(1)
    model.set_weights([generator.normal(0, 0.7, weight.shape) for weight in model.get_weights()])
    return model


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("Vinken", ("vinken", "ken", "Xx")),
        ("10-year", ("10-year", "ear", "d-x")),
        ("U.S.", ("u.s.", ".s.", "X.X.")),
        ("McDonald", ("mcdonald", "ald", "XxXx")),
        ("1,234.5", ("1,234.5", "4.5", "d,d.d")),
        ("a", ("a", "a", "x")),
    ],
)
def test_features_of_words(word, expected):
    assert features(word) == expected


def test_rare_words_are_unknown_but_keep_their_ending():
    vocabularies = make_vocabularies([[("walking", "VBG"), ("talking", "VBG"), ("walking", "NN")]], 2)
    ids = encode_words(["talking"], vocabularies)
    assert ids.tolist() == [[1, vocabularies["endings"].tokens.index("ing"), vocabularies["shapes"].tokens.index("x")]]


@pytest.mark.parametrize("hyperparameters", VARIANTS)
def test_padding_does_not_change_what_the_model_says(hyperparameters):
    model = model_of(hyperparameters)
    sentences = [encode_words([word for word, _ in sentence], VOCABULARIES) for sentence in SENTENCES[:5]]
    padded = model(pad(sentences)).numpy()
    for row, sentence in zip(padded, sentences, strict=True):
        assert np.allclose(row[: len(sentence)], model(sentence[None])[0], atol=1e-5)


@pytest.mark.parametrize("hyperparameters", VARIANTS)
def test_loss_falls_in_a_few_steps(hyperparameters):
    keras.utils.set_random_seed(0)
    model = build_model(hyperparameters, VOCABULARIES)
    model.compile(keras.optimizers.Adam(0.02), masked_crossentropy())
    inputs = pad([encode_words([word for word, _ in sentence], VOCABULARIES) for sentence in SENTENCES[:8]])
    targets = pad([VOCABULARIES["tags"].encode([tag for _, tag in sentence]) for sentence in SENTENCES[:8]], PADDED)
    losses = model.fit(inputs, targets, batch_size=8, epochs=30, verbose=0).history["loss"]
    assert losses[-1] < 0.8 * losses[0]


def test_the_tagger_looks_at_words_on_both_sides():
    model = model_of(TINY)
    words = encode_words(["the", "old", "saw", "fell", "down"], VOCABULARIES)
    before, after = words.copy(), words.copy()
    before[0], after[-1] = words[2], words[2]
    middle = model(words[None]).numpy()[0, 2]
    assert not np.allclose(model(before[None])[0, 2], middle)
    assert not np.allclose(model(after[None])[0, 2], middle)


def test_scores_by_hand():
    test = [[("The", "DT"), ("dog", "NN"), ("barks", "VBZ")], [("Go", "VB")]]
    figures = scores(test, [["DT", "NN", "NNS"], ["VB"]], known_words={"The", "dog"})
    assert figures["token_accuracy"] == 3 / 4
    assert figures["unseen_word_accuracy"] == 1 / 2  # barks wrong, Go right
    assert figures["sentence_accuracy"] == 1 / 2
    assert figures["padded_accuracy"] == (250 - 1 + 250) / 500


def test_sentences_of_over_250_words_are_cut_in_the_classic_count_only():
    figures = scores([[("a", "DT")] * 251], [["DT"] * 250 + ["NN"]], known_words={"a"})
    assert figures["padded_accuracy"] == 1
    assert figures["token_accuracy"] == 250 / 251
    assert figures["unseen_word_accuracy"] is None


def test_tags_come_back_in_order_after_reloading(tmp_path):
    model = model_of(TINY)
    save_model(model, tmp_path / "model.keras", **VOCABULARIES)
    loaded, vocabularies = load_model(tmp_path / "model.keras")
    sentences = [[word for word, _ in sentence] for sentence in SENTENCES]
    tags = tag_sentences(loaded, vocabularies, sentences)
    assert [len(each) for each in tags] == [len(each) for each in sentences]
    for words, found in list(zip(sentences, tags, strict=True))[:10]:
        logits = model(encode_words(words, VOCABULARIES)[None]).numpy()[0]
        assert found == [VOCABULARIES["tags"].tokens[index] for index in logits.argmax(-1)]


def test_lines_keep_their_order_and_empty_ones_stay():
    lines = ["she can't fish.", "", "  ", "the saw"]
    tagged = list(tag_lines(lines, model_of(TINY), VOCABULARIES, at_once=3))
    words = [[token.rpartition("/")[0] for token in line.split()] for line in tagged]
    assert words == [["she", "ca", "n't", "fish", "."], [], [], ["the", "saw"]]


def test_the_perceptron_learns_and_repeats_itself():
    training, test = SENTENCES[:150], SENTENCES[150:]
    tags = perceptron_tags(training, test)
    assert tags == perceptron_tags(training, test)
    assert scores(test, tags, set())["token_accuracy"] > 0.8
