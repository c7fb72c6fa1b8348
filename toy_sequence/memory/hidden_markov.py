"""A hidden Markov model: the casino that changes its dice (Durbin, Eddy, Krogh & Mitchison 1998). See relatives.py.

    changes A (dice, dice): the probability of each die after each        dice B (dice, 6): that of each side

The first die is either with the same probability. Reference: Rabiner 1989, A tutorial on hidden Markov models.
"""

import numpy as np

CHANGES = np.array([[0.95, 0.05], [0.1, 0.9]])  # A: fair, loaded
DICE = np.array([[1 / 6] * 6, [0.1] * 5 + [0.5]])  # B


def play(count, rolls, generator):
    """Which die is thrown, 0 fair or 1 loaded, and what it shows, 0 to 5; both (count, rolls)."""
    dice = generator.integers(0, 2, (count, rolls))
    for t in range(1, rolls):
        dice[:, t] = generator.random(count) < CHANGES[dice[:, t - 1], 1]
    return dice, (generator.random((count, rolls, 1)) > DICE.cumsum(axis=1)[dice]).sum(axis=2)


def forward_backward(rolls, changes, dice):
    """What rolls (count, time) say about the dice.

    The first is a recurrent layer: p_t is p_{t-1} A, times the probabilities of the roll, scaled to sum 1.

    Returns:
        P(die | rolls so far) and P(die | all rolls), (count, time, dice); the expected number of changes from each die
        to each (dice, dice); the mean of log P(rolls).
    """
    seen = dice.T[rolls]  # P(roll | die), (count, time, dice)
    forward, backward, scale = np.ones_like(seen), np.ones_like(seen), np.ones((*rolls.shape, 1))
    for t in range(rolls.shape[1]):
        p = (forward[:, t - 1] @ changes if t else 1 / len(changes)) * seen[:, t]
        scale[:, t] = p.sum(axis=1, keepdims=True)  # P(roll at t | rolls before)
        forward[:, t] = p / scale[:, t]
    later = seen / scale
    for t in reversed(range(1, rolls.shape[1])):
        backward[:, t - 1] = (backward[:, t] * later[:, t]) @ changes.T
    pairs = changes * np.einsum("sti,stj->ij", forward[:, :-1], (backward * later)[:, 1:])
    return forward, forward * backward, pairs, float(np.log(scale).sum(axis=1).mean())


def viterbi(rolls, changes, dice):
    """The most probable sequence of dice (count, time)."""
    seen, from_which = np.log(dice.T[rolls]), []
    best = seen[:, 0]
    for t in range(1, rolls.shape[1]):
        ways = best[:, :, None] + np.log(changes)  # (count, from, to)
        from_which.append(ways.argmax(axis=1))
        best = ways.max(axis=1) + seen[:, t]
    path = [best.argmax(axis=1)]
    for came in reversed(from_which):
        path.append(came[np.arange(len(rolls)), path[-1]])
    return np.stack(path[::-1], axis=1)


def baum_welch(rolls, rounds, generator):
    """Learn changes and dice from rolls alone, from random dice that are seldom changed; and log P(rolls) by round."""
    changes, dice, logs = np.array([[0.8, 0.2], [0.2, 0.8]]), generator.dirichlet([5] * 6, 2), []
    for _ in range(rounds):
        _, smoothed, pairs, log = forward_backward(rolls, changes, dice)
        logs.append(log)
        changes = pairs / pairs.sum(axis=1, keepdims=True)
        dice = np.stack([smoothed[rolls == side].sum(axis=0) for side in range(6)], axis=1)
        dice /= dice.sum(axis=1, keepdims=True)
    order = dice[:, 5].argsort()  # the die that shows 6 more often is called loaded
    return changes[order][:, order], dice[order], logs
