from dataclasses import replace

import keras
import numpy as np
import pytest

from common.data import deduplicate, folds, normalise, parse_opinions
from common.padding import pad
from common.sample import opinions
from common.saving import load_model, save_model
from common.vocabulary import Vocabulary
from sentiment import compare
from sentiment.eval import calibration, leaking_split, predict, predict_saved
from sentiment.pieces import MOST_PIECES, make_encoder, make_vocabulary, pieces_of
from sentiment.train import Hyperparameters, build_model, fit

TINY = Hyperparameters(embedding_size=5, hidden_size=6, word_dropout=0.0, input_dropout=0.0, dropout=0.0, epochs=1)
ROWS = deduplicate(parse_opinions(opinions(400), "sample")[0])


def with_random_weights(model):
    generator = np.random.default_rng(1)
    model.set_weights([generator.normal(0, 0.7, weight.shape) for weight in model.get_weights()])
    return model


# Words and pieces


def test_words_are_encoded_without_case_and_punctuation():
    vocabulary = Vocabulary(["", "[UNK]", "i", "like", "it"])
    assert make_encoder(vocabulary)("I -- LIKE it, mostly!").tolist() == [2, 3, 4, 1]


def test_pieces_are_the_word_and_its_strings_of_three_to_five_characters():
    assert pieces_of("suck") == ["<suck>", "<su", "suc", "uck", "ck>", "<suc", "suck", "uck>", "<suck", "suck>"]
    assert pieces_of("a") == ["<a>"]


def test_a_misspelling_shares_the_pieces_that_training_knew():
    vocabulary = make_vocabulary(["It sucks.", "sucks, zzz"], replace(TINY, minimum_count=2))
    assert set(vocabulary.tokens[2:]) == set(pieces_of("sucks"))  # the others occur once
    ids = make_encoder(vocabulary)("SUCKSSS qqq")
    assert ids.shape == (2, MOST_PIECES)
    shared = [token for token in vocabulary.decode(ids[0]) if token]
    assert shared == ["<su", "suc", "uck", "cks", "<suc", "suck", "ucks", "<suck", "sucks"]
    assert ids[1].tolist() == [1] + [0] * (MOST_PIECES - 1)  # unknown altogether


def test_a_word_is_counted_as_often_as_it_occurs_and_each_of_its_pieces_once():
    vocabulary = make_vocabulary(["aaaaaa"], replace(TINY, minimum_count=2))
    assert vocabulary.tokens == ["", "[UNK]"]


def test_only_the_commonest_pieces_are_kept():
    vocabulary = make_vocabulary(["a a a bc bc d"], replace(TINY, minimum_count=1, vocabulary_size=4))
    assert vocabulary.tokens == ["", "[UNK]", "<a>", "<bc>"]


# Models


@pytest.mark.parametrize("cell", ["simple", "lstm", "gru"])
@pytest.mark.parametrize("reads", ["pieces", "words"])
def test_padding_does_not_change_what_the_model_says(cell, reads):
    model = with_random_weights(build_model(replace(TINY, cell=cell, reads=reads), 20))
    generator = np.random.default_rng(0)
    shapes = [(length, MOST_PIECES) if reads == "pieces" else (length,) for length in (9, 1, 4)]
    sentences = [generator.integers(1, 20, shape) for shape in shapes]
    one_by_one = np.concatenate([model(sentence[None]) for sentence in sentences])
    assert np.allclose(model(pad(sentences)), one_by_one, atol=1e-5)


def test_padding_does_not_change_what_the_cnn_says():
    model = with_random_weights(compare.build_cnn(TINY, 20))
    sentences = [np.arange(1, 1 + length) for length in (9, 1, 4)]
    one_by_one = np.concatenate([model(sentence[None]) for sentence in sentences])
    assert np.allclose(model(pad(sentences)), one_by_one, atol=1e-5)


def test_the_order_of_pieces_and_missing_ones_do_not_matter_but_the_order_of_words_does():
    model = with_random_weights(build_model(TINY, 20))
    words = np.zeros((1, 3, MOST_PIECES), dtype="int32")
    words[0, :, :3] = [[3, 4, 5], [6, 7, 0], [8, 9, 10]]
    turned = words.copy()
    turned[0, :, :3] = [[5, 3, 4], [7, 6, 0], [9, 8, 10]]
    assert np.allclose(model(words), model(turned), atol=1e-5)
    assert not np.allclose(model(words), model(words[:, ::-1]), atol=1e-3)


def test_the_vector_of_a_word_is_the_sum_of_its_pieces_over_the_root_of_their_number():
    model = with_random_weights(build_model(TINY, 20))
    embeddings = [layer for layer in model.layers if isinstance(layer, keras.layers.Embedding)]
    table = next(layer.get_weights()[0] for layer in embeddings if layer.output_dim == TINY.embedding_size)
    layer = next(layer for layer in model.layers if isinstance(layer, keras.layers.Bidirectional))
    words = keras.Model(model.input, layer.input[0] if isinstance(layer.input, list) else layer.input)
    ids = np.zeros((1, 2, MOST_PIECES), dtype="int32")
    ids[0, 0, :3], ids[0, 1, :1] = [3, 4, 5], [6]
    expected = [table[[3, 4, 5]].sum(axis=0) / np.sqrt(3), table[6]]
    assert np.allclose(words(ids)[0], expected, atol=1e-5)


def test_a_piece_votes_by_itself():
    model = with_random_weights(build_model(TINY, 20))
    embeddings = [layer for layer in model.layers if isinstance(layer, keras.layers.Embedding)]
    votes = next(layer for layer in embeddings if layer.output_dim == 1)
    ids = np.zeros((1, 3, MOST_PIECES), dtype="int32")
    ids[0, 0, :4], ids[0, 1, :1] = [3, 4, 5, 6], [7]  # the third word is padding
    before = float(model(ids)[0, 0])
    votes.set_weights([votes.get_weights()[0] + np.arange(20)[:, None]])
    assert float(model(ids)[0, 0]) - before == pytest.approx(TINY.vote_scale * ((3 + 4 + 5 + 6) / 2 + 7), abs=1e-4)


def test_a_training_does_not_depend_on_the_one_before():
    first = fit(ROWS[:60], TINY)[0].get_weights()
    fit(ROWS[60:150], replace(TINY, seed=3))
    again = fit(ROWS[:60], TINY)[0].get_weights()
    assert all(np.allclose(one, other, atol=1e-5) for one, other in zip(first, again, strict=True))
    assert not np.allclose(first[0], fit(ROWS[:60], replace(TINY, seed=1))[0].get_weights()[0], atol=1e-3)


def test_loss_falls_in_a_few_steps():
    keras.utils.set_random_seed(0)
    model = build_model(TINY, 20)
    model.compile(keras.optimizers.Adam(0.02), keras.losses.BinaryCrossentropy(from_logits=True))
    inputs = pad([np.tile(np.arange(1, 8)[:, None], MOST_PIECES), np.tile(np.arange(8, 19)[:, None], MOST_PIECES)])
    labels = np.array([[0.0], [1.0]])
    losses = model.fit(inputs, labels, batch_size=2, epochs=15, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]


@pytest.fixture(scope="module")
def pair():
    """Two members of one training, and their vocabulary."""
    return fit(ROWS, replace(TINY, members=2))


def test_several_members_give_the_mean_of_their_logits(pair):
    model, vocabulary = pair
    inputs = make_encoder(vocabulary)(ROWS[0][1])[None]
    members = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    logits = [float(member(inputs)[0, 0]) for member in members]
    assert len(logits) == 2 and abs(logits[0] - logits[1]) > 1e-4
    assert float(model(inputs)[0, 0]) == pytest.approx(np.mean(logits), abs=1e-5)


def test_predictions_survive_saving_and_come_in_order_of_the_sentences(pair, tmp_path):
    model, vocabulary = pair
    save_model(model, tmp_path / "model.keras", tokens=vocabulary, labels=Vocabulary(["ham", "spam"]))
    assert load_model(tmp_path / "model.keras")[1]["labels"].tokens == ["ham", "spam"]
    sentences = [sentence for _, sentence in ROWS[:40]]
    together = predict_saved(tmp_path / "model.keras", sentences)
    assert ((together > 0) & (together < 1)).all()
    alone = np.concatenate([predict(model, vocabulary, [sentence]) for sentence in sentences[:3]])
    assert np.allclose(together[:3], alone, atol=1e-5)


# Evaluation


def test_the_leaking_split_leaks_as_the_classic_one_does():
    training, test = leaking_split(parse_opinions(opinions(), "sample")[0], seed=0)
    seen = {normalise(sentence) for _, sentence in training}
    assert np.mean([normalise(sentence) in seen for _, sentence in test]) > 0.4


def test_calibration_by_hand():
    found, error = calibration(np.array([0, 1, 1, 1, 0]), np.array([0.92, 0.98, 1.0, 0.94, 0.3]))
    assert np.allclose(found, [(0.3, 0, 1), (0.96, 0.75, 4)])
    assert error == pytest.approx((1 * 0.3 + 4 * 0.21) / 5)


def test_compare_under_both_protocols(capsys):
    options = compare.Options(data="sample", models=("majority", "naive Bayes"))
    compare.main(options)
    printed = capsys.readouterr().out.splitlines()
    rows = deduplicate(parse_opinions(opinions(), "sample")[0])
    majority = [line.split() for line in printed if line.startswith("majority  ")]
    subjects = [subject.strip() for subject in compare.SUBJECTS.split("|")]
    expected = []
    for subject in subjects:
        test = [label for label, sentence in rows if subject in normalise(sentence)]
        rest = [label for label, sentence in rows if subject not in normalise(sentence)]
        expected.append(np.mean([label == (np.mean(rest) > 0.5) for label in test]))
    assert np.allclose([float(cell) for cell in majority[1][3:]], expected, atol=1e-4)
    assert float(majority[1][1]) == pytest.approx(np.mean(expected), abs=1e-4)
    bayes = next(line.split() for line in printed if line.startswith("naive Bayes  "))
    assert float(bayes[4]) > float(bayes[2]) + 0.01  # the leaking figure is the higher one


def test_a_network_is_trained_and_scored_by_compare():
    accuracy, loss = compare.accuracy_and_loss("CNN", ROWS, list(range(100)), list(range(100, 130)), TINY)
    assert 0 <= accuracy <= 1 and 0 < loss < 5


def test_near_copies_in_another_fold_are_found():
    splits = [([2, 3, 4, 5], [1, 0]), ([0, 1, 4, 5], [3, 2]), ([0, 1, 2, 3], [4, 5])]
    pairs = [(0, 1), (1, 4), (2, 3)]  # 0 and 1, 2 and 3 are in one fold
    assert compare.have_near_copies(splits, pairs).tolist() == [True, False, False, False, True, False]


@pytest.fixture
def near_copied(tmp_path):
    """A file of 70 made-up words, 40 of them positive; to 30 of them there is a near-copy, with an s more."""
    generator = np.random.default_rng(0)
    words = ["".join(generator.choice(list("abcdefghijk"), 15)) for _ in range(55)]
    rows = [(int(number < 30), word) for number, word in enumerate(words)]
    rows += [(label, f"{word}s") for label, word in rows[20:35]]
    path = tmp_path / "near.txt"
    path.write_text("".join(f"{label}\t{word}\n" for label, word in rows), encoding="utf-8")
    return str(path), rows


def test_the_table_of_the_folds_tells_near_copies_from_the_rest(near_copied, capsys):
    path, rows = near_copied
    compare.main(compare.Options(data=path, protocol="folds", models=("majority",)))
    printed = capsys.readouterr().out.splitlines()
    near, rest = [], []
    for training, test in folds([label for label, _ in rows]):
        trained = {rows[index][1] for index in training}
        for label, word in (rows[index] for index in test):
            (near if {f"{word}s", word.removesuffix("s")} & trained else rest).append(label)
    assert f"{len(near)} of 70 test sentences are near copies of a training sentence: within three edits" in printed
    row = next(line.split() for line in printed if line.startswith("majority  "))
    assert np.allclose([float(cell) for cell in row[4:]], [np.mean(near), np.mean(rest)], atol=1e-4)


def test_folds_without_near_copies_leave_the_column_empty(tmp_path, capsys):
    rows = [f"{number % 2}\t{chr(97 + number) * 9}\n" for number in range(20)]
    (tmp_path / "rows.txt").write_text("".join(rows), encoding="utf-8")
    compare.main(compare.Options(data=str(tmp_path / "rows.txt"), protocol="folds", models=("majority",)))
    printed = capsys.readouterr().out
    assert "\n0 of 20 test sentences are near copies" in printed
    row = next(line.split() for line in printed.splitlines() if line.startswith("majority  "))
    assert len(row) == 5 and row[4] == "0.5000"


def test_under_groups_no_near_copy_of_a_test_sentence_is_trained_on(near_copied, monkeypatch, capsys):
    path, rows = near_copied
    parts = []

    def majority(name, training, sentences, network, copies=False):
        parts.append(({word for _, word in training}, list(sentences)))
        return np.ones(len(sentences))

    monkeypatch.setattr(compare, "train_and_predict", majority)
    compare.main(compare.Options(data=path, protocol="groups", models=("network",)))
    assert sorted(word for _, tested in parts for word in tested) == sorted(word for _, word in rows)
    for trained, tested in parts:
        assert len(trained) + len(tested) == 70
        assert not any({word, f"{word}s", word.removesuffix("s")} & trained for word in tested)
    positive = {word for label, word in rows if label}
    accuracies = [np.mean([word in positive for word in tested]) for _, tested in parts]
    printed = capsys.readouterr().out.splitlines()
    row = next(line.split() for line in printed if line.startswith("network  "))
    assert np.allclose([float(cell) for cell in row[1:]], [np.mean(accuracies), np.std(accuracies)], atol=1e-4)


def test_all_protocols_are_three_tables(capsys):
    compare.main(compare.Options(data="sample", models=("majority",)))
    lines = capsys.readouterr().out.splitlines()
    headings = [line.split("  ")[0] for line in lines if "  accuracy  " in line]
    assert headings == ["different sentences", "one subject left out", "near copies together"]
