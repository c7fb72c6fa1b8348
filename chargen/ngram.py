"""n-gram models: the language models before recurrent networks, and the baseline for these to beat.

    python chargen/ngram.py                  # bits per character for n = 1 to 6, and what such models write
    python chargen/ngram.py --level word --smoothing kneser-ney --order 3

How likely is a character (or a word) after the n - 1 before it? Count how often it followed them, and mix that with
the estimate from one character less, down to the uniform distribution. N is the number of occurrences of the context
h, c(h, w) how often w followed it, T how many different ones followed it:

    Witten-Bell   P(w | h) = (c(h, w) + T P(w | shorter h)) / (N + T)
    Kneser-Ney    P(w | h) = (c(h, w) - D(c(h, w)) + (D1 T1 + D2 T2 + D3 T3) P(w | shorter h)) / N

Witten-Bell trusts a context the less, the more different characters have followed it. Modified Kneser-Ney takes a
discount D off every count (D1 off those of 1, D2 of 2, D3 of 3 and more; T1, T2, T3 followers have such counts). In its
shorter contexts c(h, w) is not how often w followed h, but after how many different symbols the pair occurs (the start
of the text is one of them).

The models learn from the training part, the first 80 % of the text, and are measured on its last tenth.

References: Witten & Bell 1991, The zero-frequency problem. Chen & Goodman 1998, An empirical study of smoothing
techniques for language modeling (modified Kneser-Ney, and the estimate of the discounts).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Literal

import numpy as np

from common.cli import Count, Flags, Seed, run_script
from common.data import load_text, load_words, split_text
from common.tables import print_table
from common.tokenizer import TokenizerName

MAX_SYMBOLS = 2_000_000  # symbols of the training text, from its end, that are counted: dictionaries take memory


@dataclass(frozen=True)
class Options(Flags):
    data: str | None = None  # a text file of your own, "botchan" or "sample"; by default Alice
    encoding: str | None = None  # of a text of your own, such as euc_jp; by default UTF-8 or Shift_JIS, whichever it is
    tokenizer: TokenizerName = None  # splits a text without spaces, such as a Japanese one, into words
    level: Literal["character", "word"] = "character"  # what is counted
    smoothing: Literal["witten-bell", "kneser-ney"] = "witten-bell"  # how contexts of different length are mixed
    order: Count = 6  # n: symbols in an n-gram, the predicted one included
    length: Count = 200  # symbols to write
    seed: Seed = 1  # same seed, same text


class NGram:
    """An n-gram model of ids. It can go on counting while it is used: see `learn`.

    Args:
        ids: the training text (length,), of which the last `MAX_SYMBOLS` are counted.
        vocabulary_size: number of different ids that may occur.
        order: ids in an n-gram, the predicted one included; at least 1.
        smoothing: "witten-bell" or "kneser-ney".
    """

    def __init__(self, ids, vocabulary_size: int, order: int = 5, smoothing: str = "witten-bell"):
        self.vocabulary_size, self.order, self.smoothing = vocabulary_size, order, smoothing
        self.reach = max(order - 1, 100)  # contexts are made of the last ids before the predicted one, at most these
        self.counts: list[dict] = [defaultdict(Counter) for _ in range(order)]  # [length of context][context][id]
        self.how_many = [Counter() for _ in range(order)]  # [length][n]: n-grams that have been counted n times
        self.learn(ids[-MAX_SYMBOLS:])

    def contexts(self, text) -> list[tuple]:
        """What is looked up to predict the id after `text`: from no context at all to the longest one."""
        return [tuple(text[len(text) - length :]) for length in range(min(self.order - 1, len(text)) + 1)]

    def learn(self, ids, before=()) -> None:
        """Count the ids (length,), which follow on the ids `before`."""
        text = [*map(int, before[max(0, len(before) - self.reach) :]), *map(int, ids)]
        for end in range(len(text) - len(ids), len(text)):
            contexts = self.contexts(text[max(0, end - self.reach) : end])
            for length, context in reversed(list(enumerate(contexts))):
                followers = self.counts[length][context]
                followers[text[end]] += 1
                count = followers[text[end]]
                self.how_many[length][count] += 1
                self.how_many[length][count - 1] -= 1
                if self.smoothing == "kneser-ney" and count > 1:
                    break  # the shorter n-grams have been counted after this left neighbour
        self.discounts = [discounts_of(how_many) for how_many in self.how_many]

    def distribution(self, context) -> np.ndarray:
        """P(. | the last ids of `context`): an array (vocabulary_size,)."""
        probabilities = np.full(self.vocabulary_size, 1 / self.vocabulary_size)
        for length, known in enumerate(self.contexts(context)):
            followers = self.counts[length].get(known)
            if not followers:  # never seen, and so no longer context either
                break
            ids = np.fromiter(followers.keys(), int, len(followers))
            counts = np.fromiter(followers.values(), float, len(followers))
            total = counts.sum()
            if self.smoothing == "witten-bell":
                probabilities *= len(ids) / (total + len(ids))
                probabilities[ids] += counts / (total + len(ids))
            else:
                discounts = self.discounts[length][np.minimum(counts, 3).astype(int)]
                probabilities *= discounts.sum() / total
                probabilities[ids] += (counts - discounts) / total
        return probabilities

    def distributions(self, ids, before) -> np.ndarray:
        """The distribution of each of `ids` (length,), which follow on `before`: an array (length, vocabulary)."""
        whole = [*map(int, before[max(0, len(before) - self.reach) :]), *map(int, ids)]
        start = len(whole) - len(ids)
        return np.array([self.distribution(whole[max(0, at - self.reach) : at]) for at in range(start, len(whole))])

    def bits(self, ids, before) -> np.ndarray:
        """Bits for each of `ids` (length,), which follow on `before`: an array (length,)."""
        pieces = [ids[start : start + 1000] for start in range(0, len(ids), 1000)]
        bits = []
        for number, piece in enumerate(pieces):
            known = np.concatenate([before[-self.reach - 1 :], ids[: number * 1000]])[-self.reach - 1 :]
            bits.append(-np.log2(self.distributions(piece, known)[np.arange(len(piece)), piece]))
        return np.concatenate(bits)

    def generate(self, before, length: int, seed: int = 0) -> list[int]:
        """Draw `length` ids one after another, each given those before it."""
        generator = np.random.default_rng(seed)
        ids = [int(known) for known in before]
        for _ in range(length):
            probabilities = self.distribution(ids)
            ids.append(int(generator.choice(self.vocabulary_size, p=probabilities / probabilities.sum())))
        return ids[len(before) :]


class WordNGram(NGram):
    """An n-gram model of characters whose contexts are the word begun, and the words before it.

    To predict what comes after "the white rab", it looks up nothing at all, then "rab", then "rab" after "white".

    Args:
        letters: the ids that words are made of. After any other, that one stands for the word begun.
        order: one more than the words in the longest context.
    """

    def __init__(self, ids, vocabulary_size: int, letters, order: int = 4, smoothing: str = "kneser-ney"):
        self.letters = frozenset(map(int, letters))
        super().__init__(ids, vocabulary_size, order, smoothing)

    def contexts(self, text) -> list[tuple]:
        words = [[]]  # from the last to the first, each from its last letter to its first
        for back, symbol in enumerate(reversed(text)):
            if symbol in self.letters:
                words[-1].append(symbol)
            elif back == 0:
                words = [[symbol], []]
            elif words[-1]:
                if len(words) == self.order - 1:
                    break
                words.append([])
        words = [tuple(word) for word in words]
        return [tuple(words[:count]) for count in range(self.order)]


def discounts_of(how_many) -> np.ndarray:
    """Chen & Goodman's discounts of counts 0, 1, 2, 3 and more, from how many n-grams occur once, twice, ..."""
    once, twice = how_many[1], how_many[2]
    if not once or not twice:  # too little text to tell
        return np.array([0, 0.5, 0.5, 0.5])
    share = once / (once + 2 * twice)
    amounts = [n - (n + 1) * share * how_many[n + 1] / how_many[n] if how_many[n] else 0.5 * n for n in (1, 2, 3)]
    return np.array([0, *(min(max(amount, 0.05), n - 0.05) for n, amount in enumerate(amounts, start=1))])


def best_order(train, validation, vocabulary_size: int, orders=(6, 8, 10, 12)) -> int:
    """The order of the Kneser-Ney model of the training part that predicts the validation part best."""
    bits = [NGram(train, vocabulary_size, order, "kneser-ney").bits(validation, train).mean() for order in orders]
    return orders[int(np.argmin(bits))]


def load_symbols(options):
    """The text that the flags name as ids of its characters or, with `--level word`, of its words; the vocabulary; and
    what corpus it is. Raises: as `load_text`."""
    if options.level == "word":
        return load_words(options.data, options.encoding, options.tokenizer)
    return load_text(options.data, options.encoding)


def main(options: Options) -> None:
    characters = options.level == "character"
    ids, vocabulary, _ = load_symbols(options)
    train, validation, test = split_text(ids)
    rows, between = [], "" if characters or options.tokenizer else " "
    for order in range(1, options.order + 1):
        model = NGram(train, len(vocabulary), order, options.smoothing)
        bits = float(model.bits(test, validation).mean())
        rows.append((order, bits, 2**bits))
        written = between.join(vocabulary.decode(model.generate(train[:order], options.length, options.seed)))
        print(f"--- n = {order}: {bits:.4f} bits per {options.level}\n{written}\n", flush=True)
    print_table(("n", f"bits per {options.level}", "perplexity"), rows)


if __name__ == "__main__":
    run_script(main, Options)
