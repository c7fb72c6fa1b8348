"""Compressors, n-grams and the network in one table: what does a character of the last tenth of the book cost?

    make compare-chargen                        # the newest run
    python chargen/compare.py --run runs/chargen/NAME

Prediction and compression are one task. An arithmetic coder spends -log2 p bits on a character that was given the
probability p, so that who predicts better, packs smaller. A compressor's bits for the test part are the size of all the
text less the size of what is before the test part. It learns while it reads; beside it belong the adaptive rows of the
table, which learn from each character of the test part once it has been scored.

The first column is for 80 % of the book before the test part, the training part, as in eval.py. In the second all read
the validation part too. The network is not trained again for that: dynamic evaluation and the mixture begin a tenth
earlier.

- bzip2 sorts the text by what follows, xz refers back to earlier copies (both in Python);
- PPMd mixes n-grams of up to 8 characters (Shkarin 2002; 7-Zip's variant, by pyppmd);
- zpaq mixes the bits of many models by a small network (Mahoney), if the program is installed.
"""

import bz2
import lzma
import math
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from chargen.mixing import adaptive_bits
from chargen.ngram import NGram, best_order
from common import InputError
from common.cli import Flags, run_script, start_tensorflow
from common.data import load_text, split_text
from common.runs import check_corpus, open_run
from common.saving import load_model
from common.tables import print_table


@dataclass(frozen=True)
class Options(Flags):
    run: Path = Path("runs/chargen/latest")  # run folder whose models are compared
    data: str | None = None  # where the corpus is now, if not where training found it


def zpaq_size(data: bytes) -> int:
    """Bytes of an archive of `data` by zpaq at its strongest."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "text").write_bytes(data)
        command = ["zpaq", "add", "archive.zpaq", "text", "-method", "5"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        return Path(folder, "archive.zpaq").stat().st_size


def compressors() -> dict:
    """Name: a function from bytes to the size they are compressed to."""
    try:
        import pyppmd
    except ImportError:
        raise InputError("pyppmd is missing: .venv/bin/pip install -r requirements-compare.txt") from None

    known = {
        "bzip2": lambda data: len(bz2.compress(data)),
        "xz": lambda data: len(lzma.compress(data, preset=9 | lzma.PRESET_EXTREME)),
        "PPMd": lambda data: len(pyppmd.compress(data, max_order=8, mem_size=64 << 20)),
    }
    return known | ({"zpaq": zpaq_size} if shutil.which("zpaq") else {})


def compare(models, vocabulary, ids, text: str) -> list[tuple]:
    """Rows: name, bits per character after the training part, and after training and validation part.

    Args:
        models, vocabulary: members of an ensemble, or one model.
        ids: the text in the vocabulary, where rare characters may share an id.
        text: the text itself, for the compressors.
    """
    from chargen.neighbours import network_streams
    from chargen.scoring import bits_of, mean_of, read_stream

    train, validation, test = split_text(ids)
    before, size = np.concatenate([train, validation]), len(vocabulary)
    rows = [("uniform guess", math.log2(size), math.log2(size))]

    order = best_order(train, validation, size)
    ngrams = [NGram(known, size, order, "kneser-ney") for known in (train, before)]
    rows.append((f"Kneser-Ney {order}-gram", *(ngram.bits(test, before).mean() for ngram in ngrams)))
    name = "model" if len(models) == 1 else f"ensemble of {len(models)}"
    stream = mean_of([read_stream(model, test, before) for model in models])
    rows.append((name, float(bits_of(stream, test).mean()), "-"))

    both = np.concatenate([validation, test])
    streams = network_streams(models, test, before, len(validation))
    after_train = adaptive_bits(streams, train, order, vocabulary, test, before)
    streams = network_streams(models, both, train, 0)
    after_both = adaptive_bits(streams, train, order, vocabulary, both, train)
    for name, bits in after_train.items():
        rows.append((name, float(bits.mean()), float(after_both[name][-len(test) :].mean())))
    spelling = vocabulary.spelling_bits(test).mean()
    rows = [(name, *(cost if cost == "-" else cost + spelling for cost in costs)) for name, *costs in rows]

    new, compressed = text[len(before) :], []
    for name, size_of in compressors().items():
        read = text[: len(train)], text[: len(before)]
        costs = [size_of((known + new).encode()) - size_of(known.encode()) for known in read]  # bytes
        compressed.append((name, *(cost * 8 / len(test) for cost in costs)))
    return [rows[0], *compressed, *rows[1:]]


def main(options: Options) -> None:
    hyperparameters, metrics = open_run(options.run)
    data = options.data or hyperparameters["data"]
    ids, _, corpus = load_text(data, hyperparameters.get("encoding"), share_rare=True)
    check_corpus(metrics, corpus)
    compressors()  # complains, before anything is computed, if a package is missing
    start_tensorflow()
    from chargen.model import CharacterModel  # noqa: F401 - registers the layers

    models = [load_model(path) for path in sorted(options.run.glob("member-*.keras")) or [options.run / "model.keras"]]
    vocabulary = models[0][1]["characters"]
    characters, letters, _ = load_text(data, hyperparameters.get("encoding"))
    text = "".join(letters.decode(characters))
    rows = compare([model for model, _ in models], vocabulary, ids, text)
    print_table(("bits per character", "after 80 %", "after 90 %"), rows)


if __name__ == "__main__":
    run_script(main, Options)
