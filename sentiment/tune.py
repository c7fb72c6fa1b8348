"""Search for better hyperparameters of the sentiment network, by the logarithmic loss of the inner protocol.

    python sentiment/tune.py --trials 20
    python sentiment/tune.py --trials 40 --cell gru --epochs 8      # flags of train.py hold for all trials

Each trial trains five networks: each on four fifths of the training part of a fold, measured on the last fifth, as
`compare.py --protocol inner` does. The test parts of the folds are not looked at. A trial may be pruned after its third
network. common/tune.py says how the search goes.
"""

from dataclasses import asdict, dataclass

import numpy as np

from common.cli import Count, run_script
from common.data import deduplicate, load_opinions
from common.tune import search
from sentiment.compare import right_and_losses
from sentiment.splits import inner_folds
from sentiment.train import PRESETS, SPACE, Hyperparameters


@dataclass(frozen=True)
class Options(Hyperparameters):
    trials: Count = 20  # in all, those before an interruption included


def main(options: Options) -> None:
    raw, _, corpus = load_opinions(options.data, options.tokenizer)
    rows = deduplicate(raw)
    splits = inner_folds([label for label, _ in rows])

    def train(hyperparameters, report) -> float:
        """The mean logarithmic loss over the five validation parts, in nats."""
        from sentiment.baselines import train_and_predict

        def predict(training, sentences):
            return train_and_predict("network", hyperparameters, training, sentences)

        losses = []
        for training, validation in splits:
            losses.append(right_and_losses(predict, rows, training, validation)[1].mean())
            report(np.mean(losses))
        return np.mean(losses)

    search("sentiment", options, PRESETS[options.preset], SPACE, corpus, "inner validation loss", train)


if __name__ == "__main__":
    run_script(main, Options, {name: Options(**asdict(preset)) for name, preset in PRESETS.items()})
