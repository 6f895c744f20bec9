"""The exercises of "How good is it, really?": right answers and typical mistakes."""

from made_up import PREDICTIONS, PROBABILITIES, TEST_LABELS, both_tests
import numpy as np
import pandas as pd
from sklearn.metrics import confusion_matrix

CONFUSION = confusion_matrix(TEST_LABELS, PREDICTIONS)
CORRECT, SURENESS = TEST_LABELS == PREDICTIONS, PROBABILITIES.max(axis=1)


def sorter(report):
    """A function of the threshold for 05.sort_out, from one of which pictures are above it."""
    return lambda threshold: report(threshold <= SURENESS)


RIGHT = {
    "05.needed": [4 * len(TEST_LABELS), 4.0 * len(TEST_LABELS)],
    "05.called": [CONFUSION / CONFUSION.sum(axis=0), pd.DataFrame(CONFUSION / CONFUSION.sum(axis=0))],
    "05.sort_out": [sorter(lambda sure: (sure.mean(), CORRECT[sure].mean()))],
}

MISTAKES = {
    "05.needed": [
        (2 * len(TEST_LABELS), "√2"),
        (len(TEST_LABELS) // 4, "wider"),
        ("four times", "numbers are asked for"),
    ],
    "05.called": [
        (CONFUSION / CONFUSION.sum(axis=1, keepdims=True), "its diagonal is the recall"),
        (CONFUSION / CONFUSION.sum(), "everything together"),
        (CONFUSION, "still counts"),
        (CONFUSION.sum(axis=0), "wrong shape: (10,)"),
        (np.diag(CONFUSION) / CONFUSION.sum(axis=0), "wrong shape: (10,)"),
        (100 * CONFUSION / CONFUSION.sum(axis=0), "factor of 100"),
        ((CONFUSION / CONFUSION.sum(axis=0)).T, "axes swapped"),
    ],
    "05.sort_out": [
        (sorter(lambda sure: (CORRECT[sure].mean(), sure.mean())), "other way round"),
        (sorter(lambda sure: (sure.mean(), CORRECT.mean())), "on all pictures"),
        (sorter(lambda sure: (sure.mean(), (sure & CORRECT).mean())), "chosen pictures, not of all"),
        (sorter(lambda sure: ((~sure).mean(), CORRECT[~sure].mean())), "below the threshold"),
        (sorter(lambda sure: (sure.sum(), CORRECT[sure].mean())), "give their share"),
        (sorter(lambda sure: (100 * sure.mean(), 100 * CORRECT[sure].mean())), "factor of 100"),
        (sorter(lambda sure: sure.mean()), "one number; asked for is (2,)"),
        (sorter(lambda sure: 1 / 0), "stops with ZeroDivisionError"),
        (lambda: (1, 1), "stops with TypeError"),
        ((0.5, 0.9), "a function is asked for"),
    ],
}


test_a_right_answer, test_a_typical_mistake_gets_its_hint = both_tests(RIGHT, MISTAKES)
