import json
import os
import zipfile

import keras
import numpy as np
import pytest

from common import InputError, saving
from common.vocabulary import Vocabulary


@pytest.fixture
def saved(tmp_path):
    model = keras.Sequential([keras.Input((None,), dtype="int32"), keras.layers.Embedding(9, 4), keras.layers.GRU(3)])
    saving.save_model(model, tmp_path / "model.keras", words=Vocabulary(["", "[UNK]", "naïve"]))
    return model, tmp_path / "model.keras"


def test_reloaded_model_and_vocabulary_are_the_same(saved):
    model, path = saved
    loaded, vocabularies = saving.load_model(path)
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
        saving.load_model(path)


def test_a_model_with_code_in_it_is_refused(tmp_path):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Lambda(lambda value: value)])
    saving.save_model(model, tmp_path / "model.keras")
    with pytest.raises(InputError, match=r"(?i)lambda"):
        saving.load_model(tmp_path / "model.keras")


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
        saving.load_model(path)


def test_a_failed_save_leaves_the_old_model_and_no_rubbish(saved, monkeypatch):
    model, path = saved
    before = path.read_bytes()

    def full(*arguments):
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        saving.save_model(model, path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_json_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "metrics.json"
    saving.write_json(path, {"seed": 1})
    with pytest.raises(TypeError):
        saving.write_json(path, {"seed": object()})
    assert saving.read_json(path) == {"seed": 1}
    assert list(tmp_path.iterdir()) == [path]
