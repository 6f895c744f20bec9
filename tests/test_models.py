"""The series' networks are the ones its notebooks describe."""

from fashion_utils import models
import keras
import numpy as np
import pytest


@pytest.fixture(scope="module")
def mlp():
    return models.mlp()


def test_mlp_has_the_parameters_counted_in_notebook_3(mlp):
    assert mlp.count_params() == (784 * 128 + 128) + (128 * 64 + 64) + (64 * 10 + 10) == 109_386
    assert [type(layer).__name__ for layer in mlp.layers] == ["Flatten", "Dense", "Dense", "Dense"]
    assert [layer.activation.__name__ for layer in mlp.layers[1:]] == ["relu", "relu", "softmax"]


def test_mlp_gives_probabilities(mlp):
    images = np.random.default_rng(0).random((5, 28, 28), "float32")
    probabilities = mlp.predict(images, verbose=0)
    assert probabilities.shape == (5, 10) and probabilities.dtype == np.float32
    assert probabilities.min() >= 0
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


def test_mlp_is_compiled_for_whole_number_labels(mlp):
    assert isinstance(mlp.optimizer, keras.optimizers.Adam)
    assert mlp.loss == "sparse_categorical_crossentropy"
    assert list(mlp.evaluate(np.zeros((4, 28, 28)), np.array([0, 3, 9, 9]), verbose=0, return_dict=True)) == [
        "accuracy",
        "loss",
    ]


def test_every_call_gives_a_new_model(mlp):
    assert models.mlp() is not mlp


def test_mlp_with_dropout_has_it_behind_both_hidden_layers(mlp):
    layers = models.mlp(dropout=0.2).layers
    assert [type(layer).__name__ for layer in layers] == ["Flatten", "Dense", "Dropout", "Dense", "Dropout", "Dense"]
    assert [layer.rate for layer in layers if isinstance(layer, keras.layers.Dropout)] == [0.2, 0.2]


def test_cnn_has_the_parameters_counted_in_notebook_6():
    cnn = models.cnn()
    convolutions = 16 * (9 + 1) + 32 * (9 * 16 + 1) + 64 * (9 * 32 + 1)
    normalizations = 4 * (16 + 32 + 64)
    assert cnn.count_params() == convolutions + normalizations + 128 * (3 * 3 * 64 + 1) + 10 * (128 + 1)
    assert [layer.rate for layer in cnn.layers if isinstance(layer, keras.layers.Dropout)] == [0.2, 0.2]
    images = np.random.default_rng(0).random((3, 28, 28, 1), "float32")
    probabilities = cnn.predict(images, verbose=0)
    np.testing.assert_allclose(probabilities.sum(axis=1), np.ones(3), rtol=1e-5)


def test_cnn_pools_in_the_first_three_blocks_only():
    shapes = [layer.output.shape[1:] for layer in models.cnn((2, 3, 4, 5, 6)).layers if layer.name.startswith("re_lu")]
    assert shapes == [(14, 14, 2), (7, 7, 3), (3, 3, 4), (3, 3, 5), (3, 3, 6)]
