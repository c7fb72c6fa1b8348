"""Trained models as files that run without this project: SavedModel, ONNX, LiteRT.

What is shared by the `export.py` of the tasks. A task's `serving.py` says what goes in and what comes out, an
`Exportable`; `export` writes it, with a README.txt beside it, into `<run>/export/<format>/`.

The recurrent layers of common/fast_rnn are made for training. An exported model has Keras's own in their place, with
the same weights: their loop is made of operations that every format knows.
"""

from __future__ import annotations

import shutil
import tempfile
import textwrap
from dataclasses import dataclass
from pathlib import Path

import keras
import tensorflow as tf

import common.fast_rnn  # noqa: F401 - registers its layers
from common.runs import open_run
from common.saving import load_model
from common.vocabulary import Vocabulary

KERAS_LAYERS = {f"rnn_examples>{name}": getattr(keras.layers, name) for name in ("SimpleRNN", "LSTM", "GRU")}


@dataclass
class Exportable:
    """What a task exports.

    Args:
        endpoints: for the SavedModel: name -> a `tf.function` with an input signature that returns a dict. One is
            `serving_default`, which TensorFlow Serving asks for.
        models: those that the endpoints use.
        tables: the same for `lookup_table`s.
        vocabularies: of the model.
        notes: what goes in and what comes out, for the README.txt.
        example: Python that uses the SavedModel, which is in the current folder.
    """

    endpoints: dict[str, tf.types.experimental.PolymorphicFunction]
    models: list[keras.Model]
    tables: list[tf.lookup.StaticHashTable]
    vocabularies: dict[str, Vocabulary]
    notes: str
    example: str


def load_with_keras_layers(path: Path, *needed: str) -> tuple[keras.Model, dict[str, Vocabulary]]:
    """`load_model`, with Keras's recurrent layers in the place of those of common/fast_rnn."""
    known = keras.saving.get_custom_objects()  # the classes by the names that a file gives them
    ours = {name: known[name] for name in KERAS_LAYERS}
    known.update(KERAS_LAYERS)
    try:
        return load_model(path, *needed)
    finally:
        known.update(ours)


def lookup_table(vocabulary: Vocabulary, unknown: int) -> tf.lookup.StaticHashTable:
    """The ids of a vocabulary as a table that TensorFlow saves with a model; other strings have the id `unknown`."""
    ids = tf.range(len(vocabulary))
    return tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(vocabulary.tokens, ids), unknown)


def export(run: Path, exportable: Exportable) -> Path:
    """Write a model to `<run>/export/saved-model/`, whole or not at all; returns that folder. What was there goes."""
    folder = run / "export" / "saved-model"
    folder.parent.mkdir(exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=".part-", dir=folder.parent))
    new = temporary / "new"
    try:
        write_saved_model(new, exportable)
        (new / "README.txt").write_text(readme(run, exportable), encoding="utf-8")
        if folder.exists():
            folder.rename(temporary / "old")
        new.rename(folder)
    finally:
        shutil.rmtree(temporary)
    return folder


def write_saved_model(folder: Path, exportable: Exportable) -> None:
    """Write a SavedModel: all that the endpoints compute, as a graph, and what they look up."""
    module = tf.Module()
    module.weights = [weight.value for model in exportable.models for weight in model.variables]
    module.tables = exportable.tables
    tf.saved_model.save(module, str(folder), signatures=exportable.endpoints)


def readme(run: Path, exportable: Exportable) -> str:
    """What stands in the README.txt."""
    _, metrics = open_run(run)
    return f"""\
A SavedModel of {metrics["task"]}: {metrics["model"]}, trained on {metrics["corpus"]["name"]},
{metrics["metric"]} {metrics[metrics["metric"]]:.4f}, from the run {run.resolve().name}.
TensorFlow {tf.__version__} wrote it. It needs nothing but TensorFlow, or a server such as TensorFlow Serving.

{exportable.notes}

Python that uses it, started in this folder:

{textwrap.indent(exportable.example, "    ")}"""
