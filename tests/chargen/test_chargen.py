from dataclasses import replace

import keras
import numpy as np
import pytest

from chargen.eval import bits_of_stream, bits_of_windows
from chargen.generate import Writer, initial_states, step
from chargen.ngram import WittenBell
from chargen.train import PRESETS, Hyperparameters, build_model, stream_batches, window_batches
from common import InputError
from common.text import Vocabulary
from common.training import load_model, save_model

TINY = Hyperparameters(embedding_size=5, hidden_size=7, batch_size=3, sequence_length=4, dropout=0.0)
BOOK = replace(PRESETS["book"], hidden_size=7, batch_size=3, sequence_length=4)
VOCABULARY = Vocabulary.of_characters("abcdefghij ")


@pytest.fixture
def ids():
    return np.random.default_rng(0).integers(0, len(VOCABULARY), 101).astype("int32")


def with_random_weights(model):
    generator = np.random.default_rng(1)
    model.set_weights([generator.normal(0, 0.7, weight.shape) for weight in model.get_weights()])
    return model


# Reading the text


def test_each_stream_is_read_on_where_the_last_batch_stopped(ids):
    batches = list(stream_batches(ids, batch_size=3, sequence_length=4).as_numpy_iterator())
    streams = np.concatenate([inputs for inputs, _ in batches], axis=1)  # (3, steps)
    assert len(batches) == 100 // 3 // 4
    assert np.array_equal(streams.ravel(), ids[: streams.size])


def test_targets_of_streams_are_the_next_characters(ids):
    for inputs, targets in stream_batches(ids, 3, 4).as_numpy_iterator():
        assert np.array_equal(inputs[:, 1:], targets[:, :-1])
    first, _ = next(stream_batches(ids, 3, 4).as_numpy_iterator())
    _, targets = next(stream_batches(ids, 3, 4).as_numpy_iterator())
    assert targets[0, -1] == ids[4]
    assert first[0, 0] == ids[0]


def test_streams_refuse_a_text_that_is_too_short():
    with pytest.raises(InputError, match="too short"):
        stream_batches(np.zeros(12, "int32"), 3, 4)


def test_windows_are_all_windows_of_the_text(ids):
    batches = list(window_batches(ids, batch_size=8, sequence_length=10).as_numpy_iterator())
    inputs = np.concatenate([batch[0] for batch in batches])
    targets = np.concatenate([batch[1] for batch in batches])
    assert np.array_equal(inputs, [ids[start : start + 10] for start in range(91)])
    assert np.array_equal(targets, ids[10:])


# The models


@pytest.mark.parametrize("hyperparameters", [TINY, replace(TINY, cell="lstm"), replace(TINY, cell="simple"), BOOK])
def test_loss_falls_in_a_few_steps(hyperparameters, ids):
    keras.utils.set_random_seed(0)
    model = build_model(hyperparameters, len(VOCABULARY))
    model.compile(keras.optimizers.Adam(0.02), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    make = stream_batches if hyperparameters.reading == "streams" else window_batches
    inputs, targets = next(make(ids, 3, 4).as_numpy_iterator())
    losses = model.fit(inputs, targets, batch_size=3, epochs=15, verbose=0).history["loss"]
    assert losses[-1] < 0.8 * losses[0]


def test_the_state_is_carried_from_batch_to_batch(ids):
    stateful = with_random_weights(build_model(TINY, len(VOCABULARY)))
    batches = [inputs for inputs, _ in stream_batches(ids, 3, 4).as_numpy_iterator()]
    in_pieces = np.concatenate([stateful(inputs) for inputs in batches], axis=1)
    whole = build_model(replace(TINY, sequence_length=in_pieces.shape[1]), len(VOCABULARY))
    whole.set_weights(stateful.get_weights())
    assert np.allclose(in_pieces, whole(np.concatenate(batches, axis=1)), atol=1e-5)


def test_the_book_reads_one_hot_vectors(ids):
    model = build_model(BOOK, len(VOCABULARY))
    one_hot = model.layers[0](ids[None, :4]).numpy()
    assert np.array_equal(one_hot[0], np.eye(len(VOCABULARY))[ids[:4]])
    assert model.layers[0].trainable_weights == []


@pytest.mark.parametrize("cell", ["simple", "lstm", "gru"])
def test_stepping_equals_reading_the_whole_text(cell, ids):
    model = with_random_weights(
        build_model(replace(TINY, cell=cell, batch_size=2, sequence_length=30), len(VOCABULARY))
    )
    text = ids[:60].reshape(2, 30)
    whole = model(text).numpy()
    states = initial_states(model, 2)
    for position in range(30):
        logits, states = step(model, text[:, position], states)
        assert np.allclose(logits, whole[:, position], atol=1e-5)


# Measuring


def cross_entropy_bits(logits, targets):
    probabilities = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    return -np.log2(np.take_along_axis(probabilities, targets[..., None], -1)[..., 0])


def test_every_character_is_predicted_once_with_the_state_of_the_text_before(ids):
    hyperparameters = replace(TINY, batch_size=1, sequence_length=100)
    model = with_random_weights(build_model(hyperparameters, len(VOCABULARY)))
    logits = model(ids[None, :-1]).numpy()[0]  # (100, vocabulary), logits[i] for ids[i + 1]
    bits = bits_of_stream(model, ids[40:], ids[:40], piece=7)
    assert np.allclose(bits, cross_entropy_bits(logits[39:], ids[40:]), atol=1e-4)


def test_windows_predict_every_character_from_the_four_before(ids):
    model = with_random_weights(build_model(BOOK, len(VOCABULARY)))
    bits = bits_of_windows(model, ids[40:], ids[:40])
    expected = [cross_entropy_bits(model(ids[None, at - 4 : at]).numpy()[0], ids[at]) for at in range(40, len(ids))]
    assert np.allclose(bits, expected, atol=1e-4)


def test_witten_bell_by_hand():
    # After "a" in "abac" came b once and c once: N = 2, T = 2. Unigrams: a 2, b 1, c 1, so N = 4, T = 3.
    model = WittenBell("abac", vocabulary_size=4, order=2)
    unigram_b = (1 + 3 / 4) / (4 + 3)
    assert model.probability("b", "a") == pytest.approx((1 + 2 * unigram_b) / (2 + 2))
    assert model.probability("b", "x") == pytest.approx(unigram_b)  # a context never seen
    assert model.probability("d", "a") == pytest.approx(2 * (3 / 4 / 7) / 4)
    assert model.bits("ab", before="ba") == pytest.approx(
        [-np.log2(model.probability("a", "a")), -np.log2(model.probability("b", "a"))]
    )


def test_witten_bell_sums_to_one():
    model = WittenBell("the cat sat on the mat", vocabulary_size=12, order=4)
    alphabet = [*sorted(set("the cat sat on the mat")), "!", "?"]
    for context in ("the", " ca", "zzz", "t"):
        assert sum(model.probability(character, context) for character in alphabet) == pytest.approx(1)


# Writing


@pytest.fixture
def writer():
    return Writer(with_random_weights(build_model(TINY, len(VOCABULARY))), VOCABULARY)


def test_same_seed_same_text_and_another_seed_another(writer):
    text = writer.write("a bad", 60, temperature=1.0, seed=1)
    assert len(text) == 60
    assert text == writer.write("a bad", 60, temperature=1.0, seed=1)
    assert text != writer.write("a bad", 60, temperature=1.0, seed=2)


def test_greedy_takes_the_likeliest_as_a_loop_in_python_does(writer):
    model = build_model(replace(TINY, batch_size=1, sequence_length=25), len(VOCABULARY))
    model.set_weights(with_random_weights(build_model(TINY, len(VOCABULARY))).get_weights())
    ids = list(VOCABULARY.encode("a bad"))
    while len(ids) < 25:
        model.layers[2].reset_states()
        ids.append(int(model(np.array([ids]))[0, -1].numpy().argmax()))
    assert writer.write("a bad", 20, greedy=True) == "".join(VOCABULARY.decode(ids[5:]))
    assert writer.write("a bad", 20, top_k=1, seed=5) == writer.write("a bad", 20, greedy=True)


def test_a_high_temperature_writes_more_kinds_of_characters(writer):
    tame, wild = (len(set(writer.write("a", 300, temperature=t))) for t in (0.05, 5.0))
    assert tame < wild


def test_top_k_draws_among_the_k_likeliest(writer):
    model = with_random_weights(build_model(TINY, len(VOCABULARY)))
    logits, _ = step(model, VOCABULARY.encode("a"), initial_states(model, 1))
    likeliest = {VOCABULARY.tokens[index] for index in np.argsort(logits[0])[-3:]}
    drawn = {writer.write("a", 1, temperature=10.0, top_k=3, seed=seed) for seed in range(60)}
    assert drawn == likeliest


@pytest.mark.parametrize(("prompt", "named"), [("", "empty"), ("a Z", "'Z'")])
def test_prompts_that_the_model_cannot_read_are_refused(writer, prompt, named):
    with pytest.raises(InputError, match=named):
        writer.write(prompt, 5)


def test_a_reloaded_model_writes_the_same(tmp_path):
    model = with_random_weights(build_model(TINY, len(VOCABULARY)))
    save_model(model, tmp_path / "model.keras", characters=VOCABULARY)
    loaded, vocabularies = load_model(tmp_path / "model.keras")
    assert Writer(loaded, vocabularies["characters"]).write("bad", 50) == Writer(model, VOCABULARY).write("bad", 50)
