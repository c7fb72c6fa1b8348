from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from chargen.model import build_model
from chargen.neighbours import FORGETTING, TEMPERATURE, UNIFORM, read_neighbours, states_of
from tests.chargen.test_chargen import TINY, VOCABULARY, with_random_weights

SIZE = len(VOCABULARY)


@pytest.fixture
def ids():
    return np.random.default_rng(0).integers(0, SIZE, 200).astype("int32")


def model_of(cell="lstm"):
    return with_random_weights(build_model(replace(TINY, cell=cell), SIZE))


@pytest.mark.parametrize("cell", ["lstm", "gru", "lru"])
def test_states_are_those_of_the_text_read_step_by_step(cell, monkeypatch, ids):
    monkeypatch.setattr("chargen.neighbours.ROWS", 3)
    monkeypatch.setattr("chargen.neighbours.WARM_UP", 120)
    model = model_of(cell)
    state, outputs = model.recurrent.get_initial_state(1), []
    for symbol in ids:
        output, state = model.recurrent.cell(model.embedding(tf.constant([symbol])), state)
        outputs.append(np.array(output[0]))
    assert np.allclose(states_of(model, ids)[100:], outputs[100:], atol=1e-3)


@pytest.mark.parametrize(("memory", "neighbours"), [(1000, 500), (80, 500), (1000, 5)])
def test_what_followed_similar_states_is_weighted(memory, neighbours, monkeypatch, ids):
    """Compared with the formula of the docstring, one pair of states after the other."""
    states, start, only_read = np.random.default_rng(1).normal(size=(199, 3)).astype("float32"), 120, 30
    monkeypatch.setattr("chargen.neighbours.states_of", lambda model, text: states[199 - len(text) :])
    for name, value in {"MEMORY": memory, "NEIGHBOURS": neighbours, "BLOCK": 1}.items():
        monkeypatch.setattr(f"chargen.neighbours.{name}", value)
    found = np.concatenate(list(read_neighbours(model_of(), ids[start:], ids[:start], only_read)))
    first = max(0, start - memory - only_read)
    temperature = TEMPERATURE * np.sqrt(states[first:start].var(axis=0).sum())
    remembered = [place for place in range(first, 199) if not start - only_read <= place + 1 < start]
    for position, now in enumerate(range(start - 1, 199)):
        known = [place for place in remembered if place < now][-memory:]
        distances = {place: np.linalg.norm(states[place] - states[now]) for place in known}
        votes = np.zeros(SIZE)
        for place in sorted(known, key=distances.get)[:neighbours]:
            votes[ids[place + 1]] += np.exp(-distances[place] / temperature) / (now - place) ** FORGETTING
        expected = (1 - UNIFORM) * votes / votes.sum() + UNIFORM / SIZE
        assert found[position] == pytest.approx(expected, abs=1e-3)


def test_blocks_and_chunks_change_nothing(monkeypatch, ids):
    one = list(read_neighbours(model_of(), ids[120:], ids[:120]))
    assert [len(chunk) for chunk in one] == [10] * 8
    monkeypatch.setattr("chargen.neighbours.CHUNK", 7)
    monkeypatch.setattr("chargen.neighbours.BLOCK", 21)
    other = list(read_neighbours(model_of(), ids[120:], ids[:120]))
    assert [len(chunk) for chunk in other] == [7] * 11 + [3]
    assert np.allclose(np.concatenate(one), np.concatenate(other), atol=1e-6)


def test_a_long_text_is_read_in_parts(monkeypatch, ids):
    monkeypatch.setattr("chargen.neighbours.MEMORY", 40)
    model = model_of()
    parts = [(ids[120:160], ids[60:120], 20), (ids[160:], ids[120:160], 0)]
    expected = np.concatenate([chunk for part in parts for chunk in read_neighbours(model, *part)])
    assert np.allclose(np.concatenate(list(read_neighbours(model, ids[120:], ids[:120], 20))), expected, atol=1e-6)


def test_no_more_states_are_kept_than_three_memories(monkeypatch, ids):
    monkeypatch.setattr("chargen.neighbours.MEMORY", 20)
    lengths = []

    def states(model, text):
        lengths.append(len(text))
        return np.random.default_rng(1).normal(size=(len(text), 3)).astype("float32")

    monkeypatch.setattr("chargen.neighbours.states_of", states)
    found = np.concatenate(list(read_neighbours(model_of(), ids[150:], ids[:150], 60)))
    assert max(lengths) < 60
    assert found.shape == (50, SIZE)
    assert np.allclose(found.sum(axis=1), 1)


def test_nothing_looks_ahead(ids):
    changed = np.concatenate([ids[:150], (ids[150:] + 1) % SIZE])
    one, other = (np.concatenate(list(read_neighbours(model_of(), text[100:], text[:100]))) for text in (ids, changed))
    assert np.allclose(one[:51], other[:51], atol=1e-6)
    assert not np.allclose(one[51], other[51], atol=1e-3)


def test_what_came_once_is_known():
    keras.utils.set_random_seed(0)
    model = build_model(replace(TINY, hidden_size=50), SIZE)
    noise = np.random.default_rng(2).integers(0, SIZE, 150).astype("int32")
    once_more = np.concatenate(list(read_neighbours(model, noise, noise)))
    assert np.median(once_more[np.arange(150), noise][20:]) > 0.4 > 4 / SIZE
