"""TensorBoard's files, read by TensorBoard's own readers, and compared with what the training printed and saved."""

import json
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from google.protobuf import text_format
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.projector import ProjectorConfig

import chargen.model  # noqa: F401 - these three register their layers
import pos_tagging.model  # noqa: F401
import sentiment.model  # noqa: F401
from common.board import Board, label
from common.saving import load_model


def texts(run):
    """The texts that TensorBoard shows of a run, by epoch."""
    events = EventAccumulator(str(run / "tensorboard" / "samples"))
    events.Reload()
    return {event.step: event.tensor_proto.string_val[0].decode() for event in events.Tensors("sample")}


def test_tensorboard_shows_the_samples_that_were_printed(trained):
    output, run = trained("chargen")
    (sample,) = json.loads((run / "samples.json").read_text())  # of one epoch
    assert f"--- after epoch 1: {sample}\n" in output
    lines = texts(run)[0].split("\n")
    assert all(line.startswith("    ") and len(line) <= 104 for line in lines)  # Markdown's block of code
    assert "".join(line[4:] for line in lines) == sample


def test_an_epoch_that_is_resumed_has_one_sample(tmp_path):
    sampler = SimpleNamespace()

    def train(first_epoch, words):
        class Write(keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                sampler.text = words[epoch]

        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        data, board = np.zeros((2, 1)), Board(tmp_path, {}, sampler)
        model.fit(data, data, initial_epoch=first_epoch, epochs=2, callbacks=[Write(), board], verbose=0)

    train(0, ["one", "two"])
    train(1, ["", "three"])
    assert json.loads((tmp_path / "samples.json").read_text()) == ["one", "three"]


@pytest.mark.parametrize(
    ("task", "name"), [("chargen", "characters"), ("pos_tagging", "word"), ("sentiment", "subwords")]
)
def test_the_projector_finds_the_vector_of_each_token(trained, task, name):
    run = trained(task)[1]
    folder = run / "tensorboard" / "train"
    (embedding,) = text_format.Parse((folder / "projector_config.pbtxt").read_text(), ProjectorConfig()).embeddings
    assert embedding.tensor_name == name
    vectors = np.loadtxt(folder / embedding.tensor_path, delimiter="\t")
    tokens = (folder / embedding.metadata_path).read_text().splitlines()
    model, vocabularies = load_model(run / "model.keras")  # trained for one epoch: the last one is the best
    tables = [weight for weight in model.weights if weight.path.endswith("embeddings") and weight.shape[1] > 1]
    assert np.allclose(vectors, np.asarray(tables[0])[: len(vectors)], rtol=1e-4)
    assert tokens == [label(token) for token in vocabularies[name].tokens]
    assert len(tokens) == len(vectors)


def test_tokens_are_one_visible_line_each():
    assert [label(token) for token in ("", " ", "a", "\n", "\t", "é", "a b")] == [
        "''",
        "' '",
        "a",
        r"'\n'",
        r"'\t'",
        "é",
        "a b",
    ]
