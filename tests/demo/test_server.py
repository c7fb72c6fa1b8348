"""The page's server, in this process, with the small models that all tests share: its answers, and what it refuses."""

import http.client
import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from demo.panels import Panel
from demo.server import MAX_BYTES, PAGES, Server

WRITING = {"prompt": "Alice was ", "length": 25, "temperature": 0.9, "top_p": 0.8, "seed": 3}
TOY = {"training": "padded lengths", "length": 12, "before": 3, "seed": 5}
QUESTIONS = {
    "chargen": WRITING,
    "sentiment": {"sentence": "I love it"},
    "pos_tagging": {"sentence": "It's good."},
    "toy_sequence": TOY,
}


@pytest.fixture(scope="module")
def runs_of_all(trained):
    """The folder of the runs, once all four tasks are trained."""
    folders = [trained(task)[1] for task in QUESTIONS]
    return folders[0].parent.parent


@pytest.fixture(scope="module")
def panels(runs_of_all):
    """The four panels; their models are loaded once."""
    from demo.models import MODELS

    return {task: Panel(task, runs_of_all, load) for task, load in MODELS.items()}


@pytest.fixture
def server(panels):
    with serving() as server:
        server.panels = dict(panels)
        yield server


class serving:
    """A server on a free port that answers in the background, as a context."""

    def __enter__(self):
        self.server = Server(0)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self.server

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def send(server, path, content=None, method="POST", **headers):
    """Send a request; returns status, body as text, and headers. `content` is sent as JSON, or as it is if bytes."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=60)
    body = content if isinstance(content, bytes) or content is None else json.dumps(content).encode()
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    result = answer.status, answer.read().decode(), answer.headers
    connection.close()
    return result


def ask(server, task, **question):
    """The answers to a question."""
    status, body, _ = send(server, f"/api/{task}", question)
    assert status == 200, body
    return [json.loads(line) for line in body.splitlines()]


def refused(answer, status, *named):
    """The status, and one line that names what is wrong."""
    assert answer[0] == status, answer
    assert answer[1].endswith("\n") and len(answer[1].splitlines()) == 1, answer[1]
    assert all(name in answer[1] for name in named), answer[1]
    return True


def wait_until(status, name):
    """The status, as soon as it has something by that name."""
    until = time.monotonic() + 120
    while not (found := status())[name] and time.monotonic() < until:
        time.sleep(0.02)
    return found


# ---------------------------------------------------------------------------------------------------------------------
# Answers: those of the use scripts


def test_alice_goes_on_as_generate_does_and_says_how_sure_it_was(server, script, runs_of_all):
    flags = ["--prompt", "Alice was ", "--length", 25, "--temperature", 0.9, "--top-p", 0.8, "--seed", 3]
    printed = script("chargen/generate.py", "--run", runs_of_all / "chargen" / "latest", *flags).stdout
    answers = ask(server, "chargen", **WRITING)
    characters = [each for answer in answers for each in answer["characters"]]
    text = "".join(each["character"] for each in characters)
    assert "alice was " + text + "\n" == printed
    assert len(answers) == 3  # it comes in pieces

    from common.saving import load_model

    model, vocabularies = load_model(runs_of_all / "chargen" / "latest" / "model.keras")
    tokens, states, probabilities = vocabularies["characters"].tokens, model.initial_states(1), []
    for character in "alice was " + text:  # one character after another, not in pieces
        logits, states = model.step(np.array([tokens.index(character)]), states)
        exponentials = np.exp(np.array(logits[0], "float64"))
        probabilities.append(exponentials / exponentials.sum())
    for each, before in zip(characters, probabilities[len("alice was ") - 1 :], strict=False):
        assert each["probability"] == pytest.approx(before[tokens.index(each["character"])], abs=1e-5)
        assert [share for _, share in each["likeliest"]] == pytest.approx(np.sort(before)[-5:][::-1], abs=1e-5)
        assert all(share == pytest.approx(before[tokens.index(one)], abs=1e-5) for one, share in each["likeliest"])


def test_a_sentence_is_classified_and_explained_as_classify_does(server, script, runs_of_all, tmp_path):
    flags = ["--format", "json", "--explain", "--html", tmp_path / "words.html", "Oh, I love <b>it</b>"]
    printed = script("sentiment/classify.py", "--run", runs_of_all / "sentiment" / "latest", *flags).stdout
    (answer,) = ask(server, "sentiment", sentence="Oh, I love <b>it</b>")
    labels, expected = answer.pop("labels"), json.loads(printed)
    assert answer["label"] in labels and len(labels) == 2
    assert [word for word, _ in answer["words"]] == [word for word, _ in expected["words"]]
    for (_, one), (_, other) in zip(answer.pop("words"), expected.pop("words"), strict=True):
        assert one == pytest.approx(other, abs=1e-5)
    assert answer == expected | {"probability": pytest.approx(expected["probability"], abs=1e-6)}


def test_words_are_tagged_as_tag_does(server, script, runs_of_all):
    flags = ["--format", "json", "--confidence", "It can't be: the dog barks!"]
    printed = script("pos_tagging/tag.py", "--run", runs_of_all / "pos_tagging" / "latest", *flags).stdout
    (answer,), expected = ask(server, "pos_tagging", sentence="It can't be: the dog barks!"), json.loads(printed)
    assert [[word, tag] for word, tag, _ in answer["words"]] == list(
        map(list, zip(expected["words"], expected["tags"], strict=True))
    )
    assert [each[2] for each in answer["words"]] == pytest.approx(expected["probabilities"], abs=1e-4)


def test_the_toy_goes_on_from_the_state_after_some_steps(server, runs_of_all):
    from common.saving import load_model

    (answer,) = ask(server, "toy_sequence", **TOY)
    assert answer["target"] == [0, 1] * 6  # after three steps, the fourth is a 0
    model, _ = load_model(runs_of_all / "toy_sequence" / "latest" / "model.keras")
    noise = np.random.default_rng(5).random((15, 1), dtype="float32")
    logits = np.array(model(noise[None]), "float64")[0, 3:]  # all in one go, from zeros
    assert answer["output"] == pytest.approx(1 / (1 + np.exp(logits[:, 0] - logits[:, 1])), abs=1e-5)
    (untrained,) = ask(server, "toy_sequence", **TOY | {"training": "untrained"})
    assert untrained["output"] != answer["output"]


def test_tags_of_html_that_are_typed_come_back_as_text(server):
    typed = "<script>alert(1)</script>"
    (answer,) = ask(server, "pos_tagging", sentence=typed)
    assert "".join(word for word, _, _ in answer["words"]) == typed
    _, _, headers = send(server, "/api/pos_tagging", {"sentence": typed})
    assert headers["Content-Type"] == "application/x-ndjson" and headers["X-Content-Type-Options"] == "nosniff"


def test_fifty_requests_at_once_get_the_answers_of_one(server):
    alone = {task: ask(server, task, **question) for task, question in QUESTIONS.items()}
    with ThreadPoolExecutor(50) as pool:
        many = [(task, pool.submit(ask, server, task, **QUESTIONS[task])) for task in list(QUESTIONS) * 13][:50]
    for task, answers in many:
        assert json.dumps(answers.result()).count(":") == json.dumps(alone[task]).count(":")
        if task == "chargen":
            assert answers.result() == alone[task]


def test_who_reads_slowly_keeps_nobody_waiting(server, panels):
    slow = panels["chargen"].answers(WRITING | {"length": 1000})
    next(slow)
    assert ask(server, "chargen", **WRITING)
    assert next(slow)


# ---------------------------------------------------------------------------------------------------------------------
# What is refused


@pytest.mark.parametrize(
    ("task", "changed", "named"),
    [
        ("chargen", {"prompt": "  "}, "prompt"),
        ("chargen", {"prompt": 7}, "prompt"),
        ("chargen", {"prompt": "これ"}, "know"),
        ("chargen", {"length": 0}, "length"),
        ("chargen", {"length": 1001}, "length"),
        ("chargen", {"length": 2.5}, "length"),
        ("chargen", {"length": True}, "length"),
        ("chargen", {"temperature": 0}, "temperature"),
        ("chargen", {"temperature": float("nan")}, "temperature"),
        ("chargen", {"temperature": "1"}, "temperature"),
        ("chargen", {"top_p": 1.1}, "top_p"),
        ("chargen", {"seed": -1}, "seed"),
        ("chargen", {"seed": 10**400}, "seed"),
        ("sentiment", {"sentence": "?!"}, "words"),
        ("sentiment", {"sentence": None}, "sentence"),
        ("pos_tagging", {"sentence": ""}, "sentence"),
        ("toy_sequence", {"training": ["padded lengths"]}, "untrained"),
        ("toy_sequence", {"before": 21}, "before"),
    ],
)
def test_wrong_input_is_refused_with_one_line(server, task, changed, named):
    assert refused(send(server, f"/api/{task}", QUESTIONS[task] | changed), 400, named)


def test_what_is_no_question_is_refused(server):
    for content in (b"{", b"\xff", b"[]", b"1", b"[" * 5000):
        assert refused(send(server, "/api/sentiment", content), 400, "JSON")
    assert refused(send(server, "/api/sentiment", {}), 400, "sentence")
    assert refused(send(server, "/api/nothing", {}), 404, "task")
    assert refused(send(server, "/../pyproject.toml", method="GET"), 404, "page")
    assert refused(send(server, "/", method="DELETE"), 501, "DELETE")


def test_what_is_too_long_is_refused(server):
    assert refused(send(server, "/api/sentiment", {"sentence": "word " * 101}), 413, "505", "500")
    assert refused(send(server, "/api/sentiment", b" " * (MAX_BYTES + 1)), 413, "bytes")
    assert send(server, "/api/sentiment", {"sentence": "word " * 100})[0] == 200


def test_only_this_server_is_a_host_and_an_origin(server):
    own = f"127.0.0.1:{server.server_port}"
    for foreign in ({"Host": "evil.example"}, {"Host": f"evil.example:{server.server_port}"}, {"Host": ""}):
        assert refused(send(server, "/", method="GET", **foreign), 403, own)
        assert refused(send(server, "/api/sentiment", QUESTIONS["sentiment"], **foreign), 403, own)
    for origin in ("http://evil.example", "null", f"https://{own}", f"http://{own}.evil.example"):
        assert refused(send(server, "/api/train/toy_sequence", {}, Origin=origin), 403, own)
    assert send(server, "/api/sentiment", QUESTIONS["sentiment"], Origin=f"http://{own}")[0] == 200
    assert send(server, "/", method="GET", Host=f"localhost:{server.server_port}")[0] == 200
    assert server.server_address[0] == "127.0.0.1"  # nobody else can reach it


def test_the_page_loads_nothing_from_elsewhere(server):
    for path in PAGES:
        status, body, headers = send(server, path, method="GET")
        assert status == 200 and body
        assert "//" not in body.replace("http://www.w3.org/2000/svg", "").replace("// ", "").replace("// -", "")
        assert headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self';")
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert "innerHTML" not in body and "insertAdjacentHTML" not in body  # what users type stays text


# ---------------------------------------------------------------------------------------------------------------------
# Models that are missing, and trainings


def test_the_published_model_answers_while_nothing_is_trained_and_says_so(tmp_path):
    from demo.models import Alice

    panel = Panel("chargen", tmp_path, Alice)
    status = panel.status()
    assert status["ready"] and not status["trained"]
    assert status["about"].startswith("chargen/pretrained: lstm 512; corpus: Alice in Wonderland")
    assert len(next(panel.answers(WRITING))["characters"]) == 10


def test_a_panel_without_a_model_says_what_trains_it_and_does(runs_of_all, tmp_path):
    from demo.models import Toy

    latest, go_on = tmp_path / "toy_sequence" / "latest", tmp_path / "go on"
    training = f"""
import os, pathlib, time
print("first training")
while not pathlib.Path({str(go_on)!r}).exists():
    time.sleep(0.01)
os.makedirs({str(latest.parent)!r})
os.symlink({str(runs_of_all / "toy_sequence" / "tiny")!r}, {str(latest)!r})
"""
    with serving() as server:
        panel = Panel("toy_sequence", tmp_path, Toy)
        panel.training = [sys.executable, "-c", training]  # the next test has a real one
        server.panels = {"toy_sequence": panel}
        assert refused(send(server, "/api/toy_sequence", TOY), 400, "make train-toy_sequence")
        assert send(server, "/api/train/toy_sequence", {})[0] == 200
        assert refused(send(server, "/api/train/toy_sequence", {}), 409, "running already")
        status = wait_until(lambda: json.loads(send(server, "/api/status", method="GET")[1])["toy_sequence"], "lines")
        assert status["lines"] == ["first training"] and status["training"] and not status["ready"]
        assert status["command"] == "make train-toy_sequence"
        go_on.touch()
        status = wait_until(panel.status, "ready")
        assert "simple 10" in status["about"]
        assert ask(server, "toy_sequence", **TOY)


def test_a_training_that_fails_says_why(tmp_path):
    panel = Panel("sentiment", tmp_path, None)
    panel.training += ["--data", "no such file"]
    panel.train()
    status = wait_until(panel.status, "lines")
    assert "no such file" in status["lines"][0]
    assert not status["ready"]
