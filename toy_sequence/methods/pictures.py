"""The pictures of the lessons on methods."""

import numpy as np

from common import plots


def forecasts(load, mean, scale, origins, forecasts, results, windows, path):
    """The error by horizon and by window, and a week of day-ahead forecasts with their intervals.

    Args:
        load: (hours,), of which `mean` and `scale` standardised the series that was forecast.
        origins: the hours at which the forecasts were made.
        forecasts, results: by the name of the method; (origins, 24, 3), and what `measure` returns.
        windows: of the networks, which are called "stateful 24", "stateless 24" and so on.
    """
    figure = plots.plt.figure(figsize=(12, 7.5), layout="constrained")
    left, right, below = figure.subplot_mosaic("ab;cc", width_ratios=(3, 2)).values()
    colours = dict(zip(windows, plots.plt.get_cmap("viridis")(np.linspace(0, 0.85, len(windows))), strict=True))
    networks = {f"{kind} {window}" for kind in ("stateful", "stateless") for window in windows}
    others = [name for name in results if name not in networks]
    for name, line in zip(others, (":", "-.", "--", "-"), strict=True):
        left.plot(np.arange(1, 25), results[name]["by_horizon"], line, color="grey", label=name)
        right.axhline(results[name]["error"], color="grey", linestyle=line)
    for window, colour in colours.items():
        for kind, line in (("stateful", "-"), ("stateless", "--")):
            errors = results[f"{kind} {window}"]["by_horizon"]
            left.plot(np.arange(1, 25), errors, line, color=colour, label=f"{kind} {window}")
    left.set(xlabel="hours ahead", ylabel="mean absolute error", xticks=[1, 6, 12, 18, 24], title="error by horizon")
    left.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    ordered = sorted(windows)
    for kind, line in (("stateful", "o-"), ("stateless", "s--")):
        right.plot(ordered, [results[f"{kind} {window}"]["error"] for window in ordered], line, label=kind)
    right.set(xscale="log", xlabel="window (hours)", title="error by window, all 24 hours")
    right.set_xticks(ordered, ordered)
    right.minorticks_off()
    right.legend()

    best = min(networks, key=lambda name: results[name]["error"])
    midnights = [number for number, origin in enumerate(origins) if (origin + 1) % 24 == 0][:7]
    for day, number in enumerate(midnights):
        hours = origins[number] + np.arange(1, 25)
        low, middle, high = forecasts[best][number].T * scale + mean
        label = {"interval": "its 90 % interval", "middle": f"{best}, forecast at midnight"} if day == 0 else {}
        below.fill_between(hours, low, high, alpha=0.25, color="tab:orange", linewidth=0, label=label.get("interval"))
        below.plot(hours, middle, color="tab:orange", label=label.get("middle"))
        below.axvline(hours[0], color="lightgrey", linewidth=0.8, zorder=0)
    hours = origins[midnights[0]] + np.arange(1, 24 * len(midnights) + 1)
    below.plot(hours, load[hours], "k.-", linewidth=0.8, markersize=3, label="load")
    below.set(xlabel="hour of the series", ylabel="load", title="the first days of the test")
    below.legend(loc="upper right", ncols=3, fontsize="small")
    plots.save(figure, path)
