"""What a hostile or careless user may try: the work is done, or one clear line says what is wrong."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import TINY, refused

ROOT = Path(__file__).parent.parent


# A failed training is not a result


@pytest.mark.parametrize("task", ["chargen", "sentiment", "pos_tagging", "toy_sequence"])
def test_a_training_that_diverges_ends_with_one_line_and_leaves_no_result(script, tmp_path, task):
    arguments = ["--runs", tmp_path, "--name", "x", *TINY[task], "--epochs", "3", "--learning-rate", "999"]
    assert refused(script(f"{task}/train.py", *arguments), "diverged", "--learning-rate")
    assert not (tmp_path / task / "latest").exists()
    assert not (tmp_path / task / "x" / "metrics.json").exists()


@pytest.mark.parametrize("flag", ["--learning-rate", "--ngram-learning-rate"])
def test_a_learning_rate_that_can_only_diverge_is_refused(script, tmp_path, flag):
    process = script("chargen/train.py", "--runs", tmp_path, *TINY["chargen"], flag, "1e20")
    assert refused(process, f"{flag} is 1e+20; it must be below 1000")


# Text


def test_a_text_of_one_repeated_character_is_refused(script, tmp_path):
    (tmp_path / "text.txt").write_text("a" * 40_000)
    for path in ("chargen/train.py", "chargen/numpy_char_rnn.py"):
        assert refused(script(path, "--data", tmp_path / "text.txt"), "text.txt", "'a'", "nothing to predict")


@pytest.mark.parametrize("task", ["chargen", "sentiment", "pos_tagging"])
def test_utf_16_without_a_mark_is_not_taken_for_text(script, tmp_path, task):
    (tmp_path / "text.txt").write_bytes("1\tgood/NN\n0\tbad/NN\n".encode("utf-16-le") * 20)
    process = script(f"{task}/train.py", "--runs", tmp_path / "runs", "--data", tmp_path / "text.txt")
    assert refused(process, "text.txt, line 1", "NUL", "UTF-16")


def test_extreme_temperatures_and_shares_are_greedy(script, trained):
    _, run = trained("chargen")
    written = [
        script("chargen/generate.py", "--run", run, "--prompt", "mira", "--length", "40", *flags).stdout
        for flags in (["--greedy"], ["--temperature", "1e-38"], ["--top-p", "1e-50"])
    ]
    assert written[0] == written[1] == written[2]
    assert len(written[0]) == 45


# Runs that are not what they should be


@pytest.mark.parametrize(
    ("path", "task", "arguments"),
    [
        ("chargen/generate.py", "sentiment", []),
        ("sentiment/classify.py", "pos_tagging", ["a good film"]),
        ("pos_tagging/tag.py", "chargen", ["the saw"]),
    ],
)
def test_the_run_of_another_task_is_refused(script, trained, path, task, arguments):
    _, run = trained(task)
    assert refused(script(path, "--run", run, *arguments), str(run))


@pytest.mark.parametrize("content", ["{}", "[]", "", '{"seed": 0}'])
@pytest.mark.parametrize("name", ["metrics.json", "hyperparameters.json"])
def test_damaged_files_of_a_run_are_named(script, trained, tmp_path, name, content):
    run = shutil.copytree(trained("toy_sequence")[1], tmp_path / "run")
    (run / name).write_text(content)
    process = script("toy_sequence/eval.py", "--run", run)
    if name == "hyperparameters.json" and "seed" in content:
        assert process.returncode == 0, process.stderr
    else:
        assert refused(process, name)


def test_an_empty_history_is_named(script, trained, tmp_path):
    run = shutil.copytree(trained("toy_sequence")[1], tmp_path / "run")
    (run / "history.csv").write_text("")
    assert refused(script("toy_sequence/eval.py", "--run", run), "history.csv")


NO_NUMBER = {"metric": "x", "x": "much", "model": "", "baseline": {"name": "", "value": 1}, "training_seconds": 1}


@pytest.mark.parametrize("content", ["{}", "[]", json.dumps(NO_NUMBER | {"corpus": {"name": ""}})])
def test_the_summary_names_a_damaged_run(script, tmp_path, content):
    (tmp_path / "chargen" / "latest").mkdir(parents=True)
    (tmp_path / "chargen" / "latest" / "metrics.json").write_text(content)
    assert refused(script("common/tables.py", "--runs", tmp_path), "metrics.json", "damaged")


# Sizes


@pytest.mark.parametrize(
    ("task", "flag"),
    [("chargen", "--hidden-size"), ("chargen", "--embedding-size"), ("pos_tagging", "--filters")],
)
def test_layers_that_would_fill_the_memory_are_refused(script, tmp_path, task, flag):
    process = script(f"{task}/train.py", "--runs", tmp_path, *TINY[task], flag, "2000000")
    assert refused(process, f"{flag} is 2000000; it must be below 10001")


# Streams


def in_shell(redirection, *command, **environment):
    """A script in a shell that closes a stream: `>&-` and so on."""
    line = " ".join([sys.executable, *map(str, command), redirection])
    return subprocess.run(
        ["sh", "-c", line], cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True
    )


@pytest.mark.parametrize("redirection", [">&-", "<&-", "2>&-"])
def test_a_closed_stream_is_as_good_as_an_empty_one(trained, redirection):
    _, run = trained("pos_tagging")
    process = in_shell(redirection, "pos_tagging/tag.py", "--run", run, "'the saw'")
    assert process.returncode == 0, process.stderr
    assert process.stdout.count("/") == (0 if redirection == ">&-" else 2)


def test_a_closed_standard_input_is_named(trained):
    _, run = trained("sentiment")
    assert refused(in_shell("<&-", "sentiment/classify.py", "--run", run), "standard input is empty")


def test_output_in_ascii_is_written_with_escapes(trained):
    _, run = trained("pos_tagging")
    process = in_shell("", "pos_tagging/tag.py", "--run", run, "naïve", PYTHONIOENCODING="ascii")
    assert process.returncode == 0, process.stderr
    assert process.stdout.startswith("na\\xefve/")
