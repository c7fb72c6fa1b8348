"""Playing in mazes, and the episodes that come of it; NumPy only."""

from typing import NamedTuple

import numpy as np

from toy_sequence.methods.maze import GOAL, NORTH, SOUTH, TMaze

ACTIONS, INPUTS = int(TMaze.action_space.n), TMaze.observation_space.shape[0]


class Episodes(NamedTuple):
    """Episodes side by side; the short ones are padded with zeros."""

    observations: np.ndarray  # (episodes, time + 1, 3): one more than actions
    actions: np.ndarray  # (episodes, time)
    rewards: np.ndarray  # (episodes, time)
    terminated: np.ndarray  # (episodes, time), 1 where the episode came to its end; it may also be broken off
    real: np.ndarray  # (episodes, time), 1 for steps that were played, 0 for padding


def empty(count, time):
    """Episodes of padding only."""
    floats = (np.zeros((count, time), "float32") for _ in range(3))
    return Episodes(np.zeros((count, time + 1, INPUTS), "float32"), np.zeros((count, time), "int32"), *floats)


def one_step(weights, observations, state):
    """What the model does at one step, in NumPy: to call TensorFlow for so little takes ten times as long.

    Args:
        weights: of the model, as `get_weights` returns them.
        observations: (batch, 3).
        state: (batch, hidden), zeros at the start.

    Returns:
        The values (batch, 4) and the next state.
    """
    *hidden, output, output_bias = weights
    if len(hidden) == 2:  # the dense layer, without a memory
        state = np.tanh(observations @ hidden[0] + hidden[1])
    else:
        kernel, recurrent, bias = hidden
        from_input = np.split(observations @ kernel + bias[0], 3, axis=1)
        from_state = np.split(state @ recurrent + bias[1], 3, axis=1)
        z, r = (1 / (1 + np.exp(-from_input[gate] - from_state[gate])) for gate in (0, 1))
        state = z * state + (1 - z) * np.tanh(from_input[2] + r * from_state[2])
    return state @ output + output_bias, state


def play(weights, mazes, goals, epsilon, generator):
    """Play one episode in each maze, in all mazes at once.

    Args:
        weights: of the network.
        mazes: a list of TMaze.
        goals: one for each maze, or None for a random one.
        epsilon: (mazes,), the share of actions that are random; all others are those of the highest value.

    Returns:
        The episodes, and the highest value that the network gave at the start (mazes,).
    """
    count, time = len(mazes), max(maze.limit for maze in mazes)
    episodes, running = empty(count, time), np.ones(count, bool)
    for number, (maze, goal) in enumerate(zip(mazes, goals, strict=True)):
        episodes.observations[number, 0], _ = maze.reset(options=None if goal is None else {"goal": goal})
    state = np.zeros((count, len(weights[-2])), "float32")
    for t in range(time):
        values, state = one_step(weights, episodes.observations[:, t], state)
        if t == 0:
            at_start = values.max(axis=1)
        explore = generator.random(count) < epsilon
        actions = np.where(explore, generator.integers(ACTIONS, size=count), values.argmax(axis=1))
        for number in np.flatnonzero(running):
            observation, reward, terminated, truncated, _ = mazes[number].step(actions[number])
            episodes.observations[number, t + 1] = observation
            episodes.rewards[number, t], episodes.terminated[number, t] = reward, terminated
            episodes.actions[number, t], episodes.real[number, t] = actions[number], 1
            running[number] = not (terminated or truncated)
        if not running.any():
            break
    return episodes, at_start


def success(episodes):
    """Whether each episode ended at the goal, (episodes,)."""
    return (episodes.rewards == GOAL).any(axis=1)


def sample(memory, filled, count, generator):
    """Some of the first `filled` episodes of a memory, without the steps that are padding in all of them."""
    rows = generator.integers(filled, size=count)
    time = int(memory.real[rows].sum(axis=1).max())
    return Episodes(memory.observations[rows, : time + 1], *(part[rows, :time] for part in memory[1:]))


def measure(weights, lengths, discount):
    """Play without exploring, one maze with each sign for each length.

    Returns:
        By length, all (lengths,): the share of goals reached; the highest value that the network gives at the start;
        and what it should have said, the discounted sum of the rewards that followed.
    """
    mazes = [TMaze(length) for length in lengths for _ in range(2)]
    episodes, at_start = play(weights, mazes, [NORTH, SOUTH] * len(lengths), 0, np.random.default_rng(0))
    rewards = episodes.rewards @ discount ** np.arange(episodes.rewards.shape[1])
    return [figure.reshape(-1, 2).mean(axis=1) for figure in (success(episodes), at_start, rewards)]
