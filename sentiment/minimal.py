"""The sentiment model of the book on one page: an LSTM reads a sentence and says whether it is positive or negative.

    python sentiment/minimal.py                               # a bit over a minute

    ids (batch, time) -> Embedding (batch, time, 64) -> Dropout -> LSTM (batch, 64) -> logit (batch, 1)

A logit above 0 says "positive". The sentences have different lengths; they are padded with id 0, and `mask_zero=True`
makes the LSTM skip the padding.

The file is full of copies: 7,086 rows, but only 1,212 different sentences. After a random split, 85 of 100 test rows
have a copy among the training rows, and the accuracy measures memory. So copies are dropped first, and every sentence
is tested once, by a model that was trained on the other four fifths (5-fold cross-validation). The random split
follows, to show what it claims.

Change a number below and run it again. The better model, which also looks inside the words, is in train.py.
"""

from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers

from common.data import deduplicate, fold, folds, load_opinions

DATA = None  # None: the UMich SI650 sentences; "my.txt": a file like it; "sample": generated sentences
SEED = 0
FOLDS = 5  # parts of the sentences, and models trained
EMBEDDING_SIZE = 64
HIDDEN_SIZE = 64  # units of the LSTM
DROPOUT = 0.5
BATCH_SIZE = 32
LEARNING_RATE = 0.002
EPOCHS = 8
EPOCHS_RANDOM_SPLIT = 2  # this training has six times as many rows
PICTURE = Path("runs/minimal/sentiment.png")

keras.utils.set_random_seed(SEED)
rows, _, _ = load_opinions(DATA)  # (label, sentence): label 1 is positive, 0 negative
different = deduplicate(rows)
print(f"{len(rows)} rows, {len(different)} different sentences")


def train_and_test(train_rows, test_rows, epochs):
    """Train a new model on some rows; return its accuracy on the others."""
    labels, sentences = zip(*train_rows, strict=True)
    test_labels, test_sentences = zip(*test_rows, strict=True)
    word_ids = layers.TextVectorization()  # lower-cases, drops punctuation, pads; id 1 stands for unknown words
    word_ids.adapt(sentences)  # its vocabulary comes from the training sentences only
    model = keras.Sequential(
        [
            layers.Embedding(word_ids.vocabulary_size(), EMBEDDING_SIZE, mask_zero=True),
            layers.Dropout(DROPOUT),
            layers.LSTM(HIDDEN_SIZE),
            layers.Dense(1),  # logit
        ]
    )
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(LEARNING_RATE), loss, metrics=[keras.metrics.BinaryAccuracy(threshold=0)])
    model.fit(word_ids(sentences), np.array(labels), BATCH_SIZE, epochs, verbose=2)
    logits = model.predict(word_ids(test_sentences), verbose=0)[:, 0]
    return np.mean((logits > 0) == np.array(test_labels))


# Sentences never seen: each model is tested on the part that it was not trained on.
accuracies = []
for number, (train, test) in enumerate(folds([label for label, _ in different], FOLDS)):
    print(f"\nfold {number + 1} of {FOLDS}")
    accuracies.append(train_and_test([different[row] for row in train], [different[row] for row in test], EPOCHS))
    print(f"accuracy on its {len(test)} test sentences: {accuracies[-1]:.4f}")

# The misleading way: a random split of all rows, copies included.
print("\nrandom split of all rows")
order = np.random.permutation(len(rows))
cut = int(len(rows) * 0.8)
train, test = [rows[row] for row in order[:cut]], [rows[row] for row in order[cut:]]
known = {fold(sentence) for _, sentence in train}  # fold: the sentence without capitals and punctuation
copies = np.mean([fold(sentence) in known for _, sentence in test])
misleading = train_and_test(train, test, EPOCHS_RANDOM_SPLIT)

majority = max(np.mean([label for label, _ in different]), np.mean([1 - label for label, _ in different]))
print(f"\naccuracy on sentences never seen:      {np.mean(accuracies):.4f}, the mean of {FOLDS} folds")
print(f"always saying the commoner label:      {majority:.4f}")
print(f"accuracy on a random split:            {misleading:.4f} (misleading: {copies:.1%} of its test rows are copies)")

plt.switch_backend("Agg")  # draw into a file: no screen is needed
names = ["commoner label", "sentences\nnever seen", "random split\n(misleading)"]
plt.bar(names, [majority, np.mean(accuracies), misleading], color=["grey", "tab:blue", "tab:orange"])
plt.plot([1] * FOLDS, accuracies, "k.", label="each fold")
plt.ylabel("accuracy")
plt.ylim(0.5, 1)
plt.legend()
PICTURE.parent.mkdir(parents=True, exist_ok=True)
plt.savefig(PICTURE)
print(f"picture: {PICTURE}")
