import numpy as np
import pytest

from common import InputError
from common.batches import stream_batches


@pytest.fixture
def ids():
    return np.random.default_rng(0).integers(0, 11, 101).astype("int32")


def test_each_stream_is_read_on_where_the_last_batch_stopped(ids):
    batches = list(stream_batches(ids, batch_size=3, sequence_length=4).as_numpy_iterator())
    streams = np.concatenate([inputs for inputs, _ in batches], axis=1)  # (3, steps)
    assert len(batches) == 100 // 3 // 4
    assert np.array_equal(streams.ravel(), ids[: streams.size])


def test_targets_of_streams_are_the_next_characters(ids):
    for inputs, targets in stream_batches(ids, 3, 4).as_numpy_iterator():
        assert np.array_equal(inputs[:, 1:], targets[:, :-1])
    first, _ = next(stream_batches(ids, 3, 4).as_numpy_iterator())
    _, targets = next(stream_batches(ids, 3, 4).as_numpy_iterator())
    assert targets[0, -1] == ids[4]
    assert first[0, 0] == ids[0]


def test_each_epoch_of_streams_starts_elsewhere_and_reads_on(ids):
    batches = stream_batches(ids, 3, 8, seed=1)
    epochs = [np.concatenate([inputs for inputs, _ in batches.as_numpy_iterator()], axis=1) for _ in range(6)]
    rotations = [np.roll(ids, -start) for start in range(len(ids))]
    starts = [
        next(start for start, text in enumerate(rotations) if np.array_equal(epoch.ravel(), text[: epoch.size]))
        for epoch in epochs
    ]
    assert len(set(starts)) > 3


def test_streams_refuse_a_text_that_is_too_short():
    with pytest.raises(InputError, match="too short"):
        stream_batches(np.zeros(12, "int32"), 3, 4)
