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


@exercise("a filter of nine equal numbers that add up to one blurs.", alike, tolerance=1e-5)
def blur(image):
    rows, columns = (pixels - 2 for pixels in image.shape)
    sums = sum(image[top : top + rows, left : left + columns] for top in range(3) for left in range(3))
    yield sums / 9
    yield sums, "that is the sum of nine pixels; their mean is asked for"
