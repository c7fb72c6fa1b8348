"""Measure a trained tagger on the last fifth of the sentences.

    python pos_tagging/eval.py                          # the newest run
    python pos_tagging/eval.py --run runs/pos_tagging/NAME

Accuracy is over real words only. Beside it stand the accuracy on words that occur nowhere before the test part, the
share of sentences without any error, and, for the lesson, the figure that the classic script would print: every
sentence padded to 250 steps, and every padded step counted as a right answer. NLTK's averaged perceptron, a strong
classical tagger, is trained here and now on everything before the test part.
"""

import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.data import load_tagged_sentences, split_sentences
from common.summary import print_table
from common.training import check_corpus, load_model, open_run, run_script, write_json

CLASSIC_STEPS = 250  # the length that the book's script pads to


@dataclass(frozen=True)
class Options:
    run: Path = Path("runs/pos_tagging/latest")  # run folder to evaluate
    data: str | None = None  # where the corpus is now, if not where training found it


def tag_sentences(model, vocabularies, sentences):
    """Tag sentences, lists of words: one list of tags a sentence."""
    from common.padding import predict_in_batches
    from pos_tagging.train import encode_words

    ids = [encode_words(words, vocabularies) for words in sentences]
    best = predict_in_batches(lambda batch: model.predict_on_batch(batch).argmax(-1), ids)  # each (padded time,)
    return [vocabularies["tags"].decode(row[: len(words)]) for row, words in zip(best, sentences, strict=True)]


def scores(test, predicted, known_words) -> dict:
    """The figures of a tagger.

    Args:
        test: sentences, lists of `(word, tag)`.
        predicted: lists of tags, one a sentence.
        known_words: the set of words that occur in training.
    """
    right = [
        [tag == guess for (_, tag), guess in zip(*pair, strict=True)] for pair in zip(test, predicted, strict=True)
    ]
    flat = np.concatenate(right)
    unseen = np.array([word not in known_words for sentence in test for word, _ in sentence])
    # As the classic script counts: each sentence cut or padded to 250 steps, the padded ones all counted as right.
    padded = sum(sum(hits[:CLASSIC_STEPS]) + max(0, CLASSIC_STEPS - len(hits)) for hits in right)
    return {
        "token_accuracy": float(flat.mean()),
        "unseen_word_accuracy": float(flat[unseen].mean()) if unseen.any() else None,
        "sentence_accuracy": float(np.mean([all(hits) for hits in right])),
        "padded_accuracy": float(padded / (CLASSIC_STEPS * len(test))),
    }


def perceptron_tags(training, test):
    """NLTK's averaged perceptron (Collins 2002), trained on tagged sentences: its tags for the words of the test."""
    from nltk.tag.perceptron import PerceptronTagger

    random.seed(0)  # it shuffles the sentences
    tagger = PerceptronTagger(load=False)
    tagger.train(training)
    return [[tag for _, tag in tagger.tag([word for word, _ in sentence])] for sentence in test]


def evaluate(run: Path, sentences) -> dict:
    """Measure `run/model.keras` on the test part, print the table, draw the pictures, return the figures."""
    model, vocabularies = load_model(run / "model.keras")
    training, validation, test = split_sentences(sentences)
    before = training + validation
    known_words = {word for sentence in before for word, _ in sentence}

    print("training NLTK's perceptron for comparison ...", flush=True)
    ours = tag_sentences(model, vocabularies, [[word for word, _ in sentence] for sentence in test])
    commonest = Counter(tag for sentence in before for _, tag in sentence).most_common(1)[0][0]
    table = {
        f"always {commonest}": scores(test, [[commonest] * len(sentence) for sentence in test], known_words),
        "NLTK's perceptron": scores(test, perceptron_tags(before, test), known_words),
        f"this run ({run})": scores(test, ours, known_words),
    }
    header = ("model", "token accuracy", "unseen words", "whole sentences", f"padded to {CLASSIC_STEPS} (misleading)")
    print_table(header, [(name, *figures.values()) for name, figures in table.items()])

    draw(run, test, ours)
    return {
        "figure": "token_accuracy",
        **table[f"this run ({run})"],
        "baseline": {"name": "NLTK's perceptron", "value": table["NLTK's perceptron"]["token_accuracy"]},
    }


def draw(run, test, predicted, most=12):
    """Draw the learning curves, and the confusion matrix of the tags that take part in the most errors."""
    from common import plots

    plots.learning_curves(run, ["loss", "masked_accuracy"])
    pairs = [
        (tag, guess)
        for words, tags in zip(test, predicted, strict=True)
        for (_, tag), guess in zip(words, tags, strict=True)
    ]
    errors = Counter(tag for pair in pairs if pair[0] != pair[1] for tag in pair)
    confused = sorted(tag for tag, _ in errors.most_common(most)) or [pairs[0][0]]
    targets, guesses = zip(*(pair for pair in pairs if set(pair) <= set(confused)), strict=True)
    plots.confusion_matrix(targets, guesses, confused, run / "confusion_matrix.png")


def main(options: Options) -> None:
    hyperparameters, metrics = open_run(options.run)
    sentences, corpus = load_tagged_sentences(options.data or hyperparameters["data"])
    check_corpus(metrics, corpus)
    write_json(options.run / "metrics.json", metrics | evaluate(options.run, sentences))
    print(f"pictures and metrics.json are in {options.run}")


if __name__ == "__main__":
    run_script(main, Options)
