"""Let a trained model write.

    python chargen/generate.py --prompt "alice was" --length 500 --temperature 0.7 --seed 1

The model reads the prompt one character at a time, and then its own choices: at each step only the newest character
goes in, and the state of the recurrent layer carries all that went before. (The book's script feeds the last 10
characters again for each new one, ten times the work.) The loop runs inside one compiled function, not in Python.

The next character is drawn from soft-max(logits / temperature): below 1 the likely ones become likelier still, above
1 the text becomes wilder. `--top-k 5` draws among the five likeliest only; `--greedy` always takes the likeliest.
"""

from dataclasses import dataclass
from pathlib import Path

from common import InputError
from common.text import Vocabulary
from common.training import load_model, run_script


@dataclass(frozen=True)
class Options:
    run: Path = Path("runs/chargen/latest")  # run folder of the model
    prompt: str = "alice was "  # text that the model goes on from (lower-cased, as the training text is)
    length: int = 500  # characters to write
    temperature: float = 0.7  # 1: as likely as the model says; below 1: tamer
    top_k: int = 0  # draw among the k likeliest characters only; 0: among all
    greedy: bool = False  # always take the likeliest character
    seed: int = 1  # same seed, same text


def initial_states(model, batch_size):
    """Zeros for every recurrent layer of a model: a list of lists of tensors (batch, hidden)."""
    return [layer.cell.get_initial_state(batch_size) for layer in model.layers if hasattr(layer, "cell")]


def step(model, ids, states):
    """Read one character: apply every layer once, the recurrent ones by their cell.

    Args:
        model: a chain of layers, ids (batch, time) -> logits.
        ids: the characters read now, (batch,).
        states: the states of the recurrent layers before it, as `initial_states` gives them.

    Returns:
        The logits of the next character (batch, vocabulary), and the states after this one.
    """
    values, left, after = ids, list(states), []
    for layer in model.layers:
        if hasattr(layer, "cell"):
            values, state = layer.cell(values, left.pop(0))  # (batch, hidden)
            after.append(list(state))
        else:
            values = layer(values)
    return values, after


class Writer:
    """Writes with a model; the loop is compiled once and follows the model's weights as they are trained."""

    def __init__(self, model, vocabulary: Vocabulary):
        import tensorflow as tf

        self.vocabulary = vocabulary

        @tf.function(reduce_retracing=True)
        def loop(prompt, length, temperature, top_k, seed):
            states = initial_states(model, 1)
            logits = tf.zeros((1, len(vocabulary)))
            for character in prompt:
                logits, states = step(model, character[None], states)
            written = tf.TensorArray(tf.int32, length)
            for position in tf.range(length):
                kept = tf.where(logits < tf.math.top_k(logits, top_k).values[:, -1:], -float("inf"), logits)
                drawn = tf.random.stateless_categorical(kept / temperature, 1, [seed, position], dtype=tf.int32)
                written = written.write(position, drawn[0, 0])
                logits, states = step(model, drawn[:, 0], states)
            return written.stack()

        self._loop = loop

    def write(
        self, prompt: str, length: int, temperature: float = 1.0, top_k: int = 0, greedy: bool = False, seed: int = 0
    ) -> str:
        """Go on from `prompt` for `length` characters; returns what was written, without the prompt.

        Args:
            temperature: above 0; divides the logits.
            top_k: draw among the k likeliest characters; 0 or more than there are: among all.
            greedy: take the likeliest, the same as `top_k=1`.
            seed: same seed, same text.

        Raises:
            InputError: the prompt is empty, or holds a character that the model does not know.
        """
        import tensorflow as tf

        if not prompt:
            raise InputError("--prompt is empty; give at least one character to go on from")
        ids = self.vocabulary.encode(prompt)
        choices = 1 if greedy else min(top_k or len(self.vocabulary), len(self.vocabulary))
        numbers = tf.constant(length), tf.constant(temperature, tf.float32), tf.constant(choices), tf.constant(seed)
        return "".join(self.vocabulary.decode(self._loop(tf.constant(ids), *numbers).numpy()))


def main(options: Options) -> None:
    model, vocabularies = load_model(options.run / "model.keras")
    prompt = options.prompt.lower()
    writer = Writer(model, vocabularies["characters"])
    written = writer.write(prompt, options.length, options.temperature, options.top_k, options.greedy, options.seed)
    print(prompt + written)


if __name__ == "__main__":
    run_script(main, Options)
