import hashlib
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from common import InputError, corpora, data, sample
from common.vocabulary import UNKNOWN

# Reading


def test_decode_drops_byte_order_mark_and_carriage_returns():
    assert data.decode("\ufeffone\r\ntwo\rthree\n".encode(), "x") == "one\ntwo\nthree\n"


def test_decode_names_file_and_line_of_invalid_utf8():
    with pytest.raises(InputError, match=r"notes\.txt, line 3: byte 0xff, the line's byte 3, is not valid UTF-8; save"):
        data.decode(b"one\ntwo\nth\xffree\n", "notes.txt")


def test_read_lines_drops_line_ends_and_names_line_of_invalid_utf8():
    lines = data.read_lines([b"\xef\xbb\xbfone\r\n", b"\n", b"two\n", b"\xff\n"], "stdin")
    assert [next(lines), next(lines), next(lines)] == ["one", "", "two"]
    with pytest.raises(InputError, match="stdin, line 4"):
        next(lines)


def test_clean_text_strips_lowers_and_joins():
    assert data.clean_text("CHAPTER I.\n\n  Down the \n\t\nRabbit-Hole\n") == "chapter i. down the rabbit-hole"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp932"])
def test_pieces_of_a_text_make_what_the_whole_makes(encoding):
    text = "すぐ\r\n\nする\nA Line\n\n  and ― ANOTHER \n\n\n章\n― of the last, without an end"
    for size in (1, 5, 1000):
        pieces = list(data.clean_pieces(io.BytesIO(text.encode(encoding)), "x", size))
        assert "".join(pieces) == "すぐする a line and ― another 章― of the last, without an end"


def test_invalid_utf8_in_a_later_piece_names_its_line():
    with pytest.raises(InputError, match="x, line 3: byte 0xff"):
        list(data.clean_pieces(io.BytesIO(b"one\ntwo\nth\xffree\n"), "x", size=1))


def test_a_text_of_your_own_in_any_script(tmp_path):
    (tmp_path / "text.txt").write_text("Алиса\nアリスは\nうさぎを 見た\n", encoding="utf-8")
    ids, vocabulary, corpus = data.load_text(str(tmp_path / "text.txt"))
    assert "".join(vocabulary.decode(ids)) == "алиса アリスはうさぎを 見た"
    assert ids.dtype == np.uint8
    assert corpus["name"] == "text.txt"


def text_of(path, encoding=None):
    ids, vocabulary, corpus = data.load_text(str(path), encoding)
    return "".join(vocabulary.decode(ids)), corpus["sha256"]


AOZORA = "題\r\n\r\n　親譲《おやゆず》りの\r\n無鉄砲で\r\n\r\n底本：「例」\r\n2001年発行\r\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
def test_a_text_from_aozora_is_read_as_downloaded_and_identified_by_its_bytes(tmp_path, encoding):
    raw = AOZORA.encode(encoding)
    (tmp_path / "text.txt").write_bytes(raw)
    with zipfile.ZipFile(tmp_path / "text.zip", "w") as archive:
        archive.writestr("fig1.png", b"no text")
        archive.writestr("752_ruby.TXT", raw)
    for name in ("text.txt", "text.zip"):
        sha256 = hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
        assert text_of(tmp_path / name) == ("題親譲りの無鉄砲で", sha256)


def test_encoding_overrides_what_the_bytes_look_like(tmp_path):
    (tmp_path / "text.txt").write_bytes("親譲りの".encode("euc_jp"))
    assert text_of(tmp_path / "text.txt", "euc_jp")[0] == "親譲りの"
    with pytest.raises(InputError, match=r"line 1: byte 0xbf, the line's byte 1, is not valid ascii; .*--encoding"):
        text_of(tmp_path / "text.txt", "ascii")


def test_signs_of_aozora_are_ordinary_characters_elsewhere(tmp_path):
    (tmp_path / "text.txt").write_text("《紅楼夢》［＃一］｜と《二》", encoding="utf-8")
    assert text_of(tmp_path / "text.txt")[0] == "《紅楼夢》［＃一］｜と《二》"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32-be", "klingon", "base64"])
def test_an_encoding_that_cannot_be_read_is_refused(encoding):
    with pytest.raises(InputError, match=f"--encoding '{encoding}'"):
        data.load_text("sample", encoding)


@pytest.mark.parametrize(
    ("names", "message"), [(["a.png"], "holds 0 files"), (["a.txt", "b.txt"], "holds 2 files"), ([], "holds 0 files")]
)
def test_a_zip_without_exactly_one_text_is_refused(tmp_path, names, message):
    with zipfile.ZipFile(tmp_path / "text.zip", "w") as archive:
        for name in names:
            archive.writestr(name, "text")
    with pytest.raises(InputError, match=message):
        data.load_text(str(tmp_path / "text.zip"))


def test_a_damaged_or_huge_zip_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "text.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "親譲りの無鉄砲で")
    whole = path.read_bytes()
    path.write_bytes(whole.replace("無鉄砲".encode(), "無鉄炮".encode()))
    with pytest.raises(InputError, match="damaged"):
        data.load_text(str(path))
    path.write_bytes(whole)
    monkeypatch.setattr(data, "MAX_ZIPPED_TEXT", 23)
    with pytest.raises(InputError, match="larger than 23 bytes"):
        data.load_text(str(path))


def test_an_english_text_is_cleaned_as_ever(real_corpora):
    for raw in (sample.story().encode(), (Path(real_corpora) / "alice_in_wonderland.txt").read_bytes()):
        lines = [line.strip().lower() for line in raw.decode("utf-8-sig").splitlines()]
        assert "".join(data.clean_pieces(io.BytesIO(raw), "x")) == " ".join(filter(None, lines))


def test_words_that_are_rare_in_the_first_80_percent_are_unknown(tmp_path):
    (tmp_path / "text.txt").write_text("A b, a b, a b, a c. d d d d")  # 80 % of 16 are 12
    ids, vocabulary, _ = data.load_words(str(tmp_path / "text.txt"))
    assert vocabulary.decode(ids) == ["a", "b", ",", "a", "b", ",", "a", "b", ",", "a", *[UNKNOWN] * 6]


def test_words_of_a_japanese_text_need_a_tokenizer(tmp_path):
    (tmp_path / "text.txt").write_text("親譲りの無鉄砲で、小供の時から損ばかりしている。" * 2)
    with pytest.raises(InputError, match="add --tokenizer janome"):
        data.load_words(str(tmp_path / "text.txt"))
    (tmp_path / "text.txt").write_text("he said ありがとう, and she said thank you, and so on " * 2)
    assert "ありがとう" in data.load_words(str(tmp_path / "text.txt"))[1].tokens


def test_parse_opinions_skips_blank_lines():
    rows, names = data.parse_opinions("1\tI like it.\n\n0\tI do not.\n", "x")
    assert rows == [(1, "I like it."), (0, "I do not.")]
    assert names == ["negative", "positive"]


def test_parse_opinions_takes_any_two_labels_and_the_second_in_the_alphabet_is_positive():
    rows, names = data.parse_opinions("spam\tbuy now\n ham \tsee you\nspam\tfree, <b>free\n", "x")
    assert rows == [(1, "buy now"), (0, "see you"), (1, "free, <b>free")]
    assert names == ["ham", "spam"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1\tgood\n1 no tab\n", r"rows\.txt, line 2: no tab"),
        ("1\tgood\n\n0\tbad\n2\tgood\n", r"rows\.txt, line 4: the label is '2', but .*'1' and '0'"),
        ("1\tgood\n \tbad\n", r"rows\.txt, line 2: no label"),
        ("1\t...\n", r"rows\.txt, line 1: the sentence has no words"),
        ("\n1\tgood\n", r"rows\.txt: every label is '1'"),
        ("\n \n", r"rows\.txt: the file is empty"),
    ],
)
def test_parse_opinions_names_file_and_line(text, message):
    with pytest.raises(InputError, match=message):
        data.parse_opinions(text, "rows.txt")


def test_parse_tagged_lines_splits_at_the_last_slash():
    assert data.parse_tagged_lines("1/2/CD of/IN\n\nit/PRP\n", "x") == [[("1/2", "CD"), ("of", "IN")], [("it", "PRP")]]


@pytest.mark.parametrize("token", ["dog", "dog/", "/NN"])
def test_parse_tagged_lines_names_file_and_line(token):
    with pytest.raises(InputError, match=r"tags\.txt, line 2"):
        data.parse_tagged_lines(f"The/DT\nThe/DT {token}\n", "tags.txt")


def test_read_treebank_reads_trees_in_order_of_the_files(tmp_path):
    path = tmp_path / "treebank.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("treebank/combined/wsj_0002.mrg", "( (S (NP (PRP It)) (VP (VBZ rains)) (. .)) )\n")
        archive.writestr(
            "treebank/combined/wsj_0001.mrg", "\n( (S (NP (DT The) (NN dog)) (VP (VBZ barks) (NP (-NONE- *T*-1)))) )\n"
        )
        archive.writestr("treebank/combined/README", "not a tree (")
    sentences = data.read_treebank(path)
    assert sentences[1] == [("It", "PRP"), ("rains", "VBZ"), (".", ".")]
    assert data.drop_traces(sentences)[0] == [("The", "DT"), ("dog", "NN"), ("barks", "VBZ")]


@pytest.mark.parametrize("tree", ["( (S (DT The) ", "no tree at all"])
def test_read_treebank_refuses_damaged_trees(tmp_path, tree):
    with zipfile.ZipFile(tmp_path / "treebank.zip", "w") as archive:
        archive.writestr("treebank/combined/wsj_0001.mrg", tree)
    with pytest.raises(InputError, match=r"damaged \(.*expected|damaged \(Un-matched"):
        data.read_treebank(tmp_path / "treebank.zip")


def test_drop_traces_drops_sentences_without_words():
    assert data.drop_traces([[("*", "-NONE-")], [("Go", "VB"), ("*", "-NONE-")]]) == [[("Go", "VB")]]


# Deduplicating and splitting


def test_deduplicate_folds_case_and_punctuation_and_drops_contradictions():
    rows = [(1, "I love it!"), (0, "So bad."), (1, "i LOVE -- it"), (1, "Mixed"), (0, "mixed..."), (0, "so  bad")]
    assert data.deduplicate(rows) == [(1, "i love it"), (0, "so bad")]


def test_split_text_is_contiguous_and_loses_nothing():
    ids = np.arange(1234)
    train, validation, test = data.split_text(ids)
    assert np.array_equal(np.concatenate([train, validation, test]), ids)
    assert (len(train), len(validation), len(test)) == (987, 123, 124)


def test_split_sentences_takes_the_last_fifth_and_the_300_before():
    train, validation, test = data.split_sentences(list(range(3914)))
    assert (train, validation, test) == (list(range(2831)), list(range(2831, 3131)), list(range(3131, 3914)))


def test_split_sentences_of_a_small_corpus_leaves_most_for_training():
    assert [len(part) for part in data.split_sentences(list(range(100)))] == [70, 10, 20]


def test_split_sentences_refuses_too_few():
    with pytest.raises(InputError, match="at least 10"):
        data.split_sentences([1] * 9)


def test_folds_test_every_row_once_and_keep_the_share_of_labels():
    labels = [0] * 40 + [1] * 60
    folds = data.folds(labels)
    assert sorted(row for _, test in folds for row in test) == list(range(100))
    for train, test in folds:
        assert set(train).isdisjoint(test)
        assert (len(test), sum(labels[row] for row in test)) == (20, 12)


@pytest.mark.parametrize("rare", [0, 1])
def test_folds_refuse_a_label_with_too_few_rows(rare):
    with pytest.raises(InputError, match="one label has 3"):
        data.folds([rare] * 3 + [1 - rare] * 50)


def test_a_downloaded_zip_is_not_unpacked(tmp_path, monkeypatch):
    """Its members are read in memory, whatever they are called."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("../../evil.txt", "evil")
        archive.writestr("treebank/combined/wsj_0001.mrg", "( (S (NN dog)) )")
    monkeypatch.setattr(data, "find", lambda corpus, given: tmp_path / "treebank.zip")
    (tmp_path / "treebank.zip").write_bytes(file.getvalue())
    assert data.load_tagged_sentences()[0] == [[("dog", "NN")]]
    assert not list(tmp_path.parent.rglob("evil.txt"))


# The published corpora: the counts that the protocol states


def test_alice_has_142554_characters_of_42_kinds(real_corpora):
    ids, vocabulary, corpus = data.load_text(real_corpora)
    assert (len(ids), len(vocabulary)) == (142554, 42)
    assert "".join(vocabulary.decode(ids[-30:])).endswith("the happy summer days.")
    assert corpus == {"name": "Alice in Wonderland", "sha256": corpora.ALICE.sha256}


def test_botchan_has_88269_characters(monkeypatch, real_corpora):
    if not (Path(real_corpora) / corpora.BOTCHAN.filename).is_file():
        pytest.skip(f"bocchan.txt is not in {real_corpora}")
    monkeypatch.setenv("RNN_DATA", real_corpora)
    text, sha256 = text_of("botchan")
    assert (len(text), sha256) == (88269, corpora.BOTCHAN.sha256)
    assert text.startswith("親譲りの無鉄砲で")


def test_botchan_is_looked_up_as_alice_is(monkeypatch, tmp_path):
    for corpus in (corpora.ALICE, corpora.BOTCHAN):
        (tmp_path / corpus.filename).write_text("another text")
    monkeypatch.setenv("RNN_DATA", str(tmp_path))
    for name, corpus in ((None, corpora.ALICE), ("botchan", corpora.BOTCHAN)):
        with pytest.raises(InputError, match=f"{corpus.filename} is not the published .*{corpus.sha256}"):
            data.load_text(name)


def test_umich_has_7086_rows_and_1212_different_sentences(real_corpora):
    rows, names, _ = data.load_opinions(real_corpora)
    assert names == ["negative", "positive"]
    assert len(rows) == 7086
    assert len({data.normalise(sentence) for _, sentence in rows}) == 1213
    assert len(data.deduplicate(rows)) == 1212  # one sentence has both labels


def test_treebank_has_3914_sentences_94084_words_45_tags(real_corpora):
    sentences, _ = data.load_tagged_sentences(real_corpora)
    words = [pair for sentence in sentences for pair in sentence]
    assert (len(sentences), len(words), len({tag for _, tag in words})) == (3914, 94084, 45)
