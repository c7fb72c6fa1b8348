"""A variational autoencoder of words, and why its decoder would rather not listen.

    python toy_sequence/methods/vae.py                   # two minutes
    python toy_sequence/methods/vae.py --data FILE       # the words of a text of your own

    word (letters) -> bidirectional LSTM -> mean, log variance (latent,) -> z = mean + deviation * noise (latent,)
    -> LSTM that also reads the letters before -> logits of each letter (time, tokens)

The encoder turns a word x into a cloud of points q(z | x) = N(mean, variance), the decoder turns a point back into
letters. Drawn as mean + deviation * noise, z lets the gradient through to the encoder: the reparametrisation trick.
The loss is the negative evidence lower bound (ELBO), in nats a word:

    -ELBO = E[-ln p(x | z)] + KL(q(z | x) || N(0, 1)) >= -ln p(x)
            reconstruction    (mean² + variance - 1 - ln variance) / 2, added over the units of z

The KL term is the price of each bit of information in z. At first z is noise, and costs more than it tells. A
recurrent decoder can do without it: it predicts each letter from those before. So it stops listening, the encoder stops
speaking, KL falls to 0: the posterior has collapsed to the prior. Bowman et al. know two remedies:

    annealing   the KL term counts nothing for half of the rise, then more and more, at last in full
    dropout     the decoder does not get to see some of the letters before; what it misses can only be in z

Each word of the text counts once. Those of the test were never seen in training; those of the validation draw the
curves. All measures count the KL term in full, and show the decoder all letters before. A reconstruction is read out
from the mean, the most probable letter at each step; so is a sample from z ~ N(0, 1). "Known triples": each three
letters in a row, the word's edges counted as letters, occur in a word of training.

References: Kingma & Welling 2014, Auto-encoding variational Bayes. Bowman et al. 2016, Generating sentences from a
continuous space. Burda, Grosse & Salakhutdinov 2016, Importance weighted autoencoders (active units).
"""

import re
import time
from dataclasses import dataclass

import numpy as np

from common import InputError
from common.cli import Count, LearningRate, Share, Size, run_script, start_tensorflow
from common.data import load_text, split_text
from common.runs import NamedRunOptions, finish_run, start_run
from common.statistics import paired_bootstrap
from common.tables import print_table

LENGTHS = range(2, 13)  # letters of a word
ACTIVE = 0.01  # a unit of z is active if its mean varies more than that from word to word (Burda et al.)
DRAWS = 10  # of z for each word of the test
RESULTS = ("reconstruction", "KL", "-ELBO", "words right", "letters right", "active units")
SAMPLES = ("different", "in training", "held out", "new, known triples")
PATH = np.linspace(0, 1, 7)[:, None]  # of the interpolation, from one mean to another
PAIRS = (0, 1), (2, 3), (4, 5)  # words of the test between which it goes


@dataclass(frozen=True)
class Hyperparameters(NamedRunOptions):
    data: str | None = None  # a text of your own, or "sample" for the generated one; by default Alice
    hidden_size: Size = 64  # units of the decoder, and of the encoder in each direction
    latent_size: Size = 16  # units of z
    letter_dropout: Share = 0.5  # of the letters before
    epochs: Count = 60
    rise: Count = 42  # epochs after which the KL term counts in full
    batch_size: Count = 64  # words
    learning_rate: LearningRate = 0.005  # of Adam at the start; falls to 0 along half a cosine
    samples: Count = 1000  # from the prior


def load_words(data, seed):
    """The different words of a text, 2 to 12 letters long, shuffled and cut in training, validation and test; and
    what the text is.

    Raises:
        InputError: fewer than 60 words.
    """
    ids, vocabulary, corpus = load_text(data)
    runs_of_letters = re.findall(r"[^\W\d_]+", "".join(vocabulary.decode(ids)))
    words = np.array(sorted({word for word in runs_of_letters if len(word) in LENGTHS}))
    if len(words) < 60:
        raise InputError(f"{corpus['name']} has {len(words)} different words of 2 to 12 letters; give 60 or more")
    return [part.tolist() for part in split_text(np.random.default_rng(seed).permutation(words))], corpus


def triples(word):
    """All three letters in a row, the word's edges counted as letters: "at" -> {"<at", "at>"}."""
    edged = f"<{word}>"
    return {edged[start : start + 3] for start in range(len(word))}


def describe(samples, training, *held_out):
    """What kind of words these samples are: the shares that `SAMPLES` names. `held_out` are lists of words."""
    seen, unseen = set(training), set().union(*held_out)
    known = set().union(*map(triples, training))
    new = [word for word in samples if word not in seen | unseen]
    return {
        "different": len(set(samples)) / len(samples),
        "in training": sum(word in seen for word in samples) / len(samples),
        "held out": sum(word in unseen for word in samples) / len(samples),
        "new, known triples": sum(word != "" and triples(word) <= known for word in new) / len(samples),
    }


def letters_right(words, answers):
    """The share of letters that stand at the same place in the answer."""
    hits = sum(a == b for word, answer in zip(words, answers, strict=True) for a, b in zip(word, answer, strict=False))
    return hits / sum(map(len, words))


def examine(model, parts, test, points, vocabulary):
    """What a trained model makes of the test.

    Args:
        parts: lists of words for training, validation and test; `test`: the last as ids (words, time).
        points: (samples, latent), drawn from the prior.

    Returns:
        The figures that `RESULTS` names; -ELBO of each word (words,); what `describe` says of the words at the points;
        the interpolations: a word of the test, what is read out on the way, another word of the test; the means
        (words, latent).
    """
    from toy_sequence.methods import vae_model

    *_, words = parts
    reconstruction, kl, means = vae_model.measure(model, test, DRAWS)
    paths = [means[first] + PATH * (means[last] - means[first]) for first, last in PAIRS]
    groups = [means, points, *paths]
    ids = vae_model.read_out(model, np.concatenate(groups), test.shape[1])
    cuts = np.cumsum([len(group) for group in groups])[:-1]
    answers, drawn, *between = (vae_model.decode_words(part, vocabulary) for part in np.split(ids, cuts))
    ways = [[words[first], *way, words[last]] for (first, last), way in zip(PAIRS, between, strict=True)]
    losses = reconstruction + kl
    shares = np.equal(words, answers).mean(), letters_right(words, answers)
    figures = map(float, (reconstruction.mean(), kl.mean(), losses.mean(), *shares))
    active = int((means.var(axis=0) > ACTIVE).sum())
    return dict(zip(RESULTS, (*figures, active), strict=True)), losses, describe(drawn, *parts), ways, means


def conclusion(results, samples, losses):
    """Three lines: what z says with and without the remedies; what the prior gives; what the loss thinks of it."""
    plain, *_, both = results
    said = [f"{name} {row['KL']:.2f} nats, {row['letters right']:.0%}" for name, row in results.items()]
    change = paired_bootstrap(losses[both], losses[plain])
    better = f"{plain} is better" if change.low > 0 else f"{both} is better" if change.high < 0 else "they are level"
    return [
        f"KL, and letters put back at their place: {'; '.join(said)}.",
        f"Points of the prior read out as different words: {plain} {samples[plain]['different']:.1%}, "
        f"{both} {samples[both]['different']:.1%}; as new words of known triples: "
        f"{samples[plain]['new, known triples']:.1%}, {samples[both]['new, known triples']:.1%}.",
        f"-ELBO of {both} minus that of {plain}: {change} nats a word. By the loss alone, {better}.",
    ]


def main(options: Hyperparameters) -> None:
    parts, corpus = load_words(options.data, options.seed)
    start_tensorflow(options)
    from toy_sequence.methods import generative_pictures, vae_model

    run, started = start_run("vae", options, corpus), time.perf_counter()
    vocabulary = vae_model.letters_of([*parts[0], *parts[1], *parts[2]])
    training, validation, test = (vae_model.encode_words(part, vocabulary, max(LENGTHS) + 1) for part in parts)
    generator = np.random.default_rng(options.seed)
    points = generator.standard_normal((options.samples, options.latent_size), dtype="float32")
    model, start = vae_model.build_model(len(vocabulary), len(training), options)
    curves, results, losses, samples, ways = {}, {}, {}, {}, {}
    for name, rise, dropout in (
        ("plain", 0, 0),
        ("annealing", options.rise, 0),
        ("dropout", 0, options.letter_dropout),
        ("both", options.rise, options.letter_dropout),
    ):
        curves[name] = vae_model.train(model, start, training, validation, rise, dropout, options)
        results[name], losses[name], samples[name], ways[name], means = examine(model, parts, test, points, vocabulary)
        print(f"{name}: {time.perf_counter() - started:.0f} s", flush=True)
    seconds = time.perf_counter() - started
    print(f"\n{len(training)} words for training, {len(test)} for the test; on these, in nats a word")
    print_table(("", *RESULTS), [(name, *row.values()) for name, row in results.items()])
    compared = samples | {
        "words of the test": describe(parts[2], parts[0]),
        "letters shuffled": describe(["".join(generator.permutation(list(word))) for word in parts[2]], *parts),
    }
    print(f"\n{options.samples} points from the prior")
    print_table(("", *SAMPLES), [(name, *row.values()) for name, row in compared.items()])
    generative_pictures.autoencoder(curves, ways, (means, parts[2]), run / "vae.png")
    metrics = {"corpus": corpus, "results": results, "samples": compared, "interpolation": ways}
    finish_run(run, "vae", metrics | {"seed": options.seed, "training_seconds": seconds})
    print("\nboth, from word to word of the test")
    for path in ways["both"]:
        print("{} | {} | {}".format(path[0], " -> ".join(path[1:-1]), path[-1]))
    print("\nConclusion", *conclusion(results, samples, losses), f"pictures are in {run}", sep="\n")


if __name__ == "__main__":
    run_script(main, Hyperparameters)
