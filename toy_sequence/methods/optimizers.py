"""Eight optimizers, three ways to draw the first weights, two ways to normalise: which of them train a network?

    python toy_sequence/methods/optimizers.py                 # under two minutes

w are the weights, g = dL/dw their gradient, r the learning rate; m, u and v have the shape of w and start at 0:

    SGD       w ← w - r g
    momentum  m ← 0.9 m - r g;  w ← w + m                                           Polyak 1964
    Nesterov  m ← 0.9 m - r g;  w ← w + 0.9 m - r g                                 Nesterov 1983
    Adagrad   v ← v + g²;  w ← w - r g / √v  (v starts at 0.1)                      Duchi et al. 2011
    Adadelta  v ← 0.95 v + 0.05 g²;  d = g √u / √v;  u ← 0.95 u + 0.05 d²;  w ← w - r d    Zeiler 2012
    RMSprop   v ← 0.9 v + 0.1 g²;  w ← w - r g / √v                                 Tieleman & Hinton 2012
    Adam      m ← 0.9 m + 0.1 g;  v ← 0.999 v + 0.001 g²;  w ← w - r m̂ / √v̂         Kingma & Ba 2015
    AdamW     as Adam, and w ← w - 0.004 r w                                        Loshchilov & Hutter 2019

(m̂ and v̂ are divided by what they would be if g were always 1; a tiny number under each fraction is left out here.)
Each optimizer gets three rates. On the surfaces of surfaces.py the best is the one that arrives first. For a network
it is the one with the lowest mean loss on validation sequences; the figures are of other sequences, and of several
trainings from different weights. Networks, all of them bits or noise (batch, time, inputs) -> a recurrent layer
(batch, time, hidden) -> logits (batch, time, 2); no matrix gets a gradient longer than 1:

    toy       0 1 0 1 ... whatever comes in: trained on 40 steps, tested on 100
    addition  two numbers, the lowest bit first: trained on 8 bits, tested on 16

The other two parts train the network of the addition with Adam. The matrix U (hidden, hidden) of its recurrent layer is
drawn with variance 1 / hidden (Xavier: Glorot & Bengio 2010), with 2 / hidden (He et al. 2015, meant for ReLU), or as a
random rotation (orthogonal: Saxe et al. 2014, Le et al. 2015). normalised.py says what batch and layer normalisation do
in a recurrent layer. The 32 units and the small batch of 8 were chosen for what they show: with other sizes
(`--hidden-size`, `--small-batch-size`) He's weights and batch normalisation may do better.
"""

import time
from dataclasses import dataclass
from functools import partial

import numpy as np

from common.cli import Count, Size, run_script, start_tensorflow
from common.runs import NamedRunOptions, finish_run, start_run
from common.tables import print_table
from toy_sequence.methods.surfaces import SURFACES, arrival, walk

INITIALISERS = {"Xavier": "glorot_normal", "He": "he_normal", "orthogonal": "orthogonal"}  # of U
NORMALISATIONS = ("none", "batch", "layer")


@dataclass(frozen=True)
class Options(NamedRunOptions):
    hidden_size: Size = 32  # units of the recurrent layers
    batch_size: Count = 32  # sequences
    steps: Count = 400  # of training on the addition, each on new sequences
    toy_steps: Count = 100  # of training on the toy
    walk_steps: Count = 1000  # on the surfaces
    test_sequences: Count = 500  # sequences for the validation, and as many for the test
    small_batch_size: Count = 8  # sequences; for the comparison of batch and layer normalisation
    repeats: Count = 5  # trainings with each rate, each from other weights


def normalised(kind, batch_size):
    return f"normalisation {kind}, batches of {batch_size}"


def walks(options):
    """The best of three paths of each optimizer on each surface: surface -> optimizer -> (steps, rate, path).

    A path, (steps + 1, 2), ends where it arrives at a minimum.
    """
    from toy_sequence.methods.studies import OPTIMIZERS, optimizer

    results = {surface: {} for surface in SURFACES}
    for name, (*_, rates) in OPTIMIZERS.items():
        both = [walk(optimizer(name, rate), options.walk_steps) for rate in rates]  # (steps + 1, surface, 2)
        for number, surface in enumerate(SURFACES):
            arrivals = [arrival(surface, path[:, number]) for path in both]
            best = int(np.argmin(arrivals))
            steps = min(arrivals[best], options.walk_steps)
            results[surface][name] = arrivals[best], rates[best], both[best][: steps + 1, number]
    return results


def with_rate(steps, rate):
    return f"{steps:.0f} (rate {rate:g})" if np.isfinite(steps) else "-"


def mean_match(result):
    return float(np.mean(result["exact match"]))


def last_loss(result):
    """The mean loss of the last ten steps, the median over the trainings."""
    return float(np.median([losses[-10:].mean() for losses in result["losses"]]))


def print_optimizers(surfaces, tasks):
    """A row for each optimizer."""
    rows = []
    for name in tasks["toy"]:
        row = [with_rate(*ways[name][:2]) for ways in surfaces.values()]
        for results in tasks.values():
            row += [with_rate(results[name]["steps"], results[name]["rate"]), mean_match(results[name])]
        rows.append((name, *row))
    print_table(("steps to a minimum, to learn", *surfaces, "toy", "exact match", "addition", "exact match"), rows)


def print_others(others):
    """A row for each way to start and to normalise."""
    rows = []
    for label, result in others.items():
        matches = result["exact match"]
        steps = with_rate(result["steps"], result["rate"])
        rows.append((label, steps, last_loss(result), mean_match(result), min(matches), max(matches)))
    print_table(("addition with Adam", "steps to learn", "last loss", "exact match", "lowest", "highest"), rows)


def conclusion(surfaces, tasks, others, options):
    """Three lines about what `main` has measured."""
    parts = []
    for surface, ways in surfaces.items():
        quick = min(ways, key=lambda name: ways[name][0])
        parts.append(f"{surface}, {quick} {ways[quick][0]} steps, SGD {ways['SGD'][0]}")
    for task, results in tasks.items():
        quick, slow = (best(results, key=lambda name: results[name]["steps"]) for best in (min, max))
        parts.append(f"{task}, {quick} {results[quick]['steps']:.0f} steps, {slow} {results[slow]['steps']:.0f}")
    first = {label: mean_match(result) for label, result in others.items() if "normalisation" not in label}
    worst, least = min(first, key=first.get), options.small_batch_size
    last = {kind: last_loss(others[normalised(kind, least)]) for kind in NORMALISATIONS}
    return [
        f"The quickest: {'; '.join(parts)}.",
        f"First weights: the worst are {worst}, {first[worst]:.1%} of the sums right; the others at least "
        f"{min(match for label, match in first.items() if label != worst):.1%}.",
        f"Batches of {least}, loss at the end by normalisation: "
        f"{', '.join(f'{kind} {loss:.3f}' for kind, loss in last.items())}.",
    ]


def main(options: Options) -> None:
    start_tensorflow(options)
    import keras

    from common.fast_rnn import SimpleRNN
    from toy_sequence.methods import pictures
    from toy_sequence.methods.normalised import NormalisedCell
    from toy_sequence.methods.studies import OPTIMIZERS, data, study

    run = start_run("optimizers", options)
    started, size = time.perf_counter(), options.hidden_size
    surfaces = walks(options)
    tasks, others = {}, {}
    for task in ("toy", "addition"):
        sequences = data(task, options, options.batch_size)
        make_layer = partial(SimpleRNN, size, return_sequences=True)
        tasks[task] = {}
        for name in OPTIMIZERS:
            tasks[task][name] = study(make_layer, name, sequences, options)
            print(f"{task}, {name}: exact match {mean_match(tasks[task][name]):.4f}", flush=True)
    for activation in ("tanh", "relu"):
        for label, initialiser in INITIALISERS.items():
            make_layer = partial(SimpleRNN, size, activation, recurrent_initializer=initialiser, return_sequences=True)
            others[f"{activation}, {label}"] = study(make_layer, "Adam", sequences, options)
    for batch_size in (options.batch_size, options.small_batch_size):
        sequences = data("addition", options, batch_size)
        for kind in NORMALISATIONS:
            others[normalised(kind, batch_size)] = study(
                lambda kind=kind: keras.layers.RNN(NormalisedCell(size, kind), return_sequences=True),
                "Adam",
                sequences,
                options,
            )
    seconds = time.perf_counter() - started
    print()
    print_optimizers(surfaces, tasks)
    print()
    print_others(others)
    pictures.optimizers(surfaces, tasks, others, run / "optimizers.png")
    networks = {f"{task}, {name}": result for task, results in tasks.items() for name, result in results.items()}
    metrics = {
        label: {"rate": result["rate"], "exact_match": result["exact match"]}
        for label, result in {**networks, **others}.items()
    }
    finish_run(run, "optimizers", {"networks": metrics, "seed": options.seed, "training_seconds": seconds})
    print("\nConclusion", *conclusion(surfaces, tasks, others, options), f"pictures are in {run}", sep="\n")


if __name__ == "__main__":
    run_script(main, Options)
