"""What eval.py measures: predictions for sentences never seen, accuracy, F1, calibration."""

from pathlib import Path

import numpy as np
from sklearn.metrics import accuracy_score, f1_score

from common.saving import load_model
from sentiment.baselines import LINEAR, make_linear, predict_linear
from sentiment.model import predict
from sentiment.subwords import make_encoder

BINS = 10  # of probability, for the calibration


def load_classifier(path: Path) -> tuple:
    """A saved model, and the function that turns a sentence into ids for it."""
    model, vocabularies = load_model(path)
    return model, make_encoder(vocabularies["subwords"])


def predict_unseen(classifiers, parts, labels, sentences) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The probability that each sentence is positive, from models that were not trained on it.

    Args:
        classifiers: of each fold, what `load_classifier` returns.
        parts: the folds, `(training rows, test rows)`.
        labels: (sentences,).
        sentences: (sentences,).

    Returns:
        The probabilities by the classifiers; and, under its name, those by each linear model, trained here on the same
        folds: all (sentences,).
    """
    probabilities, linear = np.zeros(len(labels)), {name: np.zeros(len(labels)) for name in LINEAR}
    for classifier, (training, test) in zip(classifiers, parts, strict=True):
        probabilities[test] = predict(*classifier, sentences[test])
        for name in LINEAR:
            model = make_linear(name).fit(sentences[training], labels[training])
            linear[name][test] = predict_linear(model, sentences[test])
    return probabilities, linear


def fold_scores(labels, probabilities, parts) -> tuple[float, float, float]:
    """Accuracy, its standard deviation over the folds, and F1: each the mean over the folds' test parts."""
    predicted = probabilities >= 0.5
    accuracies = [accuracy_score(labels[test], predicted[test]) for _, test in parts]
    f1_scores = [f1_score(labels[test], predicted[test]) for _, test in parts]
    return float(np.mean(accuracies)), float(np.std(accuracies)), float(np.mean(f1_scores))


def accuracy(labels, probabilities) -> float:
    """The share of the labels that are predicted."""
    return float(accuracy_score(labels, probabilities >= 0.5))


def calibration_error(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """The expected calibration error.

    In each of `BINS` equal bins of probability, the mean probability is compared with the share of positive sentences;
    the error is the mean of the distances, weighted by the number of sentences.

    Reference: Guo et al. 2017, On calibration of modern neural networks.
    """
    bins = np.minimum((probabilities * BINS).astype(int), BINS - 1)
    total = sum(abs(probabilities[bins == k].sum() - labels[bins == k].sum()) for k in range(BINS))
    return float(total / len(labels))
