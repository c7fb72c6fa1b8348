"""What optimizers.py trains, small recurrent networks at several rates; digits.py uses its `trainer` too."""

import keras
import numpy as np
import tensorflow as tf

from toy_sequence.binary_addition.pairs import add, random_pairs
from toy_sequence.sequences import make_sequences

OPTIMIZERS = {  # name -> class of keras.optimizers, options, three rates
    "SGD": ("SGD", {}, (0.01, 0.1, 1.0)),
    "momentum": ("SGD", {"momentum": 0.9}, (0.001, 0.01, 0.1)),
    "Nesterov": ("SGD", {"momentum": 0.9, "nesterov": True}, (0.001, 0.01, 0.1)),
    "Adagrad": ("Adagrad", {}, (0.01, 0.1, 1.0)),
    "Adadelta": ("Adadelta", {}, (0.1, 1.0, 10.0)),  # Keras's default, 0.001, is far below the 1 of the paper
    "RMSprop": ("RMSprop", {}, (0.001, 0.01, 0.1)),
    "Adam": ("Adam", {}, (0.001, 0.01, 0.1)),
    "AdamW": ("AdamW", {}, (0.001, 0.01, 0.1)),
}
LEARNED = 0.1  # mean loss of ten batches at which a task counts as learned


def optimizer(name, rate, **options):
    """A new optimizer of Keras."""
    kind, own, _ = OPTIMIZERS[name]
    return getattr(keras.optimizers, kind)(rate, **own, **options)


def sequences(task, count, longer, generator):
    """Inputs (count, time, inputs) and targets (count, time); `longer` as in the test."""
    if task == "addition":
        return add(random_pairs(16 if longer else 8, count, generator))
    inputs, targets = make_sequences([100 if longer else 40] * count, generator)
    return np.stack(inputs), np.stack(targets)


def data(task, options, batch_size):
    """What all networks learn from, and the sequences for validation and test: three pairs of inputs and targets.

    The first have the axes (steps, batch, time, ...), the others (test_sequences, time, ...).
    """
    generator = np.random.default_rng(options.seed)
    steps = options.toy_steps if task == "toy" else options.steps
    training = sequences(task, steps * batch_size, False, generator)
    training = [values.reshape(steps, batch_size, *values.shape[1:]) for values in training]
    return training, *(sequences(task, options.test_sequences, True, generator) for _ in range(2))


def network(layer, inputs):
    """A model (batch, time, inputs) -> logits (batch, time, 2) with a recurrent layer."""
    return keras.Sequential([keras.Input((None, inputs)), layer, keras.layers.Dense(2)])


def trainer(model, optimizer):
    """A function (weights, rate, (inputs, targets)) that trains the model from those weights, and returns the loss of
    every step (steps,). `rate` is a number, or one for each step. The optimizer forgets what it has kept before. All
    steps run in one graph."""
    optimizer.build(model.trainable_variables)
    fresh = [keras.ops.convert_to_numpy(variable) for variable in optimizer.variables]

    @tf.function
    def all_steps(inputs, targets, rates):
        losses = tf.TensorArray(tf.float32, len(inputs))
        for step in tf.range(len(inputs)):
            optimizer.learning_rate.assign(rates[step])
            with tf.GradientTape() as tape:
                loss = crossentropy(targets[step], model(inputs[step], training=True))
            optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
            losses = losses.write(step, loss)
        return losses.stack()

    def train(weights, rate, batches):
        model.set_weights(weights)
        for variable, value in zip(optimizer.variables, fresh, strict=True):
            variable.assign(value)
        rates = np.broadcast_to(np.float32(rate), len(batches[0]))
        return all_steps(*batches, rates).numpy()

    return train


def falling(rate, steps):
    """Half a cosine from `rate` to almost 0: (steps,)."""
    return rate * (1 + np.cos(np.pi * np.arange(steps) / steps)) / 2


def crossentropy(targets, logits):
    """The mean cross-entropy of logits (..., classes)."""
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits))


def measure(model, inputs, targets):
    """The loss, and the share of sequences without an error."""
    logits = model(inputs)
    return float(crossentropy(targets, logits)), float((logits.numpy().argmax(-1) == targets).all(axis=1).mean())


def study(make_layer, name, task, options):
    """Train with each rate of an optimizer; return the results of the one whose mean validation loss is the lowest.

    Args:
        make_layer: returns a new recurrent layer.
        name: the optimizer.
        task: what `data` returns.

    Returns:
        A dict: the rate; `losses`, one array (steps,) for each training; `validation`, their losses there; their
        `exact match` in the test; `steps`, the median of `learned_at`.
    """
    training, validation, test = task
    starts = []
    for seed in range(options.seed, options.seed + options.repeats):
        keras.utils.set_random_seed(seed)
        model = network(make_layer(), test[0].shape[-1])
        starts.append(model.get_weights())
    train = trainer(model, optimizer(name, 1.0, clipnorm=1.0))
    results = []
    for rate in OPTIMIZERS[name][2]:
        result = {"rate": rate, "losses": [], "validation": [], "exact match": []}
        for weights in starts:
            result["losses"].append(train(weights, rate, training))
            result["validation"].append(np.nan_to_num(measure(model, *validation)[0], nan=np.inf))
            result["exact match"].append(measure(model, *test)[1])
        result["steps"] = float(np.median([learned_at(losses) for losses in result["losses"]]))
        results.append(result)
    return min(results, key=lambda result: np.mean(result["validation"]))


def learned_at(losses):
    """The step after which ten losses in a row have a mean below `LEARNED`; infinite if there is none."""
    low = np.flatnonzero(np.convolve(losses, np.ones(10) / 10, "valid") < LEARNED)
    return int(low[0]) + 10 if len(low) else np.inf
