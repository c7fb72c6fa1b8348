"""The variational autoencoder of `vae.py`: words go through an encoder to a point z, and back through a decoder."""

import keras
import numpy as np
from keras import layers, ops

from common.fast_rnn import LSTM
from common.vocabulary import PADDING, UNKNOWN, Vocabulary

END = "."  # stands after the last letter of each word; the decoder also starts from it
PADDING_ID, UNKNOWN_ID, END_ID = range(3)


def letters_of(words):
    """The vocabulary of some words: padding, unknown letter, end, then their letters."""
    return Vocabulary([PADDING, UNKNOWN, END, *sorted(set("".join(words)))])


def encode_words(words, vocabulary, steps):
    """Words as ids (words, steps): the letters, the end, then padding."""
    ids = np.full((len(words), steps), PADDING_ID, "int32")
    for row, word in zip(ids, words, strict=True):
        row[: len(word) + 1] = vocabulary.encode([*word, END])
    return ids


def decode_words(ids, vocabulary):
    """The words of ids (words, steps): the letters up to the first end."""
    return ["".join(vocabulary.decode(row)).split(END)[0] for row in ids]


def kl_weight(epoch, rise):
    """The weight of the KL term: 0 in the first half of `rise` epochs, then in a straight line to 1; 1 after that."""
    return 1.0 if rise == 0 else min(max(2 * epoch / rise - 1, 0.0), 1.0)


def kl_divergence(mean, log_variance):
    """KL(N(mean, variance) || N(0, 1)) in nats for each unit, in closed form: (mean² + variance - 1 - ln variance) / 2.

    Shapes: all (batch, latent). Over independent units it adds up.
    """
    return (mean**2 + ops.exp(log_variance) - 1 - log_variance) / 2


def reconstruction_loss(words, logits):
    """-ln p(word | z) in nats, (batch,): the sum over the letters and the end; padding counts nothing.

    Args:
        words: ids (batch, time).
        logits: (batch, time, tokens).
    """
    each = keras.losses.sparse_categorical_crossentropy(words, logits, from_logits=True)  # (batch, time)
    return ops.sum(each * ops.cast(words != PADDING_ID, each.dtype), axis=1)


class Autoencoder(keras.Model):
    """Encoder, sampling, decoder. `call` returns logits (batch, time, tokens), mean and log variance (batch, latent).

    `train` sets the weight of the KL term, and the share of the letters that the decoder does not get to see.
    """

    def __init__(self, tokens, hidden_size, latent_size, seed=0):
        super().__init__()
        self.kl_weight = keras.Variable(1.0, trainable=False)
        self.letter_dropout = keras.Variable(0.0, trainable=False)
        self.letters = layers.Embedding(tokens, 16, mask_zero=True)
        self.encoder = layers.Bidirectional(LSTM(hidden_size))
        self.to_mean, self.to_log_variance = layers.Dense(latent_size), layers.Dense(latent_size)
        self.to_state = [layers.Dense(hidden_size, "tanh"), layers.Dense(hidden_size)]
        self.decoder = LSTM(hidden_size, return_sequences=True)
        self.to_logits = layers.Dense(tokens)
        self.random = keras.random.SeedGenerator(seed)
        self.means = {name: keras.metrics.Mean(name) for name in ("reconstruction", "kl")}

    def encode(self, words):
        h = self.encoder(self.letters(words))
        return self.to_mean(h), self.to_log_variance(h)

    def sample(self, mean, log_variance):
        """z = mean + deviation * noise. The noise is drawn outside, so the gradient reaches mean and deviation."""
        return mean + ops.exp(log_variance / 2) * keras.random.normal(ops.shape(mean), seed=self.random)

    def decode(self, z, words, training=False):
        """Logits (batch, time, tokens) of each letter from z (batch, latent) and the letters before it."""
        before = ops.pad(words[:, :-1], ((0, 0), (1, 0)), constant_values=END_ID)
        if training:
            dropped = keras.random.uniform(ops.shape(before), seed=self.random) < self.letter_dropout
            before = ops.where(dropped, UNKNOWN_ID, before)
        time = ops.shape(words)[1]
        zs = ops.repeat(z[:, None], time, axis=1)  # (batch, time, latent)
        inputs = ops.concatenate([self.letters(before), zs], axis=2)
        state = [layer(z) for layer in self.to_state]
        return self.to_logits(self.decoder(inputs, initial_state=state))

    def call(self, words, training=False):
        mean, log_variance = self.encode(words)
        z = self.sample(mean, log_variance)
        return self.decode(z, words, training), mean, log_variance

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        logits, mean, log_variance = y_pred
        reconstruction = reconstruction_loss(x, logits)  # (batch,)
        kl = ops.sum(kl_divergence(mean, log_variance), axis=1)  # (batch,)
        self.means["reconstruction"].update_state(reconstruction)
        self.means["kl"].update_state(kl)
        return ops.mean(reconstruction + self.kl_weight * kl)


def build_model(tokens, words, options):
    """A model with its optimizer, for `words` words of training; and the values of all `variables`, to start from.
    `options` are the hyperparameters of `vae.py`."""
    model = Autoencoder(tokens, options.hidden_size, options.latent_size, options.seed)
    steps = options.epochs * -(-words // options.batch_size)
    rate = keras.optimizers.schedules.CosineDecay(options.learning_rate, steps)
    model.compile(keras.optimizers.Adam(rate, clipnorm=5.0), jit_compile=False)
    model(np.full((1, 2), END_ID))  # makes the weights
    model.optimizer.build(model.trainable_variables)
    return model, [ops.convert_to_numpy(variable) for variable in variables(model)]


def variables(model):
    """All that a training changes: weights, Adam's averages and count of steps, the state of the noise."""
    return [*model.variables, *model.optimizer.variables]


def train(model, start, training, validation, rise, letter_dropout, options):
    """Train from the start. One graph serves all trainings: it is compiled only once.

    Args:
        start: the values of all `variables`, from `build_model`.
        training, validation: ids (words, time).
        rise: epochs after which the KL term counts in full; 0 for at once.

    Returns:
        The history by epoch, a dict of lists: `val_reconstruction`, `val_kl` and others.
    """
    keras.utils.set_random_seed(options.seed)
    for variable, value in zip(variables(model), start, strict=True):
        variable.assign(value)
    model.letter_dropout.assign(letter_dropout)
    anneal = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, _: model.kl_weight.assign(kl_weight(epoch, rise))
    )
    size, epochs = options.batch_size, options.epochs
    history = model.fit(
        training, batch_size=size, epochs=epochs, callbacks=[anneal], validation_data=(validation,), verbose=0
    )
    return history.history


def measure(model, words, draws):
    """Each word's reconstruction loss (mean of so many draws of z) and KL, both (words,), in nats; and its mean of z,
    (words, latent)."""
    mean, log_variance = model.encode(words)
    losses = [reconstruction_loss(words, model.decode(model.sample(mean, log_variance), words)) for _ in range(draws)]
    kl = ops.sum(kl_divergence(mean, log_variance), axis=1)
    return np.mean(losses, axis=0), np.array(kl), np.array(mean)


def read_out(model, z, time):
    """The most probable letter at each step, given z (count, latent) and the letters before: ids (count, time)."""
    words = np.full((len(z), time), END_ID)
    for step in range(time):
        words[:, step] = np.argmax(model.decode(z, words[:, : step + 1])[:, -1], axis=1)
    return words
