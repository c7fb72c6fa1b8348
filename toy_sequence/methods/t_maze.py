"""Which way to turn? A sign at the start said it, long ago. Deep Q-learning with and without a memory.

    python toy_sequence/methods/t_maze.py                     # under two minutes

The maze (maze.py, with Gymnasium's interface) is a corridor with a junction at its end; one of the two arms hides a
reward of 4. The sign at the start says which. From there to the junction all steps look alike, so that a player without
a memory is right in half of the cases, however long it learns. Nobody tells the network the way: it sees observations
o_t, tries actions a_t and gets rewards r_t. What it learns is Q(o_1 ... o_t, a), the discounted sum of the rewards from
here on if it takes action a now and the best ones later:

    target y_t = r_t + discount * max_a Q'(o_1 ... o_{t+1}, a)         loss = mean of (Q(o_1 ... o_t, a_t) - y_t)^2

    observations (batch, time, 3) -> dense or GRU (batch, time, hidden) -> the value of 4 actions (batch, time, 4)

    no memory    dense layer: Q(o_t, a) knows the last observation only        Mnih et al. 2015
    recurrent    GRU; learns from whole episodes                               Hausknecht & Stone 2015
    double       the same; Q chooses the action in the target, Q' values it    van Hasselt, Guez & Silver 2016

In each round the network plays in 32 mazes at once: first at random, later with 5 % of random actions. All episodes
go into the replay memory. Then it learns from batches of past episodes, padded at the end and masked in the loss. Now
and then Q', the target network, becomes a copy of it (q_learning.py).

The test: two mazes, one with each sign, without a random action. Maze and network leave nothing to chance there, so
that two are enough: 0, 1 or 2 goals reached. A training has learned if it reached both in each of the last ten rounds.

References: Watkins & Dayan 1992, Q-learning. Bakker 2002, Reinforcement learning with long short-term memory. Towers
et al. 2024, Gymnasium: a standard interface for reinforcement learning environments.
"""

import time
from dataclasses import dataclass

import numpy as np

from common import InputError
from common.cli import Count, LearningRate, Share, Size, run_script, start_tensorflow
from common.runs import NamedRunOptions, finish_run, start_run
from common.tables import print_table

METHODS = {  # name -> with a memory, double
    "no memory": (False, False),
    "recurrent": (True, False),
    "double": (True, True),
}
LAST = 10  # rounds whose tests are the success of a training
OTHER_LENGTHS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 40, 60, 80)  # of the mazes in which the trained networks are tested


@dataclass(frozen=True)
class Hyperparameters(NamedRunOptions):
    lengths: tuple[Count, ...] = (5, 10, 20)  # of the corridor, in steps
    repeats: Count = 5  # trainings of each method at each length, with different seeds
    rounds: Count = 120  # of play and learning
    mazes: Count = 32  # played at once in each round
    updates: Count = 5  # batches that it learns from in each round
    batch_size: Count = 64  # episodes
    copy_every: Count = 2  # rounds, after which the target network becomes a copy of the network
    remembered: Count = 1000  # episodes in the replay memory; the oldest make room
    exploring: Share = 0.05  # share of random actions; falls from 1 to this in the first third of the rounds
    discount: Share = 0.98  # of rewards, a step
    hidden_size: Size = 32  # units
    learning_rate: LearningRate = 0.01  # of Adam at the start; falls to 0 along half a cosine

    def __post_init__(self):
        super().__post_init__()
        if not self.lengths or len(set(self.lengths)) < len(self.lengths):
            raise InputError(f"--lengths is {' '.join(map(str, self.lengths))}; give one or more, all different")
        if self.remembered < self.mazes:
            raise InputError(f"--remembered is {self.remembered}; it must be at least --mazes, {self.mazes}")


def study(learner, length, options):
    """All trainings of a method in mazes of one length.

    Returns:
        A dict: `curves` of success (repeats, rounds); `elsewhere`, success at OTHER_LENGTHS (repeats, lengths);
        `predicted`, the highest value at the start, and `got`, the discounted rewards that followed, (repeats,) each.
    """
    from toy_sequence.methods.episodes import measure
    from toy_sequence.methods.q_learning import train

    results = {"curves": [], "elsewhere": [], "predicted": [], "got": []}
    for seed in range(options.seed, options.seed + options.repeats):
        curve, weights = train(learner, length, seed)
        reached, predicted, got = measure(weights, (length, *OTHER_LENGTHS), options.discount)
        results["curves"].append(curve)
        results["elsewhere"].append(reached[1:])
        results["predicted"].append(predicted[0])
        results["got"].append(got[0])
    return {name: np.array(values) for name, values in results.items()}


def last_success(result):
    """The share of goals in the tests of the last rounds, (repeats,)."""
    return result["curves"][:, -LAST:].mean(axis=1)


def row(name, length, result, options):
    """A line of the table; what is said and what is got are means over the trainings."""
    last = last_success(result)
    halfway = result["curves"].mean(axis=0) > 0.75
    episodes = (int(halfway.argmax()) + 1) * options.mazes if halfway.any() else "-"
    return (
        f"{name}, {length} steps",
        *(float(pick(last)) for pick in (np.mean, np.min, np.max)),
        f"{(last == 1).sum()} of {len(last)}",
        episodes,
        *(f"{result[key].mean():.2f}" for key in ("predicted", "got")),
        f"{4 * options.discount**length:.2f}",
    )


def conclusion(results, options):
    """Three lines about the results: method -> length -> what `study` returns."""

    def by_length(figures):
        return ", ".join(f"{length} steps {figure}" for length, figure in figures.items())

    blind = [share for result in results["no memory"].values() for share in last_success(result)]
    learned = {
        name: by_length({length: f"{(last_success(result) == 1).mean():.0%}" for length, result in by.items()})
        for name, by in results.items()
        if name != "no memory"
    }
    too_high = {
        name: by_length({length: f"{(r['predicted'] - r['got']).mean():+.2f}" for length, r in by.items()})
        for name, by in results.items()
        if name != "no memory"
    }
    return [
        f"Without a memory {min(blind):.0%} to {max(blind):.0%} of the goals are reached: the sign is not in sight.",
        f"Trainings that reach all goals: {'; '.join(f'{name}, {text}' for name, text in learned.items())}.",
        f"Value at the start minus rewards: {'; '.join(f'{name}, {text}' for name, text in too_high.items())}.",
    ]


def main(options: Hyperparameters) -> None:
    start_tensorflow(options)
    from toy_sequence.methods import pictures
    from toy_sequence.methods.q_learning import Learner

    run, started = start_run("t_maze", options), time.perf_counter()
    results, rows = {}, []
    for name, (memory, double) in METHODS.items():
        learner = Learner(memory, double, options)
        results[name] = {}
        for length in options.lengths:
            results[name][length] = result = study(learner, length, options)
            rows.append(row(name, length, result, options))
            print(f"{name}, {length} steps: {last_success(result).mean():.3f} of the goals reached", flush=True)
    seconds = time.perf_counter() - started
    print()
    header = "", "success", "lowest", "highest", "learned", "episodes to 0.75", "value at start", "got", "possible"
    print_table(header, rows)
    pictures.mazes(results, OTHER_LENGTHS, options.mazes, run / "t_maze.png")
    figures = {
        name: {length: {"success": last_success(result).tolist()} for length, result in by.items()}
        for name, by in results.items()
    }
    finish_run(run, "t_maze", {"results": figures, "seed": options.seed, "training_seconds": seconds})
    print("\nConclusion", *conclusion(results, options), f"pictures are in {run}", sep="\n")


if __name__ == "__main__":
    run_script(main, Hyperparameters)
