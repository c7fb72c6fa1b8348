"""Exported models: each answers, where this project cannot be imported, as the Keras model does here."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import chargen.serving
import pos_tagging.serving
import sentiment.serving
from chargen.writer import Writer
from common import InputError, fast_rnn
from common.ensemble import average
from common.export import Exportable, export, load_with_keras_layers
from common.padding import pad
from common.saving import load_model, save_model
from pos_tagging.features import encode_words
from pos_tagging.tagger import tag_sentences
from sentiment.classify import make_answers
from sentiment.subwords import make_encoder

TASKS = ("chargen", "pos_tagging", "sentiment", "toy_sequence")
NOISE = np.random.default_rng(0).random((3, 40), dtype="float32")
PROMPTS = ["Mira was ", "the lighthouse", "a"]
SENTENCES = [
    "The dog barks .",
    "I loved this McDonald-like film in 1999!",
    "hahahaha 楽しい本 ½² İSTANBUL ΣΑΣ ǅ\u3000naïve\u2009e\u0301",
    "Donaudampfschifffahrtsgesellschaft " + "long" * 40 + " ab_c--d",
]
INPUTS = {
    "chargen": {"prompt": PROMPTS, "length": 60, "temperature": 0.7, "seed": 3},
    "pos_tagging": {"sentence": [*SENTENCES, "", " "]},
    "sentiment": {"sentence": [*SENTENCES, "", "..."]},
    "toy_sequence": {"noise": NOISE.tolist()},
}

# Reads {folder: inputs}; runs the example of each README.txt, and answers with what the model gives.
WITHOUT_PROJECT = """
import json, os, sys
for package in ("common", "chargen", "pos_tagging", "sentiment", "toy_sequence"):
    sys.modules[package] = None  # importing it is an error
answers, printed = {}, sys.stdout
sys.stdout = sys.stderr
for folder, inputs in json.load(sys.stdin).items():
    os.chdir(folder)
    lines = open("README.txt", encoding="utf-8").read().split("\\n    ", 1)[1].replace("\\n    ", "\\n")
    example = {}
    exec(lines[lines.index("import"):], example)
    if "read" in example:  # characters, one after another
        states, answers[folder] = {key: 0 * state for key, state in example["states"].items()}, []
        for character in inputs:
            logits, states = example["read"](character, states)
            answers[folder].append(logits.tolist())
    elif "network" in example:
        kinds = {name: kind for name, (_, kind) in example["about"]["inputs"].items()}
        calls = [{name: example["np"].array(inputs[name], kinds[name]) for name in kinds} for inputs in inputs]
        called = [example["network"](**call) for call in calls]
        answers[folder] = [{name: array.tolist() for name, array in answer.items()} for answer in called]
    else:
        for name, function in example["model"].signatures.items():
            specs = function.structured_input_signature[1]
            given = {key: example["tf"].constant(inputs[key], spec.dtype) for key, spec in specs.items()}
            answers[folder + " " + name] = {key: value.numpy().tolist() for key, value in function(**given).items()}
json.dump(answers, printed, default=bytes.decode)
"""


def without_project(inputs, folder):
    """What the models in the folders `inputs` answer, in a process that starts in `folder`."""
    command = [sys.executable, "-I", "-c", WITHOUT_PROJECT]
    done = subprocess.run(command, cwd=folder, input=json.dumps(inputs), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def exported(script, trained, tmp_path):
    """Exports the tiny run of a task; returns the folder."""

    def export_tiny(task, *arguments):
        run = tmp_path / task
        run.mkdir()
        for name in ("model.keras", "metrics.json", "hyperparameters.json"):
            (run / name).symlink_to(trained(task)[1] / name)
        process = script(f"{task}/export.py", "--run", run, *arguments)
        assert process.returncode == 0, process.stderr
        assert [path.name for path in (run / "export").iterdir()] == [process.stdout.strip().split("/")[-1]]
        return process.stdout.split()[-1]

    return export_tiny


def test_saved_models_answer_without_this_project_as_the_keras_models_do(exported, trained, tmp_path):
    folders = {task: exported(task) for task in TASKS}
    answers = without_project({folders[task]: INPUTS[task] for task in TASKS}, tmp_path)
    models = {task: load_model(trained(task)[1] / "model.keras") for task in TASKS}

    model, vocabularies = models["chargen"]
    writer = Writer(model, vocabularies["characters"])
    texts = list(writer.pieces([prompt.lower() for prompt in PROMPTS], 60, temperature=0.7, seed=3))
    assert answers[folders["chargen"] + " serving_default"]["text"] == texts[0]
    likely = answers[folders["chargen"] + " next_character"]
    logits = [
        model.read(vocabularies["characters"].encode(p.lower())[None], model.initial_states(1))[0] for p in PROMPTS
    ]
    assert likely["characters"] == vocabularies["characters"].tokens
    assert np.allclose(likely["probabilities"], [tf.nn.softmax(each[0, -1]) for each in logits], atol=1e-5)

    answer = answers[folders["pos_tagging"] + " serving_default"]
    tagged = [
        list(zip(*row, strict=True)) for row in tag_sentences(*models["pos_tagging"], list(map(str.split, SENTENCES)))
    ]
    for (tags, probabilities), got, given in zip(tagged, answer["tags"], answer["probabilities"], strict=False):
        assert [tag for tag in got if tag] == list(tags)
        assert np.allclose(given[: len(tags)], probabilities, atol=1e-5) and not any(given[len(tags) :])
    assert not any(answer["tags"][-1]) and not any(answer["tags"][-2])

    model, vocabularies = models["sentiment"]
    ids = list(map(make_encoder(vocabularies["subwords"]), SENTENCES))
    logits = np.concatenate([model.predict_on_batch(each[None]) for each in ids])[:, 0]
    expected = make_answers(SENTENCES, ids, logits, vocabularies["labels"].tokens)
    answer = answers[folders["sentiment"] + " serving_default"]
    assert answer["label"] == [*(each["label"] for each in expected), "", ""]
    assert np.allclose(answer["probability"][:-2], [each["probability"] for each in expected], atol=1e-5)
    assert np.isnan(answer["probability"][-2:]).all()

    probabilities = tf.nn.softmax(models["toy_sequence"][0](NOISE[..., None])).numpy()
    answer = answers[folders["toy_sequence"] + " serving_default"]
    assert np.allclose(answer["probabilities"], probabilities[..., 1], atol=1e-5)
    assert answer["outputs"] == probabilities.argmax(axis=-1).tolist()


def test_words_enter_the_graph_as_they_enter_the_models_in_python(trained):
    _, vocabularies = load_model(trained("sentiment")[1] / "model.keras")
    table = sentiment.serving.lookup_table(vocabularies["subwords"], 0)
    encode = make_encoder(vocabularies["subwords"])
    for sentence in SENTENCES:
        ids = sentiment.serving.encode(sentiment.serving.split_words(tf.constant([sentence])), table)
        assert np.array_equal(ids[0, :-1], encode(sentence))

    _, vocabularies = load_model(trained("pos_tagging")[1] / "model.keras")
    graph = pos_tagging.serving
    tables = {name: graph.lookup_table(vocabulary, 1) for name, vocabulary in vocabularies.items()}
    names = graph.feature_names(vocabularies)
    for sentence in SENTENCES:
        words = graph.split_words(tf.constant([sentence]))
        ids = graph.encode(words, names, tables, graph.kinds_of_characters())
        assert np.array_equal(ids[0, :-1], encode_words(sentence.split(), vocabularies))


@pytest.mark.parametrize(("prompt", "named"), [("mira 楽", "does not know"), ("", "is empty")])
def test_a_prompt_that_the_model_cannot_read_is_an_error(trained, prompt, named):
    exportable = chargen.serving.make_exportable(trained("chargen")[1])
    with pytest.raises(tf.errors.InvalidArgumentError, match=named):
        exportable.endpoints["next_character"](tf.constant(["fine", prompt]))


def test_an_ensemble_writes_with_the_mean_of_its_members(trained, tmp_path):
    model, vocabularies = load_model(trained("chargen")[1] / "model.keras")
    save_model(model, tmp_path / "member-1.keras", **vocabularies)
    model.dense.kernel.assign(2 * model.dense.kernel)
    save_model(model, tmp_path / "member-2.keras", **vocabularies)

    def probabilities(run):
        return chargen.serving.make_exportable(run).endpoints["next_character"](tf.constant(PROMPTS))["probabilities"]

    each = []
    for number in (1, 2):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "model.keras").symlink_to(tmp_path / f"member-{number}.keras")
        each.append(probabilities(tmp_path / str(number)))
    assert not np.allclose(*each, atol=1e-3)
    assert np.allclose(probabilities(tmp_path), np.mean(each, axis=0), atol=1e-6)


def test_an_ensemble_that_is_one_model_gets_keras_layers_in_all_members(trained, tmp_path):
    path = trained("sentiment")[1] / "model.keras"
    members = [load_model(path)[0] for _ in range(2)]
    members[1].name = "second"
    members[1].set_weights([2 * weight for weight in members[1].get_weights()])
    save_model(average(members), tmp_path / "model.keras")
    model, _ = load_with_keras_layers(tmp_path / "model.keras")
    recurrent = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.GRU)]
    assert len(recurrent) == 4 and {type(layer) for layer in recurrent} == {keras.layers.GRU}
    ids = np.random.default_rng(0).integers(0, 50, (3, 7, 16))
    assert np.allclose(model(ids), average(members)(ids), atol=1e-5)
    assert isinstance(load_model(path)[0].layers[4].forward_layer, fast_rnn.GRU)  # and only there


@pytest.mark.slow
@pytest.mark.parametrize(("form", "package"), [("onnx", "onnxruntime"), ("litert", "ai_edge_litert")])
def test_onnx_and_litert_give_what_the_keras_models_give(exported, trained, tmp_path, form, package):
    pytest.importorskip(package, reason="needs the packages of requirements-export.txt")
    models = {task: load_model(trained(task)[1] / "model.keras") for task in TASKS}
    encode = make_encoder(models["sentiment"][1]["subwords"])
    ids = {
        "pos_tagging": [encode_words(sentence.split(), models["pos_tagging"][1]) for sentence in SENTENCES],
        "sentiment": [encode(sentence) for sentence in SENTENCES],
    }
    padded = {task: pad([*rows, np.zeros((64, rows[0].shape[1]), "int32")])[:-1] for task, rows in ids.items()}
    noise = np.random.default_rng(0).random((4, 64), dtype="float32")
    arrays = {"pos_tagging": ("ids", padded["pos_tagging"]), "sentiment": ("ids", padded["sentiment"])}
    arrays["toy_sequence"] = ("noise", noise)
    text = "the light likes the light. the tale" * 3
    inputs = {"chargen": text}
    for task, (name, array) in arrays.items():  # ONNX takes all at once, and any number of steps
        batches = [array, array[:2, :50]] if form == "onnx" else [array[place : place + 1] for place in range(4)]
        inputs[task] = [{name: batch.tolist()} for batch in batches]

    folders = {task: exported(task, "--format", form) for task in TASKS}
    answers = without_project({folders[task]: inputs[task] for task in TASKS}, tmp_path)

    model, vocabularies = models["chargen"]
    logits, _ = model.read(vocabularies["characters"].encode(text)[None], model.initial_states(1))
    assert np.allclose(answers[folders["chargen"]], logits[0], atol=1e-5)

    def toy(noise):
        probabilities = tf.nn.softmax(models["toy_sequence"][0](noise[..., None]))
        return {"outputs": tf.argmax(probabilities, axis=-1), "probabilities": probabilities[..., 1]}

    expected = {
        "pos_tagging": lambda ids: {"probabilities": tf.nn.softmax(models["pos_tagging"][0](ids))},
        "sentiment": lambda ids: {"probability": tf.sigmoid(models["sentiment"][0](ids))[:, 0]},
        "toy_sequence": toy,
    }
    for task, function in expected.items():
        for call, answer in zip(inputs[task], answers[folders[task]], strict=True):
            for name, value in function(**{name: np.array(array) for name, array in call.items()}).items():
                assert np.allclose(answer[name], value, atol=1e-5), task


def search(ids):
    return {"places": tf.searchsorted(tf.constant([1, 2, 3]), ids)}


def loop_over_complex_numbers(ids):
    return {"real": tf.math.real(tf.map_fn(tf.square, tf.complex(tf.cast(ids, tf.float32), 1.0)))}


@pytest.mark.parametrize(("network", "what"), [(search, "LowerBound"), (loop_over_complex_numbers, "TensorList")])
def test_what_litert_lacks_is_named_and_what_was_there_stays(tmp_path, network, what):
    before = tmp_path / "export" / "litert" / "model.tflite"
    before.parent.mkdir(parents=True)
    before.write_text("an older one")
    lacking = Exportable({}, network, [tf.TensorSpec([None], tf.int32, "ids")], [], [], {})
    with pytest.raises(InputError, match=rf"lacks .*\(.*{what}.*\)"):
        export(tmp_path, "litert", lacking, "", "")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [before]
