import numpy as np
import pytest

from chargen.mixing import INITIAL_WEIGHTS, LEARNING_RATE, LongestMatch, Mixer, adaptive_bits
from common.vocabulary import Vocabulary

VOCABULARY = Vocabulary.of_characters("abcdefghij ")


def softmax(logits):
    return np.exp(logits) / np.exp(logits).sum()


@pytest.fixture
def distributions():
    """Of three experts, for 50 characters out of 5."""
    return np.random.default_rng(0).dirichlet(np.ones(5), (3, 50))


def test_the_first_mixture_is_a_weighted_product(distributions):
    mixed = Mixer(3).mix(distributions[:, :1], [2], [0])
    assert mixed[0] == pytest.approx(softmax(np.log(distributions[:, 0]).sum(axis=0) * INITIAL_WEIGHTS / 3))


def test_the_weights_follow_the_gradient(distributions):
    """Compared with central differences of the logarithm of the probability of what came."""
    mixer, came, step = Mixer(3), 4, 1e-6
    start = mixer.weights[0].copy()

    def log_probability(weights):
        return np.log(softmax(weights @ np.log(distributions[:, 0]))[came])

    gradient = [(log_probability(start + move) - log_probability(start - move)) / 2e-6 for move in step * np.eye(3)]
    mixer.mix(distributions[:, :1], [came], [0])
    assert mixer.weights[0] - start == pytest.approx(LEARNING_RATE * np.array(gradient), abs=1e-8)


def test_each_length_of_match_has_weights_of_its_own(distributions):
    mixer = Mixer(3)
    mixer.mix(distributions, np.zeros(50, int), np.full(50, 9))
    changed = (mixer.weights != Mixer(3).weights).any(axis=1)
    assert changed.tolist() == [False, False, True, False, False, False]  # 8 to 11 characters


def test_the_expert_that_is_right_gets_the_weight():
    generator = np.random.default_rng(1)
    came = generator.integers(0, 4, 2000)
    knows = np.full((2000, 4), 0.1)
    knows[np.arange(2000), came] = 0.7
    mixer = Mixer(2)
    mixed = mixer.mix([generator.dirichlet(np.ones(4), 2000), knows], came, np.zeros(2000, int))
    assert mixer.weights[0, 1] > 1 > 0.2 > mixer.weights[0, 0]
    assert mixed[-500:][np.arange(500), came[-500:]].mean() > 0.7  # surer than the expert, who is right too often


def test_the_longest_match_predicts_what_came_last_time():
    text = [*range(8), 20, *range(30, 36), *range(2, 8), 21]
    model = LongestMatch(text, vocabulary_size=40)
    assert model.find([*range(2, 8)]) == (6, 21)  # the last time, not the first
    assert model.find([34, 35, *range(2, 8)]) == (8, 21)
    assert model.find([1, *range(2, 8)]) == (6, 21)  # the two texts differ before these six
    assert model.find([9, 9, 9, 9, 9, 9]) == (0, 0)


def test_a_match_is_trusted_as_often_as_it_was_right():
    model = LongestMatch([*range(7), *range(7), *range(7), *range(6), 9], vocabulary_size=10)
    distributions, lengths = model.distributions([0], [9, *range(6)])
    assert lengths.tolist() == [6]
    assert distributions.sum() == pytest.approx(1)
    wrong, right = model.wrong_and_right[6]
    assert (wrong, right) == (1, 2)  # one of each to begin with
    assert distributions[0, 9] == pytest.approx(2 / 3)
    assert distributions[0, 0] == pytest.approx(1 / 3 / 9)


def test_two_characters_are_vocabulary_enough():
    distributions, _ = LongestMatch([0] * 10, vocabulary_size=2).distributions([0, 1], [0] * 10)
    assert distributions.sum(axis=1) == pytest.approx([1, 1])


def test_without_a_match_all_characters_are_equally_likely():
    assert LongestMatch([], 4).distributions([1, 1], [])[0] == pytest.approx(np.full((2, 4), 0.25))


def adaptive(ids, before, train):
    """The bits of all experts on `ids`, with a first one to which all characters are alike."""
    starts = range(0, len(ids), 7)
    chunks = (np.full((len(ids[start : start + 7]), len(VOCABULARY)), 1 / len(VOCABULARY)) for start in starts)
    return adaptive_bits(chunks, train, 4, VOCABULARY, ids, before)


def test_no_expert_and_no_mixture_looks_ahead():
    generator = np.random.default_rng(0)
    train, ids = generator.integers(0, 11, 300), np.tile(generator.integers(0, 11, 15), 4)
    changed = np.concatenate([ids[:40], (ids[40:] + 1) % 11])
    one, other = (adaptive(text, train[-20:], train) for text in (ids, changed))
    assert len(one) == 9
    for name in one:
        assert one[name][:40] == pytest.approx(other[name][:40], abs=1e-12), name
        assert name == "+ dynamic evaluation" or not np.allclose(one[name][41:], other[name][41:]), name


def test_the_mixture_learns_what_comes_again_and_again():
    word = np.random.default_rng(3).integers(0, 11, 25)
    train = np.random.default_rng(4).integers(0, 11, 300)
    bits = adaptive(np.tile(word, 20), train[-20:], train)
    assert bits["+ mixture"][-50:].mean() < 0.5 < bits["+ dynamic evaluation"].mean()
    assert bits["mixture without longest match"][-50:].mean() > bits["+ mixture"][-50:].mean()
