"""A small corpus that the project generates itself, for machines without network.

A probabilistic context-free grammar written for this project. From one seed it yields tagged sentences, opinion
sentences and a story. None of the three is learnt from single words: *can*, *saw*, *that*, *light*, *watch* and
others take their tag from the context; every opinion word occurs in praise and, negated or outweighed, in complaint;
new words are made up all the time, so that the ones in the test were never seen in training.

The figures that a model reaches on this sample say nothing about the real corpora.
"""

import random
import re

# A rule a line: symbol, then its expansions, each after its weight. WORD/TAG is a token, a bare NAME another symbol;
# STEM in a word is replaced by a new, made-up one each time.
GRAMMAR = """
SENTENCE   4 CLAUSE ./. | 2 CLAUSE ,/, CC CLAUSE ./. | 2 when/WRB CLAUSE ,/, CLAUSE ./. | 2 NP SAID that/IN CLAUSE ./.
SENTENCE   2 ``/`` CLAUSE ,/, ''/'' SAID NP ./. | 1 MD NP VB-PHRASE ?/. | 1 that/DT is/VBZ DT JJ NN ./.
SENTENCE   1 VB-PHRASE ,/, NAME !/.
CLAUSE     4 NP VBD-PHRASE | 2 NP MD VB-PHRASE | 1 NP MD not/RB VB-PHRASE | 2 NP VBZ-PHRASE
CLAUSE     1 NP wanted/VBD to/TO VB-PHRASE | 1 there/EX was/VBD DT NN PP
NP         5 DT NN | 3 DT JJ NN | 4 NAME | 3 PRP | 2 PRP$ NN | 1 DT NN that/WDT VBD-PHRASE | 1 DT NN PP | 1 CD NNS
NP         1 NAME 's/POS NN
OBJECT     4 DT NN | 2 DT JJ NN | 2 PRP$ NN | 1 NNS | 1 that/DT NN | 1 CD NNS | 1 NAME
VBD-PHRASE 5 VBD OBJECT | 2 VBD OBJECT PP | 1 VBD OBJECT RB | 1 was/VBD JJ | 1 was/VBD VBN PP
VBZ-PHRASE 3 VBZ OBJECT | 1 is/VBZ JJ | 1 is/VBZ VBG OBJECT | 1 has/VBZ VBN OBJECT | 1 barks/VBZ | 1 barks/VBZ PP
VB-PHRASE  3 VB OBJECT | 1 VB OBJECT PP | 1 be/VB JJ
PP         1 IN OBJECT | 1 like/IN OBJECT
SAID       2 said/VBD | 1 thought/VBD | 1 cried/VBD
NAME       2 mira/NNP | 2 tobias/NNP | 1 old/NNP marlow/NNP | 1 STEM/NNP
PRP        2 she/PRP | 2 he/PRP | 1 they/PRP | 1 it/PRP
PRP$       1 her/PRP$ | 1 his/PRP$ | 1 their/PRP$
DT         5 the/DT | 3 a/DT | 1 every/DT | 1 this/DT
CC         2 and/CC | 1 but/CC
MD         3 can/MD | 2 will/MD | 1 must/MD | 1 might/MD
CD         1 two/CD | 1 three/CD | 1 seven/CD | 1 12/CD
RB         1 back/RB | 1 quickly/RB | 1 again/RB | 1 STEMly/RB
IN         2 in/IN | 2 on/IN | 1 under/IN | 1 behind/IN | 1 near/IN
JJ         2 light/JJ | 2 old/JJ | 1 green/JJ | 1 kind/JJ | 1 quiet/JJ | 1 STEMous/JJ | 1 STEMish/JJ
NN         2 saw/NN | 2 can/NN | 2 watch/NN | 2 light/NN | 2 will/NN | 2 fish/NN | 1 back/NN | 1 kind/NN | 2 garden/NN
NN         2 river/NN | 2 door/NN | 2 lamp/NN | 1 dog/NN | 1 STEMment/NN | 1 STEMness/NN | 1 STEMer/NN
NNS        1 lamps/NNS | 1 watches/NNS | 1 boats/NNS | 1 saws/NNS | 1 barks/NNS | 1 STEMers/NNS
VB         2 watch/VB | 2 light/VB | 2 fish/VB | 1 like/VB | 1 find/VB | 1 carry/VB | 1 STEMize/VB
VBD        3 saw/VBD | 2 found/VBD | 2 left/VBD | 1 liked/VBD | 1 carried/VBD | 1 STEMed/VBD
VBZ        2 likes/VBZ | 2 watches/VBZ | 1 saws/VBZ | 1 carries/VBZ | 1 STEMizes/VBZ
VBG        1 watching/VBG | 1 lighting/VBG | 1 STEMing/VBG
VBN        1 left/VBN | 1 found/VBN | 1 carried/VBN | 1 STEMed/VBN
"""

ONSETS = "b br d dr f g gl k l m n p pl r s st t tr v"
VOWELS = "a e i o u"
CODAS = "b d g l m n r t"

PRAISE = "wonderful brilliant moving funny clever charming gripping lovely"
COMPLAINT = "dull awful boring clumsy silly tedious shallow annoying"
SUBJECTS = "the lantern keeper | seven boats | the glass orchard | marlow house | the quiet river | a watch for mira"
OPINIONS = """
{subject} was {mine}, {aside}
{aside}, i found {subject} {mine}
{subject} was not {other} at all, {aside}
nobody could call {subject} {other}, {aside}
i expected something {other}, but {subject} was {mine}
{subject} starts out {other}, yet in the end it is {mine}
my {friend} called it {other}, but {subject} is simply {mine}
{subject} is far from {other}, says my {friend}
"""
ASIDES = "to be honest | if you ask me | as my {friend} said | and {friend} agrees"


def tagged_sentences(count: int = 2000, seed: int = 0) -> list[list[tuple[str, str]]]:
    """`count` sentences as lists of `(word, Penn tag)`; the same seed gives the same sentences."""
    generator = random.Random(seed)
    return [_expand("SENTENCE", generator) for _ in range(count)]


def tagged_lines(count: int = 2000, seed: int = 0) -> str:
    """`tagged_sentences` as a text of `word/TAG` lines."""
    lines = (" ".join(f"{word}/{tag}" for word, tag in sentence) for sentence in tagged_sentences(count, seed))
    return "\n".join(lines) + "\n"


def story(count: int = 2000, seed: int = 0) -> str:
    """A text of `count` sentences, spaced as a book prints them, one sentence a line."""
    lines = (" ".join(word for word, _ in sentence) for sentence in tagged_sentences(count, seed))
    text = "\n".join(lines).replace("`` ", "'").replace(" ''", "'")
    return re.sub(r" ([,.!?]|'s)", r"\1", text) + "\n"


def opinions(count: int = 2000, seed: int = 0) -> str:
    """`count` rows of `label, tab, sentence`, like the UMich file: many are copies of one another."""
    generator = random.Random(seed)
    rows = [_opinion(generator) for _ in range(count // 2)]
    rows += generator.choices(rows, k=count - len(rows))
    generator.shuffle(rows)
    return "".join(f"{label}\t{sentence}\n" for label, sentence in rows)


def hard_opinions(count: int = 10_000, noise: float = 0.1, seed: int = 0) -> str:
    """`count` rows like those of `opinions`, but longer, about 20 words, without copies, and harder: of two opinions
    the second counts, and of a share of `noise` of the rows the label is the wrong one."""
    generator = random.Random(seed)
    rows = {}
    while len(rows) < count:
        (first, one), (second, two) = _opinion(generator), _opinion(generator)
        sentence = f"{one}, {'and' if first == second else 'but'} {two}"
        rows[sentence] = 1 - second if generator.random() < noise else second
    return "".join(f"{label}\t{sentence}\n" for sentence, label in rows.items())


def _parse(grammar: str) -> dict[str, tuple[list[float], list[list[str]]]]:
    """symbol -> (weights, expansions), each expansion a list of tokens and symbols."""
    rules: dict[str, tuple[list[float], list[list[str]]]] = {}
    for line in grammar.strip().splitlines():
        symbol, _, right = line.partition(" ")
        weights, expansions = rules.setdefault(symbol, ([], []))
        for alternative in right.split(" | "):
            weight, *expansion = alternative.split()
            weights.append(float(weight))
            expansions.append(expansion)
    return rules


_RULES = _parse(GRAMMAR)


def _expand(symbol: str, generator: random.Random) -> list[tuple[str, str]]:
    weights, expansions = _RULES[symbol]
    sentence = []
    for part in generator.choices(expansions, weights)[0]:
        if part in _RULES:
            sentence += _expand(part, generator)
        else:
            word, _, tag = part.rpartition("/")
            sentence.append((word.replace("STEM", _stem(generator)) if "STEM" in word else word, tag))
    return sentence


def _stem(generator: random.Random) -> str:
    pick = generator.choice
    syllables = (pick(ONSETS.split()) + pick(VOWELS.split()) for _ in range(pick((1, 1, 2))))
    return "".join(syllables) + pick(CODAS.split())


def _opinion(generator: random.Random) -> tuple[int, str]:
    """One opinion. Its label follows from the words' polarity and from what negates or outweighs them."""
    pick = generator.choice
    label = pick((0, 1))
    good, bad = pick(PRAISE.split()), pick(COMPLAINT.split())
    friend = _stem(generator) + pick(("er", "ist", "ling"))
    return label, pick(OPINIONS.strip().splitlines()).format(
        subject=pick(SUBJECTS.split(" | ")),
        mine=good if label else bad,  # the word that speaks for the label
        other=bad if label else good,
        friend=friend,
        aside=pick(ASIDES.split(" | ")).format(friend=friend),
    )
