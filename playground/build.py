"""Write a static page on which the character model writes in the browser, without Python: `make site`.

    python playground/build.py                                 # chargen/pretrained, into runs/site
    python playground/build.py --run runs/chargen/latest       # your own model

The page is plain HTML, CSS and JavaScript: index.html, style.css, page.js, and model.js, which computes the LSTM and
the n-gram logits (the LSTM is twenty lines). This script adds the weights as whole numbers (each times a step), and the
tables and pictures of the READMEs. Any file server will do; without network:

    python -m http.server --directory runs/site 8000           # and open http://localhost:8000
"""

import html
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from chargen.generate import PRETRAINED
from chargen.publish import STEP, TABLE_STEP
from common import InputError
from common.cli import Flags, run_script, start_tensorflow
from common.saving import load_model, write_json

HERE = Path(__file__).parent
ROOT = HERE.parent
READMES = ("chargen", "sentiment", "pos_tagging", "toy_sequence")


@dataclass(frozen=True)
class Options(Flags):
    run: Path = PRETRAINED  # run folder of the model
    to: Path = Path("runs/site")  # folder to write


def whole_numbers(weights, kind: str, step: float) -> np.ndarray:
    """Weights as multiples of `step`, in an integer type. InputError if one is too large for it."""
    multiples = np.round(np.asarray(weights, "float64") / step)
    if np.abs(multiples).max() > np.iinfo(kind).max:
        raise InputError(f"a weight of {np.abs(weights).max():.1f} is too large for {kind} in steps of {step}")
    return multiples.astype(kind)


def write_weights(model, vocabulary, folder: Path) -> None:
    """Write weights.bin, and model.json, which says what lies where in it."""
    if model.config["cell"] != "lstm" or not model.ngram_logits or model.config["tied"]:
        raise InputError("the page computes an LSTM with n-gram logits only; train without --cell, --ngrams, --tied")
    cell, table = model.recurrent.cell, model.ngram_logits
    kernel, recurrent, bias = (np.asarray(part, "float64") for part in (cell.kernel, cell.recurrent_kernel, cell.bias))
    inputs = np.asarray(model.embedding.embeddings, "float64") @ kernel + bias  # (vocabulary, 4 hidden)
    parts = {
        "known": (np.asarray(table.known), None),
        "inputs": (whole_numbers(inputs, "int32", STEP / 1024), STEP / 1024),
        "recurrent": (whole_numbers(recurrent, "int16", STEP), STEP),
        "dense": (whole_numbers(model.dense.kernel, "int16", STEP), STEP),
        "bias": (whole_numbers(model.dense.bias, "int16", STEP), STEP),
        "table": (whole_numbers(table.table, "int8", TABLE_STEP), TABLE_STEP),
    }  # those of 8 bytes a number first, then those of 4, 2 and 1: so each lies where its type may
    layout, offset = {}, 0
    with open(folder / "weights.bin", "wb") as file:
        for name, (numbers, step) in parts.items():
            layout[name] = {"offset": offset, "length": numbers.size, "step": step}
            offset += file.write(numbers.astype(numbers.dtype.newbyteorder("<")).tobytes())
    about = {"vocabulary": vocabulary.tokens, "hidden": model.recurrent.units, "lengths": table.lengths}
    write_json(folder / "model.json", about | {"parts": layout})


def results(folder: Path) -> str:
    """The table of README.md and the pictures of the tasks' READMEs, copied to `folder`, as HTML."""
    table = re.search(r"```\n(task .*?)```", (ROOT / "README.md").read_text(), re.DOTALL).group(1)
    parts = [f"<pre>{html.escape(table)}</pre>"]
    for task in READMES:
        for caption, picture in re.findall(r"^!\[(.*)\]\((.*\.png)\)$", (ROOT / task / "README.md").read_text(), re.M):
            source = ROOT / task / picture
            shutil.copy(source, folder / source.name)
            caption = html.escape(caption)
            parts.append(
                f'<figure><img src="{source.name}" alt="{caption}" loading="lazy">'
                f"<figcaption>{task}: {caption}</figcaption></figure>"
            )
    return "\n".join(parts)


def main(options: Options) -> None:
    start_tensorflow()
    from chargen.model import CharacterModel  # noqa: F401 - registers the layers

    model, vocabularies = load_model(options.run / "model.keras", "characters")
    options.to.mkdir(parents=True, exist_ok=True)
    write_weights(model, vocabularies["characters"], options.to)
    for name in ("style.css", "page.js", "model.js"):
        shutil.copy(HERE / name, options.to / name)
    page = (HERE / "index.html").read_text().replace("<!-- results -->", results(options.to))
    (options.to / "index.html").write_text(page)
    size = sum(path.stat().st_size for path in options.to.iterdir())
    print(f"{options.to}: {size / 1e6:.1f} MB; python -m http.server --directory {options.to} 8000 shows it")


if __name__ == "__main__":
    run_script(main, Options)
