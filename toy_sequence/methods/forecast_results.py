"""What the test says of the forecasts: errors by horizon, by origin and by seed, a table and a conclusion."""

import numpy as np

from common.statistics import paired_bootstrap
from common.tables import print_table
from toy_sequence.methods.series import WEEK, pinball

SHOWN = 1, 6, 12, 24  # hours ahead, in the table
FIGURES = "error", "spread", "loss", "coverage", "width"


def measure(load, forecasts, scale):
    """What the test says of forecasts (seeds, origins, 24, 3) of loads (origins, 24); errors are multiplied by `scale`.

    Returns:
        `error` by horizon, (24,), by origin, (origins,), and by seed, (seeds,); its `spread`, that of the worst seed
        minus that of the best; the `loss`: pinball, mean of the three quantiles; the `coverage`: the share of loads
        within the interval; its mean `width`.
    """
    low, middle, high = np.moveaxis(forecasts, -1, 0)
    errors = np.abs(load - middle) * scale
    by_seed = errors.mean(axis=(1, 2))
    return {
        "by_horizon": errors.mean(axis=(0, 1)),
        "by_origin": errors.mean(axis=(0, 2)),
        "by_seed": by_seed,
        "error": float(errors.mean()),
        "spread": float(np.ptp(by_seed)),
        "loss": float(pinball(load, forecasts).mean() * scale),
        "coverage": float(((low <= load) & (load <= high)).mean()),
        "width": float((high - low).mean() * scale),
    }


def print_results(results):
    """The table: a row for each method, with its error 1, 6, 12 and 24 hours ahead, and its FIGURES."""
    rows = [
        (name, *(each["by_horizon"][ahead - 1] for ahead in SHOWN), *(each[figure] for figure in FIGURES))
        for name, each in results.items()
    ]
    print_table(("", *map(str, SHOWN), "all 24", *FIGURES[1:]), rows)


def gain(results, first, second):
    """How much lower the error of the second method is than that of the first: in per cent, its interval if weeks of
    the test are drawn anew, and its range over the seeds."""
    units = results[first]["by_origin"], results[second]["by_origin"]
    lower = paired_bootstrap(*units, block=min(WEEK, len(units[0])), repeats=2000)
    by_seed = results[first]["by_seed"] - results[second]["by_seed"]
    share = lower.value / results[first]["error"]
    return f"{share:.1%}, {lower}, by seed {by_seed.min():+.4f} to {by_seed.max():+.4f}"


def conclusion(studies):
    """Three lines about the studies, results by title: the best of the first; what the state brings; the intervals."""
    results = next(iter(studies.values()))
    networks = [name for name in results if name.startswith("state")]
    best = min(networks, key=lambda name: results[name]["error"])
    rival = min(set(results) - set(networks), key=lambda name: results[name]["error"])
    pays = [
        f"{title}, {name.split()[1]} hours {gain(each, name.replace('stateful', 'stateless'), name)}"
        for title, each in studies.items()
        for name in each
        if name.startswith("stateful")
    ]
    coverage = [results[name]["coverage"] for name in networks]
    return [
        f"Best network: {best}. {rival}, the best other method, has a higher error: {gain(results, rival, best)}.",
        f"The state lowers the error, by window: {'; '.join(pays)}.",
        f"The networks' intervals of 90 % hold {min(coverage):.1%} to {max(coverage):.1%} of the loads.",
    ]
