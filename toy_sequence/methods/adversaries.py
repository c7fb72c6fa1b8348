"""What gan.py trains: a generator and a discriminator that learn against each other, and a classifier as a judge."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from toy_sequence.methods.waves import KINDS

FORGOTTEN = 0.005  # share of the averaged weights that a step replaces: about 200 steps count


def recurrent_model(steps, inputs, hidden_size, every_step=True):
    """Sequences (batch, steps, inputs) -> one number at every step (batch, steps, 1); or, at the end, logits of the
    kinds (batch, kinds)."""
    return keras.Sequential(
        [
            keras.Input((steps, inputs)),
            layers.LSTM(hidden_size, return_sequences=every_step, unroll=True),  # short sequences: twice as fast
            layers.Dense(1 if every_step else len(KINDS)),
        ]
    )


def with_kind(values):
    """(kinds, count, steps, features) -> (kinds * count, steps, features + kinds): at every step, the kind one-hot."""
    kinds, count, steps, features = values.shape
    one_hot = tf.broadcast_to(tf.eye(kinds)[:, None, None], (kinds, count, steps, kinds))
    return tf.reshape(tf.concat([values, one_hot], axis=-1), (kinds * count, steps, features + kinds))


def discriminator_loss(real, generated):
    """The cross-entropy if the label of real waves is 1, of generated ones 0: -log D(real) - log(1 - D(generated)).

    D is the sigmoid of logits (batch, steps, 1); the mean over batch and steps. Both at 0: 2 log 2 = 1.386.
    """
    return tf.reduce_mean(tf.nn.softplus(-real)) + tf.reduce_mean(tf.nn.softplus(generated))


def generator_loss(generated):
    """-log D(generated): the generator wants the label 1. Goodfellow et al. prefer that to log(1 - D), which hardly has
    a gradient while the discriminator wins. At logits of 0: log 2 = 0.693."""
    return tf.reduce_mean(tf.nn.softplus(-generated))


class Adversaries:
    """A generator and a discriminator, each with its Adam.

    Args:
        blur: standard deviation of the noise through which the discriminator sees all waves, real ones too. Without
            it, tiny marks give the generated ones away, and the generator learns little more (Arjovsky & Bottou 2017).
        slowness: the generator's learning rate, divided by the discriminator's.
        options: `sequence_length`, `hidden_size`, `noise_size`, `learning_rate`.
    """

    def __init__(self, blur, slowness, options):
        self.blur, self.steps, self.noise_size = blur, options.sequence_length, options.noise_size
        self.generator = recurrent_model(self.steps, options.noise_size + len(KINDS), options.hidden_size)
        self.discriminator = recurrent_model(self.steps, 1 + len(KINDS), options.hidden_size)
        # What the two learn goes round in circles; the mean of the generator's weights over many steps does not, and
        # makes better waves (Yazici et al. 2019). Nothing is trained with it.
        self.average = keras.models.clone_model(self.generator)
        self.average.set_weights(self.generator.get_weights())
        for model, slower in ((self.generator, 1), (self.discriminator, slowness)):
            # Adam's mean of the gradients reaches back less far than usual (0.9): they are soon out of date, since the
            # other network learns as well (Radford, Metz & Chintala 2016).
            model.optimizer = keras.optimizers.Adam(options.learning_rate / slower, beta_1=0.5)
            model.optimizer.build(model.trainable_variables)

    @tf.function
    def generate(self, count, averaged=False):
        """Waves of every kind (kinds, count, steps), of the generator or of the one with averaged weights.

        A wave has one vector of noise, which is read at every step.
        """
        model = self.average if averaged else self.generator
        noise = tf.random.normal((len(KINDS), count, 1, self.noise_size))
        noise = tf.repeat(noise, self.steps, axis=2)
        return tf.reshape(model(with_kind(noise)), (len(KINDS), count, self.steps))

    def judge(self, waves):
        """The logits of waves (kinds, count, steps) at every step: is what was read so far real?"""
        blurred = waves + self.blur * tf.random.normal(waves.shape)
        return self.discriminator(with_kind(blurred[..., None]))

    @tf.function
    def train_discriminator(self, real):
        """One step on real waves (kinds, count, steps) and as many generated ones; the generator stays. The loss."""
        generated = self.generate(real.shape[1])
        with tf.GradientTape() as tape:
            loss = discriminator_loss(self.judge(real), self.judge(generated))
        learn(self.discriminator, tape, loss)
        return loss

    @tf.function
    def train_generator(self, count):
        """One step on `count` new waves of every kind; the discriminator stays. The loss."""
        with tf.GradientTape() as tape:
            loss = generator_loss(self.judge(self.generate(count)))
        learn(self.generator, tape, loss)
        for mean, weight in zip(self.average.trainable_variables, self.generator.trainable_variables, strict=True):
            mean.assign(mean + FORGOTTEN * (weight - mean))
        return loss


def learn(model, tape, loss):
    """Change the weights of this model, and of no other."""
    weights = model.trainable_variables
    model.optimizer.apply(tape.gradient(loss, weights), weights)


def classify(training, test, options):
    """The share of test waves (kinds, count, steps) whose kind a network trained on others says rightly."""
    keras.utils.set_random_seed(options.seed)
    steps = options.sequence_length
    model = recurrent_model(steps, 1, options.hidden_size, every_step=False)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss, metrics=["accuracy"], jit_compile=False)
    inputs, tested = (waves.reshape(-1, steps, 1) for waves in (training, test))
    kinds, truth = (np.repeat(np.arange(len(KINDS)), waves.shape[1]) for waves in (training, test))
    model.fit(inputs, kinds, batch_size=64, epochs=options.classifier_epochs, verbose=0)
    return model.evaluate(tested, truth, batch_size=500, verbose=0)[1]
