"""Forecast the electricity load of the next 24 hours. When does it pay to carry the state from window to window?

    python toy_sequence/methods/forecast.py                          # a generated load; about two minutes
    python toy_sequence/methods/forecast.py --data FILE.csv --column NAME
    python toy_sequence/methods/forecast.py --data LD2011_2014.txt --column MT_250

The generated load has a day, a week, a season and weather; `series.py` says how, and which files can be read. The last
line is UCI's ElectricityLoadDiagrams20112014, if the file lies here, in the folder RNN_DATA or in data/.

    the load up to now (batch, time, 1) -> LSTM (batch, time, hidden) -> at every hour, for each of the 24 hours that
    follow, three quantiles: 5, 50 and 95 % (batch, time, 24, 3)

The network is trained in two ways, on windows of 6, 24 and 168 hours; all else is equal, the hours read included:

    stateful    16 streams start at random hours. A batch is their next window; the state goes on from the last one.
                The gradient ends at the start of the window, the memory does not. A forecast has read all hours.
    stateless   each window starts at a random hour, with a state of zeros. A forecast has read one window.

Beside them: the same hour of the day before, and of the week before; ridge regression on the last 168 hours (linear
autoregression); an echo state network, whose recurrent weights are random; only its read-out is learned.

The first 60 % of the hours are for training, mean and standard deviation are theirs. The next 15 % choose the ridge
penalty; and the quantiles of the errors there are the intervals of the methods that forecast no quantiles. The last
25 % are the test. The error is the mean absolute error of the 50 % forecast.

References: Williams & Peng 1990 (truncated back-propagation). Jaeger 2001, The "echo state" approach to analysing and
training recurrent neural networks.
"""

import time
from dataclasses import dataclass

import numpy as np

from common import InputError
from common.cli import Count, LearningRate, Positive, Size, run_script, start_tensorflow
from common.runs import NamedRunOptions, finish_run, start_run
from common.statistics import paired_bootstrap
from common.tables import print_table
from toy_sequence.methods.forecast_baselines import baselines
from toy_sequence.methods.series import HORIZON, WEEK, future, generate, pinball, read

SHOWN = 1, 6, 12, 24  # hours ahead, in the table
FIGURES = "error", "loss", "coverage", "width"


@dataclass(frozen=True)
class Hyperparameters(NamedRunOptions):
    data: str | None = None  # a file with one line an hour, or UCI's; by default the load is generated
    column: str | None = None  # of the file
    hours: Count = 4 * 365 * 24  # of the generated load
    windows: tuple[Count, ...] = (6, 24, 168)  # hours
    streams: Count = 16  # windows in a batch
    stream_hours: Count = 672  # after so many the streams start anew elsewhere
    batches: Count = 2000  # that each network learns from
    hidden_size: Size = 32  # units of the LSTM
    learning_rate: LearningRate = 0.01  # of Adam at the start; falls to 0 along half a cosine
    reservoir_size: Size = 300  # units of the echo state network
    spectral_radius: Positive = 0.99  # of its recurrent weights
    input_scale: Positive = 0.1  # of its input weights

    def __post_init__(self):
        super().__post_init__()
        if (self.data is None) != (self.column is None):
            raise InputError("--data FILE and --column NAME belong together; give both or none")
        if not self.windows or len(set(self.windows)) < len(self.windows) or max(self.windows) > self.stream_hours:
            given = " ".join(map(str, self.windows))
            raise InputError(f"--windows is {given}; give different ones, none above --stream-hours")


def split(load, hours_needed):
    """The origins of training, validation and test. All 24 hours of a forecast lie in the part of its origin; so do
    the hours that training reads.

    Raises:
        InputError: the series is too short, or training shows one and the same number.
    """
    least = 4 * (hours_needed + 2 * HORIZON)
    if len(load) < least:
        raise InputError(f"the series has {len(load)} hours; give at least {least}, or fewer --stream-hours")
    first, second = len(load) * 60 // 100, len(load) * 75 // 100
    if np.ptp(load[:first]) == 0:
        raise InputError(f"the load is {load[0]:g} in all of training; there is nothing to learn")
    return (
        np.arange(WEEK - 1, first - HORIZON),
        np.arange(first - 1, second - HORIZON),
        np.arange(second - 1, len(load) - HORIZON),
    )


def standardise(load, hours):
    """(load - mean) / scale, with mean and standard deviation of the first `hours`; and these two numbers."""
    mean, scale = load[:hours].mean(), load[:hours].std()
    return (load - mean) / scale, mean, scale


def measure(load, forecasts, scale):
    """What the test says of forecasts (origins, 24, 3) of loads (origins, 24); errors are multiplied by `scale`.

    Returns:
        `error` by horizon, (24,), and by origin, (origins,); the `loss`: pinball, mean of the three quantiles; the
        `coverage`: the share of loads within the interval; its mean `width`.
    """
    low, middle, high = np.moveaxis(forecasts, -1, 0)
    errors = np.abs(load - middle) * scale
    return {
        "by_horizon": errors.mean(axis=0),
        "by_origin": errors.mean(axis=1),
        "error": float(errors.mean()),
        "loss": float(pinball(load, forecasts).mean() * scale),
        "coverage": float(((low <= load) & (load <= high)).mean()),
        "width": float((high - low).mean() * scale),
    }


def conclusion(results, windows):
    """Three lines about the results, a dict by name: the best of all; what the state brings; the intervals."""

    def gain(first, second):
        """How much lower the error of the second is, with its interval; weeks are drawn together."""
        units = results[first]["by_origin"], results[second]["by_origin"]
        return paired_bootstrap(*units, block=min(WEEK, len(units[0])), repeats=2000)

    names = {kind: [f"{kind} {window}" for window in windows] for kind in ("stateful", "stateless")}
    networks = names["stateful"] + names["stateless"]
    best = min(networks, key=lambda name: results[name]["error"])
    rival = min(set(results) - set(networks), key=lambda name: results[name]["error"])
    pays = [
        f"{window} hours {gain(stateless, stateful)}"
        for window, stateless, stateful in zip(windows, names["stateless"], names["stateful"], strict=True)
    ]
    coverage = [results[name]["coverage"] for name in networks]
    return [
        f"Best network: {best}. Error of {rival}, the best other method, minus its own: {gain(rival, best)}.",
        f"Error without the state minus error with it, by window: {', '.join(pays)}.",
        f"The networks' intervals of 90 % hold {min(coverage):.1%} to {max(coverage):.1%} of the loads.",
    ]


def main(options: Hyperparameters) -> None:
    if options.data is None:
        load = generate(options.hours, np.random.default_rng(options.seed))
    else:
        load = read(options.data, options.column)
    training, validation, test = split(load, max(options.stream_hours, WEEK))
    start_tensorflow(options)
    from toy_sequence.methods import forecast_networks, pictures

    run, started = start_run("forecast", options), time.perf_counter()
    series, mean, scale = standardise(load, validation[0] + 1)  # the first origin is the last hour of training
    forecasts = baselines(series, training, validation, test, options)
    for window in options.windows:
        for kind in ("stateful", "stateless"):
            stateful, before = kind == "stateful", time.perf_counter()
            weights = forecast_networks.train(series, training[-1], window, stateful, options)
            name = f"{kind} {window}"
            forecasts[name] = forecast_networks.forecast(weights, series, test, window, stateful, options)
            print(f"{name}: {time.perf_counter() - before:.0f} s", flush=True)
    truth = future(series, test)
    results = {name: measure(truth, each, scale) for name, each in forecasts.items()}
    seconds = time.perf_counter() - started
    figures = {name: {key: each[key] for key in FIGURES} for name, each in results.items()}
    rows = [
        (name, *(each["by_horizon"][ahead - 1] for ahead in SHOWN), *figures[name].values())
        for name, each in results.items()
    ]
    print(f"\nerror by hours ahead, in the unit of the load (in training: mean {mean:.1f}, deviation {scale:.1f})")
    print_table(("", *map(str, SHOWN), "all 24", *FIGURES[1:]), rows)
    pictures.forecasts(load, mean, scale, test, forecasts, results, options.windows, run / "forecast.png")
    data = "generated" if options.data is None else f"{options.data}, {options.column}"
    finish_run(run, "forecast", {"data": data, "results": figures, "seed": options.seed, "training_seconds": seconds})
    print("\nConclusion", *conclusion(results, options.windows), f"pictures are in {run}", sep="\n")


if __name__ == "__main__":
    run_script(main, Hyperparameters)
