"""How the cost of training chargen's model grows: with the text, with the sequence length, with the batch size.

    make bench-scale

The text is the generated sample, over and over. For each size a process of its own reads the file and trains for 60
steps: seconds until the first step can begin, characters a second, and the largest private memory (the ids lie in a
mapped file, which the system can drop from memory at any time). An epoch's seconds follow from the two. Each length and
each batch size is tried twice, and the faster one counts. Draws benchmarks/scale.png.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

SIZES, LENGTHS, BATCHES = (1, 10, 100), (12, 25, 50, 100, 200, 400), (4, 8, 16, 32, 64, 128, 256)
STEPS = 60


def private_megabytes():
    """Memory of this process that is not mapped from a file."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1e3


def measure(path, batch_size, sequence_length):
    """In a process of its own: print the figures as JSON."""
    from chargen.model import build_model, compile_model
    from chargen.train import Hyperparameters
    from common.batches import stream_batches
    from common.cli import start_tensorflow
    from common.data import load_text, split_text
    from common.runs import RunOptions

    started = time.perf_counter()
    ids, vocabulary, _ = load_text(path)
    train, _, _ = split_text(ids)
    reading = time.perf_counter() - started
    start_tensorflow(RunOptions())
    settings = replace(Hyperparameters(), batch_size=batch_size, sequence_length=sequence_length)
    model = build_model(settings, len(vocabulary))
    compile_model(model, settings, STEPS)
    batches = stream_batches(train, batch_size, sequence_length)
    model.fit(batches.take(3), verbose=0, shuffle=False)
    started = time.perf_counter()
    steps = min(STEPS, len(batches))
    model.fit(batches.take(steps), verbose=0, shuffle=False)
    speed = steps * batch_size * sequence_length / (time.perf_counter() - started)
    epoch = reading + len(train) / speed
    print(json.dumps({"reading": reading, "speed": speed, "epoch": epoch, "memory": private_megabytes()}))


def run(path, batch_size=16, sequence_length=50):
    command = [sys.executable, __file__, str(path), str(batch_size), str(sequence_length)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    output = subprocess.run(command, stdout=subprocess.PIPE, check=True, env=environment).stdout
    return json.loads(output.splitlines()[-1])


def main():
    from common import plots, sample

    story = sample.story()
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "text.txt"

        def write(megabytes):
            with text.open("w") as file:
                for _ in range(megabytes * 1_000_000 // len(story) + 1):
                    file.write(story)

        print(
            "| text MB | reading s | characters/s | private memory MB | an epoch s |\n| --- | --- | --- | --- | --- |"
        )
        by_size = {}
        for size in SIZES:
            write(size)
            by_size[size] = figures = run(text)
            print(
                f"| {size} | {figures['reading']:.1f} | {figures['speed']:,.0f} | {figures['memory']:.0f} "
                f"| {figures['epoch']:,.0f} |",
                flush=True,
            )
        write(1)  # the rest with the small text
        settings = [*({"sequence_length": n} for n in LENGTHS), *({"batch_size": n} for n in BATCHES)]
        passes = [[run(text, **setting) for setting in settings] for _ in range(2)]  # in different, noisy minutes
    faster = [max(both, key=lambda figures: figures["speed"]) for both in zip(*passes, strict=True)]
    by_length = dict(zip(LENGTHS, faster[: len(LENGTHS)], strict=True))
    by_batch = dict(zip(BATCHES, faster[len(LENGTHS) :], strict=True))
    for name, results in (("sequence length", by_length), ("batch size", by_batch)):
        print(f"\n| {name} | characters/s | private memory MB |\n| --- | --- | --- |")
        for value, figures in results.items():
            print(f"| {value} | {figures['speed']:,.0f} | {figures['memory']:.0f} |")

    figure, axes = plots.plt.subplots(1, 3, figsize=(13, 3.8), layout="constrained")
    axes[0].loglog(SIZES, [by_size[size]["epoch"] for size in SIZES], "o-", label="an epoch (s)")
    axes[0].loglog(SIZES, [by_size[size]["reading"] for size in SIZES], "o-", label="of it, reading the file (s)")
    axes[0].loglog(SIZES, [by_size[size]["memory"] for size in SIZES], "s--", label="private memory (MB)")
    axes[0].set(xlabel="text (MB)")
    axes[0].legend()
    for axis, name, results in ((axes[1], "sequence length", by_length), (axes[2], "batch size", by_batch)):
        axis.semilogx(list(results), [result["speed"] for result in results.values()], "o-")
        axis.set(xlabel=name, ylabel="characters a second", ylim=(0, None))
        axis.minorticks_off()
        axis.set_xticks(list(results), labels=map(str, results))
    plots.save(figure, Path(__file__).with_name("scale.png"))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    else:
        main()
