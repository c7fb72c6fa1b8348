"""Predict the next character of Alice in Wonderland.

The data has no labels: the text is its own teacher. The network reads one character after another and says at each
step how likely every character of the alphabet is to come next. Trained on that, it can write: draw a character from
what it says, feed it back, go on.

**Streams (default).** The training text is cut into `batch_size` long pieces that are read side by side,
`sequence_length` characters a step of training. The layer is *stateful*: what it remembers at the end of a batch is
what it starts the next one with, so that nothing of the past is forgotten, while gradients flow back through
`sequence_length` steps only (truncated back-propagation through time).

    characters (batch, time) -> embedding (batch, time, embedding) -> LSTM (batch, time, hidden)
                             -> logits (batch, time, vocabulary)

**Votes.** What the last two to eight characters alone say about the next one need not go through the layer's state. A
table beside it (votes.py) knows the strings that occur in the training text, and adds their votes to the logits.
`--ngrams` without lengths leaves it out.

**Dropout.** A layer that has more numbers to learn than the text has characters soon knows the text by heart. In
training, part of its inputs, of its outputs, of its recurrent weights (weight_drop.py) and of the votes is left out.

**Best (`--preset best`).** The same three times with other seeds, for eval.py to average, and more slowly: with more
dropout, more epochs do no harm.

**Windows (`--preset book`).** The model of the book reads overlapping windows of 10 characters, forgets everything
between two of them, and predicts only the character after each. It sees the text ten times for one pass of the
streams.

    characters (batch, 10) -> one-hot (batch, 10, vocabulary) -> SimpleRNN (batch, hidden) -> logits (batch, vocabulary)

The measure is bits per character on the last tenth of the book: how many binary digits the next character costs on
average, if it is coded with the model's probabilities. Guessing among 42 characters costs 5.39 bits.

References: Elman 1990, Finding Structure in Time. Mikolov et al. 2010, Recurrent neural network based language model.
Gulli & Pal 2017, Deep Learning with Keras, chapter 6.
Hochreiter & Schmidhuber 1997, Long short-term memory. Cho et al. 2014 (the GRU). Mikolov et al. 2011, Strategies for
training large scale neural network language models (the votes).
"""

import time
from dataclasses import dataclass, replace
from typing import Literal

from common import InputError
from common.batches import stream_batches, window_batches
from common.callbacks import ResetStates, run_callbacks
from common.cli import Count, Positive, Share, run_script, start_tensorflow
from common.data import load_text, split_text
from common.runs import SharedRunOptions, finish_run, start_run


@dataclass(frozen=True)
class Hyperparameters(SharedRunOptions):
    preset: Literal["default", "book", "best"] = "default"  # where the other defaults come from
    reading: Literal["streams", "windows"] = "streams"  # carry the state on, or start anew in every window
    cell: Literal["simple", "lstm", "gru"] = "lstm"  # the recurrent layer
    one_hot: bool = False  # characters enter as one-hot vectors, as in the book, not as learned embeddings
    embedding_size: Count = 64  # numbers that stand for a character, when learned
    hidden_size: Count = 384  # units of the recurrent layer
    input_dropout: Share = 0.2  # share of the recurrent layer's inputs that is zeroed in training
    dropout: Share = 0.4  # share of its outputs
    weight_dropout: Share = 0.2  # share of its recurrent weights
    ngrams: tuple[Count, ...] = (2, 3, 4, 5, 6, 8)  # lengths of the strings that vote, in characters; for streams only
    vote_dropout: Share = 0.6  # share of the votes left out in training, all those of a length together
    vote_learning_rate: Positive = 0.1  # of the votes, at the start; they learn by Adagrad
    sequence_length: Count = 50  # characters that gradients flow back through; the length of a window
    batch_size: Count = 16  # streams read side by side, or windows a batch
    optimizer: Literal["adam", "rmsprop"] = "adam"
    learning_rate: Positive = 0.004  # at the start; falls to 0 along a cosine if the optimizer is Adam
    clip_norm: Positive = 1.0  # longest gradient; longer ones are scaled down
    epochs: Count = 12
    patience: Count = 3  # epochs without improvement on validation before training stops
    sample_length: Count = 200  # characters of the sample printed after each epoch
    members: Count = 1  # models trained, each with another seed, for eval.py to average


PRESETS = {
    "default": Hyperparameters(),
    "book": Hyperparameters(
        preset="book",
        reading="windows",
        cell="simple",
        one_hot=True,
        hidden_size=128,
        input_dropout=0.0,
        dropout=0.0,
        weight_dropout=0.0,
        sequence_length=10,
        batch_size=128,
        optimizer="rmsprop",
        learning_rate=0.001,
        epochs=25,
    ),
    "best": Hyperparameters(
        preset="best",
        dropout=0.5,
        weight_dropout=0.3,
        vote_learning_rate=0.06,
        epochs=24,
        patience=6,
        members=3,
    ),
}


def build_model(hyperparameters, vocabulary_size, known=()):
    """The model, not compiled: ids (batch, time) -> logits, (batch, time, vocabulary) when it reads streams,
    (batch, vocabulary) when it reads windows.

    Args:
        known: the n-grams that vote, as `votes.known_ngrams` gives them; without any there are no votes.
    """
    from keras import Input, Model, Sequential, layers

    from chargen.votes import Votes
    from chargen.weight_drop import WeightDropGRU, WeightDropLSTM, WeightDropSimpleRNN

    recurrent = {"simple": WeightDropSimpleRNN, "lstm": WeightDropLSTM, "gru": WeightDropGRU}[hyperparameters.cell]
    streams = hyperparameters.reading == "streams"
    if hyperparameters.one_hot:  # a fixed identity matrix as embedding: row i is the one-hot vector of character i
        embedding = layers.Embedding(vocabulary_size, vocabulary_size, "identity", trainable=False)
    else:
        embedding = layers.Embedding(vocabulary_size, hyperparameters.embedding_size)
    model = Sequential(
        [
            Input((hyperparameters.sequence_length,), hyperparameters.batch_size if streams else None, dtype="int32"),
            embedding,
            layers.Dropout(hyperparameters.input_dropout),
            recurrent(
                hyperparameters.hidden_size, hyperparameters.weight_dropout, return_sequences=streams, stateful=streams
            ),
            layers.Dropout(hyperparameters.dropout),
            layers.Dense(vocabulary_size),
        ]
    )
    if not len(known):
        return model
    votes = Votes(hyperparameters.ngrams, len(known), hyperparameters.vote_dropout, name="votes")
    model = Model(model.inputs[0], votes([model.outputs[0], model.inputs[0]]))
    votes.known.assign(known)
    return model


def compile_model(model, hyperparameters, steps):
    """Compile for `steps` steps of training in all."""
    import keras

    from common.metrics import BitsPerCharacter

    if hyperparameters.optimizer == "adam":
        rate = keras.optimizers.schedules.CosineDecay(hyperparameters.learning_rate, steps)
        optimizer = keras.optimizers.Adam(rate, clipnorm=hyperparameters.clip_norm)
    else:
        optimizer = keras.optimizers.RMSprop(hyperparameters.learning_rate, clipnorm=hyperparameters.clip_norm)
    if any(layer.name == "votes" for layer in model.layers):
        # Most n-grams are rare, their gradients small and far between. Adam makes as long a step for a small gradient
        # as for a large one; Adagrad, as long as its sum of squares starts well above theirs, a shorter one.
        rate = keras.optimizers.schedules.CosineDecay(hyperparameters.vote_learning_rate, steps)
        adagrad = keras.optimizers.Adagrad(rate, initial_accumulator_value=1e-6)
        optimizer = keras.optimizers.MultiOptimizer(keras.optimizers.OptimizerMap(optimizer, {"votes/.*": adagrad}))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, metrics=[BitsPerCharacter()], jit_compile=False)


def main(hyperparameters: Hyperparameters) -> None:
    if max(hyperparameters.ngrams, default=0) > 20:
        raise InputError(f"--ngrams is {max(hyperparameters.ngrams)}; strings of over 20 characters hardly come twice")
    ids, vocabulary, corpus = load_text(hyperparameters.data)
    train, validation, _ = split_text(ids)

    workers = start_tensorflow(hyperparameters)
    import keras

    from chargen.eval import evaluate
    from chargen.generate import Writer
    from chargen.votes import known_ngrams

    known = ()
    if hyperparameters.reading == "streams" and hyperparameters.ngrams:
        known = known_ngrams(train, hyperparameters.ngrams, len(vocabulary))
    size = hyperparameters.batch_size, hyperparameters.sequence_length
    read = stream_batches if hyperparameters.reading == "streams" else window_batches
    validation_batches = workers.share(read(validation, *size))
    if hyperparameters.reading == "streams" and hyperparameters.batch_size % workers.count:
        raise InputError(
            f"--batch-size is {hyperparameters.batch_size}; {workers.count} workers cannot share it evenly"
        )

    class PrintSample(keras.callbacks.Callback):
        """Let the model write a little after each epoch."""

        def on_train_begin(self, logs=None):
            self.writer, self.prompt = Writer(self.model, vocabulary), "".join(vocabulary.decode(train[:20]))

        def on_epoch_end(self, epoch, logs=None):
            sample = self.writer.write(self.prompt, hyperparameters.sample_length, temperature=0.7, seed=epoch)
            print(f"\n--- after epoch {epoch + 1}: {self.prompt}|{sample}\n", flush=True)

    run = start_run("chargen", hyperparameters, workers.chief, corpus)
    started = time.perf_counter()
    for member in reversed(range(hyperparameters.members)):  # the main model comes last
        name = f"member-{member + 1}" if member else "model"
        seed = hyperparameters.seed + member
        keras.utils.set_random_seed(seed)
        train_batches = workers.share(read(train, *size, seed))
        share = replace(hyperparameters, batch_size=hyperparameters.batch_size // workers.count)
        model = build_model(share, len(vocabulary), known)
        compile_model(model, hyperparameters, hyperparameters.epochs * len(train_batches))
        workers.join(model)
        if member:
            print(f"member {member + 1} of {hyperparameters.members}", flush=True)
        else:
            model.summary()
        monitor, vocabularies, patience = "val_bits_per_character", {"characters": vocabulary}, hyperparameters.patience
        kept = run_callbacks(run, monitor, vocabularies, hyperparameters, train_batches, patience, name, workers)
        model.fit(
            train_batches,
            validation_data=validation_batches,
            epochs=hyperparameters.epochs,
            shuffle=False,  # the datasets have done it
            callbacks=[ResetStates(), PrintSample(), *kept],
        )
    seconds = time.perf_counter() - started
    if not workers.chief:
        return  # the chief evaluates

    figures = evaluate(run, ids)
    finish_run(
        run,
        "chargen",
        {
            "model": f"{hyperparameters.cell} {hyperparameters.hidden_size}, {hyperparameters.reading}",
            "parameters": model.count_params(),
            "corpus": corpus,
            "split": "contiguous 80/10/10: train, validation, test",
            "seed": hyperparameters.seed,
            "training_seconds": seconds,
            **figures,
        },
    )
    print(f"{figures['test_bits_per_character']:.3f} bits per character on the test part, {seconds:.0f} s, in {run}")


if __name__ == "__main__":
    run_script(main, Hyperparameters, PRESETS)
