import numpy as np
import pytest

from common import plots
from common.data import deduplicate
from sentiment import eval as evaluation
from sentiment import figures
from sentiment.baselines import LINEAR
from sentiment.scoring import calibration_error, fold_scores, predict_unseen


def test_calibration_error_by_hand():
    # Bins: 0.3 alone, no positive one; 0.92, 0.94, 0.98 and 1.0, mean 0.96, three quarters positive.
    error = calibration_error(np.array([0, 1, 1, 1, 0]), np.array([0.92, 0.98, 1.0, 0.94, 0.3]))
    assert error == pytest.approx((1 * 0.3 + 4 * 0.21) / 5)


def test_errors_in_different_bins_do_not_cancel():
    assert calibration_error(np.array([1, 0]), np.array([0.2, 0.8])) == pytest.approx(0.8)


def test_the_bins_of_the_calibration_are_tenths():
    assert calibration_error(np.array([1, 0]), np.array([0.29, 0.31])) == pytest.approx((0.71 + 0.31) / 2)


def test_a_sentence_that_is_certain_counts_in_the_calibration():
    assert calibration_error(np.array([0, 1]), np.array([1.0, 0.0])) == 1


def test_scores_are_means_over_the_folds_not_over_the_sentences():
    labels = np.array([1, 1, 0, 0, 1])
    probabilities = np.array([0.9, 0.5, 0.2, 0.6, 0.7])  # right, right, right; wrong, right
    accuracy, spread, f1 = fold_scores(labels, probabilities, [([3, 4], [0, 1, 2]), ([0, 1, 2], [3, 4])])
    assert (accuracy, spread) == (pytest.approx(0.75), pytest.approx(0.25))
    assert f1 == pytest.approx((1 + 2 / 3) / 2)


def test_each_sentence_is_judged_by_the_model_of_its_own_fold(monkeypatch):
    monkeypatch.setattr("sentiment.scoring.predict", lambda model, encode, sentences: np.full(len(sentences), model))
    labels = np.array([0, 1, 0, 1])
    sentences = np.array(["bad", "good", "bad film", "good film"], dtype=object)
    parts = [([2, 3], [0, 1]), ([0, 1], [2, 3])]
    probabilities, linear = predict_unseen([(0.25, None), (0.75, None)], parts, labels, sentences)
    assert probabilities.tolist() == [0.25, 0.25, 0.75, 0.75]
    assert set(linear) == set(LINEAR)
    for name, each in linear.items():
        assert (each > 0.5).tolist() == [False, True, False, True], name


def test_the_most_confident_errors_come_first(monkeypatch, capsys):
    monkeypatch.setattr(evaluation, "MAX_ERRORS", 2)
    labels, probabilities = np.array([1, 0, 1, 0, 1]), np.array([0.1, 0.7, 0.4, 0.2, 0.9])
    evaluation.print_errors(labels, np.array(list("abcde")), probabilities, ["ham", "spam"])
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[-2:]]
    assert rows == [["ham", "0.9000", "spam", "a"], ["spam", "0.7000", "ham", "b"]]


def test_the_pictures_and_metrics_are_those_of_the_models_that_did_not_see_the_sentences(monkeypatch, tmp_path):
    """Models that find "good" in a sentence say spam with 0.9, else 0.2; the leaking one is always wrong."""
    raw = [(number % 2, f"{'good' if number % 3 else 'bad'} film {number}") for number in range(40)] * 2
    drawn = {}
    for module, name in (
        *((plots, name) for name in ("learning_curves", "confusion_matrix")),
        *((figures, name) for name in ("draw_roc", "draw_calibration", "draw_sentences")),
    ):
        monkeypatch.setattr(module, name, lambda *given, name=name: drawn.setdefault(name, given))

    def predict(name, encode, sentences):
        label_of = dict((sentence, label) for label, sentence in raw)
        if name == "leaking":
            assert len(sentences) == len(raw) / 5  # the smaller part of the split
            return np.array([1 - label_of[sentence] for sentence in sentences])
        return np.array([0.9 if "good" in sentence else 0.2 for sentence in sentences])

    monkeypatch.setattr("sentiment.scoring.predict", predict)
    monkeypatch.setattr("sentiment.model.predict", predict)
    monkeypatch.setattr("sentiment.scoring.load_classifier", lambda path: (path.stem, None))
    metrics = evaluation.evaluate(tmp_path, raw, ["ham", "spam"], seed=1)

    rows = deduplicate(raw)
    right = [("good" in sentence) == label for label, sentence in rows]
    assert metrics["cv_accuracy"] == pytest.approx(np.mean(right))
    assert metrics["leaking_accuracy"] == 0
    true, predicted, names, _ = drawn["confusion_matrix"]
    assert list(true) == [["ham", "spam"][label] for label, _ in rows]
    assert list(predicted) == ["spam" if "good" in sentence else "ham" for _, sentence in rows]
    labels, probabilities, error, positive, _ = drawn["draw_calibration"]
    assert positive == "spam" and names == ["ham", "spam"]
    assert error == metrics["calibration_error"] == calibration_error(labels, probabilities)
    assert drawn["draw_roc"][0] is labels and drawn["draw_roc"][1] is probabilities
