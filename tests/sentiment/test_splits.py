import itertools

import numpy as np
import pytest

from common import InputError
from common.data import folds, normalise, parse_opinions
from common.sample import opinions
from sentiment.splits import (
    difference,
    grouped_folds,
    inner_folds,
    leaking_split,
    near_copies,
    near_copy_groups,
    subject_folds,
)


def test_the_leaking_split_leaks_as_the_classic_one_does():
    training, test = leaking_split(parse_opinions(opinions(), "sample")[0], seed=0)
    seen = {normalise(sentence) for _, sentence in training}
    assert np.mean([normalise(sentence) in seen for _, sentence in test]) > 0.4


def test_inner_folds_never_touch_the_test_part():
    labels = [0] * 40 + [1] * 60
    for (training, validation), (outer, test) in zip(inner_folds(labels), folds(labels), strict=True):
        assert sorted(training + validation) == sorted(outer)
        assert set(validation).isdisjoint(training) and set(validation).isdisjoint(test)
        assert (len(validation), sum(labels[row] for row in validation)) == (16, pytest.approx(9.6, abs=1))


def test_inner_folds_of_the_fewest_sentences_that_can_be_split():
    labels = [0] * 5 + [1] * 9
    for (training, validation), (outer, _) in zip(inner_folds(labels), folds(labels), strict=True):
        assert sorted(training + validation) == sorted(outer)
        assert {labels[row] for row in training} == {labels[row] for row in validation} == {0, 1}


def test_leaving_a_subject_out_leaves_no_mention_of_it_in_training():
    rows = [(1, "I like Tea!"), (0, "tea is bad"), (1, "coffee, good"), (0, "steam"), (0, "tea or coffee")]
    assert subject_folds(rows, ["tea"]) == [([2, 3], [0, 1, 4])]  # steam holds no word tea
    with pytest.raises(InputError, match="'cocoa'"):
        subject_folds(rows, ["tea", "cocoa"])


def test_near_copies_share_more_than_four_fifths_of_their_words():
    sentences = [
        "the film was good, the book was better and so on",  # 9 different words
        "The film was good; book better and so!",  # without "on": 8 of 9 words are in both, 0.89
        "the film was good the book was better and so off",  # "off" for "on": 8 of 10, exactly 0.8
        "off and so, the film, the book was better: good!",  # the words of the one before, in another order
        "the film was good",
    ]
    assert near_copies(sentences) == [(0, 1), (1, 2), (1, 3), (2, 3)]
    assert near_copies(sentences, overlap=0.79) == [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]


def test_near_copies_are_those_whose_sets_of_words_say_so():
    generator = np.random.default_rng(0)
    sentences = [" ".join(generator.choice(list("abcdefgh"), size)) for size in generator.integers(2, 16, 80)]
    sets = [set(sentence.split()) for sentence in sentences]
    all_pairs = itertools.combinations(range(80), 2)
    expected = [
        (one, other) for one, other in all_pairs if len(sets[one] & sets[other]) / len(sets[one] | sets[other]) > 0.8
    ]
    assert 100 < len(expected) < 2000
    assert near_copies(sentences) == expected


def test_a_chain_of_near_copies_is_one_group():
    words = list("abcdefg")
    pairs = near_copies([" ".join(words[:5]), "other words", " ".join(words[:7]), " ".join(words[:6])])
    assert pairs == [(0, 3), (2, 3)]  # 5 of 6 words, 6 of 7; the first and the third share 5 of 7
    assert near_copy_groups(pairs, 4) == [0, 1, 0, 0]


def test_groups_join_chains_whatever_the_order_of_the_pairs():
    assert near_copy_groups([(0, 1), (1, 2)], 5) == [0, 0, 0, 3, 4]
    assert near_copy_groups([(3, 4), (1, 2), (0, 4), (2, 4)], 6) == [0, 0, 0, 0, 0, 5]
    assert near_copy_groups([], 3) == [0, 1, 2]


def test_no_group_is_in_training_and_test_of_one_fold():
    labels = [0, 1] * 50
    pairs = [(row, row + 2) for row in range(0, 96, 4)] + [(row, row + 7) for row in range(0, 60, 20)]
    groups = near_copy_groups(pairs, 100)
    parts = grouped_folds(labels, pairs)
    assert sorted(row for _, test in parts for row in test) == list(range(100))
    for train, test in parts:
        assert sorted(train + test) == list(range(100))
        assert {groups[row] for row in train}.isdisjoint(groups[row] for row in test)
        assert 16 <= len(test) <= 24 and 0.4 <= np.mean([labels[row] for row in test]) <= 0.6
    broken = [{groups[row] for row in train} & {groups[row] for row in test} for train, test in folds(labels)]
    assert all(broken)  # the plain folds tear groups apart


def test_grouped_folds_refuse_too_few_groups():
    labels = [0] * 20 + [1] * 20
    chain = [(row, row + 1) for row in range(15)]  # rows 0 to 15 are one group: label 0 is in five
    assert len(grouped_folds(labels, chain)) == 5
    with pytest.raises(InputError, match="40 sentences in 24 groups"):
        grouped_folds(labels, [*chain, (15, 16)])
    with pytest.raises(InputError, match="40 sentences in 1 groups"):
        grouped_folds(labels, [(row, row + 1) for row in range(39)])
    with pytest.raises(InputError, match="6 sentences in 6 groups"):
        grouped_folds([0, 0, 0, 1, 1, 1], [])
    with pytest.raises(InputError, match="11 sentences in 8 groups"):  # enough, yet a test part gets one label only
        grouped_folds([1, 1, 1, 1, 0, 0, 1, 1, 0, 0, 0], [(4, 7), (2, 5), (1, 9)])


def test_in_the_difference_each_split_counts_the_same_and_a_sentence_that_is_tested_twice_is_drawn_once():
    """Two models, right or not on the test rows of two splits, of 300 and 120 rows; 100 rows are in both, and whoever
    is right on a row is so in both."""
    splits = [((), np.arange(300)), ((), np.arange(200, 320))]
    generator = np.random.default_rng(0)
    right = [generator.random(320) < share for share in (0.9, 0.6)]
    first, second = ([each[test] for _, test in splits] for each in right)
    value = np.mean([a.mean() - b.mean() for a, b in zip(first, second, strict=True)])
    weights, sums = np.zeros(320), np.zeros(320)
    for a, b, (_, test) in zip(first, second, splits, strict=True):
        weights[test] += 1 / len(test)
        sums[test] += (a.astype(int) - b) / len(test)
    error = np.sqrt(((sums - value * weights) ** 2).sum()) / weights.sum()  # of a ratio of sums, by its linearisation
    found = difference(first, second, splits)
    assert found.value == pytest.approx(value)
    assert (found.low, found.high) == pytest.approx((value - 1.96 * error, value + 1.96 * error), abs=0.15 * error)
