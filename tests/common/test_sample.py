import re
from collections import defaultdict

from common import data, sample


def test_same_seed_gives_the_same_corpus_and_another_seed_another():
    for make in (sample.tagged_lines, sample.story, sample.opinions, sample.hard_opinions):
        assert make(50, seed=3) == make(50, seed=3)
        assert make(50, seed=3) != make(50, seed=4)


def test_the_sample_is_always_the_same_2000_sentences():
    for make in (sample.tagged_sentences, sample.tagged_lines, sample.story, sample.opinions):
        assert make() == make(2000, seed=0)


def test_ambiguous_words_take_their_tag_from_the_context():
    tags = defaultdict(set)
    for sentence in sample.tagged_sentences():
        for word, tag in sentence:
            tags[word].add(tag)
    assert {"NN", "MD"} <= tags["can"]
    assert {"NN", "VBD"} <= tags["saw"]
    assert {"DT", "IN", "WDT"} <= tags["that"]


def test_every_opinion_word_occurs_with_both_labels():
    labels = defaultdict(set)
    for label, sentence in data.parse_opinions(sample.opinions(), "sample")[0]:
        for word in data.normalise(sentence).split():
            labels[word].add(label)
    assert all(labels[word] == {0, 1} for word in (sample.PRAISE + " " + sample.COMPLAINT).split())


def test_opinions_have_copies_like_the_umich_file():
    rows, _ = data.parse_opinions(sample.opinions(), "sample")
    assert len(data.deduplicate(rows)) < 0.6 * len(rows)


def test_of_hard_opinions_the_second_counts_but_for_the_noise():
    for noise in (0, 0.1):
        rows, _ = data.parse_opinions(sample.hard_opinions(3000, noise), "sample")
        assert len(data.deduplicate(rows)) > 2990
        assert 19 < sum(len(sentence.split()) for _, sentence in rows) / 3000 < 23
        seconds = [
            (label, re.search(r"(?:and|but) [a-z ]+ was ([a-z]+), [a-z ]+$", sentence)) for label, sentence in rows
        ]
        wrong = [label != (found[1] in sample.PRAISE.split()) for label, found in seconds if found]
        assert len(wrong) > 200
        assert abs(sum(wrong) / len(wrong) - noise) <= 4 * (noise / len(wrong)) ** 0.5  # four standard errors


def test_the_test_part_holds_words_never_seen_before():
    train, validation, test = data.split_sentences(sample.tagged_sentences())
    seen = {word for sentence in train + validation for word, _ in sentence}
    words = [word for sentence in test for word, _ in sentence]
    assert 0.02 < sum(word not in seen for word in words) / len(words) < 0.2


def test_story_is_spaced_like_a_book():
    text = sample.story()
    assert len(text) > 50_000
    assert not any(wrong in text for wrong in (" .", " ,", "``", "''", " ' "))
