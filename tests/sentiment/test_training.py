import csv
import math
from dataclasses import replace

import keras
import numpy as np
import pytest

from common.data import deduplicate, parse_opinions
from common.ensemble import members
from common.padding import pad
from common.sample import opinions
from common.saving import load_model
from sentiment import training
from sentiment.model import build_model, predict
from sentiment.scoring import load_classifier
from sentiment.subwords import make_encoder, make_vocabulary
from sentiment.train import Hyperparameters, for_raw_file
from sentiment.training import best_calibration, compiled_model, fit, split_validation, train_and_save

TINY = Hyperparameters(embedding_size=5, hidden_size=6, word_dropout=0.0, input_dropout=0.0, dropout=0.0, epochs=1)
ROWS = deduplicate(parse_opinions(opinions(400), "sample")[0])
LABELS, SENTENCES = zip(*ROWS, strict=True)
INPUTS = list(map(make_encoder(make_vocabulary(SENTENCES, TINY)), SENTENCES))


def trained_weights(rows, hyperparameters):
    return fit(build_model, hyperparameters, INPUTS[rows], LABELS[rows]).get_weights()


def test_a_training_does_not_depend_on_the_one_before():
    first = trained_weights(slice(60), TINY)
    trained_weights(slice(60, 150), replace(TINY, seed=3))
    again = trained_weights(slice(60), TINY)
    assert all(np.allclose(one, other, atol=1e-5) for one, other in zip(first, again, strict=True))
    assert not np.allclose(first[0], trained_weights(slice(60), replace(TINY, seed=1))[0], atol=1e-3)


def test_one_compiled_model_serves_all_seeds_and_lengths():
    fit(build_model, replace(TINY, seed=5), INPUTS[:60], LABELS[:60])
    before = compiled_model.cache_info().misses
    fit(build_model, replace(TINY, seed=6, epochs=2), INPUTS[60:150], LABELS[60:150])
    assert compiled_model.cache_info().misses == before


def test_the_accuracy_of_training_says_positive_above_a_probability_of_one_half():
    model, inputs = compiled_model(build_model, TINY), pad(INPUTS[:60])
    generator = np.random.default_rng(1)
    model.set_weights([generator.normal(0, 0.3, weight.shape) for weight in model.get_weights()])
    model.get_layer("calibration").set_weights(np.array([1, 0]))
    logits = model.predict_on_batch(inputs)[:, 0]
    said = logits > 0
    assert 0 < said.sum() < 60 and (np.abs(logits) < 0.5).any()
    model.reset_metrics()
    measured = model.test_on_batch(inputs, said.astype("float32"), return_dict=True)
    assert measured["accuracy"] == 1


def test_the_learning_rate_falls_along_a_cosine_epoch_by_epoch():
    rates = []

    class Watch(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            rates.append(float(self.model.optimizer.learning_rate))

    hyperparameters = replace(TINY, learning_rate=0.01, epochs=4, batch_size=100)
    fit(build_model, hyperparameters, INPUTS[:60], LABELS[:60], lambda batches, monitor: [Watch()])
    expected = [0.01, 0.005 * (1 + np.sqrt(0.5)), 0.005, 0.005 * (1 - np.sqrt(0.5))]
    assert len(rates) % 4 == 0
    assert np.allclose(rates, np.repeat(expected, len(rates) // 4))


def test_the_raw_file_is_trained_on_by_one_model_for_three_epochs_at_most():
    both = [for_raw_file(replace(TINY, epochs=epochs, ensemble_size=4)) for epochs in (2, 9)]
    assert [(each.epochs, each.ensemble_size) for each in both] == [(2, 1), (3, 1)]


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """The folder with an ensemble of two as `model.keras`."""
    folder = tmp_path_factory.mktemp("pair")
    train_and_save(folder, "model", ROWS, ["ham", "spam"], replace(TINY, ensemble_size=2))
    return folder


def test_an_ensemble_gives_the_mean_of_its_members_probabilities(pair):
    model, vocabularies = load_model(pair / "model.keras")
    inputs = make_encoder(vocabularies["subwords"])(SENTENCES[0])[None]
    both = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    probabilities = [1 / (1 + np.exp(-float(member(inputs)[0, 0]))) for member in both]
    assert len(probabilities) == 2 and abs(probabilities[0] - probabilities[1]) > 1e-5
    assert 1 / (1 + np.exp(-float(model(inputs)[0, 0]))) == pytest.approx(np.mean(probabilities), abs=1e-6)


def test_the_members_are_what_single_trainings_with_their_seeds_give(pair):
    model, _ = load_model(pair / "model.keras")
    options = replace(TINY, ensemble_size=2, seed=TINY.seed)
    for name, seed in members(options):
        single = fit(build_model, replace(TINY, seed=seed), INPUTS, LABELS).get_weights()
        assert all(
            np.allclose(one, other, atol=1e-4)
            for one, other in zip(model.get_layer(name).get_weights(), single, strict=True)
        )


def test_predictions_survive_saving_and_come_in_order_of_the_sentences(pair):
    model, encode = load_classifier(pair / "model.keras")
    assert load_model(pair / "model.keras")[1]["labels"].tokens == ["ham", "spam"]
    together = predict(model, encode, SENTENCES[:40])
    assert ((together > 0) & (together < 1)).all()
    alone = np.concatenate([predict(model, encode, [sentence]) for sentence in SENTENCES[:3]])
    assert np.allclose(together[:3], alone, atol=1e-5)


def test_only_the_main_model_has_a_history(pair, tmp_path):
    assert (pair / "history.csv").read_text().splitlines()[0] == "epoch,accuracy,learning_rate,loss"
    train_and_save(tmp_path, "fold-1", ROWS[:60], ["ham", "spam"], TINY)
    assert [path.name for path in tmp_path.iterdir()] == ["fold-1.keras"]


def test_a_model_that_is_there_is_not_trained_again(tmp_path, monkeypatch):
    (tmp_path / "fold-1.keras").write_text("as it was")
    monkeypatch.setattr(training, "fit", None)
    train_and_save(tmp_path, "fold-1", ROWS[:60], ["ham", "spam"], TINY)
    assert (tmp_path / "fold-1.keras").read_text() == "as it was"


def test_a_tenth_of_many_sentences_validates():
    assert [len(rows) for rows in split_validation(training.MANY - 1)] == [training.MANY - 1, 0]
    rows, validation = split_validation(4000)
    assert len(validation) == 400 and sorted([*rows, *validation]) == list(range(4000))
    assert 1800 < np.mean(validation) < 2200  # from everywhere in the file


def test_the_temperature_by_hand():
    """Logits of 4 and -4, of which three quarters are right: the probability should be 3/4, the logit log 3. There are
    as many sure ones, 100 and -100, all of them right: no label is wrong because the sentence does not say it."""
    logits = np.array([4.0, 4, 4, 4, -4, -4, -4, -4, *[100, -100] * 20])
    labels = np.array([1, 1, 1, 0, 0, 0, 0, 1, *[1, 0] * 20])
    for scale in (1, 10):
        temperature, wrong = best_calibration(logits / scale, labels)
        assert temperature == pytest.approx(4 / scale / math.log(3), rel=0.02) and wrong == 0


def test_the_share_of_wrong_labels_is_found():
    """The sigmoid of half the logit says how likely a sentence is positive; then a tenth of the labels are turned."""
    generator = np.random.default_rng(0)
    logits = generator.normal(0, 8, 20_000)
    labels = generator.random(20_000) < 1 / (1 + np.exp(-logits / 2))
    assert best_calibration(logits, labels) == pytest.approx((2, 0), rel=0.05)
    labels ^= generator.random(20_000) < 0.1
    assert best_calibration(logits, labels) == pytest.approx((2, 0.1), rel=0.05)


def test_of_many_sentences_the_best_epoch_is_kept_and_calibrated_on_the_validation_part(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "MANY", 100)
    monkeypatch.setattr(training, "MAX_EPOCHS", 8)
    noise = [(int(label), sentence) for label, (_, sentence) in zip(np.arange(200) % 7 % 2, ROWS, strict=False)]
    (tmp_path / "backup").mkdir()
    for name in ("model", "fold-1"):
        train_and_save(tmp_path, name, noise, ["ham", "spam"], replace(TINY, epochs=10, learning_rate=0.05))
    with open(tmp_path / "history.csv") as file:
        losses = [float(row["val_loss"]) for row in csv.DictReader(file)]
    assert 0 < np.argmin(losses) + training.PATIENCE == len(losses) - 1 < 7  # stopped before the last epoch

    rows = split_validation(len(noise))[1]
    labels = np.array([noise[row][0] for row in rows])
    for name in ("model", "fold-1"):  # the one is restored from its file, the other from memory
        model, encode = load_classifier(tmp_path / f"{name}.keras")
        calibration = model.get_layer("calibration")
        found = calibration.get_weights()
        calibration.set_weights(np.array([1, 0]))
        logits = model(pad([encode(noise[row][1]) for row in rows])).numpy()[:, 0]
        assert np.logaddexp(0, -np.where(labels, logits, -logits)).mean() == pytest.approx(min(losses), abs=1e-4)
        assert found == pytest.approx(best_calibration(logits, labels), rel=1e-3) != [1, 0]


def test_a_calibration_that_is_in_the_file_of_the_best_epoch_is_found_anew(tmp_path, monkeypatch):
    """A training that is resumed after its last epoch finds the calibrated model in its file."""
    monkeypatch.setattr(training, "MANY", 100)
    saved, generator = compiled_model(build_model, TINY), np.random.default_rng(0)
    saved.set_weights([generator.normal(0, 0.3, weight.shape) for weight in saved.get_weights()])
    calibration = saved.get_layer("calibration")
    calibration.set_weights(np.array([1, 0]))
    logits = saved.predict_on_batch(pad(INPUTS))[:, 0]
    labels = (logits > 0) ^ (generator.random(len(INPUTS)) < 0.2)
    validation = split_validation(len(INPUTS))[1]
    expected = best_calibration(logits[validation], labels[validation])
    calibration.set_weights(np.array([5, 0.3]))
    saved.save(tmp_path / "model.keras")
    model = fit(build_model, TINY, INPUTS, labels, lambda batches, monitor: [], tmp_path / "model.keras")
    assert model.get_layer("calibration").get_weights() == pytest.approx(expected, rel=1e-3)
