import keras
import numpy as np
import pytest

from common import InputError
from common.padding import PADDED, pad
from toy_sequence.eval import test_sets
from toy_sequence.model import build_model, compile_model, logits_after
from toy_sequence.sequences import make_sequences
from toy_sequence.train import Hyperparameters

test_sets.__test__ = False  # a function of the toy, not a test


def model_of(cell):
    model = build_model(cell, 10)
    generator = np.random.default_rng(1)
    model.set_weights([generator.normal(0, 0.7, weight.shape) for weight in model.get_weights()])
    return model


def test_targets_alternate_and_start_with_0_1():
    inputs, targets = make_sequences([5, 2], np.random.default_rng(0))
    assert np.eye(2)[targets[0]].tolist() == [[0, 1], [1, 0], [0, 1], [1, 0], [0, 1]]
    assert [each.shape for each in inputs] == [(5, 1), (2, 1)]
    assert 0 <= min(inputs[0]) <= max(inputs[0]) < 1


@pytest.mark.parametrize("cell", ["simple", "lstm", "gru"])
def test_a_given_state_goes_on_where_it_was_taken(cell):
    model = model_of(cell)
    inputs = np.random.default_rng(0).random((4, 20, 1), dtype="float32")
    assert np.allclose(logits_after(model, inputs, 7), model(inputs).numpy()[:, 7:], atol=1e-5)
    assert not np.allclose(logits_after(model, inputs, 7), model(inputs[:, 7:]), atol=1e-2)


def test_the_test_sets_have_lengths_never_trained_on():
    sets = test_sets(seed=0)
    lengths = {name: targets.shape[1] for name, (_, targets, _) in sets.items()}
    assert {7, 150, 1000} <= set(lengths.values())
    inputs, targets, before = sets["100 steps, state given"]
    assert inputs.shape[1] == targets.shape[1] + before
    assert targets[0, 0] == 0  # the third step after [0, 1] is [1, 0]
    assert not sets["100 steps, all zeros"][0].any()


@pytest.mark.parametrize("cell", ["simple", "lstm", "gru"])
def test_loss_falls_in_a_few_steps(cell):
    keras.utils.set_random_seed(0)
    model = build_model(cell, 10)
    compile_model(model, 0.05, 1.0)
    inputs, targets = make_sequences([20, 5, 12], np.random.default_rng(0))
    history = model.fit(pad(inputs), pad(targets, PADDED), batch_size=3, epochs=40, verbose=0).history
    losses = history["loss"]
    assert losses[-1] < 0.9 * losses[0]


def test_a_shortest_sequence_above_the_longest_is_refused():
    with pytest.raises(InputError, match="--shortest 30 is above --longest 20"):
        Hyperparameters(shortest=30, longest=20)
