"""A simple recurrent cell that normalises what it is about to squash."""

import keras


@keras.saving.register_keras_serializable(package="rnn_examples")
class NormalisedCell(keras.layers.Layer):
    """h' = tanh(N(x W + h U + b)), with x (batch, inputs), W (inputs, units), h (batch, units), U (units, units).

    For `keras.layers.RNN`. N gives each unit the mean 0 and the variance 1, then multiplies by γ and adds β (both
    (units,), both learned). What the mean is taken over makes the difference:

    batch: over the sequences of the batch, for each unit (Ioffe & Szegedy 2015). Outside of training, moving averages
        stand in for it. One average serves all steps, although the state of the first steps is another than that of the
        later ones; Cooijmans et al. 2017 keep one a step, which then ends at the longest sequence of training.
    layer: over the units, for each sequence by itself (Ba, Kiros & Hinton 2016). The same in training and after it.
    none: N is left out.
    """

    def __init__(self, units, normalisation, **options):
        super().__init__(**options)
        self.units, self.normalisation, self.state_size, self.output_size = units, normalisation, units, units
        self.from_input = keras.layers.Dense(units)
        self.from_state = keras.layers.Dense(units, use_bias=False, kernel_initializer="orthogonal")
        kinds = {"none": "Identity", "batch": "BatchNormalization", "layer": "LayerNormalization"}
        self.normalise = getattr(keras.layers, kinds[normalisation])()

    def build(self, shape):
        self.from_input.build(shape)
        for layer in (self.from_state, self.normalise):
            layer.build((None, self.units))

    def call(self, inputs, states, training=False):
        total = self.from_input(inputs) + self.from_state(states[0])
        h = keras.ops.tanh(self.normalise(total, training=training))
        return h, [h]

    def get_config(self):
        return {**super().get_config(), "units": self.units, "normalisation": self.normalisation}
