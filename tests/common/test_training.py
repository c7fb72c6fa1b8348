import json
import os
import zipfile
from dataclasses import dataclass, replace
from typing import Literal

import keras
import numpy as np
import pytest
import tensorflow as tf

from common import InputError, training
from common.text import Vocabulary, epochs


@dataclass(frozen=True)
class Options(training.RunOptions):
    preset: Literal["default", "book"] = "default"
    hidden_size: int = 8  # units of the layer
    lengths: tuple[int, ...] = (1, 2)
    dropout: float = 0.5
    cell: Literal["lstm", "gru"] = "lstm"


PRESETS = {"default": Options(), "book": Options(preset="book", hidden_size=99)}


def parse(*arguments):
    return training.parse_flags(Options, list(arguments), presets=PRESETS)


# Flags


def test_flags_override_defaults():
    assert parse("--hidden-size", "3", "--cell", "gru") == Options(hidden_size=3, cell="gru")


def test_preset_changes_the_defaults_and_flags_still_win():
    assert parse("--preset", "book").hidden_size == 99
    assert parse("--preset=book", "--hidden-size", "5") == Options(preset="book", hidden_size=5)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--hiden-size", "3"], "--hiden-size"),
        (["--hidden-size", "many"], "--hidden-size"),
        (["--hidden-size"], "--hidden-size"),
        (["--cell", "rnn"], "--cell"),
        (["--preset", "blog"], "--preset"),
        (["--hidden-size", "0"], "--hidden-size is 0"),
        (["--hidden-size", "-4"], "--hidden-size is -4"),
        (["--lengths", "3", "0"], "--lengths is 0"),
        (["--dropout", "1"], "--dropout is 1.0"),
        (["--dropout", "nan"], "--dropout is nan"),
        (["--seed", "-1"], "--seed"),
        (["--seed", "4294967296"], "--seed is 4294967296"),
        (["--name", "\udce9"], "not valid UTF-8"),
    ],
)
def test_bad_flags_are_named_in_one_line(arguments, named):
    with pytest.raises(InputError) as error:
        parse(*arguments)
    assert named in str(error.value)
    assert "\n" not in str(error.value)


def test_a_dropout_and_a_seed_of_zero_are_fine():
    assert parse("--dropout", "0", "--seed", "0").dropout == 0


# Run folders


def test_a_run_is_never_overwritten(tmp_path):
    options = Options(runs=tmp_path, name="first")
    run = training.start_run("task", options)
    assert json.loads((run / "hyperparameters.json").read_text())["hidden_size"] == 8
    with pytest.raises(InputError, match="exists already"):
        training.start_run("task", options)


def test_a_name_may_not_leave_the_folder(tmp_path):
    with pytest.raises(InputError, match="plain name"):
        training.start_run("task", Options(runs=tmp_path, name="../elsewhere"))
    assert not (tmp_path.parent / "elsewhere").exists()


def test_latest_points_to_the_newest_finished_run(tmp_path):
    for name in ("one", "two"):
        run = training.start_run("task", Options(runs=tmp_path, name=name))
        training.finish_run(run, "task", {"seed": 0})
    training.start_run("task", Options(runs=tmp_path, name="unfinished"))
    assert (tmp_path / "task" / "latest").resolve().name == "two"
    assert {"tensorflow", "keras", "numpy"} <= set(training.open_run(tmp_path / "task" / "latest")[1]["versions"])


TEXT = {"name": "a text", "sha256": "aa"}


def killed(options, corpus=TEXT):
    """A run that was started by a process that is gone."""
    run = training.start_run("task", options, corpus=corpus)
    training.release_locks()
    return run


def resume(options, corpus=TEXT):
    try:
        return training.start_run("task", options, corpus=corpus)
    finally:
        training.release_locks()


def test_resume_finds_the_unfinished_run_and_wants_the_same_flags(tmp_path):
    options = Options(runs=tmp_path, name="one")
    run = killed(options)
    again = replace(options, name=None, resume=True)
    assert resume(again) == run
    with pytest.raises(InputError, match="--hidden-size 8, not 9"):
        resume(replace(again, hidden_size=9))
    training.finish_run(run, "task", {})
    with pytest.raises(InputError, match="finished"):
        resume(replace(again, name="one"))
    with pytest.raises(InputError, match="no unfinished run"):
        resume(again)


def test_a_run_is_resumed_on_the_same_corpus_only(tmp_path):
    options = Options(runs=tmp_path, name="one")
    killed(options)
    with pytest.raises(InputError, match=r"a text \(SHA-256 aa\), but .* is generated sample \(SHA-256 bb\)"):
        resume(replace(options, resume=True), {"name": "generated sample", "sha256": "bb"})
    assert resume(replace(options, resume=True))


@pytest.mark.parametrize("name", ["../one", "latest", "a/b"])
def test_the_name_of_a_run_to_resume_is_checked_too(tmp_path, name):
    killed(Options(runs=tmp_path, name="one"))
    with pytest.raises(InputError, match="plain name"):
        resume(Options(runs=tmp_path / "task", name=name, resume=True))


def test_a_run_that_is_being_trained_is_not_taken_and_stays_as_it_is(tmp_path):
    dead = killed(Options(runs=tmp_path, name="dead"))
    live = training.start_run("task", Options(runs=tmp_path, name="live"), corpus=TEXT)
    (live / ".part-1-model.keras").write_text("half written")
    (dead / ".part-2-model.keras").write_text("half written")
    os.utime(dead, (0, 0))  # the live one is the newest
    with pytest.raises(InputError, match="another process"):
        training.start_run("task", Options(runs=tmp_path, name="live", resume=True), corpus=TEXT)
    assert training.start_run("task", Options(runs=tmp_path, resume=True), corpus=TEXT) == dead
    assert (live / ".part-1-model.keras").exists()
    assert not (dead / ".part-2-model.keras").exists()
    training.release_locks()


def test_a_run_resumed_with_other_code_says_so(tmp_path, monkeypatch, capsys):
    options = Options(runs=tmp_path, name="one")
    run = killed(options)
    monkeypatch.setattr(training, "_code_version", lambda task: "other code")
    resume(replace(options, resume=True))
    assert "the code has changed" in capsys.readouterr().out
    training.finish_run(run, "task", {"seed": 0})
    assert training.read_json(run / "metrics.json")["code_changed_during_training"] is True


def test_the_best_epoch_is_the_one_that_is_kept(tmp_path):
    values = iter([3.0, 1.0, 2.0])

    class Scripted(keras.callbacks.Callback):
        """Sets the weights to the number of the epoch, and the monitored value as scripted."""

        def on_epoch_end(self, epoch, logs=None):
            self.model.set_weights([np.full((1, 1), float(epoch))])
            logs["val_loss"] = next(values)

    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.compile("sgd", "mse")
    data = np.zeros((2, 1)), np.zeros((2, 1))
    batches = epochs(lambda epoch: iter([data]), (tf.TensorSpec((2, 1)),) * 2, steps=1)
    kept = training.callbacks(tmp_path, "val_loss", {}, Options(), batches, patience=9)
    model.fit(batches, validation_data=data, epochs=3, callbacks=[Scripted(), *kept], verbose=0, shuffle=False)
    assert training.load_model(tmp_path / "model.keras")[0].get_weights()[0] == 1  # the second epoch


# Models and JSON


@pytest.fixture
def saved(tmp_path):
    model = keras.Sequential([keras.Input((None,), dtype="int32"), keras.layers.Embedding(9, 4), keras.layers.GRU(3)])
    training.save_model(model, tmp_path / "model.keras", words=Vocabulary(["", "[UNK]", "naïve"]))
    return model, tmp_path / "model.keras"


def test_reloaded_model_and_vocabulary_are_the_same(saved):
    model, path = saved
    loaded, vocabularies = training.load_model(path)
    ids = np.array([[1, 5, 8], [2, 0, 7]])
    assert np.array_equal(model.predict(ids, verbose=0), loaded.predict(ids, verbose=0))
    assert vocabularies["words"].encode(["naïve", "never"]).tolist() == [2, 1]


def test_keras_itself_loads_the_file(saved):
    model, path = saved
    assert np.array_equal(keras.saving.load_model(path).get_weights()[0], model.get_weights()[0])


@pytest.mark.parametrize("share", [0, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 0.95, 0.99, 0.999])
def test_a_truncated_model_is_refused(saved, share):
    _, path = saved
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(InputError, match="damaged"):
        training.load_model(path)


def test_a_model_with_code_in_it_is_refused(tmp_path):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Lambda(lambda value: value)])
    training.save_model(model, tmp_path / "model.keras")
    with pytest.raises(InputError, match=r"(?i)lambda"):
        training.load_model(tmp_path / "model.keras")


def test_a_model_with_a_foreign_class_is_refused_and_its_module_is_not_imported(saved, tmp_path, monkeypatch):
    _, path = saved
    (tmp_path / "foreign.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    config["config"]["layers"][1] |= {"module": "foreign", "class_name": "Layer", "registered_name": "Layer"}
    members["config.json"] = json.dumps(config)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(InputError, match="could not be deserialized"):
        training.load_model(path)


def test_a_failed_save_leaves_the_old_model_and_no_rubbish(saved, monkeypatch):
    model, path = saved
    before = path.read_bytes()

    def full(*arguments):
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        training.save_model(model, path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_json_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "metrics.json"
    training.write_json(path, {"seed": 1})
    with pytest.raises(TypeError):
        training.write_json(path, {"seed": object()})
    assert training.read_json(path) == {"seed": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_evaluating_on_another_corpus_is_refused():
    metrics = {"corpus": {"name": "Alice", "sha256": "aa"}}
    training.check_corpus(metrics, {"name": "Alice", "sha256": "aa"})
    with pytest.raises(InputError, match=r"aa.*bb"):
        training.check_corpus(metrics, {"name": "generated sample", "sha256": "bb"})
