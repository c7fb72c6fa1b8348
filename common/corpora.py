"""The published corpora: find, verify, download them.

A corpus is looked up in this order: the script's `--data`; the folder named by the environment variable `RNN_DATA`;
`data/` in this repository; the caches of `keras.utils.get_file` and NLTK; a download. If it is nowhere, the
generated sample of `common/sample.py` takes its place, and says so. A file that bears a corpus's name must have its
SHA-256; only `--data FILE` names a file of your own, which is used as it is.

    python -m common.corpora      # shows where each corpus lies, and downloads those that are missing
"""

from __future__ import annotations

import hashlib
import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from common import InputError

SAMPLE = "sample"  # `--data sample` asks for the generated sample

_PINNED = "https://raw.githubusercontent.com/sujitpal/intro-dl-talk-code/5dd8fecd0d3edc3901598bb99c00a9ce32d16bf8/data/"


@dataclass(frozen=True)
class Corpus:
    """A published corpus: its name, its file's name and SHA-256, and its address."""

    name: str
    filename: str
    sha256: str
    url: str


ALICE = Corpus(
    "Alice in Wonderland",
    "alice_in_wonderland.txt",
    "6b95b094df1aea86711b656a8d80cf9e76ee019d7606f6a905360f47cda88fe6",
    _PINNED + "alice_in_wonderland.txt",
)
BOTCHAN = Corpus(  # 坊っちゃん, by Natsume Soseki, 1906; only for `--data botchan`
    "Botchan",
    "bocchan.txt",
    "7783c314e51d6704372a46c2c4be7f16486ee16f73b19fa7d6324ffa3624b094",
    "https://raw.githubusercontent.com/ttanimichi/aozora/f46b3122539789f557028331f3aa93aa1d9ecddb/lib/data/bocchan",
)
UMICH = Corpus(
    "UMich SI650",
    "umich-sentiment-train.txt",
    "f62739660ffa9233cae138557dda4f5dac9865aef352645881240e9045df23d9",
    _PINNED + "umich-sentiment-train.txt",
)
TREEBANK = Corpus(
    "Penn Treebank sample",
    "treebank.zip",
    "9da92d76c3666cfb6cddeaed0f7e86b344cce0f0928a286d439e555f19c37399",
    "https://raw.githubusercontent.com/nltk/nltk_data/gh-pages/packages/corpora/treebank.zip",
)


def find(corpus: Corpus, data: str | None = None) -> Path | None:
    """The file of `corpus`, looked up as the module's docstring says; `None` stands for the generated sample.

    Raises:
        InputError: `data` or `RNN_DATA` names nothing that exists, or a file found has the wrong SHA-256.
    """
    if data == SAMPLE:
        print(f"*** GENERATED SAMPLE, NOT {corpus.name.upper()}: asked for by --data {SAMPLE} ***", flush=True)
        return None
    if data is not None:
        path = Path(data)
        if path.is_file():
            return path
        if path.is_dir() and (path / corpus.filename).is_file():
            return verify(path / corpus.filename, corpus)
        missing = f"no {corpus.filename} in the folder" if path.is_dir() else "no such file or folder:"
        raise InputError(f'--data: {missing} {data}; give a file, a folder that holds one, or "{SAMPLE}"')

    folders = [Path(__file__).parent.parent / "data", *_cache_folders()]
    if "RNN_DATA" in os.environ:
        folders.insert(0, Path(os.environ["RNN_DATA"]))
        if not folders[0].is_dir():
            raise InputError(f"RNN_DATA names no folder: {folders[0]}; correct it or unset it")
    for folder in folders:
        if (folder / corpus.filename).is_file():
            return verify(folder / corpus.filename, corpus)

    try:
        return download(corpus)
    except OSError as error:
        print(
            f"*** GENERATED SAMPLE, NOT {corpus.name.upper()}: {corpus.filename} was not found and could not be "
            f"downloaded ({error}); put it into data/ for real figures ***",
            flush=True,
        )
        return None


def verify(path: Path, corpus: Corpus) -> Path:
    """Return `path` if the file has the SHA-256 of `corpus`; otherwise raise InputError naming both hashes."""
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    if sha256 != corpus.sha256:
        raise InputError(
            f"{path} is not the published {corpus.name}: its SHA-256 is {sha256}, expected {corpus.sha256}; "
            "delete it, or pass it as your own corpus with --data"
        )
    return path


def download(corpus: Corpus, seconds: float = 15) -> Path:
    """Download `corpus` into the cache of `keras.utils.get_file`, with a progress bar, and verify it.

    Until then it bears another name, so that the cache never holds half a file or a wrong one.

    Args:
        seconds: how long a silent server is waited for.

    Raises:
        OSError: there is no network, or the server does not give the file.
        InputError: what was downloaded has the wrong SHA-256.
    """
    print(f"Looking for {corpus.filename} on the network ...", flush=True)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras  # only here: finding a corpus on disk needs no TensorFlow

    previous = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        part = Path(keras.utils.get_file(f".part-{os.getpid()}-{corpus.filename}", corpus.url, force_download=True))
    except OSError:
        raise
    except Exception as error:  # get_file turns most failed requests into a bare Exception
        raise OSError(" ".join(str(error).split())) from error
    finally:
        socket.setdefaulttimeout(previous)
    sha256 = hashlib.sha256(part.read_bytes()).hexdigest()
    if sha256 != corpus.sha256:
        part.unlink()
        raise InputError(
            f"what {corpus.url} gives is not the published {corpus.name}: its SHA-256 is {sha256}, expected "
            f"{corpus.sha256}; nothing was kept; put the file into data/ from elsewhere, or use --data {SAMPLE}"
        )
    return part.replace(part.with_name(corpus.filename))


def _cache_folders() -> list[Path]:
    keras_home = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras"))
    nltk_homes = [Path(part) for part in os.environ.get("NLTK_DATA", "").split(os.pathsep) if part]
    nltk_homes += [Path.home() / "nltk_data", Path(sys.prefix) / "nltk_data", Path("/usr/share/nltk_data")]
    return [keras_home / "datasets", *(home / "corpora" for home in nltk_homes)]


def identity(corpus: Corpus, path: Path | None, sha256: str) -> dict:
    """What stands in metrics.json: `{"name", "sha256"}`. Without a path it is the generated sample."""
    if path is None:
        return {"name": "generated sample", "sha256": sha256}
    return {"name": corpus.name if sha256 == corpus.sha256 else path.name, "sha256": sha256}


def main() -> None:
    for corpus in (ALICE, UMICH, TREEBANK):
        path = find(corpus)
        print(f"{corpus.name:22} {path or 'generated sample'}")


if __name__ == "__main__":
    try:
        main()
        sys.stdout.flush()
    except (InputError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
