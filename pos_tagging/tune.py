"""Search for better hyperparameters of the tagger, by the token accuracy on the validation sentences.

    python pos_tagging/tune.py --trials 20
    python pos_tagging/tune.py --trials 40 --cell gru --epochs 5      # flags of train.py hold for all trials

common/tune.py says how the search goes. The test sentences are never read. Of an ensemble, one member is trained.
"""

from dataclasses import asdict, dataclass

from common.cli import Count, run_script
from common.data import load_tagged_sentences, split_sentences
from common.tune import search
from pos_tagging.features import encode_sentences, encode_validation, make_vocabularies
from pos_tagging.train import PRESETS, SPACE, Hyperparameters, fit

METRIC = "val_masked_accuracy"


@dataclass(frozen=True)
class Options(Hyperparameters):
    trials: Count = 20  # in all, those before an interruption included


def main(options: Options) -> None:
    sentences, corpus = load_tagged_sentences(options.data)
    training, validation, _ = split_sentences(sentences)  # whatever --validate says
    vocabularies = make_vocabularies(training, options)
    training_data = encode_sentences(training, vocabularies)
    validation_data = encode_validation(validation, vocabularies)

    def train(hyperparameters, report) -> float:
        """The highest token accuracy on validation after any epoch, as train.py would keep it."""
        import keras

        from common.batches import bucketed_batches
        from common.callbacks import trial_callbacks
        from pos_tagging.model import build_model, compile_model

        keras.utils.set_random_seed(hyperparameters.seed)
        training_batches = bucketed_batches(*training_data, hyperparameters.batch_size, hyperparameters.seed)
        validation_batches = bucketed_batches(*validation_data, hyperparameters.batch_size)
        model = build_model(hyperparameters, vocabularies)
        compile_model(model, hyperparameters, hyperparameters.epochs * len(training_batches))
        callbacks = trial_callbacks(METRIC, hyperparameters.patience, report)
        fit(model, hyperparameters, training_batches, validation_batches, callbacks)
        return max(model.history.history[METRIC])

    search("pos_tagging", options, PRESETS[options.preset], SPACE, corpus, METRIC, train)


if __name__ == "__main__":
    run_script(main, Options, {name: Options(**asdict(preset)) for name, preset in PRESETS.items()})
