import json

import numpy as np
import pytest
import tensorflow as tf
from conftest import STORY, refused

from toy_sequence.methods import vae, vae_model
from toy_sequence.methods.vae import Hyperparameters

WORDS = ["cat", "at", "act", "tact", "a", "cc"]
TINY = Hyperparameters(hidden_size=3, latent_size=2, epochs=4, batch_size=4)


@pytest.fixture(scope="module")
def ids():
    return vae_model.encode_words(WORDS, vae_model.letters_of(WORDS), 6)


@pytest.fixture(scope="module")
def model():
    return vae_model.build_model(6, len(WORDS), TINY)[0]


def test_words_become_ids_and_come_back(ids):
    vocabulary = vae_model.letters_of(WORDS)
    assert vocabulary.tokens == ["", "[UNK]", ".", "a", "c", "t"]
    assert ids[:2].tolist() == [[4, 3, 5, 2, 0, 0], [3, 5, 2, 0, 0, 0]]
    assert vae_model.decode_words(ids, vocabulary) == WORDS
    assert vae_model.decode_words([[4, 3, 2, 5, 5, 2]], vocabulary) == ["ca"]


def test_the_kl_divergence_is_that_of_drawn_points():
    mean, log_variance = np.array([0.0, 1.5, -0.5]), np.array([0.0, -1.0, 0.7])
    noise = np.random.default_rng(0).normal(size=(400_000, 3))
    z = mean + np.exp(log_variance / 2) * noise
    log_q, log_p = -(noise**2) / 2 - log_variance / 2, -(z**2) / 2  # both without -ln(2 pi) / 2
    kl = np.array(vae_model.kl_divergence(mean, log_variance))
    assert kl == pytest.approx((log_q - log_p).mean(axis=0), abs=0.01)
    assert kl[0] == 0


def test_padding_counts_nothing_in_the_reconstruction_loss():
    words = np.array([[3, 2, 0], [5, 4, 2]])
    logits = np.zeros((2, 3, 6), "float32")
    logits[0, 0, 3] = np.log(5)  # the letter has 5 parts of 10
    logits[0, 2, 4] = 100  # at padding
    logits[1, 1, 0] = np.log(15)  # the letter has 1 part of 20
    expected = [np.log(2) + np.log(6), np.log(6) + np.log(20) + np.log(6)]
    assert np.array(vae_model.reconstruction_loss(words, logits)) == pytest.approx(expected, abs=1e-5)


def test_the_gradient_goes_through_the_sampling_to_the_encoder(model, ids):
    mean, log_variance = tf.constant([[0.5, -1.0]]), tf.constant([[0.3, -2.0]])
    with tf.GradientTape() as tape:
        tape.watch([mean, log_variance])
        z = model.sample(mean, log_variance)
    by_mean, by_log_variance = tape.gradient(z, [mean, log_variance])
    assert by_mean.numpy().tolist() == [[1, 1]]
    assert by_log_variance.numpy() == pytest.approx((z - mean).numpy() / 2)
    assert np.abs(z - mean).min() > 0

    with tf.GradientTape() as tape:
        loss = vae_model.reconstruction_loss(ids, model(ids)[0])
    encoder = [model.to_mean.kernel, model.to_log_variance.kernel, *model.encoder.trainable_variables]
    assert all(np.abs(gradient).max() > 0 for gradient in tape.gradient(loss, encoder))


def test_samples_have_the_mean_and_the_deviation_of_the_encoder(model):
    z = np.array(model.sample(np.full((50_000, 2), 3.0, "float32"), np.full((50_000, 2), np.log(4), "float32")))
    assert z.mean(axis=0) == pytest.approx([3, 3], abs=0.05)
    assert z.std(axis=0) == pytest.approx([2, 2], abs=0.05)


def test_padding_changes_nothing_for_the_encoder(model, ids):
    for long, short in zip(model.encode(ids[1:2]), model.encode(ids[1:2, :3]), strict=True):
        assert np.array(long) == pytest.approx(np.array(short), abs=1e-6)


def test_the_decoder_reads_z_and_the_letters_before(model, ids):
    z, other = np.zeros((1, 2), "float32"), ids[:1].copy()
    other[0, 2] = 3
    logits, changed = (np.array(model.decode(z, words)) for words in (ids[:1], other))
    assert logits[0, :3] == pytest.approx(changed[0, :3], abs=1e-6)
    assert np.abs(logits - changed)[0, 3].max() > 1e-4
    assert np.abs(logits - np.array(model.decode(z + 1, ids[:1])))[0, 0].max() > 1e-4


def test_dropped_letters_are_not_seen(model):
    words, z = np.full((300, 6), 4), np.zeros((300, 2), "float32")
    first = lambda values: len({np.round(row, 5).tobytes() for row in np.array(values)[:, 1]})  # noqa: E731
    model.letter_dropout.assign(0.5)
    assert first(model.decode(z, words, training=True)) == 4  # two letters before, each seen or not
    assert first(model.decode(z, words)) == 1
    model.letter_dropout.assign(1)
    hidden = model.decode(z[:1], words[:1], training=True)
    unknown = np.array(model.decode(z[:1], np.full((1, 6), vae_model.UNKNOWN_ID), training=True))
    assert np.array(hidden) == pytest.approx(unknown, abs=1e-6)
    model.letter_dropout.assign(0)


def test_the_kl_term_is_annealed_and_each_training_starts_anew(ids):
    model, start = vae_model.build_model(6, len(WORDS), TINY)
    assert [vae_model.kl_weight(epoch, 4) for epoch in range(6)] == [0, 0, 0, 0.5, 1, 1]
    assert [vae_model.kl_weight(epoch, 0) for epoch in range(2)] == [1, 1]
    first, again, plain = (vae_model.train(model, start, ids, ids, rise, 0, TINY) for rise in (4, 4, 0))
    for history, expected in ((first, [0, 0, 0, 0.5]), (plain, [1, 1, 1, 1])):
        paid = np.array(history["val_loss"]) - history["val_reconstruction"]
        assert paid / history["val_kl"] == pytest.approx(expected, abs=0.02)
    assert first["loss"] != pytest.approx(plain["loss"], abs=1e-3)
    assert again["val_loss"] == pytest.approx(first["val_loss"], abs=1e-4)


def test_measures_and_read_out(model, ids):
    losses, kl, means = vae_model.measure(model, ids, 20)
    mean, log_variance = map(np.array, model.encode(ids))
    expected = (mean**2 + np.exp(log_variance) - 1 - log_variance).sum(axis=1) / 2
    assert kl == pytest.approx(expected, abs=1e-5) and np.array_equal(means, mean)
    assert losses == pytest.approx(np.array(vae_model.reconstruction_loss(ids, model(ids)[0])), abs=2)
    words = vae_model.read_out(model, means, 4)
    logits = np.array(model.decode(means, words))
    assert np.array_equal(words, logits.argmax(axis=2))  # each letter is the most probable after those before


def test_no_word_of_the_test_is_in_training():
    (training, validation, test), corpus = vae.load_words(STORY, 0)
    assert not {*training} & {*validation, *test} and not {*validation} & {*test}
    assert len(training) == pytest.approx(8 * len(test), abs=8)
    assert all(word.isalpha() and 2 <= len(word) <= 12 for word in training + validation + test)
    assert {"mira", "the"} <= {*training, *validation, *test} and corpus["name"] == STORY.name


def test_samples_are_described_by_hand():
    described = vae.describe(["cat", "cat", "tac", "cata", ""], ["cat", "at", "tact"], ["tac"])
    assert described == {"different": 0.8, "in training": 0.4, "held out": 0.2, "new, known triples": 0}
    assert vae.describe(["tat", "tact"], ["tact", "cat", "tatty"])["new, known triples"] == 0.5
    assert vae.triples("at") == {"<at", "at>"}
    assert vae.letters_right(["cat", "at"], ["cut", "a"]) == 3 / 5


def test_a_text_with_few_words_is_refused(script, tmp_path):
    (tmp_path / "short.txt").write_text("one two three 4 five\n" * 30)
    flags = ["--data", tmp_path / "short.txt", "--runs", tmp_path / "runs"]
    assert refused(script("toy_sequence/methods/vae.py", *flags), "short.txt has 4 different words")
    assert not (tmp_path / "runs").exists()


def test_the_script_measures_and_draws(script, tmp_path):
    flags = ["--hidden-size", 2, "--latent-size", 2, "--epochs", 1, "--rise", 1, "--batch-size", 200, "--samples", 5]
    flags += ["--data", STORY, "--runs", tmp_path, "--name", "x"]
    process = script("toy_sequence/methods/vae.py", *flags)
    assert process.returncode == 0, process.stderr
    assert process.stdout.splitlines()[-5] == "Conclusion"
    run = tmp_path / "vae" / "x"
    metrics = json.loads((run / "metrics.json").read_text())
    for row in metrics["results"].values():
        assert row["-ELBO"] == pytest.approx(row["reconstruction"] + row["KL"], abs=1e-4)
    assert len(metrics["results"]) == 4 and len(metrics["samples"]) == 6
    assert (run / "vae.png").stat().st_size > 10_000
