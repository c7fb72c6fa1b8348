"""Seven models of the same sentences, side by side, all trained here and now.

    python sentiment/compare.py                          # all but `inner`
    python sentiment/compare.py --protocol folds
    python sentiment/compare.py --protocol inner --models network --epochs 12   # try a change of the default model

- **folds**: five-fold cross-validation on different sentences. Beside it the *leaking* accuracy that each model gets
  on a random split of the raw file, full of copies. Different sentences may still differ in one letter: two more
  columns hold the accuracy on near-copies of a training sentence (within three edits) and on the rest.
- **subjects**: nearly every sentence names one of four books and films. Train on those that do not mention one of them,
  test on those that do. What was memorised of a subject ("everybody praises this one") is worth nothing here.
- **groups**: the folds again, with near-copies kept together, in training or in the test.
- **inner**: the training part of each of the five folds is itself split in five; one fifth validates. The folds' test
  parts are not looked at. This is the protocol to choose hyperparameters by, with the logarithmic loss beside the
  accuracy, because it is less noisy.

The flags of train.py set the row `network`, so that a change can be tried; the rows above stay as they are.

References: Wang & Manning 2012, Baselines and bigrams (naive Bayes and SVM on short texts). Kim 2014, Convolutional
neural networks for sentence classification.
"""

from dataclasses import asdict, dataclass, replace
from typing import Literal

import numpy as np

from common import InputError
from common.cli import run_script, start_tensorflow
from common.corpora import UMICH
from common.data import deduplicate, folds, load_opinions
from common.sample import SUBJECTS
from common.tables import print_table
from sentiment.splits import grouped_folds, inner_folds, near_copies, subject_folds
from sentiment.train import PRESETS, Hyperparameters

UMICH_SUBJECTS = "da vinci", "harry potter", "brokeback mountain", "mission impossible"
MODELS = "majority", "naive Bayes", "logistic regression", "SVM", "book's LSTM", "CNN", "network"


@dataclass(frozen=True)
class Options(Hyperparameters):
    protocol: Literal["folds", "subjects", "groups", "inner", "all"] = (
        "all"  # how the sentences are split; all: the first three
    )
    models: tuple[str, ...] = MODELS  # rows of the table
    subjects: tuple[str, ...] = ()  # to leave out, one after another; by default those of the corpus


def build_cnn(hyperparameters, vocabulary_size):
    """A 1-D convolution over the words: ids (batch, time), 0 where padded -> logit (batch, 1)."""
    from keras import Input, Model, layers, ops

    ids = Input((None,), dtype="int32")
    real = ops.cast(ids > 0, "float32")[..., None]  # (batch, time, 1)
    words = layers.Embedding(vocabulary_size, hyperparameters.embedding_size)(ids) * real
    words = layers.ZeroPadding1D(2)(layers.Dropout(hyperparameters.input_dropout)(words))
    convolution = layers.Conv1D(2 * hyperparameters.hidden_size, 3, activation="relu", use_bias=False)  # 3 words each
    sentence = layers.GlobalMaxPooling1D()(convolution(words))  # without bias padding gives 0, the least that there is
    return Model(ids, layers.Dense(1)(layers.Dropout(hyperparameters.dropout)(sentence)))


def train_and_predict(name, training, sentences, network, copies=False) -> np.ndarray:
    """Train the model `name` on rows `(label, sentence)`; the probabilities that `sentences` are positive.

    Args:
        network: the hyperparameters of the model `network`.
        copies: the training rows are those of the raw file.
    """
    from sklearn.dummy import DummyClassifier
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
    from sklearn.naive_bayes import MultinomialNB
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import LinearSVC

    from sentiment.eval import linear_model, predict
    from sentiment.train import build_model, few_epochs, fit

    if name in ("book's LSTM", "CNN", "network"):
        settings = network if name == "network" else replace(PRESETS["book"], seed=network.seed)
        if copies:
            settings = few_epochs(settings)
        return predict(*fit(training, settings, build=build_cnn if name == "CNN" else build_model), sentences)
    model = {
        "majority": DummyClassifier(),
        "naive Bayes": make_pipeline(CountVectorizer(ngram_range=(1, 2), binary=True), MultinomialNB()),
        "logistic regression": linear_model(),
        "SVM": make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LinearSVC()),
    }[name]
    labels, texts = zip(*training, strict=True)
    model.fit(texts, labels)
    if name == "SVM":  # distances from the hyperplane; what they are worth as probabilities was not asked
        return 1 / (1 + np.exp(-model.decision_function(sentences)))
    return model.predict_proba(sentences)[:, 1]


def right_and_losses(name, rows, training, test, network, copies=False) -> tuple[np.ndarray, np.ndarray]:
    """Whether the model `name` is right on each test row, and its logarithmic loss there, in nats: both (test rows,).

    `training` and `test` are lists of indices of `rows`.
    """
    sentences = [rows[index][1] for index in test]
    probabilities = train_and_predict(name, [rows[index] for index in training], sentences, network, copies)
    labels = np.array([rows[index][0] for index in test])
    losses = -np.log(np.clip(np.where(labels, probabilities, 1 - probabilities), 1e-7, None))
    return (probabilities >= 0.5) == labels, losses


def accuracy_and_loss(*arguments, **more) -> tuple[float, float]:
    """The means of what `right_and_losses` returns."""
    right, losses = right_and_losses(*arguments, **more)
    return float(right.mean()), float(losses.mean())


def have_near_copies(splits, pairs) -> np.ndarray:
    """For each test row of the folds, one fold after the other, whether a near-copy of it is in another fold."""
    fold_of = {row: number for number, (_, test) in enumerate(splits) for row in test}
    found = {row for pair in pairs if fold_of[pair[0]] != fold_of[pair[1]] for row in pair}
    return np.array([row in found for row in fold_of])


def compare(raw, protocol, splits, subjects, pairs, options) -> list[list]:
    """Train every model on the splits of one protocol and print the table; returns its rows.

    The splits are of the different sentences, and `pairs` is what `near_copies` found among these.
    """
    from sentiment.eval import leaking_split

    rows = deduplicate(raw)
    table = []
    near = have_near_copies(splits, pairs) if protocol == "folds" else None
    for name in options.models:
        print(f"{protocol}: {name}", flush=True)
        results = [right_and_losses(name, rows, *split, options) for split in splits]
        accuracies = [float(right.mean()) for right, _ in results]
        table.append([name, float(np.mean(accuracies)), float(np.std(accuracies))])
        if protocol == "subjects":
            table[-1] += accuracies
        elif protocol == "inner":
            table[-1].append(float(np.mean([losses.mean() for _, losses in results])))
        elif protocol == "folds":
            training, test = leaking_split(raw, options.seed)
            both, first = training + test, len(training)
            parts = list(range(first)), list(range(first, len(both)))
            table[-1].append(accuracy_and_loss(name, both, *parts, options, copies=True)[0])
            right = np.concatenate([right for right, _ in results])
            table[-1] += [float(right[part].mean()) if part.any() else "" for part in (near, ~near)]
    heading, *columns = {
        "folds": ("different sentences", "LEAKING", "near copies", "the rest"),
        "subjects": ("one subject left out", *subjects),
        "groups": ("near copies together",),
        "inner": ("inner validation", "loss"),
    }[protocol]
    print()
    print_table((heading, "accuracy", "spread", *columns), table)
    if protocol == "folds":
        print(f"{near.sum()} of {len(near)} test sentences are near copies of a training sentence: within three edits")
    print(flush=True)
    return table


def main(options: Options) -> None:
    unknown = [name for name in options.models if name not in MODELS]
    if unknown:
        raise InputError(f"--models: there is no {unknown[0]!r}; there are {', '.join(MODELS)}")
    raw, _, corpus = load_opinions(options.data)
    subjects = options.subjects or {
        UMICH.name: UMICH_SUBJECTS,
        "generated sample": tuple(subject.strip() for subject in SUBJECTS.split("|")),
    }.get(corpus["name"], ())
    if options.protocol == "subjects" and not subjects:
        raise InputError("name the subjects of your sentences: --subjects tea coffee")

    rows = deduplicate(raw)
    labels = [label for label, _ in rows]
    pairs = near_copies([sentence for _, sentence in rows])
    splits = {"folds": folds(labels), "subjects": subject_folds(rows, subjects)}  # they complain before any training
    if options.protocol in ("groups", "all"):
        splits["groups"] = grouped_folds(labels, pairs)
    if options.protocol == "inner":
        splits["inner"] = inner_folds(labels)

    start_tensorflow(options)
    for protocol in ("folds", "subjects", "groups") if options.protocol == "all" else (options.protocol,):
        if protocol == "subjects" and not subjects:
            print("the subjects of these sentences are not known; name them, as in --subjects tea coffee\n")
        else:
            compare(raw, protocol, splits[protocol], subjects, pairs, options)


if __name__ == "__main__":
    run_script(main, Options, {name: Options(**asdict(preset)) for name, preset in PRESETS.items()})
