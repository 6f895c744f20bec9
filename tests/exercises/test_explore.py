"""The exercises of notebook 1: right answers and typical mistakes."""

from fashion_utils import data
from made_up import IMAGES, LABELS, SCALED, TEST_IMAGES, both_tests
import numpy as np
import pandas as pd

HELD_BACK = np.arange(len(IMAGES)) % 6 == 0
EMPTY = [(IMAGES[label == LABELS] == 0).mean() for label in range(10)]


def baseline(images, labels):
    """The accuracy of 01.baseline on any pictures, with the means of five training pictures in six."""
    brightness = IMAGES.mean(axis=(1, 2))
    typical = np.array([brightness[~HELD_BACK & (label == LABELS)].mean() for label in range(10)])
    return np.mean(np.abs(images.mean(axis=(1, 2))[:, None] - typical).argmin(axis=1) == labels)


RIGHT = {
    "01.brightness": [IMAGES.mean(axis=(1, 2)), list(IMAGES.mean(axis=(1, 2))), pd.Series(IMAGES.mean(axis=(1, 2)))],
    "01.emptiest": [data.CLASS_NAMES[np.argmax(EMPTY)], np.array(data.CLASS_NAMES)[np.argmax(EMPTY)].lower()],
    "01.baseline": [baseline(IMAGES[HELD_BACK], LABELS[HELD_BACK])],
}

MISTAKES = {
    "01.brightness": [
        (IMAGES.mean(axis=0), "axes swapped"),
        (IMAGES.mean(axis=1), "wrong shape: (1200, 28); asked for is (1200,)"),
        (IMAGES.mean(), "wrong shape: one number; asked for is (1200,)"),
        (IMAGES.sum(axis=(1, 2)), "sums"),
        (TEST_IMAGES.mean(axis=(1, 2)), "test pictures"),
        (SCALED.mean(axis=(1, 2)), "factor of 255"),
        (IMAGES.mean(axis=(1, 2))[:5], "wrong shape: (5,)"),
        (IMAGES, "wrong shape: (1200, 28, 28)"),
        (IMAGES[:, 0, 0] * np.nan, "nan"),
        (IMAGES[:, 0, 0], "not the right values"),
        (IMAGES > 0, "True or False"),
    ],
    "01.emptiest": [
        (int(np.argmax(EMPTY)), "the name of a class is asked for, and this is an object of type int"),
        (np.argmax(EMPTY), "the name of a class"),
        (data.CLASS_NAMES[np.argmin(EMPTY)], "least background"),
        ("Sock", "no class has this name"),
        (EMPTY, "the name of a class"),
        (data.CLASS_NAMES[np.argsort(EMPTY)[5]], "another class"),
    ],
    "01.baseline": [
        (baseline(IMAGES[~HELD_BACK], LABELS[~HELD_BACK]), "take new_images"),
        (baseline(IMAGES, LABELS), "had a part"),
        (round(baseline(IMAGES[HELD_BACK], LABELS[HELD_BACK]) * 200), "how many are right"),
        (100 * baseline(IMAGES[HELD_BACK], LABELS[HELD_BACK]), "factor of 100"),
        (0.5, "another number"),
    ],
}


test_a_right_answer, test_a_typical_mistake_gets_its_hint = both_tests(RIGHT, MISTAKES)
