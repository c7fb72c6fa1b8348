"""Stateful and stateless networks that forecast: how they are built, trained and used. `forecast.py` compares them."""

import keras
import numpy as np
from keras import layers

from common.fast_rnn import LSTM
from toy_sequence.methods.series import HORIZON, QUANTILES, future, past, pinball


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


def train(series, last_origin, window, keep_state, options):
    """The weights of a network that was trained to forecast at all hours of its windows, none after `last_origin`."""
    keras.utils.set_random_seed(options.seed)
    generator = np.random.default_rng(options.seed)
    model = build_model(options.hidden_size, options.streams, keep_state)
    rate = keras.optimizers.schedules.CosineDecay(options.learning_rate, options.batches)
    model.compile(keras.optimizers.Adam(rate, clipnorm=1.0), pinball, jit_compile=False)
    starts = []
    for _ in range(options.batches):
        if len(starts) == 0:
            starts = draw_starts(keep_state, window, last_origin + 1, options, generator)
            if keep_state:
                model.layers[0].reset_states()
        origins = starts[0][:, None] + np.arange(window)  # (streams, window)
        targets = future(series, origins.ravel()).reshape(*origins.shape, HORIZON)
        model.train_on_batch(series[origins][..., None], targets)
        starts = starts[1:]
    return model.get_weights()


def forecast(weights, series, origins, window, keep_state, options):
    """What a network of these weights forecasts at the origins, (origins, 24, 3), lower quantiles first."""
    model = build_model(options.hidden_size, every_hour=keep_state)
    model.set_weights(weights)
    if keep_state:  # the state goes on from the first hour to the last: the whole series is one sequence
        forecasts = model.predict(series[None, :, None], verbose=0)[0][origins]
    else:
        forecasts = model.predict(past(series, origins, window)[..., None], batch_size=512, verbose=0)
    return np.sort(forecasts, axis=-1)  # now and then two quantiles cross
