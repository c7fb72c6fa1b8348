"""What a step of training costs with several workers: reading the batch, the all-reduce, and the whole.

    .venv/bin/python benchmarks/workers.py                              # one process
    .venv/bin/python -m common.distributed 2 benchmarks/workers.py          # two workers on this machine

The model is chargen's default; the text is made up.
"""

import time
from dataclasses import dataclass

import numpy as np

from common.cli import Count, run_script, start_tensorflow
from common.runs import SharedRunOptions


@dataclass(frozen=True)
class Options(SharedRunOptions):
    batch_size: Count = 16  # streams, of all workers together
    characters: Count = 140_000  # of the text
    steps: Count = 60  # that are measured


def main(options: Options) -> None:
    from chargen.model import build_model, compile_model
    from chargen.train import Hyperparameters
    from common.batches import stream_batches
    from common.distributed import connect

    start_tensorflow(options)
    import tensorflow as tf

    workers = connect(options.strategy)

    ids = np.random.default_rng(0).integers(0, 42, options.characters).astype("uint8")
    batches = workers.share(stream_batches(ids, options.batch_size, 50, seed=0))
    model = build_model(Hyperparameters(), 42, batch_size=workers.share_of(options.batch_size))
    compile_model(model, Hyperparameters(), 1000)
    workers.join(model)

    def milliseconds(work):
        started = time.perf_counter()
        work()
        return 1000 * (time.perf_counter() - started) / options.steps

    def read():
        for _ in batches.repeat().take(options.steps):
            pass

    def reduce():
        for _ in range(options.steps if workers.count > 1 else 0):
            add([gradients])

    add = tf.function(workers.sum)
    gradients = tf.zeros(model.count_params())
    if workers.count > 1:
        add([gradients])
    model.fit(batches.take(5), verbose=0, shuffle=False)  # compiles
    whole = milliseconds(lambda: model.fit(batches.repeat().take(options.steps), verbose=0, shuffle=False))
    rate = 1000 * options.batch_size * 50 / whole
    print(
        f"{workers.count} workers, {model.count_params()} parameters, {options.batch_size} x 50 characters a step: "
        f"reading {milliseconds(read):.2f} ms, all-reduce {milliseconds(reduce):.2f} ms, the step {whole:.1f} ms, "
        f"{rate:.0f} characters/s"
    )


if __name__ == "__main__":
    run_script(main, Options)
