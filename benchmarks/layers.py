"""How fast do recurrent layers train on this CPU: Keras's, PyTorch's, and those of common/fast_rnn?

    make bench-layers

One layer between an embedding of 64 numbers and 60 logits, batch 64, 100 steps; a whole training step with Adam,
in thousands of characters a second. Each library has a process of its own. They take turns step by step, while the
others sleep, so that a noisy minute of the machine slows all of them down alike; every figure is a median. The last
column is the part of the processor's speed in large float32 products that the arithmetic of our layer amounts to.
"""

import itertools
import os
import statistics
import subprocess
import sys
import time

BATCH, STEPS, VOCABULARY, EMBEDDING = 64, 100, 60, 64
CELLS, SIZES, LIBRARIES = ("LSTM", "GRU"), (128, 256, 512), ("keras", "ours", "torch")
REPEATS = int(os.environ.get("REPEATS", 30))
PRODUCT = 2048  # rows and columns of the matrices of a large product


def keras_step(cell, hidden, library):
    """A function that does one training step, in TensorFlow."""
    from common.cli import start_tensorflow  # here, for PyTorch's environment has no TensorFlow

    if library == "ours":  # with the threads that our scripts use; Keras's layers with TensorFlow's own choice
        start_tensorflow()
    import keras
    import numpy as np

    from common import fast_rnn

    layer = getattr(fast_rnn if library == "ours" else keras.layers, cell)(hidden, return_sequences=True)
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


def product():
    """A function that does one large product, in PyTorch."""
    import torch

    matrix = torch.randn(PRODUCT, PRODUCT)
    return lambda: matrix @ matrix


def worker(library):
    """In a process of its own: for each line on standard input, a setting, do a step and print its seconds."""
    setting, step = None, None
    for line in sys.stdin:
        if line != setting:
            setting, (cell, hidden) = line, line.split()
            if cell == "product":
                step = product()
            else:
                step = torch_step(cell, int(hidden)) if library == "torch" else keras_step(cell, int(hidden), library)
            for _ in range(3):  # compiles, and warms up
                step()
        start = time.perf_counter()
        step()
        print(time.perf_counter() - start, flush=True)


def operations(cell, hidden):
    """Floating-point operations of one training step in the products of the layer alone: forward, and twice back."""
    gates = {"LSTM": 4, "GRU": 3}[cell]
    return 3 * 2 * BATCH * STEPS * gates * hidden * (hidden + EMBEDDING)


def main(bench_python):
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}
    workers = {
        library: subprocess.Popen(
            [bench_python if library == "torch" else sys.executable, __file__, library],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )
        for library in LIBRARIES
    }

    def medians(setting, libraries):
        seconds = {library: [] for library in libraries}
        for _, library in itertools.product(range(REPEATS), libraries):
            worker = workers[library]
            print(setting, file=worker.stdin, flush=True)
            seconds[library].append(float(worker.stdout.readline()))
            time.sleep(0.02)  # until its threads sleep
        return {library: statistics.median(values) for library, values in seconds.items()}

    limit = 2 * PRODUCT**3 / medians(f"product {PRODUCT}", ["torch"])["torch"] / 1e9
    print(f"Products of large matrices: {limit:.0f} GFLOP/s. Thousand characters a second (medians):\n")
    print("| layer | Keras | PyTorch | ours | ours / Keras | ours / PyTorch | of the limit |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for cell, hidden in itertools.product(CELLS, SIZES):
        seconds = medians(f"{cell} {hidden}", LIBRARIES)
        speed = {library: BATCH * STEPS / seconds[library] / 1e3 for library in LIBRARIES}
        row = [f"{cell} {hidden}", *(f"{speed[library]:.1f}" for library in ("keras", "torch", "ours"))]
        row += [f"{speed['ours'] / speed[library]:.2f}" for library in ("keras", "torch")]
        row.append(f"{operations(cell, hidden) / seconds['ours'] / 1e9 / limit:.0%}")
        print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    if sys.argv[1] in LIBRARIES:
        worker(sys.argv[1])
    else:
        main(sys.argv[1])
