from collections import Counter
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from chargen import elman, generate, numpy_char_rnn, train
from chargen.eval import draw_bits
from chargen.model import CELLS, SCAN_CELLS, build_model
from chargen.ngram import NGram, WordNGram, best_order, discounts_of
from chargen.ngram_logits import known_ngrams
from chargen.scoring import bits_of, mean_of, read_stream
from chargen.train import PRESETS, Hyperparameters
from chargen.weight_dropout import WeightDropGRU, WeightDropLSTM, WeightDropSimpleRNN
from chargen.writer import Writer
from common import InputError
from common.batches import stream_batches
from common.saving import load_model, save_model
from common.vocabulary import UNKNOWN_CHARACTER, Vocabulary

NO_DROPOUT = {"input_dropout": 0.0, "dropout": 0.0, "weight_dropout": 0.0}
TINY = Hyperparameters(embedding_size=5, hidden_size=7, batch_size=3, sequence_length=4, **NO_DROPOUT)
VOCABULARY = Vocabulary.of_characters("abcdefghij ")


@pytest.fixture
def ids():
    return np.random.default_rng(0).integers(0, len(VOCABULARY), 101).astype("int32")


def with_random_weights(model):
    generator = np.random.default_rng(1)
    model.set_weights([generator.normal(0, 0.7, weight.shape) for weight in model.get_weights()])
    return model


# The models


@pytest.mark.parametrize("hyperparameters", [replace(TINY, cell=cell) for cell in (*CELLS, *SCAN_CELLS)])
def test_loss_falls_in_a_few_steps(hyperparameters, ids):
    keras.utils.set_random_seed(0)
    model = build_model(hyperparameters, len(VOCABULARY))
    model.compile(keras.optimizers.Adam(0.02), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    inputs, targets = next(stream_batches(ids, 3, 4).as_numpy_iterator())
    losses = model.fit(inputs, targets, batch_size=3, epochs=15, verbose=0).history["loss"]
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize("cell", ["gru", "mingru", "lru"])
def test_the_state_is_carried_from_batch_to_batch(cell, ids):
    stateful = with_random_weights(build_model(replace(TINY, cell=cell), len(VOCABULARY)))
    batches = [inputs for inputs, _ in stream_batches(ids, 3, 4).as_numpy_iterator()]
    in_pieces = np.concatenate([stateful(inputs) for inputs in batches], axis=1)
    stateful.reset_states()
    assert np.allclose(in_pieces, stateful(np.concatenate(batches, axis=1)), atol=1e-5)


@pytest.mark.parametrize("cell", ["simple", "lstm", "gru"])
def test_the_model_computes_what_keras_own_layers_compute(cell, ids):
    model = with_random_weights(build_model(replace(TINY, cell=cell, batch_size=2), len(VOCABULARY)))
    text = ids[:60].reshape(2, 30)
    kind = {"simple": keras.layers.SimpleRNN, "lstm": keras.layers.LSTM, "gru": keras.layers.GRU}[cell]
    layers = [keras.layers.Embedding(len(VOCABULARY), 5), kind(7, return_sequences=True)]
    plain = keras.Sequential([keras.Input((30,), dtype="int32"), *layers, keras.layers.Dense(len(VOCABULARY))])
    plain.set_weights(model.get_weights())
    assert np.allclose(model(text), plain(text), atol=1e-5)


def test_a_tied_model_compares_what_it_has_read_with_the_vectors_of_the_embedding(ids):
    model = with_random_weights(build_model(replace(TINY, tied=True, batch_size=2), len(VOCABULARY)))
    text = ids[:60].reshape(2, 30)
    plain = keras.layers.LSTM(7, return_sequences=True)
    plain.build((2, 30, 5))
    plain.set_weights(model.recurrent.get_weights())
    vectors = np.array(model.embedding.embeddings)  # (vocabulary, 5)
    kernel, bias = model.dense.get_weights()
    expected = (np.array(plain(vectors[text])) @ kernel + bias) @ vectors.T + np.array(model.bias)
    assert kernel.shape == (7, 5)
    assert np.allclose(model(text), expected, atol=1e-4)


@pytest.mark.parametrize("cell", [*CELLS, *SCAN_CELLS])
def test_stepping_equals_reading_the_whole_text(cell, ids):
    model = with_random_weights(build_model(replace(TINY, cell=cell, batch_size=2), len(VOCABULARY)))
    text = ids[:60].reshape(2, 30)
    whole = model(text).numpy()
    states = model.initial_states(2)
    for position in range(30):
        logits, states = model.step(text[:, position], states)
        assert np.allclose(logits, whole[:, position], atol=1e-5)


# Measuring


def softmax(logits):
    exponentials = np.exp(logits - logits.max(-1, keepdims=True))
    return exponentials / exponentials.sum(-1, keepdims=True)


@pytest.fixture
def stream_model():
    return with_random_weights(build_model(replace(TINY, batch_size=1), len(VOCABULARY)))


def test_every_character_is_predicted_once_with_the_state_of_the_text_before(stream_model, monkeypatch, ids):
    monkeypatch.setattr("chargen.scoring.CHUNK", 7)
    expected = softmax(stream_model(ids[None, :-1]).numpy()[0])  # (100, vocabulary), row i for ids[i + 1]
    pieces = list(read_stream(stream_model, ids[40:], ids[:40]))
    assert [len(piece) for piece in pieces] == [7] * 8 + [5]
    assert np.allclose(np.concatenate(pieces), expected[39:], atol=1e-5)


def test_dynamic_evaluation_does_not_look_ahead(stream_model, monkeypatch, ids):
    monkeypatch.setattr("chargen.scoring.CHUNK", 10)
    changed = ids.copy()
    changed[70:] = changed[70:][::-1]
    one, other = (np.concatenate(list(read_stream(stream_model, x[40:], x[:40], True))) for x in (ids, changed))
    assert np.array_equal(one[:30], other[:30])
    assert not np.allclose(one[31:], other[31:])


def test_dynamic_evaluation_learns_what_it_has_been_scored_on_and_leaves_the_model_as_it_was(stream_model, ids):
    before = stream_model.get_weights()
    again = np.tile(ids[:20], 30)
    static, dynamic = (
        np.concatenate(list(read_stream(stream_model, again, ids[:40], learn, rate=0.01))) for learn in (False, True)
    )
    bits = [-np.log2(p[np.arange(len(again)), again]) for p in (static, dynamic)]
    assert bits[1][:10] == pytest.approx(bits[0][:10], abs=1e-4)  # the first piece is scored before anything is learned
    assert bits[1][-100:].mean() < bits[0][-100:].mean() - 0.5
    assert all(np.array_equal(*pair) for pair in zip(before, stream_model.get_weights(), strict=True))


def test_dynamic_evaluation_as_it_comes_makes_what_is_repeated_more_likely():
    """With its own rates; each repetition also pays a model that is n-gram logits only."""
    text = np.tile(np.random.default_rng(0).integers(0, len(VOCABULARY), 40), 10).astype("int32")
    known = known_ngrams(text, (2,), len(VOCABULARY))
    model = build_model(replace(TINY, ngrams=(2,)), len(VOCABULARY), known)
    for weight in model.trainable_variables:
        weight.assign(keras.ops.zeros_like(weight))
    bits = bits_of(read_stream(model, text, text[:40], learn=True), text)
    assert bits[-40:].mean() < 0.8 * bits[:40].mean()


def test_decay_leads_back_to_the_trained_weights(stream_model, ids):
    kept, forgot = (
        np.concatenate(list(read_stream(stream_model, np.tile(ids, 3), ids, True, 0.01, decay=decay)))
        for decay in (0.0, 1.0)
    )
    static = np.concatenate(list(read_stream(stream_model, np.tile(ids, 3), ids)))
    assert np.allclose(forgot, static, atol=1e-4)
    assert not np.allclose(kept, static, atol=1e-2)


def test_the_mean_of_streams_is_that_of_their_probabilities():
    streams = [
        iter([np.array([[0.2, 0.8]]), np.array([[1.0, 0.0]])]),
        iter([np.array([[0.4, 0.6]]), np.array([[0.5, 0.5]])]),
    ]
    assert np.allclose(np.concatenate(list(mean_of(streams))), [[0.3, 0.7], [0.75, 0.25]])


def test_the_figure_shows_running_means(monkeypatch):
    monkeypatch.setattr("common.plots.save", lambda figure, path: figures.append(figure))
    figures, bits = [], np.random.default_rng(0).uniform(0, 8, 9)
    draw_bits({"model": bits}, None, span=4)
    (line,) = figures[0].axes[0].lines
    assert line.get_ydata() == pytest.approx([bits[start : start + 4].mean() for start in range(6)])
    assert line.get_label() == f"model: {bits.mean():.3f}"


# n-grams


def test_witten_bell_by_hand():
    # "abac" as ids 0102. After 0 came 1 once and 2 once: N = 2, T = 2. Alone: 0 twice, 1 once, 2 once: N = 4, T = 3.
    model = NGram([0, 1, 0, 2], vocabulary_size=4, order=2)
    unigram = np.array([2 + 3 / 4, 1 + 3 / 4, 1 + 3 / 4, 3 / 4]) / (4 + 3)
    assert model.distribution([0]) == pytest.approx((np.array([0, 1, 1, 0]) + 2 * unigram) / (2 + 2))
    assert model.distribution([3]) == pytest.approx(unigram)  # a context never seen
    assert model.bits([0, 1], before=[1, 0]) == pytest.approx(
        [-np.log2(model.distribution([0])[0]), -np.log2(model.distribution([0])[1])]
    )


def test_kneser_ney_by_hand(monkeypatch):
    # 0102013: pairs 01 (twice), 10, 02, 20, 13 (once each). With discounts 0.5, 0.6, 0.7 throughout:
    monkeypatch.setattr("chargen.ngram.discounts_of", lambda how_many: np.array([0, 0.5, 0.6, 0.7]))
    model = NGram([0, 1, 0, 2, 0, 1, 3], vocabulary_size=5, order=2, smoothing="kneser-ney")
    # after how many different symbols: 0 at the start and after 1 and 2; 1 after 0; 2 after 0; 3 after 1; together 6
    gamma = (0.7 + 3 * 0.5) / 6
    unigram = np.array([3 - 0.7, 0.5, 0.5, 0.5, 0]) / 6 + gamma / 5
    assert model.distribution([4]) == pytest.approx(unigram)
    after_0 = np.array([0, 2 - 0.6, 1 - 0.5, 0, 0]) / 3 + (0.6 + 0.5) / 3 * unigram
    assert model.distribution([0]) == pytest.approx(after_0)


def test_the_discounts_are_those_of_chen_and_goodman():
    share = 8 / (8 + 2 * 4)
    assert discounts_of(Counter({1: 8, 2: 4, 3: 3, 4: 2})) == pytest.approx(
        [0, 1 - 2 * share * 4 / 8, 2 - 3 * share * 3 / 4, 3 - 4 * share * 2 / 3]
    )


def test_discounts_are_estimated_from_how_many_ngrams_occur_how_often(ids):
    model = NGram(ids, len(VOCABULARY), 2, "witten-bell")
    pairs = Counter(zip(ids[:-1].tolist(), ids[1:].tolist(), strict=True))
    assert +model.how_many[1] == Counter(pairs.values())


@pytest.mark.parametrize("smoothing", ["witten-bell", "kneser-ney"])
def test_going_on_counting_is_the_same_as_counting_all_at_once(smoothing, ids):
    at_once = NGram(ids, len(VOCABULARY), 4, smoothing)
    bit_by_bit = NGram(ids[:40], len(VOCABULARY), 4, smoothing)
    for start in range(40, len(ids), 7):
        bit_by_bit.learn(ids[start : start + 7], ids[:start])
    assert np.array_equal(at_once.distributions(ids, []), bit_by_bit.distributions(ids, []))


def test_what_is_only_read_as_context_is_not_counted():
    model = NGram([0, 1, 0, 1], 4, 2)
    model.learn([3], before=[0, 2])
    assert model.counts[1][2,] == {3: 1}
    assert 2 not in model.counts[0][()]


def test_the_order_of_kneser_ney_is_the_best_on_the_validation_part():
    word = np.random.default_rng(0).integers(0, 4, 9)
    text = np.tile(word, 40)  # nine characters that come again and again: only a long context tells them apart
    best = {order: NGram(text, 4, order, "kneser-ney").bits(text[:90], text).mean() for order in (1, 2, 6)}
    assert best_order(text, text[:90], 4, orders=(1, 2, 6)) == min(best, key=best.get) == 6
    noise = np.random.default_rng(1).integers(0, 4, 500)
    assert best_order(noise[:250], noise[250:], 4, orders=(1, 6)) == 1


@pytest.mark.parametrize("smoothing", ["witten-bell", "kneser-ney"])
def test_distributions_of_ngrams_sum_to_one(smoothing, ids):
    distributions = NGram(ids, len(VOCABULARY) + 2, 4, smoothing).distributions(ids[:50], ids[-3:])
    assert distributions.min() > 0
    assert distributions.sum(axis=1) == pytest.approx(np.ones(50))


def test_bits_of_ngrams_do_not_depend_on_the_pieces_they_are_computed_in(ids):
    model = NGram(ids, len(VOCABULARY), 4)
    text = np.tile(ids, 25)  # longer than two pieces
    whole = model.distributions(text, ids[:10])[np.arange(len(text)), text]
    assert model.bits(text, ids[:10]) == pytest.approx(-np.log2(whole))


def test_witten_bell_counts_the_short_n_grams_of_a_long_one_every_time():
    model = NGram([0, 1, 0, 1, 1], 2, order=2, smoothing="witten-bell")
    assert model.distribution([])[1] == pytest.approx((3 + 2 / 2) / (5 + 2))  # 3 of 5; 2 different ones
    assert model.distribution([1])[1] == pytest.approx((1 + 2 * 4 / 7) / (2 + 2))  # after 1 came 0 and 1


def test_ngrams_write_what_they_have_seen():
    written = NGram([0, 1, 2, 3] * 200, 4, 3).generate([0, 1], 40, seed=3)
    assert sum(new == (old + 1) % 4 for old, new in zip([1, *written], written, strict=False)) > 35


def test_the_contexts_of_words_are_the_word_begun_and_those_before_it():
    the, white, rab = [1, 2, 3], [4, 2, 1], [5, 6]
    model = WordNGram([1, 2], vocabulary_size=9, letters=range(1, 7), order=4)
    backwards = [tuple(reversed(word)) for word in (rab, white, the)]
    expected = [(), *(tuple(backwards[:count]) for count in (1, 2, 3))]
    assert model.contexts([6, 0, *the, 0, 8, *white, 0, *rab]) == expected
    assert model.contexts([*the, 0, *white, 8])[1:3] == [((8,),), ((8,), (1, 2, 4))]  # no word is begun
    assert model.contexts([]) == [(), ((),), ((),), ((),)]


def test_a_model_of_words_knows_what_follows_whatever_stands_between(ids):
    text = [*[1, 2, 0, 3, 4, 0], *[1, 2, 8, 0, 3, 5, 0]] * 20  # "ab cd", "ab, ce"
    model = WordNGram(text, vocabulary_size=9, letters=range(1, 7))
    assert model.distribution([1, 2, 8, 8, 0, 3])[[4, 5]].sum() > 0.8
    assert model.distributions(ids[:30] % 9, ids[30:40] % 9).sum(axis=1) == pytest.approx(np.ones(30))


# The Elman networks


def test_the_gradients_written_by_hand_equal_central_differences(monkeypatch):
    assert numpy_char_rnn.largest_gradient_error() < 1e-6
    backward = numpy_char_rnn.backward
    monkeypatch.setattr(numpy_char_rnn, "backward", lambda *a: {k: g * 1.01 for k, g in backward(*a).items()})
    assert numpy_char_rnn.largest_gradient_error() > 1e-3  # and the check would see a wrong one


def test_the_numpy_network_equals_keras_simple_rnn(ids):
    weights = numpy_char_rnn.initial_weights(len(VOCABULARY), 6, seed=2)
    layer = keras.layers.SimpleRNN(6, return_sequences=True)
    one_hot = np.eye(len(VOCABULARY))[ids[None, :20]]
    layer.build(one_hot.shape)
    layer.set_weights([weights["W"].T, weights["U"].T, weights["b"]])
    states, probabilities = numpy_char_rnn.forward(weights, ids[None, :20], np.zeros((1, 6)))
    hidden = layer(one_hot).numpy()[0]
    assert np.allclose(np.concatenate(states[1:]), hidden, atol=1e-5)
    assert np.allclose(np.concatenate(probabilities), softmax(hidden @ weights["V"].T + weights["c"]), atol=1e-5)


@pytest.mark.parametrize("activation", ["tanh", "logistic", "relu", "elu"])
def test_elman_networks_learn(activation, capsys):
    text = np.tile(np.arange(8), 100).astype("int32")
    settings = elman.Hyperparameters(
        level="character", activation=activation, hidden_size=16, sequence_length=5, batch_size=4, max_steps=60,
        learning_rate=0.01, snapshot_every=20, sample_length=4,
    )  # fmt: skip
    model, history = elman.train(settings, text, Vocabulary("abcdefgh"))
    assert len(history["loss"]) == len(history["gradient_norm"]) == 60
    assert np.mean(history["loss"][-5:]) < 0.7 * history["loss"][0]
    if activation in ("tanh", "logistic"):  # the others' states may grow without bound on a longer text
        assert elman.bits_of(model, text) < 0.7 * history["loss"][0]
    assert capsys.readouterr().out.count("gradient norm") == 3


# Writing


@pytest.fixture
def writer():
    return Writer(with_random_weights(build_model(TINY, len(VOCABULARY))), VOCABULARY)


def test_training_on_a_large_alphabet_names_the_preset_for_it(tmp_path, capsys):
    (tmp_path / "text.txt").write_text("".join(map(chr, range(0x4E00, 0x4F10))) * 2)
    for preset, said in (("default", True), ("kanji", False)):
        with pytest.raises(InputError, match="characters"):  # the text is too short, which is found out later
            train.main(replace(PRESETS[preset], data=str(tmp_path / "text.txt")))
        assert ("--preset kanji" in capsys.readouterr().out) == said


def test_the_sign_for_unknown_characters_is_read_but_never_written():
    vocabulary = Vocabulary([UNKNOWN_CHARACTER, "か", "な"])
    writer = Writer(with_random_weights(build_model(TINY, 3)), vocabulary)
    prompts = "か鬱", "か麤"
    assert len({writer.write(prompt, 300, temperature=9.0, seed=1) for prompt in prompts}) == 1
    assert set(writer.write("か鬱", 300, temperature=9.0)) == {"か", "な"}
    assert UNKNOWN_CHARACTER not in writer.write("か鬱", 20, greedy=True)


def test_generate_says_which_characters_of_a_prompt_are_unknown(tmp_path, capsys):
    model = with_random_weights(build_model(TINY, 3))
    save_model(model, tmp_path / "model.keras", characters=Vocabulary([UNKNOWN_CHARACTER, "か", "な"]))
    generate.main(generate.Options(run=tmp_path, prompt=("か鬱", "麤"), length=5))
    assert capsys.readouterr().err == "the model does not know '鬱麤'; it reads 〓 instead\n"


def test_same_seed_same_text_and_another_seed_another(writer):
    text = writer.write("a bad", 60, temperature=1.0, seed=1)
    assert len(text) == 60
    assert text == writer.write("a bad", 60, temperature=1.0, seed=1)
    assert text != writer.write("a bad", 60, temperature=1.0, seed=2)


def test_greedy_takes_the_likeliest_as_a_loop_in_python_does(writer):
    model = with_random_weights(build_model(replace(TINY, batch_size=1), len(VOCABULARY)))
    ids = list(VOCABULARY.encode("a bad"))
    while len(ids) < 25:
        model.reset_states()
        ids.append(int(model(np.array([ids]))[0, -1].numpy().argmax()))
    assert writer.write("a bad", 20, greedy=True) == "".join(VOCABULARY.decode(ids[5:]))
    assert writer.write("a bad", 20, top_k=1, seed=5) == writer.write("a bad", 20, greedy=True)


def test_a_high_temperature_writes_more_kinds_of_characters(writer):
    tame, wild = (len(set(writer.write("a", 300, temperature=t))) for t in (0.05, 5.0))
    assert tame < wild


def test_top_k_draws_among_the_k_likeliest(writer):
    model = with_random_weights(build_model(TINY, len(VOCABULARY)))
    logits, _ = model.step(VOCABULARY.encode("a"), model.initial_states(1))
    likeliest = {VOCABULARY.tokens[index] for index in np.argsort(logits[0])[-3:]}
    drawn = {writer.write("a", 1, temperature=10.0, top_k=3, seed=seed) for seed in range(60)}
    assert drawn == likeliest


@pytest.mark.parametrize(("prompt", "named"), [("", "empty"), ("a Z", "'Z'")])
def test_prompts_that_the_model_cannot_read_are_refused(writer, prompt, named):
    with pytest.raises(InputError, match=named):
        writer.write(prompt, 5)


def test_a_reloaded_model_writes_the_same(tmp_path):
    model = with_random_weights(build_model(TINY, len(VOCABULARY)))
    save_model(model, tmp_path / "model.keras", characters=VOCABULARY)
    loaded, vocabularies = load_model(tmp_path / "model.keras")
    assert Writer(loaded, vocabularies["characters"]).write("bad", 50) == Writer(model, VOCABULARY).write("bad", 50)


def test_the_pieces_make_the_text(writer):
    whole = writer.write("a bad", 60, seed=4)
    assert "".join(text for (text,) in writer.pieces(["a bad"], 60, seed=4, piece=7)) == whole


def test_several_prompts_of_different_length_at_once(writer):
    prompts = ["a", "a bad", "hid a"]
    together = ["".join(texts) for texts in zip(*writer.pieces(prompts, 30, greedy=True), strict=True)]
    assert together == [writer.write(prompt, 30, greedy=True) for prompt in prompts]


def test_top_p_draws_among_the_likeliest_that_together_have_p(writer):
    model = with_random_weights(build_model(TINY, len(VOCABULARY)))
    chances = softmax(model.step(VOCABULARY.encode("a"), model.initial_states(1))[0].numpy()[0])
    order = np.argsort(-chances)
    count = next(n for n in range(1, 12) if chances[order[:n]].sum() >= 0.6)
    assert 1 < count < 11
    drawn = {writer.write("a", 1, top_p=0.6, seed=seed) for seed in range(150)}
    assert drawn == {VOCABULARY.tokens[index] for index in order[:count]}


def test_characters_are_drawn_as_often_as_their_probability_says(writer):
    model = with_random_weights(build_model(TINY, len(VOCABULARY)))
    expected = softmax(model.step(VOCABULARY.encode("a"), model.initial_states(1))[0].numpy()[0] / 0.8)
    (drawn,) = writer.pieces(["a"] * 4000, 1, temperature=0.8)
    counts = np.bincount(VOCABULARY.encode("".join(drawn)), minlength=len(VOCABULARY))
    assert np.allclose(counts / 4000, expected, atol=0.03)
    assert expected.max() - expected.min() > 0.1


# Dropout of weights


@pytest.mark.parametrize("name", ["SimpleRNN", "LSTM", "GRU"])
def test_dropped_weights_are_zero_in_all_steps_and_only_in_training(name):
    """A layer whose recurrent weights are all dropped but for rounding is one with weights of zero."""
    keras.utils.set_random_seed(0)
    inputs = np.random.default_rng(0).normal(size=(2, 6, 3)).astype("float32")
    dropping_layer = {"SimpleRNN": WeightDropSimpleRNN, "LSTM": WeightDropLSTM, "GRU": WeightDropGRU}[name]
    dropping = dropping_layer(4, 0.999999, return_sequences=True)
    plain = getattr(keras.layers, name)(4, return_sequences=True)
    plain.build(inputs.shape)
    dropping.build(inputs.shape)
    dropping.set_weights(plain.get_weights())
    assert np.allclose(dropping(inputs), plain(inputs), atol=1e-5)
    kernel, recurrent, bias = plain.get_weights()
    plain.set_weights([kernel, 0 * recurrent, bias])
    assert np.allclose(dropping(inputs, training=True), plain(inputs), atol=1e-5)


def test_another_half_of_the_weights_is_dropped_each_time():
    """The gradient of the weights is zero where they were dropped."""
    keras.utils.set_random_seed(0)
    inputs = np.random.default_rng(0).normal(size=(2, 6, 3)).astype("float32")
    layer = WeightDropLSTM(16, 0.5)
    layer.build(inputs.shape)
    shares = []
    for _ in range(2):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(layer(inputs, training=True) ** 2)
        shares.append(tape.gradient(loss, layer.cell.recurrent_kernel).numpy() != 0)
    assert 0.4 < shares[0].mean() < 0.6
    assert (shares[0] != shares[1]).mean() > 0.3  # others each time
