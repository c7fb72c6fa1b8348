"""Mix what several models say about the next character, as the strongest compressors do.

An expert that is sure of the next character should count for more than one that hardly knows. A weighted mean of their
probabilities cannot do that. A weighted sum of their logarithms can:

    p(c)  is proportional to  exp(w_1 log p_1(c) + w_2 log p_2(c) + ...)

That is a softmax with one weight for each expert. Like any network it learns by gradient descent, and does so while it
predicts: after each character, the weights move to make that character more likely. With x_i(c) = log p_i(c),

    d log p(came) / d w_i  =  x_i(came) - sum over c of p(c) x_i(c)

There is a set of weights for each of a few situations, here how long a string of characters has been met before:
`LongestMatch`, itself an expert, trusts such a string the more, the longer it is.

References: Mahoney 2005, Adaptive weighing of context models for lossless data compression (the mixing, and the
matches). Mattern 2012, Mixing strategies in data compression.
"""

import sys
from collections import defaultdict

import numpy as np

from chargen.ngram import NGram, WordNGram

LEARNING_RATE = 0.003
INITIAL_WEIGHTS = 1.3  # of all the experts together, shared equally
SHORTEST, LONGEST = 6, 32  # characters of a match
CONTEXT = 200  # characters before a chunk that the experts look at
SITUATIONS = (SHORTEST, 8, 12, 16, 24)  # where a match is so long, other weights are used


class Mixer:
    """One distribution made of those of several experts; what each is worth is learned while it is used.

    Args:
        experts: how many.
    """

    def __init__(self, experts: int):
        self.weights = np.full((len(SITUATIONS) + 1, experts), INITIAL_WEIGHTS / experts)

    def mix(self, distributions, came, matched) -> np.ndarray:
        """Predict some characters, and learn from each when it has come.

        Args:
            distributions: of each expert, (experts, length, vocabulary).
            came: the ids that came, (length,).
            matched: how long the match was before each of them, (length,).

        Returns:
            The mixed distributions, (length, vocabulary).
        """
        logs = np.log(np.maximum(distributions, 1e-12)).swapaxes(0, 1)  # (length, experts, vocabulary)
        mixed = np.empty((len(came), logs.shape[-1]))
        for position, situation in enumerate(np.digitize(matched, SITUATIONS)):
            weights, inputs = self.weights[situation], logs[position]
            exponentials = np.exp(weights @ inputs - (weights @ inputs).max())
            mixed[position] = exponentials / exponentials.sum()
            weights += LEARNING_RATE * (inputs[:, came[position]] - inputs @ mixed[position])
        return mixed


class LongestMatch:
    """Predicts what came the last time that the text looked like this.

    It remembers where each string of `SHORTEST` characters ended last, follows the strings back as far as they agree,
    and counts how often a match of that length was right.

    Args:
        ids: the training text (length,).
        vocabulary_size: number of different ids that may occur.
    """

    def __init__(self, ids, vocabulary_size: int):
        self.vocabulary_size = vocabulary_size
        self.text, self.ends = [], {}
        self.wrong_and_right = np.ones((LONGEST + 1, 2))  # for each length of a match
        self.learn(ids)

    def find(self, text) -> tuple[int, int]:
        """The length of the longest match of the end of `text` (0: none), and the id that came after it."""
        end = self.ends.get(tuple(text[-SHORTEST:]))
        if end is None:
            return 0, 0
        length = SHORTEST
        while length < min(LONGEST, end, len(text)) and self.text[end - length - 1] == text[-length - 1]:
            length += 1
        return length, self.text[end]

    def learn(self, ids, before=()) -> None:
        """Read the ids (length,), which follow on the ids `before`."""
        text = [*map(int, before[max(0, len(before) - LONGEST) :])]
        for symbol in map(int, ids):
            length, guess = self.find(text[-LONGEST:])
            if length:
                self.wrong_and_right[length, int(guess == symbol)] += 1
            if len(text) >= SHORTEST:
                self.ends[tuple(text[-SHORTEST:])] = len(self.text)
            self.text.append(symbol)
            text.append(symbol)

    def distributions(self, ids, before) -> tuple[np.ndarray, np.ndarray]:
        """The distribution of each of `ids` (length,), which follow on `before`: an array (length, vocabulary); and how
        long the match was before each of them: an array (length,)."""
        text = [*map(int, before[max(0, len(before) - LONGEST) :])]
        distributions, lengths = np.empty((len(ids), self.vocabulary_size)), np.empty(len(ids), int)
        for position, symbol in enumerate(map(int, ids)):
            lengths[position], guess = self.find(text[-LONGEST:])
            right = 1 / self.vocabulary_size
            if lengths[position]:
                wrong, right = self.wrong_and_right[lengths[position]]
                right /= wrong + right
            distributions[position] = (1 - right) / max(1, self.vocabulary_size - 1)
            distributions[position, guess] = right
            text.append(symbol)
        return distributions, lengths


def adaptive_bits(dynamic, train, order: int, vocabulary, ids, before) -> dict[str, np.ndarray]:
    """Bits for each of `ids`, which follow on the text `before`, of models that learn from what they have predicted.

    Args:
        dynamic: the distributions of dynamic evaluation, in chunks, as `scoring.read_stream` yields them.
        train: the text that the other experts learn from first.
        order: of the n-gram model of characters.

    Returns:
        Arrays (length,): of each expert alone, of their mixture, and of mixtures without one of them.
    """
    size = len(vocabulary)
    letters = [index for index, character in enumerate(vocabulary.decode(range(size))) if character.isalpha()]
    characters, words = NGram(train, size, order, "kneser-ney"), WordNGram(train, size, letters)
    matches = LongestMatch(train, size)
    experts = ("+ dynamic evaluation", f"adaptive Kneser-Ney {order}-gram", "Kneser-Ney of words", "longest match")
    mixer, without = Mixer(len(experts)), {name: Mixer(len(experts) - 1) for name in experts}
    bits = defaultdict(list)
    whole, start = np.concatenate([before, ids]), len(before)
    for distributions in dynamic:
        chunk, context = whole[start : start + len(distributions)], whole[max(0, start - CONTEXT) : start]
        came = np.arange(len(chunk)), chunk
        matched, lengths = matches.distributions(chunk, context)
        given = [distributions, *(ngram.distributions(chunk, context) for ngram in (characters, words)), matched]
        for name, of_expert in zip(experts, given, strict=True):
            bits[name].append(of_expert[came])
        bits["+ mixture"].append(mixer.mix(given, chunk, lengths)[came])
        for place, (name, smaller) in enumerate(without.items()):
            others = given[:place] + given[place + 1 :]
            bits[f"mixture without {name}"].append(smaller.mix(others, chunk, lengths)[came])
        for expert in (characters, words, matches):
            expert.learn(chunk, context)
        start += len(chunk)
        if sys.stdout.isatty():
            print(f"\r{(start - len(before)) / len(ids):.0%} of the test part", end="\r", flush=True)
    return {name: -np.log2(np.concatenate(chunks)) for name, chunks in bits.items()}
