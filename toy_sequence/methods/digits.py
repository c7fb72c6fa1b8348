"""Small pictures of digits: read row by row by an LSTM, or seen at once by a convolutional network. And transfer.

    python toy_sequence/methods/digits.py                     # under two minutes

The 1,797 pictures of 8 x 8 pixels that come with scikit-learn; three fifths for training, one for the validation (on
which the defaults below were chosen), one for the test. The same 13 people wrote all three parts; a stranger's hand
would be harder to read. Two networks:

    LSTM  picture (batch, rows, columns) -> LSTM (batch, hidden) -> logits (batch, 10); a row is a time step
    CNN   picture (batch, 8, 8, 1) -> convolution (batch, 8, 8, channels) -> max pooling, x (batch, 4, 4, channels)
          -> x + convolution(x) -> global average pooling (batch, channels) -> logits (batch, 10)

A convolution slides a small matrix K (3, 3, in, out) over the picture: y[i, j] = Σ x[i + a, j + b] K[a, b], so that a
stroke looks the same to it wherever it is (LeCun et al. 1998). Max pooling keeps the largest of four neighbours; global
average pooling the mean of each channel (Lin et al. 2014). x + convolution(x) is a skip connection: the gradient goes
past the convolution too (He et al. 2016). Batch normalisation follows each convolution (Ioffe & Szegedy 2015): mean 0,
variance 1 over the batch and all places, times γ (channels,), plus β (channels,).

Augmentation moves every picture by up to a pixel each way and turns it by up to 11 degrees, anew each time it is seen
(Simard et al. 2003). The second test moves the pictures of the first by one pixel up, down, left and right.

Transfer (Yosinski et al. 2014): a CNN learns 0 to 4. Then 20 pictures of each of 5 to 9 are drawn, and it learns these:
frozen (only a new last layer learns), frozen for half of the steps and then fine-tuned (all layers learn), or from
scratch. Each draw serves all three, with the same number of steps; each way takes the best of four rates, chosen on the
validation. All layers learn with augmentation, the last layer alone without: with it, 200 steps bring that no further
than 0.83 in the validation, without it to 0.90. Beside them, logistic regression learns from the pixels of each draw.
"""

import time
from dataclasses import dataclass

import numpy as np

from common.cli import Count, LearningRate, Size, run_script, start_tensorflow
from common.runs import NamedRunOptions, finish_run, start_run
from common.statistics import paired_bootstrap
from common.tables import print_table

RATES = (0.003, 0.01, 0.03, 0.1)  # of Adam, for the transfer
WAYS = ("frozen", "fine-tuned", "from scratch")
BASELINE = "logistic regression"


@dataclass(frozen=True)
class Options(NamedRunOptions):
    hidden_size: Size = 48  # units of the LSTM
    channels: Size = 64  # of each convolution
    batch_size: Count = 32  # pictures
    steps: Count = 1500  # of training
    learning_rate: LearningRate = 0.01  # of Adam at the start; falls to 0 along half a cosine
    repeats: Count = 3  # trainings of each network, from different weights
    transfer_steps: Count = 200  # of training on the pictures of 5 to 9
    pictures: Count = 20  # of each of 5 to 9
    draws: Count = 10  # of these pictures


def right(model, pictures, labels):
    """Which answers are right: (batch,). Without `training=False`, augmentation would move and turn the pictures."""
    return model(pictures, training=False).numpy().argmax(axis=1) == labels


def accuracy(model, pictures, labels):
    """The share of right answers."""
    return float(right(model, pictures, labels).mean())


def after_rows(model, pictures, labels):
    """The accuracy of an LSTM that has read only the first 1, 2, ..., 8 rows."""
    *_, lstm, output = model.layers
    rows = pictures[..., 0]  # (batch, rows, columns)
    return [accuracy(lambda x, training: output(lstm(x)), rows[:, :count], labels) for count in range(1, 9)]


def compare(parts, options):
    """Train both networks with and without augmentation: name -> a list with a dict for each training.

    In it are the right answers (batch,) in the `validation`, in the `test` and in the test `moved` by a pixel.
    """
    import keras

    from toy_sequence.methods.small_pictures import batches, build_model, shifted
    from toy_sequence.methods.studies import falling, trainer

    training, validation, test = parts
    tests = {"validation": validation, "test": test, "moved": (shifted(test[0]), np.tile(test[1], 4))}
    results = {}
    for kind, augmented in (("LSTM", False), ("LSTM", True), ("CNN", False), ("CNN", True)):
        name = f"{kind}, augmented" if augmented else kind
        results[name] = []
        for seed in range(options.seed, options.seed + options.repeats):
            keras.utils.set_random_seed(seed)
            model = build_model(kind, 10, augmented, options)
            order = batches(training, options.steps, options.batch_size, np.random.default_rng(seed))
            train = trainer(model, keras.optimizers.Adam())
            train(model.get_weights(), falling(options.learning_rate, options.steps), order)
            result = {key: right(model, *part) for key, part in tests.items()} | {"weights": model.count_params()}
            result |= {"rows": after_rows(model, *test)} if kind == "LSTM" else {}
            results[name].append(result)
        print(f"{name}: validation {mean_of(results[name], 'validation'):.4f}", flush=True)
    return results


def transfer(parts, options):
    """The accuracy on 5 to 9 in the test: way -> (rate, a list with one number for each draw).

    The rate of each way is the one with the highest mean accuracy on 5 to 9 in the validation.
    """
    import keras
    from sklearn.linear_model import LogisticRegression

    from toy_sequence.methods.small_pictures import batches, build_model, draw, only
    from toy_sequence.methods.studies import falling, trainer

    training, validation, test = (only(part, 5, 9) for part in parts)
    steps, half = options.transfer_steps, options.transfer_steps // 2
    generator = np.random.default_rng(options.seed)
    keras.utils.set_random_seed(options.seed)
    first, free, frozen = (build_model("CNN", 5, augmented, options) for augmented in (True, True, False))
    order = batches(only(parts[0], 0, 4), options.steps, options.batch_size, generator)
    trainer(first, keras.optimizers.Adam())(first.get_weights(), falling(options.learning_rate, options.steps), order)
    print(f"CNN of 0 to 4: validation {accuracy(first, *only(parts[1], 0, 4)):.4f}", flush=True)
    for layer in frozen.layers[:-1]:
        layer.trainable = False  # batch normalisation, too, keeps its averages
    train_last, train_all = (trainer(model, keras.optimizers.Adam()) for model in (frozen, free))
    results = {BASELINE: ("-", [])}
    tried = {(way, rate): [] for way in WAYS for rate in RATES}  # -> of each draw: accuracy in validation and test
    for _ in range(options.draws):
        start = build_model("CNN", 5, True, options).get_weights()
        new_last = [*first.get_weights()[:-2], *start[-2:]]  # with a new matrix and a new bias of the last layer
        drawn = draw(training, options.pictures, generator)
        pictures, labels = batches(drawn, steps, options.batch_size, generator)
        baseline = LogisticRegression(max_iter=1000).fit(drawn[0].reshape(-1, 64), drawn[1])
        results[BASELINE][1].append(baseline.score(test[0].reshape(-1, 64), test[1]))
        for rate in RATES:
            train_last(new_last, falling(rate, steps), (pictures, labels))
            tried["frozen", rate].append((accuracy(frozen, *validation), accuracy(frozen, *test)))
            train_last(new_last, falling(rate, half), (pictures[:half], labels[:half]))
            train_all(frozen.get_weights(), falling(rate, steps - half), (pictures[half:], labels[half:]))
            tried["fine-tuned", rate].append((accuracy(free, *validation), accuracy(free, *test)))
            train_all(start, falling(rate, steps), (pictures, labels))
            tried["from scratch", rate].append((accuracy(free, *validation), accuracy(free, *test)))
    best = {way: max(RATES, key=lambda rate: np.mean(tried[way, rate], axis=0)[0]) for way in WAYS}
    return results | {way: (best[way], [in_test for _, in_test in tried[way, best[way]]]) for way in WAYS}


def mean_of(tries, key):
    return float(np.mean([each[key] for each in tries]))


def difference(networks, first, second):
    """How much more often the first is right in the test, with an interval for the luck with its pictures."""
    one, other = (np.mean([each["test"] for each in networks[name]], axis=0) for name in (first, second))
    return f"{first} - {second} {paired_bootstrap(one, other, repeats=2000)}"


def conclusion(networks, ways):
    """Three lines about what `main` has measured."""
    test, moved = ({name: mean_of(tries, key) for name, tries in networks.items()} for key in ("test", "moved"))
    halfway = np.mean([each["rows"][3] for each in networks["LSTM"]])
    gains = []
    for way in WAYS[:2]:
        gain = np.subtract(ways[way][1], ways["from scratch"][1])
        gains.append(f"{way} {gain.mean():+.3f} ± {gain.std():.3f}, better in {(gain > 0).sum()} of {len(gain)} draws")
    return [
        f"Right: LSTM {test['LSTM']:.3f} ({halfway:.3f} after 4 of 8 rows), CNN {test['CNN']:.3f}; "
        f"{difference(networks, 'CNN', 'LSTM')}.",
        f"Moved by a pixel: {', '.join(f'{name} {share:.3f}' for name, share in moved.items())}; not moved: "
        f"{'; '.join(difference(networks, f'{kind}, augmented', kind) for kind in ('LSTM', 'CNN'))}.",
        f"Transfer, against from scratch: {'; '.join(gains)}; {BASELINE} {np.mean(ways[BASELINE][1]):.3f} right.",
    ]


def main(options: Options) -> None:
    start_tensorflow(options)
    from toy_sequence.methods import pictures
    from toy_sequence.methods.small_pictures import build_model, load

    run = start_run("digits", options)
    started, parts = time.perf_counter(), load()
    networks = compare(parts, options)
    ways = transfer(parts, options)
    seconds = time.perf_counter() - started
    print()
    keys = ("validation", "test", "moved")
    rows = [(name, tries[0]["weights"], *(mean_of(tries, key) for key in keys)) for name, tries in networks.items()]
    print_table(("mean accuracy", "weights", "validation", "test", "test, moved by a pixel"), rows)
    print()
    rows = [(way, rate, float(np.mean(each)), float(np.std(each))) for way, (rate, each) in ways.items()]
    print_table((f"5 to 9, {options.pictures} pictures each", "rate", "test, mean", f"std of {options.draws}"), rows)
    pictures.digits(parts[2], build_model("CNN", 10, True, options).layers[1:3], networks, ways, run / "digits.png")
    means = {name: {key: mean_of(tries, key) for key in keys} for name, tries in networks.items()}
    metrics = {"networks": means, "transfer": ways, "seed": options.seed, "training_seconds": seconds}
    finish_run(run, "digits", metrics)
    print("\nConclusion", *conclusion(networks, ways), f"pictures are in {run}", sep="\n")


if __name__ == "__main__":
    run_script(main, Options)
