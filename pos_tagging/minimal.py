"""The tagger of the book on one page, and the one that the task asks for: a part-of-speech tag for every word.

    python pos_tagging/minimal.py                             # about two minutes

    encoder-decoder  ids (batch, time) -> Embedding -> GRU (batch, 100) -> RepeatVector, GRU (batch, time, 100) -> Dense
    one tag per step ids (batch, time) -> Embedding -> bidirectional GRU (batch, time, 200) -> Dense

The first GRU of the encoder-decoder squeezes the whole sentence into one vector, and the second one has to unfold all
tags from it: it never sees a word again. That suits translation, where the words change places. A tag belongs to its
word, so the second model gives one tag at each step, from the words before and after it.

Sentences are padded, and padding is easy to tag. Counted as right, in sentences padded to 250 steps as in the book, it
makes any tagger look perfect. Here padded steps have the sample weight 0, in the loss and in the accuracy.

Change a number below and run it again. The better model, which also looks at the letters of a word, is in train.py.
"""

from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers

from common.data import load_tagged_sentences, split_sentences

DATA = None  # None: the Penn Treebank sample of NLTK; "my.txt": lines of word/TAG; "sample": generated sentences
SEED = 0
MAX_LENGTH = 50  # steps; longer sentences are cut, and the test counts the tokens cut off as wrong
EMBEDDING_SIZE = 64
HIDDEN_SIZE = 100  # units of each GRU
DROPOUT = 0.2
BATCH_SIZE = 32
LEARNING_RATE = 0.005
EPOCHS = {"encoder-decoder": 8, "one tag per step": 3}
PADDED_LENGTH = 250  # steps to which the book pads, for the misleading accuracy
PICTURE = Path("runs/minimal/pos_tagging.png")

keras.utils.set_random_seed(SEED)

# Load: ids of words and tags (sentences, MAX_LENGTH), padded with 0 on the right; id 1: not seen in training.
sentences, _ = load_tagged_sentences(DATA)
parts = split_sentences(sentences)  # training, validation, test: lists of sentences, lists of (word, tag)
word_ids, tag_ids = layers.StringLookup(mask_token=""), layers.StringLookup(mask_token="")
word_ids.adapt([word for sentence in parts[0] for word, _ in sentence])
tag_ids.adapt([tag for sentence in parts[0] for _, tag in sentence])
padding = {"maxlen": MAX_LENGTH, "padding": "post", "truncating": "post", "dtype": object, "value": ""}
words, tags, real = [], [], []
for part in parts:
    padded = keras.utils.pad_sequences([[word for word, _ in sentence] for sentence in part], **padding)
    words.append(np.array(word_ids(padded.astype(str))))
    padded = keras.utils.pad_sequences([[tag for _, tag in sentence] for sentence in part], **padding)
    tags.append(np.array(tag_ids(padded.astype(str))))
    real.append(tags[-1] != 0)  # True where a word is, False where padded
tokens = sum(len(sentence) for sentence in parts[2])  # of the test part, those cut off included
steps = PADDED_LENGTH * len(parts[2])
print(f"{len(parts[0])} sentences to learn from; {len(parts[2])} for the test, {tokens} tokens in them")

encoder_decoder = [
    layers.GRU(HIDDEN_SIZE),  # (batch, hidden): the whole sentence in one vector
    layers.RepeatVector(MAX_LENGTH),  # (batch, time, hidden): the same vector at every step
    layers.GRU(HIDDEN_SIZE, return_sequences=True),
]
tag_per_step = [layers.Bidirectional(layers.GRU(HIDDEN_SIZE, return_sequences=True))]

commonest = np.bincount(tags[0][real[0]]).argmax()  # a tagger that gives every word the commonest tag
right = {"commonest tag": np.sum((tags[2] == commonest) & real[2])}
for name, middle in (("encoder-decoder", encoder_decoder), ("one tag per step", tag_per_step)):
    print(f"\n{name}")
    model = keras.Sequential(
        [
            layers.Embedding(word_ids.vocabulary_size(), EMBEDDING_SIZE, mask_zero=True),  # the GRU skips id 0
            layers.Dropout(DROPOUT),
            *middle,
            layers.TimeDistributed(layers.Dense(tag_ids.vocabulary_size())),  # logits
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")
    model.compile(keras.optimizers.Adam(LEARNING_RATE), loss, weighted_metrics=["accuracy"])
    validation = words[1], tags[1], real[1]
    model.fit(words[0], tags[0], BATCH_SIZE, EPOCHS[name], verbose=2, validation_data=validation, sample_weight=real[0])
    predicted = model.predict(words[2], verbose=0).argmax(axis=-1)  # (sentences, time)
    right[name] = np.sum((predicted == tags[2]) & real[2])

print(f"\nmodel             token accuracy  padded to {PADDED_LENGTH} steps (misleading)")
for name, count in right.items():
    print(f"{name:16}  {count / tokens:14.4f}  {(count + steps - tokens) / steps:.4f}")

plt.switch_backend("Agg")  # draw into a file: no screen is needed
places, counts = np.arange(len(right)), np.array(list(right.values()))
plt.bar(places - 0.2, counts / tokens, 0.4, label="real tokens only")
plt.bar(places + 0.2, (counts + steps - tokens) / steps, 0.4, label=f"padded to {PADDED_LENGTH} steps (misleading)")
plt.xticks(places, list(right))
plt.ylabel("accuracy on the test part")
plt.ylim(0, 1.2)
plt.legend(loc="upper left", ncols=2)
PICTURE.parent.mkdir(parents=True, exist_ok=True)
plt.savefig(PICTURE)
print(f"picture: {PICTURE}")
