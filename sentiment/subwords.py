"""Sentences as ids of the subwords of their words.

The subwords of *sucksss* are the word itself between `<` and `>`, and all strings of three to five characters in that:
*<su*, *suc*, ..., *sss>*. Most subwords of a word that was never seen were seen in other words.

Reference: Bojanowski et al. 2017, Enriching word vectors with subword information.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np

from common.data import normalise
from common.vocabulary import UNKNOWN, Vocabulary

LENGTHS = 3, 4, 5  # characters of a subword
MAX_SUBWORDS = 16  # of one word; further ones are left out
MAX_CHARACTERS = 100  # of one word; what follows is left out


def subwords_of(word: str) -> list[str]:
    """A word between `<` and `>`, and all its strings of `LENGTHS` characters, each once."""
    whole = f"<{word}>"
    strings = (whole[start : start + n] for n in LENGTHS for start in range(len(whole) - n + 1))
    return list(dict.fromkeys([whole, *strings]))


def make_vocabulary(sentences: Sequence[str], hyperparameters) -> Vocabulary:
    """The commonest subwords of the sentences: `vocabulary_size` at most, each in `minimum_count` words at least."""
    split = lru_cache(None)(subwords_of)
    subwords = ([subword for word in normalise(sentence).split() for subword in split(word)] for sentence in sentences)
    tokens = Vocabulary.of_words(subwords, hyperparameters.minimum_count).tokens
    return Vocabulary(tokens[: hyperparameters.vocabulary_size])


def make_encoder(vocabulary: Vocabulary) -> Callable[[str], np.ndarray]:
    """The function that turns a sentence into ids (time, MAX_SUBWORDS): those of the subwords that are known, then
    zeros. A word without any has the id of `UNKNOWN` in the first place."""

    @lru_cache(100_000)  # the same words come again and again
    def word_ids(word):
        known = [subword for subword in subwords_of(word[:MAX_CHARACTERS]) if subword in vocabulary][:MAX_SUBWORDS]
        ids = vocabulary.encode(known or [UNKNOWN])
        return np.pad(ids, (0, MAX_SUBWORDS - len(ids)))

    return lambda sentence: np.stack([word_ids(word) for word in normalise(sentence).split()])
