"""The search over hyperparameters, with trainings that only do as if. What needs Optuna is skipped without it."""

import re
import shlex
import sys
from dataclasses import dataclass, replace

import pytest

from common import InputError, tune
from common.cli import LearningRate, parse_flags
from common.runs import RunOptions

SPACE = {"size": [1, 2, 3], "share": (0.0, 0.5), "learning_rate": (0.001, 0.1, "log"), "steps": (5, 50, "log")}


@dataclass(frozen=True)
class Hyperparameters(RunOptions):
    preset: str = "default"
    size: int = 2
    share: float = 0.2
    learning_rate: LearningRate = 0.01
    steps: int = 10
    lengths: tuple[int, ...] = (2, 3)
    validate: bool = True
    spelling: bool = False


@dataclass(frozen=True)
class Options(Hyperparameters):
    trials: int = 8


def cost(hyperparameters, report=None):
    """What a training might cost: the less, the nearer share is to 0.4 and the learning rate to 0.02."""
    return abs(hyperparameters.share - 0.4) + abs(hyperparameters.learning_rate - 0.02) + hyperparameters.size / 100


@pytest.fixture
def search(tmp_path, monkeypatch):
    """Search, with Optuna, in the folder of the test: the hyperparameters of all trials that were begun."""
    pytest.importorskip("optuna", reason="needs Optuna: pip install -r requirements-tune.txt")
    monkeypatch.setattr("keras.utils.clear_session", lambda: None)  # there is no model to free; it takes long

    def run(train=cost, metric="val_loss", corpus=None, **options):
        begun = []

        def recorded(hyperparameters, report):
            begun.append(hyperparameters)
            return train(hyperparameters, report)

        options = Options(**{"runs": tmp_path, **options})
        try:
            tune.search("chargen", options, Hyperparameters(), SPACE, corpus, metric, recorded)
        except KeyboardInterrupt as interrupt:
            assert "the same command goes on" in str(interrupt)
        return begun

    return run


def printed_command(text):
    """The hyperparameters that the last line, a command, trains with."""
    python, script, *flags = shlex.split(text.splitlines()[-1])
    assert (python, script) == ("python", "chargen/train.py")
    return parse_flags(Hyperparameters, flags)


def test_without_optuna_one_line_says_how_to_install_it(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(InputError, match=r"`make tune-chargen` installs it \(requirements-tune.txt\)"):
        tune.search("chargen", Options(runs=tmp_path), Hyperparameters(), SPACE, None, "val_loss", cost)
    assert not list(tmp_path.iterdir())


BEST = Hyperparameters(preset="best", share=0.3, lengths=(4,))
CHANGES = {"data": "my text.txt", "learning_rate": 1.2e-05, "lengths": (), "validate": False, "spelling": True}


@pytest.mark.parametrize("changes", [{}, {"seed": 7, "size": 3}, CHANGES], ids=["none", "two", "all kinds"])
@pytest.mark.parametrize("preset", [Hyperparameters(), BEST], ids=["default", "best"])
def test_the_command_trains_what_it_was_made_from(preset, changes):
    chosen = replace(preset, **changes)
    line = tune.command("chargen", replace(chosen, name="mine", resume=True, save_every=5), preset)
    presets = {"default": Hyperparameters(), "best": BEST}
    assert parse_flags(Hyperparameters, shlex.split(line)[2:], presets=presets) == chosen
    assert line.count(" --") == len(changes) + (preset is BEST)  # no flag that is not needed


def test_the_first_trial_has_the_defaults_and_the_others_lie_in_the_space(search):
    first, *others = search(trials=16, seed=1)
    assert replace(first, runs=None, seed=0, trials=8) == Options(runs=None)
    for each in others:
        assert each.size in (1, 2, 3) and 5 <= each.steps <= 50 and isinstance(each.steps, int)
        assert 0 <= each.share <= 0.5 and each.share == round(each.share, 2)
        assert 0.001 <= each.learning_rate <= 0.1 and each.learning_rate == float(f"{each.learning_rate:.3g}")
    assert len({each.share for each in others}) > 8


@pytest.mark.parametrize("metric", ["val_loss", "val_masked_accuracy"])
def test_the_ten_best_are_printed_and_the_command_of_the_best(search, capsys, metric):
    values = {each.learning_rate: cost(each) for each in search(metric=metric, trials=14)}
    printed = capsys.readouterr().out
    best_first = sorted(values.values(), reverse="accuracy" in metric)
    assert re.findall(r"^(\d\.\d{4}) ", printed, re.MULTILINE) == [f"{value:.4f}" for value in best_first[:10]]
    assert cost(printed_command(printed)) == pytest.approx(best_first[0], abs=1e-12)


def test_a_flag_that_is_not_the_default_is_not_searched(search, capsys):
    begun = search(share=0.45, trials=5)
    assert {each.share for each in begun} == {0.45} and len({each.learning_rate for each in begun}) == 5
    assert printed_command(capsys.readouterr().out).share == 0.45


def test_an_interrupted_search_has_the_same_trials_as_another(search, capsys, tmp_path):
    import optuna

    expected, table = search(trials=15, runs=tmp_path / "other"), capsys.readouterr().out.split("the best of")[1]

    def interrupted(hyperparameters, report):
        if hyperparameters.learning_rate in (expected[0].learning_rate, expected[12].learning_rate):
            raise KeyboardInterrupt
        return cost(hyperparameters)

    assert len(search(interrupted, trials=15)) == 1
    assert len(search(trials=4)) == 4
    storage = f"sqlite:///{tmp_path / 'tune' / 'chargen.db'}"
    optuna.load_study(study_name="search", storage=storage).ask()  # as a process that was killed leaves it
    assert len(search(interrupted, trials=15)) == 9
    last = search(trials=15)
    assert [each.learning_rate for each in last] == [each.learning_rate for each in expected[12:]]
    strip = re.compile(r"(?m)^(\d\.\d{4}) +\d+ ")  # without the seconds
    assert strip.sub(r"\1 ", capsys.readouterr().out.split("the best of")[-1]) == strip.sub(r"\1 ", table)
    assert search(trials=15) == []


@pytest.mark.parametrize("other", [{"seed": 1}, {"validate": False}, {"corpus": {"name": "y"}}, {"share": 0.3}])
def test_a_search_goes_on_with_the_same_settings_only(search, other):
    search(trials=1, corpus={"name": "x"})
    with pytest.raises(InputError, match="choose another --name"):
        search(trials=2, **{"corpus": {"name": "x"}, **other})
    assert len(search(trials=2, name="another", **{"corpus": {"name": "x"}, **other})) == 2


def test_a_damaged_file_is_refused(search, tmp_path):
    (tmp_path / "tune").mkdir()
    (tmp_path / "tune" / "chargen.db").write_bytes(b"not a database" * 1000)
    with pytest.raises(InputError, match=r"chargen\.db cannot be read .*not a database"):
        search(trials=1)


def test_a_trial_that_is_worse_than_the_median_is_pruned(search, capsys):
    """Trials 5 and 6 report the same as the others for two epochs, then one is worse than all and one better."""
    epochs = []

    def train(hyperparameters, report):
        trial = len(epochs)
        epochs.append(0)
        for epoch in range(5):
            epochs[-1] += 1
            report(trial if epoch < 2 or trial < 4 else {4: 9, 5: -1}[trial])
        return trial if trial < 4 else -1

    search(train, trials=6)
    assert epochs == [5, 5, 5, 5, 3, 5]
    printed = capsys.readouterr().out
    assert printed.count("pruned\n") == 1 and "the best of 5 trials" in printed


def test_a_trial_that_diverges_counts_as_pruned(search, capsys):
    def train(hyperparameters, report):
        if hyperparameters.learning_rate != 0.01:
            raise InputError("the training has diverged")
        return 1.0

    assert len(search(train, trials=3)) == 3
    assert "the best of 1 trials" in capsys.readouterr().out
    with pytest.raises(InputError, match="no trial came to its end"):
        search(train, trials=1, learning_rate=0.5, name="another")
