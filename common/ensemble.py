"""Several networks that differ only in their seed, and one model that averages them.

Reference: Hansen & Salamon 1990, Neural network ensembles.
"""

from __future__ import annotations

import keras
from keras import ops


def members(options) -> list[tuple[str, int]]:
    """The file names (without `.keras`) and seeds of the networks to train.

    Args:
        options: with `seed` and `ensemble_size`. A single network is `model` itself, several are `member-1`, ...
    """
    if options.ensemble_size == 1:
        return [("model", options.seed)]
    return [(f"member-{number + 1}", options.seed + number) for number in range(options.ensemble_size)]


def average(models: list[keras.Model]) -> keras.Model:
    """One model whose logits give the mean of the models' probabilities.

    Args:
        models: ids -> logits (..., classes), or (batch, 1) for two classes.
    """
    ids = keras.Input(models[0].input_shape[1:], dtype="int32")
    logits = [model(ids) for model in models]
    if logits[0].shape[-1] == 1:
        probability = sum(ops.sigmoid(each) for each in logits) / len(models)
        return keras.Model(ids, ops.log(probability) - ops.log(1 - probability))
    probabilities = sum(ops.softmax(each) for each in logits) / len(models)
    return keras.Model(ids, ops.log(probabilities))


def restart(model: keras.Model, fresh: keras.Model) -> None:
    """Give a compiled model the initial weights of `fresh`, and let its optimizer begin anew.

    TensorFlow takes longer to plan the steps of a small model than the model takes to learn. So one compiled model
    serves all the folds of a cross-validation.
    """
    for variable, start in zip(model.variables, fresh.variables, strict=True):  # the state of dropout included
        variable.assign(start)
    for variable in model.optimizer.variables:
        variable.assign(ops.zeros_like(variable))
