from collections import Counter
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from chargen.model import build_model, compile_model, find_ngrams
from chargen.ngram_logits import NgramLogits, known_ngrams, ngram_keys
from chargen.scoring import bits_of, read_stream
from chargen.train import Hyperparameters
from chargen.writer import Writer
from common.callbacks import ResetStates
from common.saving import load_model, save_model
from common.vocabulary import Vocabulary

TEXT = "so she sat on with closed eyes, and half believed herself in wonderland, though she knew she had but to open "
VOCABULARY = Vocabulary.of_characters(TEXT)
IDS = VOCABULARY.encode(TEXT)
LENGTHS = (2, 3, 5)
TINY = Hyperparameters(
    embedding_size=5,
    hidden_size=7,
    batch_size=1,
    sequence_length=20,
    input_dropout=0.0,
    dropout=0.0,
    weight_dropout=0.0,
    ngram_dropout=0.5,
    ngrams=LENGTHS,
)


def occurrences(text, length):
    """How often each string of a length ends somewhere in the text; before it stand blanks that are no characters."""
    text = "\0" * (length - 1) + text
    return Counter(text[start : start + length] for start in range(len(text) - length + 1))


def model_with_ngrams(hyperparameters=TINY):
    model = build_model(hyperparameters, len(VOCABULARY), find_ngrams(IDS, hyperparameters, len(VOCABULARY)))
    generator = np.random.default_rng(1)
    for weight in model.trainable_weights:
        weight.assign(generator.normal(0, 0.7, weight.shape))
    return model


def test_known_are_the_strings_that_occur_twice():
    twice = sum(count > 1 for length in LENGTHS for count in occurrences(TEXT, length).values())
    assert len(known_ngrams(IDS, LENGTHS, len(VOCABULARY))) == twice > 20


def test_the_first_string_of_the_text_counts():
    assert len(known_ngrams(np.array([1, 2, 3, 1, 2]), (2,), 5)) == 1


@pytest.mark.parametrize("size", [253, 254, 255])
def test_long_strings_have_keys_of_their_own_although_their_numbers_exceed_64_bits(size):
    windows = np.ones((13, 12), "int64") + np.eye(13, 12, dtype="int64")  # the last as it is, the others differ from it
    assert len(np.unique(ngram_keys(windows, [12], size))) == 13


def test_the_table_is_read_where_a_known_string_ends():
    """With a table of ones for what is known and zeros for what is not, each logit is the number of known strings."""
    known = known_ngrams(IDS, LENGTHS, len(VOCABULARY))
    layer = NgramLogits(LENGTHS, len(known), len(VOCABULARY))
    read = "and she sat in it"  # partly as in the text
    layer.build((1, len(read)))
    layer.known.assign(known)
    layer.table.assign(np.arange(layer.table.shape[0])[:, None] < len(known) * np.ones(len(VOCABULARY)))
    logits, _ = layer(VOCABULARY.encode(read)[None], layer.initial_state(1))
    padded = "\0" * 4 + read
    expected = [
        sum(occurrences(TEXT, length)[padded[: end + 5][-length:]] > 1 for length in LENGTHS)
        for end in range(len(read))
    ]
    assert logits.numpy()[0, :, 0].tolist() == expected
    assert {0, 3} <= set(expected)


BOTH = pytest.mark.parametrize("hyperparameters", [TINY, replace(TINY, tied=True)], ids=["logits", "tied"])


@BOTH
def test_the_last_characters_of_the_batch_before_are_remembered(hyperparameters):
    model = model_with_ngrams(hyperparameters)
    pieces = np.concatenate([model(IDS[start : start + 20][None]) for start in (0, 20, 40)], axis=1)
    model.reset_states()
    assert np.allclose(pieces, model(IDS[:60][None]), atol=1e-5)


@BOTH
def test_stepping_equals_reading_the_whole_text(hyperparameters):
    model = model_with_ngrams(hyperparameters)
    whole = model(IDS[:20][None]).numpy()
    states = model.initial_states(1)
    for position in range(20):
        logits, states = model.step(IDS[None, position], states)
        assert np.allclose(logits, whole[:, position], atol=1e-5)


@BOTH
def test_a_saved_model_writes_the_same(tmp_path, hyperparameters):
    model = model_with_ngrams(hyperparameters)
    written = Writer(model, VOCABULARY).write("she", 30)
    save_model(model, tmp_path / "model.keras", characters=VOCABULARY)
    loaded, _ = load_model(tmp_path / "model.keras")
    assert Writer(loaded, VOCABULARY).write("she", 30) == written


@pytest.mark.parametrize("size", [40, 4000])
def test_large_vocabularies_have_few_known_strings(size, monkeypatch):
    monkeypatch.setattr("chargen.ngram_logits.MAX_TABLE_SIZE", 40_000)
    ids = np.random.default_rng(0).integers(0, 40, 20_000)
    assert len(known_ngrams(ids, (2, 9), size)) <= 2 * 40_000 // size
    assert len(known_ngrams(ids, (2,), size)) == 40_000 // size


def test_short_rows_leave_room_for_more_strings(monkeypatch):
    monkeypatch.setattr("chargen.ngram_logits.MAX_TABLE_SIZE", 40_000)
    ids = np.random.default_rng(0).integers(0, 40, 20_000)
    counts = [len(find_ngrams(ids, replace(TINY, ngrams=(2,), tied=tied), 4000)) for tied in (False, True)]
    assert counts == [10, 40 * 40]  # all pairs, where a row has 5 numbers instead of 4,000


def test_ngram_logits_learn():
    keras.utils.set_random_seed(0)
    model = build_model(TINY, len(VOCABULARY), known_ngrams(IDS, LENGTHS, len(VOCABULARY)))
    for layer in model.layers[:-1]:  # the table learns alone
        layer.trainable = False
    model.compile(keras.optimizers.Adam(0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    losses = model.fit(IDS[None, :20], IDS[None, 1:21], epochs=20, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]


def test_ngram_logits_learn_by_adagrad_and_the_rest_by_adam():
    """Adam's first step is as long for a small gradient as for a large one; Adagrad's is not."""
    hyperparameters = replace(TINY, sequence_length=1, ngram_dropout=0.0, learning_rate=0.004, ngram_learning_rate=0.1)
    model = model_with_ngrams(hyperparameters)
    (bias,) = [layer.bias for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    table = model.ngram_logits.table
    ids, targets = IDS[None, :1], IDS[None, 1:2]
    with tf.GradientTape() as tape:
        loss = 0.001 * tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(targets, model(ids)))
    slopes = [tf.convert_to_tensor(slope).numpy() for slope in tape.gradient(loss, [table.value, bias.value])]
    before = [np.array(weight) for weight in (table, bias)]
    compile_model(model, hyperparameters, steps=1000)
    model.fit(ids, targets, 1, sample_weight=np.array([0.001]), verbose=0, callbacks=[ResetStates()])
    gone = [old - np.array(weight) for old, weight in zip(before, (table, bias), strict=True)]
    assert np.allclose(gone[0], 0.1 * slopes[0] / np.sqrt(1e-6 + slopes[0] ** 2), rtol=0.1, atol=1e-6)
    assert np.allclose(gone[1], 0.004 * slopes[1] / (np.abs(slopes[1]) + 1e-7 / np.sqrt(1 - 0.999)), rtol=0.01)
    assert 0 < np.abs(gone[0][gone[0] != 0]).min() < 0.01


def test_a_compiled_model_can_be_measured():
    """`read_stream` reads with a copy, which is not compiled."""
    model = model_with_ngrams()
    bits = bits_of(read_stream(model, IDS[50:80], IDS[:50]), IDS[50:80])
    compile_model(model, TINY, steps=1000)
    assert np.array_equal(bits_of(read_stream(model, IDS[50:80], IDS[:50]), IDS[50:80]), bits)
