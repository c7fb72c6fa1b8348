"""How a network of this task learns: from the beginning on each part of the sentences, and with each seed."""

import itertools
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
from common.prediction import predict_in_batches
from common.saving import save_model
from common.tokenizer import as_vocabularies
from common.vocabulary import Vocabulary
from sentiment.model import build_model
from sentiment.subwords import make_encoder, make_vocabulary

MANY = 3000  # sentences: of so many or more, a tenth validates
MAX_EPOCHS = 6  # over so many sentences, so that the learning rate has fallen before the network overfits
PATIENCE = 2  # epochs without a smaller loss on that tenth, after which training stops


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


def split_validation(count: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows to train on and the rows to validate on: of `MANY` or more a random tenth, of fewer none."""
    order = np.random.default_rng(0).permutation(count)
    validation = count // 10 if count >= MANY else 0
    return np.sort(order[validation:]), np.sort(order[:validation])


def best_calibration(logits: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """The temperature and the share of wrong labels (`Calibration` in model.py) with which the logarithmic loss of the
    logits (sentences,) is the smallest."""
    signed = np.where(labels, logits, -logits)  # above 0: right
    temperatures, shares = np.geomspace(0.1, 10, 201), np.arange(0, 0.4, 0.01)

    def loss(temperature: float, wrong: float) -> float:
        of_label = np.exp(-np.logaddexp(0, -signed / temperature))  # its probability, if no label were wrong
        return -np.log(np.maximum((1 - wrong) * of_label + wrong * (1 - of_label), 1e-300)).mean()

    return min(itertools.product(temperatures, shares), key=lambda pair: loss(*pair))


def fit(
    build: Callable,
    hyperparameters,
    inputs: Sequence[np.ndarray],
    labels: Sequence[int],
    make_callbacks: Callable | None = None,
    best: Path | None = None,
) -> keras.Model:
    """Train a network, or the ensemble that `ensemble_size` asks for.

    Of many sentences, a tenth is set aside: training stops where the loss on it does not fall any more, the weights of
    the best epoch are kept, and the probabilities are calibrated there. So many sentences are not learned by heart
    soon: the deep part is never ignored (`sentence_dropout`). Few sentences are all trained on, for all epochs.

    Args:
        build: makes the network from hyperparameters and vocabulary size, as `build_model` does.
        inputs: the ids of each sentence.
        labels: 0 or 1 for each sentence.
        make_callbacks: gives, for the batches and the name of the metric that says which epoch is best, the callbacks
            of the last member.
        best: the file to which these callbacks write the best epoch.

    Returns:
        The network, which the next call may train anew, or the ensemble.
    """
    labels = np.array(labels, dtype="float32")
    (training, training_labels), (validation, validation_labels) = (
        ([inputs[row] for row in rows], labels[rows]) for rows in split_validation(len(labels))
    )
    monitor = "val_loss" if validation else "loss"
    if validation:
        epochs = min(MAX_EPOCHS, hyperparameters.epochs)
        hyperparameters = replace(hyperparameters, epochs=epochs, sentence_dropout=0.0)
    # The compiled network depends neither on the seed nor on the length of the training.
    model = compiled_model(build, replace(hyperparameters, seed=0, ensemble_size=1, epochs=1))

    def rate(epoch):  # Keras's CosineDecay would be part of the compiled optimizer, for one length of training only
        return hyperparameters.learning_rate * (1 + math.cos(math.pi * epoch / hyperparameters.epochs)) / 2

    trained = []
    for name, seed in members(hyperparameters):
        keras.utils.set_random_seed(seed)
        member = build(hyperparameters, hyperparameters.vocabulary_size)
        restart(model, member)
        batches = bucketed_batches(training, training_labels, hyperparameters.batch_size, seed)
        last = seed == hyperparameters.seed + hyperparameters.ensemble_size - 1
        callbacks = [StopIfDiverged(), keras.callbacks.LearningRateScheduler(rate)]
        if make_callbacks and last:
            callbacks += make_callbacks(batches, monitor)
        elif validation:
            callbacks.append(keras.callbacks.EarlyStopping(monitor, patience=PATIENCE, restore_best_weights=True))
        model.fit(
            batches,
            validation_data=bucketed_batches(validation, validation_labels, 256) if validation else None,
            epochs=hyperparameters.epochs,
            callbacks=callbacks,
            shuffle=False,  # the dataset has done it
            verbose=progress(),
        )
        if validation:
            if best and last:
                model.load_weights(best)
            calibration = model.get_layer("calibration")
            calibration.set_weights(np.array([1, 0]))  # of a training that was resumed, the file may hold other ones
            logits = np.concatenate(predict_in_batches(model.predict_on_batch, validation))
            calibration.set_weights(best_calibration(logits, validation_labels))
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
    vocabularies = {"subwords": vocabulary, "labels": Vocabulary(names), **as_vocabularies(hyperparameters.tokenizer)}

    def make_callbacks(batches, monitor):  # no early stopping unless there are sentences to validate on
        patience = PATIENCE if monitor == "val_loss" else hyperparameters.epochs
        return run_callbacks(run, monitor, vocabularies, hyperparameters, batches, patience)

    inputs = list(map(make_encoder(vocabulary), sentences))
    model = fit(build_model, hyperparameters, inputs, labels, *((make_callbacks, path) if is_main else ()))
    if is_main:
        model.summary()
    save_model(model, path, **vocabularies)
