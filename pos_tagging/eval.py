"""Measure a trained tagger on the last fifth of the sentences, and show where it errs.

    python pos_tagging/eval.py                          # the newest run
    python pos_tagging/eval.py --run runs/pos_tagging/NAME

Accuracy is over real words only. Beside it stand the accuracy on words that occur nowhere before the test part, the
share of sentences without any error, and, for the lesson, the figure that the classic script would print: every
sentence padded to 250 steps, and every padded step counted as a right answer. A conditional random field, the strongest
of the classical taggers in baselines.py, is trained here and now on the sentences that the network has learned from;
compare.py has more to compare with.

Then follow precision, recall and F1 of every tag, and the commonest errors with a sentence for each. The pictures:
learning curves, confusion matrix, and accuracy by the length of the sentence and by how often a word was seen.
"""

import itertools
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.cli import Count, Flags, run_script
from common.data import load_tagged_sentences, split_sentences
from common.runs import check_corpus, open_run
from common.saving import load_model, read_json, write_json
from common.tables import print_table
from pos_tagging.baselines import crf
from pos_tagging.features import encode_words

CLASSIC_STEPS = 250  # the length that the book's script pads to
HEADER = ("model", "token accuracy", "unseen words", "whole sentences", f"padded to {CLASSIC_STEPS} (misleading)")


@dataclass(frozen=True)
class Options(Flags):
    run: Path = Path("runs/pos_tagging/latest")  # run folder to evaluate
    data: str | None = None  # where the corpus is now, if not where training found it
    errors: Count = 20  # how many kinds of errors to list


def tag_sentences(model, vocabularies, sentences):
    """Tag sentences, lists of words: one list of `(tag, probability)` a sentence."""
    from common.prediction import predict_in_batches

    if not sentences:
        return []
    words = list(dict.fromkeys(word for sentence in sentences for word in sentence))
    place = {word: index for index, word in enumerate(words)}
    table = encode_words(words, vocabularies)  # (different words, features): each word is looked up only once
    ids = [table[[place[word] for word in sentence]] for sentence in sentences]

    def predict(batch):
        logits = model.predict_on_batch(batch)  # (batch, time, tags)
        best = logits.argmax(-1)
        odds = np.exp(logits - logits.max(-1, keepdims=True))
        return np.stack([best, 1 / odds.sum(-1)], axis=-1)  # (batch, time, 2): tag, probability

    tags = vocabularies["tags"].tokens
    rows = predict_in_batches(predict, ids)
    return [
        [(tags[int(tag)], float(probability)) for tag, probability in row[: len(sentence)]]
        for row, sentence in zip(rows, sentences, strict=True)
    ]


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


def evaluate(run: Path, sentences, errors: int = 0) -> dict:
    """Measure `run/model.keras` on the test part, print the table, draw the pictures, return the figures.

    Args:
        errors: how many kinds of errors to list below, after the scores of each tag; 0 for neither.
    """
    model, vocabularies = load_model(run / "model.keras", "pos_tagging.encoder_decoder")
    training, validation, test = split_sentences(sentences)
    before = training + validation
    known_words = {word for sentence in before for word, _ in sentence}
    words = [[word for word, _ in sentence] for sentence in test]

    print("training a conditional random field for comparison ...", flush=True)
    learned = training if read_json(run / "hyperparameters.json")["validate"] else before
    ours = [[tag for tag, _ in row] for row in tag_sentences(model, vocabularies, words)]
    commonest = Counter(tag for sentence in learned for _, tag in sentence).most_common(1)[0][0]
    table = {
        f"always {commonest}": scores(test, [[commonest] * len(sentence) for sentence in test], known_words),
        "CRF": scores(test, crf(learned, words), known_words),
        f"this run ({run})": scores(test, ours, known_words),
    }
    print_table(HEADER, [(name, *figures.values()) for name, figures in table.items()])
    if errors:
        print_tags_and_errors(test, ours, errors)
    draw(run, before, test, ours)
    return {
        "figure": "token_accuracy",
        **table[f"this run ({run})"],
        "baseline": {"name": "CRF", "value": table["CRF"]["token_accuracy"]},
    }


def print_tags_and_errors(test, predicted, errors):
    """Print precision, recall and F1 of every tag, then the `errors` commonest confusions with a sentence for each."""
    from sklearn.metrics import classification_report

    true = [tag for sentence in test for _, tag in sentence]
    guesses = [tag for tags in predicted for tag in tags]
    print("\n" + classification_report(true, guesses, digits=3, zero_division=0))

    examples = defaultdict(list)  # (true tag, predicted tag) -> where it happened
    for sentence, tags in zip(test, predicted, strict=True):
        words = [word for word, _ in sentence]
        for place, ((word, tag), guess) in enumerate(zip(sentence, tags, strict=True)):
            if tag != guess:
                around = [*words[max(0, place - 6) : place], f"[{word}]", *words[place + 1 : place + 6]]
                examples[tag, guess].append(" ".join(around))
    rows = sorted(examples.items(), key=lambda item: -len(item[1]))[:errors]
    print_table(("is", "taken for", "times", "such as"), [(*pair, len(found), found[0]) for pair, found in rows])
    print()


def draw(run, before, test, predicted, most=12):
    """Draw the learning curves, the confusion matrix of the tags that take part in the most errors, and accuracy by
    length of the sentence and by how often the word occurs before the test part."""
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

    right = np.array([tag == guess for tag, guess in pairs])
    lengths = np.array([len(sentence) for sentence in test for _ in sentence])
    seen = Counter(word for sentence in before for word, _ in sentence)
    counts = np.array([seen[word] for sentence in test for word, _ in sentence])
    figure, axes = plots.plt.subplots(1, 2, figsize=(10, 3.8), sharey=True, layout="constrained")
    for axis, values, bounds, name in (
        (axes[0], lengths, (1, 10, 20, 30, 40), "words in the sentence"),
        (axes[1], counts, (0, 1, 2, 5, 20, 100), "times the word is seen before the test part"),
    ):
        labels = [f"{low} to {high - 1}" if high - low > 1 else str(low) for low, high in itertools.pairwise(bounds)]
        bins = np.searchsorted(bounds, values, side="right") - 1  # bin k: from bounds[k] up to the next bound
        filled = np.unique(bins)  # a small corpus may leave some empty
        labels = [[*labels, f"{bounds[-1]} or more"][place] + f"\n({np.sum(bins == place)})" for place in filled]
        bars = axis.bar(labels, [right[bins == place].mean() for place in filled])
        axis.bar_label(bars, fmt="%.3f")
        axis.set(xlabel=f"{name}\n(in brackets: words of the test part)", ylim=(0, 1.05))
        axis.tick_params(axis="x", labelsize=8)
    axes[0].set(ylabel="token accuracy")
    plots.save(figure, run / "accuracy.png")


def main(options: Options) -> None:
    hyperparameters, metrics = open_run(options.run)
    sentences, corpus = load_tagged_sentences(options.data or hyperparameters["data"])
    check_corpus(metrics, corpus)
    write_json(options.run / "metrics.json", metrics | evaluate(options.run, sentences, options.errors))
    print(f"pictures and metrics.json are in {options.run}")


if __name__ == "__main__":
    run_script(main, Options)
