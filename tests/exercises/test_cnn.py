"""The exercises of "What do convolutions buy?": right answers and typical mistakes."""

from fashion_utils import data
from made_up import IMAGES, LABELS, ORDER, both_tests
import numpy as np

MEANS = np.stack([IMAGES[label == LABELS].mean(axis=0) for label in range(10)])
ACROSS = np.abs(MEANS - MEANS[:, :, ::-1]).mean(axis=(1, 2))
PLACES = [divmod(int(pixel), 28) for pixel in ORDER]


def still_neighbours(step):
    """Return, for each place that has one a step further on, whether the pixels of the two were neighbours."""
    pairs = [(k, k + step) for k in range(784 - step) if step == 28 or k % 28 < 27]
    return [sum(abs(a - b) for a, b in zip(PLACES[k], PLACES[m], strict=True)) == 1 for k, m in pairs]


ACROSS_PAIRS, BELOW_PAIRS = still_neighbours(1), still_neighbours(28)
BOTH_PAIRS = ACROSS_PAIRS + BELOW_PAIRS

RIGHT = {
    "07.parameters": [(5 * 5 * 24 + 1) * 48, np.int64(28848)],
    "07.lopsided": [data.CLASS_NAMES[np.argmax(ACROSS)]],
    "07.neighbours": [np.mean(BOTH_PAIRS), sum(BOTH_PAIRS) / (2 * 28 * 27)],
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
    "07.neighbours": [
        (1 - np.mean(BOTH_PAIRS), "no longer"),
        (sum(BOTH_PAIRS), "how many pairs"),
        (np.mean(ACROSS_PAIRS), "one above the other"),
        (np.mean(BELOW_PAIRS), "side by side"),
        (sum(BOTH_PAIRS) / 784, "more pairs"),
        (100 * np.mean(BOTH_PAIRS), "factor of 100"),
    ],
}


test_a_right_answer, test_a_typical_mistake_gets_its_hint = both_tests(RIGHT, MISTAKES)
