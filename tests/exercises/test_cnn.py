"""The exercises of "What do convolutions buy?": right answers and typical mistakes."""

from fashion_utils import data
from made_up import IMAGES, LABELS, SCALED, both_tests
import numpy as np
from scipy.signal import convolve2d

MEANS = np.stack([IMAGES[label == LABELS].mean(axis=0) for label in range(10)])
ACROSS = np.abs(MEANS - MEANS[:, :, ::-1]).mean(axis=(1, 2))
SUMS = convolve2d(SCALED[0], np.ones((3, 3)), mode="valid")

RIGHT = {
    "07.parameters": [(5 * 5 * 24 + 1) * 48, np.int64(28848)],
    "07.lopsided": [data.CLASS_NAMES[np.argmax(ACROSS)]],
    "07.blur": [SUMS / 9, (SUMS / 9).tolist()],
}

MISTAKES = {
    "07.parameters": [
        (5 * 5 * 24 * 48, "biases are missing"),
        ((5 * 5 + 1) * 48, "for each of the channels"),
        ((3 * 3 * 24 + 1) * 48, "3 × 3"),
        (5 * 5 * 24 + 1, "one filter"),
    ],
    "07.lopsided": [
        (data.CLASS_NAMES[np.argmin(ACROSS)], "most symmetrical"),
        (int(np.argmax(ACROSS)), "the name of a class"),
        ("Trousers", "no class has this name"),
    ],
    "07.blur": [
        (SUMS, "the sum of nine"),
        (np.full((3, 3), 1 / 9), "wrong shape: (3, 3)"),
        (SUMS.T / 9, "axes swapped"),
        (convolve2d(SCALED[0], np.ones((3, 3)) / 9, mode="same"), "wrong shape"),
        (SUMS / 9 * 255, "factor of 255"),
    ],
}


test_a_right_answer, test_a_typical_mistake_gets_its_hint = both_tests(RIGHT, MISTAKES)
