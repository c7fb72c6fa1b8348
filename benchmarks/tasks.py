"""Every task of this suite beside the classic scripts' way of doing it and beside an equal PyTorch model.

    make bench
    .venv/bin/python benchmarks/tasks.py .venv-bench/bin/python sentiment      # only some of the tasks

The same data in every case: the training part of Alice (validation on the tenth after it), the treebank's training
and validation parts, and the first of the five folds of the UMich sentences. `chargen-book` is the book's model,
SimpleRNN 128, `chargen` the default of train.py without n-gram logits and weight dropout, which PyTorch lacks,
`pos_tagging` a bidirectional GRU that tags each word, `sentiment` the book's LSTM. The classic way is the minimal.py of
the task as it stands. Every row is one training in a process of its own.

The columns: examples (characters predicted, or sentences) a second of training, without the first epoch, in which
TensorFlow compiles; seconds of training to a given quality on the validation part, compilation included (with another
seed or on another machine, this can take an epoch more or less); characters generated, words tagged or sentences
classified a second; memory of the training inputs and targets; peak memory; seconds from the start of the process to
the first training step. The second table has the seconds after which a script answers `--help` or a wrong flag.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from measuring import QUALITY

from common.data import (
    deduplicate,
    folds,
    load_opinions,
    load_tagged_sentences,
    load_text,
    normalise,
    split_sentences,
    split_text,
)
from common.vocabulary import Vocabulary
from pos_tagging.compare import WORDS
from pos_tagging.features import encode_words, make_vocabularies

TASKS = ("chargen-book", "chargen", "pos_tagging", "sentiment")
WAYS = {task: ("classic", "pytorch", "ours") for task in TASKS} | {"chargen": ("pytorch", "ours")}


def laid_out(name, rows):
    """A list of arrays as two, end to end and their lengths, for an .npz file."""
    return {name: np.concatenate(rows), f"{name}_lengths": np.array([len(row) for row in rows])}


def prepare(task, path):
    """Write the ids that all three ways train on; returns the corpus's name."""
    if "chargen" in task:
        ids, vocabulary, corpus = load_text()
        training, validation, _ = (part.astype("int32") for part in split_text(ids))
        arrays = {"training": training, "validation": validation, "size": len(vocabulary)}
    elif task == "pos_tagging":
        sentences, corpus = load_tagged_sentences()
        training, validation, _ = split_sentences(sentences)
        vocabularies = make_vocabularies(training, WORDS)
        arrays = {"sizes": [len(vocabularies["word"]), len(vocabularies["tags"])]}
        for part, rows in (("training", training), ("validation", validation)):
            rows = [row for row in rows if all(tag in vocabularies["tags"] for _, tag in row)]
            words = [encode_words([word for word, _ in row], vocabularies) for row in rows]
            tags = [vocabularies["tags"].encode([tag for _, tag in row]) for row in rows]
            arrays |= laid_out(f"{part}_inputs", words) | laid_out(f"{part}_targets", tags)
    else:
        raw, _, corpus = load_opinions()
        rows = deduplicate(raw)
        split = folds([label for label, _ in rows])[0]
        vocabulary = Vocabulary.of_words((normalise(rows[index][1]).split() for index in split[0]), 2)
        arrays = {"size": len(vocabulary)}
        for part, chosen in zip(("training", "validation"), split, strict=True):
            arrays |= laid_out(f"{part}_inputs", [vocabulary.encode(normalise(rows[k][1]).split()) for k in chosen])
            arrays[f"{part}_targets"] = np.array([rows[k][0] for k in chosen])
    np.savez(path, **arrays)
    return corpus["name"]


def run(way, task, path, bench_python):
    """The figures of one way of doing a task, measured in a process of its own."""
    python = bench_python if way == "pytorch" else sys.executable
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}
    environment["STARTED"] = str(time.time())
    command = [python, str(Path(__file__).with_name(f"{way}.py")), task, str(path)]
    return json.loads(
        subprocess.run(command, stdout=subprocess.PIPE, check=True, env=environment).stdout.splitlines()[-1]
    )


def answer_seconds(*arguments):
    """Median seconds of five runs of a script."""
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def main(bench_python, *tasks):
    print("| task | way | examples/s | seconds to | predicted/s | inputs MB | peak MB | start-up s | times classic |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for task in tasks or TASKS:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "data.npz"
            corpus = prepare(task, path)
            results = {way: run(way, task, path, bench_python) for way in WAYS[task]}
        for way, result in results.items():
            reached = f"{result['seconds']:.1f}" if result["seconds"] else "-"
            times = f"{result['examples'] / results['classic']['examples']:.1f}" if "classic" in results else "-"
            print(
                f"| {task}, {corpus} | {way} | {result['examples']:,.0f} | {QUALITY[task]}: {reached} "
                f"| {result['predicted']:,.0f} | {result['inputs']:.2f} | {result['peak']:.0f} "
                f"| {result['startup']:.1f} | {times} |",
                flush=True,
            )
    print("\n| command | seconds |\n| --- | --- |")
    print(f"| python -c 'import tensorflow' | {answer_seconds('-c', 'import tensorflow'):.2f} |")
    for script in ("chargen/train.py", "chargen/generate.py", "pos_tagging/tag.py", "sentiment/train.py"):
        for flag in ("--help", "--no-such-flag"):
            print(f"| {script} {flag} | {answer_seconds(script, flag):.2f} |", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
