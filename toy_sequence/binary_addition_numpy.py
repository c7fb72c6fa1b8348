"""An Elman network learns to add binary numbers; back-propagation through time is written out in NumPy.

    python toy_sequence/binary_addition_numpy.py                          # ten seconds
    python toy_sequence/binary_addition_numpy.py --check                  # gradients against central differences
    python toy_sequence/binary_addition_numpy.py --activation relu        # diverges
    python toy_sequence/binary_addition_numpy.py --init he --learning-rate 0.5

Two numbers below 128 are read bit by bit, the lowest bit first, as one adds on paper; at every step the network says
the bit of the sum. What it cannot see in the two bits before it is the carry, and so it must keep that in its state.

    bits (batch, time, 2) -> states z (batch, time, hidden) -> bit of the sum y (batch, time)

    u_t = x_t W_in + z_{t-1} W        z_t = f(u_t)        y_t = s(z_t W_out)        E = sum_t (y_t - d_t)^2 / 2

with s the logistic function and f the activation; there are no biases. Backwards in time, delta_t = dE/du_t collects
what comes through the output of its own step and what comes from the step after it:

    delta_out_t = (y_t - d_t) y_t (1 - y_t)        delta_t = (delta_out_t W_out' + delta_{t+1} W') f'(u_t)
    dE/dW_out = sum_t z_t' delta_out_t             dE/dW = sum_t z_{t-1}' delta_t        dE/dW_in = sum_t x_t' delta_t

One random pair, one step of gradient descent, 10,000 times. A run has diverged when z_t W_out is so large that its
exponential overflows: the output is then stuck at 0 or 1, and no gradient gets past it. binary_addition_sweep.py
compares settings.

References: Elman 1990, Finding structure in time. Werbos 1990, Backpropagation through time. Glorot & Bengio 2010
(Xavier), He et al. 2015 (initial weights).
"""

import time
from dataclasses import dataclass
from typing import Literal

import numpy as np

from common.cli import Count, Positive, run_script
from common.runs import NamedRunOptions, finish_run, start_run

BITS = 8  # of the sum; the two numbers have one less
OVERFLOW = np.log(np.finfo(float).max)  # 709.8: exp of more is infinite, and s has no derivative left long before


@dataclass(frozen=True)
class Hyperparameters(NamedRunOptions):
    hidden_size: Count = 16  # units
    activation: Literal["sigmoid", "tanh", "relu"] = "sigmoid"  # f, of the hidden units
    init: Literal["normal", "xavier", "he"] = "normal"  # how widely the initial weights are spread
    weight_init_std: Positive = 1.0  # their standard deviation with --init normal
    learning_rate: Positive = 0.1  # of plain gradient descent
    iterations: Count = 10_000  # pairs to learn from
    plot_interval: Count = 100  # iterations that one point of the loss curve is the mean of
    check: bool = False  # check the gradients instead of training


def sigmoid(u):
    return 0.5 * (1 + np.tanh(0.5 * u))  # the same as 1 / (1 + exp(-u)), and never overflows


ADVICE = "the states overflow; try a smaller --learning-rate or --weight-init-std, or --init he"

ACTIVATIONS = {  # name -> f(u), and f'(u) written with z = f(u)
    "sigmoid": (sigmoid, lambda z: z * (1 - z)),
    "tanh": (np.tanh, lambda z: 1 - z**2),
    "relu": (lambda u: np.maximum(u, 0), lambda z: (z > 0).astype(float)),
}


def bits_of(numbers):
    """The bits of integers (batch,), the lowest first: (batch, BITS)."""
    return (np.asarray(numbers)[:, None] >> np.arange(BITS)) & 1


def numbers_of(bits):
    """The integers (batch,) of bits (batch, BITS), the lowest first."""
    return (bits.astype(int) << np.arange(BITS)).sum(axis=1)


def additions(a, b):
    """What the network reads for a + b, (batch, BITS, 2), and what it has to say, (batch, BITS)."""
    return np.stack([bits_of(a), bits_of(b)], axis=-1).astype(float), bits_of(np.add(a, b)).astype(float)


def all_pairs():
    """All 16,384 pairs of numbers below 128: two arrays."""
    return np.divmod(np.arange(4 ** (BITS - 1)), 2 ** (BITS - 1))


def initial_weights(hyperparameters):
    """W_in (2, hidden), W (hidden, hidden) and W_out (hidden, 1), normally distributed."""
    generator = np.random.default_rng(hyperparameters.seed)
    hidden = hyperparameters.hidden_size
    weights = {}
    for name, (fan_in, fan_out) in {"W_in": (2, hidden), "W": (hidden, hidden), "W_out": (hidden, 1)}.items():
        std = {
            "normal": hyperparameters.weight_init_std,
            "xavier": (2 / (fan_in + fan_out)) ** 0.5,
            "he": (2 / fan_in) ** 0.5,
        }[hyperparameters.init]
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
    """The gradients of `loss_of`, by back-propagation through time; shapes as the weights'."""
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


def largest_gradient_error(activation, seed=0, step=1e-6):
    """The largest relative difference between `backward` and central differences, over all weights of a small net."""
    generator = np.random.default_rng(seed)
    weights = initial_weights(Hyperparameters(hidden_size=5, seed=seed))
    inputs, targets = additions(*generator.integers(0, 128, (2, 3)))
    gradients = backward(weights, inputs, targets, *forward(weights, inputs, activation), activation)
    worst = 0.0
    for name, weight in weights.items():
        for place in np.ndindex(weight.shape):
            before, losses = weight[place], []
            for change in (step, -step):
                weight[place] = before + change
                losses.append(loss_of(forward(weights, inputs, activation)[1], targets))
            weight[place] = before
            numeric, exact = (losses[0] - losses[1]) / (2 * step), gradients[name][place]
            worst = max(worst, abs(numeric - exact) / max(1e-4, abs(numeric) + abs(exact)))
    return worst


def exact_match(weights, activation):
    """The share of all 16,384 pairs of which every bit of the sum is right; 0 if the states overflow."""
    inputs, targets = additions(*all_pairs())
    _, outputs = forward(weights, inputs, activation)
    return float(((outputs > 0.5) == targets).all(axis=1).mean())


def train(hyperparameters, report=None):
    """Learn from one random pair an iteration.

    Args:
        report: called ten times a training with the iteration, its mean loss, the pair, and the sum that was said.

    Returns:
        The weights, the losses (means of `plot_interval` iterations), and the iteration at which the run diverged,
        or None. It ends early if the gradient is no longer a number, with the weights before that.
    """
    generator = np.random.default_rng(hyperparameters.seed + 1)
    weights, activation = initial_weights(hyperparameters), hyperparameters.activation
    losses, points, diverged = [], [], None
    for iteration in range(1, hyperparameters.iterations + 1):
        a, b = generator.integers(0, 2 ** (BITS - 1), (2, 1))
        inputs, targets = additions(a, b)
        with np.errstate(over="ignore", invalid="ignore"):  # found out and said below
            states, outputs = forward(weights, inputs, activation)
            gradients = backward(weights, inputs, targets, states, outputs, activation)
            longest = np.abs(np.concatenate(states) @ weights["W_out"]).max()
        if diverged is None and not longest <= OVERFLOW:
            diverged = iteration
        if not all(np.isfinite(gradient).all() for gradient in gradients.values()):
            return weights, points, diverged or iteration
        for name, gradient in gradients.items():
            weights[name] = weights[name] - hyperparameters.learning_rate * gradient
        losses.append(loss_of(outputs, targets))
        if iteration % hyperparameters.plot_interval == 0:
            points.append(float(np.mean(losses[-hyperparameters.plot_interval :])))
        if report and iteration % max(1, hyperparameters.iterations // 10) == 0:
            report(iteration, np.mean(losses[-hyperparameters.plot_interval :]), a[0], b[0], numbers_of(outputs > 0.5))
    return weights, points, diverged


def carry_correlations(weights, activation):
    """The correlation of each unit's state with the carry, over all pairs and steps: (hidden,); 0 if it never moves."""
    a, b = all_pairs()
    states, _ = forward(weights, additions(a, b)[0], activation)
    low = 2 ** np.arange(1, BITS + 1)
    carry = (a[:, None] % low + b[:, None] % low >= low).T.ravel()  # out of each step, (time * batch,)
    units = np.concatenate(states[1:]).T  # (hidden, time * batch)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num([np.corrcoef(unit, carry)[0, 1] for unit in units])


def draw(losses, correlations, hyperparameters, path):
    """Draw the loss by iteration, and how much each unit has to do with the carry."""
    from common import plots

    figure, axes = plots.plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
    axes[0].plot(np.arange(1, len(losses) + 1) * hyperparameters.plot_interval, losses)
    axes[0].set(xlabel="iteration", ylabel="loss of a sum", ylim=(0, None))
    axes[1].bar(range(len(correlations)), correlations)
    axes[1].set(xlabel="hidden unit", ylabel="correlation with the carry", ylim=(-1, 1))
    plots.save(figure, path)


def conclusion(losses, diverged, match, correlations):
    """Three lines about a run."""
    course = (
        f"went from {losses[0]:.3f} to {losses[-1]:.4f}" if losses else "has no point: shorter than a plot interval"
    )
    end = f"it diverged at iteration {diverged}" if diverged else "it did not diverge"
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
    run = start_run("binary_addition_numpy", hyperparameters)
    started = time.perf_counter()

    def report(iteration, loss, a, b, said):
        print(f"iteration {iteration}: loss {loss:.4f}; {a} + {b} = {said[0]}{'' if a + b == said[0] else ', wrong'}")

    weights, losses, diverged = train(hyperparameters, report)
    seconds = time.perf_counter() - started
    if diverged:
        print(f"diverged at iteration {diverged}: {ADVICE}")
    with np.errstate(over="ignore", invalid="ignore"):  # after a divergence
        match = exact_match(weights, hyperparameters.activation)
        correlations = carry_correlations(weights, hyperparameters.activation)
    draw(losses, correlations, hyperparameters, run / "binary_addition_numpy.png")
    metrics = {"exact_match": match, "diverged_at": diverged, "losses": losses, "carry_correlations": [*correlations]}
    finish_run(run, run.parent.name, metrics | {"seed": hyperparameters.seed, "training_seconds": seconds})
    print("\nConclusion", *conclusion(losses, diverged, match, correlations), f"pictures are in {run}", sep="\n")


if __name__ == "__main__":
    run_script(main, Hyperparameters)
