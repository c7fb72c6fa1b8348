"""Load, clean and split the corpora. `common/corpora.py` says where they come from."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from common import InputError, aozora, sample
from common.corpora import ALICE, BOTCHAN, TREEBANK, UMICH, find, identity
from common.tokenizer import make_marker, make_splitter
from common.vocabulary import Vocabulary, character_ids

MAX_ZIPPED_TEXT = 1 << 26  # bytes of a text in a zip
MAX_TREE_FILES = 10_000  # in a zip; the treebank has 199
MAX_TREES_SIZE = 1 << 24  # bytes of one file of trees; the treebank's have some thousands


# ---------------------------------------------------------------------------------------------------------------------
# Load: find, read, clean


def load_text(
    data: str | None = None, encoding: str | None = None, share_rare: bool = False
) -> tuple[np.ndarray, Vocabulary, dict]:
    """The text for chargen, cleaned by `clean_text`, as ids of its characters.

    The file is read piece by piece, and the ids lie in a memory-mapped temporary file, so that a text of any size
    needs next to no memory.

    Args:
        data: a text file of your own or a zip with one in it, a folder that holds Alice, `"botchan"`, `"sample"`, or
            `None` for Alice, looked up as usual.
        encoding: of a file of your own, as Python names it; by default UTF-8 and Shift_JIS are told apart.
        share_rare: whether the rare ones of very many different characters share an id, see `character_ids`.

    Returns:
        The ids (length,), of the smallest integer type that holds them; the vocabulary; and what the text is:
        `{"name", "sha256"}`.

    Raises:
        InputError: no such file, a wrong hash, bytes that are no text in this encoding, or no text in it.
    """
    pieces, corpus = _find_text(data, encoding)
    ids, vocabulary = character_ids(pieces, share_rare)
    if len(vocabulary) == 1:
        raise InputError(f"{data} holds no character but {vocabulary.tokens[0]!r}; there is nothing to predict")
    return ids, vocabulary, corpus


def load_words(
    data: str | None = None, encoding: str | None = None, tokenizer: str | None = None
) -> tuple[np.ndarray, Vocabulary, dict]:
    """The same text as ids of its words and punctuation marks (int32, in memory).

    The vocabulary is that of the first 80 %, the training part; words that occur there less than twice are unknown.

    Args, returns, raises: as `load_text`, and InputError for a Japanese text without `tokenizer`, one of
    common/tokenizer.py.
    """
    split = make_splitter(tokenizer) if tokenizer else re.compile(r"\w+(?:['’]\w+)*|[^\w\s]").findall
    pieces, corpus = _find_text(data, encoding)
    words = [word for piece in pieces() for word in split(piece)]
    if not tokenizer and sum(bool(re.search("[ぁ-ヿ]", word)) for word in words) > len(words) / 4:
        raise InputError("this text is in Japanese, without spaces between its words; add --tokenizer janome")
    vocabulary = Vocabulary.of_words([words[: int(len(words) * 0.8)]], minimum_count=2)
    return vocabulary.encode(words), vocabulary, corpus


def _find_text(data: str | None, encoding: str | None) -> tuple[Callable[[], Iterator[str]], dict]:
    """A function that gives the cleaned text piece by piece, and what text it is. InputError if it is empty."""
    check_encoding(encoding)
    corpus = BOTCHAN if data == "botchan" else ALICE
    path = find(corpus, None if data == "botchan" else data)
    raw = sample.story().encode() if path is None else zipped_text(path) if zipfile.is_zipfile(path) else None

    def pieces():
        with path.open("rb") if raw is None else io.BytesIO(raw) as opened:
            yield from clean_pieces(opened, path or "sample", encoding=encoding)

    if next(pieces(), None) is None:
        raise InputError(f"{path} holds no text; give a file with some")
    with path.open("rb") if path else io.BytesIO(raw) as opened:
        sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
    return pieces, identity(corpus, path, sha256)


def load_opinions(
    data: str | None = None, tokenizer: str | None = None
) -> tuple[list[tuple[int, str]], list[str], dict]:
    """The rows for sentiment, as they stand in the file, copies included: `(label, sentence)`, label 0 or 1; the
    names of these two labels; and what corpus it is.

    Args, raises: as `load_text`; also InputError for a malformed row. `tokenizer`: one of common/tokenizer.py, which
    marks where words end in sentences without spaces.
    """
    mark = make_marker(tokenizer)
    path = find(UMICH, data)
    raw = path.read_bytes() if path else sample.opinions().encode()
    rows, names = parse_opinions(decode(raw, path or "sample"), path or "sample")
    rows = [(label, mark(sentence)) for label, sentence in rows]
    return rows, names, identity(UMICH, path, hashlib.sha256(raw).hexdigest())


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
    return drop_traces(sentences), identity(TREEBANK, path, hashlib.sha256(raw).hexdigest())


# ---------------------------------------------------------------------------------------------------------------------
# Read and clean: pure functions


def decode(raw: bytes, source: str | Path, first_line: int = 1, encoding: str | None = None) -> str:
    """Bytes as text: a byte-order mark dropped, line ends as `\\n`. By default UTF-8 and Shift_JIS are told apart.
    InputError names `source`, the line and the byte."""
    encoding = encoding or aozora.guess_encoding(raw)
    try:
        text = raw.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + first_line
        place = error.start - raw.rfind(b"\n", 0, error.start)  # counted from 1, in bytes
        name = {"utf-8": "UTF-8", "cp932": "Shift_JIS (cp932)"}.get(encoding, encoding)
        raise InputError(
            f"{source}, line {line}: byte 0x{raw[error.start]:02x}, the line's byte {place}, is not valid {name}; save "
            "the file as UTF-8, or, for chargen, name its encoding: --encoding cp932, euc_jp, latin-1 ..."
        ) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + first_line
        raise InputError(f"{source}, line {line}: a NUL character; this may be UTF-16; save the file as UTF-8")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def check_encoding(encoding: str | None) -> None:
    """Raise InputError unless Python knows the encoding, and ends lines in it with the byte 10, as UTF-16 does not."""
    try:
        if encoding is None or "a\n".encode(encoding).endswith(b"a\n"):
            return
    except (LookupError, ValueError):
        pass
    raise InputError(
        f"--encoding {encoding!r} cannot be read; give utf-8, cp932 (Shift_JIS), euc_jp, latin-1 or another one that "
        "contains ASCII, or save the file as UTF-8"
    )


def zipped_text(path: Path) -> bytes:
    """What the only text file (`.txt`) in a zip holds; 青空文庫 packs its texts like this, sometimes beside pictures.

    Raises:
        InputError: the zip is damaged, or holds no text file, several, or one of more than `MAX_ZIPPED_TEXT` bytes.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if member.filename.lower().endswith(".txt")]
            if len(members) != 1:
                raise InputError(f"{path} holds {len(members)} files .txt; unpack it, and give one text file")
            if members[0].file_size > MAX_ZIPPED_TEXT:
                raise InputError(f"{path}: the text is larger than {MAX_ZIPPED_TEXT} bytes; unpack it")
            return archive.read(members[0])
    except (zipfile.BadZipFile, zlib.error, ValueError, RuntimeError, OSError, EOFError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path}: the zip is damaged or encrypted ({reason}); unpack it yourself") from None


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


def clean_pieces(
    stream: BinaryIO, source: str | Path, size: int = 1 << 22, encoding: str | None = None
) -> Iterator[str]:
    """What `clean_text` makes of a stream, in pieces of whole lines, about `size` bytes each. A book of 青空文庫 has
    less than that; its header, colophon, notes and ruby are dropped."""
    last, line = "", 1
    while raw := stream.read(size) + stream.readline():
        if not raw.isascii():
            encoding = encoding or aozora.guess_encoding(raw)  # of this piece and all that follow
        text = decode(raw, source, line, encoding)
        text = clean_text(aozora.story(text) if line == 1 and aozora.is_aozora(text) else text)
        line += raw.count(b"\n")
        if text:
            yield aozora.join_lines(f"{last}\n{text}")[1:]  # without `last`, or the space that stands in its place
            last = text[-1]


def clean_text(text: str) -> str:
    """Strip and lower-case the lines, drop blank ones, join them by one space, or by none where both sides are Japanese
    (the protocol of chargen)."""
    lines = (line.strip().lower() for line in text.split("\n"))
    return aozora.join_lines("\n".join(line for line in lines if line))


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
        if not normalise(sentence):
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
    from nltk import Tree  # slow to import, as scikit-learn is: only where it is used
    from nltk.tokenize.sexpr import sexpr_tokenize

    sentences = []
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if re.fullmatch(r"treebank/combined/wsj_\d+\.mrg", name)]
            if len(names) > MAX_TREE_FILES:
                raise ValueError(f"it holds more than {MAX_TREE_FILES} files of trees")
            for name in sorted(names):
                if archive.getinfo(name).file_size > MAX_TREES_SIZE:
                    raise ValueError(f"{name} is larger than {MAX_TREES_SIZE} bytes")
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


def normalise(sentence: str) -> str:
    """Lower-case, with every run of non-word characters replaced by one space: two copies become the same string."""
    return re.sub(r"\W+", " ", sentence.lower()).strip()


def deduplicate(rows: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """One row for each normalised sentence, in order of first appearance; those with contradicting labels dropped."""
    labels: dict[str, set[int]] = {}
    for label, sentence in rows:
        labels.setdefault(normalise(sentence), set()).add(label)
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
