import numpy as np
import pytest

from chargen.mixing import (
    FORGETTING,
    GAIN,
    INITIAL_WEIGHTS,
    LEARNING_RATE,
    UNIFORM,
    Matches,
    Mixer,
    adaptive_bits,
)
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
    mixer, came, step = Mixer(3), (4, 2), 1e-6
    weights, squares = mixer.weights[0].copy(), 1
    for position, symbol in enumerate(came):

        def log_probability(weights, position=position, symbol=symbol):
            return np.log(softmax(weights @ np.log(distributions[:, position]))[symbol])

        slopes = [log_probability(weights + move) - log_probability(weights - move) for move in step * np.eye(3)]
        gradient = np.array(slopes) / (2 * step)
        squares = squares + gradient**2
        weights = weights + LEARNING_RATE * gradient / np.sqrt(squares)
    mixer.mix(distributions[:, :2], came, [0, 0])
    assert mixer.weights[0] == pytest.approx(weights, abs=1e-8)


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


def test_the_length_of_a_match():
    text = [*range(8), 20, *range(30, 36), *range(2, 8), 21]
    model = Matches(text, vocabulary_size=40)
    assert model.distribution([*range(2, 8)])[1] == 6
    assert model.distribution([34, 35, *range(2, 8)])[1] == 8
    assert model.distribution([1, *range(2, 8)])[1] == 7
    assert model.distribution([9, *range(2, 8)])[1] == 6
    assert model.distribution([9, 9, 9, 9, 9, 9])[1] == 0


def test_long_and_recent_matches_have_more_weight():
    """Six characters agree before 8, 12 characters ago; seven before 9, 5 characters ago; six again before 8."""
    same = [*range(6)]
    model = Matches([7, *same, 8, 6, *same, 9, 7, *same], vocabulary_size=10)
    distribution, length = model.distribution([6, *same])
    assert length == 7
    votes = {8: np.exp(GAIN * 6) / 16**FORGETTING, 9: np.exp(GAIN * 7) / 8**FORGETTING}
    for symbol in range(10):
        share = votes.get(symbol, 0) / sum(votes.values())
        assert distribution[symbol] == pytest.approx((1 - UNIFORM) * share + UNIFORM / 10)


def test_only_the_newest_matches_are_looked_at(monkeypatch):
    monkeypatch.setattr("chargen.mixing.MATCHES", 1)
    model = Matches([*range(6), 8, *range(6), 9], vocabulary_size=10)
    assert model.distribution([*range(6)])[0][[8, 9]] == pytest.approx([UNIFORM / 10, 1 - UNIFORM + UNIFORM / 10])


def test_text_that_is_read_bit_by_bit_is_one_text():
    ids = np.random.default_rng(0).integers(0, 2, 100)
    at_once, bit_by_bit = Matches(ids, 2), Matches(ids[:50], 2)
    for start in range(50, 100, 7):
        bit_by_bit.learn(ids[start : start + 7], ids[:start])
    for one, other in zip(at_once.distributions(ids, []), bit_by_bit.distributions(ids, []), strict=True):
        assert np.array_equal(one, other)


def test_two_characters_are_vocabulary_enough():
    distributions, _ = Matches([0] * 10, vocabulary_size=2).distributions([0, 1], [0] * 10)
    assert distributions.sum(axis=1) == pytest.approx([1, 1])


def test_without_a_match_all_characters_are_equally_likely():
    assert Matches([], 4).distributions([1, 1], [])[0] == pytest.approx(np.full((2, 4), 0.25))


def adaptive(ids, before, train):
    """The bits of all experts on `ids`, with a first one to which all characters are alike."""
    starts = range(0, len(ids), 7)
    chunks = (np.full((len(ids[start : start + 7]), len(VOCABULARY)), 1 / len(VOCABULARY)) for start in starts)
    return adaptive_bits({"+ dynamic evaluation": chunks}, train, 4, VOCABULARY, ids, before)


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
    assert bits["mixture without matches"][-50:].mean() > bits["+ mixture"][-50:].mean()
