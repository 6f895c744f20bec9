"""The exercises of notebook 2: right answers and typical mistakes."""

import keras
from made_up import IMAGES, LABELS, SCALED, both_tests
import numpy as np

PLACE = divmod(int(IMAGES.mean(axis=0).argmax()), 28)
TENTH = np.concatenate([np.flatnonzero(label == LABELS)[3:15] for label in range(10)])

RIGHT = {
    "02.centred": [SCALED[:1000] * 2 - 1, keras.ops.convert_to_tensor(SCALED[:1000] * 2 - 1)],
    "02.brightest": [PLACE, list(PLACE), np.array(PLACE)],
    "02.stratified": [TENTH, TENTH[::-1], [int(position) for position in TENTH]],
}

MISTAKES = {
    "02.centred": [
        (SCALED[:1000], "from 0 to 1"),
        (2 * SCALED[:1000], "not shifted"),
        (2 * SCALED[:1000] / 255 - 1, "divided already"),
        (2 * IMAGES[:1000].astype("float32") - 1, "divide before you shift"),
        (2 * IMAGES[:1000] - 1, "wrong dtype: uint8"),
        (2 * SCALED[:1000].astype("float64") - 1, "dtype is float64"),
        (2 * SCALED - 1, "wrong shape"),
        ((2 * SCALED[:1000] - 1).swapaxes(1, 2), "axes swapped"),
        (1 - 2 * SCALED[:1000], "not the right values"),
        ((2 * SCALED[:1000] - 1).reshape(-1, 784), "wrong shape"),
    ],
    "02.brightest": [
        (PLACE[::-1], "other way round"),
        (PLACE[0] * 28 + PLACE[1], "position in the flat row"),
        ((PLACE[0] + 1, PLACE[1] + 1), "counted from 1"),
        ((0, 0, 0), "wrong shape"),
    ],
    "02.stratified": [
        (np.arange(120), "one class after the other"),
        (np.r_[TENTH[:-1], TENTH[0]], "twice"),
        (TENTH[:-20], "more or fewer"),
        (TENTH / 1, "whole numbers"),
        (TENTH + 1200, "do not exist"),
        (-TENTH - 1, "do not exist"),
        (TENTH.reshape(10, 12), "wrong shape"),
    ],
}


test_a_right_answer, test_a_typical_mistake_gets_its_hint = both_tests(RIGHT, MISTAKES)
