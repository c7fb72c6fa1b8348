"""What all four tasks share. It imports no task, and importing it loads neither TensorFlow nor Keras."""


class InputError(Exception):
    """Something the user gave is unusable: a file, a row, a flag, a prompt.

    The message is one line that says what is wrong, where, and what to do. The scripts print it without a traceback
    and end with exit code 2.
    """


class WorkerLost(RuntimeError):
    """Another of the workers that train together (common/distributed.py) has ended or does not answer."""
