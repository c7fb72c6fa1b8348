"""Hopfield's network: a recurrent network without inputs, that restores what it has stored. See relatives.py.

Patterns and states s are rows (count, units) of -1 and 1. P patterns x are stored in the weights (Hebb's rule):

    W = (1/N) sum of x x^T, with zeros on the diagonal        s_i <- sign(sum_j W_ij s_j), one unit after the other

The energy -1/2 s W s never rises, so the network comes to rest. References: Hopfield 1982. Amit, Gutfreund &
Sompolinsky 1985 (the capacity).
"""

import math

import numpy as np

TRIED = 20  # patterns that a network has to restore, of all that it holds


def hebb(patterns):
    """The weights (units, units) of a Hopfield network that holds patterns (count, units) of -1 and 1."""
    weights = patterns.T @ patterns / patterns.shape[1]
    np.fill_diagonal(weights, 0)
    return weights


def restore(weights, states, most_rounds=50):
    """Let a Hopfield network come to rest from states (count, units); the states at the end, and the energy of each
    after every round (rounds + 1, count). A round asks every unit once, one after the other."""
    states = states.copy()
    energies = [energy(weights, states)]
    for _ in range(most_rounds):
        before = states.copy()
        for unit in range(len(weights)):
            states[:, unit] = np.where(states @ weights[unit] >= 0, 1, -1)
        energies.append(energy(weights, states))
        if (states == before).all():
            break
    return states, np.array(energies)


def energy(weights, states):
    """-1/2 s W s of states (count, units)."""
    return -np.sum(states @ weights * states, axis=1) / 2


def damage(patterns, share, generator):
    """Turn a share of the units round."""
    return np.where(generator.random(patterns.shape) < share, -patterns, patterns)


def overlaps(units, load, damaged, generator):
    """How much of damaged patterns a network full of random patterns restores: 1 is all, 0 what chance would give.

    Args:
        load: patterns per unit.
        damaged: share of the units that are turned round.

    Returns:
        The overlap with each of the first `TRIED` patterns.
    """
    patterns = generator.choice([-1.0, 1.0], (max(1, round(load * units)), units))
    tried = patterns[:TRIED]
    states, _ = restore(hebb(patterns), damage(tried, damaged, generator))
    return (states * tried).mean(axis=1)


def ring_restored(side, load, damaged, generator):
    """A ring drawn in side x side points, damaged, and what a network makes of it that holds it among random patterns;
    both (side, side)."""
    place = np.arange(side) - (side - 1) / 2
    ring = np.abs(np.hypot(place, place[:, None]) - side / 3.5) < side / 12
    patterns = generator.choice([-1.0, 1.0], (max(1, round(load * side**2)), side**2))
    patterns[0] = np.where(ring.ravel(), 1, -1)
    start = damage(patterns[:1], damaged, generator)
    states, _ = restore(hebb(patterns), start)
    return start.reshape(side, side), states.reshape(side, side)


def theory():
    """Loads and overlaps of an endless Hopfield network, for y from 4 down to the capacity, where it breaks down."""
    y = np.linspace(4, 0.5, 1000)
    erf = np.array([math.erf(value) for value in y])
    loads = (erf / y - 2 / math.sqrt(math.pi) * np.exp(-(y**2))) ** 2 / 2
    return loads[: loads.argmax() + 1], erf[: loads.argmax() + 1]
