"""Deep Q-learning, with and without a memory. `t_maze.py` uses it; `episodes.py` plays.

References: Watkins & Dayan 1992, Q-learning. Mnih et al. 2015, Human-level control through deep reinforcement learning
(replay, target network). Hausknecht & Stone 2015, Deep recurrent Q-learning for partially observable MDPs (whole
episodes). Van Hasselt, Guez & Silver 2016, Deep reinforcement learning with double Q-learning.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from common.fast_rnn import GRU
from toy_sequence.methods.episodes import ACTIONS, INPUTS, Episodes, empty, play, sample, success
from toy_sequence.methods.maze import NORTH, SOUTH, TMaze

NUMBERS = tf.TensorSpec((None, None))  # (batch, time), both of any size: one graph for all
ANY_EPISODES = Episodes(
    tf.TensorSpec((None, None, INPUTS)), tf.TensorSpec((None, None), tf.int32), NUMBERS, NUMBERS, NUMBERS
)


def build_model(hidden_size, memory):
    """Observations (batch, time, 3) -> a hidden layer (batch, time, hidden) -> the value of each action (batch, time,
    4): the discounted sum of the rewards that follow if all later actions are the best.

    The hidden layer is a GRU or, without a memory, dense.
    """
    hidden = GRU(hidden_size, return_sequences=True) if memory else layers.Dense(hidden_size, "tanh")
    return keras.Sequential([keras.Input((None, INPUTS)), hidden, layers.Dense(ACTIONS)])


def targets(episodes, values, target_values, discount, double):
    """What the value of each action should have been: its reward, and the value of what came after it.

        plain    y_t = r_t + discount * max_a Q'(o_{t+1}, a)
        double   y_t = r_t + discount * Q'(o_{t+1}, argmax_a Q(o_{t+1}, a))

    Q' is the target network, a copy of the network Q as it was a while ago. A maximum of noisy values is too large on
    average; with double, one network chooses the action and the other one says what it is worth. After the end of an
    episode comes nothing, y_t = r_t; after one that was broken off, something would have come.

    Args:
        values, target_values: of Q and Q' at all observations, (batch, time + 1, 4).

    Returns:
        (batch, time).
    """
    chosen = tf.argmax((values if double else target_values)[:, 1:], axis=-1)  # (batch, time)
    after = tf.gather(target_values[:, 1:], chosen, batch_dims=2)  # (batch, time)
    return episodes.rewards + discount * (1 - episodes.terminated) * after


def squared_error(episodes, values, wanted):
    """Mean over the real steps of (value of the action that was taken - wanted)^2.

    Args:
        values: at all observations, (batch, time + 1, 4).
        wanted: (batch, time).
    """
    taken = tf.gather(values[:, :-1], episodes.actions, batch_dims=2)  # (batch, time)
    return tf.reduce_sum(episodes.real * (taken - wanted) ** 2) / tf.reduce_sum(episodes.real)


class Learner:
    """A network, its target network and its optimizer. TensorFlow's graph is made once for all trainings."""

    def __init__(self, memory, double, options):
        self.options, self.memory, self.double = options, memory, double
        self.network, self.target = (build_model(options.hidden_size, memory) for _ in range(2))
        rate = keras.optimizers.schedules.CosineDecay(options.learning_rate, options.rounds * options.updates)
        self.optimizer = keras.optimizers.Adam(rate, clipnorm=1.0)
        self.optimizer.build(self.network.trainable_variables)
        self.fresh = [keras.ops.convert_to_numpy(variable) for variable in self.optimizer.variables]

    def start_anew(self, seed):
        """New weights; the optimizer forgets what it has kept."""
        keras.utils.set_random_seed(seed)
        self.network.set_weights(build_model(self.options.hidden_size, self.memory).get_weights())
        for variable, value in zip(self.optimizer.variables, self.fresh, strict=True):
            variable.assign(value)

    @tf.function(input_signature=[ANY_EPISODES])
    def learn(self, episodes):
        """One step of Adam. The padding stands behind the real steps and so cannot change their values; the mask of
        `squared_error` keeps its own values out of the loss."""
        with tf.GradientTape() as tape:
            values = self.network(episodes.observations)
            target_values = self.target(episodes.observations)
            wanted = targets(episodes, values, target_values, self.options.discount, self.double)
            loss = squared_error(episodes, values, tf.stop_gradient(wanted))
        variables = self.network.trainable_variables
        self.optimizer.apply(tape.gradient(loss, variables), variables)
        return loss


def train(learner, length, seed):
    """Train from new weights in mazes of one length.

    Returns:
        The curve: after each round, the share of goals reached without exploring (rounds,); and the weights.
    """
    options = learner.options
    learner.start_anew(seed)
    generator = np.random.default_rng(seed)
    mazes = [TMaze(length) for _ in range(options.mazes + 2)]
    for maze in mazes:
        maze.reset(seed=int(generator.integers(2**31)))
    goals = [None] * options.mazes + [NORTH, SOUTH]  # in the last two the network is tested, and learns nothing
    memory, played, curve = empty(options.remembered, mazes[0].limit), 0, []
    for number in range(options.rounds):
        if number % options.copy_every == 0:
            learner.target.set_weights(learner.network.get_weights())
        epsilon = max(options.exploring, 1 - 3 * number / options.rounds)
        explore = np.array([epsilon] * options.mazes + [0, 0])
        episodes, _ = play(learner.network.get_weights(), mazes, goals, explore, generator)
        curve.append(success(episodes)[-2:].mean())
        rows = np.arange(played, played + options.mazes) % options.remembered  # the oldest episodes make room
        for kept, new in zip(memory, episodes, strict=True):
            kept[rows] = new[:-2]
        played += options.mazes
        for _ in range(options.updates):
            learner.learn(sample(memory, min(played, options.remembered), options.batch_size, generator))
    return np.array(curve), learner.network.get_weights()
