"""classify.py and explain.py, in this process, with a model whose answers can be worked out by hand."""

import io
import json
import sys

import keras
import numpy as np
import pytest

from common.vocabulary import Vocabulary
from sentiment import classify, explain
from sentiment.subwords import MAX_SUBWORDS

WORTH = {"": 0.0, "[UNK]": 0.5, "<good>": 2.0, "<bad>": -3.0, "<film>": 0.0}


@pytest.fixture
def answer(monkeypatch, tmp_path, capsys):
    """Runs classify.py with a model whose logit is the sum of what its words are worth; returns stdout."""
    ids = keras.Input((None, MAX_SUBWORDS), dtype="int32")
    table = keras.layers.Embedding(len(WORTH), 1, embeddings_initializer="zeros")
    model = keras.Model(ids, keras.ops.sum(table(ids), axis=(1, 2)))
    table.set_weights([np.array(list(WORTH.values()))[:, None]])
    vocabularies = {"subwords": Vocabulary(list(WORTH)), "labels": Vocabulary(["<ham>", "spam"])}
    monkeypatch.setattr(classify, "load_model", lambda path, *needed: (model, vocabularies))

    def run(*sentences, lines=None, **options):
        if lines is not None:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines.encode())))
        classify.main(classify.Options(sentences=sentences, html=tmp_path / "words.html", **options))
        return capsys.readouterr().out

    return run


def logistic(logit):
    return 1 / (1 + np.exp(-logit))


def test_labels_are_those_of_the_training_file_with_their_probability(answer):
    assert answer("a good film", "bad") == (
        f"spam\t{logistic(2.5):.3f}\ta good film\n"
        f"<ham>\t{logistic(3):.3f}\tbad\n"  # of the predicted label, not of the positive one
    )


def test_json_holds_the_same_and_null_where_there_are_no_words(answer):
    lines = answer(lines='good "film"\t\n...\n', format="json").splitlines()
    first, second = map(json.loads, lines)
    assert first == {"label": "spam", "probability": pytest.approx(logistic(2)), "sentence": 'good "film"\t'}
    assert second == {"label": None, "probability": None, "sentence": "..."}


def test_lines_are_answered_in_their_order_across_batches(answer, monkeypatch):
    monkeypatch.setattr(classify, "MAX_SENTENCES", 3)
    lines = ["good film " * (1 + number % 5) + f"{number}" for number in range(20)]
    printed = answer(lines="\n".join(lines))
    assert [line.split("\t")[2] for line in printed.splitlines()] == lines


def test_a_sentence_with_a_line_break_stays_one_line(answer):
    assert answer("good\nfilm").splitlines() == [f"spam\t{logistic(2):.3f}\tgood film"]


def test_explain_shows_what_each_word_adds_compared_with_an_unknown_one(answer, tmp_path):
    printed = answer("Good, bad film what", explain=True)
    assert printed.splitlines()[1].split() == ["good", "+1.50", "bad", "-3.50", "film", "-0.50", "what", "+0.00"]
    page = (tmp_path / "words.html").read_text()
    assert "&lt;ham&gt;" in page and "<ham>" not in page
    assert page.index(">good<") < page.index(">bad<")
    described = json.loads(answer("good", explain=True, format="json"))
    assert described["words"] == [["good", 1.5]]


def test_occlusion_replaces_all_subwords_of_a_word():
    ids = keras.Input((None, 3), dtype="int32")
    table = keras.layers.Embedding(5, 1, embeddings_initializer="zeros")
    model = keras.Model(ids, keras.ops.sum(table(ids), axis=(1, 2)))
    table.set_weights([np.array([[0.0], [0.5], [2], [-3], [7]])])
    assert explain.occlusion(model, np.array([[2, 3, 4], [4, 0, 0]])) == pytest.approx([5.5, 6.5])


def test_words_are_escaped_and_shaded_by_their_contribution():
    html = explain.as_html({"label": "a&b", "probability": 0.9, "words": [("<script>", 4.0), ("x", -2.0)]})
    assert "<script>" not in html and "&lt;script&gt;" in html and "a&amp;b" in html
    assert "rgba(31, 119, 180, 0.80)" in html and "rgba(214, 39, 40, 0.40)" in html


def test_colours_only_on_a_terminal():
    words = [("good", 2.0), ("bad", -0.5), ("film", 0.01)]
    assert explain.as_text(words, colored=False) == "good +2.00  bad -0.50  film +0.01"
    assert explain.as_text(words, colored=True) == "\033[1;32mgood +2.00\033[0m  \033[31mbad -0.50\033[0m  film +0.01"
