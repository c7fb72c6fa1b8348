from collections import Counter
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from chargen.eval import bits_of_stream
from chargen.generate import Writer, initial_states, step
from chargen.train import Hyperparameters, build_model, compile_model
from chargen.votes import Votes, known_ngrams
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
    vote_dropout=0.5,
    ngrams=LENGTHS,
)


def occurrences(text, length):
    """How often each string of a length ends somewhere in the text; before it stand blanks that are no characters."""
    text = "\0" * (length - 1) + text
    return Counter(text[start : start + length] for start in range(len(text) - length + 1))


def model_with_votes(hyperparameters=TINY):
    model = build_model(hyperparameters, len(VOCABULARY), known_ngrams(IDS, LENGTHS, len(VOCABULARY)))
    generator = np.random.default_rng(1)
    for weight in model.trainable_weights:
        weight.assign(generator.normal(0, 0.7, weight.shape))
    return model


def test_known_are_the_strings_that_occur_twice():
    twice = sum(count > 1 for length in LENGTHS for count in occurrences(TEXT, length).values())
    assert len(known_ngrams(IDS, LENGTHS, len(VOCABULARY))) == twice > 20


def test_votes_count_the_strings_that_end_at_each_character():
    """With a table of ones for what is known and zeros for what is not, each logit is the number of known strings."""
    known = known_ngrams(IDS, LENGTHS, len(VOCABULARY))
    votes = Votes(LENGTHS, len(known))
    read = "and she sat in it"  # partly as in the text
    zeros = np.zeros((1, len(read), len(VOCABULARY)), "float32")
    votes.build([zeros.shape, zeros.shape[:2]])
    votes.known.assign(known)
    votes.table.assign(np.arange(votes.table.shape[0])[:, None] < len(known) * np.ones(len(VOCABULARY)))
    logits = votes([zeros, VOCABULARY.encode(read)[None]]).numpy()
    padded = "\0" * 4 + read
    expected = [
        sum(occurrences(TEXT, length)[padded[: end + 5][-length:]] > 1 for length in LENGTHS)
        for end in range(len(read))
    ]
    assert logits[0, :, 0].tolist() == expected
    assert {0, 3} <= set(expected)


def test_votes_remember_the_batch_before():
    model = model_with_votes()
    pieces = np.concatenate([model(IDS[start : start + 20][None]) for start in (0, 20, 40)], axis=1)
    whole = model_with_votes(replace(TINY, sequence_length=60))
    assert np.allclose(pieces, whole(IDS[:60][None]), atol=1e-5)


def test_stepping_equals_reading_the_whole_text():
    model = model_with_votes()
    whole = model(IDS[:20][None]).numpy()
    states = initial_states(model, 1)
    for position in range(20):
        logits, states = step(model, IDS[None, position], states)
        assert np.allclose(logits, whole[:, position], atol=1e-5)


def test_a_saved_model_votes_and_writes_the_same(tmp_path):
    model = model_with_votes()
    written = Writer(model, VOCABULARY).write("she", 30)
    save_model(model, tmp_path / "model.keras", characters=VOCABULARY)
    loaded, _ = load_model(tmp_path / "model.keras", "chargen.votes")
    assert Writer(loaded, VOCABULARY).write("she", 30) == written


@pytest.mark.parametrize("size", [40, 4000])
def test_large_vocabularies_have_few_known_strings(size, monkeypatch):
    monkeypatch.setattr("chargen.votes.NUMBERS", 40_000)
    ids = np.random.default_rng(0).integers(0, 40, 20_000)
    assert len(known_ngrams(ids, (2, 9), size)) <= 2 * 40_000 // size
    assert len(known_ngrams(ids, (2,), size)) == 40_000 // size


def test_votes_learn():
    keras.utils.set_random_seed(0)
    model = build_model(TINY, len(VOCABULARY), known_ngrams(IDS, LENGTHS, len(VOCABULARY)))
    for layer in model.layers[:-1]:  # the table learns alone
        layer.trainable = False
    model.compile(keras.optimizers.Adam(0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    losses = model.fit(IDS[None, :20], IDS[None, 1:21], epochs=20, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]


def test_votes_learn_by_adagrad_and_the_rest_by_adam():
    """Adam's first step is as long for a small gradient as for a large one; Adagrad's is not."""
    hyperparameters = replace(TINY, sequence_length=1, vote_dropout=0.0, learning_rate=0.004, vote_learning_rate=0.1)
    model = model_with_votes(hyperparameters)
    (bias,) = [layer.bias for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    table = model.get_layer("votes").table
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
    """`bits_of_stream` reads with a clone, and Keras clones what a model was compiled with too."""
    model = model_with_votes()
    bits = bits_of_stream(model, IDS[50:80], IDS[:50])
    compile_model(model, TINY, steps=1000)
    assert np.array_equal(bits_of_stream(model, IDS[50:80], IDS[:50]), bits)
