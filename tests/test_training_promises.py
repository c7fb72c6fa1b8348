"""What the hyperparameters promise happens, seen from outside: the scripts train, and a callback looks on.

Each value is compared with one worked out by hand or with NumPy from what the run folder holds.
"""

import csv
import json
import random
import string

import keras
import numpy as np
import pytest


def load(path):
    """A model of a run."""
    import chargen.model  # noqa: F401 - registers its layers
    from common.saving import load_model

    return load_model(path)[0]


PADDED = -1  # the target of a padded step

# A dropout has a rate of its own, by which it is found.
CHARGEN = (
    *("--hidden-size", 8, "--embedding-size", 4, "--batch-size", 4, "--sequence-length", 20, "--sample-length", 1),
    *("--ngrams", 2, 5, "--input-dropout", 0.3, "--dropout", 0.35, "--weight-dropout", 0.4, "--ngram-dropout", 0.45),
    *("--learning-rate", 0.02, "--ngram-learning-rate", 1, "--clip-norm", 0.001, "--epochs", 12, "--patience", 2),
)
SENTIMENT = (
    *("--hidden-size", 4, "--embedding-size", 8, "--batch-size", 16, "--epochs", 3, "--learning-rate", 0.05),
    *("--word-dropout", 0.3, "--input-dropout", 0.35, "--dropout", 0.4, "--sentence-dropout", 0.45),
)
POS_TAGGING = (
    *("--hidden-size", 8, "--filters", 4, "--letter-size", 4, "--batch-size", 8, "--learning-rate", 0.05),
    *("--feature-dropout", 0.3, "--dropout", 0.35, "--epochs", 12, "--patience", 3),
)


# ---------------------------------------------------------------------------------------------------------------------
# Runs: each is trained once, by the first test that asks for it


class Onlooker(keras.callbacks.Callback):
    """Notes the learning rates of each step, and whether a stateful model remembers anything as it begins."""

    def __init__(self, batches, epochs):
        super().__init__()
        self.batches, self.epochs, self.rates, self.remember, self.steps = batches, epochs, [], {}, 0

    def optimizers(self):
        return getattr(self.model.optimizer, "optimizers", [self.model.optimizer])

    def note(self, batch, part):
        stateful = [layer for layer in (self.model, *self.model.layers) if getattr(layer, "stateful", False)]
        states = [np.any(np.array(state)) for layer in stateful for state in layer.states]
        self.remember.setdefault((part, min(batch, 1)), []).append(any(states) if batch == 0 else all(states))

    def on_train_batch_begin(self, batch, logs=None):
        self.rates.append([float(optimizer.learning_rate) for optimizer in self.optimizers()])
        self.note(batch, "training")

    def on_test_batch_begin(self, batch, logs=None):
        self.note(batch, "validation")


@pytest.fixture(scope="module")
def trained():
    return {}


@pytest.fixture
def train(script, trained, tmp_path_factory, monkeypatch):
    """Trains a task on a corpus, a string: the folder of the run, and an `Onlooker` for each training in it."""

    def run(task, corpus, *flags):
        key = task, corpus, flags
        if key not in trained:
            folder, onlookers, fit = tmp_path_factory.mktemp(task), [], keras.Model.fit

            def fit_watched(model, batches, *, epochs, callbacks=(), **keywords):
                onlookers.append(Onlooker(batches, epochs))
                return fit(model, batches, epochs=epochs, callbacks=[*callbacks, onlookers[-1]], **keywords)

            with monkeypatch.context() as patch:
                patch.setattr(keras.Model, "fit", fit_watched)
                (folder / "corpus.txt").write_text(corpus)
                arguments = ["--data", folder / "corpus.txt", "--runs", folder, "--name", "run", *flags]
                process = script(f"{task}/train.py", *arguments)
            assert process.returncode == 0, process.stderr
            trained[key] = folder / task / "run", onlookers
        return trained[key]

    return run


def history_of(run):
    with open(run / "history.csv") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def cosine(rate, steps):
    """The rate of each step of a training of `steps` steps: from `rate` at the first along half a cosine to 0."""
    return rate * (1 + np.cos(np.pi * np.arange(steps) / steps)) / 2


def letters(length, seed):
    return "".join(random.Random(seed).choices("abc", k=length))


# A model that learns noise by heart soon gets worse on other noise: the best epoch is not the last.
NOISE = letters(2500, seed=1)


def tagged_noise(count, seed):
    """Sentences of 3 to 11 made-up words with random tags."""
    generator = random.Random(seed)
    lengths = [generator.randint(3, 11) for _ in range(count)]
    words = ["".join(generator.choices(string.ascii_lowercase, k=5)) for _ in range(sum(lengths))]
    return [[(words.pop(), generator.choice("ABCD")) for _ in range(length)] for length in lengths]


TAGGED = tagged_noise(100, seed=2)


def opinions(count, seed):
    generator = random.Random(seed)
    words = ["".join(generator.choices(string.ascii_lowercase, k=6)) for _ in range(count)]
    return "".join(f"{generator.randint(0, 1)}\t{' '.join(generator.choices(words, k=5))}\n" for _ in range(count))


@pytest.fixture
def chargen(train):
    """An ensemble of two."""
    return train("chargen", NOISE, *CHARGEN, "--ensemble-size", 2)


@pytest.fixture
def pos_tagging(train):
    return train("pos_tagging", "".join(" ".join(map("/".join, each)) + "\n" for each in TAGGED), *POS_TAGGING)


@pytest.fixture
def sentiment(train):
    return train("sentiment", opinions(80, seed=3), *SENTIMENT)


# ---------------------------------------------------------------------------------------------------------------------
# The learning rate


def test_the_rates_of_chargen_fall_along_a_cosine_over_the_whole_training(chargen):
    for onlooker in chargen[1]:
        steps = onlooker.epochs * len(onlooker.batches)
        rates = {round(column[0], 6): column for column in np.transpose(onlooker.rates)}
        assert set(rates) == {0.02, 1.0}
        for rate, column in rates.items():
            assert np.allclose(column, cosine(rate, steps)[: len(column)], atol=1e-6)
        assert steps / 4 < len(onlooker.rates) <= steps


def test_the_rate_of_pos_tagging_falls_along_a_cosine_over_the_whole_training(pos_tagging):
    (onlooker,) = pos_tagging[1]
    steps = onlooker.epochs * len(onlooker.batches)
    assert np.allclose(np.array(onlooker.rates)[:, 0], cosine(0.05, steps)[: len(onlooker.rates)], atol=1e-6)


def test_the_rate_of_sentiment_falls_along_a_cosine_over_the_epochs(sentiment):
    for onlooker in sentiment[1]:
        first_steps = np.array(onlooker.rates)[:: len(onlooker.batches), 0]
        assert len(first_steps) == 3
        assert np.allclose(first_steps, cosine(0.05, 3), atol=1e-6)


# ---------------------------------------------------------------------------------------------------------------------
# Clipping


def test_gradients_are_clipped(chargen):
    """Adam's momentum is a mean of the gradients that it was given: none is longer than `--clip-norm`."""
    onlooker = chargen[1][-1]
    (adam,) = (optimizer for optimizer in onlooker.optimizers() if isinstance(optimizer, keras.optimizers.Adam))
    lengths = [np.linalg.norm(np.array(v)) for v in adam.variables if "momentum" in v.path]
    assert len(lengths) == 6  # embedding, three of the LSTM, two of the last layer
    assert 0.0001 < max(lengths) <= 0.001


def test_gradients_of_sentiment_are_clipped_to_a_length_of_one(sentiment):
    optimizer = sentiment[1][-1].model.optimizer
    for variable in optimizer.variables:
        variable.assign(keras.ops.zeros_like(variable))
    weights = sentiment[1][-1].model.trainable_variables
    optimizer.apply([keras.ops.full(weight.shape, 1e6) for weight in weights], weights)
    lengths = [np.linalg.norm(np.array(v)) for v in optimizer.variables if "momentum" in v.path]
    assert len(lengths) == len(weights)
    assert np.allclose(lengths, 0.1, atol=1e-4)  # a tenth of the gradient enters the momentum


# ---------------------------------------------------------------------------------------------------------------------
# Dropout


def dropped(onlooker, monkeypatch):
    """For each rate of dropout: what each such layer did in one step of training, as arrays, true where it zeroed."""
    found, call = {}, keras.layers.Dropout.call

    def watched(layer, inputs, training=False):
        outputs = call(layer, inputs, training=training)
        zero = np.where(np.array(inputs) == 0, np.nan, np.array(outputs) == 0)  # not a number: zero before
        found.setdefault(round(layer.rate, 3), []).append(zero)
        return outputs

    batch = max((inputs for inputs, _ in onlooker.batches), key=len)
    with monkeypatch.context() as patch:
        patch.setattr(keras.layers.Dropout, "call", watched)
        onlooker.model(batch, training=True)
        during = found.copy()
        found.clear()
        onlooker.model(batch, training=False)
    assert not any(np.nansum(zero) for layers in found.values() for zero in layers)  # outside training: nothing
    return during


def together_along(zero):
    """The axes along which all numbers are zeroed together."""
    pairs = ((axis, np.diff(zero, axis=axis)) for axis in range(zero.ndim))
    return {axis for axis, steps in pairs if steps.size and not np.nansum(np.abs(steps))}


def check_dropout(zeros, shapes):
    """Args: shapes, rate -> the axes that are zeroed together."""
    for rate, axes in shapes.items():
        for zero in zeros[rate]:
            assert together_along(zero) == axes, rate
        shares = np.concatenate([zero[~np.isnan(zero)] for zero in zeros[rate]])
        assert abs(shares.mean() - rate) < 0.25, rate


def test_dropout_of_chargen(chargen, monkeypatch):
    """Inputs and outputs the same ones at all steps, weights one by one; n-gram logits a length at a time."""
    zeros = dropped(chargen[1][-1], monkeypatch)
    assert [zero.shape for zero in zeros[0.4]] == [(8, 32)]  # the recurrent weights of an LSTM
    check_dropout(zeros, {0.3: {1}, 0.35: {1}, 0.4: set(), 0.45: {3}})


def test_dropout_of_sentiment(sentiment, monkeypatch):
    """Whole words; the same numbers in all words; single numbers of the sentence; the sentence or nothing of it."""
    zeros = dropped(sentiment[1][-1], monkeypatch)
    check_dropout(zeros, {0.3: {2}, 0.35: {1}, 0.4: set(), 0.45: {1}})


def test_dropout_of_pos_tagging(pos_tagging, monkeypatch):
    """Whole features of a word; single numbers of the recurrent layers' inputs and outputs."""
    zeros = dropped(pos_tagging[1][-1], monkeypatch)
    assert len(zeros[0.3]) > 5  # each feature for itself
    assert len(zeros[0.35]) == 3  # before, between and after the two layers
    check_dropout(zeros, {0.3: {2}, 0.35: set()})


# ---------------------------------------------------------------------------------------------------------------------
# States, the best epoch, early stopping


def test_states_are_forgotten_before_each_epoch_and_each_validation(chargen):
    for onlooker in chargen[1]:
        assert not any(onlooker.remember["training", 0] + onlooker.remember["validation", 0])
        assert all(onlooker.remember["training", 1] + onlooker.remember["validation", 1])
        assert len(onlooker.remember["training", 0]) == len(onlooker.remember["validation", 0]) > 1


def test_the_best_epoch_of_chargen_is_kept_and_training_stops_in_time(chargen):
    """The kept model reads the validation part from its beginning, in streams side by side, as training did."""
    run, _ = chargen
    values = [row["val_bits_per_character"] for row in history_of(run)]
    best = int(np.argmin(values))
    assert best < len(values) - 1 < 11
    assert len(values) == best + 1 + 2  # --patience

    model, text = load(run / "model.keras"), np.array(["abc".index(letter) for letter in NOISE])
    validation = text[int(0.8 * len(text)) : int(0.9 * len(text))]
    steps = (len(validation) - 1) // 4 // 20 * 20  # of a stream: whole batches of 4 streams and 20 characters
    streams, targets = (validation[first:][: 4 * steps].reshape(4, steps) for first in (0, 1))
    logits = [model.predict_on_batch(streams[:, start : start + 20].astype("int32")) for start in range(0, steps, 20)]
    logits = np.concatenate(logits, axis=1).astype("float64")
    right = np.take_along_axis(logits, targets[..., None], axis=-1)[..., 0]
    bits = (np.log(np.exp(logits).sum(-1)) - right) / np.log(2)
    assert bits.mean() == pytest.approx(values[best], abs=1e-5)


def test_the_best_epoch_of_pos_tagging_is_kept_and_training_stops_in_time(pos_tagging, script):
    """As chargen, but higher is better. tag.py tags the sentences of the validation part; padded steps do not count."""
    run, _ = pos_tagging
    values = [row["val_masked_accuracy"] for row in history_of(run)]
    best = int(np.argmax(values))
    assert best < len(values) - 1 < 11
    assert len(values) == best + 1 + 3  # --patience

    validation = TAGGED[70:80]
    lines = [" ".join(word for word, _ in sentence) for sentence in validation]
    said = script("pos_tagging/tag.py", "--run", run, *lines).stdout.split()
    true = [f"{word}/{tag}" for sentence in validation for word, tag in sentence]
    assert np.mean([a == b for a, b in zip(said, true, strict=True)]) == pytest.approx(values[best], abs=1e-6)


# ---------------------------------------------------------------------------------------------------------------------
# Members, masks


def test_members_differ_only_in_their_seed(chargen, train):
    run, _ = chargen
    alone, _ = train("chargen", NOISE, *CHARGEN, "--seed", 1)
    member, model, same = (
        load(path).get_weights() for path in (run / "member-2.keras", run / "model.keras", alone / "model.keras")
    )
    assert all(np.array_equal(a, b) for a, b in zip(member, same, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(member, model, strict=True))


def test_the_headline_is_that_of_one_member(chargen, train):
    run, _ = chargen
    metrics = json.loads((run / "metrics.json").read_text())
    bits = metrics["all_bits_per_character"]
    assert metrics["test_bits_per_character"] == bits["model"] != bits["ensemble of 2"]


def test_padded_steps_count_neither_in_loss_nor_in_accuracy(pos_tagging):
    (onlooker,) = pos_tagging[1]
    model = onlooker.model
    inputs, targets = next((x.numpy(), y.numpy()) for x, y in onlooker.batches if (y.numpy() == PADDED).any())
    real = targets != PADDED
    logits = model.predict_on_batch(inputs).astype("float64")
    costs = np.log(np.exp(logits).sum(-1)) - np.take_along_axis(logits, np.maximum(targets, 0)[..., None], -1)[..., 0]
    expected = {"loss": costs[real].mean(), "masked_accuracy": (logits.argmax(-1) == targets)[real].mean()}
    for more in (0, 5):  # further steps of padding
        x, y = (
            np.pad(a, ((0, 0), (0, more), (0, 0))[: a.ndim], constant_values=v)
            for a, v in ((inputs, 0), (targets, PADDED))
        )
        model.reset_metrics()
        measured = model.test_on_batch(x, y, return_dict=True)
        assert measured == pytest.approx(expected, abs=1e-5)
