"""The classic way: the minimal.py of a task as it stands, watched while it runs. Run by `tasks.py`.

Of the pos_tagging script the last training is measured (one tag a step), of the others the first.
"""

import json
import os
import resource
import runpy
import statistics
import sys
import time
from pathlib import Path

import keras
import numpy as np

SCRIPTS = {"chargen-book": "chargen", "pos_tagging": "pos_tagging", "sentiment": "sentiment"}
trainings = []  # {"rows", "bytes", "seconds": of each epoch}, one for each model
predictions = []  # (rows, seconds), one for each call
startup = None


class Watch(keras.callbacks.Callback):
    """Notes how long each epoch takes, without its validation."""

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        self.taken = time.perf_counter() - self.started

    def on_epoch_end(self, epoch, logs=None):
        trainings[-1]["seconds"].append(self.taken)


def watched_fit(fit):
    """`fit` as it is, with `Watch` beside it. chargen's script calls it once an epoch, always with the same model."""
    seen = []

    def call(model, x, y, *arguments, **options):
        global startup
        startup = startup or time.time() - float(os.environ["STARTED"])
        if not seen or seen[-1] is not model:
            trainings.append({"rows": len(x), "bytes": np.asarray(x).nbytes + np.asarray(y).nbytes, "seconds": []})
            seen.append(model)
        return fit(model, x, y, *arguments, callbacks=[Watch()], **options)

    return call


def watched_predict(predict):
    """`predict` or `predict_on_batch` as it is, timed."""

    def call(model, x, *arguments, **options):
        started = time.perf_counter()
        result = predict(model, x, *arguments, **options)
        predictions.append((len(x), time.perf_counter() - started))
        return result

    return call


def main(task):
    keras.Model.fit = watched_fit(keras.Model.fit)
    keras.Model.predict = watched_predict(keras.Model.predict)
    keras.Model.predict_on_batch = watched_predict(keras.Model.predict_on_batch)
    runpy.run_path(str(Path(__file__).parent.parent / SCRIPTS[task] / "minimal.py"))
    measured = trainings[-1 if task == "pos_tagging" else 0]
    last = predictions[-1][0]  # rows of a call: 1 where characters are written one by one
    seconds = statistics.median(seconds for rows, seconds in predictions if rows == last)
    figures = {
        "startup": startup,
        "examples": measured["rows"] / statistics.median(measured["seconds"][1:]),  # the first epoch compiles too
        "seconds": None,
        "predicted": last / seconds,
        "inputs": measured["bytes"] / 1e6,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main(sys.argv[1])
