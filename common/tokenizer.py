"""Where the words are in a sentence that is written without spaces between them, such as a Japanese one.

    >>> make_marker("janome")("すもももももももものうち").split(BOUNDARY)
    ['すもも', 'も', 'もも', 'も', 'もも', 'の', 'うち']

Janome looks up in its dictionary all words that may begin at each character, and takes the cheapest way from the
beginning of the sentence to its end: each word and each pair of neighbours has a cost. `make ja` installs it.
"""

import threading
from collections.abc import Callable
from typing import Literal

from common import InputError
from common.vocabulary import Vocabulary

TokenizerName = Literal["janome"] | None  # the values of --tokenizer; None takes the spaces between words

BOUNDARY = "\u200b"  # Unicode's zero-width space: nobody sees it, and `normalise` splits there


def make_marker(name: str | None) -> Callable[[str], str]:
    """The function that puts a `BOUNDARY` between the words of a sentence, and changes nothing else but that white
    space at both ends goes. For None, it returns the sentence as it is.

    Raises:
        InputError: Janome is not installed, or there is no tokenizer of this name.
    """
    if name is None:
        return lambda sentence: sentence
    if name != "janome":
        raise InputError(f"the model was trained with the tokenizer {name!r}; known here is only janome")
    try:
        from janome.tokenizer import Tokenizer as Janome
    except ImportError:
        raise InputError("janome, which splits Japanese into words, is not installed; type: make ja") from None
    tokenizer, lock = Janome(wakati=True), threading.Lock()

    def mark(sentence: str) -> str:
        with lock:  # classify.py asks from two threads, and Janome keeps a cache
            return BOUNDARY.join(tokenizer.tokenize(sentence))

    return mark


def make_splitter(name: str) -> Callable[[str], list[str]]:
    """The function that turns a sentence into the list of its words and punctuation marks, white space left out.

    Raises:
        InputError: as `make_marker`.
    """
    mark = make_marker(name)
    return lambda sentence: mark(sentence).replace(BOUNDARY, " ").split()


def as_vocabularies(name: str | None) -> dict[str, Vocabulary]:
    """What to save among the vocabularies of a model, so that `tokenizer_of` finds the name again; nothing for None."""
    return {"tokenizer": Vocabulary([name])} if name else {}


def tokenizer_of(vocabularies: dict[str, Vocabulary]) -> str | None:
    """The name of the tokenizer of a model, which is saved like a vocabulary with one word; None if it has none."""
    return "".join(vocabularies["tokenizer"].tokens) if "tokenizer" in vocabularies else None
