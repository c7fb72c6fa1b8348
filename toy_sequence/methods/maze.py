"""A maze in the shape of a T that cannot be left without a memory (Bakker 2002), with the interface of Gymnasium.

    sign                                          goal?
    start - corridor - corridor - ... - corridor - junction
                                                  goal?

A sign at the start says whether the goal lies north or south of the junction. It is seen at the start only; the steps
of the corridor look all alike.
"""

import gymnasium
import numpy as np

NORTH, EAST, SOUTH, WEST = range(4)  # actions
NORTH_SIGN, SOUTH_SIGN, CORRIDOR, JUNCTION = np.array(
    [[0, 1, 1], [1, 1, 0], [1, 0, 1], [0, 1, 0]], "float32"
)  # what is seen, as in the paper
GOAL, WRONG = 4.0, -0.1  # rewards: of the goal; of the wrong turn, and of a step that does not lead on


class TMaze(gymnasium.Env):
    """The T-maze of Bakker 2002, Reinforcement learning with long short-term memory.

    Only a step east leads on, until the junction; there, only a turn. Any turn at the junction ends the episode: the
    right one with a reward of 4, the wrong one with -0.1. A step that leads on is worth 0, any other -0.1. In the paper
    a step back west is worth 0, too. Then a player that still walks at random needs about length² steps to
    arrive; here it soon learns to walk east, because this is a lesson on memory and not on exploration.

    Observations: (3,) zeros and ones. Actions: NORTH, EAST, SOUTH, WEST.

    Args:
        length: steps east from the start to the junction; at least 1.
        limit: steps after which an unfinished episode is broken off (`truncated`); by default twice as many as needed.
    """

    observation_space = gymnasium.spaces.Box(0, 1, (3,), np.float32)
    action_space = gymnasium.spaces.Discrete(4)

    def __init__(self, length, limit=None):
        self.length, self.limit = length, limit or 2 * (length + 1)

    def reset(self, *, seed=None, options=None):
        """Back to the start, with a random goal, or with that of `options={"goal": NORTH}`. Returns the observation
        and a dict with the goal, which is not meant for the player."""
        super().reset(seed=seed)
        drawn = NORTH if self.np_random.random() < 0.5 else SOUTH
        self.goal = (options or {}).get("goal", drawn)
        self.place = self.steps = 0
        return self._see(), {"goal": self.goal}

    def step(self, action):
        """One action: observation, reward, terminated, truncated, and the dict of `reset`."""
        self.steps += 1
        reward, terminated = WRONG, False
        if self.place == self.length and action in (NORTH, SOUTH):
            reward, terminated = GOAL if action == self.goal else WRONG, True
        elif self.place < self.length and action == EAST:
            reward, self.place = 0.0, self.place + 1
        elif self.place > 0 and action == WEST:
            self.place -= 1
        truncated = not terminated and self.steps >= self.limit
        return self._see(), reward, terminated, truncated, {"goal": self.goal}

    def _see(self):
        if self.place == 0:
            return (NORTH_SIGN if self.goal == NORTH else SOUTH_SIGN).copy()
        return (JUNCTION if self.place == self.length else CORRIDOR).copy()
