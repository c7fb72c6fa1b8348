"""Forecasts without back-propagation: the naive ones, linear autoregression, and an echo state network.

All take a series (hours,) and origins (origins,), see `series.py`, and forecast (origins, HORIZON).

References: Hoerl & Kennard 1970 (ridge regression). Jaeger 2001, The "echo state" approach to analysing and training
recurrent neural networks.
"""

import numpy as np

from toy_sequence.methods.series import HORIZON, QUANTILES, WEEK, future, past

PENALTIES = 1e-8, 1e-6, 1e-4, 1e-2  # of ridge regression; validation chooses one


def naive(series, origins, period):
    """The same hour one period ago: of the day before with 24 hours, of the week before with 168."""
    return past(series, origins, period)[:, :HORIZON]


def ridge(inputs, targets, penalty):
    """The matrix A that makes `mean((inputs A - targets)^2) + penalty * sum(A^2)` least, (features, outputs)."""
    square = inputs.T @ inputs + penalty * len(inputs) * np.eye(inputs.shape[1])
    return np.linalg.solve(square, inputs.T @ targets)


def regression(series, features, training, validation, origins):
    """Forecast by ridge regression; of all PENALTIES, the one with the least absolute error on validation.

    Args:
        features: takes origins; returns what is known there, (origins, features).
        training, validation, origins: to learn from, to choose the penalty, and to forecast.
    """

    def with_one(chosen):  # a feature that is always 1 stands for the bias
        return np.column_stack([features(chosen), np.ones(len(chosen))])

    known, seen = with_one(training), with_one(validation)
    matrices = [ridge(known, future(series, training), penalty) for penalty in PENALTIES]
    errors = [np.abs(seen @ matrix - future(series, validation)).mean() for matrix in matrices]
    return with_one(origins) @ matrices[int(np.argmin(errors))]


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


def baselines(series, training, validation, test, options):
    """The forecasts of all other methods at the origins of the test, by name, (origins, 24, 3)."""
    generator = np.random.default_rng(options.seed)
    states = reservoir(series, options.reservoir_size, options.spectral_radius, options.input_scale, generator)
    both = np.concatenate([validation, test])
    points = {
        "day before": naive(series, both, 24),
        "week before": naive(series, both, WEEK),
        "linear autoregression": regression(series, lambda at: past(series, at, WEEK), training, validation, both),
        "echo state network": regression(
            series, lambda at: np.column_stack([states[at], series[at]]), training, validation, both
        ),
    }
    forecasts = {}
    for name, point in points.items():
        errors = future(series, validation) - point[: len(validation)]
        forecasts[name] = point[len(validation) :, :, None] + np.quantile(errors, QUANTILES, axis=0).T
    return forecasts
