"""Hourly series to forecast: a generated one, readers of files, and what is known and asked for at an hour.

A series is an array (hours,). An origin is the last hour that a forecast may know. The forecast made there is for the
HORIZON hours that follow it.
"""

import csv
import math
import os
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from common import InputError
from common.data import read_lines

HORIZON, WEEK = 24, 7 * 24  # hours
QUANTILES = np.array([0.05, 0.5, 0.95], "float32")  # that are forecast
QUARTER_HOUR = timedelta(minutes=15)


def future(series, origins):
    """The hours after each origin, (origins, HORIZON)."""
    return series[origins[:, None] + np.arange(1, HORIZON + 1)]


def past(series, origins, length):
    """The last hours up to each origin, this one included, (origins, length)."""
    return series[origins[:, None] + np.arange(1 - length, 1)]


def pinball(targets, forecasts):
    """The quantile (pinball) loss of each forecast (..., 24, 3), for targets (..., 24): NumPy arrays or tensors.

    With e = target - forecast it is q e if e > 0, else (q - 1) e; in one formula, (q - 1/2) e + |e| / 2. It is least
    when the target lies below the forecast in a share q of the cases (Koenker & Bassett 1978, Regression quantiles).
    """
    errors = targets[..., None] - forecasts
    return (QUANTILES - 0.5) * errors + abs(errors) / 2


def generate(hours, generator, only_days=False):
    """The load of a small town in kW, (hours,): day, week, season, weather and noise; the first day is a Monday.

    People use most in the evening, and get up later at the weekend. The temperature has a season, a day, and weather:
    noise that halves in two days. Houses are heated below 15 and cooled above 22 degrees. Only the load is returned: a
    forecast has to conclude from it which day it is, and how cold. With `only_days`, all days are workdays at 12
    degrees on average: the hour of the day says all that there is to know.
    """
    hour = np.arange(hours)
    weather = np.zeros(hours)  # degrees
    keep = 0.5 ** (1 / 48)
    shocks = generator.normal(0, 4 * math.sqrt(1 - keep**2), hours)  # so that the weather's standard deviation is 4
    for now in range(1, hours):
        weather[now] = keep * weather[now - 1] + shocks[now]
    season = -np.cos(2 * np.pi * (hour / 24 - 20) / 365.25)  # coldest on 20 January
    if only_days:
        season, weather = np.zeros(hours), np.zeros(hours)
    temperature = 12 + 10 * season - 4 * np.cos(2 * np.pi * (hour - 3) / 24) + weather

    def peak(at, width):
        """A hump of height 1 every day."""
        distance = (hour - at + 12) % 24 - 12
        return np.exp(-0.5 * (distance / width) ** 2)

    workday = 40 + 35 * peak(8, 1.5) + 25 * peak(13, 3) + 50 * peak(19, 2)
    weekend = 40 + 30 * peak(11, 2.5) + 40 * peak(19, 3)
    people = np.where((hour // 24 % 7 < 5) | only_days, workday, weekend)
    heating, cooling = np.maximum(15 - temperature, 0), np.maximum(temperature - 22, 0)
    return (people * (1 + 0.1 * -season) + 2 * heating + 3 * cooling) * generator.normal(1, 0.03, hours)


def read(name, column):
    """Read one column of a file.

    A table: the first line names the columns, each other line is an hour. Fields are separated by commas; or by
    semicolons, and then numbers have decimal commas.

    UCI's ElectricityLoadDiagrams20112014 (`LD2011_2014.txt`) is known by its column MT_001. Its lines are the ends of
    quarter-hours, "2011-01-01 00:15:00" first; four values, in kW, are averaged to an hour. Before a client is
    connected its load is 0: these hours are left out. The hour that the clock skips in March is 0 there, and the
    one that it repeats in October holds both; they stay as they are.

    Args:
        name: the file; it may also lie in the folder named by RNN_DATA, or in data/.
        column: a name in the first line, such as MT_250.

    Raises:
        InputError: there is no such file or column, or a line is malformed: names the line.
    """
    folders = Path(), Path(os.environ.get("RNN_DATA", "data")), Path(__file__).parents[2] / "data"
    found = [folder / name for folder in folders if (folder / name).is_file()]
    if not found:
        raise InputError(f"--data: there is no file {name}, neither here, nor in the folder RNN_DATA, nor in data/")
    if found[0].stat().st_size == 0:
        raise InputError(f"{name} is empty; its first line must name the columns")
    with open(found[0], "rb") as file:
        lines = read_lines(file, name)
        header = next(lines)
        separator = ";" if ";" in header else ","
        columns = next(csv.reader([header], delimiter=separator), [])
        if column not in columns:
            some = ", ".join(columns[:8]) + (", ..." if len(columns) > 8 else "")
            raise InputError(f"{name} has no column {column!r}; choose one with --column: {some}")
        place, values, before = columns.index(column), [], None
        for number, line in enumerate(lines, start=2):
            where = f"{name}, line {number}"
            row = next(csv.reader([line], delimiter=separator), [])
            if len(row) != len(columns):
                raise InputError(f"{where}: {len(row)} fields, but the first line has {len(columns)}; correct the line")
            values.append(_number(row[place].replace(",", ".") if separator == ";" else row[place], where, column))
            if "MT_001" in columns:
                before = _next_quarter(row[0], before, where)
    if "MT_001" not in columns:
        return np.array(values)
    load = np.array(values[: len(values) // 4 * 4]).reshape(-1, 4).mean(axis=1)
    return load[np.flatnonzero(load)[0] :] if load.any() else load[:0]


def _number(text, where, column):
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{where}: {text!r} in column {column!r} is no number; fill gaps before you forecast")
    return value


def _next_quarter(text, before, where):
    """The time of a line of UCI's file; InputError if it is none, or not a quarter of an hour after `before`."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"{where}: {text!r} is no time such as 2011-01-01 00:15:00; correct the line") from None
    if before is None and time.minute != 15:
        raise InputError(f"{where}: the first quarter-hour must end at a quarter past, not {text}")
    if before is not None and time - before != QUARTER_HOUR:
        raise InputError(f"{where}: {text} is not a quarter of an hour after {before}; fill the gap")
    return time
