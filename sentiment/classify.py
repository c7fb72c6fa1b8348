"""Say of sentences whether they are positive or negative.

    python sentiment/classify.py "I loved this film" "what a boring book"
    python sentiment/classify.py < sentences.txt          # one sentence a line
    python sentiment/classify.py --explain "I loved this film"

Prints one line a sentence: the label, its probability, the sentence (with `--format json` an object a line). A line
without words gives an empty line (in JSON, null for label and probability).

`--explain` adds what each word contributes: how much the logit falls if the word is replaced by an unknown one
(occlusion; Zeiler & Fergus 2014). Above 0 the word speaks for the positive label, below 0 for the negative one. The
words are shown as the model reads them. The same goes, with shaded words, into the file of `--html`.
"""

import itertools
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from tyro.conf import Positional

from common import InputError
from common.cli import Flags, run_script
from common.data import normalise, read_lines
from common.saving import load_model
from sentiment import explain
from sentiment.pieces import make_encoder

AT_ONCE = 4096  # sentences


@dataclass(frozen=True)
class Options(Flags):
    sentences: Positional[tuple[str, ...]] = ()  # sentences to classify; without any, the lines of standard input
    run: Path = Path("runs/sentiment/latest")  # run folder of the model
    format: Literal["tsv", "json"] = "tsv"  # columns between tabs, or a JSON object a line
    explain: bool = False  # show what each word contributes
    html: Path = Path("explanation.html")  # where --explain writes the shaded words
    timing: bool = False  # say on standard error how long it took


def as_line(answer: dict, layout: str, colored: bool = False) -> str:
    """An answer `{"label", "probability", "sentence"}` as a line of the output; in TSV, what is in `"words"` stands on
    a second line."""
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
    sentences = iter(options.sentences) if options.sentences else read_lines(sys.stdin.buffer, "standard input")
    typed = not options.sentences and sys.stdin.isatty()  # typed sentences are answered one by one

    model, vocabularies = load_model(options.run / "model.keras")
    if not {"tokens", "labels"} <= vocabularies.keys():
        raise InputError(f"{options.run} holds no model of sentiment/train.py as it is now; train again")
    from common.prediction import ahead, predict_in_batches

    colored = sys.stdout.isatty()
    encode, names = make_encoder(vocabularies["tokens"]), vocabularies["labels"].tokens
    if not options.sentences:  # TensorFlow plans the computation now, for one shape, and after that for any
        for some in (["one"], ["two", "three words"]):
            predict_in_batches(model.predict_on_batch, list(map(encode, some)))
    ready = time.perf_counter()

    def encoded():
        """The next sentences, and for each its ids, or None if it has no words."""
        while batch := list(itertools.islice(sentences, 1 if typed else AT_ONCE)):
            yield batch, [encode(sentence) if normalise(sentence) else None for sentence in batch]

    def classified(batches):
        """The sentences, their ids, and the logits of those that have words."""
        for batch, ids in batches:
            worded = [each for each in ids if each is not None]
            yield batch, ids, np.array(predict_in_batches(model.predict_on_batch, worded)).ravel()

    batches = classified(encoded()) if typed else ahead(classified(ahead(encoded())))  # reading, classifying, writing
    count, paragraphs = 0, []
    for batch, ids, logits in batches:
        probabilities = 1 / (1 + np.exp(-np.abs(logits.astype("float64"))))  # of the label that is said
        said = zip(logits.tolist(), probabilities.tolist(), strict=True)
        answers = []
        for sentence, each in zip(batch, ids, strict=True):
            answer = {"label": None, "probability": None, "sentence": sentence}
            if each is not None:
                logit, probability = next(said)
                answer |= {"label": names[logit >= 0], "probability": probability}
            if each is not None and options.explain:
                answer["words"] = list(zip(normalise(sentence).split(), explain.occlusion(model, each), strict=True))
                paragraphs.append(explain.as_html(answer))
            answers.append(answer)
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
