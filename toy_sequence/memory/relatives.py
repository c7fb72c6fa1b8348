"""Three relatives of today's recurrent networks: Jordan's network, Hopfield's, and the hidden Markov model.

    python toy_sequence/memory/relatives.py                   # a bit over a minute

**Jordan and Elman.** Elman's network feeds its hidden units back, Jordan's its answers. Both get one bit a step, and
have to say whether the number of ones so far is odd; the answer is due 0, 1 or 2 steps late. Without delay the last
answer is all that one has to remember. With a delay the network must also remember bits that it has not answered yet.

    bits (batch, time, 1) -> RNN(cell) (batch, time, hidden) -> answers (batch, time, 1)

**Hopfield** (hopfield.py). N units of -1 or 1, each joined to each, hold P patterns in their weights. Started from a
damaged pattern, the network comes to rest. The overlap with the pattern, s x / N, is 1 where all is restored. For many
units, theory says that this breaks down at P/N = 0.138, the capacity.

**Hidden Markov model** (hidden_markov.py). A casino changes secretly between a fair die and one that shows 6 half of
the time. The state is not a vector that is computed, but a die that can only be guessed. P(die | rolls so far) comes
from a recurrent layer, linear but for a division; forward-backward looks at later rolls as well, as a bidirectional
layer does; Viterbi finds the most probable sequence of dice; Baum-Welch learns the dice from rolls alone.

References: Jordan 1986. Elman 1990. The others stand in the two files.
"""

import time
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from common.cli import Bounds, Count, LearningRate, Share, Size, run_script, start_tensorflow
from common.runs import NamedRunOptions, finish_run, start_run
from common.tables import print_table
from toy_sequence.memory.hidden_markov import CHANGES, DICE, baum_welch, forward_backward, play, viterbi
from toy_sequence.memory.hopfield import overlaps, ring_restored, theory

DELAYS = (0, 1, 2)
PARTS = 20  # of the training; each gives one point of the curves
LOADS = (0.05, 0.09, 0.11, 0.12, 0.13, 0.135, 0.14, 0.145, 0.15, 0.16, 0.18, 0.22)  # patterns per unit


Side = Annotated[int, Bounds(least=8, below=101)]
RESTORED = 0.9  # mean overlap from which a load counts as held


@dataclass(frozen=True)
class Hyperparameters(NamedRunOptions):
    hidden_size: Size = 16  # units of Jordan's and Elman's network
    sequence_length: Count = 12  # bits
    batch_size: Count = 64  # sequences
    steps: Count = 1500  # of training
    learning_rate: LearningRate = 0.01  # of Adam
    side: Side = 40  # patterns of the largest Hopfield network have side x side units
    damaged: Share = 0.1  # share of the pattern that is turned round before it is to be restored
    sequences: Count = 100  # that the casino rolls for Baum-Welch, and as many to test
    rolls: Count = 200  # in each
    rounds: Count = 100  # of Baum-Welch


def odd_ones(count, length, delay, generator):
    """Random bits, and whether the number of ones up to `delay` steps ago is odd, both (count, length, 1)."""
    bits = generator.integers(0, 2, (count, length, 1)).astype("float32")
    answers = np.zeros_like(bits)
    answers[:, delay:] = np.cumsum(bits, axis=1)[:, : length - delay] % 2
    return bits, answers


def train(cell, delay, hyperparameters):
    """The share of right answers on new sequences after each of `PARTS` of the training, and at the end on sequences
    ten times as long."""
    import keras

    from toy_sequence.memory import cells

    keras.utils.set_random_seed(hyperparameters.seed)
    layers = [keras.layers.RNN(getattr(cells, cell)(hyperparameters.hidden_size), return_sequences=True)]
    if cell == "SimpleRNNCell":  # Jordan's cell answers by itself
        layers.append(keras.layers.Dense(1, "sigmoid"))
    model = keras.Sequential([keras.Input((None, 1)), *layers])
    model.compile(keras.optimizers.Adam(hyperparameters.learning_rate, clipnorm=1.0), "bce", jit_compile=False)
    generator = np.random.default_rng(hyperparameters.seed)
    length, size, shares = hyperparameters.sequence_length, hyperparameters.batch_size, []
    for _ in range(PARTS):
        model.fit(*odd_ones(max(1, hyperparameters.steps // PARTS) * size, length, delay, generator), size, verbose=0)
        shares.append(right(model, delay, *odd_ones(200, length, delay, generator)))
    return shares, right(model, delay, *odd_ones(200, 10 * length, delay, generator))


def right(model, delay, bits, answers):
    """The share of right answers from the step on where the first is due; bits and answers are (count, time, 1)."""
    hits = (model.predict(bits, verbose=0) > 0.5) == answers
    return float(hits[:, delay:].mean())


def casino(hyperparameters):
    """Learn the dice, then guess on new rolls which die was thrown.

    Returns:
        The learned dice; a dict of the share of right guesses by method, with the learned dice and with the true ones;
        of the first new sequence the dice, the rolls and P(loaded | all rolls), with the learned dice.
    """
    generator = np.random.default_rng(hyperparameters.seed)
    shape = hyperparameters.sequences, hyperparameters.rolls
    changes, dice, _ = baum_welch(play(*shape, generator)[1], hyperparameters.rounds, generator)
    thrown, rolls = play(*shape, generator)
    shares = {"always fair": [float((thrown == 0).mean())] * 2}
    for model in ((changes, dice), (CHANGES, DICE)):
        filtered, smoothed, *_ = forward_backward(rolls, *model)
        guesses = filtered.argmax(axis=2), smoothed.argmax(axis=2), viterbi(rolls, *model)
        for name, guess in zip(("rolls so far", "all rolls", "Viterbi"), guesses, strict=True):
            shares.setdefault(name, []).append(float((guess == thrown).mean()))
    smoothed = forward_backward(rolls, changes, dice)[1]
    return dice, shares, (thrown[0], rolls[0], smoothed[0, :, 1])


def conclusion(answers, held, dice, shares):
    """Three lines: shares of right answers by network and delay, the load held, the dice and the shares of guesses."""
    late = {name: ", ".join(f"{share:.2f}" for share in values) for name, values in answers.items()}
    return [
        f"Delay {', '.join(map(str, DELAYS))}: Elman {late['Elman']} right; Jordan {late['Jordan']}.",
        f"The largest Hopfield network holds {held} patterns a unit; theory says {theory()[0][-1]:.3f}.",
        f"The loaded die shows 6 in {DICE[1, 5]:.2f} of its rolls; learned from rolls alone: {dice[1, 5]:.2f}. "
        f"It guesses {shares['all rolls'][0]:.3f} of the dice right, with the true dice {shares['all rolls'][1]:.3f}.",
    ]


def main(hyperparameters: Hyperparameters) -> None:
    start_tensorflow(hyperparameters)
    from toy_sequence.memory import pictures

    run = start_run("relatives", hyperparameters)
    started, curves, answers, rows = time.perf_counter(), {}, {"Jordan": [], "Elman": []}, []
    for delay in DELAYS:
        for name, cell in (("Jordan", "JordanCell"), ("Elman", "SimpleRNNCell")):
            curves[name, delay], longer = train(cell, delay, hyperparameters)
            answers[name].append(curves[name, delay][-1])
            rows.append((f"{name}, delay {delay}", curves[name, delay][-1], longer))
            print(f"{name}, delay {delay}: {answers[name][-1]:.3f} right", flush=True)
    seconds, length = time.perf_counter() - started, hyperparameters.sequence_length
    print()
    print_table(("right answers", f"{length} bits", f"{10 * length} bits"), rows)

    capacity = {}
    for units in ((hyperparameters.side // part) ** 2 for part in (4, 2, 1)):
        generator = np.random.default_rng(hyperparameters.seed)
        networks = hyperparameters.side**2 // units  # fewer of the larger ones
        capacity[units] = [
            np.mean([overlaps(units, load, hyperparameters.damaged, generator) for _ in range(networks)])
            for load in LOADS
        ]
    held = max((load for load, mean in zip(LOADS, capacity[units], strict=True) if mean >= RESTORED), default=0)
    print()
    print_table(("overlap at load", *LOADS), [(f"{units} units", *map(float, row)) for units, row in capacity.items()])
    rings = [
        ring_restored(hyperparameters.side, load, 0.2, np.random.default_rng(hyperparameters.seed))
        for load in (0.1, 0.2)
    ]

    dice, shares, shown = casino(hyperparameters)
    print()
    print_table(("dice guessed right by", "learned", "true dice"), [(name, *pair) for name, pair in shares.items()])
    pictures.relatives(curves, LOADS, capacity, theory(), rings, (DICE, dice), shown, run / "relatives.png")
    metrics = {"right": answers, "capacity": held, "dice": dice.tolist(), "guessed": shares}
    finish_run(run, "relatives", metrics | {"seed": hyperparameters.seed, "training_seconds": seconds})
    print("\nConclusion", *conclusion(answers, held, dice, shares), f"pictures are in {run}", sep="\n")


if __name__ == "__main__":
    run_script(main, Hyperparameters)
