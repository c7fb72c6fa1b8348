"""Two surfaces that an optimizer walks down: a saddle point, and a narrow valley with a bend."""

import numpy as np

SADDLE, VALLEY = "saddle point", "narrow valley"
STARTS = {SADDLE: (0.7, 0.001), VALLEY: (-1.2, 1.0)}
NEAR = 0.1  # distance from a minimum at which an optimizer has arrived


def saddle(x, y):
    """4 x² - y² / 2 + y⁴ / 4: flat at (0, 0), where it falls only along y; the minima are (0, 1) and (0, -1)."""
    return 4 * x**2 - y**2 / 2 + y**4 / 4


def valley(x, y):
    """(y - x²)² + (1 - x)² / 10: Rosenbrock's valley. Its floor y = x² falls gently to the minimum (1, 1)."""
    return (y - x**2) ** 2 + (1 - x) ** 2 / 10


SURFACES = {SADDLE: saddle, VALLEY: valley}


def walk(optimizer, steps):
    """The way of a Keras optimizer down both surfaces: an array (steps + 1, 2, 2) of surface and x, y.

    Both ways are one variable and their heights one sum: these optimizers treat every number of a variable by itself.
    """
    import keras
    import tensorflow as tf

    place = keras.Variable(list(STARTS.values()), dtype="float32")  # (surface, 2)
    optimizer.build([place])

    @tf.function
    def descend():
        places = tf.TensorArray(tf.float32, steps + 1).write(0, tf.convert_to_tensor(place))
        for step in tf.range(steps):
            with tf.GradientTape() as tape:
                x, y = tf.unstack(tf.convert_to_tensor(place), axis=1)
                height = saddle(x[0], y[0]) + valley(x[1], y[1])
            optimizer.apply(tape.gradient(height, [place.value]), [place])
            places = places.write(step + 1, tf.convert_to_tensor(place))
        return places.stack()

    return descend().numpy()


def arrival(surface, path):
    """The step at which a path (steps + 1, 2) first comes near a minimum of the surface; infinite if it does not."""
    x, y = path.T
    with np.errstate(over="ignore", invalid="ignore"):  # a path may diverge
        distance = np.hypot(x, np.abs(y) - 1) if surface == SADDLE else np.hypot(x - 1, y - 1)
        near = np.flatnonzero(distance < NEAR)
    return int(near[0]) if len(near) else np.inf
