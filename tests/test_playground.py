"""The page of `make site`: what its JavaScript computes is what the Keras model says."""

import json
import shutil
import subprocess

import numpy as np
import pytest
from conftest import refused

import chargen.model  # noqa: F401 - registers the layers
from chargen.publish import round_weights
from common import InputError
from common.saving import load_model, save_model
from playground.build import whole_numbers

READ_WITH_NODE = """
import { readFileSync } from "node:fs";
const { Model, draw, probabilities } = await import(process.argv[1] + "/model.js");
const bytes = new Uint8Array(readFileSync(process.argv[1] + "/weights.bin")).buffer;
const model = new Model(JSON.parse(readFileSync(process.argv[1] + "/model.json")), bytes);
const logits = [...process.argv[2]].map((character) => model.read(model.vocabulary.indexOf(character)));
const given = probabilities([0, Math.log(3)]);
const drawn = [0, 0.24, 0.26, 0.99].map((uniform) => draw(given, uniform));
console.log(JSON.stringify({ logits: logits.map((row) => [...row]), given, drawn }));
"""


@pytest.fixture
def published(script, trained, tmp_path):
    """A small model, its weights rounded, and the page made of it."""
    model, vocabularies = load_model(trained("chargen")[1] / "model.keras", "characters")
    round_weights(model)
    (tmp_path / "published").mkdir()
    save_model(model, tmp_path / "published" / "model.keras", **vocabularies)
    process = script("playground/build.py", "--run", tmp_path / "published", "--to", tmp_path / "site")
    assert process.returncode == 0, process.stderr
    return tmp_path / "published", tmp_path / "site"


@pytest.mark.skipif(shutil.which("node") is None, reason="node is needed to run the page's JavaScript")
def test_the_page_computes_what_the_model_computes(published):
    run, site = published
    text = "the old king was here. the old king was there, and nobody saw him"
    command = ["node", "--input-type=module", "--eval", READ_WITH_NODE, str(site), text]
    process = subprocess.run(command, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    answer = json.loads(process.stdout)
    model, vocabularies = load_model(run / "model.keras", "characters")
    expected, _ = model.read(vocabularies["characters"].encode(text)[None], model.initial_states(1))
    assert np.abs(np.array(answer["logits"]) - expected[0]).max() < 1e-5
    assert answer["given"] == pytest.approx([0.25, 0.75])
    assert answer["drawn"] == [0, 0, 1, 1]


def test_the_page_is_complete_and_loads_nothing_from_elsewhere(published):
    _, site = published
    page = (site / "index.html").read_text()
    for name in ("style.css", "page.js", "model.js", "model.json", "weights.bin", "chargen.png"):
        assert (site / name).stat().st_size > 0
    assert "test_bits_per_character" in page  # the table of the README
    assert not [part for part in (page, (site / "page.js").read_text()) if "//" in part.replace("// ", "")]


def test_a_model_that_the_page_cannot_compute_is_refused(script, trained, tmp_path):
    _, run = trained("toy_sequence")
    assert refused(script("playground/build.py", "--run", run, "--to", tmp_path / "site"), "not a model of this task")
    assert not (tmp_path / "site").exists()


def test_weights_that_do_not_fit_are_named():
    assert whole_numbers([0.5, -1.25], "int8", 1 / 64).tolist() == [32, -80]
    with pytest.raises(InputError, match=r"2\.5 is too large for int8"):
        whole_numbers([2.5, 0], "int8", 1 / 64)
