"""What a tagger sees of a word: the word itself and its spelling, as ids."""

import re

import numpy as np

from common import InputError
from common.vocabulary import Vocabulary

ENDINGS, BEGINNINGS = (1, 2, 3, 4), (1, 2, 3)  # letters
UNKNOWN_ID = 1  # of what is in no vocabulary (0 is padding)
LETTERS = 16  # of a word, for the convolution: of longer ones the first and the last eight


def features(word: str) -> tuple[str, ...]:
    """What a model may see of a word: the word in lower case, its endings and beginnings, its shape."""
    shape = "".join("X" if c.isupper() else "x" if c.islower() else "d" if c.isdigit() else c for c in word)
    shape = re.sub(r"(.)\1+", r"\1", shape)  # runs as one: Xxxx -> Xx
    lower = word.lower()
    return lower, *(lower[-length:] for length in ENDINGS), *(lower[:length] for length in BEGINNINGS), shape


def make_vocabularies(sentences, hyperparameters) -> dict[str, Vocabulary]:
    """The vocabularies of tagged sentences: of the features, of letters if they are used, of the tags (no padding)."""
    seen = [[features(word) for word, _ in sentence] for sentence in sentences]
    names = ["word", *(f"ending {n}" for n in ENDINGS), *(f"beginning {n}" for n in BEGINNINGS), "shape"]
    vocabularies = {}
    for place, name in enumerate(names if hyperparameters.spelling else names[:1]):
        values = ([each[place] for each in sentence] for sentence in seen)
        every = name == "word" and hyperparameters.rare_word_dropout  # then rare words need not be unknown always
        least = 1 if every else hyperparameters.minimum_count
        vocabularies[name] = Vocabulary.of_words(values, least)
    if hyperparameters.letters:
        vocabularies["letters"] = Vocabulary.of_words(word for sentence in sentences for word, _ in sentence)
    vocabularies["tags"] = Vocabulary(sorted({tag for sentence in sentences for _, tag in sentence}))
    return vocabularies


def feature_names(vocabularies) -> list[str]:
    """The names of the features that the vocabularies know, in the order of their columns: `word`, `ending 1`, ..."""
    return [name for name in vocabularies if name not in ("letters", "tags", "tokenizer")]


def encode_words(words, vocabularies) -> np.ndarray:
    """The ids of the features of words, and of their letters if these have a vocabulary: (time, features), int32."""
    names = feature_names(vocabularies)
    columns = list(zip(*map(features, words), strict=True))[: len(names)]
    ids = np.stack([vocabularies[name].encode(column) for name, column in zip(names, columns, strict=True)], axis=-1)
    if "letters" not in vocabularies:
        return ids
    short = [word if len(word) <= LETTERS else word[: LETTERS // 2] + word[-LETTERS // 2 :] for word in words]
    letters = np.zeros((len(words), LETTERS), "int32")
    for row, word in zip(letters, short, strict=True):
        row[: len(word)] = vocabularies["letters"].encode(word)
    return np.concatenate([ids, letters], axis=-1)


def encode_sentences(sentences, vocabularies) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The inputs (time, features) and targets (time,) of tagged sentences; those with an unknown tag are left out."""
    tags = vocabularies["tags"]
    known = [sentence for sentence in sentences if all(tag in tags for _, tag in sentence)]
    inputs = [encode_words([word for word, _ in sentence], vocabularies) for sentence in known]
    return inputs, [tags.encode([tag for _, tag in sentence]) for sentence in known]


def encode_validation(sentences, vocabularies) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """`encode_sentences` of the validation sentences.

    Raises:
        InputError: there are some, but each has an unknown tag.
    """
    encoded = encode_sentences(sentences, vocabularies)
    if sentences and not encoded[0]:
        raise InputError("each validation sentence has a tag that no training sentence has; use a larger corpus")
    return encoded
