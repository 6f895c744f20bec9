"""The exercises of "What is in the data?"."""

from fashion_utils import data
from fashion_utils.exercises.compare import SEALED, alike, exercise, same_class
import numpy as np


@exercise("the axes you average over disappear, and the axis that counts the pictures is left.", alike)
def brightness():
    images, _ = data.load_train()
    yield images.mean(axis=(1, 2))
    yield images.mean(axis=0), "axes swapped: you averaged over the pictures; average over rows and columns"
    yield images.sum(axis=(1, 2), dtype="int64"), "these are sums; a mean divides by the number of pixels"
    yield data.load_test()[0].mean(axis=(1, 2)), SEALED


@exercise("how much of a picture is background is a first, crude feature of its class.", same_class)
def emptiest():
    images, labels = data.load_train()
    empty = [np.mean(images[labels == label] == 0) for label in range(10)]
    yield np.argmax(empty)
    yield np.argmin(empty), "that is the class with the least background"


@exercise("a third baseline, measured on pictures that had no part in it.", alike, tolerance=5e-4)  # for close calls
def baseline():
    images, labels = data.load_train()
    held_back = np.arange(len(images)) % 6 == 0
    brightness = images.mean(axis=(1, 2))
    typical = np.array([brightness[~held_back & (labels == label)].mean() for label in range(10)])
    correct = np.abs(brightness[:, np.newaxis] - typical).argmin(axis=1) == labels
    yield correct[held_back].mean()
    yield correct[~held_back].mean(), "that is measured on the pictures that the means came from; take new_images"
    yield correct.mean(), "some of these pictures had a part in the means; measure on new_images only"
    yield correct[held_back].sum(), "that is how many are right; divide by the number of pictures"
