"""What the four panels of the page answer: the trained models, and what the use scripts do with them.

Each class loads the model of a run and warms it up, so that the first question is answered as fast as all others. Its
`answers` takes what came from the page, a dict, and yields what goes back, one dict or many; what is not as it should
be is an InputError. One thread at a time may ask.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf
from nltk.tokenize import NLTKWordTokenizer

import pos_tagging.model  # noqa: F401 - registers the layers
import sentiment.model  # noqa: F401 - registers the layers
from chargen.model import CharacterModel  # noqa: F401 - registers the layers
from chargen.writer import Writer
from common import InputError
from common.data import normalise
from common.saving import load_model
from common.tokenizer import make_marker, make_splitter, tokenizer_of
from demo.panels import TooLong
from pos_tagging.tagger import tag_lines
from sentiment.classify import make_answers
from sentiment.explain import occlusion
from sentiment.subwords import make_encoder
from toy_sequence.eval import MODELS as TOYS
from toy_sequence.model import logits_after
from toy_sequence.sequences import make_sequences

MAX_CHARACTERS = 500  # of what is typed
MAX_LENGTH = 1000  # of what is written, in characters, and of the toy's sequence, in steps
PIECE = 10  # characters that go to the page together
SHOWN = 5  # of the likeliest characters


def text(question: dict, name: str) -> str:
    """A text that was typed: neither empty nor too long."""
    typed = question.get(name)
    if not isinstance(typed, str) or not typed.strip():
        raise InputError(f"the {name} is empty; type something")
    if len(typed) > MAX_CHARACTERS:
        raise TooLong(f"the {name} has {len(typed):,} characters; it must have at most {MAX_CHARACTERS}")
    return typed


def number(question: dict, name: str, least: float, most: float, kind: type = int) -> int | float:
    """A number that was chosen: of a kind, and between two bounds that are allowed themselves."""
    value = question.get(name)
    if not isinstance(value, kind | int) or isinstance(value, bool) or not least <= value <= most:
        whole = "a whole number" if kind is int else "a number"
        raise InputError(f"the {name} must be {whole} from {least} to {most}")
    return value


class Compiled:
    """A model (batch, time, features) -> (batch, ...) whose computation is planned once, for inputs of any length.

    Keras's own `predict_on_batch` plans it for the first length, and again for any: seconds with an ensemble.
    """

    def __init__(self, model):
        signature = [tf.TensorSpec(model.inputs[0].shape, model.inputs[0].dtype)]
        self.predict = tf.function(lambda ids: model(ids, training=False), input_signature=signature)

    def predict_on_batch(self, ids: np.ndarray) -> np.ndarray:
        return self.predict(ids).numpy()


class Alice:
    """Goes on from a prompt as chargen/generate.py does, and says how sure the model was of each character."""

    def __init__(self, run: Path):
        self.model, vocabularies = load_model(run / "model.keras", "characters")
        self.vocabulary = vocabularies["characters"]
        self.writer = Writer(self.model, self.vocabulary)
        self.read = tf.function(self.model.read, reduce_retracing=True)
        for prompt, top_p in ((1, 1), (2, 0.9)):  # TensorFlow plans for one length, and then for any
            first = "".join(self.vocabulary.tokens[1 : prompt + 1])
            settings = {"length": PIECE + prompt, "temperature": 1, "top_p": top_p, "seed": 0}
            list(self.answers({"prompt": first, **settings}))

    def answers(self, question: dict) -> Iterator[dict]:
        prompt = text(question, "prompt").lower()
        length, seed = number(question, "length", 1, MAX_LENGTH), number(question, "seed", 0, 2**31 - 1)
        temperature = number(question, "temperature", 0.05, 5, float)
        top_p = number(question, "top_p", 0.01, 1, float)
        pieces = self.writer.pieces([prompt], length, temperature, top_p=top_p, seed=seed, piece=PIECE)
        # The writer does not tell how sure the model was. Reading again what it wrote does.
        logits, states = self.read(self.vocabulary.encode(prompt)[None], self.model.initial_states(1))
        for (written,) in pieces:
            ids, last = self.vocabulary.encode(written), logits[:, -1:]
            logits, states = self.read(ids[None], states)
            before = tf.concat([last, logits[:, :-1]], axis=1)[0]  # (piece, vocabulary), before each character
            probabilities = tf.nn.softmax(before).numpy()
            yield {"characters": [self.describe(*each) for each in zip(written, ids, probabilities, strict=True)]}

    def describe(self, character: str, index: int, probabilities: np.ndarray) -> dict:
        """A character, its probability, and the likeliest at its place with theirs."""
        likeliest = np.argsort(-probabilities, kind="stable")[:SHOWN]
        shown = [(self.vocabulary.tokens[each], float(probabilities[each])) for each in likeliest]
        return {"character": character, "probability": float(probabilities[index]), "likeliest": shown}


class Sentiment:
    """Classifies a sentence as sentiment/classify.py --explain does: the label, and what each word contributes."""

    def __init__(self, run: Path):
        model, vocabularies = load_model(run / "model.keras", "subwords", "labels")
        self.model, self.labels = Compiled(model), vocabularies["labels"].tokens
        self.encode = make_encoder(vocabularies["subwords"])
        self.mark = make_marker(tokenizer_of(vocabularies))
        list(self.answers({"sentence": "two words"}))

    def answers(self, question: dict) -> Iterator[dict]:
        sentence = text(question, "sentence")
        marked = self.mark(sentence)
        words = normalise(marked).split()
        if not words:
            raise InputError("the sentence has no words")
        ids = self.encode(marked)  # (time, subwords)
        (answer,) = make_answers([sentence], [ids], self.model.predict_on_batch(ids[None]).ravel(), self.labels)
        yield answer | {"words": list(zip(words, occlusion(self.model, ids), strict=True)), "labels": self.labels}


class Tags:
    """Tags the words of a sentence as pos_tagging/tag.py --confidence does."""

    def __init__(self, run: Path):
        model, self.vocabularies = load_model(run / "model.keras", "word", "tags")
        self.model = Compiled(model)
        tokenizer = tokenizer_of(self.vocabularies)
        self.split = make_splitter(tokenizer) if tokenizer else NLTKWordTokenizer().tokenize
        list(self.answers({"sentence": "two words"}))

    def answers(self, question: dict) -> Iterator[dict]:
        sentence = text(question, "sentence")
        ((_, words, tagged),) = tag_lines([sentence], self.split, self.model, self.vocabularies, at_once=1)
        yield {"words": [(word, *each) for word, each in zip(words, tagged, strict=True)]}


class Toy:
    """Reads noise from an initial state on: the target and the output at each step, as toy_sequence/eval.py."""

    def __init__(self, run: Path):
        self.models = {training: load_model(run / file)[0] for file, training in TOYS.items()}
        for training in self.models:
            for length in (1, 2):
                list(self.answers({"training": training, "length": length, "before": 0, "seed": 0}))

    def answers(self, question: dict) -> Iterator[dict]:
        model = self.models.get(str(question.get("training")))
        if model is None:
            raise InputError(f"the training must be one of: {', '.join(self.models)}")
        length, before = number(question, "length", 1, MAX_LENGTH), number(question, "before", 0, 20)
        generator = np.random.default_rng(number(question, "seed", 0, 2**31 - 1))
        (noise,), (target,) = make_sequences([before + length], generator)
        logits = logits_after(model, noise[None], before)  # (1, length, 2)
        output = tf.nn.softmax(logits)[0, :, 1].numpy()  # the probability of [0, 1]
        yield {"target": target[before:].tolist(), "output": output.tolist()}


MODELS = {"chargen": Alice, "sentiment": Sentiment, "pos_tagging": Tags, "toy_sequence": Toy}
