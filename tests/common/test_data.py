import functools
import hashlib
import http.server
import io
import itertools
import threading
import zipfile

import numpy as np
import pytest

from common import InputError, data
from common.text import UNKNOWN


def corpus_of(content: bytes, url="http://127.0.0.1:9/none") -> data.Corpus:
    return data.Corpus("a corpus", "corpus.txt", hashlib.sha256(content).hexdigest(), url)


# Reading


def test_decode_drops_byte_order_mark_and_carriage_returns():
    assert data.decode("\ufeffone\r\ntwo\rthree\n".encode(), "x") == "one\ntwo\nthree\n"


def test_decode_names_file_and_line_of_invalid_utf8():
    with pytest.raises(InputError, match=r"notes\.txt, line 3: byte 0xff is not valid UTF-8"):
        data.decode(b"one\ntwo\nth\xffree\n", "notes.txt")


def test_read_lines_drops_line_ends_and_names_line_of_invalid_utf8():
    lines = data.read_lines([b"\xef\xbb\xbfone\r\n", b"\n", b"two\n", b"\xff\n"], "stdin")
    assert [next(lines), next(lines), next(lines)] == ["one", "", "two"]
    with pytest.raises(InputError, match="stdin, line 4"):
        next(lines)


def test_clean_text_strips_lowers_and_joins():
    assert data.clean_text("CHAPTER I.\n\n  Down the \n\t\nRabbit-Hole\n") == "chapter i. down the rabbit-hole"


def test_pieces_of_a_text_make_what_the_whole_makes():
    text = "\ufeffA Line\r\n\n  and — ANOTHER \n\n\nthe last, without an end"
    for size in (1, 5, 1000):
        pieces = list(data.clean_pieces(io.BytesIO(text.encode()), "x", size))
        assert "".join(pieces) == "a line and — another the last, without an end"


def test_invalid_utf8_in_a_later_piece_names_its_line():
    with pytest.raises(InputError, match="x, line 3: byte 0xff"):
        list(data.clean_pieces(io.BytesIO(b"one\ntwo\nth\xffree\n"), "x", size=1))


def test_a_text_of_your_own_in_any_script(tmp_path):
    (tmp_path / "text.txt").write_text("アリスは\nうさぎを 見た\n", encoding="utf-8")
    ids, vocabulary, corpus = data.load_text(str(tmp_path / "text.txt"))
    assert "".join(vocabulary.decode(ids)) == "アリスは うさぎを 見た"
    assert ids.dtype == np.uint8
    assert corpus["name"] == "text.txt"


def test_words_that_are_rare_in_the_first_80_percent_are_unknown(tmp_path):
    (tmp_path / "text.txt").write_text("A b, a b, a b, a c. d d d d")  # 80 % of 16 are 12
    ids, vocabulary, _ = data.load_words(str(tmp_path / "text.txt"))
    assert vocabulary.decode(ids) == ["a", "b", ",", "a", "b", ",", "a", "b", ",", "a", *[UNKNOWN] * 6]


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


@pytest.mark.parametrize("tree", ["( (S (DT The) ", "no tree at all)"])
def test_read_treebank_refuses_damaged_trees(tmp_path, tree):
    with zipfile.ZipFile(tmp_path / "treebank.zip", "w") as archive:
        archive.writestr("treebank/combined/wsj_0001.mrg", tree)
    with pytest.raises(InputError, match="damaged"):
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


def test_leaving_a_subject_out_leaves_no_mention_of_it_in_training():
    rows = [(1, "I like Tea!"), (0, "tea is bad"), (1, "coffee, good"), (0, "steam"), (0, "tea or coffee")]
    assert data.subject_folds(rows, ["tea"]) == [([2, 3], [0, 1, 4])]  # steam holds no word tea
    with pytest.raises(InputError, match="'cocoa'"):
        data.subject_folds(rows, ["tea", "cocoa"])


def test_folds_refuse_a_label_with_too_few_rows():
    with pytest.raises(InputError, match="one label has 3"):
        data.folds([0, 0, 0] + [1] * 50)


def test_near_copies_are_at_most_three_edits_apart():
    sentences = ["the film was good", "Film: was good", "the film was goods so", "the film was bood!", "the film was"]
    # Edits from the first: "the " deleted, 4; "s so" inserted, 4; one letter replaced, and the mark is folded away, 1;
    # " good" deleted, 5. From the second: "the " inserted and a letter replaced, 5; and so on.
    assert data.near_copies(sentences) == [(0, 3)]
    assert data.near_copies(sentences, edits=4) == [(0, 1), (0, 2), (0, 3)]


def test_three_characters_more_are_a_near_copy_and_four_are_not():
    assert data.near_copies(["abcdefg", "abc", "abcd", "..."]) == [(0, 2), (1, 2), (1, 3)]


def test_near_copies_have_their_characters_in_nearly_the_same_order():
    assert data.near_copies(["abcdefgh", "dcbaefgh", "cbadefgh"]) == [(0, 2), (1, 2)]  # the first two: 4 edits


def test_near_copies_are_those_whose_whole_distance_is_computed():
    generator = np.random.default_rng(0)
    sentences = ["".join(generator.choice(list("abc "), size)) for size in generator.integers(2, 12, 80)]
    folded = [data.fold(sentence) for sentence in sentences]
    all_pairs = itertools.combinations(range(80), 2)
    expected = [(one, other) for one, other in all_pairs if distance_by_recursion(folded[one], folded[other]) <= 3]
    assert 100 < len(expected) < 2000
    assert data.near_copies(sentences) == expected


@functools.cache
def distance_by_recursion(one, other):
    """The edit distance by its definition."""
    if not one or not other:
        return len(one) + len(other)
    replaced = distance_by_recursion(one[1:], other[1:]) + (one[0] != other[0])
    return min(replaced, distance_by_recursion(one[1:], other) + 1, distance_by_recursion(one, other[1:]) + 1)


def test_a_chain_of_near_copies_is_one_group():
    pairs = data.near_copies(["i love it", "other words", "i love it so so", "i love it so"])
    assert pairs == [(0, 3), (2, 3)]  # " so" is three edits, " so so" six
    assert data.near_copy_groups(pairs, 4) == [0, 1, 0, 0]


def test_groups_join_chains_whatever_the_order_of_the_pairs():
    assert data.near_copy_groups([(0, 1), (1, 2)], 5) == [0, 0, 0, 3, 4]
    assert data.near_copy_groups([(3, 4), (1, 2), (0, 4), (2, 4)], 6) == [0, 0, 0, 0, 0, 5]
    assert data.near_copy_groups([], 3) == [0, 1, 2]


def test_no_group_is_in_training_and_test_of_one_fold():
    labels = [0, 1] * 50
    pairs = [(row, row + 2) for row in range(0, 96, 4)] + [(row, row + 7) for row in range(0, 60, 20)]
    groups = data.near_copy_groups(pairs, 100)
    folds = data.grouped_folds(labels, pairs)
    assert sorted(row for _, test in folds for row in test) == list(range(100))
    for train, test in folds:
        assert sorted(train + test) == list(range(100))
        assert {groups[row] for row in train}.isdisjoint(groups[row] for row in test)
        assert 16 <= len(test) <= 24 and 0.4 <= np.mean([labels[row] for row in test]) <= 0.6
    broken = [{groups[row] for row in train} & {groups[row] for row in test} for train, test in data.folds(labels)]
    assert all(broken)  # the plain folds tear groups apart


def test_grouped_folds_refuse_too_few_groups():
    labels = [0] * 20 + [1] * 20
    chain = [(row, row + 1) for row in range(15)]  # rows 0 to 15 are one group: label 0 is in five
    assert len(data.grouped_folds(labels, chain)) == 5
    with pytest.raises(InputError, match="40 sentences in 24 groups"):
        data.grouped_folds(labels, [*chain, (15, 16)])
    with pytest.raises(InputError, match="40 sentences in 1 groups"):
        data.grouped_folds(labels, [(row, row + 1) for row in range(39)])
    with pytest.raises(InputError, match="6 sentences in 6 groups"):
        data.grouped_folds([0, 0, 0, 1, 1, 1], [])
    with pytest.raises(InputError, match="11 sentences in 8 groups"):  # enough, yet a test part gets one label only
        data.grouped_folds([1, 1, 1, 1, 0, 0, 1, 1, 0, 0, 0], [(4, 7), (2, 5), (1, 9)])


# Finding, verifying, downloading


@pytest.fixture
def empty_machine(monkeypatch, tmp_path):
    """No corpus anywhere, and a home folder of its own."""
    monkeypatch.delenv("RNN_DATA", raising=False)
    monkeypatch.setattr(data, "_cache_folders", lambda: [tmp_path / "cache"])
    monkeypatch.setattr(data, "__file__", str(tmp_path / "repository" / "common" / "data.py"))
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
        assert data.find(corpus) == empty_machine / folder / "corpus.txt"
    own = empty_machine / "own.txt"
    own.write_bytes(b"something else")
    assert data.find(corpus, str(own)) == own


def test_find_refuses_a_wrong_hash_and_names_both(empty_machine, monkeypatch):
    corpus = corpus_of(b"the published text")
    (empty_machine / "corpus.txt").write_bytes(b"another text")
    monkeypatch.setenv("RNN_DATA", str(empty_machine))
    with pytest.raises(InputError) as error:
        data.find(corpus)
    assert corpus.sha256 in str(error.value)
    assert hashlib.sha256(b"another text").hexdigest() in str(error.value)


def test_find_takes_a_folder_for_data(tmp_path):
    (tmp_path / "corpus.txt").write_bytes(b"text")
    assert data.find(corpus_of(b"text"), str(tmp_path)) == tmp_path / "corpus.txt"
    with pytest.raises(InputError, match="SHA-256"):
        data.find(corpus_of(b"other"), str(tmp_path))


def test_find_refuses_paths_that_do_not_exist(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="no such file"):
        data.find(corpus_of(b""), str(tmp_path / "missing.txt"))
    monkeypatch.setenv("RNN_DATA", str(tmp_path / "missing"))
    with pytest.raises(InputError, match="RNN_DATA names no folder"):
        data.find(corpus_of(b""))


def test_find_falls_back_to_the_sample_and_says_so(empty_machine, monkeypatch, capsys):
    def unreachable(corpus):
        raise OSError("no network")

    monkeypatch.setattr(data, "download", unreachable)
    assert data.find(corpus_of(b"text")) is None
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

    import keras

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
    path = data.download(corpus_of(b"published", f"{server}/corpus.txt"))
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
        data.download(corpus_of(b"expected", f"{server}/{path}"), seconds=0.5)
    assert "\n" not in str(refusal.value)
    assert not list((tmp_path / "datasets").iterdir())


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
    assert corpus == {"name": "Alice in Wonderland", "sha256": data.ALICE.sha256}


def test_umich_has_7086_rows_and_1212_different_sentences(real_corpora):
    rows, names, _ = data.load_opinions(real_corpora)
    assert names == ["negative", "positive"]
    assert len(rows) == 7086
    assert len({data.fold(sentence) for _, sentence in rows}) == 1213
    assert len(data.deduplicate(rows)) == 1212  # one sentence has both labels


def test_treebank_has_3914_sentences_94084_words_45_tags(real_corpora):
    sentences, _ = data.load_tagged_sentences(real_corpora)
    words = [pair for sentence in sentences for pair in sentence]
    assert (len(sentences), len(words), len({tag for _, tag in words})) == (3914, 94084, 45)
