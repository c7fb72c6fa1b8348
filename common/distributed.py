r"""Several processes train one model: on one machine with several GPUs, or on several machines.

Each worker runs the same script with the same flags, holds a copy of the model, and reads its share of the rows of each
batch. After each step the workers add up their gradients and all make the same step with the sum, so that the copies
stay equal (synchronous data parallelism). A step is the one that a single process would make with the whole batch.

    rows of the batch -> worker 0: gradients --\                  /--> worker 0: step
                      -> worker 1: gradients ---> sum of all -----+--> worker 1: step

TensorFlow's MultiWorkerMirroredStrategy connects the workers and does the sum (an all-reduce). It finds the others in
the environment variable TF_CONFIG, JSON that differs from worker to worker in `index` only, and that Kubernetes or
Slurm can set (docs/scaling.md):

    {"cluster": {"worker": ["host1:12345", "host2:12345"]}, "task": {"type": "worker", "index": 0}}

One difference to a process without a strategy: there, Keras's Adam and Adagrad square the gradient of a row of an
embedding once for each time that the row occurs in the batch; the summed gradients are squared once. So compare two
workers with one (`python -m common.distributed 1 ...`): these agree.

The model's variables are ordinary ones, and Keras's `fit` and callbacks run as ever, on each worker; only what `fit`
does in one step is replaced, since Keras 3's own step does not work with this strategy (keras-team/keras, 20585).
Worker 0 is the chief: it alone prints, writes the run folder and evaluates.

    python -m common.distributed 2 chargen/train.py --epochs 3     # two workers on this machine

Reference: Goyal et al. 2017, Accurate, large minibatch SGD: training ImageNet in 1 hour.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from typing import Any

import numpy as np
import tensorflow as tf

from common import InputError, WorkerLost
from common.padding import PADDED
from common.resume import Backup

TIMEOUT = 50  # seconds that a worker waits for the others


class Workers:
    """The workers of a training, as one of them sees them. Without a strategy there is one, and nothing changes.

    Args:
        strategy: a MultiWorkerMirroredStrategy, or `None`.
    """

    def __init__(self, strategy: Any = None):
        self.strategy, self.count, self.index = strategy, 1, 0
        if strategy is not None:
            self.count, self.index = strategy.num_replicas_in_sync, strategy.cluster_resolver.task_id
        self.chief = self.index == 0

    def rows(self, count):
        """Which of `count` rows are this worker's: the first one, and the first one that is not any more."""
        return count * self.index // self.count, count * (self.index + 1) // self.count

    def share_of(self, batch_size: int) -> int:
        """How many rows of each batch are this worker's.

        Raises:
            InputError: the workers cannot share the rows evenly, as a model that keeps a state for each row needs.
        """
        if batch_size % self.count:
            raise InputError(f"--batch-size is {batch_size}; {self.count} workers cannot share it evenly")
        return batch_size // self.count

    def backup(self, *args) -> Backup:
        """A `Backup` of the training, with the arguments of its class; the chief writes and reads it."""
        return Backup(*args) if self.count == 1 else SharedBackup(self, *args)

    def leave(self) -> None:
        """End this process unless it is the chief, which evaluates."""
        if not self.chief:
            sys.exit(0)

    def share(self, batches):
        """A dataset of `common.batches.epochs` that gives only this worker's rows of each batch."""
        if self.count == 1:
            return batches

        def cut(*batch):
            first, end = self.rows(tf.shape(batch[0])[0])
            return tuple(part[first:end] for part in batch)

        shared = batches.map(cut).prefetch(2)
        shared.epoch = batches.epoch
        return shared

    def sum(self, tensors: list) -> list:
        """The sums of tensors over all workers, in one message."""
        flat = tf.concat([tf.reshape(tensor, [-1]) for tensor in tensors], axis=0)
        options = tf.distribute.experimental.CommunicationOptions(timeout_seconds=TIMEOUT)

        def add(values):
            on_device = tf.identity(values)  # the strategy asks where it is
            return tf.distribute.get_replica_context().all_reduce("SUM", on_device, options)

        flat = self.strategy.run(add, args=(flat,))
        parts = tf.split(flat, [tf.size(tensor) for tensor in tensors])
        return [tf.reshape(part, tf.shape(tensor)) for part, tensor in zip(parts, tensors, strict=True)]

    def sum_array(self, array: np.ndarray) -> np.ndarray:
        """The same for an array, outside of a training step."""
        if self.count == 1:
            return array
        with self._noticing():
            return tf.function(self.sum)([tf.constant(array)])[0].numpy()

    def from_chief(self, content: bytes) -> bytes:
        """The chief's `content`, on every worker."""
        if self.count == 1:
            return content
        (length,) = self.sum_array(np.array([len(content) if self.chief else 0], "float64"))
        numbers = np.zeros(int(length), "int32")
        if self.chief:
            numbers[:] = np.frombuffer(content, "uint8")
        return self.sum_array(numbers).astype("uint8").tobytes() if len(numbers) else b""

    def vary_dropout(self, model) -> None:
        """Give each worker's random numbers another seed, so that they do not all drop the same units."""
        for variable in model.variables:
            if variable.path.endswith("seed_generator_state"):
                variable.assign(np.asarray(variable) + np.array([self.index, 0], variable.dtype))

    def join(self, model) -> None:
        """Let the `fit` of a compiled model, whose loss is a mean over targets, train with the other workers."""
        if self.strategy is None:
            return
        self.vary_dropout(model)

        @tf.function(reduce_retracing=True)
        def train(x, y):
            with tf.GradientTape() as tape:
                logits = model(x, training=True)
                loss = model.compute_loss(x, y, logits)
            gradients = tape.gradient(loss, model.trainable_variables)
            model.optimizer.apply(measure(x, y, logits, loss, gradients), model.trainable_variables)
            return model.get_metrics_result()

        @tf.function(reduce_retracing=True)
        def test(x, y):
            logits = model(x, training=False)
            measure(x, y, logits, model.compute_loss(x, y, logits), [])
            return model.get_metrics_result()

        def measure(x, y, logits, loss, gradients):
            """Update the metrics as the whole batch does, and return its gradients."""
            counted = tf.reduce_sum(tf.cast(tf.not_equal(y, tf.cast(PADDED, y.dtype)), tf.float32))
            rows = tf.cast(tf.shape(y)[0], tf.float32)
            if not model._compile_metrics.built:
                model._compile_metrics.build(y, logits)
            sums = model._compile_metrics.variables  # a metric is a quotient of sums
            before = [tf.identity(each) for each in sums]
            model.compute_metrics(x, y, logits)
            gained = [after - old for after, old in zip(sums, before, strict=True)]
            means = [tf.convert_to_tensor(each) for each in (loss, *gradients)]
            totals = [tf.math.multiply_no_nan(each, counted) for each in means]  # 0 if this worker has no rows
            counted, rows, *totals = self.sum([counted, rows, *totals, *gained])
            loss, *gradients = [total / counted for total in totals[: len(means)]]
            for each, old, more in zip(sums, before, totals[len(means) :], strict=True):
                each.assign(old + more)
            model._loss_tracker.update_state(loss, sample_weight=rows)
            return gradients

        def watched(function):
            def run(iterator):
                batch = next(iterator)
                with self._noticing():
                    return function(*batch)

            return run

        model.train_function, model.test_function = watched(train), watched(test)

    @contextlib.contextmanager
    def _noticing(self):
        """Turn TensorFlow's errors of communication into WorkerLost."""
        errors = tf.errors
        lost = (errors.UnavailableError, errors.AbortedError, errors.CancelledError, errors.DeadlineExceededError)
        try:
            yield
        except (*lost, errors.InternalError, errors.UnknownError) as error:
            raise WorkerLost(
                f"worker {self.index} of {self.count} lost another worker ({type(error).__name__}); "
                "start all of them again with --resume"
            ) from error


class SharedBackup(Backup):
    """The backup of a training with several workers. The file is that of a single process, so that a training may go on
    with another number of workers."""

    finishes_step = False

    def __init__(self, workers: Workers, *args):
        super().__init__(*args)
        self.workers, self.writes = workers, workers.chief

    def read(self) -> bytes:
        return self.workers.from_chief(super().read() if self.writes else b"")

    def gather_states(self, states: list) -> list:
        wide = [np.zeros((len(state) * self.workers.count, state.shape[1]), state.dtype) for state in states]
        for state, whole in zip(states, wide, strict=True):
            whole[slice(*self.workers.rows(len(whole)))] = state
        return [self.workers.sum_array(whole) for whole in wide]

    def own_rows(self, state: np.ndarray) -> np.ndarray:
        return state[slice(*self.workers.rows(len(state)))]

    def _restore(self, arrays: dict, kinds: tuple[str, ...]) -> None:
        super()._restore(arrays, kinds)
        self.workers.vary_dropout(self.model)


def connect(strategy: str) -> Workers:
    """Find the other workers, before TensorFlow computes anything. Usually there is none.

    Args:
        strategy: `none`; `mirrored`: one for each GPU of this machine, started here; `multiworker`: those of TF_CONFIG.

    Raises:
        InputError: TF_CONFIG is missing or malformed.
    """
    if strategy == "mirrored" and "TF_CONFIG" not in os.environ:
        gpus = tf.config.list_physical_devices("GPU")
        if len(gpus) < 2:
            return Workers()
        configurations = local_cluster(len(gpus))
        for index, configuration in enumerate(configurations[1:], start=1):
            start_worker(sys.argv, configuration, index)
        os.environ["TF_CONFIG"] = configurations[0]
        tf.config.set_visible_devices(gpus[0], "GPU")
    elif strategy == "none":
        return Workers()
    try:
        configuration = json.loads(os.environ.get("TF_CONFIG", ""))
        index, hosts = configuration["task"]["index"], configuration["cluster"]["worker"]
        if configuration["task"]["type"] != "worker" or index < 0 or not hosts[index]:
            raise ValueError
    except (ValueError, KeyError, TypeError, IndexError):
        raise InputError(
            "--strategy multiworker: the environment variable TF_CONFIG must be JSON like "
            '{"cluster": {"worker": ["host1:12345", "host2:12345"]}, "task": {"type": "worker", "index": 0}}; '
            "see docs/scaling.md"
        ) from None
    options = tf.distribute.experimental.CommunicationOptions(timeout_seconds=TIMEOUT)
    workers = Workers(tf.distribute.MultiWorkerMirroredStrategy(communication_options=options))
    if not workers.chief:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - for the rest of the process
    print(f"{workers.count} workers train together", flush=True)
    return workers


def local_cluster(count: int) -> list[str]:
    """TF_CONFIG for each of `count` workers on this machine."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    hosts = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    return [
        json.dumps({"cluster": {"worker": hosts}, "task": {"type": "worker", "index": index}}) for index in range(count)
    ]


def start_worker(command: list[str], configuration: str, index: int) -> subprocess.Popen:
    """Start a script as a worker that sees only the GPU of its index."""
    devices = os.environ.get("CUDA_VISIBLE_DEVICES")
    device = devices.split(",")[index : index + 1] if devices else [str(index)]
    environment = {**os.environ, "TF_CONFIG": configuration, "CUDA_VISIBLE_DEVICES": "".join(device)}
    return subprocess.Popen([sys.executable, *command], env=environment)


def main(count: int, command: list[str]) -> int:
    """Run a script on `count` workers of this machine; if one fails, stop the others. Returns its exit code."""
    command = [*command, "--strategy", "multiworker"]
    processes = [
        start_worker(command, configuration, index) for index, configuration in enumerate(local_cluster(count))
    ]
    deadline = None
    try:
        while any(process.poll() is None for process in processes):
            time.sleep(0.1)
            if deadline is None and any(process.poll() for process in processes):
                deadline = time.monotonic() + TIMEOUT + 10  # by then the others have noticed and ended
            if deadline is not None and time.monotonic() > deadline:
                break
        return next((process.returncode for process in processes if process.returncode), 0)
    except KeyboardInterrupt:
        return 130
    finally:
        for process in processes:
            if process.poll() is None:
                process.terminate()
        for process in processes:
            process.wait()


if __name__ == "__main__":
    if len(sys.argv) < 3 or not sys.argv[1].isdecimal() or int(sys.argv[1]) < 1:
        print("usage: python -m common.distributed COUNT SCRIPT [FLAGS ...]", file=sys.stderr)
        sys.exit(2)
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
