import numpy as np
import pytest

from common import InputError
from common.data import deduplicate, folds, normalise, parse_opinions
from common.sample import opinions
from sentiment import baselines, compare


def test_compare_under_both_protocols(capsys):
    options = compare.Options(data="sample", models=("majority", "naive Bayes"))
    compare.main(options)
    printed = capsys.readouterr().out.splitlines()
    rows = deduplicate(parse_opinions(opinions(), "sample")[0])
    majority = [line.split() for line in printed if line.startswith("majority  ")]
    subjects = [subject.strip() for subject in compare.SUBJECTS.split("|")]
    expected = []
    for subject in subjects:
        test = [label for label, sentence in rows if subject in normalise(sentence)]
        rest = [label for label, sentence in rows if subject not in normalise(sentence)]
        expected.append(np.mean([label == (np.mean(rest) > 0.5) for label in test]))
    assert np.allclose([float(cell) for cell in majority[1][3:-4]], expected, atol=1e-4)
    assert float(majority[1][1]) == pytest.approx(np.mean(expected), abs=1e-4)
    bayes = [line.split() for line in printed if line.startswith("naive Bayes  ")]
    assert float(bayes[0][4]) > float(bayes[0][2]) + 0.01  # the leaking figure is the higher one
    for row, last in zip(majority, bayes, strict=True):
        value, low, high = (float(row[place].strip("()")) for place in (-4, -3, -1))
        assert value == pytest.approx(float(last[2]) - float(row[1]), abs=2e-4)
        assert low < value < high
        assert "to" not in last


def test_right_and_losses_by_hand():
    rows = [(1, "a"), (0, "b"), (1, "c"), (0, "d")]

    def predict(training, sentences):
        assert (training, sentences) == ([(0, "b")], ["a", "c", "d"])
        return np.array([0.5, 0.2, 0.0])

    right, losses = compare.right_and_losses(predict, rows, [1], [0, 2, 3])
    assert right.tolist() == [True, False, True]
    assert np.allclose(losses, [-np.log(0.5), -np.log(0.2), 0])


def test_the_flags_set_the_network_and_nothing_else_and_the_raw_file_has_three_epochs(monkeypatch):
    asked = []

    def record(name, settings, training, sentences):
        asked.append((name, settings.hidden_size, settings.batch_size, settings.seed, settings.epochs))
        return np.ones(len(sentences))

    monkeypatch.setattr(baselines, "train_and_predict", record)
    options = {"data": "sample", "protocol": "folds", "models": ("CNN", "network"), "hidden_size": 7, "seed": 5}
    compare.main(compare.Options(**options))
    cnn, network = ("CNN", 64, 128, 5), ("network", 7, 64, 5)
    assert asked == [(*cnn, 10)] * 5 + [(*cnn, 3)] + [(*network, 12)] * 5 + [(*network, 3)]


def test_no_model_is_refused():
    with pytest.raises(InputError, match="at least one of majority"):
        compare.Options(models=())


def test_an_unknown_model_is_refused():
    with pytest.raises(InputError, match="'CRF'"):
        compare.Options(models=("CNN", "CRF"))


def test_near_copies_in_another_fold_are_found():
    splits = [([2, 3, 4, 5], [1, 0]), ([0, 1, 4, 5], [3, 2]), ([0, 1, 2, 3], [4, 5])]
    pairs = [(0, 1), (1, 4), (2, 3)]  # 0 and 1, 2 and 3 are in one fold
    assert compare.have_near_copies(splits, pairs).tolist() == [True, False, False, False, True, False]


@pytest.fixture
def near_copied(tmp_path):
    """A file of 70 sentences of five or six made-up words, 40 of them positive; to 15 of them there is a near-copy,
    with one word more."""
    generator = np.random.default_rng(0)
    words = ["".join(letters) for letters in generator.choice(list("abcdefghijk"), (55 * 5, 15))]
    rows = [(int(number < 30), " ".join(words[5 * number : 5 * number + 5])) for number in range(55)]
    rows += [(label, f"{sentence} indeed") for label, sentence in rows[20:35]]
    path = tmp_path / "near.txt"
    path.write_text("".join(f"{label}\t{sentence}\n" for label, sentence in rows), encoding="utf-8")
    return str(path), rows


def copies(sentence):
    """The sentence, and what its near-copy in the file of `near_copied` is, if there is one."""
    return {sentence, f"{sentence} indeed", sentence.removesuffix(" indeed")}


def test_the_table_of_the_folds_tells_near_copies_from_the_rest(near_copied, capsys):
    path, rows = near_copied
    compare.main(compare.Options(data=path, protocol="folds", models=("majority",)))
    printed = capsys.readouterr().out.splitlines()
    near, rest = [], []
    for training, test in folds([label for label, _ in rows]):
        trained = {rows[index][1] for index in training}
        for label, sentence in (rows[index] for index in test):
            (near if copies(sentence) & trained else rest).append(label)
    assert any(line.startswith(f"{len(near)} of 70 test sentences are near-copies") for line in printed)
    row = next(line.split() for line in printed if line.startswith("majority  "))
    assert np.allclose([float(cell) for cell in row[4:]], [np.mean(near), np.mean(rest)], atol=1e-4)


def test_folds_without_near_copies_leave_the_column_empty(tmp_path, capsys):
    rows = [f"{number % 2}\t{chr(97 + number) * 9}\n" for number in range(20)]
    (tmp_path / "rows.txt").write_text("".join(rows), encoding="utf-8")
    compare.main(compare.Options(data=str(tmp_path / "rows.txt"), protocol="folds", models=("majority",)))
    printed = capsys.readouterr().out
    assert "\n0 of 20 test sentences are near-copies" in printed
    row = next(line.split() for line in printed.splitlines() if line.startswith("majority  "))
    assert len(row) == 5 and row[4] == "0.5000"


def test_under_groups_no_near_copy_of_a_test_sentence_is_trained_on(near_copied, monkeypatch, capsys):
    path, rows = near_copied
    parts = []

    def majority(name, settings, training, sentences):
        parts.append(({sentence for _, sentence in training}, list(sentences)))
        return np.ones(len(sentences))

    monkeypatch.setattr(baselines, "train_and_predict", majority)
    compare.main(compare.Options(data=path, protocol="groups", models=("network",)))
    assert sorted(word for _, tested in parts for word in tested) == sorted(word for _, word in rows)
    for trained, tested in parts:
        assert len(trained) + len(tested) == 70
        assert not any(copies(sentence) & trained for sentence in tested)
    positive = {word for label, word in rows if label}
    accuracies = [np.mean([word in positive for word in tested]) for _, tested in parts]
    printed = capsys.readouterr().out.splitlines()
    row = next(line.split() for line in printed if line.startswith("network  "))
    assert np.allclose([float(cell) for cell in row[1:]], [np.mean(accuracies), np.std(accuracies)], atol=1e-4)


def test_all_protocols_are_three_tables(capsys):
    compare.main(compare.Options(data="sample", models=("majority",)))
    lines = capsys.readouterr().out.splitlines()
    headings = [line.split("  ")[0] for line in lines if "  accuracy  " in line]
    assert headings == ["different sentences", "one subject left out", "near copies together"]
