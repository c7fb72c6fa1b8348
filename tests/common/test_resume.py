"""A training that is interrupted anywhere and resumed ends as one that was not. In one process here; killed for good in
tests/test_resume.py."""

import os
import signal

import keras
import numpy as np
import pytest

from common import InputError, callbacks, runs, saving
from common.batches import stream_batches
from common.fast_rnn import LSTM
from common.vocabulary import Vocabulary

IDS = np.random.default_rng(0).integers(0, 9, 200).astype("int32")
EPOCHS, STEPS = 3, 199 // 2 // 10


def train(run, stop_at=None, patience=9, every=4, batches=None, **more):
    """A stateful LSTM with dropout, Adam and a metric, on streams; interrupted at the callback `stop_at`."""
    keras.utils.set_random_seed(3)
    layers = [keras.layers.Embedding(9, 4), keras.layers.Dropout(0.5), LSTM(5, return_sequences=True, stateful=True)]
    model = keras.Sequential([keras.Input((10,), 2, dtype="int32"), *layers, keras.layers.Dense(9)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.02), loss, metrics=[keras.metrics.SparseCategoricalAccuracy("accuracy")])
    batches = batches or stream_batches(IDS, 2, 10, seed=3)
    options = runs.RunOptions(save_every=every)
    kept = callbacks.run_callbacks(run, "val_loss", {"ids": Vocabulary("abc")}, options, batches, patience, **more)
    model.fit(
        batches,
        validation_data=stream_batches(IDS, 2, 10),
        epochs=EPOCHS,
        callbacks=[*kept, *([stop_at] if stop_at else [])],
        verbose=0,
        shuffle=False,
    )
    return model


class StopAt(keras.callbacks.Callback):
    """As if the process were killed after a step of an epoch, or while the epoch is validated."""

    def __init__(self, epoch, step):
        super().__init__()
        self.at, self.epoch = (epoch, step), 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch + 1) == self.at:
            raise SystemExit

    def on_test_batch_end(self, batch, logs=None):
        if (self.epoch, "validation") == self.at:
            raise SystemExit


class InterruptAfterTheLastEpoch(keras.callbacks.Callback):
    """Ctrl-C when the last epoch is saved, before the training has ended."""

    def on_epoch_end(self, epoch, logs=None):
        if epoch == EPOCHS - 1:
            os.kill(os.getpid(), signal.SIGINT)


def test_an_interruption_after_the_last_epoch_is_not_lost(tmp_path):
    with pytest.raises(KeyboardInterrupt, match="saved"):
        train(tmp_path, InterruptAfterTheLastEpoch())
    train(tmp_path)  # has no epochs left
    assert (tmp_path / "history.csv").read_text().count("\n") == 1 + EPOCHS


def everything(model):
    return [*model.get_weights(), *map(np.asarray, model.optimizer.variables)]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    run = tmp_path_factory.mktemp("run")
    return everything(train(run)), (run / "history.csv").read_text(), saving.load_model(run / "model.keras")[0]


@pytest.mark.parametrize("at", [(0, 1), (0, 6), (0, STEPS), (0, "validation"), (1, 5), (2, STEPS), (2, "validation")])
def test_an_interrupted_training_ends_with_the_same_bits(uninterrupted, tmp_path, at):
    with pytest.raises(SystemExit):
        train(tmp_path, StopAt(*at))
    model = train(tmp_path)
    weights, history, best = uninterrupted
    for value, expected in zip(everything(model), weights, strict=True):
        assert np.array_equal(value, expected)
    assert (tmp_path / "history.csv").read_text() == history
    loaded = saving.load_model(tmp_path / "model.keras")[0]
    for value, expected in zip(loaded.get_weights(), best.get_weights(), strict=True):
        assert np.array_equal(value, expected)


def test_a_training_that_has_ended_is_not_trained_again(uninterrupted, tmp_path):
    train(tmp_path)
    before = (tmp_path / "model.keras").read_bytes()
    train(tmp_path, StopAt(0, 1))  # which never comes
    assert (tmp_path / "model.keras").read_bytes() == before


def test_patience_is_remembered(tmp_path):
    class Worsening(keras.callbacks.Callback):  # best in the first epoch, worse from then on
        def on_epoch_end(self, epoch, logs=None):
            logs["val_loss"] = 1.0 + epoch

    class Killed(keras.callbacks.Callback):
        def __init__(self, epoch):
            super().__init__()
            self.epoch = epoch

        def on_epoch_begin(self, epoch, logs=None):
            if epoch > self.epoch:
                raise SystemExit

    def fit(run, *first_and_last, patience):
        first, *last = first_and_last
        keras.utils.set_random_seed(3)
        model = keras.Sequential([keras.Input((10,), dtype="int32"), keras.layers.Embedding(9, 9)])
        model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        batches = stream_batches(IDS, 2, 10)
        kept = callbacks.run_callbacks(run, "val_loss", {}, runs.RunOptions(), batches, patience)
        model.fit(batches, epochs=9, callbacks=[first, *kept, *last], verbose=0, shuffle=False)

    (tmp_path / "whole").mkdir()
    (tmp_path / "parts").mkdir()
    fit(tmp_path / "whole", Worsening(), patience=3)
    for started in range(9):
        try:
            fit(tmp_path / "parts", Worsening(), Killed(started), patience=3)
            break
        except SystemExit:
            pass
    assert started > 1  # it was killed more than once
    histories = [(tmp_path / run / "history.csv").read_text() for run in ("whole", "parts")]
    assert histories[0] == histories[1]
    assert len(histories[0].splitlines()) == 1 + 4  # the best epoch, and three that are no better


def test_the_data_of_an_epoch_follow_from_its_number():
    def order(batches):
        return [inputs.tolist() for inputs, _ in batches.as_numpy_iterator()]

    batches, other = stream_batches(IDS, 2, 10, seed=3), stream_batches(IDS, 2, 10, seed=3)
    first, second = order(batches), order(batches)
    assert first != second
    other.epoch.number = 1
    assert order(other) == second


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_damaged_backup_is_refused(tmp_path, share):
    with pytest.raises(SystemExit):
        train(tmp_path, StopAt(1, 1))
    backup = tmp_path / "backup" / "model.npz"
    content = backup.read_bytes()
    backup.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(InputError, match=r"model\.npz is damaged"):
        train(tmp_path)


def test_a_full_disk_leaves_the_backup_before(tmp_path, monkeypatch):
    with pytest.raises(SystemExit):
        train(tmp_path, StopAt(1, 1))
    before = (tmp_path / "backup" / "model.npz").read_bytes()

    def full(file, **arrays):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space"):
        train(tmp_path)
    assert (tmp_path / "backup" / "model.npz").read_bytes() == before
    assert [path.name for path in (tmp_path / "backup").iterdir()] == ["model.npz"]


def test_all_that_changes_is_saved(tmp_path):
    """Of every kind of variable: weights, optimizer, dropout's counter, the LSTM's states, the metrics."""
    with pytest.raises(SystemExit):
        train(tmp_path, StopAt(0, 4))
    with np.load(tmp_path / "backup" / "model.npz") as archive:
        shapes = {name: archive[name].shape for name in archive.files}
    assert [shape for name, shape in shapes.items() if name.startswith("states-")] == [(2, 5), (2, 5)]
    assert (2,) in [shape for name, shape in shapes.items() if name.startswith("model-")]  # the counter
    assert any(name.startswith("optimizer-") for name in shapes)
    assert any(name.startswith("metrics-") for name in shapes)
