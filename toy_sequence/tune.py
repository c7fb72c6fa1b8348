"""Search for better hyperparameters of the toy, by the loss on the validation sequences of its second training.

    python toy_sequence/tune.py --trials 20
    python toy_sequence/tune.py --trials 40 --epochs 5      # flags of train.py hold for all trials

common/tune.py says how the search goes. The test sequences of eval.py are other ones, of other lengths.
"""

from dataclasses import dataclass

import numpy as np

from common.cli import Count, progress, run_script
from common.tune import search
from toy_sequence.sequences import make_sequences
from toy_sequence.train import SPACE, Hyperparameters

METRIC = "val_loss"


@dataclass(frozen=True)
class Options(Hyperparameters):
    trials: Count = 20  # in all, those before an interruption included


def train(hyperparameters, report) -> float:
    """The lowest loss on the validation sequences after any epoch, as train.py would keep it, in nats."""
    import keras

    from common.batches import bucketed_batches
    from common.callbacks import trial_callbacks
    from toy_sequence.model import build_model, compile_model

    seed, batch_size, sequences = hyperparameters.seed, hyperparameters.batch_size, hyperparameters.sequences
    shortest, longest = hyperparameters.shortest, hyperparameters.longest
    lengths = np.random.default_rng(seed + 1).integers(shortest, longest + 1, sequences)
    generator = np.random.default_rng(seed)
    keras.utils.set_random_seed(seed)
    model = build_model(hyperparameters.cell, hyperparameters.hidden_size)
    compile_model(model, hyperparameters.learning_rate, hyperparameters.clip_norm)
    model.fit(
        bucketed_batches(*make_sequences(lengths, generator), batch_size, seed),
        validation_data=bucketed_batches(*make_sequences(lengths[: max(1, sequences // 10)], generator), batch_size),
        epochs=hyperparameters.epochs,
        shuffle=False,  # the dataset shuffles
        verbose=progress(),
        callbacks=trial_callbacks(METRIC, hyperparameters.epochs, report),
    )
    return min(model.history.history[METRIC])


def main(options: Options) -> None:
    search("toy_sequence", options, Hyperparameters(), SPACE, None, METRIC, train)


if __name__ == "__main__":
    run_script(main, Options)
