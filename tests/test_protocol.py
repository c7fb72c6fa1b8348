"""The evaluation protocol of DESIGN.md, seen from outside: nothing of a test part reaches what is measured on it.

The scripts train on small made-up corpora of which it is known what a model can know about the test part: nothing.
What the run folders hold is compared with that, with another run, or with a computation of the test's own.
"""

import csv
import hashlib
import json
import random
import re
import shutil
import string
import zipfile

import numpy as np
import pytest


def load(path):
    """A model of a run, and its vocabularies."""
    import chargen.model  # noqa: F401 - registers its layers
    from common.saving import load_model

    return load_model(path)


def kneser_ney(ids, size, order):
    """A Kneser-Ney model of a text, as a function: the ids before -> the distribution of the next."""
    from chargen.ngram import NGram

    return NGram(ids, size, order, "kneser-ney").distribution


def parts_of_sentences(sentences):
    """Training, validation and test part, as pos_tagging cuts them."""
    from common.data import split_sentences

    return split_sentences(sentences)


def folds_of(labels):
    """The folds of sentiment: `(training rows, test rows)`."""
    from common.data import folds

    return folds(labels)


# ---------------------------------------------------------------------------------------------------------------------
# Runs: each is trained once, by the first test that asks for it

TINY = {
    "chargen": (
        *("--hidden-size", 8, "--embedding-size", 4, "--batch-size", 4, "--sequence-length", 20),
        *("--epochs", 1, "--sample-length", 1, "--ngrams", 2, 5),
    ),
    "sentiment": (
        *("--hidden-size", 4, "--embedding-size", 8, "--batch-size", 16, "--epochs", 4, "--learning-rate", 0.05),
        *("--dropout", 0, "--input-dropout", 0, "--word-dropout", 0, "--sentence-dropout", 0),
    ),
    "pos_tagging": (
        *("--hidden-size", 8, "--filters", 4, "--letter-size", 4, "--batch-size", 16, "--epochs", 3),
        *("--minimum-count", 1),
    ),
    "toy_sequence": ("--sequences", 30, "--epochs", 3),
}


@pytest.fixture(scope="module")
def trained():
    return {}


@pytest.fixture
def train(script, trained, tmp_path_factory):
    """Trains a task on a corpus, a string, with `TINY` and more flags: the folder of the run."""

    def run(task, corpus, *flags):
        key = task, corpus, flags
        if key not in trained:
            folder = tmp_path_factory.mktemp(task)
            (folder / "corpus.txt").write_text(corpus)
            data = () if task == "toy_sequence" else ("--data", folder / "corpus.txt")
            arguments = [*TINY[task], *data, "--runs", folder, "--name", "run", *flags]
            process = script(f"{task}/train.py", *arguments)
            assert process.returncode == 0, process.stderr
            trained[key] = folder / task / "run"
        return trained[key]

    return run


def metrics_of(run):
    return json.loads((run / "metrics.json").read_text())


def history_of(run):
    with open(run / "history.csv") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def vocabularies_of(path):
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("vocabularies.json"))


def same_weights(*paths):
    first, *others = ([weights for weights in load(path)[0].get_weights()] for path in paths)
    return all(np.array_equal(a, b) for other in others for a, b in zip(first, other, strict=True))


# ---------------------------------------------------------------------------------------------------------------------
# chargen

LETTERS, LENGTH = "ab", 6000  # 6,000 and 6,001 characters have the same training and validation part


def letters(length, seed):
    return "".join(random.Random(seed).choices(LETTERS, k=length))


# The training part is the same noise twice, and the validation part a piece of it: long n-grams know it by heart.
# The test part is other noise, which nobody can know.
NOISE = letters(LENGTH * 4 // 10, seed=1)
TRAINING, VALIDATION, TEST = NOISE * 2, NOISE[: LENGTH // 10], letters(LENGTH // 10, seed=2)
TEXT = TRAINING + VALIDATION + TEST
# Another validation part, and a pattern in the test part: one that holds all strings of five letters equally often.
PATTERN = "00000100011001010011101011011111".replace("0", "a").replace("1", "b")
OTHER = TRAINING + NOISE[1000:][: LENGTH // 10] + (PATTERN * 20)[: LENGTH // 10]


def ids_of(text):
    return np.array([LETTERS.index(letter) for letter in text])


def bits_by_reading_on(path, text):
    """Bits of each character of a text but the first: the saved model reads it, the same in all its streams."""
    model, ids = load(path)[0], ids_of(text)
    streams, steps = model.states[0].shape[0], 20
    padded = np.pad(ids, (0, -len(ids) % steps)).astype("int32")
    pieces = [np.tile(piece, (streams, 1)) for piece in padded.reshape(-1, steps)]
    logits = np.concatenate([model.predict_on_batch(piece)[0] for piece in pieces]).astype("float64")
    logits = logits[: len(ids) - 1]
    return (np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(logits)), ids[1:]]) / np.log(2)


def bits_by_kneser_ney(training, text, order, start):
    """Bits of each character of `text` from `start` on, by the n-grams of the training part."""
    distribution, ids = kneser_ney(ids_of(training), len(LETTERS), order), ids_of(text).tolist()
    return -np.log2([distribution(ids[:place])[ids[place]] for place in range(start, len(ids))])


def test_nobody_can_guess_noise(train):
    """Whoever knows only what came before needs a bit for each character of noise of two letters. In all it may save
    20 bits by luck, with a probability below 2 ** -20, whatever it is (Markov's inequality)."""
    bits = metrics_of(train("chargen", TEXT))["all_bits_per_character"]
    assert len(bits) >= 6
    assert min(bits.values()) > 1 - 20 / len(TEST), bits


def test_only_the_adaptive_learn_a_pattern_of_the_test_part(train):
    bits = metrics_of(train("chargen", OTHER))["all_bits_per_character"]
    for name, value in bits.items():
        if name.startswith(("adaptive", "+ mixture")):
            assert value < 0.8, bits
        elif not name.startswith("+"):
            assert value > 0.95, bits


def test_the_other_parts_of_a_text_leave_the_training_as_it_is(train):
    runs = [train("chargen", text) for text in (TEXT, OTHER)]
    assert same_weights(*(run / "model.keras" for run in runs))
    first, other = ([(row["loss"], row["bits_per_character"]) for row in history_of(run)] for run in runs)
    assert first == other


def test_the_headline_is_the_model_alone_after_the_text_before(train):
    run = train("chargen", TEXT)
    metrics, bits = metrics_of(run), bits_by_reading_on(run / "model.keras", TEXT)
    assert metrics["test_bits_per_character"] == metrics["all_bits_per_character"]["model"]
    assert metrics["test_bits_per_character"] == pytest.approx(bits[-len(TEST) :].mean(), rel=0, abs=1e-6)


def test_the_baseline_learns_from_the_training_part_and_is_chosen_on_validation(train):
    name, value = metrics_of(train("chargen", TEXT))["baseline"].values()
    order, start = int(re.fullmatch(r"Kneser-Ney (\d+)-gram", name)[1]), len(TRAINING + VALIDATION)
    shortest, chosen = (bits_by_kneser_ney(TRAINING, TEXT, n, len(TRAINING)) for n in (6, order))
    assert chosen[: len(VALIDATION)].mean() < shortest[: len(VALIDATION)].mean()
    assert chosen[len(VALIDATION) :].mean() > shortest[len(VALIDATION) :].mean()  # the test part would choose another
    assert value == pytest.approx(chosen[start - len(TRAINING) :].mean(), abs=1e-9)


def test_the_probabilities_of_what_may_come_next_sum_to_one(train, script, tmp_path):
    """Measured with each letter as one more character at the end. Whoever has seen it coming gives both too much, or
    has given the characters before it something else."""
    run, bits = train("chargen", TEXT), []
    before = metrics_of(run)["all_bits_per_character"]
    for letter in LETTERS:
        copy, corpus = shutil.copytree(run, tmp_path / letter), tmp_path / f"{letter}.txt"
        corpus.write_text(TEXT + letter)
        sha256 = hashlib.sha256(corpus.read_bytes()).hexdigest()
        (copy / "metrics.json").write_text(json.dumps(metrics_of(run) | {"corpus": {"name": "", "sha256": sha256}}))
        process = script("chargen/eval.py", "--run", copy, "--data", corpus)
        assert process.returncode == 0, process.stderr
        after = metrics_of(copy)["all_bits_per_character"]
        bits.append({name: after[name] * (len(TEST) + 1) - before[name] * len(TEST) for name in before})
    for name in before:
        assert sum(2 ** -each[name] for each in bits) == pytest.approx(1, abs=1e-3), name


# ---------------------------------------------------------------------------------------------------------------------
# sentiment


def made_up_words(count, seed):
    generator = random.Random(seed)
    return ["".join(generator.choices(string.ascii_lowercase, k=7)) for _ in range(count)]


def sentences_of_their_own(count, seed):
    """Sentences of three words that occur nowhere else, each word twice, so that it is not too rare to be learned."""
    words = made_up_words(3 * count, seed)
    return [" ".join(words[start : start + 3] * 2) for start in range(0, len(words), 3)]


LABELS = random.Random(3).choices((0, 1), k=100)
SENTENCES = sentences_of_their_own(100, seed=4)
FOLDS = folds_of(LABELS)


def opinions(sentences):
    """Every row four times, as in the published file, so that a random split leaks."""
    return "".join(f"{label}\t{sentence}\n" for label, sentence in zip(LABELS, sentences, strict=True)) * 4


def test_nobody_knows_the_random_label_of_an_unseen_sentence(train):
    metrics = metrics_of(train("sentiment", opinions(SENTENCES)))
    unseen = [metrics["cv_accuracy"], metrics["cv_accuracy_with_linear"], metrics["baseline"]["value"]]
    assert all(abs(value - 0.5) < 4.5 * 0.5 / len(LABELS) ** 0.5 for value in unseen), unseen  # 4.5 standard errors
    assert metrics["leaking_accuracy"] > 0.9  # the same model knows those that it has seen


def test_the_vocabulary_of_a_fold_holds_no_word_of_its_test_sentences(train):
    run = train("sentiment", opinions(SENTENCES))
    for number, parts in enumerate(FOLDS, start=1):
        known = set(vocabularies_of(run / f"fold-{number}.keras")["subwords"])
        learned, unseen = ({word for row in rows for word in SENTENCES[row].split()} for rows in parts)
        assert {f"<{word}>" for word in learned} <= known
        assert not {f"<{word}>" for word in unseen} & known


def test_the_headline_is_the_mean_accuracy_of_the_folds_models_alone(train, script, tmp_path):
    run, accuracies = train("sentiment", opinions(SENTENCES)), []
    for number, (_, test) in enumerate(FOLDS, start=1):
        (tmp_path / f"{number}").mkdir()
        shutil.copy(run / f"fold-{number}.keras", tmp_path / f"{number}" / "model.keras")
        said = script("sentiment/classify.py", "--run", tmp_path / f"{number}", *(SENTENCES[row] for row in test))
        right = [line.split("\t")[0] for line in said.stdout.splitlines()]
        accuracies.append(
            np.mean([said == ("negative", "positive")[LABELS[row]] for said, row in zip(right, test, strict=True)])
        )
    metrics = metrics_of(run)
    assert metrics["metric"] == "cv_accuracy"
    assert metrics["cv_accuracy"] == pytest.approx(np.mean(accuracies))


# ---------------------------------------------------------------------------------------------------------------------
# pos_tagging


def tagged(sentences):
    return "".join(" ".join(f"{word}/{tag}" for word, tag in sentence) + "\n" for sentence in sentences)


def in_sentences(tokens):
    return [tokens[start : start + 8] for start in range(0, len(tokens), 8)]


def with_random_tags(words, seed):
    return list(zip(words, random.Random(seed).choices("ABCD", k=len(words)), strict=True))


# 140 sentences for training, 20 for validation, 40 for the test. The words of the test part, each with one tag, are
# those of the validation part: who has not seen that part, or the test part, knows nothing.
_known = with_random_tags(made_up_words(160, seed=6), seed=7)
LEARNED = in_sentences(with_random_tags(made_up_words(1120, seed=8), seed=9))
VALIDATED = in_sentences(_known)
TESTED = in_sentences(random.Random(10).sample(_known * 2, k=320))
TESTED[0][0] = "marker", "E"  # a word and a tag that occur nowhere else
TAGGED = LEARNED + VALIDATED + TESTED
RETAGGED = LEARNED + VALIDATED + in_sentences(with_random_tags(made_up_words(320, seed=11), seed=12))
KEEP_NOTHING_BACK = ("--no-validate",)


def test_the_made_up_sentences_are_split_as_meant():
    assert parts_of_sentences(TAGGED) == (LEARNED, VALIDATED, TESTED)


def test_nobody_knows_the_random_tag_of_an_unseen_word(train):
    metrics = metrics_of(train("pos_tagging", tagged(TAGGED)))
    taggers = [metrics["token_accuracy"], metrics["baseline"]["value"]]
    error = (0.25 * 0.75 / len(_known)) ** 0.5
    assert all(abs(value - 0.25) < 4.5 * error for value in taggers), taggers


def test_the_baseline_learns_from_the_validation_part_if_the_network_does(train):
    whole = train("pos_tagging", tagged(TAGGED), *KEEP_NOTHING_BACK)
    part = train("pos_tagging", tagged(TAGGED))
    words = {word for word, _ in _known}
    assert words <= set(vocabularies_of(whole / "model.keras")["word"])
    assert not words & set(vocabularies_of(part / "model.keras")["word"])
    assert metrics_of(whole)["baseline"]["value"] > 0.7
    assert metrics_of(part)["baseline"]["value"] < 0.45


def test_the_test_sentences_leave_the_training_as_it_is(train):
    runs = [train("pos_tagging", tagged(sentences)) for sentences in (TAGGED, RETAGGED)]
    assert same_weights(*(run / "model.keras" for run in runs))
    assert history_of(runs[0]) == history_of(runs[1])
    known = vocabularies_of(runs[0] / "model.keras")
    assert "marker" not in known["word"] and "E" not in known["tags"]
    assert known == vocabularies_of(runs[1] / "model.keras")


# ---------------------------------------------------------------------------------------------------------------------
# toy_sequence


def test_exact_match_is_that_of_new_sequences(train):
    run = train("toy_sequence", "")
    model, noise = load(run / "model.keras")[0], np.random.default_rng(1234).random((1000, 7, 1), dtype="float32")
    right = model.predict(noise, verbose=0).argmax(-1) == (np.arange(7) + 1) % 2
    share = right.all(axis=1).mean()
    assert 0.02 < share < 0.98  # of a network that is right always, or never, nothing could be learned here
    assert metrics_of(run)["exact_match_by_test"]["7 steps"] == pytest.approx(share, abs=0.2)
