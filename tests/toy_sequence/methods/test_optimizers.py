import json

import keras
import numpy as np
import pytest

from toy_sequence.methods import optimizers as lesson
from toy_sequence.methods import studies, surfaces
from toy_sequence.methods.normalised import NormalisedCell
from toy_sequence.methods.optimizers import Options


def slope(surface, x, y):
    """The gradients of both surfaces, derived by hand."""
    if surface == surfaces.SADDLE:
        return np.array([8 * x, y**3 - y])
    return np.array([-4 * x * (y - x**2) - (1 - x) / 5, 2 * (y - x**2)])


def steps_by_formula(name, rate, surface, count):
    """The formulas of the docstring of the lesson, in NumPy."""
    w = np.array(surfaces.STARTS[surface])
    m, u, v = np.zeros(2), np.zeros(2), np.full(2, 0.1 if name == "Adagrad" else 0)
    path = [w]
    for t in range(1, count + 1):
        g = slope(surface, *w)
        if name == "SGD":
            change = -rate * g
        elif name in ("momentum", "Nesterov"):
            m = 0.9 * m - rate * g
            change = m if name == "momentum" else 0.9 * m - rate * g
        elif name == "Adagrad":
            v = v + g**2
            change = -rate * g / np.sqrt(v)
        elif name == "Adadelta":
            v = 0.95 * v + 0.05 * g**2
            d = g * np.sqrt(u + 1e-7) / np.sqrt(v + 1e-7)
            u = 0.95 * u + 0.05 * d**2
            change = -rate * d
        elif name == "RMSprop":
            v = 0.9 * v + 0.1 * g**2
            change = -rate * g / np.sqrt(v + 1e-7)
        else:
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
            # Keras adds the 1e-7 before it corrects v, as the paper does at the end of its section 2.
            change = -rate * np.sqrt(1 - 0.999**t) / (1 - 0.9**t) * m / (np.sqrt(v) + 1e-7)
            if name == "AdamW":
                change = change - 0.004 * rate * w
        w = w + change
        path.append(w)
    return np.array(path)


@pytest.mark.parametrize("name", studies.OPTIMIZERS)
def test_the_paths_follow_the_formulas(name):
    rate = studies.OPTIMIZERS[name][2][1]
    path = surfaces.walk(studies.optimizer(name, rate), 15)
    for number, surface in enumerate(surfaces.SURFACES):
        assert path[:, number] == pytest.approx(steps_by_formula(name, rate, surface, 15), rel=2e-3, abs=2e-5)


def test_arrival_is_the_first_step_near_a_minimum():
    path = np.array([[0.5, 0.1], [0.0, -0.95], [0.0, 1.0]])
    assert surfaces.arrival(surfaces.SADDLE, path) == 1
    assert surfaces.arrival(surfaces.VALLEY, path) == np.inf
    assert surfaces.arrival(surfaces.VALLEY, np.array([[np.nan, np.inf], [1.05, 1.05]])) == 1
    for surface, (x, y) in ((surfaces.SADDLE, (0, 1)), (surfaces.VALLEY, (1, 1))):
        assert not slope(surface, x, y).any()
        around = surfaces.SURFACES[surface](x + np.array([0.01, -0.01, 0, 0]), y + np.array([0, 0, 0.01, -0.01]))
        assert (around > surfaces.SURFACES[surface](x, y)).all()


def test_each_training_starts_anew():
    options = Options(steps=12, batch_size=4, test_sequences=5)
    batches, validation, _ = studies.data("addition", options, 4)
    model = studies.network(keras.layers.SimpleRNN(3, return_sequences=True), 2)
    weights = model.get_weights()
    train = studies.trainer(model, studies.optimizer("Adam", 0.1))
    losses = train(weights, 0.1, batches)
    after = studies.measure(model, *validation)
    assert train(weights, 0.01, batches)[1:] != pytest.approx(losses[1:], abs=1e-4)  # another rate
    assert train(weights, 0.1, batches) == pytest.approx(losses, abs=1e-6)
    assert studies.measure(model, *validation) == pytest.approx(after, abs=1e-6)
    again = keras.models.clone_model(model)
    again.set_weights(weights)
    again.compile(studies.optimizer("Adam", 0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    by_keras = [again.train_on_batch(*batch) for batch in zip(*batches, strict=True)][:1]
    assert losses[:1] == pytest.approx(by_keras, abs=1e-5)
    assert again.get_weights()[0] == pytest.approx(model.get_weights()[0], abs=1e-3)


def test_the_rate_is_chosen_on_validation_sequences(monkeypatch):
    validation, test = (np.zeros((2, 3, 2)), "validation"), (np.zeros((2, 3, 2)), "test")
    losses = iter([3.0, np.nan, 1.0, 1.5, 2.0, 2.0])  # of two trainings at each of three rates

    def measure(model, inputs, which):
        return (next(losses), 0.5) if which == "validation" else (np.nan, 1.0)

    monkeypatch.setattr(studies, "measure", measure)
    monkeypatch.setattr(studies, "trainer", lambda model, optimizer: lambda *_: np.array([1.0] * 5 + [0.0] * 20))
    layer = lambda: keras.layers.SimpleRNN(2, return_sequences=True)  # noqa: E731
    result = studies.study(layer, "SGD", (None, validation, test), Options(repeats=2))
    assert result["rate"] == 0.1
    assert result["validation"] == [1.0, 1.5] and result["exact match"] == [1.0, 1.0]
    assert result["steps"] == 15  # the mean of ten steps is 0.1 after 14, and 0 after 15


@pytest.mark.parametrize("kind", ["none", "batch", "layer"])
@pytest.mark.parametrize("training", [True, False])
def test_the_normalised_cell_by_hand(kind, training):
    generator = np.random.default_rng(0)
    cell = NormalisedCell(3, kind)
    layer = keras.layers.RNN(cell)
    x = generator.normal(size=(4, 2, 2)).astype("float32")
    layer.build(x.shape)
    w, b = (generator.normal(size=size).astype("float32") for size in ((2, 3), 3))
    cell.from_input.set_weights([w, b])
    u = np.array(cell.from_state.get_weights()[0])
    h = np.zeros((4, 3))
    for t in range(2):
        total = x[:, t] @ w + b + h @ u
        if kind == "layer" or (kind == "batch" and training):
            axis = 1 if kind == "layer" else 0
            total = (total - total.mean(axis, keepdims=True)) / np.sqrt(total.var(axis, keepdims=True) + 1e-3)
        elif kind == "batch":  # the averages before any training: mean 0, variance 1
            total = total / np.sqrt(1 + 1e-3)
        h = np.tanh(total)
    assert np.array(layer(x, training=training)) == pytest.approx(h, abs=1e-4)
    if kind == "batch":
        assert cell.normalise.moving_mean.numpy().any() == training


def test_the_script_draws_what_it_measured(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(studies, "OPTIMIZERS", {name: studies.OPTIMIZERS[name] for name in ("SGD", "Adam")})
    monkeypatch.setattr(lesson, "INITIALISERS", {"He": "he_normal"})
    monkeypatch.setattr(lesson, "NORMALISATIONS", ("batch",))
    tiny = {"hidden_size": 2, "batch_size": 4, "small_batch_size": 2, "test_sequences": 4, "repeats": 1}
    lesson.main(Options(steps=12, toy_steps=11, walk_steps=30, **tiny, runs=tmp_path, name="x"))
    assert capsys.readouterr().out.splitlines()[-5] == "Conclusion"
    run = tmp_path / "optimizers" / "x"
    networks = json.loads((run / "metrics.json").read_text())["networks"]
    assert len(networks) == 2 * 2 + 2 + 2
    assert all(len(network["exact_match"]) == 1 for network in networks.values())
    assert (run / "optimizers.png").stat().st_size > 10_000
