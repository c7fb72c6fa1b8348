"""Characters and words <-> ids."""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from common import InputError

PADDING = ""  # the token with id 0 in a vocabulary of words; `Embedding(mask_zero=True)` masks it
UNKNOWN = "[UNK]"  # the token with id 1 in a vocabulary of words; stands for every word that is not in it
UNKNOWN_CHARACTER = "〓"  # that with id 0 if rare characters share one; printers put this sign for a type they lack
SPELLING_BITS = 16  # say which of the 65,536 characters of Unicode's first plane an unknown one is
LARGE_ALPHABET = 256  # different characters; of more, the rare ones share an id where that is asked for


class Vocabulary:
    """The different tokens of a corpus; the id of a token is its place in `tokens`.

    Args:
        tokens: the different tokens. If `UNKNOWN` is among them, or `UNKNOWN_CHARACTER` is the first, tokens
            outside the vocabulary get its id, which is `unknown` (else `None`).
        counts: how often each token occurs in the sentences that they are of, if that is known; it is not saved.
    """

    def __init__(self, tokens: Sequence[str], counts: Sequence[int] = ()):
        self.tokens, self.counts = list(tokens), list(counts)
        self._ids = {token: index for index, token in enumerate(self.tokens)}
        self.unknown = 0 if self.tokens[:1] == [UNKNOWN_CHARACTER] else self._ids.get(UNKNOWN)

    @classmethod
    def of_characters(cls, text: str) -> Vocabulary:
        """All different characters of `text`, in code-point order; no padding, no unknown character."""
        return cls(sorted(set(text)))

    @classmethod
    def of_words(cls, sentences: Iterable[Iterable[str]], minimum_count: int = 1) -> Vocabulary:
        """Padding, unknown, then the words that occur at least `minimum_count` times, commonest first, with
        their counts."""
        counts = Counter(word for sentence in sentences for word in sentence)
        words = [word for word, count in counts.most_common() if count >= minimum_count]
        return cls([PADDING, UNKNOWN, *words], [0, 0, *(counts[word] for word in words)])

    def __len__(self) -> int:
        return len(self.tokens)

    def __contains__(self, token: str) -> bool:
        return token in self._ids

    def encode(self, tokens: Iterable[str]) -> np.ndarray:
        """Tokens to ids: an int32 array (time,).

        Raises:
            InputError: a token is not in the vocabulary, and there is no id for unknown ones.
        """
        try:
            if self.unknown is None:
                return np.fromiter((self._ids[token] for token in tokens), dtype="int32")
            return np.fromiter((self._ids.get(token, self.unknown) for token in tokens), dtype="int32")
        except KeyError as error:
            raise InputError(
                f"the model does not know {error.args[0]!r}; it knows only the characters {''.join(self.tokens)!r}"
            ) from None

    def decode(self, ids: Iterable[int]) -> list[str]:
        """Ids to tokens."""
        return [self.tokens[index] for index in ids]

    def spelling_bits(self, ids: np.ndarray) -> np.ndarray:
        """What each of the ids of characters (length,) costs besides its own bits: `SPELLING_BITS` if it is unknown,
        so that bits per character count all characters in full; else 0."""
        return np.where(ids == self.unknown, SPELLING_BITS, 0) if self.unknown is not None else np.zeros(len(ids))


def character_ids(pieces: Callable[[], Iterable[str]], share_rare: bool = False) -> tuple[np.ndarray, Vocabulary]:
    """The ids of the characters of a text, in a memory-mapped temporary file, and the vocabulary.

    Args:
        pieces: gives the text piece by piece; called twice, first to find the characters, then to look them up.
        share_rare: if there are more than `LARGE_ALPHABET` different characters, those that do not occur twice in the
            first 80 % of the text, the training part, share the id of `UNKNOWN_CHARACTER`. Those beyond Unicode's first
            plane (see `SPELLING_BITS`) never do.

    Returns:
        The ids (length,), read-only, of the smallest unsigned integer type that holds them; and the vocabulary, in
        code-point order after `UNKNOWN_CHARACTER`, if any.
    """

    def code_points(piece):
        return np.frombuffer(piece.encode("utf-32-le"), "<u4")

    occurs, length = np.zeros(sys.maxunicode + 1, dtype=bool), 0
    for piece in pieces():
        occurs[code_points(piece)] = True
        length += len(piece)
    first = []
    if share_rare and occurs.sum() > LARGE_ALPHABET:
        first, counts, left = [UNKNOWN_CHARACTER], np.zeros(1 << 16, int), int(length * 0.8)
        for piece in pieces():
            points = code_points(piece[:left])
            counts += np.bincount(points[points < len(counts)], minlength=len(counts))
            left -= len(points)
        counts[ord(UNKNOWN_CHARACTER)] = 0
        occurs[: len(counts)] = counts >= 2
    characters = np.flatnonzero(occurs)

    last = len(first) + len(characters)
    id_of = np.zeros(len(occurs), dtype=np.min_scalar_type(last - 1))
    id_of[characters] = np.arange(len(first), last)
    file = tempfile.TemporaryFile()  # noqa: SIM115 - goes when the array that is mapped to it goes
    try:
        for piece in pieces():
            file.write(id_of[code_points(piece)].tobytes())
        file.flush()
    except OSError as error:
        folder = tempfile.gettempdir()
        raise InputError(f"{folder} has no room for the text ({error}); name another folder in TMPDIR") from None
    return np.memmap(file, id_of.dtype, mode="r"), Vocabulary([*first, *map(chr, characters)])
