"""What TensorBoard shows of a training: the curves, what the model wrote after each epoch, and its embedding.

    make tensorboard        # all runs in runs/, the newest ones again as `latest`; open the address that it prints

Curves are under *Scalars*, samples under *Text*, and under *Projector* the vectors of the embedding, in three
dimensions, as points that bear the names of their tokens: which characters, words or subwords are neighbours?
"""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tensorboard.plugins import projector

from common.saving import read_json, replacing, write_json
from common.vocabulary import Vocabulary

MAX_POINTS = 10_000  # tokens in the projector; a vocabulary of words begins with the commonest


class Board(keras.callbacks.TensorBoard):
    """Keras's callback for TensorBoard, which writes the curves; and with it samples and the embedding.

    Args:
        run: the run folder. All goes into its `tensorboard/`; the samples, one for each epoch, into `samples.json` too.
        vocabularies: those of the model. The first one names the rows of the first embedding.
        sampler: a callback, called before this one, whose `text` is what the model has written after the epoch.
    """

    def __init__(self, run: Path, vocabularies: dict[str, Vocabulary], sampler: Any = None):
        super().__init__(run / "tensorboard", write_graph=False)
        self.run, self.vocabularies, self.sampler = run, vocabularies, sampler

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        if self.sampler:
            self.text_writer = tf.summary.create_file_writer(str(self.run / "tensorboard" / "samples"))

    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(epoch, logs)
        if self.sampler:
            path = self.run / "samples.json"
            before = read_json(path)[:epoch] if path.exists() else []  # an epoch that is resumed is written again
            write_json(path, [*before, self.sampler.text])
            with self.text_writer.as_default(step=epoch):
                tf.summary.text("sample", as_markdown(self.sampler.text))
            self.text_writer.flush()

    def on_train_end(self, logs=None):
        super().on_train_end(logs)
        embeddings = [layer for layer in self.model.layers if isinstance(layer, keras.layers.Embedding)]
        if embeddings and self.vocabularies:
            name, vocabulary = next(iter(self.vocabularies.items()))
            write_embedding(np.asarray(embeddings[0].embeddings), name, vocabulary, self.run / "tensorboard" / "train")


def as_markdown(text: str) -> str:
    """A text as Markdown that shows it as it is, in lines of 100 characters: a block of code."""
    return "\n".join("    " + line for line in textwrap.wrap(text, 100, drop_whitespace=False))


def write_embedding(vectors: np.ndarray, name: str, vocabulary: Vocabulary, folder: Path) -> None:
    """Write what the projector reads: the vectors, the tokens, and where both are. Keras's own `embeddings_freq` names
    a file that the projector cannot read.

    Args:
        vectors: (rows, size); the first rows are those of the vocabulary's tokens.
        name: what the projector calls them.
        folder: one that holds the curves of a training; the projector looks nowhere else.
    """
    tokens = vocabulary.tokens[:MAX_POINTS]
    with replacing(folder / "vectors.tsv") as temporary:
        np.savetxt(temporary, vectors[: len(tokens)], fmt="%.5g", delimiter="\t")
    with replacing(folder / "tokens.tsv") as temporary:
        temporary.write_text("\n".join(map(label, tokens)) + "\n", encoding="utf-8")
    config = projector.ProjectorConfig()
    config.embeddings.add(tensor_name=name, tensor_path="vectors.tsv", metadata_path="tokens.tsv")
    projector.visualize_embeddings(folder, config)


def label(token: str) -> str:
    """A token as one visible line: the empty one, spaces and line ends as Python writes them."""
    return token if token.strip() and token.isprintable() else repr(token)
