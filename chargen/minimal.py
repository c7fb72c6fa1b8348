"""The character model on one page: a SimpleRNN reads ten characters of Alice and predicts the eleventh.

    ids (batch, 10) -> Embedding (batch, 10, 32) -> SimpleRNN (batch, 128) -> logits (batch, characters)

    python chargen/minimal.py                                 # about a minute

The text is cut into overlapping windows. Each window is one example: ten characters go in, the one after them is the
target. The model starts every window with an empty memory, so it never knows more than ten characters.

To write, it reads the last ten characters, draws the next one from the probabilities it gives, and goes on from there.

The measure is bits per character on the last tenth of the book, which it has never seen: the average of
-log2(probability of the character that really follows). Bits are the loss divided by log(2). Lower is better.
train.py has a better model, which carries its memory on from window to window.
"""

from pathlib import Path

import keras
import matplotlib
import numpy as np

from common.data import load_text, split_text

matplotlib.use("Agg")  # draw into a file, so that no screen is needed

DATA = None  # None: Alice; "my.txt": a text of your own; "sample": a small generated text
SEED = 0  # change it to see how much is luck
WINDOW = 10  # characters that the model reads before it predicts the next one
EMBEDDING_SIZE = 32
HIDDEN_SIZE = 128  # units of the SimpleRNN; also try layers.LSTM or layers.GRU in its place
BATCH_SIZE = 128
LEARNING_RATE = 0.002
EPOCHS = 8
TEMPERATURE = 1.0  # below 1 the model writes more safely, above 1 more wildly
SAMPLE_LENGTH = 100  # characters that it writes after each epoch
PICTURE = Path("runs/minimal/chargen.png")

keras.utils.set_random_seed(SEED)
ids, vocabulary, _ = load_text(DATA)
train, validation, test = split_text(ids)  # 80, 10, 10 %
test = np.concatenate([validation[-WINDOW:], test])  # now the first character of the test part has a window before it

train, validation, test = (np.lib.stride_tricks.sliding_window_view(part, WINDOW + 1) for part in split_text(ids))
