"""Forecasts without back-propagation: the naive ones, linear autoregression, and an echo state network.

All take a series (hours,) and origins (origins,), see `series.py`, and forecast (origins, HORIZON). What they choose,
they choose on the validation part.

References: Hoerl & Kennard 1970 (ridge regression). Jaeger 2001, The "echo state" approach to analysing and training
recurrent neural networks.
"""

import numpy as np

from toy_sequence.methods.series import HORIZON, QUANTILES, WEEK, future, past

PENALTIES = 1e-8, 1e-6, 1e-4, 1e-2, 1.0  # of ridge regression
LAGS = 24, 168, 336, 672  # hours that linear autoregression may read
RADII = 0.5, 0.9, 0.99  # of the echo state network's recurrent weights
INPUT_SCALES = 0.01, 0.1, 1.0  # of its input weights


def naive(series, origins, period):
    """The same hour one period ago: of the day before with 24 hours, of the week before with 168."""
    return past(series, origins, period)[:, :HORIZON]


def ridge(inputs, targets, penalties):
    """For each penalty the matrix A that makes `mean((inputs A - targets)^2) + penalty * sum(A^2)` least, (features,
    outputs)."""
    square, product = inputs.T @ inputs, inputs.T @ targets
    return [np.linalg.solve(square + each * len(inputs) * np.eye(len(square)), product) for each in penalties]


def regression(known, candidates, training, validation):
    """Of all candidates and PENALTIES the ridge regression with the least absolute error on validation.

    Args:
        known: the series up to the end of validation.
        candidates: name -> function (series, origins) -> what is known at each origin, (origins, features).

    Returns:
        What was chosen, in words; and the function (series, origins) that forecasts with it.
    """

    def with_one(features, series, origins):  # a feature that is always 1 stands for the bias
        return np.column_stack([features(series, origins), np.ones(len(origins))])

    tried = []
    for name, features in candidates.items():
        inputs = with_one(features, known, np.concatenate([training, validation]))
        learned, unseen = np.split(inputs, [len(training)])
        for penalty, matrix in zip(PENALTIES, ridge(learned, future(known, training), PENALTIES), strict=True):
            error = np.abs(unseen @ matrix - future(known, validation)).mean()
            tried.append((error, f"{name}, penalty {penalty:g}", features, matrix))
    _, choice, features, matrix = min(tried, key=lambda each: each[0])
    return choice, lambda series, origins: with_one(features, series, origins) @ matrix


def reservoir(series, units, radius, input_scale, generator):
    """The states of an echo state network, (hours, units). Its weights are random, and stay so.

        h_t = tanh(W h_{t-1} + x_t v + b)

    Args:
        units: the size of h, b and v, (units,); W is (units, units).
        radius: spectral radius of W, the absolute value of its largest eigenvalue. Below 1 the network forgets, if
            slowly, where it started: this is the echo state property (for tanh, roughly).
        input_scale: v and b are drawn between this and its negative. The smaller, the more linear the network is, and
            the longer it remembers.
    """
    weights = generator.normal(size=(units, units))
    weights *= radius / np.abs(np.linalg.eigvals(weights)).max()
    from_input, bias = generator.uniform(-input_scale, input_scale, (2, units))
    states, state = np.zeros((len(series), units)), np.zeros(units)
    for hour, value in enumerate(series):
        states[hour] = state = np.tanh(weights @ state + value * from_input + bias)
    return states


def fit(known, training, validation, options):
    """Choose and fit all methods with what is known before the test.

    Args:
        known: the series up to the end of validation.

    Returns:
        By name: what was chosen, in words, or None; and a function (series, origins) -> forecasts (origins, 24, 3).
        Its intervals are the quantiles of the errors on validation.
    """

    def echoes(radius, scale):
        def features(series, origins):
            generator = np.random.default_rng(options.seed)  # always the same weights
            states = reservoir(series, options.reservoir_size, radius, scale, generator)
            return np.column_stack([states[origins], series[origins]])

        return features

    lags = {f"{hours} hours": lambda series, origins, hours=hours: past(series, origins, hours) for hours in LAGS}
    networks = {f"radius {radius}, inputs {scale}": echoes(radius, scale) for radius in RADII for scale in INPUT_SCALES}
    chosen = {
        "day before": (None, lambda series, origins: naive(series, origins, 24)),
        "week before": (None, lambda series, origins: naive(series, origins, WEEK)),
        "linear autoregression": regression(known, lags, training, validation),
        "echo state network": regression(known, networks, training, validation),
    }
    return {name: (choice, with_interval(point, known, validation)) for name, (choice, point) in chosen.items()}


def with_interval(point, known, validation):
    """The function (series, origins) -> (origins, 24, 3) that adds the QUANTILES of the errors on validation, hour by
    hour ahead, to the forecasts of the function `point`."""
    errors = future(known, validation) - point(known, validation)
    quantiles = np.quantile(errors, QUANTILES, axis=0).T  # (24, 3)
    return lambda series, origins: point(series, origins)[:, :, None] + quantiles
