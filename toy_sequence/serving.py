"""The toy for common/export.py: numbers in, zeros and ones out."""

import tensorflow as tf

from common.export import Exportable, load_with_keras_layers

NOTES = """\
Input    noise          floats (batch, time), from 0 to 1
Outputs  outputs        integers (batch, time): 1, 0, 1, 0, ..., if the model has learned its task
         probabilities  floats (batch, time), that of a 1"""

EXAMPLE = """\
import numpy as np
import tensorflow as tf

alternate = tf.saved_model.load(".").signatures["serving_default"]
noise = np.random.default_rng(0).random((2, 12), dtype="float32")
answers = alternate(noise=tf.constant(noise))
print(answers["outputs"].numpy())
print(answers["probabilities"].numpy().round(3))
"""


def make_exportable(run):
    """What toy_sequence/export.py exports: the model of a run."""
    model, vocabularies = load_with_keras_layers(run / "model.keras")

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.float32, "noise")])
    def serve(noise):
        logits = model(noise[..., None])  # (batch, time, 2)
        return {"outputs": tf.argmax(logits, axis=-1), "probabilities": tf.nn.softmax(logits)[..., 1]}

    return Exportable({"serving_default": serve}, [model], [], vocabularies, NOTES, EXAMPLE)
