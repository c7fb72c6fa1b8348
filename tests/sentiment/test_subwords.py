from common.vocabulary import Vocabulary
from sentiment.subwords import MAX_SUBWORDS, make_encoder, make_vocabulary, subwords_of
from sentiment.train import Hyperparameters


def test_subwords_are_the_word_and_its_strings_of_three_to_five_characters():
    assert subwords_of("suck") == ["<suck>", "<su", "suc", "uck", "ck>", "<suc", "suck", "uck>", "<suck", "suck>"]
    assert subwords_of("a") == ["<a>"]


def test_words_are_encoded_without_case_and_punctuation():
    encode = make_encoder(Vocabulary(["", "[UNK]", "<i>", "<like>", "<it>"]))
    ids = encode("I -- LIKE it, mostly!")
    assert ids.shape == (4, MAX_SUBWORDS)
    assert ids[:, 0].tolist() == [2, 3, 4, 1]
    assert not ids[:, 1:].any()


def test_a_misspelling_shares_the_subwords_that_training_knew():
    vocabulary = make_vocabulary(["It sucks.", "sucks, zzz"], Hyperparameters(minimum_count=2))
    assert set(vocabulary.tokens[2:]) == set(subwords_of("sucks"))  # the others occur once
    ids = make_encoder(vocabulary)("SUCKSSS qqq")
    assert ids.shape == (2, MAX_SUBWORDS)
    shared = [token for token in vocabulary.decode(ids[0]) if token]
    assert shared == ["<su", "suc", "uck", "cks", "<suc", "suck", "ucks", "<suck", "sucks"]
    assert ids[1].tolist() == [1] + [0] * (MAX_SUBWORDS - 1)  # unknown altogether


def test_of_a_long_word_only_the_first_subwords_are_read():
    word = "abcdefghijklmnopqrstuvwxyz" * 10
    vocabulary = Vocabulary(["", "[UNK]", *subwords_of(word)])
    ids = make_encoder(vocabulary)(word)
    assert vocabulary.decode(ids[0]) == subwords_of(word[:100])[1 : 1 + MAX_SUBWORDS]  # whole, it is unknown


def test_a_word_is_counted_as_often_as_it_occurs_and_each_of_its_subwords_once():
    vocabulary = make_vocabulary(["aaaaaa"], Hyperparameters(minimum_count=2))
    assert vocabulary.tokens == ["", "[UNK]"]


def test_only_the_commonest_subwords_are_kept():
    vocabulary = make_vocabulary(["a a a bc bc d"], Hyperparameters(minimum_count=1, vocabulary_size=4))
    assert vocabulary.tokens == ["", "[UNK]", "<a>", "<bc>"]
