import json
import sys
from dataclasses import replace

import numpy as np
import pytest

from chargen import compare
from chargen.model import build_model
from chargen.train import Hyperparameters
from common import InputError
from common.vocabulary import Vocabulary

VOCABULARY = Vocabulary.of_characters("abcdefghij ")
TINY = Hyperparameters(embedding_size=5, hidden_size=7, batch_size=1)


@pytest.fixture
def table(monkeypatch):
    """The rows for a text of 400 characters, with two compressors: one copies, one sees whether a text is known."""
    sizes = {"copy": len, "memory": lambda data: len(data[:320]) + 2 * len(data[360:])}
    monkeypatch.setattr(compare, "compressors", lambda: sizes)
    ids = np.random.default_rng(0).integers(0, 11, 400).astype("int32")
    models = [build_model(replace(TINY, seed=seed), len(VOCABULARY)) for seed in range(2)]
    return {
        name: columns for name, *columns in compare.compare(models, VOCABULARY, ids, "".join(VOCABULARY.decode(ids)))
    }


def test_a_compressor_pays_for_what_the_test_part_adds(table):
    assert table["copy"] == [8, 8]
    assert table["memory"] == [0, 16]  # after the training part, 320 and 40 characters; after both, 360 and 40


def test_the_second_column_has_read_a_tenth_more(table):
    adaptive = "adaptive Kneser-Ney 6-gram"
    assert adaptive in table
    for name, columns in table.items():
        if name not in ("uniform guess", "copy", "memory", "ensemble of 2", "matches"):
            assert columns[0] != columns[1], name
    assert table["ensemble of 2"][1] == "-"  # it is not trained again


def test_the_script_reads_the_run_and_its_corpus(trained, monkeypatch, capsys):
    monkeypatch.setattr(compare, "compressors", lambda: {"copy": lambda data: len(data)})
    _, run = trained("chargen")
    compare.main(compare.Options(run=run))
    columns = next(line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("model "))
    metrics = json.loads((run / "metrics.json").read_text())
    assert float(columns[1]) == pytest.approx(metrics["test_bits_per_character"], abs=1e-4)


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyppmd", None)
    with pytest.raises(InputError, match="requirements-compare"):
        compare.compressors()
