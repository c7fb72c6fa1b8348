"""Trained models as files that run without this project: SavedModel, ONNX, LiteRT.

What is shared by the `export.py` of the tasks. A task's `serving.py` says what goes in and what comes out, an
`Exportable`; `export` writes it, with a README.txt beside it, into `<run>/export/<format>/`.

The recurrent layers of common/fast_rnn are made for training. An exported model has Keras's own in their place, with
the same weights: their loop is made of operations that every format knows.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import tensorflow as tf

import common.fast_rnn  # noqa: F401 - registers its layers
from common import InputError
from common.runs import open_run
from common.saving import load_model, write_json
from common.vocabulary import Vocabulary

KERAS_LAYERS = {f"rnn_examples>{name}": getattr(keras.layers, name) for name in ("SimpleRNN", "LSTM", "GRU")}


FILES = {"onnx": "model.onnx", "litert": "model.tflite"}
STEPS = 64  # time steps of a LiteRT model, whose shapes are fixed

# The first lines of an example, for each format: `network` takes arrays by name, and gives a dict of arrays.
OPENING = {
    "saved-model": "import tensorflow as tf\n\nmodel = tf.saved_model.load('.')\n",
    "onnx": """\
import json, re
import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession("model.onnx")
def network(**inputs):
    return dict(zip([output.name for output in session.get_outputs()], session.run(None, inputs)))
about = json.load(open("about.json", encoding="utf-8"))
""",
    "litert": """\
import json, re
import numpy as np
from ai_edge_litert.interpreter import Interpreter

network = Interpreter("model.tflite").get_signature_runner()
about = json.load(open("about.json", encoding="utf-8"))
""",
}
NEEDS = {"saved-model": "TensorFlow", "onnx": "onnxruntime and NumPy", "litert": "ai-edge-litert and NumPy"}


@dataclass
class Exportable:
    """What a task exports.

    Args:
        endpoints: for the SavedModel: name -> a `tf.function` with an input signature that returns a dict. One is
            `serving_default`, which TensorFlow Serving asks for.
        network: for ONNX and LiteRT: a function of tensors that returns a dict of tensors, without any strings.
        inputs: the `tf.TensorSpec`s of its arguments; a `None` in a shape is a batch size or a number of time steps.
        models: those that all of them use.
        tables: the same for `lookup_table`s.
        vocabularies: of the model.
    """

    endpoints: dict[str, tf.types.experimental.PolymorphicFunction]
    network: Callable
    inputs: list[tf.TensorSpec]
    models: list[keras.Model]
    tables: list[tf.lookup.StaticHashTable]
    vocabularies: dict[str, Vocabulary]


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


def export(run: Path, form: str, exportable: Exportable, notes: str, example: str) -> Path:
    """Write a model to `<run>/export/<form>/`, whole or not at all, in the place of what was there.

    Args:
        form: `saved-model`, `onnx` or `litert`.
        notes: for the README.txt: what goes in, and what comes out.
        example: Python that goes on after `OPENING`.

    Returns:
        The folder.
    """
    folder = run / "export" / form
    folder.parent.mkdir(exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=".part-", dir=folder.parent))
    new = temporary / "new"
    try:
        if form == "saved-model":
            write_saved_model(new, exportable.models, exportable.tables, exportable.endpoints)
        else:
            new.mkdir()
            write = write_onnx if form == "onnx" else write_litert
            shapes = write(new / FILES[form], exportable)
            vocabularies = {name: vocabulary.tokens for name, vocabulary in exportable.vocabularies.items()}
            write_json(new / "about.json", {"inputs": shapes, "vocabularies": vocabularies})
        (new / "README.txt").write_text(readme(run, form, notes, example), encoding="utf-8")
        if folder.exists():
            folder.rename(temporary / "old")
        new.rename(folder)
    finally:
        shutil.rmtree(temporary)
    return folder


def write_saved_model(folder: Path, models: list, tables: list, endpoints: dict) -> None:
    """Write a SavedModel: all that the endpoints compute, as a graph, and what they look up."""
    module = tf.Module()
    module.weights = [weight.value for model in models for weight in model.variables]
    module.tables = tables
    tf.saved_model.save(module, str(folder), signatures=endpoints)


def write_onnx(path: Path, exportable: Exportable) -> dict:
    """Write an ONNX model; returns the shapes and types of its inputs. Batch sizes and numbers of steps stay free.

    Raises:
        InputError: tf2onnx is not installed.
    """
    try:
        import tf2onnx
    except ImportError:
        raise InputError("ONNX needs more packages: pip install -r requirements-export.txt") from None
    network = tf.function(exportable.network, input_signature=exportable.inputs)
    tf2onnx.convert.from_function(network, input_signature=exportable.inputs, output_path=str(path))
    return shapes_of(exportable.inputs)


def write_litert(path: Path, exportable: Exportable) -> dict:
    """Write a LiteRT model of one sequence of `STEPS` steps; returns the shapes and types of its inputs.

    Raises:
        InputError: the model needs operators that LiteRT does not have.
    """
    inputs = []
    for spec in exportable.inputs:
        shape = [size or fixed for size, fixed in zip(spec.shape, (1, STEPS, None), strict=False)]
        inputs.append(tf.TensorSpec(shape, spec.dtype, spec.name))
    network = tf.function(exportable.network, input_signature=inputs)
    with tempfile.TemporaryDirectory() as folder:
        write_saved_model(Path(folder), exportable.models, [], {"serving_default": network})
        try:
            model = tf.lite.TFLiteConverter.from_saved_model(folder).convert()
        except Exception as error:
            lacking = re.search(r"(?:(?:Select|Custom) ops: |failed to legalize operation ')([^'\n]*)", str(error))
            if not lacking:
                raise
            raise InputError(f"LiteRT lacks operators that this model needs ({lacking[1]}); use ONNX") from None
    path.write_bytes(model)
    return shapes_of(inputs)


def shapes_of(specs: list[tf.TensorSpec]) -> dict:
    """Name -> [shape, type], for about.json; a size that is free is None."""
    return {spec.name: [list(spec.shape), spec.dtype.name] for spec in specs}


def readme(run: Path, form: str, notes: str, example: str) -> str:
    """What stands in the README.txt."""
    _, metrics = open_run(run)
    return f"""\
{metrics["task"]} as {form}: {metrics["model"]}, trained on {metrics["corpus"]["name"]},
{metrics["metric"]} {metrics[metrics["metric"]]:.4f}, from the run {run.resolve().name}.

{notes}

Python that uses it, started in this folder; it needs nothing but {NEEDS[form]}:

{textwrap.indent(OPENING[form] + example, "    ")}"""
