import tempfile

import pytest
import tensorflow as tf

from common import InputError
from common.batches import epochs
from common.vocabulary import PADDING, UNKNOWN, Vocabulary, character_ids


def test_characters_are_sorted_and_round_trip():
    vocabulary = Vocabulary.of_characters("hello")
    assert vocabulary.tokens == ["e", "h", "l", "o"]
    assert vocabulary.encode("hello").tolist() == [1, 0, 2, 2, 3]
    assert "".join(vocabulary.decode(vocabulary.encode("hole"))) == "hole"


def test_unknown_character_is_an_error_that_names_it():
    with pytest.raises(InputError, match="'é'"):
        Vocabulary.of_characters("cafe").encode("café")


@pytest.mark.parametrize(("count", "type_of_ids"), [(256, "uint8"), (257, "uint16")])
def test_ids_of_characters_have_the_smallest_type_that_holds_them(count, type_of_ids):
    characters = "".join(map(chr, range(0x110000 - count, 0x110000)))  # up to the last one that there is
    ids, vocabulary = character_ids(lambda: [characters[100:], characters[:100]])
    assert ids.dtype == type_of_ids
    assert "".join(vocabulary.decode(ids)) == characters[100:] + characters[:100]
    assert "".join(vocabulary.tokens) == characters


def test_words_start_with_padding_and_unknown_then_the_commonest():
    vocabulary = Vocabulary.of_words([["b", "a", "b"], ["c", "b", "a"]], minimum_count=2)
    assert vocabulary.tokens == [PADDING, UNKNOWN, "b", "a"]
    assert vocabulary.encode(["a", "c", "never seen"]).tolist() == [3, 1, 1]


def test_by_default_every_word_is_known():
    assert Vocabulary.of_words([["once"]]).tokens == [PADDING, UNKNOWN, "once"]


def test_datasets_start_no_tuning_thread_that_fit_would_wait_for():
    batches = epochs(lambda epoch: iter([0]), tf.TensorSpec(()), steps=1)
    assert batches.options().autotune.enabled is False
    assert next(batches.as_numpy_iterator()) == 0


def test_a_full_disk_for_the_ids_is_one_clear_line(monkeypatch):
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda: open("/dev/full", "wb"))  # noqa: SIM115
    with pytest.raises(InputError, match=r"no room for the text .*No space left.*TMPDIR"):
        character_ids(lambda: iter(["abc"]))
