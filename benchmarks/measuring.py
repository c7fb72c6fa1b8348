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

QUALITY = {"chargen-book": 2.6, "chargen": 2.3, "pos_tagging": 0.88, "sentiment": 0.88}  # on validation: bits, accuracy
EPOCHS = 40  # at most


def ragged(data, name):
    """The arrays that `tasks.py` laid end to end, as a list."""
    return np.split(data[name], np.cumsum(data[f"{name}_lengths"])[:-1])


def stop_when(model, epoch_done):
    """A callback for Keras's `fit`: calls `epoch_done` after each epoch, and stops when it says so."""
    import keras

    def on_epoch_end(epoch, logs):
        model.stop_training = epoch_done()

    return keras.callbacks.LambdaCallback(on_epoch_end=on_epoch_end)


def report(task, train, quality, predict, examples, inputs):
    """Train until the quality of QUALITY is reached, for at least three epochs and ten seconds, and at most EPOCHS
    epochs; measure; print the figures as JSON.

    Args:
        train: trains; calls the function that it is given after each epoch, and stops when that returns True.
        quality: measures on the validation part: bits (lower is better) or accuracy.
        predict: predicts or generates, and returns how many characters, words or sentences it did.
        examples: characters, sentences of an epoch.
        inputs: bytes of the arrays that hold the training inputs and targets.
    """
    startup = time.time() - float(os.environ["STARTED"])
    reached, taken, started = None, [], time.perf_counter()

    def epoch_done():
        nonlocal reached, started
        taken.append(time.perf_counter() - started)
        value = quality()
        print(f"{task}, epoch {len(taken)}: {value:.4f}", file=sys.stderr, flush=True)
        if reached is None and (value <= QUALITY[task] if "chargen" in task else value >= QUALITY[task]):
            reached = sum(taken)  # without what measuring the quality took
        started = time.perf_counter()
        enough = reached is not None and len(taken) >= 3 and sum(taken) >= 10
        return enough or len(taken) == EPOCHS

    train(epoch_done)
    predict()  # compiles, and warms up
    speeds = []
    for _ in range(3):
        before = time.perf_counter()
        speeds.append(predict() / (time.perf_counter() - before))
    figures = {
        "startup": startup,
        "examples": examples / statistics.median(taken[1:]),  # the first epoch compiles too
        "seconds": reached,
        "predicted": statistics.median(speeds),
        "inputs": inputs / 1e6,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
    }
    print(json.dumps(figures))
