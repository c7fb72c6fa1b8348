"""Find, verify, download, clean and split the corpora.

A corpus is looked up in this order: the script's `--data`; the folder named by the environment variable `RNN_DATA`;
`data/` in this repository; the caches of `keras.utils.get_file` and NLTK; a download. If none is to be had, the
generated sample of `common/sample.py` takes its place, and says so. A file that bears a corpus's name must have its
SHA-256; only `--data FILE` names a file of your own, which is used as it is.

    python -m common.data      # shows where each corpus lies, and downloads those that are missing
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import socket
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from common import InputError, sample
from common.text import Vocabulary, character_ids

SAMPLE = "sample"  # `--data sample` asks for the generated sample
LARGEST_TREES = 1 << 24  # bytes of one file of trees; the treebank's have some thousands

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


# ---------------------------------------------------------------------------------------------------------------------
# Load: find, read, clean


def load_text(data: str | None = None) -> tuple[np.ndarray, Vocabulary, dict]:
    """The text for chargen, cleaned by `clean_text`, as ids of its characters.

    The file is read piece by piece, and the ids lie in a memory-mapped temporary file, so that a text of any size
    needs next to no memory.

    Args:
        data: a text file of your own, a folder that holds Alice, `"sample"`, or `None` for the usual look-up.

    Returns:
        The ids (length,), of the smallest integer type that holds them; the vocabulary; and what the text is:
        `{"name", "sha256"}`.

    Raises:
        InputError: no such file, a wrong hash, invalid UTF-8, or no text in it.
    """
    pieces, corpus = _find_text(data)
    return *character_ids(pieces), corpus


def load_words(data: str | None = None) -> tuple[np.ndarray, Vocabulary, dict]:
    """The same text as ids of its words and punctuation marks (int32, in memory).

    The vocabulary is that of the first 80 %, the training part; words that occur there less than twice are unknown.

    Args, returns, raises: as `load_text`.
    """
    pieces, corpus = _find_text(data)
    words = [word for piece in pieces() for word in re.findall(r"\w+(?:['’]\w+)*|[^\w\s]", piece)]
    vocabulary = Vocabulary.of_words([words[: int(len(words) * 0.8)]], minimum_count=2)
    return vocabulary.encode(words), vocabulary, corpus


def _find_text(data: str | None) -> tuple[Callable[[], Iterator[str]], dict]:
    """A function that gives the cleaned text piece by piece, and what text it is. InputError if it is empty."""
    path = find(ALICE, data)
    story = b"" if path else sample.story().encode()

    def stream():
        return path.open("rb") if path else io.BytesIO(story)

    def pieces():
        with stream() as opened:
            yield from clean_pieces(opened, path or "sample")

    if next(pieces(), None) is None:
        raise InputError(f"{path} holds no text; give a file with some")
    with stream() as opened:
        sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
    return pieces, _identity(ALICE, path, sha256)


def load_opinions(data: str | None = None) -> tuple[list[tuple[int, str]], list[str], dict]:
    """The rows for sentiment, as they stand in the file, copies included: `(label, sentence)`, label 0 or 1; the
    names of these two labels; and what corpus it is.

    Args, raises: as `load_text`; also InputError for a malformed row.
    """
    path = find(UMICH, data)
    raw = path.read_bytes() if path else sample.opinions().encode()
    rows, names = parse_opinions(decode(raw, path or "sample"), path or "sample")
    return rows, names, _identity(UMICH, path, hashlib.sha256(raw).hexdigest())


def load_tagged_sentences(data: str | None = None) -> tuple[list[list[tuple[str, str]]], dict]:
    """The sentences for pos_tagging: lists of `(word, tag)`, traces (`-NONE-`) dropped.

    Args, raises: as `load_text`. A file of your own is either a zip like NLTK's treebank, or text with one sentence
    a line, `The/DT dog/NN barks/VBZ ./.`
    """
    path = find(TREEBANK, data)
    raw = path.read_bytes() if path else sample.tagged_lines().encode()
    if path and zipfile.is_zipfile(path):
        sentences = read_treebank(path)
    else:
        sentences = parse_tagged_lines(decode(raw, path or "sample"), path or "sample")
    return drop_traces(sentences), _identity(TREEBANK, path, hashlib.sha256(raw).hexdigest())


def _identity(corpus: Corpus, path: Path | None, sha256: str) -> dict:
    if path is None:
        return {"name": "generated sample", "sha256": sha256}
    return {"name": corpus.name if sha256 == corpus.sha256 else path.name, "sha256": sha256}


# ---------------------------------------------------------------------------------------------------------------------
# Find, verify, download


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
    from common.training import load_tensorflow  # only here: finding a corpus on disk needs no TensorFlow

    print(f"Looking for {corpus.filename} on the network ...", flush=True)
    load_tensorflow()
    import keras

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


# ---------------------------------------------------------------------------------------------------------------------
# Read and clean: pure functions


def decode(raw: bytes, source: str | Path, first_line: int = 1) -> str:
    """UTF-8 bytes as text: a byte-order mark dropped, line ends as `\\n`. InputError names `source` and the line."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + first_line
        raise InputError(
            f"{source}, line {line}: byte 0x{raw[error.start]:02x} is not valid UTF-8; save the file as UTF-8"
        ) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_lines(stream: BinaryIO, source: str | Path) -> Iterator[str]:
    """The lines of a binary stream, one after another, without their ends; InputError as from `decode`, and if there
    is no line."""
    number = 0
    for number, raw in enumerate(stream, start=1):
        try:
            yield raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
        except UnicodeDecodeError:
            raise InputError(f"{source}, line {number}: not valid UTF-8; convert it to UTF-8") from None
    if number == 0:
        raise InputError(f"{source} is empty; give one sentence a line")


def clean_pieces(stream: BinaryIO, source: str | Path, size: int = 1 << 20) -> Iterator[str]:
    """What `clean_text` makes of a UTF-8 stream, in pieces of whole lines, about `size` bytes each."""
    space, line = "", 1
    while lines := stream.readlines(size):
        text = clean_text(decode(b"".join(lines), source, line))
        line += len(lines)
        if text:
            yield space + text
            space = " "


def clean_text(text: str) -> str:
    """Strip and lower-case the lines, drop blank ones, join them by one space (the protocol of chargen)."""
    lines = (line.strip().lower() for line in text.split("\n"))
    return " ".join(line for line in lines if line)


def parse_opinions(text: str, source: str | Path) -> tuple[list[tuple[int, str]], list[str]]:
    """Rows of `label, tab, sentence`; blank lines are skipped. The labels are any two strings.

    Returns:
        The rows `(label, sentence)`, and the two labels' names `[negative, positive]`. The label that comes second in
        alphabetical order is the positive one, and counts as 1: `1` rather than `0`, `spam` rather than `ham`. The
        labels 0 and 1 are given the names `negative` and `positive`.

    Raises:
        InputError: a row without a tab or without a label, a third label, only one label, a sentence without a word,
            or no row at all; the message names `source` and the line.
    """
    rows, names = [], []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        name, tab, sentence = line.partition("\t")
        name = name.strip()
        if not tab:
            raise InputError(f"{source}, line {number}: no tab; a row is a label, a tab and a sentence")
        if not name:
            raise InputError(f"{source}, line {number}: no label; a row is a label, a tab and a sentence")
        if not fold(sentence):
            raise InputError(f"{source}, line {number}: the sentence has no words")
        if name not in names:
            names.append(name)
        if len(names) > 2:
            raise InputError(
                f"{source}, line {number}: the label is {name!r}, but two others came before, {names[0]!r} and "
                f"{names[1]!r}; only two are possible"
            )
        rows.append((name, sentence.strip()))
    if not rows:
        raise InputError(f"{source}: the file is empty; a row is a label, a tab and a sentence")
    if len(names) == 1:
        raise InputError(f"{source}: every label is {names[0]!r}; two different ones are needed")
    names.sort()
    rows = [(names.index(name), sentence) for name, sentence in rows]
    return rows, ["negative", "positive"] if names == ["0", "1"] else names


def parse_tagged_lines(text: str, source: str | Path) -> list[list[tuple[str, str]]]:
    """Lines of `word/TAG word/TAG ...` as lists of `(word, tag)`; a word may itself hold slashes (`1/2/CD`).

    Raises:
        InputError: a token without a tag or without a word, or no sentence at all; names `source` and the line.
    """
    sentences = []
    for number, line in enumerate(text.split("\n"), start=1):
        sentence = []
        for token in line.split():
            word, _, tag = token.rpartition("/")
            if not word or not tag:
                raise InputError(f"{source}, line {number}: {token!r} is not of the form word/TAG")
            sentence.append((word, tag))
        if sentence:
            sentences.append(sentence)
    if not sentences:
        raise InputError(f"{source}: the file holds no sentence; a line reads The/DT dog/NN barks/VBZ ./.")
    return sentences


def read_treebank(path: Path) -> list[list[tuple[str, str]]]:
    """The sentences of NLTK's treebank.zip, from its bracketed parses (`combined/wsj_*.mrg`), in corpus order.

    The trees are read from the zip in memory, with NLTK's parser: nothing is unpacked.

    Raises:
        InputError: not a treebank, or a file in it is damaged, or far larger than a treebank's.
    """
    from nltk import Tree
    from nltk.tokenize.sexpr import sexpr_tokenize

    sentences = []
    try:
        with zipfile.ZipFile(path) as archive:
            for name in sorted(archive.namelist()):
                if re.fullmatch(r"treebank/combined/wsj_\d+\.mrg", name):
                    if archive.getinfo(name).file_size > LARGEST_TREES:
                        raise ValueError(f"{name} is larger than {LARGEST_TREES} bytes")
                    trees = filter(str.strip, sexpr_tokenize(decode(archive.read(name), f"{path}:{name}")))
                    sentences += [Tree.fromstring(tree, remove_empty_top_bracketing=True).pos() for tree in trees]
    except InputError:
        raise
    except (zipfile.BadZipFile, zlib.error, ValueError, RuntimeError, OSError, EOFError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]  # trees too deep, an encrypted file, ...
        raise InputError(f"{path}: the treebank is damaged ({reason})") from None
    if not sentences:
        raise InputError(f"{path}: no treebank/combined/wsj_*.mrg in the zip; use NLTK's treebank package")
    return sentences


def drop_traces(sentences: list[list[tuple[str, str]]]) -> list[list[tuple[str, str]]]:
    """Drop the empty elements of the parses (tag `-NONE-`), and sentences that have nothing else."""
    spoken = ([(word, tag) for word, tag in sentence if tag != "-NONE-"] for sentence in sentences)
    return [sentence for sentence in spoken if sentence]


def fold(sentence: str) -> str:
    """Lower-case, with every run of non-word characters folded to one space: two copies fold to the same string."""
    return re.sub(r"\W+", " ", sentence.lower()).strip()


def deduplicate(rows: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """One row for each folded sentence, in order of first appearance; sentences with contradicting labels dropped."""
    labels: dict[str, set[int]] = {}
    for label, sentence in rows:
        labels.setdefault(fold(sentence), set()).add(label)
    return [(found.pop(), sentence) for sentence, found in labels.items() if len(found) == 1]


# ---------------------------------------------------------------------------------------------------------------------
# Split: pure functions


def split_text(ids: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Contiguous 80/10/10 parts: train, validation, test."""
    first, second = int(len(ids) * 0.8), int(len(ids) * 0.9)
    return ids[:first], ids[first:second], ids[second:]


def split_sentences(sentences: list) -> tuple[list, list, list]:
    """Train, validation, test: the last 20 % of the sentences, in corpus order, are the test, the 300 before them
    (or a tenth of a corpus of under 3,000 sentences) the validation.

    Raises:
        InputError: fewer than 10 sentences.
    """
    if len(sentences) < 10:
        raise InputError(f"the corpus has {len(sentences)} sentences; at least 10 are needed to split it")
    test = int(len(sentences) * 0.8)
    validation = test - min(300, len(sentences) // 10)
    return sentences[:validation], sentences[validation:test], sentences[test:]


def folds(labels: list[int], count: int = 5) -> list[tuple[list[int], list[int]]]:
    """Stratified, shuffled folds (seed 0) as `(training rows, test rows)`, the protocol of sentiment.

    Raises:
        InputError: a label has fewer rows than there are folds.
    """
    from sklearn.model_selection import StratifiedKFold

    rarest = min(labels.count(label) for label in (0, 1))
    if rarest < count:
        raise InputError(f"{count} folds need at least {count} different sentences a label; one label has {rarest}")
    splitter = StratifiedKFold(count, shuffle=True, random_state=0)
    return [(train.tolist(), test.tolist()) for train, test in splitter.split(labels, labels)]


def subject_folds(rows: list[tuple[int, str]], subjects: Sequence[str]) -> list[tuple[list[int], list[int]]]:
    """Leave one subject out: for each subject, `(training rows, test rows)`. The test rows are those that mention the
    subject (words as `fold` leaves them), the training rows all the others.

    Raises:
        InputError: a subject is in no row or in all rows, or one of the parts of it lacks a label.
    """
    sentences = [f" {fold(sentence)} " for _, sentence in rows]
    parts = []
    for subject in subjects:
        mentions = [f" {fold(subject)} " in sentence for sentence in sentences]
        test = [index for index, mention in enumerate(mentions) if mention]
        training = [index for index, mention in enumerate(mentions) if not mention]
        if any({rows[index][0] for index in part} != {0, 1} for part in (training, test)):
            raise InputError(
                f"--subjects: the {len(test)} of {len(rows)} sentences that mention {subject!r}, and the others, must "
                "hold both labels; choose another subject"
            )
        parts.append((training, test))
    return parts


def near_copies(sentences: Sequence[str], edits: int = 3) -> list[tuple[int, int]]:
    """The pairs of sentences, as indices with the smaller one first, that are at most `edits` apart after `fold`.

    An edit inserts, deletes or replaces one character, and changes by at most one how many characters are too many and
    how many are missing. Counting characters therefore rules out most pairs; the distance of the others is computed.

    References: Levenshtein 1966, Binary codes capable of correcting deletions, insertions, and reversals.
    """
    from nltk import edit_distance

    folded = [fold(sentence) for sentence in sentences]
    lengths = np.array([len(sentence) for sentence in folded])
    # How many characters of each sentence are in each of 64 bins; more bins would rule out more pairs.
    bins = [np.array([ord(character) % 64 for character in sentence], dtype=int) for sentence in folded]
    counts = np.array([np.bincount(each, minlength=64) for each in bins])  # (sentences, 64)
    pairs = []
    for one, sentence in enumerate(folded):
        others = one + 1 + np.flatnonzero(np.abs(lengths[one + 1 :] - lengths[one]) <= edits)
        differences = counts[others] - counts[one]  # (others, 64)
        too_many, missing = np.maximum(differences, 0).sum(axis=1), np.maximum(-differences, 0).sum(axis=1)
        for other in others[np.maximum(too_many, missing) <= edits].tolist():
            if edit_distance(sentence, folded[other]) <= edits:
                pairs.append((one, other))
    return pairs


def near_copy_groups(pairs: Sequence[tuple[int, int]], count: int) -> list[int]:
    """The group of each of `count` sentences, as the index of its first sentence.

    Near-copies are in one group, and so are near-copies of near-copies.
    """
    earlier = list(range(count))  # for each sentence an earlier one of its group; the first one names itself

    def first(index: int) -> int:
        while earlier[index] != index:
            index = earlier[index]
        return index

    for pair in pairs:
        one, other = sorted(first(index) for index in pair)
        earlier[other] = one
    return [first(index) for index in range(count)]


def grouped_folds(
    labels: list[int], pairs: Sequence[tuple[int, int]], count: int = 5
) -> list[tuple[list[int], list[int]]]:
    """The same as `folds`, but near-copies are kept together, in the training part or in the test part of a fold.

    Args:
        labels: 0 or 1 for each row.
        pairs: what `near_copies` found among the rows.

    Raises:
        InputError: the groups are too few or too large for both labels to be in each part of each fold.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    groups = near_copy_groups(pairs, len(labels))
    labels_of_groups = set(zip(groups, labels, strict=True))
    parts = []
    if min(sum(label == each for _, each in labels_of_groups) for label in (0, 1)) >= count:
        splitter = StratifiedGroupKFold(count, shuffle=True, random_state=0)
        parts = [(train.tolist(), test.tolist()) for train, test in splitter.split(labels, labels, groups)]
    if not parts or any({labels[row] for row in rows} != {0, 1} for part in parts for rows in part):
        raise InputError(
            f"--protocol groups: {len(labels)} sentences in {len(set(groups))} groups of near-copies are too few, or "
            f"the groups too large, for {count} folds; choose another protocol"
        )
    return parts


def main() -> None:
    for corpus in (ALICE, UMICH, TREEBANK):
        path = find(corpus)
        print(f"{corpus.name:22} {path or 'generated sample'}")


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
