"""Waves of four kinds, and three measures of how well other waves stand for them. `gan.py` uses them."""

import numpy as np

KINDS = "sine", "saw", "square", "triangle"
CYCLES = 1.0, 3.0  # least and most in one sequence
GUESSES = np.arange(0.5, 4, 1 / 32)  # the numbers of cycles that `fundamental` tries
PARTS = 4  # of the cycles, and of the phases: each of the 4 x 4 combinations is a mode


def wave(kind, cycles, phases, amplitudes, steps):
    """Waves (count, steps) of one kind. With phase 0 they begin at 0 and rise; but the saw at -1, the square at 1.

    Args:
        kind: a number, the place in `KINDS`.
        cycles: in one sequence, (count,).
        phases: the part of a cycle, from 0 to 1, at which they start, (count,).
        amplitudes: (count,).
    """
    turns = (cycles[:, None] * np.arange(steps) / steps + phases[:, None]) % 1  # where in its cycle each step is
    shapes = {
        "sine": np.sin(2 * np.pi * turns),
        "saw": 2 * turns - 1,
        "square": np.where(turns < 0.5, 1.0, -1.0),
        "triangle": 1 - 4 * np.abs((turns + 0.25) % 1 - 0.5),
    }
    return (amplitudes[:, None] * shapes[KINDS[kind]]).astype("float32")


def random_waves(count, steps, generator):
    """Waves of every kind, (kinds, count, steps), with random cycles, phases and amplitudes (0.5 to 1)."""
    return np.stack(
        [
            wave(
                kind,
                generator.uniform(*CYCLES, count),
                generator.uniform(0, 1, count),
                generator.uniform(0.5, 1, count),
                steps,
            )
            for kind in range(len(KINDS))
        ]
    )


def noise_as_loud(waves, generator):
    """White noise with the standard deviation of each kind of waves (kinds, count, steps)."""
    loudness = waves.std(axis=(1, 2), keepdims=True)
    return (loudness * generator.normal(size=waves.shape)).astype("float32")


def square_distances(first, second):
    """Between all waves of the first (m, steps) and of the second (n, steps): (m, n)."""
    squares = (first**2).sum(axis=1)[:, None] + (second**2).sum(axis=1)
    return np.maximum(squares - 2 * first @ second.T, 0)


def median_distance(waves):
    """The median of the distances between any two waves (count, steps): the width of the kernel."""
    pairs = np.triu_indices(len(waves), 1)
    return float(np.sqrt(np.median(square_distances(waves, waves)[pairs])))


def mean_discrepancy(first, second, width):
    """The squared maximum mean discrepancy of two sets of waves, (m, steps) and (n, steps), estimated without bias.

    With the kernel k(x, y) = exp(-|x - y|² / (2 width²)): the mean k of two different waves of the first set, plus the
    same in the second, minus twice the mean k of one from each (Gretton et al. 2012, equation 3). Around 0, also below
    it, where both come from one distribution.
    """
    m, n = len(first), len(second)
    within_first, within_second, between = (
        np.exp(-square_distances(*pair) / (2 * width**2))
        for pair in ((first, first), (second, second), (first, second))
    )
    return float(  # k(x, x) = 1 stands m times in the first, n times in the second
        (within_first.sum() - m) / (m * (m - 1)) + (within_second.sum() - n) / (n * (n - 1)) - 2 * between.mean()
    )


def fundamental(waves):
    """The number of cycles (count,) and the phase (count,) of the sine that is nearest to each wave (count, steps)."""
    steps = waves.shape[1]
    angles = 2 * np.pi * GUESSES[:, None] * np.arange(steps) / steps
    curves = np.stack([np.sin(angles), np.cos(angles)], axis=-1)  # (guesses, steps, 2)
    weights = np.linalg.pinv(curves) @ waves.T  # least squares, (guesses, 2, count)
    explained = ((curves @ weights) ** 2).sum(axis=1)  # (guesses, count)
    best = explained.argmax(axis=0)
    of_sine, of_cosine = weights[best, :, np.arange(len(waves))].T
    return GUESSES[best], np.arctan2(of_cosine, of_sine) / (2 * np.pi) % 1


def modes(waves):
    """Of 16 modes (four ranges of cycles times four of phases), those that waves (count, steps) of one kind cover.

    A mode is covered if a quarter of its fair share of the waves or more is in it. And the standard deviation of the
    cycles. Both say nothing of what the waves look like: noise covers a lot.
    """
    cycles, phases = fundamental(waves)
    edges = np.linspace(*CYCLES, PARTS + 1), np.linspace(0, 1, PARTS + 1)
    counts = np.histogram2d(np.clip(cycles, *CYCLES), phases, edges)[0]
    return int((counts >= len(waves) / PARTS**2 / 4).sum()), float(cycles.std())
