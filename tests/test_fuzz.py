"""Bad input of every kind, made up by hypothesis: a result or one clear line, never a traceback or a half-written file.

`make test` tries a few hundred inputs, `make fuzz` (the variable FUZZ is the number for each test) over ten thousand.
"""

import io
import json
import os
import zipfile

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import chargen.elman
import chargen.eval
import chargen.generate
import chargen.model
import chargen.train
import chargen.writer
import pos_tagging.eval
import pos_tagging.features
import pos_tagging.model
import pos_tagging.tag
import pos_tagging.tagger
import pos_tagging.train
import sentiment.classify
import sentiment.eval
import sentiment.model
import sentiment.subwords
import sentiment.train
import toy_sequence.eval
import toy_sequence.train
from common import InputError, cli, data, plots, runs, sample, saving, tables
from common.prediction import predict_in_batches
from common.vocabulary import Vocabulary, character_ids

SMALL_TAGGER = pos_tagging.train.Hyperparameters(hidden_size=3, embedding_size=2, minimum_count=1)
EXAMPLES = int(os.environ.get("FUZZ", "40"))
fuzz = settings(
    max_examples=EXAMPLES,
    deadline=30_000,  # milliseconds; the first input compiles a model
    suppress_health_check=list(HealthCheck),
    derandomize="FUZZ" not in os.environ,
    database=None,
)


@pytest.fixture(scope="module", autouse=True)
def count():
    tried = {"result": 0, "refused": 0}
    yield tried
    print(f"\n{sum(tried.values())} inputs: {tried['result']} gave a result, {tried['refused']} were refused")


@pytest.fixture(scope="module")
def outcome(count):
    """Calls a function: its result, or None after an InputError, whose message must say something."""

    def outcome(function, *arguments):
        try:
            result = function(*arguments)
        except InputError as error:
            assert len(str(error).split()) > 3, repr(error)
            count["refused"] += 1
            return None
        count["result"] += 1
        return result

    return outcome


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


def damaged(valid: bytes):
    """Valid content with a piece cut out, doubled or replaced."""

    def damage(first, second, piece):
        first, second = sorted((first % (len(valid) + 1), second % (len(valid) + 1)))
        return st.sampled_from(
            [valid[:first], valid[:first] + piece + valid[first:], valid[:first] + piece + valid[second:]]
        )

    places = st.integers(0, 1 << 20)
    return st.builds(damage, places, places, st.binary(max_size=20)).flatmap(lambda made: made)


# Texts full of what such files are made of, so that a good part of them gets far.
odd = st.sampled_from(["\t", "\n", "\r\n", " ", "0", "1", "/", "(", ")", "\ufeff", "\x00", "\x85", "\u2028", "é", "楽"])
texts = st.lists(st.one_of(odd, st.text(max_size=5)), max_size=60).map("".join)
files = st.one_of(
    st.binary(max_size=200),
    texts.map(lambda text: text.encode("utf-8", "surrogatepass")),
    texts.map(lambda text: text.encode("utf-16-le", "surrogatepass")),
    st.builds(lambda character, count: character.encode() * count, st.sampled_from("a é"), st.integers(1, 99)),
)


# Corpora


@fuzz
@given(content=st.one_of(files, damaged(sample.story(20).encode())), size=st.integers(1, 100))
def test_texts(outcome, content, size):
    pieces = outcome(lambda: list(data.clean_pieces(io.BytesIO(content), "file", size)))
    if pieces:
        ids, vocabulary = character_ids(lambda: pieces)
        assert "".join(vocabulary.decode(ids)) == "".join(pieces)
        assert not {"\n", "\0"} & set(vocabulary.tokens)


@fuzz
@given(content=st.one_of(files, damaged(sample.story(20).encode())))
def test_texts_to_learn_from(outcome, folder, content):
    (folder / "text.txt").write_bytes(content)
    loaded = outcome(data.load_text, str(folder / "text.txt"))
    assert loaded is None or len(loaded[1]) > 1  # with one character only there is nothing to predict


@fuzz
@given(content=st.one_of(files, damaged(sample.opinions(20).encode())))
def test_files_of_opinions(outcome, folder, content):
    (folder / "opinions.txt").write_bytes(content)
    loaded = outcome(data.load_opinions, str(folder / "opinions.txt"))
    if loaded:
        rows = data.deduplicate(loaded[0])
        assert all(label in (0, 1) and data.normalise(sentence) for label, sentence in rows)
        outcome(data.folds, [label for label, _ in rows])


@fuzz
@given(content=st.one_of(files, damaged(sample.tagged_lines(20).encode())))
def test_files_of_tagged_lines(outcome, folder, content):
    (folder / "tagged.txt").write_bytes(content)
    loaded = outcome(data.load_tagged_sentences, str(folder / "tagged.txt"))
    if loaded:
        assert all(word and tag for sentence in loaded[0] for word, tag in sentence)
        outcome(data.split_sentences, loaded[0])
        vocabularies = pos_tagging.features.make_vocabularies(loaded[0], SMALL_TAGGER)
        for sentence in loaded[0]:
            ids = pos_tagging.features.encode_words([word for word, _ in sentence], vocabularies)
            assert ids[:, : -pos_tagging.features.LETTERS].all()


TREES = b"( (S (NP (PRP It)) (VP (VBZ rains)) (. .)) )\n( (S (DT The) (NN dog)) )\n"
brackets = st.lists(st.sampled_from(["(", ")", " ", "S", "(NN dog)", "\n", "( ", "-NONE-"]), max_size=80).map("".join)


def treebank(trees: bytes, name="treebank/combined/wsj_0001.mrg") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, trees)
    return file.getvalue()


@fuzz
@given(
    content=st.one_of(
        st.one_of(files, brackets.map(str.encode), damaged(TREES)).map(treebank),
        st.integers(1, 3000).map(lambda depth: treebank(b"(S " * depth + b"(NN dog)" + b")" * depth)),
        damaged(treebank(TREES)),
    )
)
def test_treebanks(outcome, folder, content):
    (folder / "treebank.zip").write_bytes(content)
    loaded = outcome(data.load_tagged_sentences, str(folder / "treebank.zip"))
    if loaded:
        assert all(sentence for sentence in loaded[0])


def test_a_treebank_with_members_outside_its_folder_is_read_in_memory_only(folder):
    (folder / "treebank.zip").write_bytes(treebank(TREES, "../../wsj_0001.mrg"))
    with pytest.raises(InputError, match=r"no treebank/combined"):
        data.load_tagged_sentences(str(folder / "treebank.zip"))
    assert not (folder.parent.parent / "wsj_0001.mrg").exists()


# Prompts and sentences


@pytest.fixture(scope="module")
def writer():
    vocabulary = Vocabulary.of_characters("abc ('")
    hyperparameters = chargen.train.Hyperparameters(hidden_size=3, embedding_size=2, batch_size=1)
    return chargen.writer.Writer(chargen.model.build_model(hyperparameters, len(vocabulary)), vocabulary)


@fuzz
@given(
    prompts=st.lists(st.one_of(st.text("abc ('", max_size=9), texts, st.text(max_size=5)), max_size=2),
    temperature=st.floats(min_value=0, max_value=1e38, exclude_min=True),
)
def test_prompts(outcome, writer, prompts, temperature):
    pieces = outcome(writer.pieces, [prompt.lower() for prompt in prompts], 2, temperature)
    if pieces is not None:
        (written,) = pieces
        assert [len(text) for text in written] == [2] * len(prompts)


@fuzz
@given(
    limits=st.sampled_from([{"temperature": 1e-38}, {"temperature": 1e-300}, {"top_p": 1e-50}, {"top_p": 5e-324}]),
    seed=st.integers(0, 2**31 - 1),
)
def test_the_least_temperature_and_share_are_greedy(outcome, writer, limits, seed):
    assert outcome(lambda: writer.write("abc", 9, seed=seed, **limits)) == writer.write("abc", 9, greedy=True)


@pytest.fixture(scope="module")
def taggers():
    sentences = sample.tagged_sentences(20)
    vocabularies = pos_tagging.features.make_vocabularies(sentences, SMALL_TAGGER)
    model = pos_tagging.model.build_model(SMALL_TAGGER, vocabularies)
    small = sentiment.train.Hyperparameters(hidden_size=3, embedding_size=2)
    subwords = sentiment.subwords.make_vocabulary(["a good film", "a bad film"], small)
    return model, vocabularies, sentiment.model.build_model(small, len(subwords)), subwords


@fuzz
@given(content=files)
def test_lines_of_standard_input(outcome, taggers, content):
    tagger, vocabularies, classifier, subwords = taggers
    lines = outcome(lambda: list(data.read_lines(io.BytesIO(content), "standard input")))
    if lines is not None:
        tagged = list(pos_tagging.tagger.tag_lines(lines, str.split, tagger, vocabularies, 100))
        assert len(tagged) == len(lines)
        assert all(len(words) == len(tags) for _, words, tags in tagged)
        ids = [sentiment.subwords.make_encoder(subwords)(line) for line in lines if data.normalise(line)]
        logits = predict_in_batches(classifier.predict_on_batch, ids)
        assert all(np.isfinite(row).all() for row in logits)


# Saved models


@pytest.fixture(scope="module")
def saved(folder):
    model = keras.Sequential([keras.Input((None,), dtype="int32"), keras.layers.Embedding(3, 2), keras.layers.GRU(2)])
    saving.save_model(model, folder / "saved.keras", words=Vocabulary(["", "[UNK]", "a"]))
    return (folder / "saved.keras").read_bytes()


@settings(fuzz, max_examples=max(10, EXAMPLES // 5))
@given(data=st.data())
def test_damaged_models(outcome, folder, saved, data):
    (folder / "model.keras").write_bytes(data.draw(damaged(saved)))
    outcome(saving.load_model, folder / "model.keras")


# Run folders

json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
)
METRICS = {"metric": "x", "x": 1, "baseline": {"name": "y", "value": 1}, "model": "z", "training_seconds": 1}
METRICS |= {"corpus": {"name": "text", "sha256": "0"}}
damaged_metrics = st.one_of(
    json_values,
    st.builds(lambda key, value: METRICS | {key: value}, st.sampled_from(sorted(METRICS)), json_values),
    st.sampled_from(sorted(METRICS)).map(lambda key: {name: METRICS[name] for name in METRICS if name != key}),
)


@fuzz
@given(content=st.one_of(damaged_metrics.map(lambda value: json.dumps(value).encode()), files))
def test_damaged_metrics(outcome, folder, content):
    run = folder / "damaged" / "chargen" / "latest"
    run.mkdir(parents=True, exist_ok=True)
    (run / "hyperparameters.json").write_text('{"seed": 0}')
    (run / "metrics.json").write_bytes(content)
    opened = outcome(runs.open_run, run)
    if opened:
        outcome(runs.check_corpus, opened[1], {"name": "text", "sha256": "0"})
    outcome(tables.main, tables.Options(folder / "damaged"))


HISTORY = b"epoch,loss,val_loss\r\n0,2.0,2.1\r\n1,1.5,1.9\r\n"


@settings(fuzz, max_examples=max(10, EXAMPLES // 10))  # each draws a figure
@given(content=st.one_of(files, damaged(HISTORY)))
def test_damaged_histories(outcome, folder, content):
    (folder / "history.csv").write_bytes(content)
    outcome(plots.learning_curves, folder, ["loss"])


# Flags

OPTIONS = [
    *((module.Hyperparameters, None) for module in (sentiment.train, pos_tagging.train, toy_sequence.train)),
    (chargen.train.Hyperparameters, chargen.train.PRESETS),
    (chargen.elman.Hyperparameters, None),
    *((module.Options, None) for module in (chargen.eval, sentiment.eval, pos_tagging.eval, toy_sequence.eval)),
    *((module.Options, None) for module in (chargen.generate, sentiment.classify, pos_tagging.tag)),
]
NAMES = ["run", "runs", "data", "name", "seed", "resume", "epochs", "hidden-size", "learning-rate", "dropout", "cell"]
NAMES += ["preset", "prompt", "length", "temperature", "top-k", "top-p", "greedy", "file", "save-every", "batch-size"]
values = st.one_of(
    st.sampled_from(
        ["", "0", "1", "-1", "0.5", "1e400", "nan", "inf", "lstm", "book", "True", "None", "..", "--", "-h"]
    ),
    st.sampled_from(["latest", "a/b", "9" * 30, "1_0", "٣", "\udce9", "%s", "{}", "é"]),
    st.integers().map(str),
    st.floats().map(str),
    st.text(max_size=8),
)
flags = st.lists(st.one_of(st.sampled_from(NAMES).map("--{}".format), values), max_size=6)


@fuzz
@given(which=st.sampled_from(OPTIONS), arguments=flags)
def test_flags(outcome, which, arguments):
    options, presets = which
    if not {"-h", "--help"} & set(arguments):
        parsed = outcome(lambda: cli.parse_flags(options, arguments, presets=presets))
        assert parsed is None or isinstance(parsed, options)


LIMITS = {"learning_rate": 1000, "ngram_learning_rate": 1000, "hidden_size": 10_000, "embedding_size": 10_000}
LIMITS |= {"dropout": 1, "input_dropout": 1, "word_dropout": 1, "seed": 2**31, "epochs": 2**31}
NUMBERS = [(*each, name) for each in OPTIONS for name in sorted(LIMITS.keys() & each[0].__dataclass_fields__.keys())]


@fuzz
@given(which=st.sampled_from(NUMBERS), value=st.one_of(st.floats(), st.integers(1, 10**9), st.integers()))
def test_numbers_that_no_training_survives(outcome, which, value):
    """What is accepted can be done: no layer fills the memory, no step of training is infinite, no share is above 1."""
    options, presets, name = which
    parsed = outcome(cli.parse_flags, options, [f"--{name.replace('_', '-')}={value}"], "", presets)
    assert parsed is None or 0 <= getattr(parsed, name) <= LIMITS[name]


@fuzz
@given(name=st.one_of(st.text(max_size=20), st.sampled_from(["..", ".", "a/b", "/", "latest", "x" * 300, "\udce9"])))
def test_names_of_runs(outcome, folder, name):
    """A folder, a refusal, or what the system says of the name, which `run_script` prints in one line."""
    before = set(folder.iterdir())
    if "\0" not in name:  # no program can be given one
        try:
            cli.parse_flags(runs.RunOptions, ["--name", name])
            run = outcome(runs.start_run, "task", runs.RunOptions(name=name, runs=folder / "runs"))
            assert run is None or run.parent == folder / "runs" / "task"
        except (InputError, OSError):
            pass
    assert set(folder.iterdir()) - before <= {folder / "runs"}
