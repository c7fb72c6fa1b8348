"""How networks are trained: optimizers, initial weights, normalisation, convolution, augmentation, transfer."""
