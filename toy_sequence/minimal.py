"""The alternating toy of the blog on one page: a SimpleRNN must say 0 1 0 1 ..., whatever noise it reads.

    python toy_sequence/minimal.py                            # half a minute

    noise (batch, time, 1) -> SimpleRNN (batch, time, 10) -> logits (batch, time, 1)

A logit above 0 says 1. Nothing in the input tells whose turn it is: the network has to remember what it said last.

First all sequences have the same length, as in the blog. Then they have different lengths: the time axis of the model
is `None`, `pad_sequences` fills the short sequences up with MASK_VALUE, and the Masking layer makes the network, the
loss and the metrics skip what was filled up. Last, `initial_state` starts the network with a memory of your choice.

The measure is exact match: the part of the test sequences in which every single step is right. The accuracy over single
steps looks better: a sequence with one error in 150 steps counts there as 0.993 right.

Change a number below and run it again. train.py measures more lengths; masking.py shows what happens without a mask.
"""

from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers

SEED = 0
SEQUENCES = 250  # to learn from
STEPS = 100  # of the longest of them
SHORTEST = 20  # steps of the shortest one in the second training
TEST_STEPS = 150  # a length that no model is trained on
MASK_VALUE = -1.0  # marks the padded steps; the noise lies between 0 and 1, so it is never mistaken for padding
HIDDEN_SIZE = 10
BATCH_SIZE = 10
LEARNING_RATE = 0.01
EPOCHS = 10
PICTURE = Path("runs/minimal/toy_sequence.png")

keras.utils.set_random_seed(SEED)
alternating = (np.arange(max(STEPS, TEST_STEPS)) % 2)[:, None]  # 0 1 0 1 ..., (time, 1)
loss = keras.losses.BinaryCrossentropy(from_logits=True)
accuracy = keras.metrics.BinaryAccuracy(threshold=0)

# 1. Sequences of one length.
inputs = np.random.rand(SEQUENCES, STEPS, 1)
targets = np.tile(alternating[:STEPS], (SEQUENCES, 1, 1))
zeros = np.zeros((1, STEPS, 1))
model = keras.Sequential(
    [keras.Input((STEPS, 1)), layers.SimpleRNN(HIDDEN_SIZE, return_sequences=True), layers.Dense(1)]
)
model.compile(keras.optimizers.Adam(LEARNING_RATE, clipnorm=1), loss, metrics=[accuracy])
before = model.predict(zeros, verbose=0)[0, :, 0]
model.fit(inputs, targets, BATCH_SIZE, EPOCHS, verbose=2)
after = model.predict(zeros, verbose=0)[0, :, 0]
print("output on zeros before training:", *(before[:20] > 0).astype(int))
print("output on zeros after training: ", *(after[:20] > 0).astype(int))

# 2. Sequences of different lengths, in one array: padded on the right, the padding masked.
lengths = np.random.randint(SHORTEST, STEPS + 1, SEQUENCES)
padding = {"maxlen": STEPS, "padding": "post", "dtype": "float32", "value": MASK_VALUE}
inputs = keras.utils.pad_sequences([np.random.rand(length, 1) for length in lengths], **padding)
rnn, dense = layers.SimpleRNN(HIDDEN_SIZE, return_sequences=True), layers.Dense(1)
model = keras.Sequential([keras.Input((None, 1)), layers.Masking(MASK_VALUE), rnn, dense])
model.compile(keras.optimizers.Adam(LEARNING_RATE, clipnorm=1), loss, metrics=[accuracy])
print(f"\n{SHORTEST} to {STEPS} steps, padded to {STEPS}")
model.fit(inputs, targets, BATCH_SIZE, EPOCHS, verbose=2)  # targets of masked steps count neither in loss nor accuracy

# 3. The state that the network has after 3 steps: a new sequence that starts with it goes on with 1 0 1 0 ...
states = rnn(np.zeros((1, 3, 1)))  # (1, 3, hidden)
print("from the default state, zeros:", *(np.array(dense(rnn(zeros[:, :10]))) > 0).astype(int).ravel())
carried_on = dense(rnn(zeros[:, :10], initial_state=states[:, -1]))
print("from the state after 3 steps: ", *(np.array(carried_on) > 0).astype(int).ravel())

outputs = model.predict(np.random.rand(200, TEST_STEPS, 1), verbose=0)
right = (outputs > 0) == alternating[:TEST_STEPS]  # (200, time, 1)
print(f"\n200 new sequences of {TEST_STEPS} steps, a length never trained on")
print(f"exact match, whole sequences:         {right.all(axis=1).mean():.4f}")
print(f"accuracy over steps (looks better):   {right.mean():.4f}")

plt.switch_backend("Agg")  # draw into a file: no screen is needed
for output, name in ((before, "before training"), (after, "after training")):
    plt.plot(keras.ops.sigmoid(output[:20]), marker="o", label=name)
plt.axhline(0.5, color="black", linestyle="dotted")
plt.xlabel("time step (the input is 0 at each)")
plt.ylabel("probability of 1")
plt.ylim(-0.05, 1.05)
plt.xticks(range(0, 20, 2))
plt.legend()
PICTURE.parent.mkdir(parents=True, exist_ok=True)
plt.savefig(PICTURE)
print(f"picture: {PICTURE}")
