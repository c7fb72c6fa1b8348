"""A small corpus that the project generates itself, for machines without network.

A probabilistic context-free grammar written for this project. From one seed it yields tagged sentences, opinion
sentences and a story. None of the three is learnt from single words: *can*, *saw*, *that*, *light*, *watch* and others
take their tag from the context; every opinion word occurs in praise and, negated or outweighed, in complaint; new words are
made up all the time, so that the ones in the test were never seen in training.

The figures that a model reaches on this sample say nothing about the real corpora.
"""

import random
import re

# A rule: symbol -> [(weight, expansion)]. In an expansion, WORD/TAG is a token, a bare NAME is another symbol.
GRAMMAR: dict[str, list[tuple[float, str]]] = {
    "SENTENCE": [
        (4, "CLAUSE ./."),
        (2, "CLAUSE ,/, CC CLAUSE ./."),
        (2, "when/WRB CLAUSE ,/, CLAUSE ./."),
        (2, "NP SAID that/IN CLAUSE ./."),
        (2, "``/`` CLAUSE ,/, ''/'' SAID NP ./."),
        (1, "MD NP VB-PHRASE ?/."),
        (1, "that/DT is/VBZ DT JJ NN ./."),
        (1, "VB-PHRASE ,/, NAME !/."),
    ],
    "CLAUSE": [
        (4, "NP VBD-PHRASE"),
        (2, "NP MD VB-PHRASE"),
        (1, "NP MD not/RB VB-PHRASE"),
        (2, "NP VBZ-PHRASE"),
        (1, "NP wanted/VBD to/TO VB-PHRASE"),
        (1, "there/EX was/VBD DT NN PP"),
    ],
    "NP": [
        (5, "DT NN"),
        (3, "DT JJ NN"),
        (4, "NAME"),
        (3, "PRP"),
        (2, "PRP$ NN"),
        (1, "DT NN that/WDT VBD-PHRASE"),
        (1, "DT NN PP"),
        (1, "CD NNS"),
        (1, "NAME 's/POS NN"),
    ],
    "OBJECT": [(4, "DT NN"), (2, "DT JJ NN"), (2, "PRP$ NN"), (1, "NNS"), (1, "that/DT NN"), (1, "CD NNS"), (1, "NAME")],
    "VBD-PHRASE": [(5, "VBD OBJECT"), (2, "VBD OBJECT PP"), (1, "VBD OBJECT RB"), (1, "was/VBD JJ"), (1, "was/VBD VBN PP")],
    "VBZ-PHRASE": [(3, "VBZ OBJECT"), (1, "is/VBZ JJ"), (1, "is/VBZ VBG OBJECT"), (1, "has/VBZ VBN OBJECT")],
    "VB-PHRASE": [(3, "VB OBJECT"), (1, "VB OBJECT PP"), (1, "be/VB JJ")],
    "PP": [(1, "IN OBJECT"), (1, "like/IN OBJECT")],
    "SAID": [(2, "said/VBD"), (1, "thought/VBD"), (1, "cried/VBD")],
    "NAME": [(2, "mira/NNP"), (2, "tobias/NNP"), (1, "old/NNP marlow/NNP"), (1, "STEM/NNP")],
    "PRP": [(2, "she/PRP"), (2, "he/PRP"), (1, "they/PRP"), (1, "it/PRP")],
    "PRP$": [(1, "her/PRP$"), (1, "his/PRP$"), (1, "their/PRP$")],
    "DT": [(5, "the/DT"), (3, "a/DT"), (1, "every/DT"), (1, "this/DT")],
    "CC": [(2, "and/CC"), (1, "but/CC")],
    "MD": [(3, "can/MD"), (2, "will/MD"), (1, "must/MD"), (1, "might/MD")],
    "CD": [(1, "two/CD"), (1, "three/CD"), (1, "seven/CD"), (1, "12/CD")],
    "RB": [(1, "back/RB"), (1, "quickly/RB"), (1, "again/RB"), (1, "STEMly/RB")],
    "IN": [(2, "in/IN"), (2, "on/IN"), (1, "under/IN"), (1, "behind/IN"), (1, "near/IN")],
    "JJ": [(2, "light/JJ"), (2, "old/JJ"), (1, "green/JJ"), (1, "kind/JJ"), (1, "quiet/JJ"), (1, "STEMous/JJ"), (1, "STEMish/JJ")],
    "NN": [
        (2, "saw/NN"), (2, "can/NN"), (2, "watch/NN"), (2, "light/NN"), (2, "will/NN"), (2, "fish/NN"), (1, "back/NN"),
        (1, "kind/NN"), (2, "garden/NN"), (2, "river/NN"), (2, "door/NN"), (2, "lamp/NN"), (1, "STEMment/NN"), (1, "STEMness/NN"), (1, "STEMer/NN"),
    ],
    "NNS": [(1, "lamps/NNS"), (1, "watches/NNS"), (1, "boats/NNS"), (1, "saws/NNS"), (1, "STEMers/NNS")],
    "VB": [(2, "watch/VB"), (2, "light/VB"), (2, "fish/VB"), (1, "like/VB"), (1, "find/VB"), (1, "carry/VB"), (1, "STEMize/VB")],
    "VBD": [(3, "saw/VBD"), (2, "found/VBD"), (2, "left/VBD"), (1, "liked/VBD"), (1, "carried/VBD"), (1, "STEMed/VBD")],
    "VBZ": [(2, "likes/VBZ"), (2, "watches/VBZ"), (1, "saws/VBZ"), (1, "carries/VBZ"), (1, "STEMizes/VBZ")],
    "VBG": [(1, "watching/VBG"), (1, "lighting/VBG"), (1, "STEMing/VBG")],
    "VBN": [(1, "left/VBN"), (1, "found/VBN"), (1, "carried/VBN"), (1, "STEMed/VBN")],
}  # fmt: skip

_ONSETS, _VOWELS, _CODAS = "b br d dr f g gl k l m n p pl r s st t tr v".split(), "a e i o u".split(), "b d g l m n r t".split()

PRAISE = "wonderful brilliant moving funny clever charming gripping lovely".split()
COMPLAINT = "dull awful boring clumsy silly tedious shallow annoying".split()
SUBJECTS = "the lantern keeper|seven boats|the glass orchard|winter at marlow house|the quiet river|a watch for mira".split("|")


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


def _expand(symbol: str, generator: random.Random) -> list[tuple[str, str]]:
    weights, expansions = zip(*GRAMMAR[symbol], strict=True)
    sentence = []
    for part in generator.choices(expansions, weights)[0].split():
        word, slash, tag = part.rpartition("/")
        if slash and word:
            sentence.append((word.replace("STEM", _stem(generator)), tag))
        else:
            sentence += _expand(part, generator)
    return sentence


def _stem(generator: random.Random) -> str:
    syllables = (generator.choice(_ONSETS) + generator.choice(_VOWELS) for _ in range(generator.choice((1, 1, 2))))
    return "".join(syllables) + generator.choice(_CODAS)


def _opinion(generator: random.Random) -> tuple[int, str]:
    """One opinion. Its label follows from the words' polarity and from what negates or outweighs them."""
    label = generator.choice((0, 1))
    good, bad = generator.choice(PRAISE), generator.choice(COMPLAINT)
    subject = generator.choice(SUBJECTS)
    mine, other = (good, bad) if label else (bad, good)  # the word that speaks for the label, and its opposite
    pattern = generator.choice(
        (
            "{subject} was {mine}, {aside}",
            "{aside}, i found {subject} {mine}",
            "{subject} was not {other} at all, {aside}",
            "nobody could call {subject} {other}, {aside}",
            "i expected something {other}, but {subject} was {mine}",
            "{subject} starts out {other}, yet in the end it is {mine}",
            "my {friend} called it {other}, but {subject} is simply {mine}",
            "{subject} is far from {other}, says my {friend}",
        )
    )
    friend = _stem(generator) + generator.choice(("er", "ist", "ling"))
    aside = generator.choice(("to be honest", "if you ask me", "as my {friend} said", "and {friend} agrees")).format(friend=friend)
    return label, pattern.format(subject=subject, mine=mine, other=other, aside=aside, friend=friend)
