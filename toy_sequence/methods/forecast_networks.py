"""Stateful and stateless networks that forecast: how they are built, trained and used. `forecast.py` compares them."""

from itertools import product
from typing import NamedTuple

import keras
import numpy as np
from keras import layers

from common.fast_rnn import LSTM
from toy_sequence.methods.series import HORIZON, QUANTILES, future, past, pinball


class Network(NamedTuple):
    """One of the networks that are compared."""

    keep_state: bool  # from window to window
    window: int  # hours
    hidden_size: int  # units of the LSTM
    learning_rate: float  # at the start

    def __str__(self):
        return f"{'stateful' if self.keep_state else 'stateless'} {self.window}"


def draw_starts(keep_state, window, hours, options, generator):
    """The hours at which windows start, (batches, streams): those of a batch follow those of the batch before if
    `keep_state`; otherwise all are random. `hours` says how many there are to read."""
    batches = options.stream_hours // window
    if not keep_state:
        return generator.integers(0, hours - window + 1, (batches, options.streams))
    first = generator.integers(0, hours - batches * window + 1, options.streams)
    return first + window * np.arange(batches)[:, None]


def build_model(hidden_size, batch_size=None, stateful=False, every_hour=True):
    """Loads (batch, time, 1) -> forecasts (batch, time, 24, 3); or only the last hour's, (batch, 24, 3)."""
    return keras.Sequential(
        [
            keras.Input((None, 1), batch_size),
            LSTM(hidden_size, return_sequences=every_hour, stateful=stateful),
            layers.Dense(HORIZON * len(QUANTILES)),
            layers.Reshape((-1, HORIZON, len(QUANTILES)) if every_hour else (HORIZON, len(QUANTILES))),
        ]
    )


def train(network, series, last_origin, options, seeds):
    """Train to forecast at all hours of the windows, none after `last_origin`; return the weights, a list by seed."""
    model, trained = build_model(network.hidden_size, options.streams, network.keep_state), []
    rate = keras.optimizers.schedules.CosineDecay(network.learning_rate, options.batches)
    model.compile(keras.optimizers.Adam(rate, clipnorm=1.0), pinball, jit_compile=False)
    for seed in seeds:  # with one compiled model: to compile takes as long as hundreds of batches
        keras.utils.set_random_seed(seed)
        model.set_weights(build_model(network.hidden_size).get_weights())
        for variable in model.optimizer.variables:  # Adam starts anew, too
            variable.assign(keras.ops.zeros_like(variable))
        generator, starts = np.random.default_rng(seed), []
        for _ in range(options.batches):
            if len(starts) == 0:
                starts = draw_starts(network.keep_state, network.window, last_origin + 1, options, generator)
                if network.keep_state:
                    model.layers[0].reset_states()
            origins = starts[0][:, None] + np.arange(network.window)  # (streams, window)
            targets = future(series, origins.ravel()).reshape(*origins.shape, HORIZON)
            model.train_on_batch(series[origins][..., None], targets)
            starts = starts[1:]
        trained.append(model.get_weights())
    return trained


def forecast(network, trained, series, origins):
    """What a network with each of these weights forecasts at the origins, (seeds, origins, 24, 3), lower quantiles
    first."""
    model, forecasts = build_model(network.hidden_size, every_hour=network.keep_state), []
    for weights in trained:
        model.set_weights(weights)
        if network.keep_state:  # the state goes on from the first hour to the last: the whole series is one sequence
            forecasts.append(model.predict(series[None, :, None], verbose=0)[0][origins])
        else:
            windows = past(series, origins, network.window)[..., None]
            forecasts.append(model.predict(windows, batch_size=512, verbose=0))
    return np.sort(forecasts, axis=-1)  # now and then two quantiles cross


def choose(known, training, validation, options):
    """The hidden size and learning rate for all networks, of those in the options.

    The two networks with the middle one of the windows are trained with each; the lowest mean of their two losses on
    validation decides. So all networks are equally large, and neither kind is favoured.

    Args:
        known: the series up to the end of validation.
    """
    window, losses = sorted(options.windows)[len(options.windows) // 2], {}
    for setting in product(options.hidden_sizes, options.learning_rates):
        both = []
        for network in (Network(True, window, *setting), Network(False, window, *setting)):
            weights = train(network, known, training[-1], options, [options.seed])
            both.append(pinball(future(known, validation), forecast(network, weights, known, validation)).mean())
        losses[setting] = np.mean(both)
        print("{} units, learning rate {}: loss on validation {:.4f}".format(*setting, losses[setting]), flush=True)
    return min(losses, key=losses.get)
