"""Every script as a user runs it, at tiny size, on the generated sample.

Each task is trained, evaluated and used once in processes of their own (fixture `new_process`); the rest runs
in the process of the tests (fixture `script`).
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import STORY, TINY, refused

ROOT = Path(__file__).parent.parent

TASKS = ("chargen", "sentiment", "pos_tagging", "toy_sequence")
TOYS = (
    "masking",
    "topologies",
    "binary_addition/numpy_bptt",
    "binary_addition/sweep",
    "binary_addition/keras_cells",
    "memory/vanishing_gradient",
    "memory/lags",
    "memory/from_scratch",
    "memory/parallel_scan",
    "memory/relatives",
    "methods/forecast",
    "methods/gan",
    "methods/optimizers",
    "methods/digits",
    "methods/vae",
    "methods/t_maze",
)
USES = ["chargen/generate.py", "sentiment/classify.py", "pos_tagging/tag.py"]
FIGURES = {
    "chargen": ["test_bits_per_character"],
    "sentiment": ["cv_accuracy", "cv_f1", "leaking_accuracy"],
    "pos_tagging": ["token_accuracy", "unseen_word_accuracy", "sentence_accuracy", "padded_accuracy"],
    "toy_sequence": ["exact_match"],
}
PICTURES = {
    "chargen": ["learning_curves", "bits_per_character"],
    "sentiment": ["learning_curves", "roc", "confusion_matrix", "calibration", "sentences"],
    "pos_tagging": ["learning_curves", "confusion_matrix", "accuracy"],
    "toy_sequence": ["learning_curves", "target_and_output"],
}


# Train, evaluate, use


@pytest.mark.parametrize("task", TASKS)
def test_train_leaves_a_complete_run(trained, runs, task):
    output, run = trained(task)
    metrics = json.loads((run / "metrics.json").read_text())
    assert {"corpus", "split", "seed", "versions", "training_seconds", *FIGURES[task]} <= set(metrics)
    assert set(metrics["corpus"]) == {"name", "sha256"}
    names = {"toy_sequence": "made on the fly", "chargen": STORY.name}
    assert metrics["corpus"]["name"] == names.get(task, "generated sample")
    for name in ("model.keras", "hyperparameters.json", "history.csv", *(f"{each}.png" for each in PICTURES[task])):
        assert (run / name).stat().st_size > 0
    assert (runs / task / "latest").resolve() == run.resolve()
    assert str(run) in output.splitlines()[-1]  # the summary line
    assert not [path.name for path in run.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("task", ["chargen", "sentiment", "pos_tagging"])
def test_the_difference_to_the_baseline_stands_below_the_table(trained, task):
    output, run = trained(task)
    metrics = json.loads((run / "metrics.json").read_text())
    value, low, high = metrics["difference_to_baseline"].values()
    assert value == pytest.approx(metrics[metrics["metric"]] - metrics["baseline"]["value"], abs=1e-6)
    assert low < value < high
    assert f": {value:+.4f} ({low:+.4f} to {high:+.4f})\n" in output


@pytest.mark.parametrize("task", TASKS)
def test_eval_in_a_new_process_finds_the_same_figures(new_process, trained, tmp_path, task):
    run = shutil.copytree(trained(task)[1], tmp_path / "run")
    before = json.loads((run / "metrics.json").read_text())
    for name in PICTURES[task]:
        (run / f"{name}.png").unlink()
    process = new_process(f"{task}/eval.py", "--run", run)
    assert process.returncode == 0, process.stderr
    after = json.loads((run / "metrics.json").read_text())
    for figure in FIGURES[task]:
        assert after[figure] == pytest.approx(before[figure], abs=1e-6)
    assert after["baseline"] == before["baseline"]
    assert all((run / f"{name}.png").exists() for name in PICTURES[task])
    assert str(run) in process.stdout  # the table names the run
    assert ("precision" in process.stdout) == (task == "pos_tagging")  # every tag, which training does not print
    assert "precision" not in trained(task)[0]


@pytest.mark.parametrize("task", ["chargen", "sentiment", "pos_tagging"])
def test_eval_reads_the_corpus_that_the_run_names(script, trained, tmp_path, task):
    run = shutil.copytree(trained(task)[1], tmp_path / "run")
    settings = json.loads((run / "hyperparameters.json").read_text())
    (run / "hyperparameters.json").write_text(json.dumps(settings | {"data": str(tmp_path / "gone.txt")}))
    assert refused(script(f"{task}/eval.py", "--run", run), "gone.txt")


def test_generate_is_deterministic(script, new_process, trained):
    _, run = trained("chargen")
    arguments = ["--run", run, "--prompt", "Mira was", "--length", "80", "--seed", "1"]
    first, again = (run("chargen/generate.py", *arguments) for run in (new_process, script))
    assert first.returncode == 0, first.stderr
    assert first.stdout == again.stdout
    assert first.stdout.startswith("mira was")
    assert len(first.stdout) == len("mira was") + 80 + 1


def test_classify_takes_arguments_and_lines(script, new_process, trained):
    _, run = trained("sentiment")
    sentences = ["the glass orchard was not dull", "i found it awful"]
    by_argument = new_process("sentiment/classify.py", "--run", run, *sentences)
    by_line = script("sentiment/classify.py", "--run", run, input="\r\n\r\n".join(sentences))
    assert by_argument.returncode == by_line.returncode == 0, by_argument.stderr + by_line.stderr
    rows = [line.split("\t") for line in by_argument.stdout.splitlines()]
    assert [sentence for _, _, sentence in rows] == sentences
    assert all(label in ("positive", "negative") and 0.5 <= float(odds) <= 1 for label, odds, _ in rows)
    first, blank, second = by_line.stdout.splitlines()
    assert [first, second] == by_argument.stdout.splitlines()
    assert blank == ""


def test_tag_takes_arguments_a_file_and_lines(script, new_process, trained, tmp_path):
    _, run = trained("pos_tagging")
    (tmp_path / "text.txt").write_text("the saw was old.\n\nshe saw it.\n")
    by_file = new_process("pos_tagging/tag.py", "--run", run, "--file", tmp_path / "text.txt")
    by_line = script("pos_tagging/tag.py", "--run", run, input="the saw was old.\n\nshe saw it.")
    by_argument = script("pos_tagging/tag.py", "--run", run, "the saw was old .")
    assert by_file.returncode == 0, by_file.stderr
    assert by_file.stdout == by_line.stdout
    assert by_argument.stdout.splitlines()[0] == by_file.stdout.splitlines()[0]
    words = [[token.split("/")[0] for token in line.split()] for line in by_file.stdout.splitlines()]
    assert words == [["the", "saw", "was", "old", "."], [], ["she", "saw", "it", "."]]


def test_the_summary_shows_every_task(script, trained, runs):
    for task in TASKS:
        trained(task)
    lines = script("common/tables.py", "--runs", runs).stdout.splitlines()
    assert [line.split()[0] for line in lines[2:]] == sorted(TASKS)
    metrics = json.loads((runs / "chargen" / "latest" / "metrics.json").read_text())
    assert f"{metrics['test_bits_per_character']:.4f}" in lines[2]
    assert f"{metrics['baseline']['value']:.4f}" in lines[2]


def test_generate_uses_the_published_model_while_nothing_is_trained(tmp_path):
    command = [sys.executable, ROOT / "chargen/generate.py", "--prompt", "alice", "--length", "300"]
    process = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    assert "nothing is trained yet" in process.stderr
    assert "chargen/pretrained" in process.stderr
    assert process.stdout.startswith("alice")
    assert len(re.findall(r"\b(the|and|she|said|to|it|of)\b", process.stdout)) > 5  # English, more or less


def test_publish_rounds_and_compresses_a_model_that_stays_what_it_is(script, trained, tmp_path):
    _, run = trained("chargen")
    process = script("chargen/publish.py", "--run", run, "--to", tmp_path / "published")
    assert process.returncode == 0, process.stderr
    size = (tmp_path / "published" / "model.keras").stat().st_size
    assert size < (run / "model.keras").stat().st_size / 4
    before, after = (json.loads((each / "metrics.json").read_text()) for each in (run, tmp_path / "published"))
    name = "test_bits_per_character"
    assert 0 < abs(after[name] - before[name]) < 0.01
    assert refused(script("chargen/publish.py", "--run", run, "--to", tmp_path / "published"), "holds a model already")


def test_the_model_card_has_the_figures_of_the_published_model():
    folder = ROOT / "chargen" / "pretrained"
    card, metrics = (folder / "README.md").read_text(), json.loads((folder / "metrics.json").read_text())
    for name, value in metrics["all_bits_per_character"].items():
        assert re.search(rf"^{re.escape(name)} +{value:.4f}$", card, re.MULTILINE), name
    assert metrics["corpus"]["sha256"] in card
    assert (folder / "model.keras").stat().st_size < 4e6


@pytest.mark.slow
def test_eval_prints_the_figures_of_the_model_card(new_process, real_corpora, tmp_path):
    run = shutil.copytree(ROOT / "chargen" / "pretrained", tmp_path / "pretrained")
    process = new_process("chargen/eval.py", "--run", run, "--data", real_corpora)
    assert process.returncode == 0, process.stderr
    card = [line.split() for line in (run / "README.md").read_text().splitlines()]
    table = process.stdout.split("\n\n")[0].splitlines()
    rows = [line.split() for line in table if line.startswith(("Kneser", "model", "adaptive", "+"))]
    assert all(row in card for row in rows)
    assert len(rows) == 7


def test_generate_answers_several_prompts(script, trained):
    _, run = trained("chargen")
    process = script("chargen/generate.py", "--run", run, "--prompt", "Mira", "the", "--length", "20", "--top-p", "0.5")
    assert process.returncode == 0, process.stderr
    first, second = process.stdout.rstrip("\n").split("\n\n")
    assert first.startswith("mira") and len(first) == 24
    assert second.startswith("the") and len(second) == 23


def test_an_ensemble_is_trained_and_measured(script, tmp_path):
    (tmp_path / "text.txt").write_text("the quick brown fox jumps over the lazy dog. " * 60)
    arguments = ["--runs", tmp_path, "--data", tmp_path / "text.txt", "--name", "x", "--preset", "best"]
    arguments += ["--ensemble-size", "2", "--epochs", "1", "--hidden-size", "8", "--batch-size", "2"]
    process = script("chargen/train.py", *arguments)
    assert process.returncode == 0, process.stderr
    run = tmp_path / "chargen" / "x"
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["corpus"]["name"] == "text.txt"
    bits = metrics["all_bits_per_character"]
    assert {"model", "ensemble of 2", "+ dynamic evaluation", "+ mixture"} <= set(bits)
    assert bits["+ mixture"] < min(bits["model"], metrics["baseline"]["value"]) + 0.05
    assert (run / "member-2.keras").is_file()
    generated = script("chargen/generate.py", "--run", run, "--prompt", "the", "--length", "9")
    assert len(generated.stdout) == 13, generated.stderr


def test_the_numpy_network_trains(script):
    process = script("chargen/numpy_char_rnn.py", "--data", "sample", "--hidden-size", "8", "--epochs", "2")
    assert process.returncode == 0, process.stderr
    bits = [float(line.split("validation ")[1].split()[0]) for line in process.stdout.splitlines() if "epoch" in line]
    assert bits[1] < bits[0] < 5


def test_ngrams_of_words_are_measured_and_write(script):
    process = script("chargen/ngram.py", "--data", "sample", "--level", "word", "--order", "2", "--length", "5")
    assert process.returncode == 0, process.stderr
    assert [line.split()[0] for line in process.stdout.splitlines()[-2:]] == ["1", "2"]


def test_the_activations_are_compared(script, tmp_path):
    few = ["--max-steps", "4", "--snapshot-every", "2", "--hidden-size", "8", "--batch-size", "4"]
    process = script("chargen/compare_activations.py", "--data", "sample", "--runs", tmp_path, "--name", "x", *few)
    assert process.returncode == 0, process.stderr
    rows = json.loads((tmp_path / "compare_activations" / "x" / "metrics.json").read_text())
    assert [row["activation"] for row in rows] == ["tanh", "logistic", "relu", "elu"]
    assert len({row["test perplexity"] for row in rows}) == 4
    assert (tmp_path / "compare_activations" / "x" / "activations.png").stat().st_size > 10_000


def test_elman_trains_on_words(script, tmp_path):
    few = ["--max-steps", "5", "--snapshot-every", "2", "--hidden-size", "8", "--batch-size", "4"]
    process = script("chargen/elman.py", "--data", "sample", "--runs", tmp_path, "--name", "x", *few)
    assert process.returncode == 0, process.stderr
    assert [line.split(":")[0] for line in process.stdout.splitlines() if line.startswith("step ")] == [
        "step 2", "step 4", "step 5"
    ]  # fmt: skip
    assert json.loads((tmp_path / "elman" / "x" / "metrics.json").read_text())["test_perplexity"] > 1
    assert (tmp_path / "elman" / "x" / "training.png").is_file()


@pytest.mark.parametrize("task", TASKS)
def test_same_seed_same_metrics(new_process, trained, tmp_path, task):
    _, run = trained(task)
    process = new_process(f"{task}/train.py", "--runs", tmp_path, "--name", "again", *TINY[task])
    assert process.returncode == 0, process.stderr
    first, again = (json.loads((path / "metrics.json").read_text()) for path in (run, tmp_path / task / "again"))
    assert first.pop("training_seconds") > 0 < again.pop("training_seconds")
    assert first == again
    assert (run / "history.csv").read_text() == (tmp_path / task / "again" / "history.csv").read_text()


# Help


@pytest.mark.parametrize(
    "path", [*(f"{task}/{name}.py" for task in TASKS for name in ("train", "eval", "export")), *USES]
)
def test_help_shows_every_flag_with_its_comment_and_loads_no_tensorflow(new_process, path):
    process = new_process(path, "--help", PYTHONPROFILEIMPORTTIME="1")
    assert process.returncode == 0
    assert "--run" in process.stdout
    assert "import time" in process.stderr
    assert "tensorflow" not in process.stderr  # where Python lists the modules that it loads
    if path == "chargen/train.py":
        assert "units of the recurrent layer" in process.stdout


@pytest.mark.parametrize("toy", TOYS)
def test_the_toys_show_their_flags_and_refuse_bad_ones_without_tensorflow(script, new_process, tmp_path, toy):
    shown = new_process(f"toy_sequence/{toy}.py", "--help", PYTHONPROFILEIMPORTTIME="1")
    assert shown.returncode == 0
    assert {"--seed", "--name", "--runs"} <= set(shown.stdout.split())
    assert "import time" in shown.stderr and "tensorflow" not in shown.stderr
    assert refused(script(f"toy_sequence/{toy}.py", "--runs", tmp_path, "--seed", "-1"), "--seed")
    assert not list(tmp_path.iterdir())


def test_make_runs_every_toy():
    makefile = (ROOT / "Makefile").read_text().replace("\\\n", " ")
    (line,) = [line for line in makefile.splitlines() if line.startswith("TOYS :=")]
    folder = ROOT / "toy_sequence"
    scripts = [path for path in folder.rglob("*.py") if "run_script(main" in path.read_text()]
    names = {str(path.relative_to(folder).with_suffix("")) for path in scripts}
    assert set(line.split()[2:]) == names - {"eval", "export", "tune"} == {"train", *TOYS}


def test_a_toy_is_a_module_too(script):
    command = [sys.executable, "-m", "toy_sequence.binary_addition.numpy_bptt", "--check"]
    as_module = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert as_module.returncode == 0, as_module.stderr
    assert as_module.stdout == script("toy_sequence/binary_addition/numpy_bptt.py", "--check").stdout


def test_the_toy_reads_no_corpus(script, tmp_path):
    assert refused(script("toy_sequence/train.py", "--runs", tmp_path, "--data", "my.txt"), "--data")


# Bad input


def test_long_ngrams_are_refused(script, tmp_path):
    assert refused(script("chargen/train.py", "--runs", tmp_path, "--ngrams", "3", "2000000000"), "--ngrams")


@pytest.mark.parametrize("task", TASKS)
def test_bad_flags_are_refused(script, tmp_path, task):
    assert refused(script(f"{task}/train.py", "--runs", tmp_path, "--hiden-size", "3"), "--hiden-size")
    assert refused(script(f"{task}/train.py", "--runs", tmp_path, "--hidden-size", "0"), "--hidden-size")
    assert not list(tmp_path.iterdir())


BAD_FILES = {
    "empty.txt": b"",
    "blank.txt": b"\r\n  \n",
    "latin1.txt": b"1\tfine\n0\tcaf\xe9\n",
    "binary.txt": bytes(range(256)),
}


@pytest.mark.parametrize("task", ["chargen", "sentiment", "pos_tagging"])
@pytest.mark.parametrize("name", [*BAD_FILES, "missing.txt"])
def test_bad_corpora_are_refused(script, tmp_path, task, name):
    if name in BAD_FILES:
        (tmp_path / name).write_bytes(BAD_FILES[name])
    process = script(f"{task}/train.py", "--runs", tmp_path / "runs", "--data", tmp_path / name)
    assert refused(process, name)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("task", "content", "named"),
    [
        ("chargen", "too short", "too short"),
        ("sentiment", "1\tgood\n1 bad\n", "line 2"),
        ("sentiment", "1\tgood\n7\tbad\n8\tbad\n", "line 3"),
        ("sentiment", "1\tgood\n0\tbad\n", "5"),
        ("pos_tagging", "The/DT dog/NN\nbarks\n", "line 2"),
        ("pos_tagging", "The/DT dog/NN\n", "at least 10"),
    ],
)
def test_malformed_corpora_are_refused(script, tmp_path, task, content, named):
    (tmp_path / "corpus.txt").write_text(content)
    process = script(f"{task}/train.py", "--runs", tmp_path / "runs", "--data", tmp_path / "corpus.txt")
    assert refused(process, named)
    assert not (tmp_path / "runs").exists()


def test_a_corpus_with_a_wrong_hash_is_refused(script, tmp_path):
    (tmp_path / "alice_in_wonderland.txt").write_text("not Alice")
    process = script("chargen/train.py", "--runs", tmp_path / "runs", RNN_DATA=str(tmp_path))
    assert refused(process, "6b95b094df1aea86711b656a8d80cf9e76ee019d7606f6a905360f47cda88fe6", "SHA-256")


def test_a_damaged_treebank_is_refused(script, tmp_path):
    (tmp_path / "own.zip").write_bytes(b"PK\x05\x06" + bytes(18))  # an empty zip
    assert refused(script("pos_tagging/train.py", "--data", tmp_path / "own.zip", "--runs", tmp_path), "own.zip")


def test_an_existing_run_is_not_overwritten(script, trained, runs):
    _, run = trained("toy_sequence")
    before = (run / "model.keras").read_bytes()
    process = script("toy_sequence/train.py", "--runs", runs, "--name", "tiny", *TINY["toy_sequence"])
    assert refused(process, "exists already")
    assert (run / "model.keras").read_bytes() == before


@pytest.mark.parametrize("path", [f"{task}/{name}.py" for task in TASKS for name in ("eval", "export")] + USES)
def test_a_missing_run_is_named(script, tmp_path, path):
    assert refused(script(path, "--run", tmp_path / "nowhere", input="a line\n"), "nowhere")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--prompt", "mira 楽"], "楽"),
        (["--prompt", ""], "empty"),
        (["--temperature", "0"], "--temperature"),
        (["--length", "-5"], "--length"),
        (["--top-k", "-1"], "--top-k"),
        (["--top-p", "1.5"], "--top-p"),
    ],
)
def test_generate_refuses_what_it_cannot_do(script, trained, arguments, named):
    _, run = trained("chargen")
    process = script("chargen/generate.py", "--run", run, *arguments)
    assert refused(process, named)
    assert process.stdout == ""


def test_classify_refuses_empty_text_and_wrong_encodings(script, trained):
    _, run = trained("sentiment")
    assert refused(script("sentiment/classify.py", "--run", run, "fine", "..."), "sentence 2")
    assert refused(script("sentiment/classify.py", "--run", run, input=""), "standard input")
    process = script("sentiment/classify.py", "--run", run, input=b"fine\ncaf\xe9\n")
    assert refused(process, "standard input, line 2")


def test_tag_refuses_empty_text_and_missing_files(script, trained, tmp_path):
    _, run = trained("pos_tagging")
    assert refused(script("pos_tagging/tag.py", "--run", run, " "), "sentence 1")
    assert refused(script("pos_tagging/tag.py", "--run", run, "--file", tmp_path / "none.txt"), "none.txt")
    assert refused(script("pos_tagging/tag.py", "--run", run, input=""), "standard input")


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_damaged_model_is_refused(script, trained, tmp_path, share):
    _, run = trained("chargen")
    content = (run / "model.keras").read_bytes()
    (tmp_path / "model.keras").write_bytes(content[: int(len(content) * share)])
    assert refused(script("chargen/generate.py", "--run", tmp_path), "damaged")


def test_a_run_is_not_evaluated_on_another_corpus(script, trained, tmp_path):
    _, run = trained("chargen")
    (tmp_path / "other.txt").write_text("another text. " * 500)
    assert refused(script("chargen/eval.py", "--run", run, "--data", tmp_path / "other.txt"), "trained on")


def test_a_read_only_folder_is_one_line(script, tmp_path):
    (tmp_path / "runs").write_text("a file where the folder should be")
    assert refused(script("toy_sequence/train.py", "--runs", tmp_path / "runs", *TINY["toy_sequence"]), "runs")


@pytest.mark.parametrize("name", ["eval", "compare", "publish"])
def test_the_corpus_of_a_run_is_read_again_in_its_encoding(script, tmp_path, name):
    (tmp_path / "text.txt").write_bytes("親譲りの無鉄砲で".encode("euc_jp"))
    settings = {"seed": 0, "data": str(tmp_path / "text.txt"), "encoding": "euc_jp"}
    (tmp_path / "hyperparameters.json").write_text(json.dumps(settings))
    corpus = {"name": "another", "sha256": "0" * 64}
    (tmp_path / "metrics.json").write_text(json.dumps({"seed": 0, "metric": "x", "corpus": corpus}))
    assert refused(script(f"chargen/{name}.py", "--run", tmp_path), "trained on another", "text.txt")
