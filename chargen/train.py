"""Predict the next character of Alice in Wonderland.

The data has no labels: the text is its own teacher. The network reads one character after another and says at each
step how likely every character of the alphabet is to come next. Trained on that, it can write: draw a character from
what it says, feed it back, go on. minimal.py is the book's version of this; model.py says what the network is here.

**Streams.** The training text is cut into `batch_size` long pieces that are read side by side, `sequence_length`
characters in each step of training. The network keeps its state from one batch to the next, so that nothing of the past
is forgotten, while gradients flow back through `sequence_length` steps only (truncated back-propagation through time).

**N-gram logits.** What the last two to eight characters alone say about the next one need not go through the layer's
state: a table beside it (ngram_logits.py) knows it. `--ngrams` without lengths leaves the table out.

**Dropout.** A layer that has more weights than the text has characters soon knows the text by heart. In training, some
of its inputs, of its outputs, of its recurrent weights and of the n-gram logits are dropped.

**Best (`--preset best`).** An ensemble of three, with different seeds.

**Many characters (`--preset kanji`).** A Japanese novel has over a thousand kinds, most of them rare. A logit for each
of them, with weights of its own, is more than such a text can teach. So the embedding is *tied* (model.py): what is
learned of a character that is read is known of it when it comes next.

The measure is bits per character on the last tenth of the book: how many binary digits the next character costs on
average, if it is coded with the model's probabilities. Guessing among 42 characters costs 5.39 bits.

References: Elman 1990, Finding structure in time. Mikolov et al. 2010, Recurrent neural network based language model.
Mikolov et al. 2011, Strategies for training large scale neural network language models (the n-gram logits).
"""

import shutil
import time
from dataclasses import dataclass
from typing import Literal

from common import InputError
from common.cli import Count, LearningRate, Positive, Share, Size, progress, run_script, start_tensorflow
from common.data import load_text, split_text
from common.runs import SharedRunOptions, finish_run, start_run


@dataclass(frozen=True)
class Hyperparameters(SharedRunOptions):
    preset: Literal["default", "best", "kanji"] = "default"  # where the other defaults come from
    encoding: str | None = None  # of a text of your own, such as euc_jp; by default UTF-8 or Shift_JIS, whichever it is
    cell: Literal["simple", "lstm", "gru", "mingru", "minlstm", "lru"] = "lstm"  # the recurrent layer
    embedding_size: Size = 64  # numbers that stand for a character
    hidden_size: Size = 512  # units of the recurrent layer
    input_dropout: Share = 0.2  # share of the recurrent layer's inputs that is dropped in training
    dropout: Share = 0.6  # share of its outputs
    weight_dropout: Share = 0.4  # share of its recurrent weights; mingru, minlstm and lru have none
    ngrams: tuple[Count, ...] = (2, 3, 4, 5, 6, 8)  # lengths of the n-grams with logits of their own, in characters
    ngram_dropout: Share = 0.6  # share of their lengths dropped in training
    tied: bool = False  # the vectors of the embedding give the logits, too: for a large alphabet
    ngram_learning_rate: LearningRate = 0.06  # of the n-gram logits, at the start; they learn by Adagrad
    sequence_length: Count = 50  # characters that gradients flow back through
    batch_size: Count = 16  # streams read side by side
    learning_rate: LearningRate = 0.004  # of Adam, at the start; falls to 0 along a cosine
    clip_norm: Positive = 1.0  # longest gradient of a weight; longer ones are scaled down
    epochs: Count = 36
    patience: Count = 12  # epochs without improvement on validation before training stops
    sample_length: Count = 200  # characters of the sample printed after each epoch
    ensemble_size: Count = 1  # models trained, each with another seed, whose probabilities eval.py averages

    def __post_init__(self):
        super().__post_init__()
        if max(self.ngrams, default=0) > 20:
            raise InputError(f"--ngrams is {max(self.ngrams)}; strings of over 20 characters hardly ever come twice")


PRESETS = {
    "default": Hyperparameters(),
    "best": Hyperparameters(preset="best", ensemble_size=3),
    "kanji": Hyperparameters(
        preset="kanji",
        embedding_size=256,
        tied=True,
        input_dropout=0.4,
        dropout=0.7,
        weight_dropout=0.5,
        ngrams=(1, 2, 3, 4),
        epochs=16,
    ),
}

SPACE = {  # what tune.py tries: a list of choices, or from the first number to the second, "log": by their logarithm
    "hidden_size": [256, 384, 512],
    "input_dropout": (0.0, 0.4),
    "dropout": (0.3, 0.7),
    "weight_dropout": (0.0, 0.6),
    "ngram_dropout": (0.3, 0.8),
    "learning_rate": (0.001, 0.02, "log"),
}


def main(hyperparameters: Hyperparameters) -> None:
    ids, vocabulary, corpus = load_text(hyperparameters.data, hyperparameters.encoding, share_rare=True)
    training, validation, _ = split_text(ids)
    if vocabulary.unknown is not None and not hyperparameters.tied:
        print(f"{len(vocabulary)} different characters: --preset kanji suits so large an alphabet better", flush=True)

    start_tensorflow(hyperparameters)
    import keras

    from chargen.eval import evaluate
    from chargen.model import build_model, compile_model, find_ngrams
    from chargen.writer import PrintSample
    from common.batches import stream_batches
    from common.callbacks import ResetStates, run_callbacks
    from common.distributed import connect
    from common.ensemble import members

    workers = connect(hyperparameters.strategy)
    batch_size, sequence_length = hyperparameters.batch_size, hyperparameters.sequence_length
    validation_batches = workers.share(stream_batches(validation, batch_size, sequence_length))
    stream_batches(training, batch_size, sequence_length)  # complains, before anything is written, if it is too short
    known = find_ngrams(training, hyperparameters, len(vocabulary))
    prompt = "".join(vocabulary.decode(training[:20]))

    run = start_run("chargen", hyperparameters, corpus, workers.chief)
    started = time.perf_counter()
    for name, seed in members(hyperparameters):
        print(f"training {name}, seed {seed}", flush=True)
        keras.utils.set_random_seed(seed)
        training_batches = workers.share(stream_batches(training, batch_size, sequence_length, seed))
        model = build_model(hyperparameters, len(vocabulary), known, workers.share_of(batch_size))
        compile_model(model, hyperparameters, hyperparameters.epochs * len(training_batches), vocabulary.unknown)
        workers.join(model)
        model.fit(
            training_batches,
            validation_data=validation_batches,
            epochs=hyperparameters.epochs,
            shuffle=False,  # the batches come in the order of the text
            verbose=progress(),
            callbacks=[
                ResetStates(),
                *run_callbacks(
                    run,
                    "val_bits_per_character",
                    {"characters": vocabulary},
                    hyperparameters,
                    training_batches,
                    hyperparameters.patience,
                    name,
                    workers.backup,
                    PrintSample(vocabulary, prompt, hyperparameters.sample_length),
                ),
            ],
        )
    model.summary()
    seconds = time.perf_counter() - started
    workers.leave()
    if hyperparameters.ensemble_size > 1:  # the model to write with
        shutil.copy(run / "member-1.keras", run / "model.keras")

    metrics = evaluate(run, ids)
    finish_run(
        run,
        "chargen",
        {
            "model": f"{hyperparameters.cell} {hyperparameters.hidden_size}",
            "parameters": model.count_params(),
            "corpus": corpus,
            "split": "contiguous 80/10/10: train, validation, test",
            "seed": hyperparameters.seed,
            "training_seconds": seconds,
            **metrics,
        },
    )
    print(f"{metrics['test_bits_per_character']:.3f} bits per character on the test part, {seconds:.0f} s, in {run}")


if __name__ == "__main__":
    run_script(main, Hyperparameters, PRESETS)
