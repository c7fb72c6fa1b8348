"""Measure a trained character model on the last tenth of the text, which it has not seen.

    python chargen/eval.py                      # the newest run
    python chargen/eval.py --run runs/chargen/NAME

Every character of the test part is predicted exactly once. The model reads the text before it first, so that it comes
to the test part with a state, as it would in use.

The table also has n-gram models, trained in the same command on the same training part. The validation part serves to
choose (the best epoch; the order of Kneser-Ney) and is read as context; no model learns from it. One row shows what
Kneser-Ney would gain if it did.

The lower rows go on learning while they read the test part, always after they have been scored:

- *adaptive Kneser-Ney* counts what it has read;
- *dynamic evaluation*: after every 10 characters the model learns from them, by a small step of gradient descent, and
  slowly forgets what it has so learned (Krause et al. 2018);
- *neighbours*: what came next when the network was in a similar state (neighbours.py);
- *mixture*: these, Kneser-Ney over words, and what followed when the text was the same (matches), mixed with weights
  that are learned on the way (mixing.py). A second table leaves out one of them at a time.

*ensemble*: the mean probabilities of all members of the run (`--ensemble-size`), which differ only in their seed.

Below the table come two differences in bits, each with its 95 % interval by a bootstrap over blocks of the text
(common/statistics.py): the model against Kneser-Ney, and dynamic evaluation against adaptive Kneser-Ney.

Reference: Krause, Kahembwe, Murray & Renals 2018, Dynamic evaluation of neural sequence models.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from chargen.mixing import adaptive_bits
from chargen.ngram import MAX_SYMBOLS, NGram, best_order
from common.cli import Flags, run_script, start_tensorflow
from common.data import load_text, split_text
from common.runs import check_corpus, open_run
from common.saving import load_model, write_json
from common.statistics import paired_bootstrap
from common.tables import print_table

BLOCK = 500  # characters that the bootstrap draws together: some paragraphs


@dataclass(frozen=True)
class Options(Flags):
    run: Path = Path("runs/chargen/latest")  # run folder to evaluate
    data: str | None = None  # where the corpus is now, if not where training found it


def evaluate(run: Path, ids) -> dict:
    """Measure the models of `run` on the test part of `ids`, print the table, draw the figures, return the metrics."""
    from chargen.model import CharacterModel  # noqa: F401 - registers the layers
    from chargen.neighbours import network_streams
    from chargen.scoring import bits_of, mean_of, read_stream
    from common import plots

    train, validation, test = split_text(ids)
    before = np.concatenate([train[-MAX_SYMBOLS:], validation])
    models = [load_model(path) for path in sorted(run.glob("member-*.keras")) or [run / "model.keras"]]
    vocabulary = models[0][1]["characters"]
    models, size = [model for model, _ in models], len(vocabulary)
    order = best_order(train, validation, size)
    kneser_ney = f"Kneser-Ney {order}-gram"

    bits = {
        "Witten-Bell 5-gram": NGram(train, size, 5, "witten-bell").bits(test, before),
        kneser_ney: NGram(train, size, order, "kneser-ney").bits(test, before),
        f"{kneser_ney} of 90 %": NGram(before, size, order, "kneser-ney").bits(test, before),
        "model": bits_of(read_stream(models[0], test, before), test),
    }
    if len(models) > 1:
        ensemble = mean_of([read_stream(model, test, before) for model in models])
        bits[f"ensemble of {len(models)}"] = bits_of(ensemble, test)
    streams = network_streams(models, test, before, len(validation))
    adaptive = adaptive_bits(streams, train, order, vocabulary, test, before)

    spelling = vocabulary.spelling_bits(test)
    bits, adaptive = ({name: row + spelling for name, row in rows.items()} for rows in (bits, adaptive))
    bits |= {name: adaptive[name] for name in (f"adaptive {kneser_ney}", *streams, "+ mixture")}
    means = {name: float(values.mean()) for name, values in bits.items()}
    uniform = math.log2(size) + spelling.mean()
    print_table((str(run), "bits per character"), [("uniform guess", uniform), *means.items()])
    losses = [(name, values.mean()) for name, values in adaptive.items() if name.startswith("mixture without")]
    print()
    print_table(("what each expert is worth", "bits per character"), losses)
    block = min(BLOCK, -(-len(test) // 20))  # of a short text, 20 blocks
    pairs = (("model", kneser_ney), ("+ dynamic evaluation", f"adaptive {kneser_ney}"))
    differences = [paired_bootstrap(bits[first], bits[second], block=block) for first, second in pairs]
    print("\ndifference in bits (95 % interval); below 0 the first one is better")
    for (first, second), difference in zip(pairs, differences, strict=True):
        print(f"{first} - {second}: {difference}")
    plots.learning_curves(run, ["bits_per_character"])
    draw_bits(bits, run / "bits_per_character.png")
    return {
        "metric": "test_bits_per_character",
        "test_bits_per_character": means["model"],
        "baseline": {"name": kneser_ney, "value": means[kneser_ney]},
        "difference_to_baseline": differences[0]._asdict(),
        "all_bits_per_character": means,
    }


def draw_bits(bits, path, span=500):
    """Draw the running mean over `span` characters of the bits of every line of the table."""
    from common import plots

    span = min(span, min(map(len, bits.values())))
    figure, axis = plots.plt.subplots(figsize=(8, 5), layout="constrained")
    for label, values in bits.items():
        axis.plot(np.convolve(values, np.ones(span) / span, "valid"), label=f"{label}: {values.mean():.3f}")
    axis.set(xlabel="character of the test part", ylabel=f"bits per character (mean of {span})")
    figure.legend(loc="outside lower center", ncols=2)
    plots.save(figure, path)


def main(options: Options) -> None:
    hyperparameters, metrics = open_run(options.run)
    data = options.data or hyperparameters["data"]
    ids, _, corpus = load_text(data, hyperparameters.get("encoding"), share_rare=True)
    check_corpus(metrics, corpus)
    start_tensorflow()
    write_json(options.run / "metrics.json", metrics | evaluate(options.run, ids))
    print(f"metrics.json and the figures are in {options.run}")


if __name__ == "__main__":
    run_script(main, Options)
