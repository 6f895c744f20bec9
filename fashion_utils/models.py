"""The series' networks. Each is built inline in its notebook first; later notebooks take it from here."""

import keras


def mlp() -> keras.Sequential:
    """Return the multilayer perceptron of notebook 3, compiled and untrained.

    Input: images (n, 28, 28), float, scaled to [0, 1]. Output: probabilities (n, 10), float32, each row summing to 1.
    Flatten, 128 and 64 rectified units, ten softmax units: 109,386 parameters. Labels are integers from 0 to 9.
    """
    model = keras.Sequential(
        [
            keras.layers.Input((28, 28)),
            keras.layers.Flatten(),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model
