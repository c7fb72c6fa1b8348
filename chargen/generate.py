"""Let a trained model write.

    python chargen/generate.py --prompt "alice was" --length 500 --temperature 0.7 --seed 1
    python chargen/generate.py --prompt "the queen" "the hatter" --top-p 0.9

The model reads the prompt one character at a time, and then its own choices: at each step only the newest character
goes in, and the state of the recurrent layer carries all that went before. (The book's script feeds the last 10
characters again for each new one, ten times the work.) The loop runs inside one compiled function, not in Python.

The next character is drawn from soft-max(logits / temperature): below 1 the likely ones become likelier still, above
1 the text becomes wilder. `--top-k 5` draws among the five likeliest only; `--top-p 0.9` among the likeliest that
together have 0.9 of the probability (Holtzman et al. 2020, nucleus sampling); `--greedy` takes the likeliest.

Drawing is done without adding up probabilities: the character whose logit plus noise is largest comes as often as its
probability says, if the noise is -log(-log(u)), u being uniform between 0 and 1 (Gumbel 1954).
"""

from dataclasses import dataclass
from pathlib import Path

from common import InputError
from common.cli import Count, Flags, Positive, Seed, run_script
from common.saving import load_model
from common.vocabulary import Vocabulary

MODULES = "chargen.votes", "chargen.weight_drop"  # of the layers that a saved model may have


@dataclass(frozen=True)
class Options(Flags):
    run: Path = Path("runs/chargen/latest")  # run folder of the model
    prompt: tuple[str, ...] = ("alice was ",)  # texts that the model goes on from (lower-cased, as in training)
    length: Count = 500  # characters to write
    temperature: Positive = 0.7  # 1: as likely as the model says; below 1: tamer
    top_k: Seed = 0  # draw among the k likeliest characters only; 0: among all
    top_p: Positive = 1.0  # draw among the likeliest characters that together have this probability; 1: among all
    greedy: bool = False  # always take the likeliest character
    seed: Seed = 1  # same seed, same text


def initial_states(model, batch_size):
    """Zeros for every layer of a model that has a state: a list of lists of tensors (batch, hidden)."""
    with_state = [layer for layer in model.layers if hasattr(layer, "cell") or hasattr(layer, "vote")]
    return [getattr(layer, "cell", layer).get_initial_state(batch_size) for layer in with_state]


def step(model, ids, states):
    """Read one character: apply every layer once, the recurrent ones by their cell.

    Args:
        model: a chain of layers, ids (batch, time) -> logits, perhaps with votes in the end.
        ids: the characters read now, (batch,).
        states: the states of the layers before it, as `initial_states` gives them.

    Returns:
        The logits of the next character (batch, vocabulary), and the states after this one.
    """
    import keras

    values, left, after = ids, list(states), []
    for layer in model.layers:
        if hasattr(layer, "cell"):
            values, state = layer.cell(values, left.pop(0))  # (batch, hidden)
            after.append(list(state))
        elif hasattr(layer, "vote"):
            values, state = layer.vote(values[:, None], ids[:, None], left.pop(0))  # (batch, 1, vocabulary)
            values = values[:, 0]
            after.append(state)
        elif not isinstance(layer, keras.layers.InputLayer):
            values = layer(values)
    return values, after


class Writer:
    """Writes with a model; the loop is compiled once and follows the model's weights as they are trained."""

    def __init__(self, model, vocabulary: Vocabulary):
        import tensorflow as tf

        self.vocabulary = vocabulary

        @tf.function(reduce_retracing=True)
        def read(prompt):
            states = initial_states(model, 1)
            logits = tf.zeros((1, len(vocabulary)))
            for character in prompt:
                logits, states = step(model, character[None], states)
            return logits, states

        def among_likeliest(logits, top_k, top_p):
            """The logits (batch, vocabulary), but minus infinity for the characters that are not to be drawn."""
            likeliest = tf.sort(logits, direction="DESCENDING")
            among = tf.cumsum(tf.nn.softmax(likeliest), axis=1, exclusive=True) < top_p
            choices = tf.minimum(tf.reduce_sum(tf.cast(among, tf.int32), axis=1), top_k)
            least = tf.gather(likeliest, choices - 1, batch_dims=1)[:, None]
            return tf.where(logits < least, -float("inf"), logits)

        @tf.function(reduce_retracing=True)
        def write(logits, states, first, length, seed, temperature, limits):
            written = tf.TensorArray(tf.int32, length)
            for position in tf.range(length):
                logits = logits / temperature  # (batch, vocabulary)
                kept = among_likeliest(logits, *limits) if limits else logits
                uniform = tf.random.stateless_uniform(tf.shape(kept), [seed, first + position])
                drawn = tf.argmax(kept - tf.math.log(-tf.math.log(uniform)), axis=1, output_type=tf.int32)
                written = written.write(position, drawn)
                logits, states = step(model, drawn, states)
            return tf.transpose(written.stack()), logits, states

        self._read, self._write = read, write

    def pieces(self, prompts, length, temperature=1.0, top_k=0, top_p=1.0, greedy=False, seed=0, piece=100):
        """Go on from several prompts at once.

        Args:
            prompts: texts of any lengths.
            length: characters to write to each.
            temperature: above 0; divides the logits.
            top_k: draw among the k likeliest characters; 0 or more than there are: among all.
            top_p: draw among the likeliest characters that together have this probability, above 0 and at most 1.
            greedy: take the likeliest, the same as `top_k=1`.
            seed: same seed (and same prompts), same texts.
            piece: characters written before the next piece is handed out.

        Returns:
            An iterator over lists of strings, one for each prompt: what was written since the last piece.

        Raises:
            InputError: a prompt is empty, or holds a character that the model does not know.
        """
        if not prompts or not all(prompts):
            raise InputError("--prompt is empty; give at least one character to go on from")
        encoded = [self.vocabulary.encode(prompt) for prompt in prompts]
        pieces = self._pieces(encoded, length, temperature, top_k, top_p, greedy, seed, piece)
        return (["".join(self.vocabulary.decode(row)) for row in ids] for ids in pieces)

    def _pieces(self, prompts, length, temperature, top_k, top_p, greedy, seed, piece):
        """The same from ids to arrays of ids (prompts, piece)."""
        import tensorflow as tf

        read = [self._read(tf.constant(prompt)) for prompt in prompts]
        logits, states = tf.nest.map_structure(lambda *rows: tf.concat(rows, axis=0), *read)
        size = len(self.vocabulary)
        top_k = 1 if greedy else min(top_k or size, size)
        limits = (tf.constant(top_k), tf.constant(top_p, tf.float32)) if top_k < size or top_p < 1 else None
        settings = tf.constant(seed), tf.constant(temperature, tf.float32), limits
        for first in range(0, length, piece):
            count = tf.constant(min(piece, length - first))
            ids, logits, states = self._write(logits, states, tf.constant(first), count, *settings)
            yield ids.numpy()

    def write(self, prompt: str, length: int, **settings) -> str:
        """Go on from one prompt; returns what was written, without the prompt. Settings, raises: as `pieces`."""
        return "".join(text for (text,) in self.pieces([prompt], length, **settings))

    def ids(self, prompt, length: int, seed: int = 0) -> list[int]:
        """Go on from ids: what a model of words writes, as ids."""
        pieces = self._pieces([prompt], length, 1.0, 0, 1.0, False, seed, length)
        return [int(number) for ids in pieces for number in ids[0]]


def main(options: Options) -> None:
    if options.top_p > 1:
        raise InputError(f"--top-p is {options.top_p}; it must be at most 1")
    model, vocabularies = load_model(options.run / "model.keras", *MODULES)
    prompts = [prompt.lower() for prompt in options.prompt]
    pieces = Writer(model, vocabularies["characters"]).pieces(
        prompts, options.length, options.temperature, options.top_k, options.top_p, options.greedy, options.seed
    )
    if len(prompts) == 1:  # as it is written
        print(prompts[0], end="", flush=True)
        for (text,) in pieces:
            print(text, end="", flush=True)
        print()
    else:
        for prompt, texts in zip(prompts, zip(*pieces, strict=True), strict=True):
            print(prompt + "".join(texts) + "\n")


if __name__ == "__main__":
    run_script(main, Options)
