import tempfile

import numpy as np
import pytest
import tensorflow as tf

from common import InputError
from common.batches import epochs
from common.vocabulary import PADDING, UNKNOWN, UNKNOWN_CHARACTER, Vocabulary, character_ids


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


def alphabet_text():
    """300 kanji twice, and in the last 20 %, which is no training, some new ones again and again."""
    kanji = "".join(map(chr, range(0x4E00, 0x4E00 + 300)))
    return kanji + "一度〓〓😀" + kanji + "験" * 152


def test_characters_that_do_not_occur_twice_in_training_share_an_id():
    text = alphabet_text()
    for cut in (1, 400, 606):
        ids, vocabulary = character_ids(lambda cut=cut: [text[:cut], text[cut:]], share_rare=True)
        assert vocabulary.tokens == [UNKNOWN_CHARACTER, *sorted(set(text) - set("度〓験"))]
        known = ["〓" if character in "度〓験" else character for character in text]
        assert vocabulary.decode(ids) == known
        assert vocabulary.encode("験一犬").tolist() == [0, 1, 0]
        assert ids.dtype == np.uint16


@pytest.mark.parametrize(("distinct", "asked"), [(256, True), (300, False)])
def test_no_id_is_shared_in_a_small_alphabet_or_unasked(distinct, asked):
    text = "".join(map(chr, range(0x4E00, 0x4E00 + distinct)))
    ids, vocabulary = character_ids(lambda: [text], share_rare=asked)
    assert ("".join(vocabulary.tokens), vocabulary.unknown) == (text, None)
    assert vocabulary.spelling_bits(ids).sum() == 0


def test_bits_of_all_characters_of_the_first_plane_are_those_of_one_distribution():
    """Whatever the model says, probabilities of all that may come next sum to 1: unknown ones are paid for in full."""
    _, vocabulary = character_ids(lambda: [alphabet_text()], share_rare=True)
    probabilities = np.random.default_rng(0).dirichlet(np.ones(len(vocabulary)))
    everything = vocabulary.encode(map(chr, range(1 << 16)))
    unknown = everything == vocabulary.unknown
    bits = -np.log2(probabilities[everything]) + vocabulary.spelling_bits(everything)
    shares = 2.0**-bits
    known = probabilities[1:].sum() - probabilities[vocabulary.encode("😀")[0]]
    assert np.isclose(shares[~unknown].sum(), known)
    assert np.isclose(shares[unknown].sum(), probabilities[0] * unknown.sum() / 65536)
    assert shares.sum() <= 1


def test_words_start_with_padding_and_unknown_then_the_commonest():
    vocabulary = Vocabulary.of_words([["b", "a", "b"], ["c", "b", "a"]], minimum_count=2)
    assert vocabulary.tokens == [PADDING, UNKNOWN, "b", "a"]
    assert vocabulary.counts == [0, 0, 3, 2]
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
