import json
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import refused
from toy_sequence.methods import adversaries, gan, waves
from toy_sequence.methods.adversaries import Adversaries

TINY = gan.Options(sequence_length=4, hidden_size=3, noise_size=2, batch_size=4, classifier_epochs=1)


def generator():
    return np.random.default_rng(0)


# The waves and their measures


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("sine", [0, 1, 0, -1]),
        ("saw", [-1, -0.5, 0, 0.5]),
        ("square", [1, 1, -1, -1]),
        ("triangle", [0, 1, 0, -1]),
    ],
)
def test_waves_by_hand(kind, expected):
    number = waves.KINDS.index(kind)
    cycles, phases, amplitudes = np.array([[1, 2, 1], [0, 0, 0.25], [1, 1, 0.5]], dtype=float)
    made = waves.wave(number, cycles, phases, amplitudes, 8)
    assert made[0, ::2] == pytest.approx(expected, abs=1e-6)
    assert made[1] == pytest.approx(2 * expected, abs=1e-6)  # twice as many cycles
    assert made[2, ::2] == pytest.approx(0.5 * np.roll(expected, -1), abs=1e-6)  # a quarter of a cycle later


def test_a_triangle_has_straight_sides_and_a_sine_has_not():
    cycles, phases, amplitudes = np.array([[1], [0], [1]], dtype=float)
    assert waves.wave(3, cycles, phases, amplitudes, 8)[0, 1] == pytest.approx(0.5)
    assert waves.wave(0, cycles, phases, amplitudes, 8)[0, 1] == pytest.approx(np.sqrt(0.5))


def test_random_waves_fill_their_ranges_and_noise_is_as_loud():
    made = waves.random_waves(400, 24, generator())
    assert made.shape == (4, 400, 24) and made.dtype == np.float32
    square = made[2]
    amplitudes = abs(square).max(axis=1)
    assert np.quantile(amplitudes, [0, 0.5, 1]) == pytest.approx([0.5, 0.75, 1], abs=0.03)
    assert abs(square) == pytest.approx(np.repeat(amplitudes[:, None], 24, axis=1))
    noise = waves.noise_as_loud(made, generator())
    assert noise.std(axis=(1, 2)) == pytest.approx(made.std(axis=(1, 2)), rel=0.03)
    assert abs(np.mean(noise[..., 1:] * noise[..., :-1])) < 0.01  # no step knows of the one before


def test_the_discrepancy_is_that_of_a_double_loop():
    first, second = generator().normal(size=(5, 3)), 1 + generator().normal(size=(7, 3))

    def kernel(x, y):
        return np.exp(-sum((a - b) ** 2 for a, b in zip(x, y, strict=True)) / (2 * 1.7**2))

    total = 0
    for i in range(5):
        for j in range(5):
            total += kernel(first[i], first[j]) / (5 * 4) if i != j else 0
        for j in range(7):
            total -= 2 * kernel(first[i], second[j]) / (5 * 7)
    for i in range(7):
        for j in range(7):
            total += kernel(second[i], second[j]) / (7 * 6) if i != j else 0
    assert waves.mean_discrepancy(first, second, 1.7) == pytest.approx(total, abs=1e-12)


def test_the_discrepancy_has_no_bias():
    """Without bias, its mean is 0 where there is no difference; the biased estimate would be about 0.1."""
    draws = generator().normal(size=(300, 2, 10, 2))
    assert np.mean([waves.mean_discrepancy(*pair, 1.0) for pair in draws]) == pytest.approx(0, abs=0.01)


def test_the_median_distance_by_hand():
    corners = np.array([[0, 0], [3, 4], [0, 1]])  # distances 5, 1 and the root of 18
    assert waves.median_distance(corners) == pytest.approx(np.sqrt(18))


@pytest.mark.parametrize("kind", range(4))
def test_cycles_and_phase_are_found_again(kind):
    cycles, phases = np.repeat([1.5, 2.25, 3], 2), np.tile([0.1, 0.7], 3)
    made = waves.wave(kind, cycles, phases, np.full(6, 0.6), 240)
    found_cycles, found_phases = waves.fundamental(made)
    later = 0.5 if waves.KINDS[kind] == "saw" else 0  # it rises through 0 in the middle of its cycle
    assert found_cycles == pytest.approx(cycles, abs=0.07)
    assert abs((found_phases - phases - later + 0.5) % 1 - 0.5).max() < 0.05


def test_modes_count_what_comes_up():
    grid = np.array([(cycles, phase) for cycles in (1.2, 1.7, 2.3, 2.8) for phase in (0.1, 0.4, 0.6, 0.9)])
    one = np.ones(1)
    made = np.concatenate([waves.wave(0, one * cycles, one * phase, one, 48) for cycles, phase in grid])
    assert waves.modes(made) == (16, pytest.approx(np.std([1.2, 1.7, 2.3, 2.8]), abs=0.04))
    assert waves.modes(made[:4])[0] == 4  # one number of cycles
    assert waves.modes(np.repeat(made[:1], 9, axis=0)) == (1, 0)
    rare = np.repeat(made[:2], [99, 1], axis=0)  # a quarter of a fair share of 100 would be 1.6
    assert waves.modes(rare)[0] == 1


# The two networks


def test_the_losses_and_their_labels_by_hand():
    real, generated = tf.constant([[[np.log(3.0)], [0.0]]]), tf.constant([[[np.log(4.0)], [-np.log(4.0)]]])
    # D is the sigmoid: 3/4 and 1/2 on real waves, 4/5 and 1/5 on generated ones.
    on_real, on_generated = -(np.log(3 / 4) + np.log(1 / 2)) / 2, -(np.log(1 / 5) + np.log(4 / 5)) / 2
    assert float(adversaries.discriminator_loss(real, generated)) == pytest.approx(on_real + on_generated)
    assert float(adversaries.generator_loss(real)) == pytest.approx(on_real)  # generated waves called real
    by_keras = keras.losses.BinaryCrossentropy(from_logits=True)
    both = by_keras(tf.ones((1, 2)), real[..., 0]) + by_keras(tf.zeros((1, 2)), generated[..., 0])
    assert float(adversaries.discriminator_loss(real, generated)) == pytest.approx(float(both))


@pytest.mark.parametrize("blur", [0, 0.3])
def test_the_discriminator_reads_each_wave_with_its_kind_through_noise(blur):
    networks = Adversaries(blur, 1, TINY)
    made = np.arange(4 * 500 * 4, dtype="float32").reshape(4, 500, 4)
    networks.discriminator = lambda inputs: inputs
    seen = networks.judge(tf.constant(made)).numpy().reshape(4, 500, 4, 1 + 4)
    assert (seen[..., 0] - made).std() == pytest.approx(blur, rel=0.05)
    assert np.array_equal(seen[..., 1:], np.broadcast_to(np.eye(4)[:, None, None], (4, 500, 4, 4)))


def test_each_step_changes_its_own_network_only():
    keras.utils.set_random_seed(0)
    networks = Adversaries(0.1, 1, TINY)
    average = networks.average.get_weights()
    real = tf.constant(waves.random_waves(4, 4, generator()))
    for train, learner, other in (
        (lambda: networks.train_discriminator(real), networks.discriminator, networks.generator),
        (lambda: networks.train_generator(4), networks.generator, networks.discriminator),
    ):
        before, kept = learner.get_weights(), other.get_weights()
        train()
        assert all((old != new).any() for old, new in zip(before, learner.get_weights(), strict=True))
        assert all(np.array_equal(old, new) for old, new in zip(kept, other.get_weights(), strict=True))
    for old, new, mean in zip(average, networks.generator.get_weights(), networks.average.get_weights(), strict=True):
        assert mean == pytest.approx(0.995 * old + 0.005 * new, abs=1e-6)


def test_each_network_gets_the_better_of_one_that_stands_still():
    keras.utils.set_random_seed(0)
    networks = Adversaries(0.1, 1, replace(TINY, learning_rate=0.02))
    real = tf.constant(waves.random_waves(16, 4, generator()))
    start = 2 * np.log(2)
    losses = [float(networks.train_discriminator(real)) for _ in range(60)]
    assert losses[-1] < start - 0.3
    assert networks.judge(real).numpy().mean() > networks.judge(networks.generate(16)).numpy().mean()
    losses = [float(networks.train_generator(16)) for _ in range(60)]
    assert losses[-1] < losses[0] - 0.3


def test_a_wave_reads_one_vector_of_noise_and_depends_on_its_kind():
    keras.utils.set_random_seed(0)
    networks, seen = Adversaries(0.1, 1, TINY), []
    networks.generator = lambda inputs: seen.append(inputs) or inputs[..., :1]
    networks.generate.python_function(5)
    inputs = seen[0].numpy().reshape(4, 5, 4, 2 + 4)
    assert (inputs == inputs[:, :, :1]).all()  # the same at every step
    assert len(np.unique(inputs[:, :, 0, 0])) == 20  # another one for every wave
    assert np.array_equal(inputs[:, 0, 0, 2:], np.eye(4))


def test_the_classifier_learns_from_the_first_waves_and_is_judged_by_the_second():
    levels = np.arange(4.0)[:, None, None] + np.zeros((4, 50, 4))
    options = replace(TINY, hidden_size=8, classifier_epochs=20)
    assert adversaries.classify(levels, levels[[0, 2, 1, 3]], options) == 0.5  # two kinds changed places


# The script


def test_bad_sizes_are_refused(script, tmp_path):
    for flags, named in [(["--blur", "0"], "--blur"), (["--measured-waves", "1"], "--measured-waves")]:
        assert refused(script("toy_sequence/methods/gan.py", "--runs", tmp_path / "runs", *flags), named)
    assert not (tmp_path / "runs").exists()


def test_the_script_measures_and_draws(script, tmp_path):
    flags = "--sequence-length 4 --hidden-size 3 --noise-size 2 --batch-size 4 --steps 3 --measure-every 2"
    flags += " --training-waves 30 --measured-waves 100 --classifier-epochs 1"
    process = script("toy_sequence/methods/gan.py", "--runs", tmp_path, "--name", "x", *flags.split())
    assert process.returncode == 0, process.stderr
    assert process.stdout.splitlines()[-5] == "Conclusion"
    run = tmp_path / "gan" / "x"
    metrics = json.loads((run / "metrics.json").read_text())
    assert [len(history) for history in metrics["histories"].values()] == [2, 2, 2]  # after step 2 and step 3
    results = metrics["results"]
    assert results[gan.NOISE]["fine MMD"] > results[gan.REAL]["fine MMD"]
    assert (run / "gan.png").stat().st_size > 10_000
