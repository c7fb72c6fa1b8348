"""Train every tagger of this folder, and three classical ones, on the same sentences, and print one table.

    python pos_tagging/compare.py                  # about 15 minutes on 2 cores
    python pos_tagging/compare.py --epochs 3       # a quick look: fewer epochs for all networks

- *most frequent tag*, *perceptron*, *CRF*: the classical taggers of baselines.py.
- *encoder-decoder*: the book's three variants, which see the sentence only as one vector.
- *attention*: the same with a decoder that looks back at the words; `attention.png` shows where it looks.
- *words only*: one tag a step, from the words alone, with the book's GRU.
- *default*: the model of train.py.

All learn from the training part; the networks' best epochs are chosen on the validation part. Unseen words are those
that occur nowhere before the test part. Look at the two columns at the ends: real words against everything padded to
250 steps. Figures, the picture and all settings are in the run folder.
"""

import time
from dataclasses import dataclass, replace

from common.cli import Count, run_script, start_tensorflow
from common.data import load_tagged_sentences, split_sentences
from common.runs import RunOptions, start_run
from common.saving import write_json
from common.tables import print_table
from pos_tagging import baselines
from pos_tagging.features import encode_words, make_vocabularies
from pos_tagging.train import PRESETS, fit


@dataclass(frozen=True)
class Options(RunOptions):
    epochs: Count | None = None  # of every network; by default what train.py's presets say


def variants() -> dict:
    """The networks: name -> hyperparameters."""
    book, default = PRESETS["book"], PRESETS["default"]
    return {
        "encoder-decoder, GRU": book,
        "encoder-decoder, LSTM": replace(book, cell="lstm"),
        "encoder-decoder, both ways": replace(book, cell="lstm", bidirectional=True),
        "attention, both ways": replace(book, model="attention", bidirectional=True),
        "words only, GRU": replace(book, model="tagger"),
        "default": default,
    }


def draw_attention(model, vocabularies, words, path):
    """Draw which words the attention decoder looks at (columns) when it says each tag (rows)."""
    import keras

    from common import plots
    from pos_tagging.encoder_decoder import AttentionDecoder

    decoder = next(layer for layer in model.layers if isinstance(layer, AttentionDecoder))
    looks = keras.Model(model.input, [model.output, decoder.output[1]])
    logits, weights = looks.predict_on_batch(encode_words(words, vocabularies)[None])
    tags = vocabularies["tags"].decode(logits[0].argmax(-1))
    figure, axis = plots.plt.subplots(figsize=(1.5 + 0.35 * len(words), 1.2 + 0.3 * len(words)), layout="constrained")
    axis.imshow(weights[0], cmap="Blues", vmin=0)
    axis.set_xticks(range(len(words)), words, rotation=90)
    axis.set_yticks(range(len(words)), tags)
    axis.set(xlabel="word that is looked at", ylabel="tag that is said")
    plots.save(figure, path)


def main(options: Options) -> None:
    sentences, corpus = load_tagged_sentences(options.data)
    training, validation, test = split_sentences(sentences)
    words = [[word for word, _ in sentence] for sentence in test]
    known_words = {word for sentence in training + validation for word, _ in sentence}
    start_tensorflow(options)
    run = start_run("compare_taggers", options)

    from pos_tagging.eval import HEADER, scores, tag_sentences

    table = {}
    for name, tagger in (
        ("most frequent tag", baselines.most_frequent_tag),
        ("NLTK's perceptron", baselines.perceptron),
        ("CRF", baselines.crf),
    ):
        print(f"training: {name}", flush=True)
        started = time.perf_counter()
        tags = tagger(training, words)
        table[name] = {**scores(test, tags, known_words), "seconds": time.perf_counter() - started}
    for name, hyperparameters in variants().items():
        print(f"training: {name}", flush=True)
        if options.epochs:
            hyperparameters = replace(hyperparameters, epochs=options.epochs)
        vocabularies = make_vocabularies(training, hyperparameters)
        started = time.perf_counter()
        model = fit(hyperparameters, training, validation, vocabularies, options.seed)
        seconds = time.perf_counter() - started
        tags = [[tag for tag, _ in row] for row in tag_sentences(model, vocabularies, words)]
        table[name] = {**scores(test, tags, known_words), "seconds": seconds}
        if hyperparameters.model == "attention":
            shown = min(words, key=lambda sentence: abs(len(sentence) - 20))  # one of about 20 words
            draw_attention(model, vocabularies, shown, run / "attention.png")

    print()
    print_table((*HEADER, "seconds"), [(name, *figures.values()) for name, figures in table.items()])
    write_json(run / "metrics.json", {"corpus": corpus, "seed": options.seed, "taggers": table})
    print(f"\nmetrics.json and attention.png are in {run}")


if __name__ == "__main__":
    run_script(main, Options)
