"""The exercises of the notebook that trains the multilayer perceptron."""

from itertools import pairwise

from fashion_utils import data, training
from fashion_utils.exercises.compare import NotYet, a, alike, demand, exercise, run
import keras
import numpy as np


@exercise("(numbers coming in + 1) · units for each layer, added up.", alike)
def parameters():
    def count(*units, bias=1):
        return sum((before + bias) * after for before, after in pairwise(units))

    pixels, units = 28 * 28, (256, 128, 10)
    yield count(pixels, *units)
    yield count(pixels, *units, bias=0), "the biases are missing: one for each unit"
    yield count(pixels, *units[:-1]), "the last layer is missing"
    yield count(pixels, 128, 64, 10), "that is the network of this notebook; the units have changed"
    yield sum(units), "these are the units; each has a weight for every number that comes in"


@training.fast()
def _probabilities(model, images: np.ndarray) -> np.ndarray:
    """Return a classifier's answers (n, 10) to pictures (n, 28, 28), or raise `NotYet` if it is none."""
    demand(isinstance(model, keras.Model), f"the model itself is asked for, and this is {a(model)}")
    found = run("given pictures of 28 by 28 pixels, the model", model.predict, images, verbose=0)
    demand(np.shape(found) == (len(images), 10), "wrong shape: each picture needs one number for each class")
    found = found.astype("float64")
    demand(not np.isnan(found).any(), "there is a nan among the model's answers")
    shares = np.allclose(found.sum(axis=1), 1, atol=0.01) and found.min() >= 0
    demand(shares, "its answers are no probabilities: they do not add up to 1; look at the last activation")
    return found


@exercise("ten probabilities and the loss that belongs to integer labels.")
@training.fast()
def repair(answer):
    images, labels = (array[:1000] for array in data.load_train())
    images = images / np.float32(255)
    right = _probabilities(answer, images)[np.arange(len(labels)), labels]
    demand(answer.compiled, "the network is built, but not compiled")
    code = "with its loss and labels that are integers, evaluate"
    loss = run(code, answer.evaluate, images, labels, verbose=0, return_dict=True)["loss"]
    loss -= sum(map(float, answer.losses))  # what regularisation adds is no mistake
    fits = np.isclose(loss, -np.log(np.clip(right, 1e-7, 1)).mean(), rtol=0.01)
    demand(fits, "its loss is not the cross-entropy of probabilities and integer labels; look at compile")


@exercise("a small network, trained by you, beats the baseline.")
def small(answer):
    fit_images, fit_labels, val_images, val_labels = data.split(*data.load_train(), seed=0)

    def accuracy(pictures):
        return np.mean(_probabilities(answer, pictures).argmax(axis=1) == val_labels)

    reached = accuracy(val_images / np.float32(255))
    demand(answer.count_params() < 10_000, "it has too many parameters; count_params() says how many")
    means = np.stack([fit_images[fit_labels == label].mean(axis=0).ravel() for label in range(10)])
    # |x − m|² without |x|², which is the same for all means
    distances = (means**2).sum(axis=1) - 2 * val_images.reshape(len(val_images), -1) @ means.T
    baseline = np.mean(distances.argmin(axis=1) == val_labels)
    if reached <= baseline:
        raw = accuracy(val_images.astype("float32")) > baseline
        demand(not raw, "off by a factor of 255: it was trained on pixels up to 255; scale them to 1")
        raise NotYet("it does not beat the nearest class mean yet; train it for longer, or give it more units")
