"""Mix what several models say about the next character, as the strongest compressors do.

An expert that is sure of the next character should count for more than one that hardly knows. A weighted mean of their
probabilities cannot do that. A weighted sum of their logarithms can:

    p(c)  is proportional to  exp(w_1 log p_1(c) + w_2 log p_2(c) + ...)

That is a softmax with one weight for each expert. Like any network it learns by gradient descent, and does so while it
predicts: after each character, the weights move to make that character more likely. With x_i(c) = log p_i(c),

    d log p(came) / d w_i  =  x_i(came) - sum over c of p(c) x_i(c)

The steps get shorter while the weights are learned (Adagrad: the rate is divided by the root of the sum of all squared
gradients so far). There is a set of weights for each of a few situations, here how long a string of characters has been
met before: `Matches`, itself an expert, trusts such a string the more, the longer it is.

References: Mahoney 2005, Adaptive weighing of context models for lossless data compression (the mixing, and the
matches). Mattern 2012, Mixing strategies in data compression. Duchi, Hazan & Singer 2011, Adaptive subgradient methods.
"""

import sys
from collections import defaultdict

import numpy as np

from chargen.ngram import NGram, WordNGram

LEARNING_RATE = 0.05
INITIAL_WEIGHTS = 1.1  # of all the experts together, shared equally
SHORTEST, LONGEST = 6, 32  # characters of a match
MATCHES = 200  # of a string, the newest ones, that are looked at
GAIN = 1.5  # the weight of a match grows by exp(GAIN) with each character
FORGETTING = 0.8  # and falls with this power of its age
UNIFORM = 0.05  # share of the uniform distribution
CONTEXT = 200  # characters before a chunk that the experts look at
SITUATIONS = (SHORTEST, 8, 12, 16, 24)  # where a match is so long, other weights are used


class Mixer:
    """One distribution made of those of several experts; what each is worth is learned while it is used.

    Args:
        experts: how many.
    """

    def __init__(self, experts: int):
        self.weights = np.full((len(SITUATIONS) + 1, experts), INITIAL_WEIGHTS / experts)
        self.squares = np.ones_like(self.weights)  # of the gradients, summed; they begin at one

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
            weights, squares, inputs = self.weights[situation], self.squares[situation], logs[position]
            exponentials = np.exp(weights @ inputs - (weights @ inputs).max())
            mixed[position] = exponentials / exponentials.sum()
            gradient = inputs[:, came[position]] - inputs @ mixed[position]
            squares += gradient**2
            weights += LEARNING_RATE * gradient / np.sqrt(squares)
        return mixed


class Matches:
    """Predicts what came when the text looked like this before.

    It remembers where each string of `SHORTEST` characters ended, and follows the strings back as far as they agree.
    The characters that came next vote, those after long and recent matches with more weight.

    Args:
        ids: the training text (length,).
        vocabulary_size: number of different ids that may occur.
    """

    def __init__(self, ids, vocabulary_size: int):
        self.vocabulary_size = vocabulary_size
        self.text, self.ends = [], defaultdict(list)
        self.learn(ids)

    def learn(self, ids, before=()) -> None:
        """Read the ids (length,), which follow on the ids `before`."""
        text = [*map(int, before[max(0, len(before) - SHORTEST) :])]
        for symbol in map(int, ids):
            if len(text) >= SHORTEST:
                self.ends[tuple(text[-SHORTEST:])].append(len(self.text))
            self.text.append(symbol)
            text.append(symbol)

    def match_length(self, end: int, text) -> int:
        """So many characters before the place `end` of what was read are those at the end of `text`."""
        length = SHORTEST
        while length < min(LONGEST, end, len(text)) and self.text[end - length - 1] == text[-length - 1]:
            length += 1
        return length

    def distribution(self, text) -> tuple[np.ndarray, int]:
        """What comes after `text`, a list of ids: an array (vocabulary,); the length of the longest match (0: none)."""
        votes = np.zeros(self.vocabulary_size)
        ends = self.ends.get(tuple(text[-SHORTEST:]), ())[-MATCHES:]
        lengths = [self.match_length(end, text) for end in ends]
        for end, length in zip(ends, lengths, strict=True):
            votes[self.text[end]] += np.exp(GAIN * (length - LONGEST)) / (len(self.text) - end) ** FORGETTING
        share = UNIFORM if ends else 1
        return (1 - share) * votes / max(votes.sum(), 1e-300) + share / self.vocabulary_size, max(lengths, default=0)

    def distributions(self, ids, before) -> tuple[np.ndarray, np.ndarray]:
        """The distribution of each of `ids` (length,), which follow on `before`: an array (length, vocabulary); and how
        long the longest match was before each of them: an array (length,)."""
        text = [*map(int, before[max(0, len(before) - LONGEST) :]), *map(int, ids)]
        places = range(len(text) - len(ids), len(text))
        found = [self.distribution(text[max(0, place - LONGEST) : place]) for place in places]
        distributions, lengths = zip(*found, strict=True)
        return np.array(distributions), np.array(lengths)


def adaptive_bits(streams, train, order: int, vocabulary, ids, before) -> dict[str, np.ndarray]:
    """Bits for each of `ids`, which follow on the text `before`, of models that learn from what they have predicted.

    Args:
        streams: for the name of each expert that needs the network, its distributions, in chunks as
            `scoring.read_stream` yields them.
        train: the text that the other experts learn from first.
        order: of the n-gram model of characters.

    Returns:
        Arrays (length,): of each expert alone, of their mixture, and of mixtures without one of them.
    """
    size = len(vocabulary)
    letters = [index for index, character in enumerate(vocabulary.decode(range(size))) if character.isalpha()]
    characters, words = NGram(train, size, order, "kneser-ney"), WordNGram(train, size, letters)
    matches = Matches(train, size)
    experts = (*streams, f"adaptive Kneser-Ney {order}-gram", "Kneser-Ney of words", "matches")
    mixer, without = Mixer(len(experts)), {name: Mixer(len(experts) - 1) for name in experts}
    bits = defaultdict(list)
    whole, start = np.concatenate([before, ids]), len(before)
    for of_network in zip(*streams.values(), strict=True):
        chunk = whole[start : start + len(of_network[0])]
        context = whole[max(0, start - CONTEXT) : start]
        came = np.arange(len(chunk)), chunk
        matched, lengths = matches.distributions(chunk, context)
        given = [*of_network, *(ngram.distributions(chunk, context) for ngram in (characters, words)), matched]
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
