"""Is a sentence about a film or a book positive or negative?

The sentences are typed as people type: *loved*, *looooved*, *awesomest*, *sucksss*. Half of the words occur once, so
a table of one vector for each word knows little. Here the vector of a word is the sum of the vectors of its
**subwords**: the word itself and the strings of three to five characters in it (subwords.py). What was learned about
*sucks* helps with *sucksss*. A bidirectional GRU reads the words, and of each of its features the largest value over
the sentence is kept: one clear word is enough.

**Convolution.** Beside the GRU, each of 48 filters looks for its own three words in a row (`--filters 0`: none).

**Subword logits.** Beside both, every subword has a logit of its own, as in a linear model, and GRU and convolution
learn what these logits get wrong. For some sentences they are ignored in training (`--sentence-dropout`); otherwise
they would soon know the sentences by heart, and the subword logits would have nothing left to learn.

**Best (`--preset best`).** An ensemble of five, which differ in their seed. Their probabilities are averaged.

**The trap.** The UMich file has 7,086 rows but only 1,212 different sentences: most rows are copies. A random split
puts copies of the test sentences into the training part, and any model shines, by memory. Here copies are dropped
first, and every sentence is tested by a model that never saw it: five models are trained, each on four fifths
(five-fold cross-validation). A sixth, `leaking.keras`, is trained on a random split of the raw file, so that you can
see the difference. The model you use afterwards, `model.keras`, is trained like the five, on all the sentences.

With so few sentences, none is set aside to find the best epoch: the number of epochs is fixed. It was chosen, as were
the other numbers below, on the training parts of the folds alone: `python sentiment/compare.py --protocol inner`
trains on four fifths of each and measures on its last fifth. Of 3,000 sentences or more, such as a file of your own, a
tenth is set aside (training.py): training stops where the loss on it does not fall any more, and two numbers are found
there that *calibrate* the network, so that of the sentences with a probability of 0.8, 80 % are positive: a temperature
that divides the logits, and the share of the labels that are wrong. Where a tenth of them is, nothing is 99 % sure.

References: Cho et al. 2014, Learning phrase representations using RNN encoder-decoder (the GRU). Kim 2014,
Convolutional neural networks for sentence classification. Bojanowski et al. 2017, Enriching word vectors with subword
information. Cheng et al. 2016, Wide & deep learning for recommender systems (the subword logits). Gal & Ghahramani
2016, A theoretically grounded application of dropout in recurrent neural networks. Kohavi 1995, A study of
cross-validation. Gulli & Pal 2017, Deep Learning with Keras, chapter 6.
"""

import time
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from common.cli import Bounds, Count, LearningRate, Positive, Share, Size, run_script, start_tensorflow
from common.data import deduplicate, folds, load_opinions
from common.runs import RunOptions, finish_run, start_run
from common.tokenizer import TokenizerName


@dataclass(frozen=True)
class Hyperparameters(RunOptions):
    preset: Literal["default", "best"] = "default"  # where the other defaults come from
    tokenizer: TokenizerName = None  # splits sentences without spaces, such as Japanese ones of your own, into words
    cell: Literal["simple", "lstm", "gru"] = "gru"  # the recurrent layer
    minimum_count: Count = 2  # rarer subwords are unknown
    vocabulary_size: Count = 8000  # subwords at most, the commonest ones
    embedding_size: Size = 128  # numbers that stand for a subword
    hidden_size: Size = 48  # units of the recurrent layer, in each direction
    filters: Annotated[int, Bounds(below=10_001)] = 48  # of the convolution over three words; 0: none
    word_dropout: Share = 0.2  # share of the words that is dropped in training
    input_dropout: Share = 0.4  # share of the embedding's numbers that is dropped, the same in all words of a sentence
    dropout: Share = 0.4  # share of the numbers dropped before the last layer
    sentence_dropout: Share = 0.1  # share for which only the subword logits are trained; none of 3,000 or more
    subword_logit_scale: Positive = 3.0  # factor of the subword logits: the larger, the faster they learn
    batch_size: Count = 64  # sentences
    learning_rate: LearningRate = 0.006  # of Adam, at the start; falls to 0 along a cosine
    epochs: Count = 12  # over 3,000 sentences or more at most 6
    ensemble_size: Count = 1  # models trained, each with another seed, whose probabilities are averaged


PRESETS = {
    "default": Hyperparameters(),
    "best": Hyperparameters(preset="best", ensemble_size=5),
}

SPACE = {  # what tune.py tries: a list of choices, or from the first number to the second, "log": by their logarithm
    "embedding_size": [32, 64, 128],
    "hidden_size": (24, 96, "log"),
    "word_dropout": (0.0, 0.4),
    "dropout": (0.2, 0.7),
    "sentence_dropout": (0.0, 0.6),
    "learning_rate": (0.001, 0.02, "log"),
}


def for_raw_file(hyperparameters: Hyperparameters) -> Hyperparameters:
    """The raw file has six times as many rows: one model, at most three epochs."""
    return replace(hyperparameters, ensemble_size=1, epochs=min(3, hyperparameters.epochs))


def main(hyperparameters: Hyperparameters) -> None:
    raw, names, corpus = load_opinions(hyperparameters.data, hyperparameters.tokenizer)
    rows = deduplicate(raw)
    parts = folds([label for label, _ in rows])
    print(f"{len(raw)} rows, {len(rows)} different sentences with one label; {names[1]!r} is positive", flush=True)

    start_tensorflow(hyperparameters)
    from sentiment.eval import evaluate
    from sentiment.splits import leaking_split
    from sentiment.training import train_and_save

    run = start_run("sentiment", hyperparameters, corpus)
    started = time.perf_counter()
    for number, (training, _) in enumerate(parts, start=1):
        print(f"\nfold {number} of {len(parts)}: train on {len(training)} sentences", flush=True)
        train_and_save(run, f"fold-{number}", [rows[index] for index in training], names, hyperparameters)
    print("\na random split of the raw file, copies included, for comparison", flush=True)
    training, _ = leaking_split(raw, hyperparameters.seed)
    train_and_save(run, "leaking", training, names, for_raw_file(hyperparameters))
    print("\nthe model to use: train on all sentences", flush=True)
    train_and_save(run, "model", rows, names, hyperparameters)
    seconds = time.perf_counter() - started

    metrics = evaluate(run, raw, names, hyperparameters.seed)
    network = f"{hyperparameters.cell} {hyperparameters.hidden_size}"
    if hyperparameters.filters:
        network += f", convolution {hyperparameters.filters}"
    finish_run(
        run,
        "sentiment",
        {
            "model": network if hyperparameters.ensemble_size == 1 else f"{hyperparameters.ensemble_size} x {network}",
            "corpus": corpus,
            "split": "deduplicated, stratified 5-fold, shuffled with seed 0",
            "seed": hyperparameters.seed,
            "training_seconds": seconds,
            **metrics,
        },
    )
    print(f"{metrics['cv_accuracy']:.4f} cross-validated accuracy, {seconds:.0f} s for seven trainings, in {run}")


if __name__ == "__main__":
    run_script(main, Hyperparameters, PRESETS)
