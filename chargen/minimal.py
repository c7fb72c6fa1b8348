"""The character model of the book on one page: a SimpleRNN reads ten characters of Alice and predicts the next one.

    python chargen/minimal.py                                 # about a minute

    ids (batch, 10) -> Embedding (batch, 10, 32) -> SimpleRNN (batch, 128) -> logits (batch, characters)

The text is cut into overlapping windows: ten characters go in, the one after them is the target. To write, the model
reads the last ten characters, draws the next one from the probabilities that it gives, and goes on from there.

The measure is bits per character on the last tenth of the text, which the model has not seen: the mean of
-log2(probability of the character that does follow), which is the loss divided by log(2). Lower is better.

Change a number below and run it again. The better model, which remembers more than ten characters, is in train.py.
"""

from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers
from numpy.lib.stride_tricks import sliding_window_view

from common.data import load_text, split_text

DATA = None  # None: Alice in Wonderland; "my.txt": a text of your own; "sample": a generated text
SEED = 0
WINDOW = 10  # characters that the model reads before it predicts the next one
EMBEDDING_SIZE = 32
HIDDEN_SIZE = 128  # units of the SimpleRNN
BATCH_SIZE = 128
LEARNING_RATE = 0.002
EPOCHS = 6
TEMPERATURE = 1.0  # below 1 the model writes more carefully, above 1 more wildly
SAMPLE_LENGTH = 100  # characters that it writes after each epoch
TEXT_LENGTH = 600  # characters that it writes at the end
PICTURE = Path("runs/minimal/chargen.png")

keras.utils.set_random_seed(SEED)

# Load: the text as ids of its characters, cut into windows of WINDOW + 1; the last column of each holds the targets.
ids, vocabulary, _ = load_text(DATA)
train, validation, test = split_text(ids)  # the first 80 %, the next 10 %, the last 10 %
test = np.concatenate([validation[-WINDOW:], test])  # so that its first character, too, has a window before it
train = sliding_window_view(train, WINDOW + 1)  # (windows, WINDOW + 1)
validation = sliding_window_view(validation, WINDOW + 1)
test = sliding_window_view(test, WINDOW + 1)
print(f"{len(vocabulary)} different characters; {len(train)} windows to learn from, {len(test)} for the test")

model = keras.Sequential(
    [
        layers.Embedding(len(vocabulary), EMBEDDING_SIZE),
        layers.SimpleRNN(HIDDEN_SIZE),  # also try layers.GRU or layers.LSTM
        layers.Dense(len(vocabulary)),  # logits
    ]
)
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(keras.optimizers.Adam(LEARNING_RATE), loss)


def write(length):
    """Start with the first window of the text and let the model write `length` characters more."""
    written = list(ids[:WINDOW])
    for _ in range(length):
        logits = model.predict_on_batch(np.array([written[-WINDOW:]]))  # (1, characters)
        written.append(int(keras.random.categorical(logits / TEMPERATURE, 1)[0, 0]))
    return "".join(vocabulary.decode(written))


# Fit: after each epoch, look at what the model writes. Validation is only for watching; nothing depends on it.
training_bits, validation_bits = [], []
for epoch in range(EPOCHS):
    losses = model.fit(
        train[:, :-1],
        train[:, -1],
        batch_size=BATCH_SIZE,
        validation_data=(validation[:, :-1], validation[:, -1]),
        verbose=2,
    ).history
    training_bits.append(losses["loss"][0] / np.log(2))
    validation_bits.append(losses["val_loss"][0] / np.log(2))
    print(f"After epoch {epoch + 1} of {EPOCHS}: {write(SAMPLE_LENGTH)}\n")

test_bits = model.evaluate(test[:, :-1], test[:, -1], batch_size=1024, verbose=0) / np.log(2)
print(f"{write(TEXT_LENGTH)}\n")
print(f"bits per character on the test part: {test_bits:.4f}")
print(f"guessing uniformly:                  {np.log2(len(vocabulary)):.4f}")

plt.switch_backend("Agg")  # draw into a file: no screen is needed
plt.plot(range(1, EPOCHS + 1), training_bits, marker="o", label="training")
plt.plot(range(1, EPOCHS + 1), validation_bits, marker="o", label="validation")
plt.axhline(test_bits, color="black", linestyle="dotted", label="test, after the last epoch")
plt.xlabel("epoch")
plt.ylabel("bits per character")
plt.legend()
PICTURE.parent.mkdir(parents=True, exist_ok=True)
plt.savefig(PICTURE)
print(f"picture: {PICTURE}")
