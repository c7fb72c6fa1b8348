"""The one-page scripts, as a reader uses them: change constants in a copy of the file, run it, look at what it says."""

import ast
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from common.data import deduplicate, load_opinions, load_tagged_sentences, load_text

ROOT = Path(__file__).parent.parent
TASKS = ("chargen", "sentiment", "pos_tagging", "toy_sequence")


@pytest.fixture
def run_edited(tmp_path):
    """Copy `TASK/minimal.py`, give constants other values, run the copy from the repository root; its output.

    The picture goes to a folder of the test.
    """

    def run(task, **constants):
        source = (ROOT / task / "minimal.py").read_text()
        for name, value in {**constants, "PICTURE": tmp_path / "new" / "picture.png"}.items():
            value = f"Path({str(value)!r})" if isinstance(value, Path) else repr(value)
            source, count = re.subn(rf"^{name} = [^#\n]*", lambda _, new=f"{name} = {value}  ": new, source, flags=re.M)
            assert count == 1, f"{name} is not one line of constants"
        copy = tmp_path / "edited.py"
        copy.write_text(source)
        environment = {name: value for name, value in os.environ.items() if name != "RNN_DATA"}
        process = subprocess.run(
            [sys.executable, copy], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200
        )
        assert process.returncode == 0, process.stderr
        (picture,) = re.findall(r"^picture: (.+)$", process.stdout, re.M)
        assert Path(picture) == tmp_path / "new" / "picture.png"
        assert Path(picture).read_bytes().startswith(b"\x89PNG")
        return process.stdout

    return run


def numbers(pattern, output):
    """The numbers that the groups of `pattern` find in its only match."""
    (found,) = re.finditer(pattern, output, re.M)
    return [float(group) for group in found.groups()]


def test_chargen_predicts_each_test_character_once_and_beats_guessing(run_edited):
    output = run_edited(
        "chargen", DATA="sample", WINDOW=6, HIDDEN_SIZE=32, BATCH_SIZE=512, EPOCHS=2, SAMPLE_LENGTH=7, TEXT_LENGTH=20
    )
    ids, vocabulary, _ = load_text("sample")
    training, test = numbers(r"(\d+) windows to learn from, (\d+) for the test$", output)
    assert training == int(len(ids) * 0.8) - 6
    assert test == len(ids) - int(len(ids) * 0.9)
    (bits,) = numbers(r"^bits per character on the test part: +(\S+)$", output)
    (uniform,) = numbers(r"^guessing uniformly: +(\S+)$", output)
    assert uniform == pytest.approx(math.log2(len(vocabulary)), abs=1e-4)
    assert 1 < bits < 0.75 * uniform
    samples = re.findall(r"^After epoch (\d) of 2: (.*)$", output, re.M)
    assert [(number, len(sample)) for number, sample in samples] == [("1", 6 + 7), ("2", 6 + 7)]
    start = "".join(vocabulary.decode(ids[:6]))
    assert re.search(rf"^{re.escape(start)}.{{20}}$", output, re.M)


def test_sentiment_tests_different_sentences_and_shows_the_copies_of_a_random_split(run_edited):
    output = run_edited(
        "sentiment", DATA="sample", FOLDS=2, HIDDEN_SIZE=16, LEARNING_RATE=0.01, EPOCHS=2, EPOCHS_RANDOM_SPLIT=1
    )
    rows, _, _ = load_opinions("sample")
    assert numbers(r"^(\d+) rows, (\d+) different sentences$", output) == [len(rows), len(deduplicate(rows))]
    folds = re.findall(r"^accuracy on its (\d+) test sentences: (\S+)$", output, re.M)
    assert len(folds) == 2
    assert sum(int(count) for count, _ in folds) == len(deduplicate(rows))
    (accuracy,) = numbers(r"^accuracy on sentences never seen: +(\S+), the mean of 2 folds$", output)
    assert accuracy == pytest.approx(sum(float(value) for _, value in folds) / 2, abs=1e-4)
    (majority,) = numbers(r"^always saying the commoner label: +(\S+)$", output)
    positive = sum(label for label, _ in deduplicate(rows)) / len(deduplicate(rows))
    assert majority == pytest.approx(max(positive, 1 - positive), abs=1e-4)
    random_split, copies = numbers(r"^accuracy on a random split: +(\S+) \(misleading: (\S+)% of", output)
    assert majority < accuracy <= 1 and majority < random_split <= 1
    assert 50 < copies < 100  # at least half of the sample's rows are copies


def test_pos_tagging_counts_real_tokens_and_shows_what_padding_makes_of_them(run_edited):
    output = run_edited(
        "pos_tagging",
        DATA="sample",
        MAX_LENGTH=8,
        HIDDEN_SIZE=16,
        BATCH_SIZE=64,
        LEARNING_RATE=0.02,
        EPOCHS={"encoder-decoder": 1, "one tag per step": 1},
        PADDED_LENGTH=100,
    )
    sentences, _ = load_tagged_sentences("sample")
    test = sentences[int(len(sentences) * 0.8) :]
    count, tokens = numbers(r"; (\d+) for the test, (\d+) tokens in them$", output)
    assert (count, tokens) == (len(test), sum(map(len, test)))
    accuracies = {}
    for model in ("commonest tag", "encoder-decoder", "one tag per step"):
        accuracies[model], padded = numbers(rf"^{model} +(0\.\d+) +(0\.\d+)$", output)
        expected = 1 - (1 - accuracies[model]) * tokens / (100 * count)  # an error is an error, all other steps right
        assert padded == pytest.approx(expected, abs=2e-4)
    first = [tag for sentence in sentences[: int(len(sentences) * 0.7)] for _, tag in sentence[:8]]
    commonest = max(set(first), key=first.count)
    found = sum(tag == commonest for sentence in test for _, tag in sentence[:8])
    assert accuracies["commonest tag"] == pytest.approx(found / tokens, abs=1e-4)
    assert accuracies["encoder-decoder"] + 0.2 < accuracies["one tag per step"]
    assert accuracies["one tag per step"] <= sum(min(8, len(sentence)) for sentence in test) / tokens  # cut: wrong


def test_toy_sequence_alternates_on_zeros_and_goes_on_from_a_given_state(run_edited):
    output = run_edited("toy_sequence", SEQUENCES=150, STEPS=30, SHORTEST=10, TEST_STEPS=45, LEARNING_RATE=0.02)
    (before,), (after,) = (
        re.findall(rf"^output on zeros {when} training: +(.+)$", output, re.M) for when in ("before", "after")
    )
    assert before != after == "0 1 " * 9 + "0 1"
    assert re.search(r"^from the default state, zeros: +(0 1 ?){5}$", output, re.M)
    assert re.search(r"^from the state after 3 steps: +(1 0 ?){5}$", output, re.M)
    assert "200 new sequences of 45 steps" in output
    (exact,) = numbers(r"^exact match, whole sequences: +(\S+)$", output)
    (accuracy,) = numbers(r"^accuracy over steps \(looks better\): +(\S+)$", output)
    assert 0.9 <= exact <= accuracy <= 1


def test_an_untrained_toy_matches_nothing_although_half_of_its_steps_are_right(run_edited):
    output = run_edited("toy_sequence", SEQUENCES=10, STEPS=10, SHORTEST=5, TEST_STEPS=20, EPOCHS=1)
    assert numbers(r"^exact match, whole sequences: +(\S+)$", output) == [0]
    (accuracy,) = numbers(r"^accuracy over steps \(looks better\): +(\S+)$", output)
    assert 0.2 < accuracy < 0.8


@pytest.mark.parametrize("task", TASKS)
def test_a_minimal_script_is_one_page_that_imports_only_what_a_reader_knows(task):
    source = (ROOT / task / "minimal.py").read_text()
    assert 60 <= len(source.splitlines()) <= 100
    tree = ast.parse(source)
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            imported.add(node.module)
    assert not imported & {"argparse", "sys"}  # no flags
    for module in imported - {"common.data", "common.padding"}:
        top = module.partition(".")[0]
        assert top in {"numpy", "matplotlib", "keras"} or top in sys.stdlib_module_names, module
    assigned = [node for node in tree.body if isinstance(node, ast.Assign)]
    constants = [node for node in assigned if ast.unparse(node.targets[0]).isupper()]
    other = [node for node in tree.body[1:] if not isinstance(node, ast.Import | ast.ImportFrom | ast.Assign)]
    assert len(constants) >= 8
    assert constants[-1].lineno < other[0].lineno  # they stand together, above all that is done
    assert not any(isinstance(node, ast.FunctionDef) and node.name == "main" for node in ast.walk(tree))
