"""Sentences without spaces: how they are split, and that the scripts show them whole.

A stand-in for Janome, which splits where the script changes, lets the tests of the scripts run without it.
"""

import json
import re
import sys
from types import SimpleNamespace

import pytest
from conftest import refused

from common import InputError, data
from common.data import normalise
from common.tokenizer import BOUNDARY, make_marker, make_splitter, tokenizer_of
from common.vocabulary import UNKNOWN, Vocabulary
from sentiment import training

GOOD = """とても面白かった。 この本が大好きです！ 感動して泣いた。 最高の映画だった。
何度でも読みたい。 音楽がすばらしい。 友だちにもすすめたい。 最後まで楽しめた。
俳優がうまい。 心に残る一冊。 笑いが止まらない！ 絵がきれいだった。 また見に行きたい。
期待よりずっと良い。 話がよくできている。 子どもも喜んだ。 買って正解だった。 夢中で読んだ。
文句なしの傑作。 見て良かった。"""
BAD = """とても退屈だった。 この本が大嫌いです！ 途中で寝てしまった。 最低の映画だった。
二度と読みたくない。 音楽がうるさい。 だれにもすすめない。 最後まで見るのがつらい。
俳優がへただ。 何も残らない一冊。 少しも笑えない！ 絵が雑だった。 もう見に行かない。
期待はずれで悲しい。 話がわからない。 子どもも飽きた。 買って後悔した。 時間の無駄だった。
ひどい駄作。 見て損した。"""
OPINIONS = "".join(f"{label}\t{row}\n" for label, rows in ((1, GOOD), (0, BAD)) for row in re.split(r"[ \n]", rows))


def split_where_the_script_changes(text):
    return re.findall(r"[一-龥]+|[ぁ-ん]+|[a-z]+|.", text.strip())


@pytest.fixture
def janome(monkeypatch):
    tokenizer = SimpleNamespace(tokenize=split_where_the_script_changes)
    monkeypatch.setitem(sys.modules, "janome", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "janome.tokenizer", SimpleNamespace(Tokenizer=lambda wakati: tokenizer))


# Janome itself


def test_janome_splits_as_a_reader_does():
    pytest.importorskip("janome", reason="needs Janome: make ja")
    split = make_splitter("janome")
    assert split("すもももももももものうち") == ["すもも", "も", "もも", "も", "もも", "の", "うち"]
    assert split("猫が好きだ。") == ["猫", "が", "好き", "だ", "。"]
    assert split("Keras 3でLSTMを学ぶ") == ["Keras", "3", "で", "LSTM", "を", "学ぶ"]


@pytest.mark.parametrize(
    "sentence",
    [
        "",
        "😀 これは👨‍👩‍👧だ",
        "ﾊﾝｶｸｶﾅのﾃｽﾄ",
        "Keras　3で\tLSTM",
        "か\u3099き",
        "長い文です。" * 500,
        "あ" * 3000,
        "\0\u200b《",
    ],
)
def test_janome_loses_nothing_of_a_sentence(sentence):
    pytest.importorskip("janome", reason="needs Janome: make ja")
    marked = make_marker("janome")(sentence)
    assert marked.replace(BOUNDARY, "") == sentence.replace(BOUNDARY, "")
    assert bool(normalise(marked)) == bool(normalise(sentence))


# Marks


def test_marks_are_invisible_and_normalise_splits_there(janome):
    marked = make_marker("janome")("この本、面白い LSTM")
    assert marked.replace(BOUNDARY, "") == "この本、面白い LSTM"
    assert normalise(marked).split() == ["この", "本", "面白", "い", "l", "s", "t", "m"]


def test_without_a_tokenizer_a_sentence_stays_as_it_is():
    assert make_marker(None)(" I can't\u200b ") == " I can't\u200b "
    assert tokenizer_of({"labels": Vocabulary(["a"])}) is None


def test_a_model_with_an_unknown_tokenizer_is_refused():
    with pytest.raises(InputError, match="'mecab'"):
        make_marker(tokenizer_of({"tokenizer": Vocabulary(["mecab"])}))


def test_opinions_are_marked_when_they_are_read(janome, tmp_path):
    (tmp_path / "opinions.txt").write_text("1\tこの本、良い\n0\t悪い本\n", encoding="utf-8")
    rows, _, _ = data.load_opinions(str(tmp_path / "opinions.txt"), "janome")
    assert [(label, sentence.split(BOUNDARY)) for label, sentence in rows] == [
        (1, ["この", "本", "、", "良", "い"]),
        (0, ["悪", "い", "本"]),
    ]


def test_words_of_a_text_without_spaces(janome, tmp_path):
    (tmp_path / "text.txt").write_text("猫が猫が、\n 猫が犬と鳥を", encoding="utf-8")  # 80 % of 10 are 8
    ids, vocabulary, _ = data.load_words(str(tmp_path / "text.txt"), tokenizer="janome")
    assert vocabulary.decode(ids) == ["猫", "が", "猫", "が", UNKNOWN, "猫", "が", *[UNKNOWN] * 4]


# Scripts


@pytest.mark.parametrize(
    "arguments",
    [
        ("sentiment/train.py", "--data", "sample"),
        ("pos_tagging/train.py", "--data", "sample"),
        ("pos_tagging/tag.py", "猫が好きだ"),
        ("chargen/elman.py", "--data", "sample"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_missing_janome_is_one_line_that_says_what_to_type(script, monkeypatch, arguments):
    monkeypatch.setitem(sys.modules, "janome.tokenizer", None)
    assert refused(script(*arguments, "--tokenizer", "janome"), "make ja")


def test_japanese_opinions_are_learned_and_shown_whole(janome, script, monkeypatch, tmp_path):
    fit = training.fit

    def fit_the_model_only(build, settings, inputs, labels, *callbacks):  # not the folds' models: seconds cheaper
        return fit(build, settings, inputs, labels, *callbacks) if callbacks else build(settings, 8000)

    monkeypatch.setattr(training, "fit", fit_the_model_only)
    (tmp_path / "opinions.txt").write_text(OPINIONS, encoding="utf-8")
    few = ["--data", tmp_path / "opinions.txt", "--hidden-size", "4", "--cell", "simple", "--epochs", "1"]
    trained = script("sentiment/train.py", "--tokenizer", "janome", "--runs", tmp_path, "--name", "ja", *few)
    assert trained.returncode == 0, trained.stderr
    errors = re.findall(r"(?:positive|negative)  (\S+)$", trained.stdout, re.MULTILINE)
    assert errors and set(errors) <= set(re.split(r"\s", GOOD + BAD))

    run, page = tmp_path / "sentiment" / "ja", tmp_path / "words.html"
    sentences = ["この本、面白い！", "Aの映画"]
    shown = script("sentiment/classify.py", "--run", run, "--explain", "--html", page, *sentences).stdout.splitlines()
    assert [line.split("\t")[2] for line in shown[::2]] == sentences
    words = [re.sub(r" [+-]\d\.\d\d", "", line).split() for line in shown[1::2]]
    assert words == [["この", "本", "面白", "い"], ["a", "の", "映画"]]
    text = re.sub("<.*?>", "", page.read_text(encoding="utf-8")).replace(BOUNDARY, "")
    assert all(f"{sentence.lower()}\n" in text for sentence in sentences)


def test_japanese_sentences_are_tagged_and_shown_whole(janome, script, tmp_path):
    (tmp_path / "tagged.txt").write_text("猫/名詞 が/助詞\n" * 19 + "猫/助詞 が/名詞\n", encoding="utf-8")
    few = ["--data", tmp_path / "tagged.txt", "--hidden-size", "4", "--no-letters", "--epochs", "1"]
    trained = script("pos_tagging/train.py", "--tokenizer", "janome", "--runs", tmp_path, "--name", "ja", *few)
    assert trained.returncode == 0, trained.stderr

    def tag(*flags):
        lines = "猫が、 好き\n\n本\n"
        return script("pos_tagging/tag.py", "--run", tmp_path / "pos_tagging" / "ja", *flags, input=lines).stdout

    assert re.sub("/(名詞|助詞)", "", tag()) == "猫が、 好き\t猫 が 、 好 き\n\n本\t本\n"
    first, empty, _ = map(json.loads, tag("--format", "json").splitlines())
    assert (first["sentence"], first["words"]) == ("猫が、 好き", ["猫", "が", "、", "好", "き"])
    assert empty == {"words": [], "tags": []}
    assert re.sub("/(名詞|助詞)", "", tag("--tokenized")) == "猫が、 好き\n\n本\n"


def test_elman_writes_japanese_words_without_spaces(janome, script, tmp_path):
    (tmp_path / "text.txt").write_text("猫が好きで、犬も好きだ。" * 200, encoding="utf-8")
    few = ["--max-steps", "2", "--hidden-size", "4", "--batch-size", "2", "--data", tmp_path / "text.txt"]
    process = script("chargen/elman.py", "--tokenizer", "janome", "--runs", tmp_path, *few)
    assert process.stdout.startswith("2000 words, 11 different\n"), process.stderr
    assert re.search(r"^    \S+$", process.stdout, re.MULTILINE)
