"""Search for hyperparameters: train with many, and keep those that do best on validation.

Each train.py says beside its `Hyperparameters` what is worth trying, in `SPACE`. Each tune.py says how one trial is
trained and measured, on validation data only. Here is what they share:

- The first trial has the defaults. Ten trials are drawn at random; after that, the tree-structured Parzen estimator
  draws more often where the trials have been good.
- A trial that is worse after an epoch than half of the others were is pruned: it stops there. This begins with the
  fifth trial, and with the third epoch.
- All trials lie in runs/tune/<task>.db. A search that was interrupted goes on with the same command and has the same
  trials as if nothing had happened. More --trials go on, too. --name begins another search in the same file.
- A flag whose value differs from the default is not searched: it holds for all trials. Three flags of train.py do
  nothing here: --resume, --save-every and --strategy.

The best figure of a search is too good: it is the luckiest of many on the same validation data. Only the test part,
which eval.py reads once all is chosen, says what it is worth.

References: Akiba et al. 2019, Optuna: a next-generation hyperparameter optimization framework. Bergstra et al. 2011,
Algorithms for hyper-parameter optimization. Golovin et al. 2017, Google Vizier (the median rule for pruning).
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from itertools import count
from typing import Any

from common import InputError
from common.cli import start_tensorflow
from common.tables import print_table

NO_SETTINGS = "trials", "name", "runs", "data", "resume", "save_every", "strategy"  # may change within a search
SHOWN = 10  # trials in the table at the end


def search(
    task: str, options: Any, defaults: Any, space: dict, corpus: dict | None, metric: str, train: Callable
) -> None:
    """Run the trials that are missing, then print the best ones and the command that trains the best.

    Args:
        options: the flags of tune.py: those of train.py, and `trials`.
        defaults: the `Hyperparameters` that hold without any flags.
        space: field -> list of choices, or lowest and highest value: `(low, high)`, a fraction in
            steps of 0.01, or `(low, high, "log")`.
        corpus: `{"name", "sha256"}`; a search goes on with the same corpus only.
        metric: its name. The larger the better if it is an accuracy, else the smaller.
        train: `train(hyperparameters, report)` trains, calls `report(value)` after each epoch or other step, and
            returns the value of the trial.

    Raises:
        InputError: Optuna is missing, or the search was begun with other flags or another corpus.
    """
    try:
        import optuna  # not at the top: only who searches needs it
    except ImportError:
        raise InputError(f"the search needs Optuna; `make tune-{task}` installs it (requirements-tune.txt)") from None
    finished = optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED

    space = {name: choices for name, choices in space.items() if getattr(options, name) == getattr(defaults, name)}
    study = open_study(task, options, space, corpus, "maximize" if "accuracy" in metric else "minimize")
    start_tensorflow(options)
    import keras

    def trial_value(trial) -> float:
        values = rounded({name: draw(trial, name, choices) for name, choices in space.items()})
        print(*(f"{name} {value}" for name, value in values.items()), sep=", ", flush=True)
        steps = count()

        def report(value: float) -> None:
            trial.report(float(value), next(steps))
            if trial.should_prune():
                raise optuna.TrialPruned

        keras.utils.clear_session()  # frees the model of the trial before
        try:
            return float(train(replace(options, **values), report))
        except InputError as error:  # it has diverged
            print(error, flush=True)
            raise optuna.TrialPruned from error

    while (done := len(study.get_trials(states=finished))) < options.trials:
        print(f"\ntrial {done + 1} of {options.trials}: ", end="", flush=True)
        if done == 0:
            study.enqueue_trial({name: getattr(options, name) for name in space})
        # A seed for each trial, so that what is drawn does not depend on interruptions.
        study.sampler = optuna.samplers.TPESampler(seed=options.seed + done)
        try:
            study.optimize(trial_value, n_trials=1)
        except KeyboardInterrupt:
            raise KeyboardInterrupt("the finished trials are kept; the same command goes on") from None
        trial = study.get_trials(states=finished)[-1]
        print(f"{metric} {trial.value:.4f}" if trial.state == finished[0] else "pruned", flush=True)
    print_best(task, options, defaults, space, metric, study.get_trials(states=finished[:1]))


def open_study(task: str, options: Any, space: dict, corpus: dict | None, direction: str):
    """The search in runs/tune/<task>.db, begun or to be continued."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    path = options.runs / "tune" / f"{task}.db"
    path.parent.mkdir(parents=True, exist_ok=True)
    pruner = optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=2)
    name = options.name or "search"
    try:
        study = optuna.create_study(
            storage=f"sqlite:///{path}", pruner=pruner, study_name=name, direction=direction, load_if_exists=True
        )
    except Exception as error:  # of SQLite or SQLAlchemy, which are not imported here
        raise InputError(f"{path} cannot be read or written ({str(error).splitlines()[0]}); remove it") from error
    fixed = {key: value for key, value in asdict(options).items() if key not in (*space, *NO_SETTINGS)}
    settings = json.dumps({"space": space, "corpus": corpus, **fixed}, default=str)
    if not study.trials:
        study.set_user_attr("settings", settings)
    elif study.user_attrs["settings"] != settings:
        raise InputError(
            f"the search {name!r} in {path} was begun with other flags, another space or another corpus; "
            "give the same, or choose another --name"
        )
    return study


def draw(trial: Any, name: str, choices: list | tuple) -> Any:
    """A value for one hyperparameter; `choices` as in `search`."""
    if isinstance(choices, list):
        return trial.suggest_categorical(name, choices)
    low, high, *log = choices
    if isinstance(low, int):
        return trial.suggest_int(name, low, high, log=bool(log))
    return trial.suggest_float(name, low, high, log=bool(log), step=None if log else 0.01)


def rounded(values: dict) -> dict:
    """The same with three digits, as they are trained with and as they are printed."""
    return {name: float(f"{value:.3g}") if isinstance(value, float) else value for name, value in values.items()}


def print_best(task: str, options: Any, defaults: Any, space: dict, metric: str, trials: list) -> None:
    """Print a table of the best of the trials that were not pruned, and the command that trains the best."""
    if not trials:
        raise InputError("no trial came to its end; try a smaller --learning-rate")
    trials = sorted(trials, key=lambda trial: trial.value, reverse="accuracy" in metric)
    rows = [
        (float(trial.value), round(trial.duration.total_seconds()), *map(str, rounded(trial.params).values()))
        for trial in trials[:SHOWN]
    ]
    print(f"\nthe best of {len(trials)} trials that were not pruned, on validation")
    print_table((metric, "seconds", *space), rows)
    print("\n" + command(task, replace(options, **rounded(trials[0].params)), defaults))


def command(task: str, hyperparameters: Any, defaults: Any) -> str:
    """The command that trains with `hyperparameters`; its flags are those that differ from `defaults`."""
    words = ["python", f"{task}/train.py"]
    for field in fields(defaults):
        value, flag = getattr(hyperparameters, field.name), "--" + field.name.replace("_", "-")
        default = field.default if field.name == "preset" else getattr(defaults, field.name)
        if value == default or (field.name != "data" and field.name in NO_SETTINGS):
            continue
        if isinstance(value, bool):
            words.append(flag if value else flag.replace("--", "--no-", 1))
        elif isinstance(value, tuple):
            words += [flag, *map(str, value)]
        else:
            words += [flag, str(value)]
    return shlex.join(words)
