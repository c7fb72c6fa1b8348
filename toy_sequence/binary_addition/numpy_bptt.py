"""An Elman network learns to add binary numbers; back-propagation through time is written out in NumPy.

    python toy_sequence/binary_addition/numpy_bptt.py                          # ten seconds
    python toy_sequence/binary_addition/numpy_bptt.py --check                  # gradients against central differences
    python toy_sequence/binary_addition/numpy_bptt.py --activation relu        # diverges

Two numbers below 128 are read bit by bit, the lowest bit first, as one adds on paper. At every step the network answers
with one bit of the sum. The two bits it reads do not tell it the carry, so it must keep the carry in its state.

    bits (batch, time, 2) -> states z (batch, time, hidden) -> bits of the sum y (batch, time)

    u_t = x_t W_in + z_{t-1} W        z_t = f(u_t)        y_t = s(z_t W_out)        E = sum_t (y_t - d_t)^2 / 2

with s the logistic function, f the activation and d the target; there are no biases. Backwards in time,
delta_t = dE/du_t collects what comes through the output of its own step and what comes from the step after it:

    delta_out_t = (y_t - d_t) y_t (1 - y_t)        delta_t = (delta_out_t W_out' + delta_{t+1} W') f'(u_t)
    dE/dW_out = sum_t z_t' delta_out_t             dE/dW = sum_t z_{t-1}' delta_t        dE/dW_in = sum_t x_t' delta_t

One random pair, one step of gradient descent, 10,000 times. A run has diverged when z_t W_out is so large that its
exponential overflows: the output is then stuck at 0 or 1, and no gradient gets past it. sweep.py compares settings.

References: Elman 1990, Finding structure in time. Werbos 1990, Backpropagation through time. Glorot & Bengio 2010
(Xavier), He et al. 2015 (initial weights).
"""

import time
from dataclasses import dataclass
from typing import Literal

import numpy as np

from common.cli import Count, LearningRate, Positive, Size, run_script
from common.runs import NamedRunOptions, finish_run, start_run
from toy_sequence.binary_addition.gradient_check import largest_difference
from toy_sequence.binary_addition.pairs import add, all_pairs, bits_of, carries, numbers_of, random_pairs

BITS = 7  # of the two numbers; their sum has one more
OVERFLOW = np.log(np.finfo(float).max)  # 709.8: exp of more is infinite, and s has no derivative left long before


@dataclass(frozen=True)
class Hyperparameters(NamedRunOptions):
    hidden_size: Size = 16  # units
    activation: Literal["sigmoid", "tanh", "relu"] = "sigmoid"  # f, of the hidden units
    init: Literal["normal", "xavier", "he"] = "normal"  # how widely the initial weights are spread
    weight_init_std: Positive = 1.0  # their standard deviation with --init normal
    learning_rate: LearningRate = 0.1  # of plain gradient descent
    iterations: Count = 10_000  # pairs to learn from
    plot_interval: Count = 100  # iterations; each point of the loss curve is the mean of that many
    check: bool = False  # check the gradients instead of training


def sigmoid(u):
    return 0.5 * (1 + np.tanh(0.5 * u))  # the same as 1 / (1 + exp(-u)), and never overflows


ACTIVATIONS = {  # name -> f(u), and f'(u) written with z = f(u)
    "sigmoid": (sigmoid, lambda z: z * (1 - z)),
    "tanh": (np.tanh, lambda z: 1 - z**2),
    "relu": (lambda u: np.maximum(u, 0), lambda z: (z > 0).astype(float)),
}


def initial_weights(hyperparameters):
    """W_in (2, hidden), W (hidden, hidden) and W_out (hidden, 1), normally distributed."""
    generator = np.random.default_rng(hyperparameters.seed)
    hidden = hyperparameters.hidden_size
    weights = {}
    for name, (fan_in, fan_out) in {"W_in": (2, hidden), "W": (hidden, hidden), "W_out": (hidden, 1)}.items():
        xavier, he = (2 / (fan_in + fan_out)) ** 0.5, (2 / fan_in) ** 0.5
        std = {"normal": hyperparameters.weight_init_std, "xavier": xavier, "he": he}[hyperparameters.init]
        weights[name] = std * generator.standard_normal((fan_in, fan_out))
    return weights


def forward(weights, inputs, activation):
    """Read bits (batch, time, 2): the states z, zeros first, a list of (batch, hidden); and y (batch, time)."""
    f, _ = ACTIVATIONS[activation]
    states = [np.zeros((len(inputs), len(weights["W"])))]
    for t in range(inputs.shape[1]):
        states.append(f(inputs[:, t] @ weights["W_in"] + states[-1] @ weights["W"]))
    return states, np.concatenate([sigmoid(z @ weights["W_out"]) for z in states[1:]], axis=1)


def loss_of(outputs, targets):
    """E, the sum over the steps, mean over the batch."""
    return 0.5 * ((outputs - targets) ** 2).sum(axis=1).mean()


def backward(weights, inputs, targets, states, outputs, activation):
    """The gradients of `loss_of`, by back-propagation through time: a dict like `weights`."""
    _, derivative = ACTIVATIONS[activation]
    gradients = {name: np.zeros_like(weight) for name, weight in weights.items()}
    delta = np.zeros_like(states[0])  # (batch, hidden), of the step after
    for t in reversed(range(inputs.shape[1])):
        y, z = outputs[:, t], states[t + 1]
        delta_out = ((y - targets[:, t]) * y * (1 - y))[:, None] / len(inputs)  # (batch, 1)
        delta = (delta_out @ weights["W_out"].T + delta @ weights["W"].T) * derivative(z)
        gradients["W_out"] += z.T @ delta_out
        gradients["W"] += states[t].T @ delta
        gradients["W_in"] += inputs[:, t].T @ delta
    return gradients


def largest_gradient_error(activation, seed=0):
    """The largest relative difference between `backward` and central differences, over all weights of a small net."""
    weights = initial_weights(Hyperparameters(hidden_size=5, seed=seed))
    inputs, targets = add(random_pairs(BITS, 3, np.random.default_rng(seed)))
    gradients = backward(weights, inputs, targets, *forward(weights, inputs, activation), activation)
    return largest_difference(weights, gradients, lambda: loss_of(forward(weights, inputs, activation)[1], targets))


def exact_match(weights, activation):
    """The share of all 16,384 pairs for which every bit of the sum is right; 0 if the states overflow."""
    inputs, targets = add(all_pairs(BITS))
    _, outputs = forward(weights, inputs, activation)
    return float(((outputs > 0.5) == targets).all(axis=1).mean())


def train(hyperparameters, verbose=False):
    """Learn from one random pair an iteration; `verbose` prints the loss and a sum ten times.

    Returns:
        The weights, the losses (means of `plot_interval` iterations), and the iteration at which the run diverged,
        or None. Training ends early if a gradient is no longer a number.
    """
    generator = np.random.default_rng(hyperparameters.seed + 1)
    weights, activation = initial_weights(hyperparameters), hyperparameters.activation
    losses, points, diverged = [], [], None
    for iteration in range(1, hyperparameters.iterations + 1):
        a, b = generator.integers(0, 2**BITS, 2)
        inputs, targets = add(bits_of([a, b], BITS).T[None])  # (1, BITS + 1, 2), (1, BITS + 1)
        with np.errstate(over="ignore", invalid="ignore"):  # looked for below
            states, outputs = forward(weights, inputs, activation)
            gradients = backward(weights, inputs, targets, states, outputs, activation)
            largest = np.abs(np.concatenate(states) @ weights["W_out"]).max()
        if diverged is None and not largest <= OVERFLOW:
            diverged = iteration
        if not all(np.isfinite(gradient).all() for gradient in gradients.values()):
            return weights, points, diverged or iteration
        for name, gradient in gradients.items():
            weights[name] = weights[name] - hyperparameters.learning_rate * gradient
        losses.append(loss_of(outputs, targets))
        recent = losses[-hyperparameters.plot_interval :]
        if iteration % hyperparameters.plot_interval == 0:
            points.append(float(np.mean(recent)))
        if verbose and iteration % max(1, hyperparameters.iterations // 10) == 0:
            answer = numbers_of(outputs > 0.5)[0]
            note = "" if answer == a + b else ", wrong"
            print(f"iteration {iteration}: loss {np.mean(recent):.4f}; {a} + {b} = {answer}{note}")
    return weights, points, diverged


def carry_correlations(weights, activation):
    """The correlation of each unit's state with the carry, over all pairs and steps: (hidden,); 0 if it never moves."""
    pairs = all_pairs(BITS)
    states, _ = forward(weights, add(pairs)[0], activation)
    units = np.concatenate(states[1:]).T  # (hidden, time * batch)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num([np.corrcoef(unit, carries(pairs).T.ravel())[0, 1] for unit in units])


def conclusion(losses, diverged, match, correlations):
    """Three lines about a run."""
    course = f"went from {losses[0]:.3f} to {losses[-1]:.4f}" if losses else "is not known before one --plot-interval"
    advice = "try a smaller --learning-rate, or --init he"
    end = f"it diverged at iteration {diverged}; {advice}" if diverged else "it did not diverge"
    strongest = int(np.abs(correlations).argmax())
    return [
        f"The loss {course}; {end}.",
        f"Of all 16,384 pairs, {match:.2%} are added without an error.",
        f"Unit {strongest} follows the carry most closely: correlation {correlations[strongest]:+.2f}.",
    ]


def main(hyperparameters: Hyperparameters) -> None:
    if hyperparameters.check:
        for activation in ACTIVATIONS:
            print(f"{activation}: largest relative difference {largest_gradient_error(activation):.1e}")
        return
    from toy_sequence.binary_addition import pictures

    run = start_run("numpy_bptt", hyperparameters)
    started = time.perf_counter()
    weights, losses, diverged = train(hyperparameters, verbose=True)
    seconds = time.perf_counter() - started
    with np.errstate(over="ignore", invalid="ignore"):  # after a divergence
        match = exact_match(weights, hyperparameters.activation)
        correlations = carry_correlations(weights, hyperparameters.activation)
    pictures.loss_and_carry(losses, correlations, hyperparameters.plot_interval, run / "numpy_bptt.png")
    metrics = {"exact_match": match, "diverged_at": diverged, "losses": losses, "carry_correlations": [*correlations]}
    finish_run(run, "numpy_bptt", metrics | {"seed": hyperparameters.seed, "training_seconds": seconds})
    print("\nConclusion", *conclusion(losses, diverged, match, correlations), f"pictures are in {run}", sep="\n")


if __name__ == "__main__":
    run_script(main, Hyperparameters)
