"""Gates that do not read the state: the same layer as a loop over time and as a parallel scan.

    python toy_sequence/memory/parallel_scan.py                       # about two minutes
    python toy_sequence/memory/parallel_scan.py --lengths 100 --hidden-size 256 --batch-size 32

An LSTM has to wait at every step for the step before it. In minGRU, minLSTM and the linear recurrent unit (LRU) the
gates depend on the inputs alone, and h_t = a_t * h_{t-1} + b_t can be computed for all steps at once in log2(time)
rounds. common/scan_layers.py has the equations and the references.

First, each of these layers is run in both ways with the same weights, and outputs and gradients are compared. Then
whole training steps are timed, at growing lengths:

    inputs (batch, time, 8) -> layer (batch, time, hidden) -> answers (batch, time, 1) -> squared error, Adam

for Keras's LSTM, for ours (common/fast_rnn), and for each new layer as a loop and as a scan. All methods take turns,
each figure is the fastest of several steps: whatever else the machine does can only slow a step down. A method is left
out at greater lengths once its step takes more than `--patience` seconds.

What to expect: a scan does time * log2(time) work in few large operations, a loop does time in many small ones. Where
arithmetic is dear and starting an operation cheap, as on a CPU with few cores, the loop wins; on a GPU it is the other
way round. And both may be faster than an LSTM, for they have no product of matrices in the loop.
"""

import time
from dataclasses import dataclass

import numpy as np

from common import InputError
from common.cli import Count, Positive, Size, run_script, start_tensorflow
from common.runs import NamedRunOptions, finish_run, start_run
from common.tables import print_table

INPUTS = 8
LAYERS = ("MinGRU", "MinLSTM", "LRU")


@dataclass(frozen=True)
class Options(NamedRunOptions):
    lengths: tuple[Count, ...] = (100, 200, 500, 1000, 2000, 4000)  # time steps, each more than the one before
    hidden_size: Size = 128  # units
    batch_size: Count = 32  # sequences
    repeats: Count = 5  # training steps of each method at each length
    patience: Positive = 4.0  # seconds; a method whose step takes longer is not tried at greater lengths

    def __post_init__(self):
        super().__post_init__()
        if not self.lengths or list(self.lengths) != sorted(set(self.lengths)):
            given = " ".join(map(str, self.lengths))
            raise InputError(f"--lengths is {given}; give whole numbers, each more than the last")


def make_layers(hidden_size):
    """All methods by name, as layers that are not built yet."""
    import keras

    from common import fast_rnn, scan_layers

    layers = {
        "LSTM, Keras": keras.layers.LSTM(hidden_size, return_sequences=True),
        "LSTM, ours": fast_rnn.LSTM(hidden_size, return_sequences=True),
    }
    for name in LAYERS:
        for parallel, way in ((False, "loop"), (True, "scan")):
            layers[f"{name}, {way}"] = getattr(scan_layers, name)(hidden_size, parallel, return_sequences=True)
    return layers


def training_step(layer, batch_size):
    """A function (inputs, targets) -> loss that takes one step of training. One graph serves all lengths."""
    import keras
    import tensorflow as tf

    model = keras.Sequential([keras.Input((None, INPUTS), batch_size), layer, keras.layers.Dense(1)])
    optimizer = keras.optimizers.Adam()
    optimizer.build(model.trainable_variables)

    @tf.function(
        input_signature=[tf.TensorSpec((batch_size, None, INPUTS)), tf.TensorSpec((batch_size, None, 1))],
    )
    def step(inputs, targets):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((model(inputs) - targets) ** 2)
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        return loss

    return step


def measure(steps, lengths, options):
    """Seconds of the fastest training step: name -> length -> seconds. `steps`: name -> that of `training_step`."""
    generator = np.random.default_rng(options.seed)
    seconds = {name: {} for name in steps}
    for length in lengths:
        shape = options.batch_size, length
        batch = [generator.normal(size=(*shape, features)).astype("float32") for features in (INPUTS, 1)]
        # The first step is not counted: it makes the graph, or fetches memory.
        taken = {name: [] for name in steps if max(seconds[name].values(), default=0) <= options.patience}
        for _ in range(options.repeats + 1):
            for name, values in taken.items():
                started = time.perf_counter()
                float(steps[name](*batch))
                values.append(time.perf_counter() - started)
        for name, values in taken.items():
            seconds[name][length] = min(values[1:])
        print(f"{length} steps: {', '.join(f'{name} {seconds[name][length]:.3f} s' for name in taken)}", flush=True)
    return seconds


def conclusion(differences, seconds):
    """Three lines about the differences, name -> (outputs, gradients), and the seconds, name -> length -> seconds."""
    worst = max(max(pair) for pair in differences.values())
    longest = max(length for by_length in seconds.values() for length in by_length)
    shortest = min(length for by_length in seconds.values() for length in by_length)
    lines = [f"Loop and scan differ by at most {worst:.1e}, in outputs and gradients."]
    ratios = []
    for name in LAYERS:
        loop, scan = seconds[f"{name}, loop"], seconds[f"{name}, scan"]
        pair = [
            f"{loop[length] / scan[length]:.2f}" for length in (shortest, longest) if length in loop and length in scan
        ]
        ratios.append(f"{name} {' and '.join(pair)}")
    lines.append(f"The scan's speed in terms of the loop's, at {shortest} and {longest} steps: {', '.join(ratios)}.")
    at_most = max(seconds["LSTM, ours"])
    fastest = min((by_length[at_most], name) for name, by_length in seconds.items() if at_most in by_length)
    times = seconds["LSTM, ours"][at_most] / fastest[0]
    lines.append(f"Fastest at {at_most} steps: {fastest[1]}, {times:.1f} times as fast as our LSTM.")
    return lines


def main(options: Options) -> None:
    start_tensorflow(options)
    from common import scan_layers
    from toy_sequence.memory import pictures
    from toy_sequence.memory.from_scratch import difference

    run, started = start_run("parallel_scan", options), time.perf_counter()
    differences = {}
    for name in LAYERS:
        scan, loop = (getattr(scan_layers, name)(16, parallel, True) for parallel in (True, False))
        differences[name] = difference(scan, loop, steps=1000)
    rows = [(name, f"{outputs:.1e}", f"{gradients:.1e}") for name, (outputs, gradients) in differences.items()]
    print_table(("loop and scan differ by", "outputs", "gradients"), rows)
    print()
    layers = make_layers(options.hidden_size)
    steps = {name: training_step(layer, options.batch_size) for name, layer in layers.items()}
    seconds = measure(steps, options.lengths, options)
    print()
    rows = [
        (name, *(f"{by_length[length] * 1000:.0f}" if length in by_length else "-" for length in options.lengths))
        for name, by_length in seconds.items()
    ]
    print_table(("ms a training step, by time steps", *map(str, options.lengths)), rows)
    pictures.seconds_by_length(seconds, run / "parallel_scan.png")
    metrics = {"differences": differences, "seconds_a_step": seconds, "seed": options.seed}
    finish_run(run, "parallel_scan", metrics | {"training_seconds": time.perf_counter() - started})
    print("\nConclusion", *conclusion(differences, seconds), f"pictures are in {run}", sep="\n")


if __name__ == "__main__":
    run_script(main, Options)
