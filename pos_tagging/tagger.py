"""A trained model tags sentences: `tag_sentences` for words, `tag_lines` for text."""

import itertools

import numpy as np

from common.prediction import ahead, predict_in_batches
from pos_tagging.features import encode_words

LINES = 2048  # tagged at once


def tag_sentences(model, vocabularies, sentences):
    """Tag sentences, lists of words: one list of `(tag, probability)` a sentence."""
    if not sentences:
        return []
    words = list(dict.fromkeys(word for sentence in sentences for word in sentence))
    place = {word: index for index, word in enumerate(words)}
    table = encode_words(words, vocabularies)  # (different words, features): each word is looked up only once
    ids = [table[[place[word] for word in sentence]] for sentence in sentences]

    def predict(batch):
        logits = model.predict_on_batch(batch)  # (batch, time, tags)
        exponentials = np.exp(logits - logits.max(-1, keepdims=True))  # 1 for the best tag: its probability is 1 / sum
        return np.stack([logits.argmax(-1), 1 / exponentials.sum(-1)], axis=-1)  # (batch, time, 2): tag, probability

    tags = vocabularies["tags"].tokens
    rows = predict_in_batches(predict, ids)
    return [
        [(tags[int(tag)], float(probability)) for tag, probability in row[: len(sentence)]]
        for row, sentence in zip(rows, sentences, strict=True)
    ]


def tag_lines(lines, split, model, vocabularies, at_once=LINES):
    """Tag text line by line, `at_once` lines at a time.

    Args:
        split: makes a list of words of a line, such as `str.split`.

    Yields:
        For each line `(line, words, [(tag, probability), ...])`, the last two empty for a line without words.
    """
    lines = iter(lines)
    chunks = iter(lambda: [(line, split(line)) for line in itertools.islice(lines, at_once)], [])  # until none is left
    if at_once > 1:  # reading, tagging and writing at the same time
        chunks = ahead(chunks)
    chunks = ((chunk, tag_sentences(model, vocabularies, [words for _, words in chunk if words])) for chunk in chunks)
    for chunk, results in ahead(chunks) if at_once > 1 else chunks:
        tagged = iter(results)
        for line, words in chunk:
            yield line, words, next(tagged) if words else []
