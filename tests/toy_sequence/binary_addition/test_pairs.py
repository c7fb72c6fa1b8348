import numpy as np
import pytest

from toy_sequence.binary_addition import pairs


def as_int(bits):
    return sum(int(bit) << place for place, bit in enumerate(bits))


@pytest.mark.parametrize("make", [pairs.random_pairs, pairs.one_long_carry])
def test_sums_are_those_of_python(make):
    numbers = make(256, 20, np.random.default_rng(0))
    inputs, targets = pairs.add(numbers)
    assert inputs.shape == (20, 257, 2) and targets.shape == (20, 257)
    for pair, target in zip(inputs, targets, strict=True):
        assert as_int(pair[:, 0]) + as_int(pair[:, 1]) == as_int(target)


def test_one_carry_goes_through_all_bits():
    _, targets = pairs.add(pairs.one_long_carry(10, 5, np.random.default_rng(0)))
    assert targets.tolist() == [[0] * 10 + [1]] * 5  # 1 + 0 and a carry of 1 leaves 0, at every place


def test_all_pairs_are_different_and_complete():
    numbers = pairs.all_pairs(8)
    assert numbers.shape == (65536, 8, 2)
    assert len({(as_int(pair[:, 0]), as_int(pair[:, 1])) for pair in numbers}) == 65536


def test_numbers_are_read_from_the_lowest_bit():
    inputs, targets = pairs.add(np.array([[[1, 1], [1, 0], [0, 1]]]))  # 3 + 5
    assert inputs[0].tolist() == [[1, 1], [1, 0], [0, 1], [0, 0]]
    assert targets[0].tolist() == [0, 0, 0, 1]
    assert pairs.numbers_of(targets) == [8]
    assert pairs.bits_of([3, 5], 4).tolist() == [[1, 1, 0, 0], [1, 0, 1, 0]]


def test_the_carry_is_that_of_written_addition():
    found = pairs.carries(pairs.all_pairs(7)).reshape(128, 128, 8)
    for a in range(128):
        for b in range(0, 128, 5):
            carry = 0
            for t in range(8):
                carry = ((a >> t & 1) + (b >> t & 1) + carry) // 2
                assert found[a, b, t] == carry
