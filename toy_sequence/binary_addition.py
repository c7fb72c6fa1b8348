"""SimpleRNN, LSTM and GRU learn to add on numbers of at most 8 bits, and are then given numbers of up to 1,024.

    python toy_sequence/binary_addition.py                    # under two minutes

The task of binary_addition_numpy.py in Keras. Two numbers of n bits are read in n + 1 steps, the lowest bit first (the
last step is for the last carry), with n drawn anew, 1 to 8, for each pair. Shorter pairs are right padded, and a padded
step counts neither in the loss nor in the accuracy.

    bits (batch, time, 2) -> recurrent layer (batch, time, hidden) -> logits (batch, time, 2)

A network that has found the rule (out comes the sum of three bits, what is carried on is their majority) can add
numbers of any length. A network whose state is only near enough to a carry is right on short numbers, and its errors
grow with every step that it must hold the carry. So the second test is the hardest sum of n bits, where one carry that
starts at the lowest bit goes through all the others: each of them is 1 + 0 or 0 + 1, at random.

Two things keep the LSTM from drifting on long numbers, of which training shows none. Its memory c is not bounded and
adds up small errors; noise on the bits in training (all networks get it) makes it learn to correct them, and a forget
bias of 0 makes it forget old ones. Try --input-noise 0.001. A SimpleRNN, whose states are bounded, does not drift; look
whether it fails where its units are few (--small-size).

References: Elman 1990, Finding structure in time. Hochreiter & Schmidhuber 1997, Long short-term memory. Cho et al.
2014 (GRU).
"""

import time
from dataclasses import dataclass

import numpy as np

from common.cli import Count, Positive, run_script, start_tensorflow
from common.runs import NamedRunOptions, finish_run, start_run
from common.saving import save_model
from common.tables import print_table

LENGTHS = (8, 16, 32, 64, 128, 256, 512, 1024)  # bits of the numbers in the tests


@dataclass(frozen=True)
class Hyperparameters(NamedRunOptions):
    hidden_size: Count = 16  # units of the recurrent layers
    small_size: Count = 2  # units of a second SimpleRNN, which are too few
    longest: Count = 8  # bits of the longest numbers in training
    batch_size: Count = 128  # pairs
    steps: Count = 2000  # of training
    input_noise: Positive = 0.3  # standard deviation of what is added to the bits in training
    learning_rate: Positive = 0.01  # of Adam at the start; falls to 0 along half a cosine
    clip_norm: Positive = 1.0  # longest gradient; longer ones are scaled down
    test_pairs: Count = 1000  # random pairs in the test of each length


def add(bits):
    """What the network reads and has to say for pairs of numbers.

    Args:
        bits: (batch, n, 2), the bits of both numbers, the lowest first.

    Returns:
        The same with a step of zeros at the end, (batch, n + 1, 2), and the bits of the sum, (batch, n + 1).
    """
    inputs = np.concatenate([bits, np.zeros_like(bits[:, :1])], axis=1)
    targets, carry = np.zeros(inputs.shape[:2], "int32"), 0
    for t in range(inputs.shape[1]):
        total = inputs[:, t].sum(axis=1) + carry
        targets[:, t], carry = total % 2, total // 2
    return inputs.astype("float32"), targets


def all_pairs(bits=8):
    """All pairs of numbers of `bits` bits, (4 ** bits, bits, 2)."""
    numbers = np.stack(np.divmod(np.arange(4**bits), 2**bits), axis=-1)  # (pairs, 2)
    return numbers[:, None] >> np.arange(bits)[:, None] & 1


def random_pairs(bits, count, generator):
    return generator.integers(0, 2, (count, bits, 2))


def one_long_carry(bits, count, generator):
    """Pairs whose lowest bits are 1 + 1 and all the others 1 + 0 or 0 + 1."""
    first = generator.integers(0, 2, (count, bits, 1))
    pairs = np.concatenate([first, 1 - first], axis=-1)
    pairs[:, 0] = 1
    return pairs


def training_batches(hyperparameters):
    """`steps` batches of pairs of 1 to `longest` bits: inputs (batch, longest + 1, 2), padded with 0, and targets
    (batch, longest + 1), padded with `PADDED`."""
    from common.padding import PADDED, mask

    generator = np.random.default_rng(hyperparameters.seed)
    longest, count = hyperparameters.longest, hyperparameters.batch_size
    for _ in range(hyperparameters.steps):
        lengths = generator.integers(1, longest + 1, count)
        pairs = random_pairs(longest, count, generator) * mask(lengths, longest)[:, :, None]
        inputs, targets = add(pairs)
        yield inputs, np.where(mask(lengths + 1, longest + 1), targets, PADDED)


def build_model(cell, hidden_size, input_noise):
    """The model, not compiled: bits (batch, time, 2) -> logits (batch, time, 2); any length."""
    from keras import Input, Sequential, layers

    from common import fast_rnn

    options = {"unit_forget_bias": False} if cell == "LSTM" else {}
    return Sequential(
        [
            Input((None, 2)),
            layers.GaussianNoise(input_noise),  # in training only
            getattr(fast_rnn, cell)(hidden_size, return_sequences=True, **options),
            layers.Dense(2),
        ]
    )


def fit(cell, hidden_size, hyperparameters):
    """Train a network with one kind of cell; returns the model."""
    import keras
    import tensorflow as tf

    from common.batches import epochs
    from common.metrics import MaskedAccuracy, masked_crossentropy

    keras.utils.set_random_seed(hyperparameters.seed)
    model = build_model(cell, hidden_size, hyperparameters.input_noise)
    rate = keras.optimizers.schedules.CosineDecay(hyperparameters.learning_rate, hyperparameters.steps)
    optimizer = keras.optimizers.Adam(rate, clipnorm=hyperparameters.clip_norm)
    model.compile(optimizer, masked_crossentropy(), metrics=[MaskedAccuracy()], jit_compile=False)
    time_steps = hyperparameters.longest + 1
    shapes = (
        tf.TensorSpec((hyperparameters.batch_size, time_steps, 2), "float32"),
        tf.TensorSpec((hyperparameters.batch_size, time_steps), "int32"),
    )
    batches = epochs(lambda epoch: training_batches(hyperparameters), shapes, hyperparameters.steps)
    model.fit(batches, shuffle=False, verbose=2)
    return model


def exact_match(model, pairs):
    """The share of pairs (batch, n, 2) whose sum is right in every bit."""
    inputs, targets = add(pairs)
    said = [model(inputs[start : start + 8192]).numpy().argmax(-1) for start in range(0, len(inputs), 8192)]
    return float((np.concatenate(said) == targets).all(axis=1).mean())


def measure(model, hyperparameters):
    """The exact match on all pairs of 8 bits and, by number of bits, on random pairs and on those with one carry."""
    import tensorflow as tf

    model = tf.function(model, input_signature=[tf.TensorSpec((None, None, 2))])  # one graph for all lengths
    generator = np.random.default_rng(hyperparameters.seed + 1)
    tests = {"all pairs of 8 bits": exact_match(model, all_pairs())}
    for name, pairs in (("random", random_pairs), ("one carry", one_long_carry)):
        for bits in LENGTHS:
            tests[f"{name}, {bits}"] = exact_match(model, pairs(bits, hyperparameters.test_pairs, generator))
    return tests


def draw(matches, longest, path):
    """Draw the exact match by number of bits, for random pairs and for pairs with one long carry."""
    from common import plots

    figure, axes = plots.plt.subplots(1, 2, figsize=(10, 3.6), sharey=True, layout="constrained")
    for axis, name in zip(axes, ("random", "one carry"), strict=True):
        for (cell, tests), marker in zip(matches.items(), "vosx", strict=True):
            axis.plot(LENGTHS, [tests[f"{name}, {bits}"] for bits in LENGTHS], marker=marker, alpha=0.7, label=cell)
        axis.axvspan(LENGTHS[0] * 0.9, longest, color="lightgrey", label="seen in training")
        axis.set_xscale("log", base=2, subs=[])
        axis.set(xticks=LENGTHS, xticklabels=LENGTHS, xlabel="bits of the two numbers", ylim=(-0.05, 1.05))
    axes[0].set(title="random pairs", ylabel="exact match")
    axes[1].set(title="one carry through all bits")
    axes[0].legend(loc="center")
    plots.save(figure, path)


def conclusion(matches):
    """Three lines about the exact matches, a dict of `measure`'s by network."""
    failed = {}
    for network, tests in matches.items():
        fails = [test for test, match in tests.items() if match < 0.999]
        if fails:
            failed[network] = f"{network} ({len(fails)} of {len(tests)}, the first: {fails[0]})"
    passed = [network for network in matches if network not in failed]
    furthest = f"random, {LENGTHS[-1]}"
    far = ", ".join(f"{network} {tests[furthest]:.4f}" for network, tests in matches.items())
    return [
        f"At least 0.999 in every test: {', '.join(passed) or 'none'}.",
        f"Tests failed: {'; '.join(failed.values()) or 'none'}.",
        f"Random pairs of {LENGTHS[-1]:,} bits: {far}.",
    ]


def main(hyperparameters: Hyperparameters) -> None:
    start_tensorflow(hyperparameters)
    run = start_run("binary_addition", hyperparameters)
    started = time.perf_counter()
    matches = {}
    size, small = hyperparameters.hidden_size, hyperparameters.small_size
    for cell, hidden_size in (("SimpleRNN", small), ("SimpleRNN", size), ("LSTM", size), ("GRU", size)):
        network = f"{cell} {hidden_size}"
        print(f"\n=== {network} ===", flush=True)
        model = fit(cell, hidden_size, hyperparameters)
        save_model(model, run / f"{network}.keras")
        matches[network] = measure(model, hyperparameters)
    seconds = time.perf_counter() - started
    print()
    tests = next(iter(matches.values()))
    print_table(("exact match on", *matches), [(test, *(matches[cell][test] for cell in matches)) for test in tests])
    draw(matches, hyperparameters.longest, run / "binary_addition.png")
    finish_run(
        run, run.parent.name, {"exact_match": matches, "seed": hyperparameters.seed, "training_seconds": seconds}
    )
    print("\nConclusion", *conclusion(matches), f"pictures are in {run}", sep="\n")


if __name__ == "__main__":
    run_script(main, Hyperparameters)
