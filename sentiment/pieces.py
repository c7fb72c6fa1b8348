"""Sentences as ids: of their words, or of the pieces of their words.

The pieces of *sucksss* are the word itself between `<` and `>`, and all strings of three to five characters in that:
*<su*, *suc*, ..., *sss>*. Of a word that was never seen, most pieces were.

Reference: Bojanowski et al. 2017, Enriching word vectors with subword information.
"""

from functools import lru_cache

import numpy as np

from common.data import normalise
from common.vocabulary import UNKNOWN, Vocabulary

PIECE_LENGTHS = 3, 4, 5  # characters
MOST_PIECES = 16  # of a word; further ones are left out


def pieces_of(word: str) -> list[str]:
    """A word between `<` and `>`, and all its strings of `PIECE_LENGTHS` characters, each once."""
    whole = f"<{word}>"
    strings = (whole[start : start + n] for n in PIECE_LENGTHS for start in range(len(whole) - n + 1))
    return list(dict.fromkeys([whole, *strings]))


def make_vocabulary(sentences, hyperparameters) -> Vocabulary:
    """The pieces, or the words, of the sentences."""
    split = lru_cache(None)(pieces_of) if hyperparameters.reads == "pieces" else lambda word: [word]
    parts = ([part for word in normalise(sentence).split() for part in split(word)] for sentence in sentences)
    tokens = Vocabulary.of_words(parts, hyperparameters.minimum_count).tokens
    return Vocabulary(tokens[: hyperparameters.vocabulary_size])


def make_encoder(vocabulary: Vocabulary):
    """The function that turns a sentence into ids: of its words (time,), or of their pieces (time, MOST_PIECES),
    0 where a word has fewer, and `UNKNOWN` in the first place if none is known."""
    if not any(token.startswith("<") for token in vocabulary.tokens):
        return lambda sentence: vocabulary.encode(normalise(sentence).split())

    @lru_cache(100_000)  # the same words come again and again
    def word_ids(word):
        known = [piece for piece in pieces_of(word[:100]) if piece in vocabulary][:MOST_PIECES] or [UNKNOWN]
        return np.pad(vocabulary.encode(known), (0, MOST_PIECES - len(known)))

    return lambda sentence: np.concatenate([word_ids(word) for word in normalise(sentence).split()]).reshape(
        -1, MOST_PIECES
    )
