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
    ids = np.full((len(words), steps), PADDING_ID)
    for row, word in zip(ids, words, strict=True):
        row[: len(word) + 1] = vocabulary.encode([*word, END])
    return ids


def decode_words(ids, vocabulary):
    """The words of ids (words, steps): the letters up to the first end."""
    return ["".join(vocabulary.decode(row)).split(END)[0] for row in ids]


def kl_weight(step, rise):
    """The weight of the KL term: from 0 at step 0 in a straight line to 1 at step `rise`, then 1."""
    return ops.minimum(1.0, (ops.cast(step, "float32") + 1) / (rise + 1))


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

    Args:
        rise: steps until the KL term counts in full; 0 for at once.
        letter_dropout: share of the letters which the decoder does not get to see in training.
    """

    def __init__(self, tokens, hidden_size, latent_size, rise=0, letter_dropout=0.0, seed=0):
        super().__init__()
        self.rise, self.letter_dropout = rise, letter_dropout
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
        reconstruction = ops.mean(reconstruction_loss(x, logits))
        kl = ops.mean(ops.sum(kl_divergence(mean, log_variance), axis=1))
        self.means["reconstruction"].update_state(reconstruction)
        self.means["kl"].update_state(kl)
        weight = kl_weight(self.optimizer.iterations, self.rise) if training else 1.0
        return reconstruction + weight * kl


def read_out(model, z, steps):
    """The most probable letters for each z (count, latent), one after another: ids (count, steps)."""
    words = np.zeros((len(z), steps), "int32")
    for step in range(steps):
        logits = model.decode(ops.convert_to_tensor(z, "float32"), ops.convert_to_tensor(words))
        words[:, step] = np.argmax(logits[:, step], axis=-1)
    return words
