"""The exercises of the notebook that trains the MLP: right answers and typical mistakes."""

import keras
from made_up import LABELS, SCALED, both_tests, network
import numpy as np
import pytest

RIGHT = {
    "04.parameters": [784 * 256 + 256 + 256 * 128 + 128 + 128 * 10 + 10],
    "04.repair": [network(64), network(), network(kernel_regularizer="l2")],
}

MISTAKES = {
    "04.parameters": [
        (784 * 256 + 256 * 128 + 128 * 10, "biases"),
        (784 * 256 + 256 + 256 * 128 + 128, "last layer"),
        (network(128).count_params() - 10 * 129 + 128 * 64 + 64 + 65 * 10, "network of this notebook"),
        (256 + 128 + 10, "these are the units"),
        (784 * 256 + 256 + 256 * 128 + 128 + 128 * 10, "another number"),
    ],
    "04.repair": [
        (network(activation="relu"), "no probabilities"),
        (network(activation="sigmoid"), "no probabilities"),
        (network(loss="mean_squared_error"), "labels that are integers"),
        (network(loss=keras.losses.SparseCategoricalCrossentropy(reduction="sum")), "not the cross-entropy"),
        (network(loss="categorical_crossentropy"), "labels that are integers"),
        (network(bias_initializer=keras.initializers.Constant(np.nan)), "a nan among"),
        (network(loss=None), "not compiled"),
        (network(units=1), "one number for each class"),
        (
            keras.Sequential([keras.layers.Input((5,)), keras.layers.Dense(10)]),
            "of 28 by 28 pixels, the model stops with ValueError",
        ),
        (keras.callbacks.History(), "the model itself is asked for, and this is an object of type History"),
        (network, "the model itself is asked for, and this is an object of type function"),
    ],
}


test_a_right_answer, test_a_typical_mistake_gets_its_hint = both_tests(RIGHT, MISTAKES)


@pytest.fixture(scope="module")
def small():
    """A good classifier without training: least squares, whose largest output is the same for a dim picture."""
    model, flat = network(), SCALED.reshape(-1, 784)
    kernel = np.linalg.solve(flat.T @ flat + 10 * np.eye(784), flat.T @ np.eye(10)[LABELS])
    model.set_weights([kernel, np.zeros(10)])
    return model


def test_a_small_network(small, answer_to):
    assert answer_to("04.small", small).startswith("✓")


def test_a_network_trained_on_raw_pixels(small, answer_to):
    kernel, bias = small.get_weights()
    raw = network()
    raw.set_weights([kernel / 255, bias])
    blind_to_fractions = keras.layers.Lambda(keras.ops.floor)  # sees next to nothing in pixels up to 1
    model = keras.Sequential([keras.layers.Input((28, 28)), blind_to_fractions, raw])
    assert "factor of 255" in answer_to("04.small", model)


@pytest.mark.parametrize(
    ("make", "hint"),
    [
        (lambda: network(), "does not beat the nearest class mean"),
        (lambda: network(64), "too many parameters"),
        (lambda: network(activation=None), "no probabilities"),
    ],
)
def test_a_network_that_is_not_small_or_not_trained(make, hint, answer_to):
    keras.utils.set_random_seed(0)
    assert hint in answer_to("04.small", make())
