"""Which cell remembers for how long? The adding problem and the copy task, at lags from 10 to 5,000.

    python toy_sequence/memory/lags.py                        # about three minutes
    python toy_sequence/memory/lags.py --budget 400000        # more patience

adding: at every step a random number between 0 and 1 comes in, together with a mark. The mark is 1 at two steps, one in
each half of the sequence; the answer after the last step is the sum of the two marked numbers. The lag is the length of
the sequence. An answer is right if its error is below 0.1; answering 1 every time is right in 19 % of the cases.

copy: three letters out of four come in, then `lag` blanks; then the network has to give the letters, one a step.
Guessing is right in 25 % of the cases.

    inputs (batch, time, 2 or 5) -> recurrent layer (batch, time, hidden) -> answers at the last 1 or 3 steps

This is a curriculum. A cell starts with the shortest lag. It goes on to the next, with what it has learned, as soon as
93 % of its answers in the last 20 batches are right (every batch is new), or when its budget is used up (a number of
time steps, the same for every lag). If then fewer than 90 % are right on new sequences, the curriculum ends, and with
it the memory of the cell, for this budget and this way of learning. The last four are in common/scan_layers.py: an LRU
alone is linear, and no linear network can pick out marked numbers; LRUBlock has dense layers with ReLU around it.

References: Hochreiter & Schmidhuber 1997 (both tasks). Arjovsky, Shah & Bengio 2016. Bengio et al. 2009, Curriculum
learning.
"""

import math
import time
from dataclasses import dataclass

import numpy as np

from common import InputError
from common.cli import Count, LearningRate, Positive, Size, run_script, start_tensorflow
from common.runs import NamedRunOptions, finish_run, start_run
from common.tables import print_table

CELLS = ("SimpleRNN", "LSTM", "GRU", "MinGRU", "MinLSTM", "LRU", "LRUBlock")
LETTERS, COPIED = 4, 3  # of the copy task: how many different letters there are, and how many to remember
LEARNED = 0.9  # share of right answers at which a lag counts as learned
ENOUGH = 0.93  # share of right answers in the last 20 batches at which training goes on to the next lag


@dataclass(frozen=True)
class Hyperparameters(NamedRunOptions):
    lags: tuple[Count, ...] = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000)  # steps, each more than the last
    budget: Count = 60_000  # time steps that a cell may read to learn a lag; 600 batches at lag 100
    max_batches: Count = 1000  # most batches for a lag; limits the short ones
    hidden_size: Size = 32  # units
    batch_size: Count = 64  # sequences
    learning_rate: LearningRate = 0.01  # of Adam
    clip_norm: Positive = 1.0  # longest gradient; longer ones are scaled down

    def __post_init__(self):
        super().__post_init__()
        if not self.lags or self.lags[0] < 2 or list(self.lags) != sorted(set(self.lags)):
            given = " ".join(map(str, self.lags))
            raise InputError(f"--lags is {given}; give whole numbers from 2 up, each more than the last")


def adding(lag, count, generator):
    """Numbers and marks (count, lag, 2), and the sums (count, 1)."""
    inputs = np.zeros((count, lag, 2), "float32")
    inputs[:, :, 0] = generator.random((count, lag))
    rows = np.arange(count)
    inputs[rows, generator.integers(0, lag // 2, count), 1] = 1
    inputs[rows, generator.integers(lag // 2, lag, count), 1] = 1
    return inputs, inputs.prod(axis=2).sum(axis=1, keepdims=True)


def copy(lag, count, generator):
    """One-hot letters, blanks, then zeros where the answers are due, (count, lag + 2 * COPIED, LETTERS + 1); and the
    letters (count, COPIED)."""
    letters = generator.integers(0, LETTERS, (count, COPIED))
    inputs = np.zeros((count, lag + 2 * COPIED, LETTERS + 1), "float32")
    inputs[:, :COPIED, :LETTERS] = np.eye(LETTERS)[letters]
    inputs[:, COPIED:-COPIED, LETTERS] = 1
    return inputs, letters.astype("float32")


def loss_and_right(task, answers, targets):
    """The mean loss, and the share of right answers.

    Args:
        answers: (batch, 1, 1) for adding; logits (batch, COPIED, LETTERS) for copy.
        targets: (batch, 1); or ids (batch, COPIED).
    """
    import tensorflow as tf

    if task == "adding":
        errors = answers[:, :, 0] - targets
        return tf.reduce_mean(errors**2), tf.reduce_mean(tf.cast(tf.abs(errors) < 0.1, tf.float32))
    ids = tf.cast(targets, tf.int64)
    right = tf.cast(tf.argmax(answers, axis=-1) == ids, tf.float32)
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(ids, answers)), tf.reduce_mean(right)


def build(task, cell, hyperparameters):
    """Two functions (inputs, targets) -> share of right answers: the first also takes a step of training."""
    import keras
    import tensorflow as tf

    from common import fast_rnn, scan_layers

    keras.utils.set_random_seed(hyperparameters.seed)
    due, inputs, outputs = {"adding": (1, 2, 1), "copy": (COPIED, LETTERS + 1, LETTERS)}[task]
    module = fast_rnn if hasattr(fast_rnn, cell) else scan_layers
    layer = getattr(module, cell)(hyperparameters.hidden_size, return_sequences=True)
    model = keras.Sequential(
        [
            keras.Input((None, inputs), hyperparameters.batch_size),
            layer,
            keras.layers.Lambda(lambda h: h[:, -due:]),
            keras.layers.Dense(outputs),
        ]
    )
    optimizer = keras.optimizers.Adam(hyperparameters.learning_rate, clipnorm=hyperparameters.clip_norm)
    optimizer.build(model.trainable_variables)
    signature = [
        tf.TensorSpec((hyperparameters.batch_size, None, inputs)),  # one graph for all lags
        tf.TensorSpec((hyperparameters.batch_size, due)),
    ]

    @tf.function(input_signature=signature)
    def train(inputs, targets):
        with tf.GradientTape() as tape:
            loss, right = loss_and_right(task, model(inputs), targets)
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        return right

    @tf.function(input_signature=signature)
    def test(inputs, targets):
        return loss_and_right(task, model(inputs), targets)[1]

    return train, test


def climb(task, cell, hyperparameters):
    """Train at one lag after the other: lag -> (share of right answers on ten new batches, batches of training).

    The first lag that is not learned is the last one tried.
    """
    make = {"adding": adding, "copy": copy}[task]
    generator = np.random.default_rng(hyperparameters.seed)
    train, test = build(task, cell, hyperparameters)
    results = {}
    for lag in hyperparameters.lags:
        shares, started = [], time.perf_counter()
        for _ in range(min(hyperparameters.max_batches, math.ceil(hyperparameters.budget / lag))):
            shares.append(float(train(*make(lag, hyperparameters.batch_size, generator))))
            if len(shares) >= 20 and np.mean(shares[-20:]) >= ENOUGH:
                break
        right = float(np.mean([test(*make(lag, hyperparameters.batch_size, generator)) for _ in range(10)]))
        results[lag] = right, len(shares)
        seconds = time.perf_counter() - started
        print(f"{task}, {cell}, lag {lag}: {right:.3f} right after {len(shares)} batches, {seconds:.0f} s", flush=True)
        if right < LEARNED:
            break
    return results


def longest_learned(by_lag):
    """The longest lag that was learned, 0 if none."""
    return max((lag for lag, (right, _) in by_lag.items() if right >= LEARNED), default=0)


def conclusion(results):
    """Three lines about the results: task -> cell -> what `climb` returns."""
    lines, reached = [], {}
    for task, cells in results.items():
        longest = reached[task] = {cell: longest_learned(by_lag) for cell, by_lag in cells.items()}
        lines.append(f"{task}, longest lag learned: {', '.join(f'{cell} {lag}' for cell, lag in longest.items())}.")
    totals = {cell: min(reached[task][cell] for task in results) for cell in reached[task]}
    best = max(totals.values())
    winners = " and ".join(cell for cell in totals if totals[cell] == best)
    return [*lines, f"Best in both tasks: {winners}, up to {best} steps; SimpleRNN up to {totals['SimpleRNN']}."]


def main(hyperparameters: Hyperparameters) -> None:
    start_tensorflow(hyperparameters)
    from toy_sequence.memory import pictures

    run = start_run("lags", hyperparameters)
    started, lags = time.perf_counter(), hyperparameters.lags
    results = {task: {cell: climb(task, cell, hyperparameters) for cell in CELLS} for task in ("adding", "copy")}
    seconds = time.perf_counter() - started
    print()
    rows = [
        (f"{task}, {cell}", *(f"{by_lag[lag][0]:.3f}" if lag in by_lag else "-" for lag in lags))
        for task, cells in results.items()
        for cell, by_lag in cells.items()
    ]
    print_table(("right answers at lag", *map(str, lags)), rows)
    pictures.right_by_lag(results, lags, LEARNED, {"adding": 0.19, "copy": 1 / LETTERS}, run / "lags.png")
    finish_run(run, "lags", {"results": results, "seed": hyperparameters.seed, "training_seconds": seconds})
    print("\nConclusion", *conclusion(results), f"pictures are in {run}", sep="\n")


if __name__ == "__main__":
    run_script(main, Hyperparameters)
