"""Encoder-decoders for tagging: those of the book, which squeeze the sentence into one vector, and attention, the way
out. compare.py trains them. They see of each word only the word itself.

An encoder reads the sentence and hands on its last state, one vector for any length. A decoder unrolls the tags from
it, one a step, without ever seeing a word. `build_encoder_decoder` makes this model.

`AttentionDecoder` looks back instead. At step t, its state s_{t-1} is compared with what the encoder says about every
word j, h_j; the soft-max of the scores are weights, and the mean of the h_j with these weights is the decoder's input:

    score_tj = v' tanh(W s_{t-1} + U h_j)
    a_t      = softmax_j(score_t)              only over real words
    c_t      = sum_j a_tj h_j
    s_t      = GRU(c_t, s_{t-1})

Nothing tells it that the t-th tag belongs to the t-th word. It has to find that out, and the picture of the weights
(`attention.png`) shows how far it has.

References: Sutskever, Vinyals & Le 2014, Sequence to sequence learning with neural networks. Bahdanau, Cho & Bengio
2015, Neural machine translation by jointly learning to align and translate.
"""

import keras
from keras import layers, ops

from pos_tagging.model import recurrent_layer


@keras.saving.register_keras_serializable(package="rnn_examples")
class AttentionDecoder(layers.Layer):
    """A GRU that at each step reads the encoder's states through attention: (batch, time, size) -> the same shape,
    and the weights (batch, step, word)."""

    def __init__(self, hidden_size, **options):
        super().__init__(**options)
        self.supports_masking = True  # or Keras warns that the encoder's mask ends here
        self.hidden_size = hidden_size
        self.cell = layers.GRUCell(hidden_size)
        self.of_state = layers.Dense(hidden_size, use_bias=False)  # W
        self.of_word = layers.Dense(hidden_size)  # U
        self.score = layers.Dense(1, use_bias=False)  # v
        self.first_state = layers.Dense(hidden_size, activation="tanh")

    def build(self, shape):
        self.of_state.build((None, self.hidden_size))
        self.of_word.build(shape)
        self.score.build((None, None, self.hidden_size))
        self.first_state.build((None, shape[-1]))
        self.cell.build((None, shape[-1]))

    def call(self, encoded, real):
        """Args: encoded (batch, time, features); real (batch, time), true where there is a word."""
        words = self.of_word(encoded)  # (batch, time, hidden)
        outside = ops.where(real, 0.0, -1e9)  # (batch, time)

        def step(before, _):
            state = before[0]
            score = self.score(ops.tanh(words + self.of_state(state)[:, None]))[:, :, 0]
            weights = ops.softmax(score + outside)  # (batch, time)
            context = ops.einsum("bt,btf->bf", weights, encoded)
            state, _ = self.cell(context, [state])
            return (state, weights), (state, weights)

        start = self.first_state(encoded[:, 0]), ops.zeros_like(words[:, :, 0])
        _, (states, weights) = ops.scan(step, start, ops.transpose(encoded, (1, 0, 2)))
        return ops.transpose(states, (1, 0, 2)), ops.transpose(weights, (1, 0, 2))

    def get_config(self):
        return {**super().get_config(), "hidden_size": self.hidden_size}


def build_encoder_decoder(hyperparameters, vocabularies):
    """The book's model, not compiled: ids of words (batch, time, 1), 0 if padded -> logits (batch, time, tags)."""
    ids, words, mask = _words(hyperparameters, vocabularies)
    summary = recurrent_layer(hyperparameters, return_sequences=False)(
        words, mask=mask
    )  # (batch, size): of the last word
    repeated = ops.ones_like(words[:, :, :1]) * ops.expand_dims(summary, 1)  # RepeatVector, for any length
    hidden = recurrent_layer(hyperparameters)(repeated, mask=mask)  # a backward decoder must not start in the padding
    return _with_logits(hyperparameters, vocabularies, ids, hidden)


def build_attention(hyperparameters, vocabularies):
    """The same with attention: ids of words (batch, time, 1), 0 if padded -> logits (batch, time, tags)."""
    ids, words, mask = _words(hyperparameters, vocabularies)
    encoded = recurrent_layer(hyperparameters)(words, mask=mask)  # (batch, time, size)
    hidden, _ = AttentionDecoder(hyperparameters.hidden_size)(encoded, mask)
    return _with_logits(hyperparameters, vocabularies, ids, hidden)


def attention_weights(model, ids):
    """Where a model of `build_attention` looks: ids (batch, time, 1) -> weights (batch, step, word)."""
    decoder = next(layer for layer in model.layers if isinstance(layer, AttentionDecoder))
    return keras.Model(model.input, decoder.output[1]).predict_on_batch(ids)


def _words(hyperparameters, vocabularies):
    """The input, the embedded words (batch, time, embedding), and the mask (batch, time)."""
    ids = keras.Input((None, 1), dtype="int32")
    words = layers.Embedding(len(vocabularies["word"]), hyperparameters.embedding_size)(ids[:, :, 0])
    return ids, layers.Dropout(hyperparameters.dropout)(words), ids[:, :, 0] > 0


def _with_logits(hyperparameters, vocabularies, ids, hidden):
    """The model from the input to the logits of what the decoder says, `hidden` (batch, time, hidden)."""
    hidden = layers.Dropout(hyperparameters.dropout)(hidden)
    return keras.Model(ids, layers.Dense(len(vocabularies["tags"]))(hidden))
