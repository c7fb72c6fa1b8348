"""The intervals are compared with those that the normal approximation gives, with standard errors worked out here."""

import numpy as np
import pytest

from common.statistics import Difference, paired_bootstrap


def width(difference):
    return difference.high - difference.low


def normal_width(standard_error):
    return 2 * 1.96 * standard_error


@pytest.fixture
def generator():
    return np.random.default_rng(5)


def test_a_model_does_not_differ_from_itself(generator):
    values = generator.normal(size=50)
    assert paired_bootstrap(values, values) == (0, 0, 0)


@pytest.mark.parametrize("block", [1, 7])
def test_a_difference_that_is_always_the_same_is_certain(generator, block):
    values = generator.normal(size=50)
    assert paired_bootstrap(values + 0.1, values, block=block) == pytest.approx((0.1, 0.1, 0.1))
    assert paired_bootstrap(values, values + 0.1, block=block) == pytest.approx((-0.1, -0.1, -0.1))


def test_two_sentences_by_hand():
    """Of 1 and 3 words, right by one model only. Four draws are as likely: both the first, (2 - 0) / 2; one of each,
    twice; both the second, (0 - 4) / 6. The ends of the interval are the extremes, which have a quarter each."""
    assert paired_bootstrap([1, 1], [0, 3], [1, 3]) == pytest.approx((-1 / 4, -2 / 3, 1))


def test_the_last_block_goes_on_with_the_first_unit():
    """3, 0, 3 in blocks of two: 3 + 0, 0 + 3 and 3 + 3. Two are drawn: at least 3 + 3, at most 6 + 6, in four units."""
    assert paired_bootstrap([3, 0, 3], [0, 0, 0], block=2) == pytest.approx((2, 6 / 4, 12 / 4))


def test_the_interval_is_that_of_the_normal_approximation(generator):
    first, second = generator.random(900) < 0.8, generator.random(900) < 0.7
    differences = first.astype(float) - second
    mean, error = differences.mean(), differences.std() / np.sqrt(900)
    found = paired_bootstrap(first, second)
    assert found == pytest.approx((mean, mean - 1.96 * error, mean + 1.96 * error), abs=0.05 * normal_width(error))


def test_what_is_hard_for_both_does_not_count(generator):
    """Paired: the common part, 100 times as large as the differences, does not widen the interval."""
    common, noise = generator.normal(0, 100, 400), generator.normal(0, 1, 400)
    error = noise.std() / np.sqrt(400)
    assert width(paired_bootstrap(common + noise, common)) == pytest.approx(normal_width(error), rel=0.05)


def test_of_sentences_of_different_length_the_ratio_varies(generator):
    """The standard error of a ratio of sums, by its linearisation (delta method)."""
    words = generator.integers(1, 50, 600)
    first, second = generator.binomial(words, 0.9), generator.binomial(words, 0.85)
    ratio = (first.sum() - second.sum()) / words.sum()
    error = np.sqrt(((first - second - ratio * words) ** 2).sum()) / words.sum()
    found = paired_bootstrap(first, second, words)
    assert found.value == pytest.approx(ratio)
    assert width(found) == pytest.approx(normal_width(error), rel=0.05)


def test_ten_words_that_are_all_right_or_all_wrong_say_as_little_as_one(generator):
    sentences = generator.integers(-1, 2, 300).astype(float)
    words = np.repeat(sentences, 10)
    by_word, by_sentence = (
        paired_bootstrap(words, 0 * words),
        paired_bootstrap(10 * sentences, 0 * sentences, np.full(300, 10)),
    )
    assert by_word.value == pytest.approx(by_sentence.value)
    assert width(by_sentence) / width(by_word) == pytest.approx(np.sqrt(10), rel=0.05)


def test_blocks_make_up_for_neighbours_that_depend_on_each_other(generator):
    """A moving average of 8 independent numbers: the variance of its mean is nearly 8 times as large as independent
    numbers would have it. Blocks of 100 see 97 % of that."""
    noise = generator.normal(size=20_007)
    values = np.convolve(noise, np.ones(8) / 8, "valid")
    error = 1 / np.sqrt(len(values))
    assert width(paired_bootstrap(values, 0 * values)) < 0.4 * normal_width(error)
    assert width(paired_bootstrap(values, 0 * values, block=100)) == pytest.approx(normal_width(error), rel=0.15)


def test_the_same_seed_gives_the_same_interval(generator):
    first, second = generator.normal(size=(2, 40))
    assert paired_bootstrap(first, second, seed=3) == paired_bootstrap(first, second, seed=3)
    assert paired_bootstrap(first, second, seed=3) != paired_bootstrap(first, second, seed=4)


def test_a_difference_is_written_with_its_sign():
    assert str(Difference(0.00344, -0.00156, 0.0052)) == "+0.0034 (-0.0016 to +0.0052)"
