"""The exercises of "What do convolutions buy?"."""

from fashion_utils import data
from fashion_utils.exercises.compare import alike, exercise, same_class
import numpy as np


@exercise("each filter has one weight for each place and channel, and one bias.", alike)
def parameters():
    filters, places, channels = 48, 5 * 5, 24
    yield filters * (places * channels + 1)
    yield filters * places * channels, "the biases are missing, one for each filter"
    yield filters * (places + 1), "a filter has weights for each of the channels that come in"
    yield filters * (3 * 3 * channels + 1), "that is for filters of 3 × 3"
    yield places * channels + 1, "that is one filter; the layer has more"


@exercise("a mirrored picture of this class is one that never occurs, though its label is the same.", same_class)
def lopsided():
    images, labels = data.load_train()
    means = np.stack([images[labels == label].mean(axis=0) for label in range(10)])
    across = np.abs(means - means[:, :, ::-1]).mean(axis=(1, 2))
    yield across.argmax()
    yield across.argmin(), "that class is the most symmetrical of all"


@exercise("hardly any pixel keeps a neighbour, and that is all a small filter can go by.", alike)
def neighbours(order):
    rows, columns = np.divmod(np.reshape(order, (28, 28)), 28)
    side_by_side, one_above_the_other = (
        np.abs(np.diff(rows, axis=axis)) + np.abs(np.diff(columns, axis=axis)) == 1 for axis in (1, 0)
    )
    pairs = np.concatenate([side_by_side.ravel(), one_above_the_other.ravel()])
    yield pairs.mean()
    yield 1 - pairs.mean(), "that is the share of those that are no longer neighbours"
    yield pairs.sum(), "that is how many pairs; their share of all pairs is asked for"
    yield side_by_side.mean(), "pixels one above the other are neighbours too"
    yield one_above_the_other.mean(), "pixels side by side are neighbours too"
    yield pairs.sum() / 784, "there are more pairs of neighbouring places than pixels"
