"""Text from a trained model, one character after another.

The model reads the prompt, and then its own choices: at each step only the newest character goes in, and the state
carries all that went before. (The book's script feeds the last 10 characters again for each new one, ten times the
work.) The loop runs inside one compiled function, not in Python.

The next character is drawn without adding up probabilities: the character whose logit plus noise is largest comes as
often as its probability says, if the noise is -log(-log(u)) with u uniform between 0 and 1 (Gumbel 1954).
"""

import keras
import tensorflow as tf

from common import InputError
from common.vocabulary import Vocabulary


class Writer:
    """Writes with a `CharacterModel`; the loop is compiled once and follows the model's weights as they are trained."""

    def __init__(self, model, vocabulary: Vocabulary):
        self.vocabulary = vocabulary
        unknown = vocabulary.unknown is not None  # it stands for characters that nobody can read: never written
        never = tf.one_hot([vocabulary.unknown], len(vocabulary), on_value=-1e9) if unknown else 0.0

        @tf.function(reduce_retracing=True)
        def read(prompt):
            logits, states = tf.zeros((1, len(vocabulary))), model.initial_states(1)
            for character in prompt:
                logits, states = model.step(character[None], states)
            return logits, states

        @tf.function(reduce_retracing=True)
        def write(logits, states, first, length, seed, temperature, limits):
            written = tf.TensorArray(tf.int32, length)
            for position in tf.range(length):
                logits += never
                best = tf.reduce_max(logits, axis=1, keepdims=True)
                logits = (logits - best) / tf.maximum(temperature, 1e-30)  # (batch, vocabulary), at most 0
                kept = most_likely(logits, *limits) if limits else logits
                uniform = tf.random.stateless_uniform(tf.shape(kept), [seed, first + position])
                drawn = tf.argmax(kept - tf.math.log(-tf.math.log(uniform)), axis=1, output_type=tf.int32)
                written = written.write(position, drawn)
                logits, states = model.step(drawn, states)
            return tf.transpose(written.stack()), logits, states

        self._read, self.continue_ids = read, write

    def pieces(self, prompts, length, temperature=1.0, top_k=0, top_p=1.0, greedy=False, seed=0, piece=100):
        """Continue several prompts at once.

        Args:
            prompts: texts of any lengths.
            length: characters to write to each.
            temperature: above 0; divides the logits.
            top_k: draw among the k most likely characters; 0 or more than there are: among all.
            top_p: draw among the most likely characters that together have this probability, above 0 and at most 1.
            greedy: take the most likely, the same as `top_k=1`.
            seed: same seed (and same prompts), same texts.
            piece: characters written before the next piece is handed out.

        Returns:
            An iterator over lists of strings, one for each prompt: what was written since the last piece.

        Raises:
            InputError: a prompt is empty, or holds a character that the model does not know.
        """
        if not prompts or not all(prompts):
            raise InputError("--prompt is empty; give at least one character to continue")
        encoded = [self.vocabulary.encode(prompt) for prompt in prompts]
        pieces = self._pieces(encoded, length, temperature, top_k, top_p, greedy, seed, piece)
        return (["".join(self.vocabulary.decode(row)) for row in ids] for ids in pieces)

    def _pieces(self, prompts, length, temperature, top_k, top_p, greedy, seed, piece):
        """The same from ids to arrays of ids (prompts, piece)."""
        read = [self._read(tf.constant(prompt)) for prompt in prompts]
        logits, states = tf.nest.map_structure(lambda *rows: tf.concat(rows, axis=0), *read)
        size = len(self.vocabulary)
        top_k = 1 if greedy else min(top_k or size, size)
        limits = (tf.constant(top_k), tf.constant(top_p, tf.float32)) if top_k < size or top_p < 1 else None
        settings = tf.constant(seed), tf.constant(temperature, tf.float32), limits
        for first in range(0, length, piece):
            count = tf.constant(min(piece, length - first))
            ids, logits, states = self.continue_ids(logits, states, tf.constant(first), count, *settings)
            yield ids.numpy()

    def write(self, prompt: str, length: int, **settings) -> str:
        """Continue one prompt; returns what was written, without the prompt. Settings, raises: as `pieces`."""
        return "".join(text for (text,) in self.pieces([prompt], length, **settings))

    def ids(self, prompt, length: int, seed: int = 0) -> list[int]:
        """Continue a prompt of ids: what a model of words writes, as ids."""
        pieces = self._pieces([prompt], length, 1.0, 0, 1.0, False, seed, length)
        return [int(number) for ids in pieces for number in ids[0]]


def most_likely(logits, top_k, top_p):
    """The logits (batch, vocabulary), but minus infinity for the characters that are not to be drawn."""
    sorted_logits = tf.sort(logits, direction="DESCENDING")
    among = tf.cumsum(tf.nn.softmax(sorted_logits), axis=1, exclusive=True) < top_p
    choices = tf.clip_by_value(tf.reduce_sum(tf.cast(among, tf.int32), axis=1), 1, top_k)
    least = tf.gather(sorted_logits, choices - 1, batch_dims=1)[:, None]
    return tf.where(logits < least, -float("inf"), logits)


class PrintSample(keras.callbacks.Callback):
    """Lets the model write a little after each epoch; `text` is the prompt and what it wrote, with `|` between them.

    Args:
        vocabulary: of the model.
        prompt: the text that the model continues.
        length: characters to write.
    """

    def __init__(self, vocabulary: Vocabulary, prompt: str, length: int):
        super().__init__()
        self.vocabulary, self.prompt, self.length = vocabulary, prompt, length

    def on_train_begin(self, logs=None):
        self.writer = Writer(self.model, self.vocabulary)

    def on_epoch_end(self, epoch, logs=None):
        sample = self.writer.write(self.prompt, self.length, temperature=0.7, seed=epoch)
        self.text = f"{self.prompt}|{sample}"
        print(f"\n--- after epoch {epoch + 1}: {self.text}\n", flush=True)
