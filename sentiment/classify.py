"""Say of sentences whether they are positive or negative.

    python sentiment/classify.py "I loved this film" "what a boring book"
    python sentiment/classify.py < sentences.txt          # one sentence a line

Prints one line a sentence: the label, its probability, the sentence. A line without words gives an empty line.
"""

import itertools
import sys
from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from common import InputError
from common.data import fold, read_lines
from common.training import load_model, run_script


@dataclass(frozen=True)
class Options:
    sentences: Positional[tuple[str, ...]] = ()  # sentences to classify; without any, the lines of standard input
    run: Path = Path("runs/sentiment/latest")  # run folder of the model


def main(options: Options) -> None:
    for number, sentence in enumerate(options.sentences, start=1):
        if not fold(sentence):
            raise InputError(f"sentence {number} has no words: {sentence!r}")
    sentences = iter(options.sentences) if options.sentences else read_lines(sys.stdin.buffer, "standard input")
    at_once = 1 if sys.stdin.isatty() else 4096  # typed sentences are answered one by one

    model, vocabularies = load_model(options.run / "model.keras")
    import keras

    from common.padding import predict_in_batches
    from sentiment.train import encode

    while batch := list(itertools.islice(sentences, at_once)):
        worded = [sentence for sentence in batch if fold(sentence)]
        ids = [encode(sentence, vocabularies["words"]) for sentence in worded]
        logits = iter(predict_in_batches(model.predict_on_batch, ids))
        for sentence in batch:
            if fold(sentence):
                positive = float(keras.ops.sigmoid(next(logits))[0])
                label, probability = ("positive", positive) if positive >= 0.5 else ("negative", 1 - positive)
                print(f"{label}\t{probability:.3f}\t{sentence}")
            else:
                print()
        sys.stdout.flush()


if __name__ == "__main__":
    run_script(main, Options)
