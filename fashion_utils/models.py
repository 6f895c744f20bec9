"""The series' networks. Each is built inline in its notebook first; later notebooks take it from here."""

from collections.abc import Sequence

import keras


def mlp(dropout: float = 0.0) -> keras.Sequential:
    """Return the multilayer perceptron of notebook 3, compiled and untrained.

    Input: images (n, 28, 28), float, scaled to [0, 1]. Output: probabilities (n, 10), float32, each row summing to 1.
    Flatten, 128 and 64 rectified units, ten softmax units: 109,386 parameters. Labels are integers from 0 to 9.

    Args:
        dropout: share of the units dropped after each hidden layer, as in notebook 5; 0 adds no such layers.
    """
    model = keras.Sequential([keras.layers.Input((28, 28)), keras.layers.Flatten()])
    for units in (128, 64):
        model.add(keras.layers.Dense(units, activation="relu"))
        if dropout:
            model.add(keras.layers.Dropout(dropout))
    model.add(keras.layers.Dense(10, activation="softmax"))
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def cnn(filters: Sequence[int] = (16, 32, 64), dropout: float = 0.2) -> keras.Sequential:
    """Return the convolutional network of notebook 6, compiled and untrained.

    Input: images (n, 28, 28, 1), float, scaled to [0, 1]. Output: probabilities (n, 10), float32, each row summing
    to 1. Labels are integers from 0 to 9.

    Args:
        filters: how many 3×3 filters each block has. A block is a convolution, in the first three blocks a 2×2 max
            pooling, batch normalization, and ReLU.
        dropout: share of the units dropped before and after the hidden layer of 128 units.
    """
    model = keras.Sequential([keras.layers.Input((28, 28, 1))])
    for block, n in enumerate(filters):
        model.add(keras.layers.Conv2D(n, 3, padding="same"))
        if block < 3:  # from 28 × 28 to 3 × 3
            model.add(keras.layers.MaxPooling2D())
        # Behind the pooling, batch normalization has a quarter of the numbers to work on: it costs a tenth of the
        # speed in place of four tenths. For ReLU the order makes no difference.
        model.add(keras.layers.BatchNormalization())
        model.add(keras.layers.ReLU())
    model.add(keras.layers.Dropout(dropout))
    model.add(keras.layers.Flatten())
    model.add(keras.layers.Dense(128, activation="relu"))
    model.add(keras.layers.Dropout(dropout))
    model.add(keras.layers.Dense(10, activation="softmax"))
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model
