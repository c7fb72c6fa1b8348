import json
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from tests.conftest import refused
from toy_sequence.methods import episodes, q_learning, t_maze
from toy_sequence.methods.episodes import Episodes
from toy_sequence.methods.maze import EAST, NORTH, SOUTH, WEST, TMaze

OPTIONS = t_maze.Hyperparameters(hidden_size=5, rounds=3, updates=2, mazes=4, remembered=10, batch_size=6)


def generator():
    return np.random.default_rng(0)


# The maze


@pytest.mark.filterwarnings("ignore:.*The environment is not.*", "ignore:.*spec.*")
def test_gymnasium_accepts_the_environment():
    check_env(TMaze(3), skip_render_check=True)


def walk(maze, goal, actions):
    """All observations, as text, and rewards; and how the episode ended."""
    observation, _ = maze.reset(options={"goal": goal})
    seen, rewards, ends = ["".join(f"{value:.0f}" for value in observation)], [], (False, False)
    for action in actions:
        assert ends == (False, False)
        observation, reward, *ends, _ = maze.step(action)
        ends = tuple(ends)
        seen.append("".join(f"{value:.0f}" for value in observation))
        rewards.append(reward)
    return seen, rewards, ends


@pytest.mark.parametrize(("goal", "sign", "other"), [(NORTH, "011", SOUTH), (SOUTH, "110", NORTH)])
def test_the_sign_the_corridor_the_junction_and_both_turns(goal, sign, other):
    way = [sign, "101", "010"]
    assert walk(TMaze(2), goal, [EAST, EAST, goal]) == ([*way, "010"], [0, 0, 4], (True, False))
    assert walk(TMaze(2), goal, [EAST, EAST, other]) == ([*way, "010"], [0, 0, -0.1], (True, False))


def test_detours_cost_and_an_episode_is_broken_off():
    seen, rewards, ends = walk(TMaze(2), NORTH, [WEST, NORTH, EAST, WEST, EAST, EAST])
    assert seen == ["011", "011", "011", "101", "011", "101", "010"]
    assert rewards == [-0.1, -0.1, 0, -0.1, 0, 0] and ends == (False, True)
    assert walk(TMaze(1, limit=9), NORTH, [EAST, EAST, WEST]) == (
        ["011", "010", "010", "011"],
        [0, -0.1, -0.1],
        (False, False),
    )
    assert walk(TMaze(1), SOUTH, [EAST, EAST, EAST, SOUTH])[2] == (True, False)  # the last step that is allowed


def test_goals_are_drawn_evenly_and_the_same_from_one_seed():
    maze = TMaze(3)
    drawn = [[maze.reset(seed=7)[1]["goal"]] + [maze.reset()[1]["goal"] for _ in range(500)] for _ in range(2)]
    assert drawn[0] == drawn[1] and set(drawn[0]) == {NORTH, SOUTH}
    assert np.mean(np.array(drawn[0]) == NORTH) == pytest.approx(0.5, abs=0.07)


# Episodes


def weights_that_go_east():
    """A network without a memory that goes east on signs and corridor, and turns north at the junction."""
    hidden, output = np.zeros((3, 2), "float32"), np.zeros((2, 4), "float32")
    hidden[:, 0] = [1, -1, 1]  # sign 0, corridor 2, junction -1
    output[0, NORTH] = -5
    bias = np.zeros(4, "float32")
    bias[EAST] = 1
    return [hidden, np.zeros(2, "float32"), output, bias]


def test_play_notes_what_happened_and_pads_the_rest():
    mazes, both = [TMaze(1), TMaze(3)], [NORTH, SOUTH]
    played, at_start = episodes.play(weights_that_go_east(), mazes, both, 0, generator())
    assert played.actions.tolist() == [[EAST, NORTH] + [0] * 6, [EAST] * 3 + [NORTH] + [0] * 4]
    assert played.rewards == pytest.approx(np.array([[0, 4] + [0] * 6, [0, 0, 0, -0.1] + [0] * 4]))
    assert played.terminated.tolist() == [[0, 1] + [0] * 6, [0, 0, 0, 1] + [0] * 4]
    assert played.real.tolist() == [[1, 1] + [0] * 6, [1] * 4 + [0] * 4]
    assert played.observations[0, :3].tolist() == [[0, 1, 1], [0, 1, 0], [0, 1, 0]]
    assert not played.observations[0, 3:].any()
    assert at_start == pytest.approx([1, 1])
    assert episodes.success(played).tolist() == [True, False]
    reached, _, got = episodes.measure(weights_that_go_east(), (1, 3), 0.5)
    assert reached.tolist() == [0.5, 0.5]
    assert got == pytest.approx([(4 - 0.1) / 2 / 2, (4 - 0.1) / 8 / 2])


def test_exploring_is_random_and_leaves_the_greedy_mazes_alone():
    mazes, goals = [TMaze(50) for _ in range(40)], [None] * 40
    explore = np.array([0.5] * 39 + [0])
    played, _ = episodes.play(weights_that_go_east(), mazes, goals, explore, generator())
    shares = np.bincount(played.actions[:39][played.real[:39] == 1], minlength=4) / played.real[:39].sum()
    wanted = np.full(4, 0.125)
    wanted[EAST] += 0.5
    assert shares == pytest.approx(wanted, abs=0.03)
    assert played.actions[39, :51].tolist() == [EAST] * 50 + [NORTH]


def test_a_sample_is_as_long_as_its_longest_episode():
    played, _ = episodes.play(weights_that_go_east(), [TMaze(1), TMaze(2), TMaze(9)], [NORTH] * 3, 0, generator())
    drawn = episodes.sample(played, 2, 50, generator())  # the third is not filled yet
    assert drawn.observations.shape == (50, 4, 3) and drawn.real.shape == (50, 3)
    assert set(drawn.real.sum(axis=1)) == {2, 3} and (drawn.rewards.sum(axis=1) == 4).all()


# Learning


@pytest.mark.parametrize("memory", [True, False])
def test_the_step_in_numpy_is_the_model_of_keras(memory):
    keras.utils.set_random_seed(1)
    model = q_learning.build_model(5, memory)
    model.set_weights([weight + generator().normal(size=weight.shape) for weight in model.get_weights()])
    observations = generator().normal(size=(2, 6, 3)).astype("float32")
    expected, state = model(observations).numpy(), np.zeros((2, 5))
    for t in range(6):
        values, state = episodes.one_step(model.get_weights(), observations[:, t], state)
        assert values == pytest.approx(expected[:, t], abs=1e-5)


# Two steps; the first episode comes to its end, the second is broken off. Four actions at three observations.
PLAYED = Episodes(
    np.zeros((2, 3, 3), "float32"),
    np.array([[1, 0], [3, 1]], "int32"),
    np.array([[0, 4], [-0.1, 0]], "float32"),
    np.array([[0, 1], [0, 0]], "float32"),
    np.ones((2, 2), "float32"),
)
VALUES = np.array([[[9, 1, 9, 9], [2, 7, 1, 0], [5, 5, 6, 5]], [[0, 9, 9, 2], [1, 3, 2, 0], [0, 0, 0, 8]]], "float32")
TARGET_VALUES = np.array(
    [[[9, 9, 9, 9], [4, 3, 1, 0], [9, 9, 9, 9]], [[9, 9, 9, 9], [1, -1, 2, 0], [5, 0, 0, 1]]], "float32"
)


@pytest.mark.parametrize(
    ("double", "expected"),
    # Highest values of Q': 4, then the end; 2 and 5. Those that Q would choose: 3, then the end; -1 and 1.
    [(False, [[0.5 * 4, 4], [-0.1 + 0.5 * 2, 0.5 * 5]]), (True, [[0.5 * 3, 4], [-0.1 - 0.5, 0.5]])],
)
def test_targets_by_hand(double, expected):
    wanted = q_learning.targets(PLAYED, VALUES, TARGET_VALUES, 0.5, double)
    assert wanted.numpy() == pytest.approx(np.array(expected), rel=1e-6)


def test_the_loss_counts_actions_taken_and_no_padding():
    wanted = np.array([[3, 2], [5, 100]], "float32")
    real = np.array([[1, 1], [1, 0]], "float32")
    loss = q_learning.squared_error(PLAYED._replace(real=real), VALUES, wanted)
    assert loss.numpy() == pytest.approx(((1 - 3) ** 2 + (2 - 2) ** 2 + (2 - 5) ** 2) / 3)


@pytest.fixture(scope="module")
def recurrent():
    return q_learning.Learner(True, True, OPTIONS)


def start(learner):
    """The same weights again; the target network has them, too."""
    learner.start_anew(3)
    learner.target.set_weights(learner.network.get_weights())


def test_padding_changes_nothing_that_is_learned(recurrent):
    start(recurrent)
    mazes = [TMaze(2, limit=30) for _ in range(6)]
    played, _ = episodes.play(recurrent.network.get_weights(), mazes, [NORTH, SOUTH] * 3, np.ones(6), generator())
    time = int(played.real.sum(axis=1).max())
    cut = Episodes(played.observations[:, : time + 1], *(part[:, :time] for part in played[1:]))
    rubbish = Episodes(*(np.pad(part, [(0, 0), (0, 9)] + [(0, 0)] * (part.ndim - 2)) for part in cut))
    rubbish.observations[:, time + 1 :], rubbish.rewards[:, time:] = 7, 99
    losses, weights = [], []
    for batch in (cut, rubbish):
        start(recurrent)
        losses.append(recurrent.learn(batch).numpy())
        weights.append(recurrent.network.get_weights())
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    for one, other in zip(*weights, strict=True):
        assert one == pytest.approx(other, abs=1e-5)


def test_the_gradient_does_not_reach_the_targets():
    """Loss and gradient, with the network as its own target, against targets that are numbers."""
    made = q_learning.Learner(False, False, OPTIONS)
    start(made)
    made.target = made.network
    made.optimizer = keras.optimizers.SGD(1.0)  # its step is the gradient
    made.optimizer.build(made.network.trainable_variables)
    mazes = [TMaze(2) for _ in range(6)]
    played, _ = episodes.play(made.network.get_weights(), mazes, [NORTH] * 6, np.ones(6), generator())
    values = made.network(played.observations).numpy()
    best = values[:, 1:].max(axis=-1)
    wanted = played.rewards + OPTIONS.discount * np.where(played.terminated, 0, best)
    taken = np.take_along_axis(values[:, :-1], played.actions[..., None], axis=2)[..., 0]
    errors = played.real * (taken - wanted)  # (batch, time)
    by_action = np.eye(4)[played.actions] * (2 * errors / played.real.sum())[..., None]
    slope = by_action.sum(axis=(0, 1))  # of the loss by the bias of the values
    before = made.network.get_weights()[-1]
    loss = made.learn(played).numpy()
    assert loss == pytest.approx((errors**2).sum() / played.real.sum(), rel=1e-5)
    assert made.network.get_weights()[-1] - before == pytest.approx(-slope, abs=1e-6)
    assert np.abs(slope).min() > 1e-4


def test_trainings_do_not_depend_on_those_before(recurrent):
    first = q_learning.train(recurrent, 2, 5)
    q_learning.train(recurrent, 2, 6)
    again = q_learning.train(recurrent, 2, 5)
    assert np.array_equal(first[0], again[0]) and first[0].shape == (3,)
    assert all(np.allclose(one, other, atol=1e-6) for one, other in zip(first[1], again[1], strict=True))


@pytest.mark.parametrize("memory", [True, False])
def test_only_a_memory_turns_the_right_way(memory):
    options = t_maze.Hyperparameters(rounds=60, copy_every=4)
    made = q_learning.Learner(memory, True, options)
    curve, weights = q_learning.train(made, 3, 0)
    assert curve[-5:].mean() == (1 if memory else 0.5)
    _, said, got = episodes.measure(weights, (3,), options.discount)
    assert said == pytest.approx(got, abs=0.9)


# The script


def test_table_and_conclusion_by_hand():
    curves = np.array([[0] * 10 + [1] * 10, [0, 1] + [1] * 8 + [0.5] * 10])
    result = {"curves": curves, "predicted": np.array([3.0, 2.0]), "got": np.array([3.0, 1.0])}
    options = SimpleNamespace(mazes=32, discount=0.5)
    assert t_maze.row("double", 1, result, options) == (
        *("double, 1 steps", 0.75, 0.5, 1.0, "1 of 2", "-", "2.50", "2.00", "2.00"),
    )
    lines = t_maze.conclusion({"no memory": {1: result}, "double": {1: result}}, options)
    assert len(lines) == 3 and "50% to 100%" in lines[0] and "1 steps 50%" in lines[1] and "+0.50" in lines[2]


def test_impossible_flags_are_refused(script, tmp_path):
    for flags, named in [(["--lengths", "5", "5"], "--lengths"), (["--remembered", "9"], "--remembered")]:
        assert refused(script("toy_sequence/methods/t_maze.py", "--runs", tmp_path, *flags), named)


def test_the_script_plays_and_draws(script, tmp_path):
    flags = ["--lengths", 1, 3, "--repeats", 2, "--rounds", 11, "--updates", 1, "--mazes", 4, "--hidden-size", 4]
    process = script("toy_sequence/methods/t_maze.py", "--runs", tmp_path, "--name", "x", *flags)
    assert process.returncode == 0, process.stderr
    assert process.stdout.splitlines()[-5] == "Conclusion"
    run = tmp_path / "t_maze" / "x"
    results = json.loads((run / "metrics.json").read_text())["results"]
    assert list(results) == ["no memory", "recurrent", "double"] and len(results["double"]["3"]["success"]) == 2
    assert (run / "t_maze.png").stat().st_size > 10_000
