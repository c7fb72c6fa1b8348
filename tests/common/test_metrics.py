import numpy as np
import pytest

from common.metrics import BitsPerCharacter, MaskedAccuracy, masked_crossentropy
from common.padding import PADDED, mask, pad


@pytest.fixture
def batch():
    """Logits (4, 9, 5) and targets (4, 9) of sequences of 9, 4, 1 and 6 steps."""
    generator = np.random.default_rng(0)
    lengths = [9, 4, 1, 6]
    targets = pad([generator.integers(0, 5, length) for length in lengths], PADDED)
    return generator.normal(size=(4, 9, 5)).astype("float32"), targets, lengths


def nats(logits, target):
    """Cross-entropy of one step, in NumPy."""
    return np.log(np.exp(logits).sum()) - logits[target]


def test_masked_loss_is_the_mean_over_the_unpadded_sequences_one_by_one(batch):
    logits, targets, lengths = batch
    steps = [nats(logits[row, t], targets[row, t]) for row, length in enumerate(lengths) for t in range(length)]
    assert float(masked_crossentropy()(targets, logits)) == pytest.approx(np.mean(steps), rel=1e-5)


def test_masked_loss_ignores_what_the_model_says_on_padding(batch):
    logits, targets, lengths = batch
    shouting = np.where(mask(lengths)[:, :, None], logits, 1e6).astype("float32")
    assert float(masked_crossentropy()(targets, shouting)) == pytest.approx(
        float(masked_crossentropy()(targets, logits))
    )


def test_masked_accuracy_counts_real_steps_only(batch):
    logits, targets, lengths = batch
    hits = [logits[row, t].argmax() == targets[row, t] for row, length in enumerate(lengths) for t in range(length)]
    metric = MaskedAccuracy()
    metric.update_state(targets[:2], logits[:2])  # over two batches of different padding, each step weighs the same
    metric.update_state(targets[2:, :6], logits[2:, :6])
    assert float(metric.result()) == pytest.approx(np.mean(hits))


def test_bits_per_character_is_log2(batch):
    logits, _, _ = batch
    targets = np.array([[0, 1, 2, 3, 4, 0, 1, 2, 3]] * 4)
    expected = np.mean([nats(logits[i, t], targets[i, t]) / np.log(2) for i in range(4) for t in range(9)])
    metric = BitsPerCharacter()
    metric.update_state(targets, logits)
    assert float(metric.result()) == pytest.approx(expected, rel=1e-5)


def test_uniform_guess_among_eight_costs_three_bits():
    metric = BitsPerCharacter()
    metric.update_state(np.array([[3, 7]]), np.zeros((1, 2, 8)))
    assert float(metric.result()) == pytest.approx(3)


def test_bits_of_an_unknown_character_count_its_spelling_too(batch):
    logits, targets, _ = batch
    targets = np.maximum(targets, 0).astype("uint8")
    plain, paid = BitsPerCharacter(), BitsPerCharacter(unknown=2)
    plain.update_state(targets, logits)
    paid.update_state(targets, logits)
    assert float(paid.result() - plain.result()) == pytest.approx(16 * np.mean(targets == 2), rel=1e-4)
    assert BitsPerCharacter.from_config(paid.get_config()).unknown == 2
