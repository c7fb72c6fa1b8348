import numpy as np
import pytest

from toy_sequence.binary_addition.gradient_check import largest_difference


@pytest.mark.parametrize(("written_out", "difference"), [([6.0, -2.0], 0), ([6.0, -3.0], 1 / 5)])
def test_a_wrong_gradient_is_noticed(written_out, difference):
    weights = {"w": np.array([3.0, -1.0])}
    found = largest_difference(weights, {"w": np.array(written_out)}, lambda: (weights["w"] ** 2).sum())
    assert found == pytest.approx(difference, abs=1e-6)
    assert weights["w"].tolist() == [3, -1]
