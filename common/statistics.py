"""Is one model really better than another, or was it luck with the test part?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


class Difference(NamedTuple):
    """A difference between two models, and the ends of its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self):
        return f"{self.value:+.4f} ({self.low:+.4f} to {self.high:+.4f})"


def paired_bootstrap(first, second, sizes=None, block=1, repeats=10_000, seed=0) -> Difference:
    """The difference `first - second` between two models on one test part, with its 95 % interval.

    The test part is taken for a sample of what might have been tested: units are drawn from it, with replacement, as
    many as there are, `repeats` times, and each time the difference is measured anew. Both models are measured on the
    same units (paired), so that it does not count that some units are hard for both. An interval that does not hold 0
    says that the difference is not only luck with the test part. It does not say how far another seed would be off.

    A unit is what may be taken for independent of the others. For a tagger this is the sentence, not the word: errors
    come in company. The characters of a text depend on their neighbours, too, but there is no natural unit. Hence
    `block`: blocks of consecutive units are drawn, long enough that what depends on each other mostly stays together.
    The last block goes on with the first unit, so that each unit is in equally many blocks.

    Args:
        first, second: (units,); what each model got in each unit: its right answers, or bits.
        sizes: (units,); by what to divide the sum: words in each sentence, for example. By default 1 each, so that the
            difference is that of the means.
        block: consecutive units that are drawn together.
        repeats: how often to draw.
        seed: of the drawing.

    References: Efron & Tibshirani 1993, An introduction to the bootstrap, chapter 13 (percentile interval). Koehn 2004,
    Statistical significance tests for machine translation evaluation (paired, by sentence). Künsch 1989, The jackknife
    and the bootstrap for general stationary observations (blocks). Politis & Romano 1992, A circular block-resampling
    procedure for stationary data.
    """
    differences = np.subtract(first, second, dtype=float)  # (units,)
    sizes = np.ones(len(differences)) if sizes is None else np.asarray(sizes, dtype=float)

    def block_sums(values):  # one block for each unit that it may start with
        return sliding_window_view(np.concatenate([values, values[: block - 1]]), block).sum(axis=1)  # (units,)

    sums, block_sizes = block_sums(differences), block_sums(sizes)
    blocks = -(-len(differences) // block)  # rounded up
    generator = np.random.default_rng(seed)
    draws = (generator.integers(len(sums), size=blocks) for _ in range(repeats))
    drawn = [sums[draw].sum() / block_sizes[draw].sum() for draw in draws]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Difference(float(differences.sum() / sizes.sum()), float(low), float(high))
