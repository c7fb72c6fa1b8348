import time

import numpy as np
import pytest

from common.batches import bucketed_batches
from common.padding import PADDED, mask, pad
from common.prediction import ahead, predict_in_batches


@pytest.fixture
def sequences():
    generator = np.random.default_rng(0)
    return [generator.integers(1, 50, length).astype("int32") for length in generator.integers(1, 30, 200)]


def test_pad_puts_zeros_after_the_sequences():
    assert pad([np.array([1, 2, 3]), np.array([4])]).tolist() == [[1, 2, 3], [4, 0, 0]]


def test_pad_keeps_dtype_and_further_axes():
    padded = pad([np.ones((2, 3), "float32"), np.ones((1, 3), "float32")], value=9)
    assert padded.dtype == np.float32
    assert padded[1].tolist() == [[1, 1, 1], [9, 9, 9]]


def test_mask_is_true_on_real_steps():
    assert mask([2, 0, 3]).tolist() == [[True, True, False], [False, False, False], [True, True, True]]
    assert mask([1], steps=3).tolist() == [[True, False, False]]


def test_batches_hold_every_sequence_once_padded_on_the_right(sequences):
    targets = [sequence + 100 for sequence in sequences]
    seen = []
    for inputs, outputs in bucketed_batches(sequences, targets, 16, seed=1).as_numpy_iterator():
        lengths = (inputs != 0).sum(axis=1)
        assert inputs.shape == outputs.shape
        assert inputs.shape[1] == lengths.max()
        assert (np.where(mask(lengths), inputs + 100, PADDED) == outputs).all()
        seen += [tuple(row[:length]) for row, length in zip(inputs, lengths, strict=True)]
    assert sorted(seen) == sorted(map(tuple, sequences))


def test_batches_are_counted_right(sequences):
    dataset = bucketed_batches(sequences, sequences, 16, seed=1)
    assert len(dataset) == sum(1 for _ in dataset)


def test_buckets_leave_little_padding(sequences):
    real, all_steps = 0, 0
    for inputs, _ in bucketed_batches(sequences, sequences, 16, seed=1).as_numpy_iterator():
        real, all_steps = real + (inputs != 0).sum(), all_steps + inputs.size
    longest_everywhere = len(sequences) * max(map(len, sequences))
    assert real == sum(map(len, sequences))
    assert all_steps - real < 0.25 * (longest_everywhere - real)


def test_order_changes_from_epoch_to_epoch_but_not_with_the_seed(sequences):
    def order(dataset):
        return [tuple(inputs.ravel()) for inputs, _ in dataset.as_numpy_iterator()]

    dataset = bucketed_batches(sequences, sequences, 16, seed=1)
    first = order(dataset)
    assert first != order(dataset)
    assert first == order(bucketed_batches(sequences, sequences, 16, seed=1))


def test_one_target_a_sequence(sequences):
    labels = [int(sequence[0]) for sequence in sequences]
    for inputs, targets in bucketed_batches(sequences, labels, 16).as_numpy_iterator():
        assert (inputs[:, 0] == targets).all()


def test_predictions_come_back_in_order(sequences):
    sums = predict_in_batches(lambda batch: batch.sum(axis=1), sequences, batch_size=7)
    assert sums == [sequence.sum() for sequence in sequences]


def test_prediction_batches_are_limited_in_sequences_and_in_steps(sequences):
    shapes = []

    def predict(batch):
        shapes.append(batch.shape)
        return batch

    predict_in_batches(predict, [*sequences, np.ones(1000, "int32")], batch_size=9, batch_steps=100)
    shapes.remove((1, 1000))  # longer than a batch may be: alone; two threads note the shapes, in any order
    assert all(rows * steps <= 100 and rows <= 9 for rows, steps in shapes)
    assert len(shapes) < 201 / 2


def test_items_made_ahead_come_in_order_each_made_while_the_one_before_is_used():
    made = []

    def items():
        for number in range(3):
            made.append(number)
            yield number

    for number, item in enumerate(ahead(items())):
        assert item == number
        for _ in range(200):  # the next one comes although this one is still being used
            if len(made) > min(number + 1, 2):
                break
            time.sleep(0.01)
        assert len(made) > min(number + 1, 2)


def test_an_exception_ahead_is_raised_in_its_turn():
    def items():
        yield 1
        raise ValueError("second")

    made = ahead(items())
    assert next(made) == 1
    with pytest.raises(ValueError, match="second"):
        next(made)
