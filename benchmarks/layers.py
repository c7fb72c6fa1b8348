"""How fast do recurrent layers train on this CPU: Keras's, PyTorch's, and those of common/recurrent.py?

    make bench-layers

One layer between an embedding of 64 numbers and 60 logits, batch 64, 100 steps; a whole training step with Adam,
in thousands of characters a second. Each library runs in processes of its own, in turns; every figure is a median
over all turns. The last column is the part of the processor's speed in large float32 products that the arithmetic of
our layer amounts to.
"""

import itertools
import json
import os
import statistics
import subprocess
import sys
import time

BATCH, STEPS, VOCABULARY, EMBEDDING = 64, 100, 60, 64
CELLS, SIZES, LIBRARIES = ("LSTM", "GRU"), (128, 256, 512), ("keras", "ours", "torch")
TURNS, REPEATS = int(os.environ.get("TURNS", 3)), 12


def keras_step(cell, hidden, library):
    """A function that does one training step, in TensorFlow."""
    from common.training import load_tensorflow  # here, for PyTorch's environment has no TensorFlow

    if library == "ours":  # with the threads that our scripts use; Keras's layers with TensorFlow's own choice
        load_tensorflow()
    import keras
    import numpy as np

    from common import recurrent

    layer = getattr(recurrent if library == "ours" else keras.layers, cell)(hidden, return_sequences=True)
    layers = [keras.layers.Embedding(VOCABULARY, EMBEDDING), layer, keras.layers.Dense(VOCABULARY)]
    model = keras.Sequential([keras.Input((STEPS,), BATCH, dtype="int32"), *layers])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, jit_compile=False)
    inputs, targets = np.random.default_rng(0).integers(0, VOCABULARY, (2, BATCH, STEPS))
    return lambda: model.train_on_batch(inputs, targets)


def torch_step(cell, hidden):
    """A function that does one training step, in PyTorch."""
    import torch

    embedding, dense = torch.nn.Embedding(VOCABULARY, EMBEDDING), torch.nn.Linear(hidden, VOCABULARY)
    layer = getattr(torch.nn, cell)(EMBEDDING, hidden, batch_first=True)
    optimizer = torch.optim.Adam([*embedding.parameters(), *layer.parameters(), *dense.parameters()])
    inputs, targets = torch.randint(VOCABULARY, (2, BATCH, STEPS))

    def step():
        optimizer.zero_grad()
        logits = dense(layer(embedding(inputs))[0])
        torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten()).backward()
        optimizer.step()

    return step


def timed(function):
    """Seconds of REPEATS calls, after three to warm up."""
    for _ in range(3):
        function()
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return seconds


def product_limit():
    """Thousand million float32 operations a second of a large product, in PyTorch."""
    import torch

    matrix = torch.randn(2048, 2048)
    return 2 * 2048**3 / statistics.median(timed(lambda: matrix @ matrix)) / 1e9


def measure(library):
    """In a process of its own: print the seconds of single steps, as JSON."""
    seconds = {}
    for cell, hidden in itertools.product(CELLS, SIZES):
        step = torch_step(cell, hidden) if library == "torch" else keras_step(cell, hidden, library)
        seconds[f"{cell} {hidden}"] = timed(step)
    limit = product_limit() if library == "torch" else None
    print(json.dumps({"seconds": seconds, "limit": limit}))


def operations(cell, hidden):
    """Floating-point operations of one training step in the products of the layer alone: forward, and twice back."""
    gates = {"LSTM": 4, "GRU": 3}[cell]
    return 3 * 2 * BATCH * STEPS * gates * hidden * (hidden + EMBEDDING)


def main(bench_python):
    seconds, limits = {}, []
    for turn, library in itertools.product(range(TURNS), LIBRARIES):
        print(f"turn {turn + 1} of {TURNS}: {library} ...", file=sys.stderr, flush=True)
        python = bench_python if library == "torch" else sys.executable
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}
        output = subprocess.run([python, __file__, library], stdout=subprocess.PIPE, check=True, env=environment)
        result = json.loads(output.stdout.splitlines()[-1])
        limits += [result["limit"]] if result["limit"] else []
        for setting, taken in result["seconds"].items():
            seconds.setdefault((setting, library), []).extend(taken)

    limit = statistics.median(limits)
    print(f"Products of large matrices: {limit:.0f} GFLOP/s. Thousand characters a second (medians):\n")
    print("| layer | Keras | PyTorch | ours | ours / Keras | ours / PyTorch | of the limit |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for cell, hidden in itertools.product(CELLS, SIZES):
        medians = {library: statistics.median(seconds[f"{cell} {hidden}", library]) for library in LIBRARIES}
        speed = {library: BATCH * STEPS / medians[library] / 1e3 for library in LIBRARIES}
        row = [f"{cell} {hidden}", *(f"{speed[library]:.1f}" for library in ("keras", "torch", "ours"))]
        row += [f"{speed['ours'] / speed[library]:.2f}" for library in ("keras", "torch")]
        row.append(f"{operations(cell, hidden) / medians['ours'] / 1e9 / limit:.0%}")
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    if sys.argv[1] in LIBRARIES:
        measure(sys.argv[1])
    else:
        main(sys.argv[1])
