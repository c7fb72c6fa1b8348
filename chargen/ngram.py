"""The baseline of chargen: an interpolated character n-gram model with Witten-Bell smoothing.

How likely is a character after the n - 1 characters before it? Count how often it followed them, and mix that with
the estimate from one character less, down to the uniform distribution. Witten-Bell trusts a context the less, the
more different characters have followed it, T(h) of them in N(h) occurrences:

    P(c | h) = (N(h, c) + T(h) P(c | shorter h)) / (N(h) + T(h))

Reference: Witten & Bell 1991, The zero-frequency problem, IEEE Transactions on Information Theory 37(4).
"""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np


class WittenBell:
    """An n-gram model of `order` characters (the predicted one included), estimated from `text`.

    Args:
        text: the training text.
        vocabulary_size: number of different characters that may occur.
        order: characters in an n-gram, at least 1; default 5.
    """

    def __init__(self, text: str, vocabulary_size: int, order: int = 5):
        self.order = order
        self.vocabulary_size = vocabulary_size
        self.counts: defaultdict[str, Counter] = defaultdict(Counter)  # context -> how often each character followed
        for length in range(order):
            for end in range(length, len(text)):
                self.counts[text[end - length : end]][text[end]] += 1
        self.totals = {context: followers.total() for context, followers in self.counts.items()}

    def probability(self, character: str, context: str) -> float:
        """P(character | the last order - 1 characters of context)."""
        probability = 1 / self.vocabulary_size
        for length in range(min(self.order - 1, len(context)) + 1):
            followers = self.counts.get(context[len(context) - length :])
            if followers is None:  # never seen, and so no longer context either
                break
            different, total = len(followers), self.totals[context[len(context) - length :]]
            probability = (followers[character] + different * probability) / (total + different)
        return probability

    def bits(self, text: str, before: str) -> np.ndarray:
        """Bits for each character of `text`, which follows on the text `before`: an array (len(text),)."""
        context = before[-(self.order - 1) :] if self.order > 1 else ""
        whole = context + text
        start = len(context)
        probabilities = [
            self.probability(whole[position], whole[max(0, position - self.order + 1) : position])
            for position in range(start, len(whole))
        ]
        return -np.log2(probabilities)
