"""With a train.py that only does as if: it takes the flags of a real one, and its figure is a function of the seed."""

import json
import statistics

import pytest
from conftest import TINY, refused

from common import InputError, seeds

FIGURES = [0.5, 0.75, 0.25]  # by seed
TRAIN = f"""
import argparse, json, pathlib, sys
parser = argparse.ArgumentParser()
for flag in ("--runs", "--name", "--cell"):
    parser.add_argument(flag)
parser.add_argument("--seed", type=int)
parser.add_argument("--resume", action="store_true")
options = parser.parse_args()
run = pathlib.Path(options.runs, "chargen", options.name)
(run / "backup").mkdir(parents=True, exist_ok=options.resume)
with open(pathlib.Path(__file__).with_name("log"), "a") as log:
    print(options.seed, options.resume, options.cell, file=log)
if (pathlib.Path(__file__).with_name("fail") / str(options.seed)).exists():
    print("a warning", file=sys.stderr)
    sys.exit("train.py: error: diverged")
metrics = {{"metric": "accuracy", "seed": options.seed, "corpus": {{"name": "x"}}, "accuracy": {FIGURES}[options.seed]}}
metrics["baseline"] = {{"name": "guess", "value": 0.125}}
(run / "hyperparameters.json").write_text(json.dumps(vars(options)))
(run / "metrics.json").write_text(json.dumps(metrics))
"""


@pytest.fixture
def train(monkeypatch, tmp_path):
    """`main` for the pretended task, and `log`: which seeds it trained, whether resumed, with which cell."""
    (tmp_path / "chargen").mkdir()
    (tmp_path / "chargen" / "train.py").write_text(TRAIN)
    monkeypatch.setattr(seeds, "ROOT", tmp_path)

    def run(**options):
        seeds.main(seeds.Options(tasks=("chargen",), runs=tmp_path / "runs", **{"seeds": 3, **options}))

    run.log = lambda: [line.split() for line in (tmp_path / "chargen" / "log").read_text().splitlines()]
    return run


def test_the_table_has_mean_standard_deviation_and_extremes(train, capsys):
    train()
    figures, baseline = ([cell for cell in line.split()] for line in capsys.readouterr().out.splitlines()[-2:])
    expected = statistics.mean(FIGURES), statistics.stdev(FIGURES), 0.25, 0.75
    assert figures == ["chargen", "accuracy", *(f"{value:.4f}" for value in expected)]
    assert baseline == ["chargen", "guess", "0.1250", "0.0000", "0.1250", "0.1250"]
    assert train.log() == [[str(seed), "False", "None"] for seed in range(3)]


def test_the_same_command_goes_on_where_it_was(train, tmp_path):
    (tmp_path / "chargen" / "fail" / "1").mkdir(parents=True)
    with pytest.raises(InputError, match=r"seed-1 has failed: train.py: error: diverged$"):
        train(flags="--cell gru")
    (tmp_path / "chargen" / "fail" / "1").rmdir()
    train(flags="--cell gru")
    assert train.log() == [
        ["0", "False", "gru"], ["1", "False", "gru"], ["1", "True", "gru"], ["2", "False", "gru"]
    ]  # fmt: skip


def test_runs_of_other_flags_are_not_mixed(train):
    train()
    with pytest.raises(InputError, match="other --flags"):
        train(flags="--cell gru")


def test_after_a_flag_that_train_refuses_another_one_may_be_tried(train):
    with pytest.raises(InputError, match="--sell"):
        train(flags="--sell gru")
    train(flags="--cell gru")


@pytest.mark.parametrize(("file", "key"), [("hyperparameters", "cell"), ("metrics", "corpus")])
def test_runs_that_differ_in_more_than_the_seed_are_refused(train, tmp_path, file, key):
    train()
    path = tmp_path / "runs" / "chargen" / "seed-2" / f"{file}.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: "another"}))
    with pytest.raises(InputError, match=r"seed-2 and .*seed-0 have other settings or another corpus"):
        train()


def test_one_seed_has_no_spread(script):
    assert refused(script("common/seeds.py", "--seeds", "1"), "--seeds is 1")


@pytest.mark.slow
def test_a_real_task_with_two_seeds(new_process, tmp_path):
    flags = "--flags=" + " ".join(TINY["toy_sequence"])
    process = new_process("common/seeds.py", "toy_sequence", "--seeds", "2", "--runs", tmp_path, flags)
    assert process.returncode == 0, process.stderr
    runs = [tmp_path / "toy_sequence" / f"seed-{seed}" for seed in range(2)]
    figures = [json.loads((run / "metrics.json").read_text())["exact_match"] for run in runs]
    assert f"{statistics.mean(figures):.4f}" in process.stdout.splitlines()[-2]
