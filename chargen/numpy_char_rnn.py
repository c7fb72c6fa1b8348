"""An Elman network that predicts the next character, in NumPy alone: nothing is hidden in a library.

    python chargen/numpy_char_rnn.py                      # train on Alice, about a minute
    python chargen/numpy_char_rnn.py --check              # compare the gradients with central differences
    python chargen/numpy_char_rnn.py --clip 1e9           # what happens without clipping

At each step the hidden state h is made of the new character x and the state before, and the logits y of it:

    h_t = tanh(W x_t + U h_{t-1} + b)        y_t = V h_t + c        p_t = soft-max(y_t)

Back-propagation through time walks the same steps from the last to the first. What reaches h_t comes from y_t and
from h_{t+1}; it passes the tanh (whose derivative is 1 - h^2) and then goes on to W, U, b and h_{t-1}. On the way
back it is multiplied by U' at every step, and so may grow without bound: that is why every gradient is clipped.

The text is cut into streams that are read side by side, and the state goes on from batch to batch, as in train.py;
the measure, too, is that of train.py: bits per character on the last tenth of the text.

References: Elman 1990, Finding structure in time. Duchi, Hazan & Singer 2011 (Adagrad). Pascanu, Mikolov & Bengio
2013, On the difficulty of training recurrent neural networks (clipping).
"""

import time
from dataclasses import dataclass

import numpy as np

from common import InputError
from common.cli import Count, Flags, LearningRate, Positive, Seed, Size, run_script
from common.data import load_text, split_text


@dataclass(frozen=True)
class Options(Flags):
    data: str | None = None  # a text file of your own, "botchan" or "sample"; by default Alice
    encoding: str | None = None  # of a text of your own, such as euc_jp; by default UTF-8 or Shift_JIS, whichever it is
    hidden_size: Size = 128  # units
    sequence_length: Count = 25  # characters that gradients flow back through
    batch_size: Count = 16  # streams read side by side
    learning_rate: LearningRate = 0.05  # of Adagrad
    clip: Positive = 1.0  # longest gradient; longer ones are scaled down
    epochs: Count = 8
    seed: Seed = 0  # fixes the initial weights
    check: bool = False  # check the gradients instead of training


def initial_weights(vocabulary_size, hidden_size, seed):
    """W (hidden, vocabulary), U (hidden, hidden), b (hidden,), V (vocabulary, hidden), c (vocabulary,)."""
    generator = np.random.default_rng(seed)
    shapes = {"W": (hidden_size, vocabulary_size), "U": (hidden_size, hidden_size), "V": (vocabulary_size, hidden_size)}
    weights = {name: generator.normal(0, shape[1] ** -0.5, shape) for name, shape in shapes.items()}
    return weights | {"b": np.zeros(hidden_size), "c": np.zeros(vocabulary_size)}


def forward(weights, inputs, h):
    """Read `inputs` (batch, time) from state h (batch, hidden): all states, h first, and the probabilities."""
    states, probabilities = [h], []
    for x in inputs.T:  # x (batch,): a character's id picks a column of W, as the product with a one-hot vector would
        h = np.tanh(weights["W"][:, x].T + h @ weights["U"].T + weights["b"])  # (batch, hidden)
        logits = h @ weights["V"].T + weights["c"]  # (batch, vocabulary)
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        states.append(h)
        probabilities.append(exponentials / exponentials.sum(axis=1, keepdims=True))
    return states, probabilities


def loss_of(probabilities, targets):
    """Mean cross-entropy in nats of `targets` (batch, time)."""
    return -np.mean([np.log(p[np.arange(len(y)), y]) for p, y in zip(probabilities, targets.T, strict=True)])


def backward(weights, inputs, targets, states, probabilities):
    """The gradients of the mean cross-entropy, by back-propagation through time; shapes as the weights'."""
    gradients = {name: np.zeros_like(weight) for name, weight in weights.items()}
    batch, steps = inputs.shape
    from_later = np.zeros_like(states[0])  # (batch, hidden), what reaches h_t from the step after it
    for t in reversed(range(steps)):
        d_logits = probabilities[t].copy()  # (batch, vocabulary): soft-max and cross-entropy together give p - 1[y]
        d_logits[np.arange(batch), targets[:, t]] -= 1
        d_logits /= batch * steps
        h, before = states[t + 1], states[t]
        gradients["V"] += d_logits.T @ h
        gradients["c"] += d_logits.sum(axis=0)
        d_h = d_logits @ weights["V"] + from_later  # (batch, hidden)
        d_sum = d_h * (1 - h**2)  # through the tanh
        np.add.at(gradients["W"].T, inputs[:, t], d_sum)
        gradients["U"] += d_sum.T @ before
        gradients["b"] += d_sum.sum(axis=0)
        from_later = d_sum @ weights["U"]
    return gradients


def largest_gradient_error(seed=0, step=1e-5):
    """The largest relative difference between `backward` and central differences, over all weights of a small net."""
    generator = np.random.default_rng(seed)
    weights = initial_weights(vocabulary_size=5, hidden_size=4, seed=seed)
    inputs, targets = generator.integers(0, 5, (2, 3, 6))  # batch 3, 6 steps
    h = generator.normal(0, 1, (3, 4))
    gradients = backward(weights, inputs, targets, *forward(weights, inputs, h))
    worst = 0.0
    for name, weight in weights.items():
        for place in np.ndindex(weight.shape):
            losses = []
            for change in (step, -step):
                weight[place] += change
                losses.append(loss_of(forward(weights, inputs, h)[1], targets))
                weight[place] -= change
            numeric = (losses[0] - losses[1]) / (2 * step)
            difference = abs(numeric - gradients[name][place])
            worst = max(worst, difference / max(1e-6, abs(numeric) + abs(gradients[name][place])))
    return worst


def bits_per_character(weights, ids, before):
    """Mean bits of `ids` (length,), the state carried on from the text `before`."""
    text = np.concatenate([before[-1000:], ids])
    _, probabilities = forward(weights, text[None, :-1], np.zeros((1, len(weights["b"]))))
    chances = [p[0, y] for p, y in zip(probabilities, text[1:], strict=True)]
    return -np.log2(chances[-len(ids) :]).mean()


def main(options: Options) -> None:
    if options.check:
        print(f"largest relative difference to central differences: {largest_gradient_error():.1e}")
        return
    ids, vocabulary, _ = load_text(options.data, options.encoding)
    train, validation, test = (np.asarray(part).astype(int) for part in split_text(ids))
    batch, time_steps = options.batch_size, options.sequence_length
    length = (len(train) - 1) // batch // time_steps * time_steps  # of a stream
    if length == 0:
        raise InputError(f"{len(train)} characters are too few for {batch} streams of {time_steps}; use a longer text")
    inputs, targets = (train[shift : shift + batch * length].reshape(batch, length) for shift in (0, 1))

    weights = initial_weights(len(vocabulary), options.hidden_size, options.seed)
    squares = {name: np.full_like(weight, 1e-8) for name, weight in weights.items()}  # Adagrad's sums
    started = time.perf_counter()
    for epoch in range(1, options.epochs + 1):
        h, losses, lengths = np.zeros((batch, options.hidden_size)), [], []
        for start in range(0, length, time_steps):
            part = inputs[:, start : start + time_steps], targets[:, start : start + time_steps]
            states, probabilities = forward(weights, part[0], h)
            gradients = backward(weights, *part, states, probabilities)
            norm = np.sqrt(sum((gradient**2).sum() for gradient in gradients.values()))
            for name, gradient in gradients.items():
                gradient = gradient * min(1.0, options.clip / norm)
                squares[name] += gradient**2
                weights[name] -= options.learning_rate * gradient / np.sqrt(squares[name])
            h = states[-1]
            losses.append(loss_of(probabilities, part[1]) / np.log(2))
            lengths.append(norm)
        bits = bits_per_character(weights, validation, train)
        print(
            f"epoch {epoch}: training {np.mean(losses):.3f}, validation {bits:.3f} bits per character; "
            f"longest gradient {max(lengths):.2f}; {time.perf_counter() - started:.0f} s",
            flush=True,
        )
    print(f"{bits_per_character(weights, test, validation):.3f} bits per character on the test part")


if __name__ == "__main__":
    run_script(main, Options)
