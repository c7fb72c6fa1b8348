import itertools
import math

import numpy as np
import pytest

from common.data import load_tagged_sentences, split_sentences
from common.sample import tagged_sentences
from pos_tagging import hmm
from pos_tagging.eval import measure
from pos_tagging.hmm import END, START, TrigramTagger, trigram_hmm


def sentence(text):
    return [tuple(token.split("/")) for token in text.split()]


def random_sentences(count, generator):
    """Of 2 to 6 words; a word tells its tag, but for x, which may have each of the three, C most of all."""
    unclear = {"A": 0.2, "B": 0.4, "C": 0.9}
    lengths = generator.integers(2, 7, count)
    tags = [generator.choice(["A", "B", "C"], length, p=[0.6, 0.3, 0.1]) for length in lengths]
    return [[(str(tag).lower() if generator.random() > unclear[tag] else "x", str(tag)) for tag in row] for row in tags]


def share(part, whole):
    return part / whole if whole else 0


def probability(training, weights, words, tags, ended=True):
    """P(tags and words) by the definition, counted anew; all words are known, in small letters."""
    rows = [["<s>", "<s>", *(tag for _, tag in row), "</s>"] for row in training]
    triples = [row[place : place + 3] for row in rows for place in range(len(row) - 2)]
    pairs = [(word, tag) for row in training for word, tag in row]
    result = 1.0
    path = ["<s>", "<s>", *tags, *(["</s>"] if ended else [])]
    for first, second, third in zip(path, path[1:], path[2:], strict=False):
        shares = (
            share(sum(t[2] == third for t in triples), len(triples)),
            share(sum(t[1:] == [second, third] for t in triples), sum(t[1] == second for t in triples)),
            share(sum(t == [first, second, third] for t in triples), sum(t[:2] == [first, second] for t in triples)),
        )
        result *= np.dot(weights, shares)
    for pair in zip(words, tags, strict=True):
        result *= share(pairs.count(pair), sum(tag == pair[1] for _, tag in pairs))
    return result


def test_viterbi_finds_the_best_of_all_paths(monkeypatch):
    monkeypatch.setattr(hmm, "BEAM", math.inf)
    generator = np.random.default_rng(0)
    training = random_sentences(15, generator)
    tagger = TrigramTagger(training)
    for row in random_sentences(5, generator):
        words = [word for word, _ in row][:4]
        scores = {
            tags: probability(training, tagger.weights, words, tags)
            for tags in itertools.product("ABC", repeat=len(words))
        }
        found = tuple(tagger.tag(words))
        assert scores[found] == pytest.approx(max(scores.values()))


def test_with_the_narrowest_beam_only_the_best_path_goes_on(monkeypatch):
    monkeypatch.setattr(hmm, "BEAM", 0)
    training = random_sentences(15, np.random.default_rng(0))
    tagger = TrigramTagger(training)
    words, greedy = ["x", "a", "x", "x", "b", "x", "c"], []
    for place in range(len(words)):
        so_far = words[: place + 1]
        scores = [(probability(training, tagger.weights, so_far, (*greedy, tag), False), tag) for tag in "ABC"]
        greedy.append(max(scores)[1])
    assert tagger.tag(words) == greedy


def test_the_weights_by_hand():
    """Of the 18 triples, each taken out once: a/A b/B c/C and d/D b/B e/E twice each, f/F once. Only the pair before
    them tells C from E (4 times). F and the end after it were seen once, so that nothing is left but the single state
    (2 times). For the others the state before is enough (12 times)."""
    tagger = TrigramTagger([sentence(text) for text in ("a/A b/B c/C", "d/D b/B e/E") * 2 + ("f/F",)])
    assert tagger.weights == pytest.approx([2 / 18, 12 / 18, 4 / 18])
    c, single, pair, triple = ("C", False), 2 / 18, 2 / 4, 2 / 2
    expected = np.dot(tagger.weights, (single, pair, triple))
    assert tagger.transition(("A", False), ("B", False), c) == pytest.approx(math.log(expected))


def test_a_triple_seen_twice_is_trusted():
    """Taken out of the counts, it is predicted by 1 of 1 triples, 4 of 5 pairs and 4 of 19 single states."""
    seen = {("A", "B", "C"): 2, ("B", "C"): 5, ("C",): 5}
    assert hmm.deleted_interpolation(seen, {("A", "B"): 2, ("B",): 6, (): 20}) == [0, 0, 1]


def test_the_guess_of_an_unknown_word_by_hand():
    rare = "going/VBG doing/VBG king/NN dog/NN cat/NN sing/VB Paris/NNP"
    tagger = TrigramTagger([sentence(rare), sentence("frying/JJ " * 11)])  # what occurs 11 times is not rare
    guess = {tag: value for (tag, _), value in tagger.guess("ting").items()}
    for tag, shares in {"VBG": (2 / 6, 2 / 5, 2 / 4), "NN": (3 / 6, 2 / 5, 1 / 4), "VB": (1 / 6, 1 / 5, 1 / 4)}.items():
        none, g, ng = shares  # of the words that end so; "ing" as "ng"
        assert guess.pop(tag) == pytest.approx((((none + g) / 2 + ng) / 2 + ng) / 2)
    assert not guess
    assert tagger.guess("Rome") == {("NNP", True): 1}


def test_an_unknown_word_is_weighed_by_how_rare_its_state_is():
    tagger = TrigramTagger([sentence("going/VBG king/NN dog/NN the/DT the/DT")])
    emissions = tagger.emissions("ring")
    for state, guess in tagger.guess("ring").items():
        assert emissions[state] == pytest.approx(math.log(guess / {"VBG": 1, "NN": 2, "DT": 2}[state[0]]))


def test_a_capital_makes_another_state():
    tagger = TrigramTagger([sentence("The/DT the/DT Dog/NNP")])
    assert tagger.counts == {("DT", True): 1, ("DT", False): 1, ("NNP", True): 1}
    assert tagger.seen[START, START, ("DT", True)] == tagger.seen[("DT", False), ("NNP", True), END] == 1


def test_what_was_never_seen_is_tagged_all_the_same():
    training = [sentence("a/A b/B")]
    assert trigram_hmm(training, [["b", "Zyx", "b"], [], ["Zyx"]])[1] == []
    assert all(tag in "AB" for tags in trigram_hmm(training, [["b", "Zyx", "b"], ["Zyx"]]) for tag in tags)


def test_it_learns_the_sample():
    sentences = tagged_sentences(200)
    found = trigram_hmm(sentences[:150], [[word for word, _ in row] for row in sentences[150:]])
    right = [
        a == tag
        for row, tags in zip(sentences[150:], found, strict=True)
        for (_, tag), a in zip(row, tags, strict=True)
    ]
    assert np.mean(right) > 0.9


def test_on_the_treebank_it_is_far_above_nltks_tnt(real_corpora):
    """Which reaches 0.92, and with an affix tagger 0.56 of the unseen words."""
    training, validation, test = split_sentences(load_tagged_sentences(f"{real_corpora}/treebank.zip")[0])
    known = {word for row in training + validation for word, _ in row}
    metrics = measure(test, trigram_hmm(training, [[word for word, _ in row] for row in test]), known)
    assert metrics["token_accuracy"] > 0.95
    assert metrics["unseen_word_accuracy"] > 0.83
