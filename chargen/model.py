"""The network: it reads characters, and says after each one how likely every character is to come next.

    ids (batch, time) -> embedding (batch, time, embedding) -> LSTM (batch, time, hidden)
                      -> logits (batch, time, vocabulary), plus those of the last n-grams

With a large alphabet, most weights would be those of the last layer and of the n-grams. If the embedding is *tied*,
both give a vector of the embedding's size instead, and the logit of a character says how well its vector fits.

It is *stateful*: a batch goes on where the batch before it stopped, so that nothing of the past is forgotten. `read`
does the same with states that are given and returned, and `step` for a single character.

References: Hochreiter & Schmidhuber 1997, Long short-term memory. Cho et al. 2014 (GRU). Gal & Ghahramani 2016, A
theoretically grounded application of dropout in recurrent neural networks (the same units at all time steps). Press &
Wolf 2017, Using the output embedding to improve language models (the tied embedding).
"""

import keras
import tensorflow as tf
from keras import layers

from chargen.ngram_logits import NgramLogits, known_ngrams
from chargen.weight_dropout import WeightDropGRU, WeightDropLSTM, WeightDropSimpleRNN
from common import scan_layers
from common.metrics import BitsPerCharacter

CELLS = {"simple": WeightDropSimpleRNN, "lstm": WeightDropLSTM, "gru": WeightDropGRU}
# Their gates do not read the state: there are no recurrent weights to drop.
SCAN_CELLS = {"mingru": scan_layers.MinGRU, "minlstm": scan_layers.MinLSTM, "lru": scan_layers.LRUBlock}


@keras.saving.register_keras_serializable(package="rnn_examples")
class CharacterModel(keras.Model):
    """ids (batch, time) -> logits (batch, time, vocabulary). A call goes on where the last one stopped.

    Args:
        batch_size: texts that are read side by side when the model is called; `read` takes any number.
        vocabulary_size: number of different ids.
        embedding_size: numbers that stand for a character.
        hidden_size: units of the recurrent layer.
        cell: one of `CELLS` or `SCAN_CELLS`.
        activation: of the recurrent layer, if it is one of `CELLS`.
        input_dropout, weight_dropout, dropout: shares of the recurrent layer's inputs, recurrent weights and outputs
            that are dropped in training, the same ones at all time steps of a batch.
        ngrams: lengths of the n-grams that have logits of their own, in characters; without any there are none.
        ngram_count: how many n-grams are known.
        ngram_dropout: share of their lengths that is dropped in training.
        tied: use the embedding's vectors for the logits, too.
    """

    stateful = True

    def __init__(
        self,
        batch_size,
        vocabulary_size,
        embedding_size,
        hidden_size,
        cell="lstm",
        activation="tanh",
        input_dropout=0.0,
        weight_dropout=0.0,
        dropout=0.0,
        ngrams=(),
        ngram_count=0,
        ngram_dropout=0.0,
        tied=False,
    ):
        super().__init__()
        self.config = {name: value for name, value in locals().items() if name not in ("self", "__class__")}
        self.embedding = layers.Embedding(vocabulary_size, embedding_size)
        self.input_dropout = layers.Dropout(input_dropout, noise_shape=(None, 1, None))  # the same at all time steps
        options = {"return_sequences": True, "return_state": True}
        if cell in SCAN_CELLS:
            self.recurrent = SCAN_CELLS[cell](hidden_size, **options)
        else:
            self.recurrent = CELLS[cell](hidden_size, weight_dropout, activation=activation, **options)
        self.output_dropout = layers.Dropout(dropout, noise_shape=(None, 1, None))
        size = embedding_size if tied else vocabulary_size
        self.dense = layers.Dense(size)
        self.bias = self.add_weight((vocabulary_size,), "zeros", name="bias") if tied else None
        self.ngram_logits = None
        if ngram_count:  # the optimizer finds its weights by the name
            table = ngrams, ngram_count, vocabulary_size, ngram_dropout, size
            self.ngram_logits = NgramLogits(*table, name="ngram_logits")
        self.build((batch_size, None))

    def build(self, shape):
        self.embedding.build(shape)
        self.recurrent.build((*shape, self.embedding.output_dim))
        self.dense.build((*shape, self.recurrent.units))
        if self.ngram_logits:
            self.ngram_logits.build(shape)
        self.states = [tf.Variable(state, trainable=False) for state in self.initial_states(shape[0])]

    def get_config(self):
        return dict(self.config)

    def copy(self, batch_size):
        """A model with the same weights that reads `batch_size` texts, and learns for itself from now on."""
        other = CharacterModel(**self.config | {"batch_size": batch_size})
        other.set_weights(self.get_weights())
        return other

    def initial_states(self, batch_size):
        """The states before a text begins: those of the recurrent layer (batch, hidden), then that of the n-grams."""
        states = self.recurrent.get_initial_state(batch_size)
        return [*states, *([self.ngram_logits.initial_state(batch_size)] if self.ngram_logits else [])]

    def read(self, ids, states, training=False):
        """Read ids (batch, time) from `states` on: logits (batch, time, vocabulary), and the states after them."""
        inputs = self.input_dropout(self.embedding(ids), training=training)  # (batch, time, embedding)
        before = states[:-1] if self.ngram_logits else states
        outputs, *after = self.recurrent(inputs, initial_state=before, training=training)
        vectors = self.dense(self.output_dropout(outputs, training=training))
        if self.ngram_logits:
            more, last = self.ngram_logits(ids, states[-1], training=training)
            vectors, after = vectors + more, [*after, last]
        return self.logits(vectors), after

    def logits(self, vectors):
        """The logits (..., vocabulary) of what the last layer gives: they are that, unless the embedding is tied."""
        if self.bias is None:
            return vectors
        return tf.matmul(vectors, self.embedding.embeddings.value, transpose_b=True) + self.bias

    def step(self, ids, states):
        """The same for one character: ids (batch,) -> logits (batch, vocabulary), and states. It is faster: there is
        no loop over time."""
        before = states[:-1] if self.ngram_logits else states
        outputs, after = self.recurrent.cell(self.embedding(ids), before)
        vectors = self.dense(outputs)
        if self.ngram_logits:
            more, last = self.ngram_logits(ids[:, None], states[-1])
            vectors, after = vectors + more[:, 0], [*after, last]
        return self.logits(vectors), list(after)

    def call(self, ids, training=False):
        logits, states = self.read(ids, [tf.convert_to_tensor(state) for state in self.states], training)
        for variable, state in zip(self.states, states, strict=True):
            variable.assign(state)
        return logits

    def reset_states(self):
        """Forget: the next call begins a new text."""
        for variable in self.states:
            variable.assign(tf.zeros_like(variable))


def find_ngrams(training, hyperparameters, vocabulary_size):
    """The n-grams of the training text (length,) that `build_model` is to know; none if the flags ask for none."""
    if not hyperparameters.ngrams:
        return ()
    size = hyperparameters.embedding_size if hyperparameters.tied else vocabulary_size
    return known_ngrams(training, hyperparameters.ngrams, vocabulary_size, size=size)


def build_model(hyperparameters, vocabulary_size, known=(), batch_size=None):
    """The model, not compiled.

    Args:
        known: the n-grams that get logits of their own, as `find_ngrams` gives them.
        batch_size: texts read side by side; by default `hyperparameters.batch_size`.
    """
    model = CharacterModel(
        batch_size or hyperparameters.batch_size,
        vocabulary_size,
        hyperparameters.embedding_size,
        hyperparameters.hidden_size,
        hyperparameters.cell,
        input_dropout=hyperparameters.input_dropout,
        weight_dropout=hyperparameters.weight_dropout,
        dropout=hyperparameters.dropout,
        ngrams=hyperparameters.ngrams,
        ngram_count=len(known),
        ngram_dropout=hyperparameters.ngram_dropout,
        tied=hyperparameters.tied,
    )
    if len(known):
        model.ngram_logits.known.assign(known)
    return model


def build_optimizer(model, learning_rate, ngram_learning_rate, clip_norm=None):
    """Adam, and Adagrad for the n-gram logits. The rates may be schedules.

    Most n-grams are rare, and their gradients small. Adam's steps are as long for a small gradient as for a large one.
    Adagrad's are shorter, as long as its sum of squares starts well above those of the gradients.
    """
    adam = keras.optimizers.Adam(learning_rate, clipnorm=clip_norm)
    if not model.ngram_logits:
        return adam
    adagrad = keras.optimizers.Adagrad(ngram_learning_rate, initial_accumulator_value=1e-6)
    return keras.optimizers.MultiOptimizer(keras.optimizers.OptimizerMap(adam, {".*ngram_logits/.*": adagrad}))


def compile_model(model, hyperparameters, steps, unknown=None):
    """Compile for `steps` steps of training in all; both learning rates fall to 0 along half a cosine. `unknown` is the
    id that rare characters share, if any."""
    rates = (hyperparameters.learning_rate, hyperparameters.ngram_learning_rate)
    schedules = [keras.optimizers.schedules.CosineDecay(rate, steps) for rate in rates]
    optimizer = build_optimizer(model, *schedules, hyperparameters.clip_norm)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, metrics=[BitsPerCharacter(unknown=unknown)], jit_compile=False)
