"""Are written-out gradients right? Change each weight a little, and see how the loss changes."""

import numpy as np


def largest_difference(weights, gradients, loss, step=1e-6):
    """The largest relative difference between gradients and central differences, over all weights.

    Args:
        weights: a dict of arrays; each number is changed and put back.
        gradients: a dict of arrays with the same names and shapes.
        loss: a function without arguments that computes the loss with the current weights.
    """
    worst = 0.0
    for name, weight in weights.items():
        for place in np.ndindex(weight.shape):
            before, losses = weight[place], []
            for change in (step, -step):
                weight[place] = before + change
                losses.append(loss())
            weight[place] = before
            numeric, exact = (losses[0] - losses[1]) / (2 * step), gradients[name][place]
            worst = max(worst, abs(numeric - exact) / max(1e-4, abs(numeric) + abs(exact)))
    return worst
