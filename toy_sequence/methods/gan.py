"""A generator of waves and a discriminator learn against each other. Are its waves good, and are all of them there?

    python toy_sequence/methods/gan.py                 # under two minutes

Real waves are a sine, a saw, a square or a triangle with random cycles, phase and amplitude (`waves.py`). Two networks,
which both are told the kind (Mirza & Osindero 2014), see `adversaries.py`:

    generator      noise and kind (batch, time, noise + 4) -> LSTM -> a wave (batch, time, 1)
    discriminator  wave and kind (batch, time, 1 + 4) -> LSTM -> logits (batch, time, 1): real so far?

The discriminator D lowers -log D(real) - log(1 - D(generated)), then the generator lowers -log D(generated), and so
on (Goodfellow et al. 2014). That both are recurrent, and D answers at every step, is the RCGAN of Esteban, Hyland &
Rätsch (2017); but theirs draws new noise at every step, and here a wave has one vector of noise, as it has one phase.
What is measured are waves of a generator whose weights are the mean over about 200 steps.

Neither may get far ahead of the other. Three trainings:

    balanced  D sees all waves through a little noise
    sharp D   without that noise: tiny marks give generated waves away, D wins, and the generator learns little from it
    slow D    D learns at a tenth of the rate: the generator sends all its waves to where D happens to say "real", and
              on to the next such place when D has noticed. That is mode collapse: few different waves

Three measures, on real waves that no training has seen. None of them is enough alone:

    MMD       squared maximum mean discrepancy, without bias (Gretton et al. 2012), mean of the four kinds: 0 if the
              distributions are the same. The width of the kernel is the median distance of real training waves; with
              half of it, the measure looks at smaller details.
    accuracy  of a classifier of the kinds, trained on generated waves and tested on real ones (Esteban et al.)
    modes     of 64, combinations of kind, cycles and phase, how many come up; and the spread of the cycles

Beside them: real waves that were drawn anew, and white noise that is as loud as the waves of each kind.
"""

import time
from dataclasses import dataclass

import numpy as np

from common import InputError
from common.cli import Count, LearningRate, Positive, Size, run_script, start_tensorflow
from common.runs import NamedRunOptions, finish_run, start_run
from common.tables import print_table
from toy_sequence.methods.waves import KINDS, mean_discrepancy, median_distance, modes, noise_as_loud, random_waves

SLOWNESS = 10  # learning rate of the generator, divided by that of the slow discriminator
REAL, NOISE = "real waves, others", "noise as loud"


@dataclass(frozen=True)
class Options(NamedRunOptions):
    sequence_length: Count = 24  # time steps of a wave
    training_waves: Count = 2000  # of each kind
    measured_waves: Count = 500  # of each kind, for each measure
    hidden_size: Size = 32  # units of each LSTM
    noise_size: Size = 8  # random numbers that a wave is made from
    blur: Positive = 0.15  # standard deviation of the noise through which the discriminator sees the waves
    batch_size: Count = 16  # waves of each kind
    steps: Count = 2500  # of each network
    measure_every: Count = 100  # steps
    learning_rate: LearningRate = 0.003  # of both
    classifier_epochs: Count = 10

    def __post_init__(self):
        super().__post_init__()
        if self.measured_waves < 2:
            raise InputError("--measured-waves is 1; it takes two waves to measure how they differ")


def measure(waves, real, width):
    """How waves differ from real ones, both (kinds, count, steps): MMD, modes covered, spread of the cycles."""
    covered, spreads = zip(*map(modes, waves), strict=True)
    coarse, fine = (
        float(np.mean([mean_discrepancy(*pair, wide) for pair in zip(waves, real, strict=True)]))
        for wide in (width, width / 2)
    )
    return {"MMD": coarse, "fine MMD": fine, "modes": sum(covered), "cycles": float(np.mean(spreads))}


def train(training, validation, width, blur, slowness, options):
    """Train a generator against a discriminator.

    Returns:
        The waves that it makes at the end, with averaged weights (kinds, count, steps); and for every `measure_every`
        steps, a dict: the step, the mean losses since the last one, and what `measure` says.
    """
    import keras

    from toy_sequence.methods.adversaries import Adversaries

    keras.utils.set_random_seed(options.seed)
    generator = np.random.default_rng(options.seed)
    networks, history, losses = Adversaries(blur, slowness, options), [], []
    for step in range(1, options.steps + 1):
        real = training[:, generator.integers(0, options.training_waves, options.batch_size)]
        losses.append((networks.train_discriminator(real), networks.train_generator(options.batch_size)))
        if step % options.measure_every == 0 or step == options.steps:
            waves = networks.generate(options.measured_waves, averaged=True).numpy()
            means = np.mean(losses, axis=0).tolist()
            history.append(
                {"step": step, "discriminator": means[0], "generator": means[1], **measure(waves, validation, width)}
            )
            losses = []
    return waves, history


def conclusion(results, names):
    """Three lines about the results: a dict of what was measured, by the name of what was measured."""
    others = (*names, REAL, NOISE)
    discrepancies = ", ".join(f"{name} {results[name]['MMD']:.4f}" for name in others)
    accuracies = ", ".join(f"{name} {results[name]['accuracy']:.1%}" for name in others)
    covered = ", ".join(f"{name} {results[name]['modes']}" for name in others)
    return [
        f"MMD: {discrepancies}.",
        f"Kinds of real waves named rightly by a classifier that learned from: {accuracies}.",
        f"Modes of {16 * len(KINDS)}: {covered}.",
    ]


def main(options: Options) -> None:
    start_tensorflow(options)
    from toy_sequence.methods import generative_pictures
    from toy_sequence.methods.adversaries import classify

    run, started = start_run("gan", options), time.perf_counter()
    generator = np.random.default_rng(options.seed)
    training = random_waves(options.training_waves, options.sequence_length, generator)
    validation, test, others = (
        random_waves(options.measured_waves, options.sequence_length, generator) for _ in range(3)
    )
    width = median_distance(training[:, : options.measured_waves].reshape(-1, options.sequence_length))
    trainings = {"balanced": (options.blur, 1), "sharp D": (0, 1), "slow D": (options.blur, SLOWNESS)}
    waves, histories = {REAL: others}, {}
    for name, (blur, slowness) in trainings.items():
        waves[name], histories[name] = train(training, validation, width, blur, slowness, options)
        print(f"{name}: {time.perf_counter() - started:.0f} s", flush=True)
    waves[NOISE] = noise_as_loud(training[:, : options.measured_waves], generator)
    results = {
        name: measure(made, test, width) | {"accuracy": classify(made, test, options)} for name, made in waves.items()
    }
    seconds = time.perf_counter() - started
    print()
    header = "waves", "MMD", "half as wide", f"modes of {16 * len(KINDS)}", "spread of cycles", "accuracy on real waves"
    print_table(header, [(name, *result.values()) for name, result in results.items()])
    generative_pictures.adversaries(waves, histories, results, run / "gan.png")
    metrics = {"results": results, "histories": histories, "seed": options.seed, "training_seconds": seconds}
    finish_run(run, "gan", metrics)
    print("\nConclusion", *conclusion(results, list(trainings)), f"pictures are in {run}", sep="\n")


if __name__ == "__main__":
    run_script(main, Options)
