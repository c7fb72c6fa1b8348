"""SimpleRNN, LSTM and GRU learn to add numbers of at most 8 bits, and are then given numbers of up to 1,024 bits.

    python toy_sequence/binary_addition/keras_cells.py        # under two minutes

The task of numpy_bptt.py in Keras. Two numbers of n bits are read in n + 1 steps, the lowest bit first (the last step
is for the last carry). For each pair n is drawn anew, from 1 to 8. Shorter pairs are right padded, and a padded step
counts neither in the loss nor in the accuracy.

    bits (batch, time, 2) -> recurrent layer (batch, time, hidden) -> logits (batch, time, 2)

A network that has found the rule (the answer is the sum of two bits and the carry, modulo 2; the new carry is their
majority) can add numbers of any length. A network whose state only resembles a carry is right on short numbers, and its
errors grow with every step over which it has to hold the carry. So the second test is the hardest sum of n bits: one
carry starts at the lowest bit and goes through all the others, each of which is 1 + 0 or 0 + 1, at random.

Two things keep the LSTM from drifting on long numbers, although training never shows it any. Its memory c is not
bounded and adds up small errors; noise on the bits in training (all networks get it) teaches it to correct them, and a
forget bias of 0 makes it forget old ones. Try --input-noise 0.001. The states of a SimpleRNN are bounded and do not
drift; see whether it fails with few units (--small-size).

References: Elman 1990, Finding structure in time. Hochreiter & Schmidhuber 1997, Long short-term memory. Cho et al.
2014 (GRU).
"""

import time
from dataclasses import dataclass

import numpy as np

from common.cli import Count, LearningRate, Positive, Size, progress, run_script, start_tensorflow
from common.runs import NamedRunOptions, finish_run, start_run
from common.saving import save_model
from common.tables import print_table
from toy_sequence.binary_addition.pairs import add, all_pairs, one_long_carry, random_pairs

LENGTHS = (8, 16, 32, 64, 128, 256, 512, 1024)  # bits of the numbers in the tests


@dataclass(frozen=True)
class Hyperparameters(NamedRunOptions):
    hidden_size: Size = 16  # units of the recurrent layers
    small_size: Size = 2  # units of another SimpleRNN, too few for the task
    longest: Count = 8  # bits of the longest numbers in training
    batch_size: Count = 128  # pairs
    steps: Count = 2000  # of training
    input_noise: Positive = 0.3  # standard deviation of the noise added to the bits in training
    learning_rate: LearningRate = 0.01  # of Adam at the start; falls to 0 along half a cosine
    clip_norm: Positive = 1.0  # longest gradient; longer ones are scaled down
    test_pairs: Count = 1000  # random pairs in the test of each length


def training_batches(hyperparameters):
    """Pairs of 1 to `longest` bits, `steps` batches of them: inputs (batch, longest + 1, 2), padded with 0, and targets
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
    import keras

    from common import fast_rnn

    options = {"unit_forget_bias": False} if cell == "LSTM" else {}
    return keras.Sequential(
        [
            keras.Input((None, 2)),
            keras.layers.GaussianNoise(input_noise),  # in training only
            getattr(fast_rnn, cell)(hidden_size, return_sequences=True, **options),
            keras.layers.Dense(2),
        ]
    )


def fit(cell, hidden_size, hyperparameters):
    """The network with one kind of cell, trained."""
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
    model.fit(batches, shuffle=False, verbose=progress())
    return model


def exact_match(model, pairs):
    """The share of pairs (batch, n, 2) for which every bit of the sum is right."""
    inputs, targets = add(pairs)
    predictions = [model(inputs[start : start + 8192]).numpy().argmax(-1) for start in range(0, len(inputs), 8192)]
    return float((np.concatenate(predictions) == targets).all(axis=1).mean())


def measure(model, hyperparameters):
    """The exact match on all pairs of 8 bits and, by number of bits, on random pairs and on those with one carry."""
    generator = np.random.default_rng(hyperparameters.seed + 1)
    tests = {"all pairs of 8 bits": exact_match(model, all_pairs(8))}
    for name, pairs in (("random", random_pairs), ("one carry", one_long_carry)):
        for bits in LENGTHS:
            tests[f"{name}, {bits}"] = exact_match(model, pairs(bits, hyperparameters.test_pairs, generator))
    return tests


def conclusion(matches):
    """Three lines about the exact matches: network -> what `measure` returns."""
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
    import tensorflow as tf

    from toy_sequence.binary_addition import pictures

    run = start_run("keras_cells", hyperparameters)
    started = time.perf_counter()
    matches = {}
    size, small = hyperparameters.hidden_size, hyperparameters.small_size
    for cell, hidden_size in (("SimpleRNN", small), ("SimpleRNN", size), ("LSTM", size), ("GRU", size)):
        network = f"{cell} {hidden_size}"
        print(f"\n=== {network} ===", flush=True)
        model = fit(cell, hidden_size, hyperparameters)
        save_model(model, run / f"{network}.keras")
        compiled = tf.function(model, input_signature=[tf.TensorSpec((None, None, 2))])  # one graph for all lengths
        matches[network] = measure(compiled, hyperparameters)
    seconds = time.perf_counter() - started
    print()
    tests = next(iter(matches.values()))
    print_table(("exact match on", *matches), [(test, *(matches[cell][test] for cell in matches)) for test in tests])
    pictures.match_by_bits(matches, LENGTHS, hyperparameters.longest, run / "keras_cells.png")
    metrics = {"exact_match": matches, "seed": hyperparameters.seed, "training_seconds": seconds}
    finish_run(run, "keras_cells", metrics)
    print("\nConclusion", *conclusion(matches), f"pictures are in {run}", sep="\n")


if __name__ == "__main__":
    run_script(main, Hyperparameters)
