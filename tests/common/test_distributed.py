"""Two workers on this machine train what one process trains, and stop and resume together."""

import csv
import json
import time

import forked
import keras
import numpy as np
import pytest
from forked import finished

from common import InputError, distributed
from common.distributed import Workers, local_cluster

FLAGS = ["--preset", "default", "--hidden-size", "12", "--batch-size", "4", "--sequence-length", "20"]
FLAGS += ["--sample-length", "1", "--save-every", "5", "--input-dropout", "0", "--dropout", "0"]
FLAGS += ["--weight-dropout", "0", "--ngram-dropout", "0", "--patience", "9"]


@pytest.fixture(scope="module")
def flags(tmp_path_factory):
    folder = tmp_path_factory.mktemp("workers")
    return ["--runs", folder, "--data", forked.write_text(folder), *FLAGS]


def start(count, tmp_path, path, *arguments):
    """That many workers; the output of each is in `<index>.txt`."""
    return [
        forked.start(path, *arguments, "--strategy", "multiworker", output=tmp_path / f"{index}.txt", TF_CONFIG=each)
        for index, each in enumerate(local_cluster(count))
    ]


def train(count, tmp_path, path, *arguments):
    for index, process in enumerate(start(count, tmp_path, path, *arguments)):
        finished(process, tmp_path / f"{index}.txt")


@pytest.mark.parametrize("gpus", [[], ["GPU:0"]])
def test_one_gpu_or_none_is_one_worker(monkeypatch, gpus):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    monkeypatch.setattr("tensorflow.config.list_physical_devices", lambda kind: gpus)
    workers = distributed.connect("mirrored")
    assert (workers.strategy, workers.count, workers.chief) == (None, 1, True)


def losses(run):
    with open(run / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    return np.array([[float(row[name]) for name in sorted(row) if name != "epoch"] for row in rows])


def test_two_workers_learn_what_one_process_learns(flags, tmp_path):
    for count, name in ((1, "one"), (2, "two")):
        train(count, tmp_path, "chargen/train.py", *flags, "--epochs", "3", "--name", name)
    folder = flags[1] / "chargen"
    one, both = losses(folder / "one"), losses(folder / "two")
    assert len(one) == 3
    assert one[-1, 1] < one[0, 1]
    assert np.abs(one - both).max() < 1e-4
    assert json.loads((folder / "two" / "metrics.json").read_text())["seed"] == 0
    assert sorted(path.name for path in folder.iterdir()) == ["latest", "one", "two"]  # only the chief writes
    assert (tmp_path / "1.txt").read_text().count("\n") == 1  # the other one only says what it runs on


@pytest.mark.slow
def test_padded_batches_of_uneven_shares_count_alike(flags, tmp_path):
    """Masked targets: the workers' shares of a batch hold different numbers of words, and the last ones no row."""
    text = "\n".join(
        " ".join(f"{'abc'[(i + j) % 3]}/{'XYZ'[(i * j) % 3]}" for j in range(1 + i % 7)) for i in range(45)
    )
    (tmp_path / "tagged.txt").write_text(text)
    same = ["--runs", tmp_path, "--data", tmp_path / "tagged.txt", "--hidden-size", "5", "--batch-size", "4"]
    same += ["--epochs", "2", "--dropout", "0", "--feature-dropout", "0"]
    for count, name in ((1, "one"), (2, "two")):
        train(count, tmp_path, "pos_tagging/train.py", *same, "--name", name)
    difference = losses(tmp_path / "pos_tagging" / "one") - losses(tmp_path / "pos_tagging" / "two")
    assert np.abs(difference).max() < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("killed", [0, 1])
def test_when_a_worker_is_killed_the_other_stops_and_all_resume(flags, tmp_path, killed):
    run = flags[1] / "chargen" / f"killed-{killed}"
    arguments = ["chargen/train.py", *flags, "--epochs", "6", "--name", run.name]
    two = start(2, tmp_path, *arguments)
    while not (run / "model.keras").exists():
        assert all(process.is_alive() for process in two), (tmp_path / "0.err").read_text()
        time.sleep(0.01)
    two[killed].kill()
    at = time.monotonic()
    lines = finished(two[1 - killed], tmp_path / f"{1 - killed}.txt", code=3, seconds=60)
    assert time.monotonic() - at < 60
    assert "--resume" in lines[-1]
    assert "worker" in lines[-1]
    if killed == 0:
        return  # resuming is the same whoever was killed
    train(2, tmp_path, *arguments, "--resume")
    assert "going on after step" in (tmp_path / "0.txt").read_text()
    assert len(losses(run)) == 6


def test_rows_are_shared_out_without_a_gap():
    for count in (1, 2, 3, 5):
        for rows in (0, 1, 4, 7, 32):
            shares = []
            for index in range(count):
                one = Workers()
                one.count, one.index = count, index
                shares += range(*one.rows(rows))
            assert shares == list(range(rows))


def test_the_states_of_all_workers_are_saved_and_each_takes_its_rows_back(monkeypatch):
    states = np.arange(12.0).reshape(6, 2)  # (rows, hidden)
    backups = []
    for index in (0, 1, 2):
        one = Workers()
        one.count, one.index, one.chief = 3, index, index == 0
        backups.append(one.backup("model.npz", None, 5, None, None))
    parts = [backup.own_rows(states) for backup in backups]
    assert [part[0, 0] for part in parts] == [0, 4, 8]

    def sum_array(of_one):  # as if the others had filled in theirs
        return of_one + sum(np.pad(part, ((2 * i, 4 - 2 * i), (0, 0))) for i, part in enumerate(parts) if i != 1)

    monkeypatch.setattr(backups[1].workers, "sum_array", sum_array)
    assert np.array_equal(backups[1].gather_states([parts[1]])[0], states)
    assert [backup.writes for backup in backups] == [True, False, False]


def test_workers_drop_different_units():
    def masks(index):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((50,)), keras.layers.Dropout(0.5)])
        one = Workers()
        one.count, one.index = 2, index
        one.vary_dropout(model)
        return np.asarray(model(np.ones((1, 50)), training=True))

    assert np.array_equal(masks(0), masks(0))
    assert not np.array_equal(masks(0), masks(1))


NO_WORKERS = '{"cluster": {"worker": []}, "task": {"type": "worker", "index": 0}}'


NO_SUCH_WORKER = '{"cluster": {"worker": ["a:1", "b:2"]}, "task": {"type": "worker", "index": -1}}'


@pytest.mark.parametrize("value", [None, "", "[]", '{"cluster": {}}', NO_WORKERS, NO_SUCH_WORKER])
def test_a_missing_or_malformed_configuration_is_refused(monkeypatch, value):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if value is not None:
        monkeypatch.setenv("TF_CONFIG", value)
    with pytest.raises(InputError, match="TF_CONFIG must be JSON"):
        distributed.connect("multiworker")
