"""What the three workers (classic.py, ours.py, pytorch.py) share: the data they read, and what they report.

A worker trains one task in a process of its own and prints one line of JSON. It imports neither TensorFlow nor
PyTorch here, for neither environment has both.
"""

import json
import os
import resource
import statistics
import sys
import time

import numpy as np

QUALITY = {"chargen-book": 2.6, "chargen": 2.6, "pos_tagging": 0.88, "sentiment": 0.88}  # on validation: bits, accuracy
EPOCHS = 40  # at most


def ragged(data, name):
    """The arrays that `tasks.py` laid end to end, as a list."""
    return np.split(data[name], np.cumsum(data[f"{name}_lengths"])[:-1])


def report(task, train_epoch, quality, predict, examples, inputs):
    """Train until the quality of QUALITY is reached, at least two epochs; measure; print the figures as JSON.

    Args:
        train_epoch: trains one epoch.
        quality: measures on the validation part: bits (lower is better) or accuracy.
        predict: predicts or generates, and returns how many characters, words or sentences it did.
        examples: characters, sentences of an epoch.
        inputs: bytes of the arrays that hold the training inputs and targets.
    """
    startup = time.time() - float(os.environ["STARTED"])
    reached, epochs, taken = None, 0, []
    while epochs < 2 or (reached is None and epochs < EPOCHS):
        before = time.perf_counter()
        train_epoch()
        taken.append(time.perf_counter() - before)
        epochs += 1
        value = quality()
        print(f"{task}, epoch {epochs}: {value:.4f}", file=sys.stderr, flush=True)
        if reached is None and (value <= QUALITY[task] if "chargen" in task else value >= QUALITY[task]):
            reached = sum(taken)  # without what measuring the quality took
    predict()  # compiles, and warms up
    before = time.perf_counter()
    predicted = predict()
    figures = {
        "startup": startup,
        "examples": examples / statistics.median(taken[1:]),  # the first epoch compiles too
        "seconds": reached,
        "predicted": predicted / (time.perf_counter() - before),
        "inputs": inputs / 1e6,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
    }
    print(json.dumps(figures))
