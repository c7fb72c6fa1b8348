import json
from dataclasses import replace

import keras
import numpy as np
import pytest

from common import InputError
from tests.conftest import refused
from toy_sequence.methods import forecast, forecast_baselines, forecast_networks, forecast_results, series
from toy_sequence.methods.forecast import Hyperparameters
from toy_sequence.methods.forecast_networks import Network

TINY = Hyperparameters(
    hours=2880, windows=(6, 24), streams=4, stream_hours=72, batches=4, hidden_sizes=(3, 5), reservoir_size=5
)


def generator():
    return np.random.default_rng(0)


# The series


def test_the_generated_load_has_day_week_and_season():
    load = series.generate(2 * 364 * 24, generator()).reshape(-1, 24)  # (days, hours)
    weekday, month = np.arange(len(load)) % 7, np.arange(len(load)) % 364 // 30
    assert load[:, 19].mean() > 1.3 * load[:, 3].mean()  # the evening
    assert load[weekday < 5, 8].mean() > 1.3 * load[weekday >= 5, 8].mean()  # the morning of a workday
    winter, spring, summer = (load[month == number, 15].mean() for number in (0, 4, 6))
    assert winter > 1.2 * spring and summer > 1.02 * spring  # heating, cooling
    night = load[:, 3] - np.convolve(load[:, 3], np.ones(61) / 61, "same")  # without the season
    assert np.corrcoef(night[100:-101], night[101:-100])[0, 1] > 0.4  # cold nights come in company


def test_a_load_of_days_only_repeats_itself_but_for_the_noise():
    load = series.generate(400 * 24, generator(), only_days=True).reshape(-1, 24)
    assert (load.std(axis=0) / load.mean(axis=0)) == pytest.approx(np.full(24, 0.03), rel=0.2)
    assert load[:, 19].mean() > 1.3 * load[:, 3].mean()


def write(folder, text, name="load.csv"):
    (folder / name).write_text(text)
    return str(folder / name)


def test_a_table_and_one_with_decimal_commas(tmp_path):
    table = write(tmp_path, 'time,"load, kW",price\n0,1.5,9\n1,-2,9\n')
    assert series.read(table, "load, kW").tolist() == [1.5, -2]
    assert series.read(write(tmp_path, "time;load\n0;1,5\n1;20\n"), "load").tolist() == [1.5, 20]


UCI = ['"";"MT_001";"MT_002"'] + [
    f'"2011-01-01 0{quarter // 4}:{quarter % 4 * 15:02d}:00";0;{value}'
    for quarter, value in enumerate(["0", "0", "0", "0", "1,5", "2,5", "4", "8", "1", "1", "1", "2,0", "7"], start=1)
]


def test_the_layout_of_uci_in_hours(tmp_path, monkeypatch):
    write(tmp_path, "\n".join(UCI), "LD2011_2014.txt")
    monkeypatch.setenv("RNN_DATA", str(tmp_path))
    assert series.read("LD2011_2014.txt", "MT_002").tolist() == [4, 1.25]  # not connected in the first hour
    assert len(series.read("LD2011_2014.txt", "MT_001")) == 0  # never


@pytest.mark.parametrize(
    ("text", "column", "named"),
    [
        ("", "load", "empty"),
        ("time,load\n0,1\n", "price", "'price'.*time, load"),
        ("time,load\n0,1\n1\n", "load", "line 3: 1 fields"),
        ("time,load\n0,1\n1,2,3\n", "load", "line 3: 3 fields"),
        ("time,load\n0,one\n", "load", "line 2: 'one'"),
        ("time,load\n0,nan\n", "load", "line 2: 'nan'"),
        ("time,load\n0,\n", "load", "line 2: ''"),
        ("\n".join([*UCI[:3], *UCI[4:]]), "MT_002", "line 4: .*01:00:00 is not a quarter"),
        ("\n".join([UCI[0], *UCI[2:]]), "MT_002", "line 2: .*quarter past"),
        ("\n".join([UCI[0], "noon;0;0"]), "MT_002", "line 2: 'noon'"),
    ],
)
def test_bad_files_are_refused(tmp_path, text, column, named):
    with pytest.raises(InputError, match=named):
        series.read(write(tmp_path, text), column)


def test_past_and_future_meet_at_the_origin():
    hours = np.arange(100)
    assert series.past(hours, np.array([9, 50]), 3).tolist() == [[7, 8, 9], [48, 49, 50]]
    assert series.future(hours, np.array([9, 50])).tolist() == [[*range(10, 34)], [*range(51, 75)]]


def test_the_quantile_loss_by_hand_and_at_its_least():
    losses = series.pinball(np.array([10.0]), np.array([[7.0, 12.0, 12.0]]))
    assert losses == pytest.approx(np.array([[0.05 * 3, 0.5 * 2, 0.05 * 2]]), rel=1e-6)
    load, guesses = generator().exponential(size=2000), np.linspace(0, 5, 501)
    means = series.pinball(np.repeat(load[:, None], 501, 1), guesses[:, None] + np.zeros(3)).mean(axis=0)
    assert guesses[means.argmin(axis=0)] == pytest.approx(np.quantile(load, [0.05, 0.5, 0.95]), abs=0.02)


# The baselines


def test_the_naive_forecasts_repeat_the_day_and_the_week_before():
    hours = np.arange(400)
    for period in (24, 168):
        assert np.array_equal(
            forecast_baselines.naive(hours, np.array([200, 333]), period),
            series.future(hours, np.array([200, 333])) - period,
        )


def test_ridge_is_least_squares_with_the_penalty_as_rows():
    inputs, targets = generator().normal(size=(50, 4)), generator().normal(size=(50, 2))
    rows = np.vstack([inputs, np.sqrt(50 * 0.3) * np.eye(4)])
    expected = np.linalg.lstsq(rows, np.vstack([targets, np.zeros((4, 2))]), rcond=None)[0]
    assert forecast_baselines.ridge(inputs, targets, [0.3])[0] == pytest.approx(expected)


def test_linear_autoregression_continues_a_sine_exactly():
    wave, (training, validation, test) = 3 + np.sin(np.arange(600) / 5), np.split(np.arange(10, 570), [300, 400])
    lags = {"4 lags": lambda wave, at: series.past(wave, at, 4)}
    choice, forecaster = forecast_baselines.regression(wave[:434], lags, training, validation)
    assert choice == "4 lags, penalty 1e-08"
    assert forecaster(wave, test) == pytest.approx(series.future(wave, test), abs=1e-3)


def test_the_regression_with_the_least_error_on_validation_is_chosen():
    numbers = generator().normal(size=(1000, 2))  # only the first tells anything about the future
    known = np.repeat(generator().normal(size=50), 24)[:1000]
    candidates = {
        "noise": lambda _, at: numbers[at],
        "yesterday": lambda known, at: series.past(known, at, 24),
        "both": lambda known, at: np.hstack([series.past(known, at, 24), generator().normal(size=(len(at), 200))]),
    }
    parts = np.arange(30, 600), np.arange(600, 970)
    choice, _ = forecast_baselines.regression(known, candidates, *parts)
    errors = {}
    for name, features in candidates.items():
        for penalty in forecast_baselines.PENALTIES:
            inputs, unseen = (np.column_stack([features(known, at), np.ones(len(at))]) for at in parts)
            [matrix] = forecast_baselines.ridge(inputs, series.future(known, parts[0]), [penalty])
            errors[f"{name}, penalty {penalty:g}"] = abs(unseen @ matrix - series.future(known, parts[1])).mean()
    assert choice == min(errors, key=errors.get)


def test_the_reservoir_has_its_radius_its_equation_and_echoes():
    numbers = generator().normal(size=1500)
    states = forecast_baselines.reservoir(numbers, 20, 0.9, 0.5, generator())
    draw = generator()
    weights = draw.normal(size=(20, 20))
    weights *= 0.9 / max(abs(np.linalg.eigvals(weights)))
    from_input, bias = draw.uniform(-0.5, 0.5, (2, 20))
    expected = np.tanh(states[6] @ weights.T + numbers[7] * from_input + bias)
    assert states[7] == pytest.approx(expected)
    other = forecast_baselines.reservoir(np.append(5, numbers[1:]), 20, 0.9, 0.5, generator())
    assert abs(states[0] - other[0]).max() > 0.1
    assert states[-1] == pytest.approx(other[-1])  # where it started is forgotten


def test_intervals_of_the_baselines_are_the_quantiles_of_their_errors_on_validation():
    load = series.generate(TINY.hours, generator())
    training, validation, test = forecast.split(load, TINY.stream_hours)
    methods = forecast_baselines.fit(load[: test[0] + 1], training, validation, TINY)
    assert list(methods) == ["day before", "week before", "linear autoregression", "echo state network"]
    errors = load[validation + 3] - load[validation + 3 - 24]  # three hours ahead
    _, day_before = methods["day before"]
    assert day_before(load, test)[7, 2] == pytest.approx(
        load[test[7] + 3 - 24] + np.quantile(errors, [0.05, 0.5, 0.95]), rel=1e-6
    )


# The networks


@pytest.mark.parametrize("keep_state", [True, False])
def test_windows_follow_each_other_only_if_the_state_is_kept(keep_state):
    draw = generator()
    starts = np.concatenate([forecast_networks.draw_starts(keep_state, 24, 90, TINY, draw) for _ in range(99)])
    assert starts.shape == (99 * 3, 4)  # 72 hours in windows of 24
    follow = np.diff(starts.reshape(99, 3, 4), axis=1) == 24
    assert follow.all() == keep_state and follow.mean() in (1, pytest.approx(0, abs=0.1))
    assert starts.min() == 0 and starts.max() == 90 - 24


@pytest.mark.parametrize("keep_state", [True, False])
def test_targets_are_the_24_hours_after_each_hour_of_training(keep_state, monkeypatch):
    seen, model = [], keras.Sequential
    monkeypatch.setattr(model, "train_on_batch", lambda self, inputs, targets: seen.append((inputs, targets)))
    forecast_networks.train(Network(keep_state, 24, 3, 0.01), np.arange(200), 99, TINY, [0])
    assert len(seen) == TINY.batches
    for inputs, targets in seen:
        assert inputs.shape == (4, 24, 1) and inputs.max() <= 99
        assert np.array_equal(targets, inputs + np.arange(1, 25))
        assert (np.diff(inputs[..., 0]) == 1).all()


@pytest.mark.parametrize(("keep_state", "resets"), [(True, 2), (False, 0)])
def test_a_stream_that_starts_elsewhere_starts_from_zeros(keep_state, resets, monkeypatch):
    calls = []
    monkeypatch.setattr(keras.Sequential, "train_on_batch", lambda self, inputs, targets: None)
    monkeypatch.setattr(forecast_networks.LSTM, "reset_states", lambda self: calls.append(1))
    network = Network(keep_state, 24, 3, 0.01)
    forecast_networks.train(network, np.arange(200), 99, TINY, [0])  # 4 batches, 3 of each stream
    assert len(calls) == resets


def test_a_carried_state_forecasts_as_the_stateful_network_does_window_by_window():
    keras.utils.set_random_seed(1)
    weights = forecast_networks.build_model(3).get_weights()
    numbers, origins = generator().normal(size=48), np.arange(20, 24)
    model = forecast_networks.build_model(3, 1, stateful=True)
    model.set_weights(weights)
    windows = [model(window[None, :, None]).numpy()[0] for window in np.split(numbers, 8)]
    [carried] = forecast_networks.forecast(Network(True, 6, 3, 0.01), [weights], numbers, origins)
    assert carried == pytest.approx(np.sort(np.concatenate(windows)[origins]), abs=1e-5)
    [alone] = forecast_networks.forecast(Network(False, 6, 3, 0.01), [weights], numbers, origins)
    model.layers[0].reset_states()
    assert alone[-1] == pytest.approx(np.sort(model(numbers[None, 18:24, None])[0, -1]), abs=1e-5)
    assert abs(alone - carried).max() > 1e-3


@pytest.mark.parametrize("keep_state", [True, False])
def test_training_learns_a_daily_wave(keep_state):
    wave, origins = np.sin(2 * np.pi * np.arange(800) / 24), np.arange(600, 700)
    network = Network(keep_state, 24, hidden_size=12, learning_rate=0.02)
    trained = forecast_networks.train(network, wave, 500, replace(TINY, batches=120), [0])
    [middle] = forecast_networks.forecast(network, trained, wave, origins)[..., 1]
    assert abs(middle - series.future(wave, origins)).mean() < 0.2  # a guess: 0.64


def test_a_seed_gives_the_same_weights_whatever_was_trained_before_it():
    network, wave = Network(True, 24, 3, 0.01), np.sin(np.arange(200))
    first, second, again = forecast_networks.train(network, wave, 150, TINY, [0, 1, 0])
    for one, other, same in zip(first, second, again, strict=True):
        assert same == pytest.approx(one, abs=1e-6)
        assert abs(one - other).max() > 1e-3


def test_both_kinds_of_network_choose_the_setting_with_the_least_loss_on_validation(monkeypatch):
    known, asked = np.zeros(100), []

    def guess(network, weights, known, origins):  # better the nearer to 5 units; the stateful one at the high rate
        asked.append(network)
        error = abs(network.hidden_size - 5) + (network.learning_rate if network.keep_state else 0)
        return np.full((len(origins), 24, 3), error)

    monkeypatch.setattr(forecast_networks, "train", lambda *arguments: None)
    monkeypatch.setattr(forecast_networks, "forecast", guess)
    options = replace(TINY, windows=(168, 6, 24), stream_hours=168, learning_rates=(0.1, 0.01))
    assert forecast_networks.choose(known, np.arange(40), np.arange(50, 70), options) == (5, 0.01)
    assert {(network.keep_state, network.window) for network in asked} == {(True, 24), (False, 24)}


# The script


def test_no_choice_scaling_or_fit_depends_on_the_test_part(monkeypatch):
    seen = []  # all that the networks choose with
    monkeypatch.setattr(forecast_networks, "train", lambda _, known, *arguments: seen.append(known))
    monkeypatch.setattr(forecast_networks, "forecast", lambda *arguments: seen.append(arguments[2]) or np.zeros(1))
    load = series.generate(TINY.hours, generator())
    training, _, test = forecast.split(load, TINY.stream_hours)
    spoiled = load.copy()
    spoiled[test[0] + 1 :] = generator().permutation(load[test[0] + 1 :]) * 100 - 999
    assert forecast.standardise(load, training)[1:] == forecast.standardise(spoiled, training)[1:]
    (methods, setting), (again, same_setting) = (forecast.choose(each, TINY) for each in (load, spoiled))
    assert setting == same_setting
    for honest, cheating in zip(*np.split(np.array(seen), 2), strict=True):
        assert np.array_equal(honest, cheating)
    for name, (choice, forecaster) in methods.items():
        same_choice, same_forecaster = again[name]
        assert choice == same_choice
        assert np.array_equal(forecaster(load, test), same_forecaster(load, test))


def test_parts_do_not_overlap_and_standardising_knows_training_only():
    load = series.generate(2880, generator())
    training, validation, test = forecast.split(load, 72)
    assert training[0] == 671  # four weeks are known there
    assert training[-1] + 24 == 1727 and validation[0] == 1727  # the first hour forecast is 1728
    assert validation[-1] + 24 == 2159 and test[0] == 2159
    assert test[-1] + 24 == 2879
    scaled, mean, scale = forecast.standardise(load, training)
    again = forecast.standardise(np.append(load[:1728], load[1728:] * 9), training)
    assert (mean, scale) == again[1:] and np.array_equal(scaled[:1728], again[0][:1728])
    assert scaled[:1728].mean() == pytest.approx(0, abs=1e-9) and scaled[:1728].std() == pytest.approx(1)


def test_measures_by_hand():
    load = np.zeros((2, 24))
    forecasts = np.stack([load - 1, load + 1, load + 2], axis=-1)
    forecasts[0, 0] = 1, 3, 5  # above the load
    measured = forecast_results.measure(load, np.stack([forecasts, forecasts + np.array([0, 2, 2])]), 10)  # two seeds
    assert measured["by_horizon"].tolist() == [30] + [20] * 23
    assert measured["by_origin"] == pytest.approx([10 * (4 + 2 * 23) / 24, 20])
    assert measured["by_seed"] == pytest.approx([10 * 50 / 48, 10 * 50 / 48 + 20])
    assert measured["error"] == pytest.approx(10 * 50 / 48 + 10) and measured["spread"] == pytest.approx(20)
    assert measured["coverage"] == pytest.approx(47 / 48)
    assert measured["width"] == pytest.approx(10 * (47 * 3 + 4) / 48 + 10)


def test_impossible_input_is_refused(tmp_path, script):
    path = "toy_sequence/methods/forecast.py"
    table = write(tmp_path, "time,load\n" + "0,1\n" * 5000)
    for flags, named in [
        (["--data", table], "--column"),
        (["--data", table, "--column", "price"], "'price'"),
        (["--data", table, "--column", "load"], "nothing to learn"),
        (["--data", "nowhere.csv", "--column", "load"], "nowhere.csv"),
        (["--hours", "300"], "300 hours"),
        (["--windows", "24", "24"], "--windows"),
        (["--windows", "700"], "--windows"),
    ]:
        assert refused(script(path, "--runs", tmp_path / "runs", *flags), named)
    assert not (tmp_path / "runs").exists()


def test_the_script_reads_a_table_and_draws(tmp_path, script):
    load = series.generate(TINY.hours, generator())
    table = write(tmp_path, "load\n" + "".join(f"{value}\n" for value in load))
    flags = ["--windows", 24, "--streams", 4, "--stream-hours", 72, "--batches", 3, "--hidden-sizes", 3]
    flags += ["--learning-rates", 0.01, "--repeats", 2, "--reservoir-size", 5]
    flags += ["--runs", tmp_path, "--name", "x", "--data", table, "--column", "load"]
    process = script("toy_sequence/methods/forecast.py", *flags)
    assert process.returncode == 0, process.stderr
    assert process.stdout.splitlines()[-5] == "Conclusion"
    run = tmp_path / "forecast" / "x"
    results = json.loads((run / "metrics.json").read_text())["results"]["load"]
    assert len(results) == 4 + 2
    day_before = abs(load[2160:] - load[2160 - 24 : -24])  # each hour counts about equally often
    assert results["week before"]["error"] > 0 and results["day before"]["error"] == pytest.approx(
        day_before.mean(), rel=0.1
    )
    assert (run / "forecast.png").stat().st_size > 10_000
