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
    """The error of the first method minus that of the second.

    Returns:
        Its share of the first error; the difference; its interval if weeks of the test are drawn anew, with the means
        of the seeds; and the least and the greatest difference of the seeds.
    """
    units = results[first]["by_origin"], results[second]["by_origin"]
    difference = paired_bootstrap(*units, block=min(WEEK, len(units[0])), repeats=2000)
    by_seed = results[first]["by_seed"] - results[second]["by_seed"]
    return difference.value / results[first]["error"], *difference, float(by_seed.min()), float(by_seed.max())


def print_gains(studies):
    """The table of what the state is worth, for studies, results by title; and its shares, by title and window."""
    gains = {
        f"{title}, windows of {name.split()[1]} hours": gain(results, name.replace("stateful", "stateless"), name)
        for title, results in studies.items()
        for name in results
        if name.startswith("stateful")
    }
    print("error without the state minus error with it; its 95 % interval is that of the mean of the seeds")
    header = "", "share", "difference", "from", "to", "least of the seeds", "greatest"
    print_table(header, [(name, f"{each[0]:.1%}", *each[1:]) for name, each in gains.items()])
    return {name: share for name, (share, *_) in gains.items()}


def conclusion(results, shares):
    """Three lines: the best method of the results of a study, by name; the shares of `print_gains`; the intervals."""
    networks = [name for name in results if name.startswith("state")]
    best = min(networks, key=lambda name: results[name]["error"])
    rival = min(set(results) - set(networks), key=lambda name: results[name]["error"])
    share, difference, low, high, *_ = gain(results, rival, best)
    coverage = [results[name]["coverage"] for name in networks]
    return [
        f"Error of {rival} minus that of {best}, the best network: "
        f"{share:+.1%}, {difference:+.4f} ({low:+.4f} to {high:+.4f}).",
        "The state lowers the error by " + ", ".join(f"{share:.1%} ({name})" for name, share in shares.items()) + ".",
        f"The networks' intervals of 90 % hold {min(coverage):.1%} to {max(coverage):.1%} of the loads.",
    ]
