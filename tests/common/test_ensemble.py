"""Ensembles against NumPy, and one compiled model that serves several trainings."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

from common.ensemble import average, members, restart


def network(outputs, steps=False):
    """Ids -> logits (batch, outputs), or (batch, time, outputs)."""
    ids = keras.Input((None,), dtype="int32")
    vectors = keras.layers.Embedding(7, 3)(ids)
    if not steps:
        vectors = keras.layers.GlobalAveragePooling1D()(vectors)
    vectors = keras.layers.Dropout(0.5)(vectors)
    return keras.Model(ids, keras.layers.Dense(outputs)(vectors))


def random_networks(*arguments):
    """Three networks with large random weights."""
    generator = np.random.default_rng(0)
    networks = [network(*arguments) for _ in range(3)]
    for each in networks:
        each.set_weights([generator.normal(0, 2, weight.shape) for weight in each.get_weights()])
    return networks


def test_a_single_member_is_the_model_itself_and_several_are_numbered_with_seeds_of_their_own():
    assert members(SimpleNamespace(seed=4, ensemble_size=1)) == [("model", 4)]
    assert members(SimpleNamespace(seed=4, ensemble_size=2)) == [("member-1", 4), ("member-2", 5)]


def test_the_average_of_two_classes_is_that_of_the_probabilities():
    networks, ids = random_networks(1), np.arange(6).reshape(2, 3)
    expected = np.mean([1 / (1 + np.exp(-np.array(each(ids)))) for each in networks], axis=0)
    logits = np.array(average(networks)(ids))
    assert logits.shape == (2, 1)
    assert np.allclose(1 / (1 + np.exp(-logits)), expected, atol=1e-6)
    assert not np.allclose(logits, np.mean([each(ids) for each in networks], axis=0), atol=1e-2)


@pytest.mark.parametrize("steps", [False, True])
def test_the_average_of_many_classes_is_that_of_the_probabilities(steps):
    networks, ids = random_networks(4, steps), np.arange(6).reshape(2, 3)
    probabilities = [np.exp(each(ids)) / np.exp(each(ids)).sum(axis=-1, keepdims=True) for each in networks]
    assert np.allclose(np.exp(average(networks)(ids)), np.mean(probabilities, axis=0), atol=1e-6)


def test_a_restarted_model_trains_bit_for_bit_as_a_new_one():
    ids, targets = np.arange(12).reshape(4, 3) % 7, np.array([[0.0], [1.0], [1.0], [0.0]])

    def compiled(seed):
        keras.utils.set_random_seed(seed)
        model = network(1)
        rate = keras.optimizers.schedules.CosineDecay(0.1, 6)
        model.compile(keras.optimizers.Adam(rate), keras.losses.BinaryCrossentropy(from_logits=True))
        return model

    def train(model):
        model.fit(ids, targets, batch_size=2, epochs=3, shuffle=False, verbose=0)
        return model.get_weights()

    expected = train(compiled(1))
    reused = compiled(0)
    other = train(reused)
    keras.utils.set_random_seed(1)
    restart(reused, network(1))
    assert all(map(np.array_equal, train(reused), expected))
    assert not np.allclose(other[0], expected[0])
