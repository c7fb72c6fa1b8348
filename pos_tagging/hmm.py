"""A hidden Markov model of the second order, in the manner of TnT (Brants 2000, "TnT: a statistical part-of-speech
tagger"): the best tagger there was before networks and conditional random fields, in plain Python.

It imagines that a sentence comes about like this: each tag is drawn given the two tags before it, and each word given
its tag. Learning is counting. Tagging is to find the tags t that are most probable, given the words w:

    product over the sentence of   P(t_i | t_{i-2}, t_{i-1})  P(w_i | t_i)

Everything is learned from the training sentences, the weights of `deleted_interpolation` too. What the paper calls
tags are here *states*, pairs (tag, whether the word begins with a capital): a capital says much about the neighbours,
as in "Mr. Vinken is".
"""

import math
from collections import Counter, defaultdict

START, END = ("<s>", False), ("</s>", False)  # the states before the first word and after the last
BEAM = math.log(1000)  # paths that are less probable than the best one by more than this factor are given up
RARE = 10  # words that occur at most so often in training teach what the endings of unknown words mean
LONGEST_SUFFIX = 10  # letters
IMPOSSIBLE = 1e-30  # the probability of what was never seen


def deleted_interpolation(seen, contexts):
    """The weights of tag, pair and triple: how well does each predict a triple that is taken out of the counts?

    Args:
        seen: how often each tuple of one, two or three states occurs.
        contexts: how often each tuple of none, one or two states is followed by a state.

    Returns:
        Three weights whose sum is 1, that of the single state first.
    """
    weights = [0, 0, 0]
    for triple, count in seen.items():
        if len(triple) == 3:
            shares = []
            for states in (triple[2:], triple[1:], triple):
                others = contexts[states[:-1]] - 1
                shares.append((seen[states] - 1) / others if others else 0)
            weights[shares.index(max(shares))] += count
    return [weight / sum(weights) for weight in weights]


class TrigramTagger:
    """Learns from tagged sentences, lists of `(word, tag)`; see `tag`."""

    def __init__(self, training):
        self.seen, self.contexts = Counter(), Counter()  # see `deleted_interpolation`
        self.words = defaultdict(Counter)  # word -> state -> how often
        for sentence in training:
            states = [START, START]
            for word, tag in sentence:
                states.append((tag, word[:1].isupper()))
                self.words[word][states[-1]] += 1
            states.append(END)
            for triple in zip(states, states[1:], states[2:], strict=False):
                for tuple_of_states in (triple[2:], triple[1:], triple):
                    self.seen[tuple_of_states] += 1
                    self.contexts[tuple_of_states[:-1]] += 1
        self.weights = deleted_interpolation(self.seen, self.contexts)
        self.suffixes = defaultdict(Counter)  # (capital, suffix) -> state -> how often, in rare words
        for word, states in self.words.items():
            if states.total() <= RARE:
                for key in suffixes(word):
                    self.suffixes[key].update(states)
        self.counts = sum(self.words.values(), Counter())  # of the states
        self.transitions, self.guesses = {}, {}  # logarithms that were computed before

    def transition(self, *triple):
        """log P(third state | first, second): the shares of triple, pair and state, interpolated."""
        if triple not in self.transitions:
            probability = sum(
                weight * self.seen[states] / (self.contexts[states[:-1]] or 1)
                for weight, states in zip(self.weights, (triple[2:], triple[1:], triple), strict=True)
            )
            self.transitions[triple] = math.log(probability or IMPOSSIBLE)
        return self.transitions[triple]

    def emissions(self, word):
        """log P(word | state) for each state that the word may have, up to a constant for an unknown word."""
        if word in self.words:
            return {state: math.log(count / self.counts[state]) for state, count in self.words[word].items()}
        if word not in self.guesses:
            guess = self.guess(word)
            self.guesses[word] = {state: math.log(guess[state] / self.counts[state]) for state in guess}
        return self.guesses[word]

    def guess(self, word):
        """P(state | the ending of an unknown word), a dict.

        From the shortest suffix to the longest, each is smoothed with what the shorter ones said:

            P_n(state) = (share of the state among rare words with this suffix of n letters + P_{n-1}(state)) / 2

        The paper gives P_{n-1} a smaller weight, the standard deviation of the tags' probabilities, here 0.03. With so
        few sentences the long suffixes know too little for that: of the unseen words in the validation part, 0.80 are
        right with the paper's weight, and 0.86 with equal weights.
        """
        none, *longer = suffixes(word)
        counts = self.suffixes.get(none, self.counts)
        guess = {state: count / counts.total() for state, count in counts.items()}
        for counts in (self.suffixes[key] for key in longer if key in self.suffixes):
            for state in guess:
                share = counts[state] / counts.total()
                guess[state] = (share + guess[state]) / 2
        return guess

    def tag(self, words):
        """The most probable tags of a sentence, by Viterbi's algorithm with a beam.

        The best path to each pair of states is enough: what comes later depends on nothing before the pair.
        """
        best = {(START, START): (0.0, None)}  # the last two states -> log probability, path as (path before, state)
        for word in (*words, END):
            emissions = {END: 0.0} if word is END else self.emissions(word)
            threshold = max(score for score, _ in best.values()) - BEAM
            longer = {}
            for (first, second), (score, path) in best.items():
                if score >= threshold:
                    for state, emission in emissions.items():
                        new = score + self.transition(first, second, state) + emission
                        if (second, state) not in longer or new > longer[second, state][0]:
                            longer[second, state] = new, (path, state)
            best = longer
        (_, (path, _)) = max(best.values(), key=lambda scored: scored[0])
        tags = []
        while path:
            path, (tag, _) = path
            tags.append(tag)
        return tags[::-1]


def suffixes(word):
    """The keys of a word's suffixes, that without a letter first: whether the word begins with a capital, and the
    suffix."""
    capital = word[:1].isupper()
    return [(capital, word[len(word) - length :]) for length in range(min(LONGEST_SUFFIX, len(word)) + 1)]


def trigram_hmm(training, sentences):
    """The tags of a `TrigramTagger`; arguments and result are those of baselines.py."""
    tagger = TrigramTagger(training)
    return [tagger.tag(sentence) for sentence in sentences]
