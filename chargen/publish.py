"""Make a trained model small enough to be committed, as chargen/pretrained was.

    python chargen/publish.py --run runs/chargen/latest --to chargen/pretrained

A weight has 32 bits, most of which say nothing: rounded to multiples of 1/1024 (1/64 in the table of the n-gram
logits), the weights take few different values and can be compressed to a fifth. The model is still an ordinary Keras
file. How much the rounding costs, `eval.py` tells: the folder is a run like others.
"""

import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common import InputError
from common.cli import Flags, run_script, start_tensorflow
from common.data import load_text
from common.runs import check_corpus, open_run
from common.saving import load_model, replacing, save_model, write_json

STEP, TABLE_STEP = 1 / 1024, 1 / 64  # what the weights are multiples of


@dataclass(frozen=True)
class Options(Flags):
    run: Path = Path("runs/chargen/latest")  # run folder of the model
    to: Path = Path("runs/published")  # folder to write
    data: str | None = None  # where the corpus is now, if not where training found it


def round_weights(model) -> None:
    """Round the trainable weights of a `CharacterModel` to multiples of `STEP` and `TABLE_STEP`."""
    for weight in model.trainable_weights:
        step = TABLE_STEP if "ngram_logits" in weight.path else STEP
        weight.assign(np.round(np.asarray(weight) / step) * step)


def compress(path: Path) -> None:
    """Compress the members of a `.keras` file, which Keras only packs."""
    with zipfile.ZipFile(path) as packed:
        members = {member.filename: packed.read(member) for member in packed.infolist()}
    with (
        replacing(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive,
    ):
        for name, content in members.items():
            archive.writestr(name, content)


def main(options: Options) -> None:
    hyperparameters, metrics = open_run(options.run)
    data = options.data or hyperparameters["data"]
    ids, _, corpus = load_text(data, hyperparameters.get("encoding"), share_rare=True)
    check_corpus(metrics, corpus)
    if (options.to / "model.keras").exists():
        raise InputError(f"{options.to} holds a model already; remove it, or name another folder with --to")
    start_tensorflow()
    from chargen.eval import evaluate
    from chargen.model import CharacterModel  # noqa: F401 - registers the layers

    model, vocabularies = load_model(options.run / "model.keras", "characters")
    round_weights(model)
    options.to.mkdir(parents=True, exist_ok=True)
    save_model(model, options.to / "model.keras", **vocabularies)
    compress(options.to / "model.keras")
    for name in ("hyperparameters.json", "history.csv"):
        shutil.copy(options.run / name, options.to / name)
    write_json(options.to / "metrics.json", metrics | evaluate(options.to, ids))
    print(f"{options.to / 'model.keras'}: {(options.to / 'model.keras').stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    run_script(main, Options)
