"""What each tune.py trains: the same as train.py, measured on validation, whatever the test part holds."""

import csv
import importlib
import sys

import numpy as np
import pytest
from conftest import STORY, TINY

from common import sample
from common.cli import parse_flags
from common.data import clean_text, deduplicate, folds, load_opinions
from common.tables import TASKS


def modules(task):
    """train.py and tune.py of a task."""
    return importlib.import_module(f"{task}.train"), importlib.import_module(f"{task}.tune")


@pytest.fixture
def trial(monkeypatch):
    """`trial(task, *flags)`: the value of one trial, which tune.py hands to the search, without Optuna."""

    def run(task, *flags):
        _, tune = modules(task)
        values = []

        def search(task, options, defaults, space, corpus, metric, train):
            reported = []
            values.append((train(options, reported.append), reported))

        monkeypatch.setattr(tune, "search", search)
        tune.main(parse_flags(tune.Options, list(flags)))
        return values[0]

    return run


@pytest.mark.parametrize("task", TASKS)
def test_the_space_holds_the_defaults_and_only_what_train_accepts(task):
    train, _ = modules(task)
    defaults = train.Hyperparameters()
    for name, choices in train.SPACE.items():
        for value in choices if isinstance(choices, list) else choices[:2]:
            assert type(value) is type(getattr(defaults, name))
            parse_flags(train.Hyperparameters, [f"--{name.replace('_', '-')}", str(value)])  # complains otherwise
        for preset in getattr(train, "PRESETS", {"default": defaults}).values():
            value = getattr(preset, name)
            assert value in choices if isinstance(choices, list) else choices[0] <= value <= choices[1]
            assert isinstance(choices, list) or choices[2:] == ("log",) or value == round(value, 2)  # steps of 0.01
        assert isinstance(choices, list) or choices[2:] in ((), ("log",))


def with_other_test_part(task, path):
    """Write the corpus of TINY, but with the characters or words of its test part in alphabetical order."""
    if task == "chargen":
        text = clean_text(STORY.read_text())
        test = int(len(text) * 0.9)
        path.write_text(text[:test] + "".join(sorted(text[test:])))
    else:
        lines = sample.tagged_lines().splitlines()
        test = int(len(lines) * 0.8)
        words = iter(sorted(" ".join(lines[test:]).split()))
        others = [" ".join(next(words) for _ in line.split()) for line in lines[test:]]
        path.write_text("\n".join(lines[:test] + others))


METRICS = {"chargen": "val_bits_per_character", "pos_tagging": "val_masked_accuracy", "toy_sequence": "val_loss"}


@pytest.mark.parametrize(
    "task", ["toy_sequence", *(pytest.param(task, marks=pytest.mark.slow) for task in ("chargen", "pos_tagging"))]
)
def test_a_trial_has_the_figure_of_train_whatever_the_test_part_holds(trial, trained, tmp_path, monkeypatch, task):
    _, run = trained(task)
    flags = list(TINY[task])
    if task == "toy_sequence":
        monkeypatch.delattr("toy_sequence.eval.test_sets")
    else:
        with_other_test_part(task, tmp_path / "corpus.txt")
        flags[flags.index("--data") + 1] = str(tmp_path / "corpus.txt")
    monkeypatch.setitem(sys.modules, f"{task}.eval", None)  # not even imported
    value, reported = trial(task, *flags)
    with open(run / "history.csv") as file:
        expected = [float(row[METRICS[task]]) for row in csv.DictReader(file)]
    assert np.allclose(reported, expected, rtol=1e-6, atol=0)
    assert value == (max if "accuracy" in METRICS[task] else min)(reported)


def test_a_trial_of_sentiment_never_sees_the_test_part_of_a_fold(trial, monkeypatch):
    """With a network that knows only the share of positive sentences, so that its loss can be computed here."""
    from sentiment import baselines

    rows = deduplicate(load_opinions("sample")[0])
    outer = folds([label for label, _ in rows])
    losses = []

    def share_of_positives(name, settings, training, sentences):
        assert (name, settings.hidden_size) == ("network", 8)
        allowed, test = ({rows[row][1] for row in part} for part in outer[len(losses)])
        seen = {sentence for _, sentence in training}
        assert seen.isdisjoint(sentences) and seen | set(sentences) == allowed and seen.isdisjoint(test)
        share = np.mean([label for label, _ in training])
        labels = [label for label, sentence in rows if sentence in set(sentences)]
        losses.append(-np.mean(np.log(np.where(labels, share, 1 - share))))
        return np.full(len(sentences), share)

    monkeypatch.setattr(baselines, "train_and_predict", share_of_positives)
    value, reported = trial("sentiment", "--data", "sample", "--hidden-size", "8")
    assert len(losses) == 5
    assert value == pytest.approx(np.mean(losses))
    assert np.allclose(reported, np.cumsum(losses) / np.arange(1, 6))


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_the_command_of_the_best_trains(script, trained, tmp_path, task):
    pytest.importorskip("optuna", reason="needs Optuna: pip install -r requirements-tune.txt")
    found = script(f"{task}/tune.py", "--runs", tmp_path, "--trials", "2", *TINY[task])
    assert found.returncode == 0, found.stderr
    path, *flags = found.stdout.splitlines()[-1].split()[1:]
    trained = script(path, "--runs", tmp_path, "--name", "best", *flags)
    assert trained.returncode == 0, trained.stderr
    if task in METRICS:
        best = found.stdout.split("seconds")[-1].splitlines()[2].split()[0]
        with open(tmp_path / task / "best" / "history.csv") as file:
            assert f"{float(next(csv.DictReader(file))[METRICS[task]]):.4f}" == best
