"""Characters and words <-> ids, and batches of a long text."""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from common import InputError

PADDING = ""  # the token with id 0 in a vocabulary of words; `Embedding(mask_zero=True)` masks it
UNKNOWN = "[UNK]"  # the token with id 1 in a vocabulary of words; stands for every word that is not in it


class Vocabulary:
    """The different tokens of a corpus; the id of a token is its place in `tokens`.

    Args:
        tokens: the different tokens. If `UNKNOWN` is among them, tokens outside the vocabulary get its id.
    """

    def __init__(self, tokens: Sequence[str]):
        self.tokens = list(tokens)
        self._ids = {token: index for index, token in enumerate(self.tokens)}
        self._unknown = self._ids.get(UNKNOWN)

    @classmethod
    def of_characters(cls, text: str) -> Vocabulary:
        """All different characters of `text`, in code-point order; no padding, no unknown character."""
        return cls(sorted(set(text)))

    @classmethod
    def of_words(cls, sentences: Iterable[Iterable[str]], minimum_count: int = 1) -> Vocabulary:
        """Padding, unknown, then the words that occur at least `minimum_count` times, commonest first."""
        counts = Counter(word for sentence in sentences for word in sentence)
        return cls([PADDING, UNKNOWN, *(word for word, count in counts.most_common() if count >= minimum_count)])

    def __len__(self) -> int:
        return len(self.tokens)

    def __contains__(self, token: str) -> bool:
        return token in self._ids

    def encode(self, tokens: Iterable[str]) -> np.ndarray:
        """Tokens to ids: an int32 array (time,).

        Raises:
            InputError: a token is not in a vocabulary that has no `UNKNOWN`.
        """
        try:
            if self._unknown is None:
                return np.fromiter((self._ids[token] for token in tokens), dtype="int32")
            return np.fromiter((self._ids.get(token, self._unknown) for token in tokens), dtype="int32")
        except KeyError as error:
            raise InputError(
                f"the model does not know {error.args[0]!r}; it knows only the characters {''.join(self.tokens)!r}"
            ) from None

    def decode(self, ids: Iterable[int]) -> list[str]:
        """Ids to tokens."""
        return [self.tokens[index] for index in ids]


def character_ids(pieces: Callable[[], Iterable[str]]) -> tuple[np.ndarray, Vocabulary]:
    """The ids of the characters of a text, in a memory-mapped temporary file, and the vocabulary.

    Args:
        pieces: gives the text piece by piece; called twice, first to find the characters, then to look them up.

    Returns:
        The ids (length,), read-only, of the smallest unsigned integer type that holds them; and the vocabulary, in
        code-point order.
    """

    def code_points(piece):
        return np.frombuffer(piece.encode("utf-32-le"), "<u4")

    occurs = np.zeros(sys.maxunicode + 1, dtype=bool)
    for piece in pieces():
        occurs[code_points(piece)] = True
    characters = np.flatnonzero(occurs)

    id_of = np.zeros(len(occurs), dtype=np.min_scalar_type(len(characters) - 1))
    id_of[characters] = np.arange(len(characters))
    file = tempfile.TemporaryFile()  # noqa: SIM115 - goes when the array that is mapped to it goes
    for piece in pieces():
        id_of[code_points(piece)].tofile(file)
    return np.memmap(file, id_of.dtype, mode="r"), Vocabulary([chr(character) for character in characters])


class Epoch:
    """The number of the epoch that a dataset of `epochs` gives when it is next gone through."""

    number = 0


def epochs(batches: Callable[[int], Iterator[tuple]], signature: tuple, steps: int):
    """A dataset that asks `batches(epoch)` for the batches of each epoch, `steps` of them.

    It counts how often it has been gone through. Its attribute `epoch`, an `Epoch`, sets that number: what is random in
    `batches` follows from the seed and the epoch, so that a training which is resumed meets the same data again.
    """
    import tensorflow as tf

    epoch = Epoch()

    def count():
        epoch.number += 1
        yield from batches(epoch.number - 1)

    dataset = tf.data.Dataset.from_generator(count, output_signature=signature)
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(steps)).prefetch(2)
    options = tf.data.Options()
    options.autotune.enabled = False  # its thread sleeps for up to a minute, and `fit` may wait for it at the end
    dataset = dataset.with_options(options)
    dataset.epoch = epoch
    return dataset


def stream_batches(ids, batch_size, sequence_length, seed=None):
    """Cut a text into `batch_size` streams and read them in step: batch k + 1 goes on where batch k stopped.

    Args:
        ids: the text, an array (length,).
        seed: starts each epoch at another character and reads round the end of the text, so that the cuts fall
            elsewhere; `None`: at the first character.

    Returns:
        A dataset of `epochs`: `(inputs, targets)`, both (batch_size, sequence_length), targets one character ahead.
    """
    import tensorflow as tf

    steps = (len(ids) - 1) // batch_size // sequence_length
    if steps < 1:
        raise InputError(
            f"a part of {len(ids)} characters is too short for {batch_size} streams of {sequence_length} steps; "
            "use a longer text, or smaller --batch-size and --sequence-length"
        )
    length = steps * sequence_length  # of a stream; the few characters left over at the end are not used
    places = np.arange(batch_size)[:, None] * length + np.arange(sequence_length + 1)

    def batches(epoch):
        first = 0 if seed is None else int(np.random.default_rng([seed, epoch]).integers(len(ids)))
        for start in range(first, first + length, sequence_length):
            pieces = ids.take(start + places, mode="wrap").astype("int32")  # (batch, time + 1)
            yield pieces[:, :-1], pieces[:, 1:]

    shape = tf.TensorSpec((batch_size, sequence_length), tf.int32)
    return epochs(batches, (shape, shape), steps)


def window_batches(ids, batch_size, sequence_length, seed=None):
    """All overlapping windows of a text, cut out of it batch by batch, so that memory holds the text only once.

    Args:
        ids: the text, an array (length,).
        seed: shuffles the windows, anew in every epoch; `None` keeps them in order.

    Returns:
        A dataset of `epochs`: `(inputs (batch, sequence_length), targets (batch,))`.
    """
    import tensorflow as tf

    windows = len(ids) - sequence_length
    if windows < 1:
        raise InputError(f"a part of {len(ids)} characters is too short for windows of {sequence_length}")
    offsets = np.arange(sequence_length + 1)

    def batches(epoch):
        order = None if seed is None else np.random.default_rng([seed, epoch]).permutation(windows)
        for first in range(0, windows, batch_size):
            starts = np.arange(first, min(first + batch_size, windows))
            starts = starts if order is None else order[starts]
            pieces = ids[starts[:, None] + offsets].astype("int32")  # (batch, sequence_length + 1)
            yield pieces[:, :-1], pieces[:, -1]

    signature = tf.TensorSpec((None, sequence_length), tf.int32), tf.TensorSpec((None,), tf.int32)
    return epochs(batches, signature, -(-windows // batch_size))
