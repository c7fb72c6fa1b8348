"""The classical taggers that stand beside the networks.

Each function but `train_perceptron` takes the tagged sentences to learn from, lists of `(word, tag)`, and the sentences
to tag, lists of words; it returns one list of tags a sentence.
"""

import random
import re
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

import pycrfsuite
from nltk.tag.perceptron import PerceptronTagger


def most_frequent_tag(training, sentences):
    """Each word's commonest tag in training, whatever its neighbours; for an unknown word the commonest of all."""
    counts = defaultdict(Counter)
    for sentence in training:
        for word, tag in sentence:
            counts[word][tag] += 1
    tag_of = {word: tags.most_common(1)[0][0] for word, tags in counts.items()}
    commonest = Counter(tag for sentence in training for _, tag in sentence).most_common(1)[0][0]
    return [[tag_of.get(word, commonest) for word in sentence] for sentence in sentences]


def train_perceptron(training):
    """NLTK's averaged perceptron (Collins 2002, Discriminative training methods for hidden Markov models), trained."""
    random.seed(0)  # it shuffles the sentences
    tagger = PerceptronTagger(load=False)
    tagger.train(training)
    return tagger


def perceptron(training, sentences):
    """The tags of `train_perceptron`."""
    tagger = train_perceptron(training)
    return [[tag for _, tag in tagger.tag(sentence)] for sentence in sentences]


def crf(training, sentences):
    """A linear-chain conditional random field (Lafferty, McCallum & Pereira 2001), by CRFsuite with L-BFGS."""
    trainer = pycrfsuite.Trainer(verbose=False)
    for sentence in training:
        trainer.append(_features([word for word, _ in sentence]), [tag for _, tag in sentence])
    trainer.set_params({"c1": 0.1, "c2": 0.01, "max_iterations": 100, "feature.possible_transitions": True})
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "model")
        trainer.train(path)
        tagger = pycrfsuite.Tagger()
        tagger.open(path)
        tags = [tagger.tag(_features(sentence)) for sentence in sentences]
        tagger.close()
    return tags


def _features(words):
    """What the CRF sees at each word: the word, its prefixes, suffixes and shape, and its two neighbours a side."""
    lower = ["<", "<", *(word.lower() for word in words), ">", ">"]
    rows = []
    for place, word in enumerate(words):
        shape = re.sub(r"\d", "d", re.sub(r"[a-z]", "x", re.sub(r"[A-Z]", "X", word)))
        short = re.sub(r"(.)\1+", r"\1", shape)  # Xxxxx -> Xx
        row = ["bias", f"word={word}", f"shape={shape}", f"short={short}"]
        row += [f"suffix={word[-length:].lower()}" for length in (1, 2, 3, 4)]
        row += [f"prefix={word[:length].lower()}" for length in (1, 2, 3)]
        row += [f"{offset}={lower[place + 2 + offset]}" for offset in (-2, -1, 0, 1, 2)]
        row += [f"{offset}suffix={lower[place + 2 + offset][-3:]}" for offset in (-1, 1)]
        row += [f"-1,0={lower[place + 1]},{lower[place + 2]}", f"0,1={lower[place + 2]},{lower[place + 3]}"]
        rows.append(row)
    return rows
