"""Tag the words of your own sentences.

    python pos_tagging/tag.py "The dog barks ."          # The/DT dog/NN barks/VBZ ./.
    python pos_tagging/tag.py --file sentences.txt       # one sentence a line
    python pos_tagging/tag.py < sentences.txt

Words are split as the treebank does (NLTK's NLTKWordTokenizer): punctuation stands apart, *can't* is *ca n't*. An
empty line gives an empty line.
"""

import itertools
import sys
from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from common import InputError
from common.data import read_lines
from common.training import load_model, run_script


@dataclass(frozen=True)
class Options:
    sentences: Positional[
        tuple[str, ...]
    ] = ()  # sentences to tag; without any, the lines of --file or of standard input
    file: Path | None = None  # a text file, one sentence a line
    run: Path = Path("runs/pos_tagging/latest")  # run folder of the model


def tag_lines(lines, model, vocabularies, at_once: int):
    """Tag text line by line: yields `word/TAG word/TAG ...` for each line; `at_once` lines make a batch."""
    from nltk.tokenize import NLTKWordTokenizer

    from pos_tagging.eval import tag_sentences

    tokenize = NLTKWordTokenizer().tokenize
    lines = iter(lines)
    while batch := [tokenize(line) for line in itertools.islice(lines, at_once)]:
        tagged = iter(tag_sentences(model, vocabularies, [words for words in batch if words]))
        for words in batch:
            yield " ".join(f"{word}/{tag}" for word, tag in zip(words, next(tagged), strict=True)) if words else ""


def main(options: Options) -> None:
    for number, sentence in enumerate(options.sentences, start=1):
        if not sentence.strip():
            raise InputError(f"sentence {number} is empty")
    if options.file and not options.file.is_file():
        raise InputError(f"--file: no such file: {options.file}")

    model, vocabularies = load_model(options.run / "model.keras")
    at_once = 1 if not options.file and sys.stdin.isatty() else 1024  # typed sentences are answered one by one
    if options.sentences:
        tag_all(options.sentences, model, vocabularies, len(options.sentences))
    elif options.file:
        with options.file.open("rb") as stream:
            tag_all(read_lines(stream, options.file), model, vocabularies, at_once)
    else:
        tag_all(read_lines(sys.stdin.buffer, "standard input"), model, vocabularies, at_once)


def tag_all(lines, model, vocabularies, at_once):
    for line in tag_lines(lines, model, vocabularies, at_once):
        print(line, flush=at_once == 1)


if __name__ == "__main__":
    run_script(main, Options)
