"""Classify sentences: positive or negative?

    python sentiment/classify.py "I loved this film" "what a boring book"
    python sentiment/classify.py < sentences.txt          # one sentence a line
    python sentiment/classify.py --explain "I loved this film"

Prints one line for each sentence: the label, its probability, the sentence (with `--format json`, an object). A line
without words gives an empty line (in JSON, null for label and probability).

`--explain` adds what each word contributes: how much the logit falls if the word is replaced by an unknown one
(occlusion; Zeiler & Fergus 2014). A word above 0 speaks for the positive label, a word below 0 for the negative one.
The words are shown as the model reads them. The file of `--html` shows the same with shaded words.
"""

import itertools
import json
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from tyro.conf import Positional

from common import InputError
from common.cli import Flags, run_script, start_tensorflow
from common.data import normalise, read_lines
from common.saving import load_model
from common.tokenizer import make_marker, tokenizer_of
from sentiment import explain
from sentiment.subwords import make_encoder

MAX_SENTENCES = 4096  # classified at once


@dataclass(frozen=True)
class Options(Flags):
    sentences: Positional[tuple[str, ...]] = ()  # sentences to classify; without any, the lines of standard input
    run: Path = Path("runs/sentiment/latest")  # run folder of the model
    format: Literal["tsv", "json"] = "tsv"  # columns between tabs, or a JSON object a line
    explain: bool = False  # show what each word contributes
    html: Path = Path("explanation.html")  # where --explain writes the shaded words
    timing: bool = False  # say on standard error how long it took


def encode_batches(sentences: Iterable[str], encode: Callable, size: int) -> Iterator[tuple[list, list]]:
    """The next `size` sentences, and for each its ids, or None if it has no words."""
    sentences = iter(sentences)
    while batch := list(itertools.islice(sentences, size)):
        yield batch, [encode(sentence) if normalise(sentence) else None for sentence in batch]


def predict_batches(batches: Iterable[tuple], predict: Callable) -> Iterator[tuple[list, list, np.ndarray]]:
    """The same, and the logits of the sentences that have words. `predict` turns ids of sentences into logits."""
    for batch, ids in batches:
        yield batch, ids, np.array(predict([each for each in ids if each is not None])).ravel()


def make_answers(batch: list[str], ids: list, logits: np.ndarray, names: list[str]) -> list[dict]:
    """For each sentence `{"label", "probability", "sentence"}`; label and probability are None if it has no words."""
    probabilities = 1 / (1 + np.exp(-np.abs(logits.astype("float64"))))  # of the label that is predicted
    predicted = zip(logits.tolist(), probabilities.tolist(), strict=True)
    answers = []
    for sentence, each in zip(batch, ids, strict=True):
        answer = {"label": None, "probability": None, "sentence": sentence}
        if each is not None:
            logit, probability = next(predicted)
            answer |= {"label": names[logit >= 0], "probability": probability}
        answers.append(answer)
    return answers


def as_line(answer: dict, layout: str, colored: bool = False) -> str:
    """An answer as a line of the output; in TSV, what is in `"words"` stands on a second line."""
    if layout == "json":
        return json.dumps(answer, ensure_ascii=False)
    if answer["label"] is None:
        return ""
    line = f"{answer['label']}\t{answer['probability']:.3f}\t" + answer["sentence"].replace("\n", " ")
    return f"{line}\n    {explain.as_text(answer['words'], colored)}" if "words" in answer else line


def main(options: Options) -> None:
    started = time.perf_counter()
    for number, sentence in enumerate(options.sentences, start=1):
        if not normalise(sentence):
            raise InputError(f"sentence {number} has no words: {sentence!r}")
    if options.explain and not options.html.parent.is_dir():
        raise InputError(f"--html: there is no folder {options.html.parent}; make it, or name another")
    typed = not options.sentences and sys.stdin.isatty()  # typed sentences are answered one by one

    start_tensorflow()
    from common.prediction import ahead, predict_in_batches
    from sentiment.model import SubwordEmbedding  # noqa: F401 - registers the layers

    model, vocabularies = load_model(options.run / "model.keras", "subwords", "labels")
    encode_words, names = make_encoder(vocabularies["subwords"]), vocabularies["labels"].tokens
    tokenizer = tokenizer_of(vocabularies)
    mark = make_marker(tokenizer)

    def encode(sentence):
        return encode_words(mark(sentence))

    def predict(ids):
        return predict_in_batches(model.predict_on_batch, ids)

    if not options.sentences:  # TensorFlow plans the computation now, for one shape, and after that for any
        for some in (["one"], ["two", "three words"]):
            predict(list(map(encode, some)))
    ready = time.perf_counter()

    sentences = options.sentences or read_lines(sys.stdin.buffer, "standard input")
    encoded = encode_batches(sentences, encode, 1 if typed else MAX_SENTENCES)
    # Reading, classifying and writing go on side by side, unless each sentence waits to be typed.
    batches = predict_batches(encoded, predict) if typed else ahead(predict_batches(ahead(encoded), predict))
    count, paragraphs, colored = 0, [], sys.stdout.isatty()
    for batch, ids, logits in batches:
        answers = make_answers(batch, ids, logits, names)
        for answer, each in zip(answers, ids, strict=True):
            if options.explain and each is not None:
                text = mark(answer["sentence"]).lower()
                answer["words"] = list(zip(normalise(text).split(), explain.occlusion(model, each), strict=True))
                paragraphs.append(explain.as_html(answer, re.split(r"\w+", text) if tokenizer else ()))
        print("\n".join(as_line(answer, options.format, colored) for answer in answers), flush=True)
        count += len(batch)
    if options.explain:
        explain.write_page(paragraphs, names, options.html)
        print(f"shaded words: {options.html}", file=sys.stderr)
    if options.timing:
        seconds = time.perf_counter() - ready
        print(
            f"start-up {ready - started:.1f} s; {count} sentences in {seconds:.2f} s, {count / seconds:,.0f} a second",
            file=sys.stderr,
        )


if __name__ == "__main__":
    run_script(main, Options)
