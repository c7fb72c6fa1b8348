import keras
import numpy as np
import tensorflow as tf

from common import callbacks, runs, saving
from common.batches import epochs


def test_the_best_epoch_is_the_one_that_is_kept(tmp_path):
    values = iter([3.0, 1.0, 2.0])

    class Scripted(keras.callbacks.Callback):
        """Sets the weights to the number of the epoch, and the monitored value as scripted."""

        def on_epoch_end(self, epoch, logs=None):
            self.model.set_weights([np.full((1, 1), float(epoch))])
            logs["val_loss"] = next(values)

    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.compile("sgd", "mse")
    data = np.zeros((2, 1)), np.zeros((2, 1))
    batches = epochs(lambda epoch: iter([data]), (tf.TensorSpec((2, 1)),) * 2, steps=1)
    kept = callbacks.run_callbacks(tmp_path, "val_loss", {}, runs.RunOptions(), batches, patience=9)
    model.fit(batches, validation_data=data, epochs=3, callbacks=[Scripted(), *kept], verbose=0, shuffle=False)
    assert saving.load_model(tmp_path / "model.keras")[0].get_weights()[0] == 1  # the second epoch
