"""Forecast the electricity load of the next 24 hours. When does it pay to carry the state from window to window?

    python toy_sequence/methods/forecast.py                          # generated loads; about two minutes
    python toy_sequence/methods/forecast.py --data FILE.csv --column NAME
    python toy_sequence/methods/forecast.py --data LD2011_2014.txt --column MT_250

The generated load has a day, a week, a season and weather; a second one has only days, all alike but for noise, so
that a window of 24 hours shows the pattern in full. `series.py` says how, and which files can be read. The last line is
UCI's ElectricityLoadDiagrams20112014, if the file lies here, in the folder RNN_DATA or in data/.

    the load up to now (batch, time, 1) -> LSTM (batch, time, hidden) -> at every hour, for each of the 24 hours that
    follow, three quantiles: 5, 50 and 95 % (batch, time, 24, 3)

The network is trained in two ways, on windows of 6, 24 and 168 hours; all else is equal, the hours read included:

    stateful    8 streams start at random hours. A batch is their next window; the state goes on from the last one.
                The gradient ends at the start of the window, the memory does not. A forecast has read all hours.
    stateless   each window starts at a random hour, with a state of zeros. A forecast has read one window.

Beside them: the same hour of the day before, and of the week before; ridge regression on the last hours (linear
autoregression); an echo state network, whose recurrent weights are random; only its read-out is learned.

The first 60 % of the hours are for training, mean and standard deviation are theirs. The next 15 % are for validation:
they choose the size and the learning rate of the networks, the lags and the penalty of the regression, the radius and
the input scale of the echo state network; and the quantiles of the errors there are the intervals of the methods that
forecast no quantiles. The last 25 % are the test. The error is the mean absolute error of the 50 % forecast.

References: Williams & Peng 1990 (truncated back-propagation). Jaeger 2001, The "echo state" approach to analysing and
training recurrent neural networks.
"""

import time
from dataclasses import dataclass

import numpy as np

from common import InputError
from common.cli import Count, LearningRate, Size, run_script, start_tensorflow
from common.runs import NamedRunOptions, finish_run, start_run
from toy_sequence.methods import forecast_baselines
from toy_sequence.methods.forecast_results import FIGURES, conclusion, measure, print_gains, print_results
from toy_sequence.methods.series import HORIZON, future, generate, read


@dataclass(frozen=True)
class Hyperparameters(NamedRunOptions):
    data: str | None = None  # a file with one line an hour, or UCI's; by default the load is generated
    column: str | None = None  # of the file
    hours: Count = 4 * 365 * 24  # of the generated loads
    windows: tuple[Count, ...] = (6, 24, 168)  # hours
    repeats: Count = 3  # trainings of each network, with different seeds
    streams: Count = 8  # windows in a batch
    stream_hours: Count = 672  # after so many the streams start anew elsewhere
    batches: Count = 500  # that each network learns from
    hidden_sizes: tuple[Size, ...] = (32, 64)  # units of the LSTM; validation chooses one
    learning_rates: tuple[LearningRate, ...] = (0.01, 0.02, 0.04)  # of Adam at the start, one of them; falls to 0
    reservoir_size: Size = 300  # units of the echo state network

    def __post_init__(self):
        super().__post_init__()
        if (self.data is None) != (self.column is None):
            raise InputError("--data FILE and --column NAME belong together; give both or none")
        if not self.windows or len(set(self.windows)) < len(self.windows) or max(self.windows) > self.stream_hours:
            given = " ".join(map(str, self.windows))
            raise InputError(f"--windows is {given}; give different ones, none above --stream-hours")
        if not (self.hidden_sizes and self.learning_rates):
            raise InputError("--hidden-sizes and --learning-rates need at least one number each")


def split(load, stream_hours):
    """The origins of training, validation and test. All 24 hours of a forecast lie in the part of its origin; so do
    the hours that training reads.

    Raises:
        InputError: the series is too short, or training shows one and the same number.
    """
    longest = max(forecast_baselines.LAGS)
    least = 4 * (max(stream_hours, longest) + 2 * HORIZON)
    if len(load) < least:
        raise InputError(f"the series has {len(load)} hours; give at least {least}")
    first, second = len(load) * 60 // 100, len(load) * 75 // 100
    if np.ptp(load[:first]) == 0:
        raise InputError(f"the load is {load[0]:g} in all of training; there is nothing to learn")
    return (
        np.arange(longest - 1, first - HORIZON),
        np.arange(first - 1, second - HORIZON),
        np.arange(second - 1, len(load) - HORIZON),
    )


def standardise(load, training):
    """(load - mean) / scale, with mean and standard deviation of all hours that training reads; and these two."""
    shown = load[: training[-1] + HORIZON + 1]
    mean, scale = shown.mean(), shown.std()
    return (load - mean) / scale, mean, scale


def choose(load, options):
    """All that is chosen, scaled and fitted before the test; its hours are cut off first.

    Returns:
        The other methods, by name, see `forecast_baselines.fit`; and the networks' hidden size and learning rate.
    """
    from toy_sequence.methods import forecast_networks

    training, validation, test = split(load, options.stream_hours)
    known, *_ = standardise(load[: test[0] + 1], training)  # the first origin of the test is validation's last hour
    return (
        forecast_baselines.fit(known, training, validation, options),
        forecast_networks.choose(known, training, validation, options),
    )


def study(title, load, windows, methods, setting, options):
    """Train the networks with all seeds, measure all methods on the test of a load, and print the table.

    Returns:
        By the name of the method what `measure` returns; the origins of the test, and the forecasts there, in the
        load's unit, by name, (seeds, origins, 24, 3).
    """
    from toy_sequence.methods import forecast_networks as networks

    training, _, test = split(load, options.stream_hours)
    series, mean, scale = standardise(load, training)
    forecasts = {name: forecast(series, test)[None] for name, (_, forecast) in methods.items()}
    seeds = range(options.seed, options.seed + options.repeats)
    for window in windows:
        for keep_state in (True, False):
            network, before = networks.Network(keep_state, window, *setting), time.perf_counter()
            trained = networks.train(network, series, training[-1], options, seeds)
            forecasts[str(network)] = networks.forecast(network, trained, series, test)
            print(f"{title}, {network}: {time.perf_counter() - before:.0f} s", flush=True)
    results = {name: measure(future(series, test), each, scale) for name, each in forecasts.items()}
    print(f"\n{title}: error by hours ahead, in the load's unit (in training: mean {mean:.1f}, deviation {scale:.1f})")
    print_results(results)
    print(f"The rows of the networks are means of {options.repeats} seeds, all with this load.\n")
    return results, test, {name: each * scale + mean for name, each in forecasts.items()}


def main(options: Hyperparameters) -> None:
    generated = options.data is None
    if generated:
        load = generate(options.hours, np.random.default_rng(options.seed))
    else:
        load = read(options.data, options.column)
    split(load, options.stream_hours)  # what is wrong with the load is said before TensorFlow starts
    start_tensorflow(options)
    from toy_sequence.methods import pictures

    run, started, title = start_run("forecast", options), time.perf_counter(), options.column or "full load"
    methods, setting = choose(load, options)
    chosen = {name: choice for name, (choice, _) in methods.items() if choice}
    chosen["networks"] = "{} units, learning rate {}".format(*setting)
    print("chosen on validation:", *(f"{name}: {choice}" for name, choice in chosen.items()), sep="\n  ")
    results, test, forecasts = study(title, load, options.windows, methods, setting, options)
    studies = {title: results}
    if generated and HORIZON in options.windows:
        days = generate(options.hours, np.random.default_rng(options.seed), only_days=True)
        studies["only days"], *_ = study("only days", days, [HORIZON], {}, setting, options)
    seconds = time.perf_counter() - started
    pictures.forecasts(load, test, forecasts, results, options.windows, run / "forecast.png")
    metrics = {
        title: {name: {figure: each[figure] for figure in FIGURES} for name, each in results.items()}
        for title, results in studies.items()
    }
    metrics = {"data": options.data or "generated", "chosen": chosen, "results": metrics, "seed": options.seed}
    finish_run(run, "forecast", metrics | {"training_seconds": seconds})
    shares = print_gains(studies)
    print("\nConclusion", *conclusion(results, shares), f"pictures are in {run}", sep="\n")


if __name__ == "__main__":
    run_script(main, Hyperparameters)
