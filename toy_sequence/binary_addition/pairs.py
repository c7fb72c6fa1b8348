"""Pairs of binary numbers and their sums, one bit a step, the lowest bit first."""

import numpy as np


def bits_of(numbers, bits):
    """The lowest `bits` bits of integers (batch,): (batch, bits)."""
    return np.asarray(numbers)[:, None] >> np.arange(bits) & 1


def numbers_of(bits):
    """The integers (batch,) that bits (batch, n) stand for."""
    return (bits.astype(int) << np.arange(bits.shape[1])).sum(axis=1)


def all_pairs(bits):
    """All pairs of numbers of `bits` bits: (4 ** bits, bits, 2)."""
    a, b = np.divmod(np.arange(4**bits), 2**bits)
    return np.stack([bits_of(a, bits), bits_of(b, bits)], axis=-1)


def random_pairs(bits, count, generator):
    """Random pairs of numbers: (count, bits, 2)."""
    return generator.integers(0, 2, (count, bits, 2))


def one_long_carry(bits, count, generator):
    """Pairs whose lowest bits are 1 + 1 and all the others 1 + 0 or 0 + 1: (count, bits, 2)."""
    first = generator.integers(0, 2, (count, bits, 1))
    pairs = np.concatenate([first, 1 - first], axis=-1)
    pairs[:, 0] = 1
    return pairs


def carries(pairs):
    """The carry out of each step of the addition of pairs (batch, n, 2): (batch, n + 1)."""
    carry = [np.zeros(len(pairs), int)]
    for t in range(pairs.shape[1]):
        carry.append((pairs[:, t].sum(axis=1) + carry[-1]) // 2)
    return np.stack([*carry[1:], carry[0]], axis=1)  # nothing is carried out of the last step


def add(pairs):
    """What a network reads and what it should answer.

    Args:
        pairs: (batch, n, 2), the bits of both numbers.

    Returns:
        The same with a step of zeros at the end, (batch, n + 1, 2), and the bits of the sum, (batch, n + 1).
    """
    inputs = np.concatenate([pairs, np.zeros_like(pairs[:, :1])], axis=1)
    carry = carries(pairs)
    targets = inputs.sum(axis=2) % 2
    targets[:, 1:] ^= carry[:, :-1]  # a carry flips the bit
    return inputs.astype("float32"), targets.astype("int32")
