"""Tag the words of your own sentences.

    python pos_tagging/tag.py "The dog barks."              # The/DT dog/NN barks/VBZ ./.
    python pos_tagging/tag.py --file sentences.txt          # one sentence a line
    python pos_tagging/tag.py < sentences.txt
    python pos_tagging/tag.py --format tsv --confidence ... # word, tag and probability, one word a line

Words are split as the treebank does (NLTK's NLTKWordTokenizer): punctuation stands apart, *can't* is *ca n't*. With
`--tokenized` the words are what stands between spaces. An empty line gives an empty line; in `tsv` every sentence
ends with one. Files are read, tagged and written a piece at a time, whatever their size.

A model that was trained with `--tokenizer janome` splits Japanese sentences with it, and shows each one whole before
its words: in `slash` before a tab, in `json` as `sentence`.
"""

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from common import InputError
from common.cli import Flags, run_script, start_tensorflow
from common.data import read_lines
from common.saving import load_model
from common.tokenizer import TokenizerName, make_marker, make_splitter, tokenizer_of


@dataclass(frozen=True)
class Options(Flags):
    sentences: Positional[
        tuple[str, ...]
    ] = ()  # sentences to tag; without any, the lines of --file or of standard input
    file: Path | None = None  # a text file, one sentence a line
    format: Literal["slash", "tsv", "json"] = "slash"  # word/TAG; a word a line; a JSON object a sentence
    confidence: bool = False  # add each tag's probability (tsv and json)
    tokenized: bool = False  # the words are separated by spaces already
    tokenizer: TokenizerName = None  # for Japanese; by default the one that the model was trained with, if any
    timing: bool = False  # say on standard error how long it took
    run: Path = Path("runs/pos_tagging/latest")  # run folder of the model


def as_text(words, tagged, form, confidence, sentence="") -> str:
    """One tagged sentence in one of the formats of `--format`; `sentence`: shown whole, if given."""
    tags = [tag for tag, _ in tagged]
    probabilities = [round(probability, 4) for _, probability in tagged]
    if form == "json":
        more = {"probabilities": probabilities} if confidence else {}
        whole = {"sentence": sentence} if sentence else {}
        return json.dumps({**whole, "words": words, "tags": tags, **more}, ensure_ascii=False)
    if form == "tsv":
        columns = zip(words, tags, map(str, probabilities), strict=True)
        return "".join("\t".join(row if confidence else row[:2]) + "\n" for row in columns)
    line = " ".join(f"{word}/{tag}" for word, tag in zip(words, tags, strict=True))
    return f"{sentence}\t{line}".replace("\n", " ") if sentence and words else line


def main(options: Options) -> None:
    for number, sentence in enumerate(options.sentences, start=1):
        if not sentence.strip():
            raise InputError(f"sentence {number} is empty")
    if options.file and options.sentences:
        raise InputError("give either sentences or --file, not both")
    if options.file and not options.file.is_file():
        raise InputError(f"--file: no such file: {options.file}")
    if options.confidence and options.format == "slash":
        raise InputError("--confidence needs --format tsv or json; word/TAG has no place for it")
    make_marker(options.tokenizer)  # complains before TensorFlow starts, if it is not installed

    started = time.perf_counter()
    start_tensorflow()
    from nltk.tokenize import NLTKWordTokenizer

    import pos_tagging.model  # noqa: F401 - registers the layers
    from pos_tagging.tagger import LINES, tag_lines

    model, vocabularies = load_model(options.run / "model.keras", "word", "tags")
    tokenizer = None if options.tokenized else options.tokenizer or tokenizer_of(vocabularies)
    split = str.split if options.tokenized else NLTKWordTokenizer().tokenize
    if tokenizer:
        split = make_splitter(tokenizer)
    if not options.sentences:  # TensorFlow plans the computation now, for one shape, and after that for any
        for some in (["one"], ["two", "three words"]):
            list(tag_lines(some, split, model, vocabularies))
    ready = time.perf_counter()
    typed = not options.file and not options.sentences and sys.stdin.isatty()  # is answered line by line
    if options.sentences:
        lines = options.sentences
    elif options.file:
        lines = read_lines(options.file.open("rb"), options.file)
    else:
        lines = read_lines(sys.stdin.buffer, "standard input")

    tokens = 0
    for line, words, tagged in tag_lines(lines, split, model, vocabularies, 1 if typed else LINES):
        sentence = line if tokenizer else ""
        print(as_text(words, tagged, options.format, options.confidence, sentence), flush=typed)
        tokens += len(words)
    if options.timing:
        seconds = time.perf_counter() - ready
        print(
            f"start-up {ready - started:.1f} s; {tokens} tokens in {seconds:.2f} s, {tokens / seconds:,.0f} a second",
            file=sys.stderr,
        )


if __name__ == "__main__":
    run_script(main, Options)
