"""The figures of the taggers, as PNG files."""

import itertools
from collections import Counter

import numpy as np

from common import plots


def draw_confusion(test, predicted, path, most=12):
    """Draw how often each tag is taken for which other one, for the `most` tags that take part in the most errors.

    Args:
        test: sentences, lists of `(word, tag)`.
        predicted: lists of tags, one a sentence.
    """
    pairs = _pairs(test, predicted)
    errors = Counter(tag for pair in pairs if pair[0] != pair[1] for tag in pair)
    confused = sorted(tag for tag, _ in errors.most_common(most)) or [pairs[0][0]]
    targets, predictions = zip(*(pair for pair in pairs if set(pair) <= set(confused)), strict=True)
    plots.confusion_matrix(targets, predictions, confused, path)


def draw_accuracy(before, test, predicted, path):
    """Draw the accuracy by length of the sentence, and by how often the word occurs before the test part.

    Args:
        before: the sentences before the test part.
        test, predicted: as `draw_confusion`.
    """
    right = np.array([tag == prediction for tag, prediction in _pairs(test, predicted)])
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
    plots.save(figure, path)


def draw_attention(words, tags, weights, path):
    """Draw which words the attention decoder looks at (columns) when it predicts each tag (rows).

    Args:
        words, tags: of one sentence.
        weights: array (tags, words).
    """
    figure, axis = plots.plt.subplots(figsize=(1.5 + 0.35 * len(words), 1.2 + 0.3 * len(words)), layout="constrained")
    axis.imshow(weights, cmap="Blues", vmin=0)
    axis.set_xticks(range(len(words)), words, rotation=90)
    axis.set_yticks(range(len(words)), tags)
    axis.set(xlabel="word that is looked at", ylabel="predicted tag")
    plots.save(figure, path)


def _pairs(test, predicted):
    """The tag and the predicted tag of each word."""
    return [
        (tag, prediction)
        for sentence, tags in zip(test, predicted, strict=True)
        for (_, tag), prediction in zip(sentence, tags, strict=True)
    ]
