"""The toy for common/export.py: numbers in, zeros and ones out."""

import tensorflow as tf

from common.export import Exportable, load_with_keras_layers


def make_exportable(run):
    """What toy_sequence/export.py exports: the model of a run."""
    model, vocabularies = load_with_keras_layers(run / "model.keras")

    def network(noise):
        logits = model(noise[..., None])  # (batch, time, 2)
        return {"outputs": tf.argmax(logits, axis=-1), "probabilities": tf.nn.softmax(logits)[..., 1]}

    inputs = [tf.TensorSpec([None, None], tf.float32, "noise")]
    serve = tf.function(network, input_signature=inputs)
    return Exportable({"serving_default": serve}, network, inputs, [model], [], vocabularies)
