"""Made-up data, networks and results for the exercises, and what their checks are given of them."""

import keras
import numpy as np
import pandas as pd
import pytest


def draw(seed, count):
    """Pictures whose class is easy to learn but whose brightness varies so much that class means do not help."""
    rng = np.random.default_rng(seed)
    prototypes = np.random.default_rng(0).integers(0, 256, (10, 28, 28)) * np.linspace(0.5, 1, 10)[:, None, None]
    labels = rng.permutation(np.arange(count) % 10).astype("uint8")
    images = prototypes[labels] * rng.uniform(0.1, 1, (count, 1, 1)) * (rng.random((count, 28, 28)) < 0.8)
    return images.astype("uint8"), labels


def network(hidden=0, loss="sparse_categorical_crossentropy", **last):
    layers = [keras.layers.Input((28, 28)), keras.layers.Flatten()]
    layers += [keras.layers.Dense(hidden, activation="relu")] if hidden else []
    model = keras.Sequential([*layers, keras.layers.Dense(**{"units": 10, "activation": "softmax", **last})])
    if loss:
        model.compile(optimizer="adam", loss=loss)
    return model


def cases(table):
    return [pytest.param(name, case, id=f"{name}-{i}") for name in table for i, case in enumerate(table[name])]


def both_tests(right, mistakes):
    """Return the two tests of an exercises' file: right answers get ✓, each typical mistake its hint."""

    @pytest.mark.parametrize(("name", "answer"), cases(right))
    def test_a_right_answer(name, answer, answer_to):
        assert answer_to(name, answer).startswith("✓ right: ")

    @pytest.mark.parametrize(("name", "mistake"), cases(mistakes))
    def test_a_typical_mistake_gets_its_hint(name, mistake, answer_to):
        answer, hint = mistake
        line = answer_to(name, answer)
        assert line.startswith("✗ not yet: ") and hint in line

    return test_a_right_answer, test_a_typical_mistake_gets_its_hint


IMAGES, LABELS = TRAIN = draw(1, 1200)
TEST_IMAGES, TEST_LABELS = TEST = draw(2, 200)
SCALED = IMAGES.astype("float32") / 255
RNG = np.random.default_rng(0)
PROBABILITIES = RNG.dirichlet(np.full(10, 0.1), size=200)
PROBABILITIES[:100, :] = np.eye(10)[TEST_LABELS[:100]] * 0.9 + 0.01
PREDICTIONS = PROBABILITIES.argmax(axis=1)
LONG = {"loss": list(np.geomspace(1, 0.01, 60)), "val_loss": [*np.linspace(1, 0.6, 7), *np.linspace(0.6, 1, 53)]}
RESULTS = pd.DataFrame(
    {"variant": variant, "seed": seed, "accuracy": RNG.random()}
    for variant in ("baseline", "dropout", "early stopping")
    for seed in range(5)
)
# Half of the pixels stay where they are, so that some neighbours are left.
ORDER = np.concatenate([np.arange(392), np.random.default_rng(0).permutation(np.arange(392, 784))])
GIVEN = {
    "05.called": {"predictions": PREDICTIONS},
    "05.sort_out": {"probabilities": PROBABILITIES},
    "06.gap": {"history": LONG},
    "06.paired": {"results": RESULTS},
    "07.neighbours": {"order": ORDER},
}
