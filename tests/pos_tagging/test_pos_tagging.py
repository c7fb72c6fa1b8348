import json
import subprocess
import sys
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from nltk.tokenize import NLTKWordTokenizer

from common import InputError
from common.ensemble import average
from common.metrics import masked_crossentropy
from common.padding import PADDED, pad
from common.runs import release_locks
from common.sample import tagged_sentences
from common.saving import load_model, save_model
from pos_tagging import compare, tag, train
from pos_tagging.baselines import _features, crf, most_frequent_tag, perceptron
from pos_tagging.encoder_decoder import AttentionDecoder, build_attention, build_encoder_decoder
from pos_tagging.eval import difference, measure, print_errors
from pos_tagging.features import encode_sentences, encode_words, features, make_vocabularies
from pos_tagging.model import (
    CharacterCNN,
    FeatureDropout,
    RareWordDropout,
    agreeing_crossentropy,
    build_model,
    compile_model,
)
from pos_tagging.tag import as_text
from pos_tagging.tagger import tag_lines, tag_sentences
from pos_tagging.train import Hyperparameters

TINY = Hyperparameters(
    **{"embedding_size": 5, "feature_size": 3, "hidden_size": 6, "letters": False},
    **{"feature_dropout": 0.0, "rare_word_dropout": 0.0, "dropout": 0.0},
)
SENTENCES = tagged_sentences(200)
WORDS = [[word for word, _ in sentence] for sentence in SENTENCES]
LINES = "\n".join(" ".join(f"{word}/{tag}" for word, tag in sentence) for sentence in SENTENCES[:60])
VOCABULARIES = make_vocabularies(SENTENCES, TINY)
WORDS_ONLY = replace(TINY, spelling=False)
VARIANTS = [
    (build_model, TINY),
    (build_model, replace(TINY, cell="gru")),
    (build_model, replace(TINY, cell="simple", bidirectional=False)),
    (build_model, replace(TINY, letters=True, filters=4, letter_size=3, rare_word_dropout=0.1)),
    (build_model, replace(TINY, layers=1)),
    (build_encoder_decoder, WORDS_ONLY),
    (build_encoder_decoder, replace(WORDS_ONLY, cell="gru", bidirectional=False)),
    (build_attention, WORDS_ONLY),
]


def model_of(hyperparameters, seed=1, build=build_model):
    model = build(hyperparameters, make_vocabularies(SENTENCES, hyperparameters))
    generator = np.random.default_rng(seed)
    model.set_weights([generator.normal(0, 0.7, weight.shape) for weight in model.get_weights()])
    return model


def softmax(logits):
    exponentials = np.exp(logits)
    return exponentials / exponentials.sum(-1, keepdims=True)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("Vinken", ("vinken", "n", "en", "ken", "nken", "v", "vi", "vin", "Xx")),
        ("10-year", ("10-year", "r", "ar", "ear", "year", "1", "10", "10-", "d-x")),
        ("U.S.", ("u.s.", ".", "s.", ".s.", "u.s.", "u", "u.", "u.s", "X.X.")),
        ("McDonald", ("mcdonald", "d", "ld", "ald", "nald", "m", "mc", "mcd", "XxXx")),
        ("a", ("a", "a", "a", "a", "a", "a", "a", "a", "x")),
    ],
)
def test_features_of_words(word, expected):
    assert features(word) == expected


def test_letters_of_long_words_are_the_first_and_the_last_eight():
    vocabularies = make_vocabularies([[("abcdefghijklmnopqrs", "NN"), ("ab", "NN")]], replace(TINY, letters=True))
    known = vocabularies["letters"].tokens
    long, short = encode_words(["abcdefghijklmnopqrs", "ab"], vocabularies)[:, 9:]
    assert "".join(known[index] for index in long) == "abcdefgh" + "lmnopqrs"
    assert [known[index] for index in short] == ["a", "b"] + [""] * 14


def test_rare_words_are_unknown_but_keep_their_ending():
    vocabularies = make_vocabularies([[("walking", "VBG"), ("talking", "VBG"), ("walking", "NN")]], TINY)
    ids = dict(zip(vocabularies, encode_words(["talking"], vocabularies)[0], strict=False))
    assert ids["word"] == ids["beginning 1"] == ids["beginning 3"] == 1  # t and tal stand there only once
    assert vocabularies["ending 4"].tokens[ids["ending 4"]] == "king"
    assert vocabularies["shape"].tokens[ids["shape"]] == "x"


def test_if_rare_words_are_unknown_now_and_then_they_are_in_the_vocabulary():
    vocabularies = make_vocabularies([[("walking", "VBG"), ("talking", "VBG")]], replace(TINY, rare_word_dropout=0.1))
    assert vocabularies["word"].tokens[2:] == ["walking", "talking"]
    assert vocabularies["ending 4"].tokens[2:] == ["king"] and vocabularies["beginning 1"].tokens[2:] == []


def test_without_spelling_a_word_is_only_itself():
    vocabularies = make_vocabularies(SENTENCES, replace(TINY, spelling=False))
    assert list(vocabularies) == ["word", "tags"]
    assert encode_words(["the", "The", "zzz"], vocabularies).tolist() == [
        [vocabularies["word"].tokens.index("the")],
        [vocabularies["word"].tokens.index("the")],
        [1],
    ]


@pytest.mark.parametrize(("build", "hyperparameters"), VARIANTS)
def test_padding_does_not_change_what_the_model_says(build, hyperparameters):
    model, vocabularies = model_of(hyperparameters, build=build), make_vocabularies(SENTENCES, hyperparameters)
    sentences = [encode_words(words, vocabularies) for words in WORDS[:5]]
    padded = model(pad(sentences)).numpy()
    for row, sentence in zip(padded, sentences, strict=True):
        assert np.allclose(row[: len(sentence)], model(sentence[None])[0], atol=1e-5)


def test_the_second_layer_adds_to_the_first():
    """With the weights of the second layer at zero, what the first one has found reaches the logits as it is."""
    model = model_of(TINY)
    first, second = (layer for layer in model.layers if isinstance(layer, keras.layers.Bidirectional))
    second.set_weights([np.zeros_like(weight) for weight in second.get_weights()])
    ids = encode_words(WORDS[0], VOCABULARIES)[None]
    found = keras.Model(model.input, first.output)(ids)
    assert np.allclose(model(ids), model.layers[-1](found), atol=1e-5)


@pytest.mark.parametrize(("build", "hyperparameters"), [VARIANTS[0], VARIANTS[3], *VARIANTS[6:]])
def test_loss_falls_in_a_few_steps(build, hyperparameters):
    keras.utils.set_random_seed(0)
    vocabularies = make_vocabularies(SENTENCES, hyperparameters)
    model = build(hyperparameters, vocabularies)
    model.compile(keras.optimizers.Adam(0.02), masked_crossentropy())
    inputs, targets = encode_sentences(SENTENCES[:8], vocabularies)
    losses = model.fit(pad(inputs), pad(targets, PADDED), batch_size=8, epochs=30, verbose=0).history["loss"]
    assert losses[-1] < 0.8 * losses[0]


def test_the_tagger_looks_at_words_on_both_sides():
    model = model_of(TINY)
    words = encode_words(["the", "old", "saw", "fell", "down"], VOCABULARIES)
    before, after = words.copy(), words.copy()
    before[0], after[-1] = words[2], words[2]
    middle = model(words[None]).numpy()[0, 2]
    assert not np.allclose(model(before[None])[0, 2], middle)
    assert not np.allclose(model(after[None])[0, 2], middle)


def test_metrics_by_hand():
    test = [[("The", "DT"), ("dog", "NN"), ("barks", "VBZ")], [("Go", "VB")]]
    metrics = measure(test, [["DT", "NN", "NNS"], ["VB"]], known_words={"The", "dog"})
    assert metrics["token_accuracy"] == 3 / 4
    assert metrics["unseen_word_accuracy"] == 1 / 2  # barks wrong, Go right
    assert metrics["sentence_accuracy"] == 1 / 2
    assert metrics["padded_accuracy"] == (250 - 1 + 250) / 500


def test_sentences_of_over_250_words_are_cut_in_the_classic_count_only():
    metrics = measure([[("a", "DT")] * 252], [["NN"] + ["DT"] * 251], known_words={"a"})
    assert metrics["padded_accuracy"] == 249 / 250
    assert metrics["token_accuracy"] == 251 / 252
    assert metrics["unseen_word_accuracy"] is None


def test_the_commonest_errors_come_first_each_with_its_first_sentence(capsys):
    words = list("abcdefghijklmno")
    test = [[(word, "DT") for word in words], [("saw", "NN"), ("it", "PRP")]]
    predicted = [["DT"] * 7 + ["NN", "DT", "NN"] + ["DT"] * 5, ["VB", "PRP"]]
    print_errors(test, predicted, most=5)
    *_, first, second = (line.split() for line in capsys.readouterr().out.strip().splitlines())
    assert first == ["DT", "NN", "2", *"bcdefg", "[h]", *"ijklm"]
    assert second == ["NN", "VB", "1", "[saw]", "it"]
    print_errors(test, predicted, most=1)
    assert "saw" not in capsys.readouterr().out


def test_tags_come_back_in_order_after_reloading(tmp_path):
    model = model_of(TINY)
    save_model(model, tmp_path / "model.keras", **VOCABULARIES)
    loaded, vocabularies = load_model(tmp_path / "model.keras")
    sentences = WORDS
    tagged = tag_sentences(loaded, vocabularies, sentences)
    assert [len(each) for each in tagged] == [len(each) for each in sentences]
    for words, found in list(zip(sentences, tagged, strict=True))[:10]:
        probabilities = softmax(model(encode_words(words, VOCABULARIES)[None]).numpy()[0])
        assert [tag for tag, _ in found] == [VOCABULARIES["tags"].tokens[index] for index in probabilities.argmax(-1)]
        assert [probability for _, probability in found] == pytest.approx(probabilities.max(-1), abs=1e-5)


def test_lines_keep_their_order_and_empty_ones_stay():
    lines = ["she can't fish.", "", "  ", "the saw"]
    tagged = list(tag_lines(lines, NLTKWordTokenizer().tokenize, model_of(TINY), VOCABULARIES, at_once=3))
    assert [words for _, words, _ in tagged] == [["she", "ca", "n't", "fish", "."], [], [], ["the", "saw"]]
    assert [line for line, _, _ in tagged] == lines
    assert [len(tags) for _, _, tags in tagged] == [5, 0, 0, 2]


def test_a_chunk_of_empty_lines_only_is_no_error():
    tagged = tag_lines(["", "", "the saw"], str.split, model_of(TINY), VOCABULARIES, at_once=2)
    assert [words for _, words, _ in tagged] == [[], [], ["the", "saw"]]


def test_tokenized_lines_are_split_at_spaces_only(tmp_path, capsys):
    save_model(model_of(TINY), tmp_path / "model.keras", **VOCABULARIES)
    for tokenized, words in ((True, ["she", "can't", "fish."]), (False, ["she", "ca", "n't", "fish", "."])):
        tag.main(tag.Options(("she can't fish.",), run=tmp_path, tokenized=tokenized, format="json"))
        assert json.loads(capsys.readouterr().out)["words"] == words


def test_a_very_long_line_is_tagged_like_a_short_one():
    model = model_of(replace(TINY, bidirectional=False))  # reads from the left: the beginning knows nothing of the end
    (_, _, short), (_, _, long) = tag_lines(["the saw fell", "the saw fell " * 3500], str.split, model, VOCABULARIES)
    assert len(long) == 10_500
    assert [tag for tag, _ in long[:3]] == [tag for tag, _ in short]


def test_the_formats_of_a_tagged_line():
    words, tagged = ["a", "b/c"], [("DT", 0.25), ("NN", 1.0)]
    assert as_text(words, tagged, "slash", False) == "a/DT b/c/NN"
    assert as_text(words, tagged, "tsv", False) == "a\tDT\nb/c\tNN\n"
    assert as_text(words, tagged, "tsv", True) == "a\tDT\t0.25\nb/c\tNN\t1.0\n"
    assert json.loads(as_text(words, tagged, "json", True)) == {
        "words": words, "tags": ["DT", "NN"], "probabilities": [0.25, 1.0]
    }  # fmt: skip
    assert as_text([], [], "slash", False) == as_text([], [], "tsv", True) == ""
    assert json.loads(as_text([], [], "json", False)) == {"words": [], "tags": []}


def test_the_average_is_of_probabilities():
    models = [model_of(TINY, seed) for seed in (1, 2, 3)]
    ids = encode_words(WORDS[0], VOCABULARIES)[None]
    expected = np.mean([softmax(model(ids).numpy()) for model in models], axis=0)
    assert np.allclose(np.exp(average(models)(ids)), expected, atol=1e-6)


def test_the_averaged_model_can_be_saved(tmp_path):
    model = average([model_of(TINY, seed) for seed in (1, 2)])
    save_model(model, tmp_path / "model.keras", **VOCABULARIES)
    loaded, vocabularies = load_model(tmp_path / "model.keras")
    ids = encode_words(WORDS[0], vocabularies)[None]
    assert np.allclose(loaded(ids), model(ids), atol=1e-6)


def test_attention_by_its_equations():
    generator = np.random.default_rng(0)
    encoded, lengths = generator.normal(size=(2, 5, 4)).astype("float32"), (5, 3)
    mask = np.arange(5) < np.array(lengths)[:, None]
    layer = AttentionDecoder(3)
    layer.build(encoded.shape)
    layer.set_weights([generator.normal(size=weight.shape) for weight in layer.get_weights()])
    states, weights = layer(encoded, mask)

    (w,), (u, b), (v,) = (dense.get_weights() for dense in (layer.of_state, layer.of_word, layer.score))
    first, first_bias = layer.first_state.get_weights()
    kernel, recurrent, (bias_in, bias_state) = layer.cell.get_weights()
    for row, length in enumerate(lengths):
        h = encoded[row, :length]
        s = np.tanh(encoded[row, 0] @ first + first_bias)
        for t in range(5):
            score = np.tanh(s @ w + h @ u + b) @ v[:, 0]
            a = np.exp(score) / np.exp(score).sum()
            x_z, x_r, x_n = np.split((a @ h) @ kernel + bias_in, 3)
            s_z, s_r, s_n = np.split(s @ recurrent + bias_state, 3)
            z, r = 1 / (1 + np.exp(-x_z - s_z)), 1 / (1 + np.exp(-x_r - s_r))
            s = z * s + (1 - z) * np.tanh(x_n + r * s_n)
            assert np.allclose(weights[row, t, :length], a, atol=1e-5)
            assert np.all(weights[row, t, length:].numpy() == 0)
            assert np.allclose(states[row, t], s, atol=1e-5)


def test_an_ensemble_is_loaded_where_nothing_else_has_imported_its_layers(tmp_path):
    letters = replace(TINY, letters=True, feature_dropout=0.2)
    models = [model_of(letters, seed) for seed in (1, 2)]
    save_model(average(models), tmp_path / "model.keras", **make_vocabularies(SENTENCES, letters))
    code = "import sys; from pos_tagging.tag import main, Options; from pathlib import Path; "
    code += "main(Options(('the saw',), run=Path(sys.argv[1])))"
    process = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    assert [token.split("/")[0] for token in process.stdout.split()] == ["the", "saw"]


def test_the_character_cnn_by_hand():
    generator = np.random.default_rng(0)
    layer = CharacterCNN(6, 2, 3)
    layer.build((None, None, 4))
    layer.set_weights([generator.normal(size=weight.shape) for weight in layer.get_weights()])
    table, kernel, bias = layer.get_weights()
    ids = generator.integers(0, 6, (2, 5, 4))
    found = layer(ids).numpy()
    for row, place in np.ndindex(2, 5):
        letters = np.vstack([np.zeros(2), table[ids[row, place]], np.zeros(2)])
        matches = [letters[start : start + 3].reshape(-1) @ kernel + bias for start in range(4)]
        assert np.allclose(found[row, place], np.tanh(np.max(matches, axis=0)), atol=1e-6)


def test_features_are_dropped_as_a_whole_in_training_only():
    keras.utils.set_random_seed(0)
    ones = [np.ones((50, 20, size), "float32") for size in (3, 5)]
    layer = FeatureDropout(0.3)
    assert np.array_equal(layer(ones), np.ones((50, 20, 8)))
    dropped = layer(ones, training=True).numpy()
    for feature in (dropped[:, :, :3], dropped[:, :, 3:]):
        assert np.all(feature == feature[:, :, :1])
        assert np.allclose(np.unique(feature), [0, 1 / 0.7])
        assert np.mean(feature == 0) == pytest.approx(0.3, abs=0.06)
    assert np.any(dropped[:, :, 0] != dropped[:, :, 3])


def test_rare_words_are_made_unknown_in_training_only():
    keras.utils.set_random_seed(0)
    ids = np.tile([0, 1, 2, 3, 4], (4000, 1))
    layer = RareWordDropout(0.6, [0, 0, 20, 2, 1])
    assert np.array_equal(layer(ids), ids)
    unknown = layer(ids, training=True).numpy()
    assert set(np.unique(unknown[:, 4])) == {1, 4}
    assert np.mean(unknown[:, 2:] == 1, axis=0) == pytest.approx([0.03, 0.3, 0.6], abs=0.03)


@pytest.mark.parametrize(
    ("layer", "settings"),
    [
        (CharacterCNN(6, 2, 3), {"vocabulary_size": 6, "letter_size": 2, "filters": 3}),
        (FeatureDropout(0.3), {"rate": 0.3}),
        (RareWordDropout(0.3, [0, 0, 7]), {"rate": 0.3, "counts": [0, 0, 7]}),
        (AttentionDecoder(4), {"hidden_size": 4}),
    ],
)
def test_layers_come_back_from_their_configuration(layer, settings):
    again = type(layer).from_config(layer.get_config())
    for config in (layer.get_config(), again.get_config()):
        assert {name: config[name] for name in settings} == settings


def passes():
    """Logits of two passes (2 * 3, 4, 5) over sentences of 4, 2 and 1 words, and their targets (2 * 3, 4)."""
    generator = np.random.default_rng(0)
    targets = pad([generator.integers(0, 5, length) for length in (4, 2, 1)], PADDED)
    return np.concatenate([targets, targets]), generator.normal(size=(6, 4, 5)).astype("float32")


def test_the_agreement_is_the_mean_divergence_of_the_two_passes_over_real_words():
    targets, logits = passes()
    costs, divergences = [], []
    for row, length in enumerate((4, 2, 1)):
        for place in range(length):
            p, q = softmax(logits[row, place]), softmax(logits[row + 3, place])  # the same word, read twice
            divergences += [np.sum(p * np.log(p / q)), np.sum(q * np.log(q / p))]
            costs += [-np.log(each[targets[row, place]]) for each in (p, q)]
    expected = np.mean(costs) + 0.3 * np.mean(divergences)
    assert float(agreeing_crossentropy(0.3)(targets, logits)) == pytest.approx(expected, rel=1e-5)
    logits[targets == PADDED] = np.random.default_rng(1).normal(0, 9, (10, 5))  # whatever is said of padding
    assert float(agreeing_crossentropy(0.3)(targets, logits)) == pytest.approx(expected, rel=1e-5)


def test_passes_that_agree_cost_no_more_than_without_agreement():
    targets, logits = passes()
    logits[3:] = logits[:3]
    assert float(agreeing_crossentropy(5.0)(targets, logits)) == pytest.approx(
        float(masked_crossentropy()(targets[:3], logits[:3])), rel=1e-5
    )
    nothing = np.full((2, 3), PADDED)
    assert float(agreeing_crossentropy(5.0)(nothing, np.ones((2, 3, 5), "float32"))) == 0  # a worker's padding


def one_batch(sentences):
    inputs, targets = encode_sentences(sentences, VOCABULARIES)
    return tf.data.Dataset.from_tensors((pad(inputs), pad(targets, PADDED)))


def test_a_batch_holds_every_sentence_twice_in_the_same_order():
    ((inputs, targets),) = one_batch(SENTENCES[:3]).as_numpy_iterator()
    ((all_inputs, all_targets),) = train.twice(one_batch(SENTENCES[:3])).as_numpy_iterator()
    for part, both in ((inputs, all_inputs), (targets, all_targets)):
        assert np.array_equal(both, np.concatenate([part, part]))


def test_without_dropout_the_loss_of_training_and_validation_is_the_cross_entropy():
    """Three sentences to learn from and five for validation: neither number can be halved."""
    settings = replace(TINY, layers=1, cell="simple", agreement=0.5, epochs=1, learning_rate=1e-12)
    model, parts = model_of(settings), (one_batch(SENTENCES[:3]), one_batch(SENTENCES[3:8]))
    compile_model(model, settings, steps=1)
    train.fit(model, settings, *parts)
    found = [model.history.history[name][0] for name in ("loss", "val_loss")]
    expected = [float(masked_crossentropy()(targets, model(inputs))) for ((inputs, targets),) in parts]
    assert found == pytest.approx(expected, rel=1e-5)


def test_without_agreement_each_sentence_is_read_once_and_the_loss_is_the_cross_entropy(monkeypatch):
    settings, seen = replace(TINY, agreement=0.0), []
    monkeypatch.setattr(
        keras.Model, "fit", lambda model, batches, validation_data, **_: seen.extend([batches, validation_data])
    )
    model, parts = model_of(settings), [one_batch(SENTENCES[:3]), one_batch(SENTENCES[3:8])]
    compile_model(model, settings, steps=1)
    train.fit(model, settings, *parts)
    assert all(given is part for given, part in zip(seen, parts, strict=True))
    assert model.loss.get_config() == masked_crossentropy().get_config()


@pytest.mark.parametrize("validate", [True, False])
def test_validation_sentences_are_learned_from_only_if_none_are_set_aside(tmp_path, validate):
    lines = LINES.splitlines()
    lines[45] = "zyzzyva/NN zyzzyva/NN"  # of 60 sentences the 6 before the last 12 are the validation part
    (tmp_path / "tagged.txt").write_text("\n".join(lines))
    options = replace(TINY, data=str(tmp_path / "tagged.txt"), runs=tmp_path, name="x", epochs=1, validate=validate)
    train.main(options)
    run = tmp_path / "pos_tagging" / "x"
    assert ("zyzzyva" in load_model(run / "model.keras")[1]["word"]) != validate
    assert ("val_masked_accuracy" in (run / "history.csv").read_text()) == validate


def test_an_ensemble_averages_its_members_once_however_often_it_is_resumed(tmp_path, monkeypatch):
    (tmp_path / "tagged.txt").write_text(LINES)
    options = replace(TINY, data=str(tmp_path / "tagged.txt"), runs=tmp_path, name="x", epochs=1, ensemble_size=2)

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("pos_tagging.eval.evaluate", interrupted)
        with pytest.raises(KeyboardInterrupt):  # after the average has been written
            train.main(options)
    release_locks()
    train.main(replace(options, resume=True))
    run = tmp_path / "pos_tagging" / "x"
    (model, vocabularies), *members = (load_model(run / f"{name}.keras") for name in ("model", "member-1", "member-2"))
    ids = encode_words(WORDS[0], vocabularies)[None]
    first, second = (softmax(member(ids).numpy()) for member, _ in members)
    assert not np.allclose(first, second, atol=1e-3)
    assert np.allclose(softmax(model(ids).numpy()), (first + second) / 2, atol=1e-6)
    assert len((run / "history.csv").read_text().splitlines()) == 2


def test_a_corpus_whose_validation_tags_are_all_unknown_is_refused(tmp_path):
    lines = LINES.splitlines()
    lines[42:48] = ["zyzzyva/XX"] * 6
    (tmp_path / "tagged.txt").write_text("\n".join(lines))
    with pytest.raises(InputError, match="validation"):
        train.main(replace(TINY, data=str(tmp_path / "tagged.txt"), runs=tmp_path))


def test_all_taggers_are_compared_in_one_table(tmp_path, monkeypatch, capsys):
    small = {
        "encoder-decoder": ("encoder-decoder", WORDS_ONLY),
        "attention": ("attention", WORDS_ONLY),
        "default": ("tagger", TINY),
    }
    monkeypatch.setattr(compare, "NETWORKS", small)
    (tmp_path / "tagged.txt").write_text(LINES)
    compare.main(compare.Options(data=str(tmp_path / "tagged.txt"), runs=tmp_path, name="x", epochs=1))
    run = tmp_path / "compare_taggers" / "x"
    taggers = json.loads((run / "metrics.json").read_text())["taggers"]
    assert list(taggers) == ["most frequent tag", "trigram HMM", "NLTK's perceptron", "CRF", *small]
    printed = capsys.readouterr().out
    assert all(f"{metrics['token_accuracy']:.4f}" in printed for metrics in taggers.values())
    best = taggers.pop("default")["token_accuracy"]
    for metrics in taggers.values():
        value, low, high = metrics["difference_to_default"].values()
        assert value == pytest.approx(best - metrics["token_accuracy"])
        assert low < value < high and f"{value:+.4f} ({low:+.4f} to {high:+.4f})\n" in printed
    assert (run / "attention.png").stat().st_size > 5_000


def test_the_difference_of_two_taggers_draws_whole_sentences():
    """One sentence of 1 word and one of 3, each right by one tagger only. Four draws are as likely: both the first,
    (2 - 0) / 2; one of each, twice, (1 - 3) / 4; both the second, (0 - 6) / 6."""
    test = [[("saw", "NN")], [("she", "PRP"), ("saw", "VBD"), ("it", "PRP")]]
    first, second = [["NN"], ["NN", "NN", "NN"]], [["VBD"], ["PRP", "VBD", "PRP"]]
    assert difference(test, first, second) == pytest.approx((-1 / 2, -1, 1))


def test_the_commonest_tag_by_hand():
    training = [[("saw", "NN"), ("saw", "VBD"), ("saw", "NN"), ("she", "PRP")], [("it", "PRP"), ("I", "PRP")]]
    assert most_frequent_tag(training, [["she", "saw", "him"], []]) == [["PRP", "NN", "PRP"], []]


def test_the_crf_sees_a_word_its_spelling_and_two_words_on_each_side():
    first, *_, last = _features(["The", "Big", "12", "Carmakers"])
    assert set(last) == {
        *("bias", "word=Carmakers", "shape=Xxxxxxxxx", "short=Xx"),
        *("suffix=s", "suffix=rs", "suffix=ers", "suffix=kers", "prefix=c", "prefix=ca", "prefix=car"),
        *(
            "-2=big",
            "-1=12",
            "0=carmakers",
            "1=>",
            "2=>",
            "-1suffix=12",
            "1suffix=>",
            "-1,0=12,carmakers",
            "0,1=carmakers,>",
        ),
    }
    assert {"-2=<", "-1=<", "1=big", "2=12", "-1suffix=<", "1suffix=big", "-1,0=<,the", "0,1=the,big"} < set(first)
    assert len(first) == len(last) == 20


@pytest.mark.parametrize("tagger", [perceptron, crf])
def test_the_classical_taggers_learn_and_repeat_themselves(tagger):
    tags = tagger(SENTENCES[:150], WORDS[150:])
    assert tags == tagger(SENTENCES[:150], WORDS[150:])
    alone = measure(SENTENCES[150:], most_frequent_tag(SENTENCES[:150], WORDS[150:]), set())["token_accuracy"]
    assert measure(SENTENCES[150:], tags, set())["token_accuracy"] > max(0.8, alone)
