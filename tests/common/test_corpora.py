import hashlib
import http.server
import threading

import keras
import pytest

from common import InputError, corpora
from tests.conftest import refused


def corpus_of(content: bytes, url="http://127.0.0.1:9/none") -> corpora.Corpus:
    return corpora.Corpus("a corpus", "corpus.txt", hashlib.sha256(content).hexdigest(), url)


@pytest.fixture
def empty_machine(monkeypatch, tmp_path):
    """No corpus anywhere, and a home folder of its own."""
    monkeypatch.delenv("RNN_DATA", raising=False)
    monkeypatch.setattr(corpora, "_cache_folders", lambda: [tmp_path / "cache"])
    monkeypatch.setattr(corpora, "__file__", str(tmp_path / "repository" / "common" / "corpora.py"))
    return tmp_path


def test_find_looks_in_order(empty_machine, monkeypatch):
    content = b"text"
    corpus = corpus_of(content)
    folders = ["cache", "repository/data", "rnn_data"]
    monkeypatch.setenv("RNN_DATA", str(empty_machine / "rnn_data"))
    (empty_machine / "rnn_data").mkdir()
    for folder in folders:  # each one comes before those that were there already
        (empty_machine / folder).mkdir(parents=True, exist_ok=True)
        (empty_machine / folder / "corpus.txt").write_bytes(content)
        assert corpora.find(corpus) == empty_machine / folder / "corpus.txt"
    own = empty_machine / "own.txt"
    own.write_bytes(b"something else")
    assert corpora.find(corpus, str(own)) == own


def test_find_refuses_a_wrong_hash_and_names_both(empty_machine, monkeypatch):
    corpus = corpus_of(b"the published text")
    (empty_machine / "corpus.txt").write_bytes(b"another text")
    monkeypatch.setenv("RNN_DATA", str(empty_machine))
    with pytest.raises(InputError) as error:
        corpora.find(corpus)
    assert corpus.sha256 in str(error.value)
    assert hashlib.sha256(b"another text").hexdigest() in str(error.value)


def test_make_data_ends_with_one_clear_line(script, empty_machine):
    assert refused(script("common/corpora.py", RNN_DATA=str(empty_machine / "missing")), "RNN_DATA names no folder")


def test_find_takes_a_folder_for_data(tmp_path):
    (tmp_path / "corpus.txt").write_bytes(b"text")
    assert corpora.find(corpus_of(b"text"), str(tmp_path)) == tmp_path / "corpus.txt"
    with pytest.raises(InputError, match="SHA-256"):
        corpora.find(corpus_of(b"other"), str(tmp_path))


def test_find_refuses_paths_that_do_not_exist(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="no such file"):
        corpora.find(corpus_of(b""), str(tmp_path / "missing.txt"))
    monkeypatch.setenv("RNN_DATA", str(tmp_path / "missing"))
    with pytest.raises(InputError, match="RNN_DATA names no folder"):
        corpora.find(corpus_of(b""))


def test_find_falls_back_to_the_sample_and_says_so(empty_machine, monkeypatch, capsys):
    def unreachable(corpus):
        raise OSError("no network")

    monkeypatch.setattr(corpora, "download", unreachable)
    assert corpora.find(corpus_of(b"text")) is None
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1
    assert "GENERATED SAMPLE, NOT A CORPUS" in lines[0]
    assert "no network" in lines[0]


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A web server on this machine that misbehaves as the path says; keras's cache is in tmp_path."""
    finished = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path == "/silent":
                finished.wait(60)
                return
            self.send_response({"/missing": 404, "/broken": 500, "/moved": 302, "/loop": 302}.get(self.path, 200))
            self.send_header("Location", "/loop" if self.path == "/loop" else "/elsewhere")
            self.send_header("Content-Length", "100" if self.path == "/truncated" else "9")
            self.end_headers()
            self.wfile.write(b"published" if self.path != "/elsewhere" else b"elsewhere")

        def log_message(self, *arguments):
            pass

    cached_get_file = keras.utils.get_file
    monkeypatch.setattr(
        keras.utils, "get_file", lambda *names, **more: cached_get_file(*names, cache_dir=tmp_path, **more)
    )
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        finished.set()
        running.shutdown()


def test_download_fetches_and_verifies(server, tmp_path):
    path = corpora.download(corpus_of(b"published", f"{server}/corpus.txt"))
    assert path == tmp_path / "datasets" / "corpus.txt"
    assert path.read_bytes() == b"published"
    assert [each.name for each in path.parent.iterdir()] == ["corpus.txt"]


@pytest.mark.parametrize(
    ("path", "error", "message"),
    [
        ("corpus.txt", InputError, "SHA-256 is .* nothing was kept"),
        ("moved", InputError, "SHA-256 is .* nothing was kept"),  # a redirection is followed, to another text
        ("loop", OSError, "302"),
        ("missing", OSError, "404"),
        ("broken", OSError, "500"),
        ("truncated", OSError, "retrieval incomplete"),
        ("silent", OSError, "timed out"),
    ],
)
def test_a_failed_download_is_one_line_and_leaves_nothing(server, tmp_path, path, error, message):
    with pytest.raises(error, match=message) as refusal:
        corpora.download(corpus_of(b"expected", f"{server}/{path}"), seconds=0.5)
    assert "\n" not in str(refusal.value)
    assert not list((tmp_path / "datasets").iterdir())
