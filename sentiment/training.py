"""How a network of this task learns: from the beginning on each part of the sentences, and with each seed."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import keras
import numpy as np

from common.batches import bucketed_batches
from common.callbacks import StopIfDiverged, run_callbacks
from common.cli import progress
from common.ensemble import average, members, restart
from common.saving import save_model
from common.vocabulary import Vocabulary
from sentiment.model import build_model
from sentiment.subwords import make_encoder, make_vocabulary


@lru_cache(3)
def compiled_model(build: Callable, hyperparameters) -> keras.Model:
    """The network that `build` makes, compiled; it serves all trainings, one after another (`restart`)."""
    model = build(hyperparameters, hyperparameters.vocabulary_size)
    model.compile(
        keras.optimizers.Adam(clipnorm=1.0),
        keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=[keras.metrics.BinaryAccuracy("accuracy", threshold=0.0)],  # a logit of 0 is a probability of 0.5
        jit_compile=False,
    )
    model.optimizer.build(model.trainable_variables)
    return model


def fit(
    build: Callable,
    hyperparameters,
    inputs: Sequence[np.ndarray],
    labels: Sequence[int],
    make_callbacks: Callable | None = None,
) -> keras.Model:
    """Train a network, or the ensemble that `ensemble_size` asks for.

    Args:
        build: makes the network from hyperparameters and vocabulary size, as `build_model` does.
        inputs: the ids of each sentence.
        labels: 0 or 1 for each sentence.
        make_callbacks: gives, for the batches, the callbacks of the last member.

    Returns:
        The network, which the next call may train anew, or the ensemble.
    """
    # The compiled network depends neither on the seed nor on the length of the training.
    model = compiled_model(build, replace(hyperparameters, seed=0, ensemble_size=1, epochs=1))
    labels = np.array(labels, dtype="float32")

    def rate(epoch):  # Keras's CosineDecay would be part of the compiled optimizer, for one length of training only
        return hyperparameters.learning_rate * (1 + math.cos(math.pi * epoch / hyperparameters.epochs)) / 2

    trained = []
    for name, seed in members(hyperparameters):
        keras.utils.set_random_seed(seed)
        member = build(hyperparameters, hyperparameters.vocabulary_size)
        restart(model, member)
        batches = bucketed_batches(inputs, labels, hyperparameters.batch_size, seed)
        last = seed == hyperparameters.seed + hyperparameters.ensemble_size - 1
        model.fit(
            batches,
            epochs=hyperparameters.epochs,
            callbacks=[
                StopIfDiverged(),
                keras.callbacks.LearningRateScheduler(rate),
                *(make_callbacks(batches) if make_callbacks and last else []),
            ],
            shuffle=False,  # the dataset has done it
            verbose=progress(),
        )
        member.set_weights(model.get_weights())
        member.name = name
        trained.append(member)
    return model if len(trained) == 1 else average(trained)


def train_and_save(run: Path, name: str, rows: Sequence[tuple[int, str]], names: list[str], hyperparameters) -> None:
    """Train on rows `(label, sentence)` and save the model as `<name>.keras` in the run folder.

    If the run is resumed, a model that was saved before it was interrupted is left as it is. Only `model` itself, the
    longest training, has a history and is resumed in its middle.

    Args:
        names: of the labels, negative and positive.
    """
    path, is_main = run / f"{name}.keras", name == "model"
    if path.exists() and not is_main:
        return
    labels, sentences = zip(*rows, strict=True)
    vocabulary = make_vocabulary(sentences, hyperparameters)
    vocabularies = {"subwords": vocabulary, "labels": Vocabulary(names)}

    def make_callbacks(batches):  # no early stopping: no sentence is set aside to validate on
        return run_callbacks(run, "loss", vocabularies, hyperparameters, batches, patience=hyperparameters.epochs)

    inputs = list(map(make_encoder(vocabulary), sentences))
    model = fit(build_model, hyperparameters, inputs, labels, make_callbacks if is_main else None)
    if is_main:
        model.summary()
    save_model(model, path, **vocabularies)
