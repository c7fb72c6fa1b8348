"""Search for better hyperparameters of the character model, by the bits per character of the validation part.

    python chargen/tune.py --trials 20
    python chargen/tune.py --trials 40 --cell gru --epochs 6      # flags of train.py hold for all trials

common/tune.py says how the search goes. The test part is never read. Of an ensemble, one member is trained.
"""

from dataclasses import asdict, dataclass

from chargen.train import PRESETS, SPACE, Hyperparameters
from common.cli import Count, progress, run_script
from common.data import load_text, split_text
from common.tune import search

METRIC = "val_bits_per_character"


@dataclass(frozen=True)
class Options(Hyperparameters):
    trials: Count = 20  # in all, those before an interruption included


def main(options: Options) -> None:
    ids, vocabulary, corpus = load_text(options.data, options.encoding, share_rare=True)
    training, validation, _ = split_text(ids)

    def train(hyperparameters, report) -> float:
        """The lowest bits per character on validation after any epoch, as train.py would keep it."""
        import keras

        from chargen.model import build_model, compile_model, find_ngrams
        from common.batches import stream_batches
        from common.callbacks import ResetStates, trial_callbacks

        keras.utils.set_random_seed(hyperparameters.seed)
        shape = hyperparameters.batch_size, hyperparameters.sequence_length
        training_batches = stream_batches(training, *shape, hyperparameters.seed)
        known = find_ngrams(training, hyperparameters, len(vocabulary))
        model = build_model(hyperparameters, len(vocabulary), known)
        compile_model(model, hyperparameters, hyperparameters.epochs * len(training_batches))
        model.fit(
            training_batches,
            validation_data=stream_batches(validation, *shape),
            epochs=hyperparameters.epochs,
            shuffle=False,  # the batches come in the order of the text
            verbose=progress(),
            callbacks=[ResetStates(), *trial_callbacks(METRIC, hyperparameters.patience, report)],
        )
        return min(model.history.history[METRIC])

    search("chargen", options, PRESETS[options.preset], SPACE, corpus, METRIC, train)


if __name__ == "__main__":
    run_script(main, Options, {name: Options(**asdict(preset)) for name, preset in PRESETS.items()})
