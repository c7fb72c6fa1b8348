"""Train every tagger of this folder, and four classical ones, on the same sentences, and print one table.

    python pos_tagging/compare.py                  # about 15 minutes on 2 cores
    python pos_tagging/compare.py --epochs 3       # a quick look: fewer epochs for all networks

- *most frequent tag*, *perceptron*, *CRF*: the classical taggers of baselines.py; *trigram HMM*: that of hmm.py.
- *encoder-decoder*: the book's three variants, which see the sentence only as one vector (encoder_decoder.py).
- *attention*: the same with a decoder that looks back at the words; `attention.png` shows where it looks.
- *words only*: one tag a step, from the words alone, with the book's GRU.
- *default*: the model of train.py.

All learn from the training part. The networks are trained for the same number of epochs, and the last one counts.
Unseen words are those that occur nowhere before the test part. Compare the first column, real words only, with the
one where everything is padded to 250 steps. The last column says by how much the token accuracy of *default* is higher,
with the 95 % interval (bootstrap over the sentences). The metrics, the figure and all settings are in the run folder.
"""

import time
from dataclasses import dataclass, replace

from common.cli import Count, run_script, start_tensorflow
from common.data import load_tagged_sentences, split_sentences
from common.runs import RunOptions, start_run
from common.saving import write_json
from common.tables import print_table
from pos_tagging.eval import HEADER, difference, measure
from pos_tagging.features import encode_sentences, encode_words, make_vocabularies
from pos_tagging.train import PRESETS, fit

ONE_LAYER = replace(PRESETS["default"], cell="gru", bidirectional=False, layers=1)
WORDS = replace(ONE_LAYER, spelling=False, letters=False, feature_dropout=0.0, rare_word_dropout=0.0)
NETWORKS = {  # name -> what is built, and with which settings
    "encoder-decoder, GRU": ("encoder-decoder", WORDS),
    "encoder-decoder, LSTM": ("encoder-decoder", replace(WORDS, cell="lstm")),
    "encoder-decoder, both ways": ("encoder-decoder", replace(WORDS, cell="lstm", bidirectional=True)),
    "attention, both ways": ("attention", replace(WORDS, bidirectional=True)),
    "words only, GRU": ("tagger", WORDS),
    "default": ("tagger", PRESETS["default"]),
}


@dataclass(frozen=True)
class Options(RunOptions):
    epochs: Count | None = None  # of every network; by default as many as train.py's


def main(options: Options) -> None:
    sentences, corpus = load_tagged_sentences(options.data)
    training, validation, test = split_sentences(sentences)
    words = [[word for word, _ in sentence] for sentence in test]
    known_words = {word for sentence in training + validation for word, _ in sentence}
    start_tensorflow(options)
    import keras

    from common.batches import bucketed_batches
    from pos_tagging import baselines
    from pos_tagging.encoder_decoder import attention_weights, build_attention, build_encoder_decoder
    from pos_tagging.figures import draw_attention
    from pos_tagging.hmm import trigram_hmm
    from pos_tagging.model import build_model, compile_model
    from pos_tagging.tagger import tag_sentences

    builders = {"encoder-decoder": build_encoder_decoder, "attention": build_attention, "tagger": build_model}
    run = start_run("compare_taggers", options, corpus)
    table, tags = {}, {}
    for name, tagger in (
        ("most frequent tag", baselines.most_frequent_tag),
        ("trigram HMM", trigram_hmm),
        ("NLTK's perceptron", baselines.perceptron),
        ("CRF", baselines.crf),
    ):
        print(f"training: {name}", flush=True)
        started = time.perf_counter()
        tags[name] = tagger(training, words)
        table[name] = {**measure(test, tags[name], known_words), "seconds": time.perf_counter() - started}

    for name, (kind, hyperparameters) in NETWORKS.items():
        print(f"training: {name}", flush=True)
        hyperparameters = replace(hyperparameters, epochs=options.epochs or hyperparameters.epochs)
        vocabularies = make_vocabularies(training, hyperparameters)
        started = time.perf_counter()
        keras.utils.set_random_seed(options.seed)
        encoded = encode_sentences(training, vocabularies)
        batches = bucketed_batches(*encoded, hyperparameters.batch_size, options.seed)
        model = builders[kind](hyperparameters, vocabularies)
        compile_model(model, hyperparameters, hyperparameters.epochs * len(batches))
        fit(model, hyperparameters, batches)
        seconds = time.perf_counter() - started
        tags[name] = [[tag for tag, _ in row] for row in tag_sentences(model, vocabularies, words)]
        table[name] = {**measure(test, tags[name], known_words), "seconds": seconds}
        if kind == "attention":
            shown = min(range(len(words)), key=lambda place: abs(len(words[place]) - 20))  # one of about 20 words
            (weights,) = attention_weights(model, encode_words(words[shown], vocabularies)[None])
            draw_attention(words[shown], tags[name][shown], weights, run / "attention.png")

    print()
    above = {name: difference(test, tags["default"], tags[name]) for name in tags if name != "default"}
    print_table(
        (*HEADER, "seconds", "default - this row (95 % interval)"),
        [(name, *metrics.values(), above.get(name, "")) for name, metrics in table.items()],
    )
    for name in above:
        table[name]["difference_to_default"] = above[name]._asdict()
    write_json(run / "metrics.json", {"corpus": corpus, "seed": options.seed, "taggers": table})
    print(f"\nmetrics.json and attention.png are in {run}")


if __name__ == "__main__":
    run_script(main, Options)
