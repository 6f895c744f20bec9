"""The exercises of "What about your own pictures?": right answers and typical mistakes."""

from made_up import GIVEN, PREDICTIONS, TEST_LABELS, both_tests
import numpy as np

# Given here, in place of made_up.py, because nothing else needs them.
SHARPENED = np.random.default_rng(0).integers(0, 256, (17, 28, 3)).astype("uint8")
MIRRORED = np.roll(PREDICTIONS, 60)
GIVEN["09.by_hand"] = {"sharpened": SHARPENED}
GIVEN["09.mirror"] = {"as_is": PREDICTIONS, "in_mirror": MIRRORED, "labels": TEST_LABELS}

WEIGHTS = np.array([0.299, 0.587, 0.114])
NEGATED = 255 - SHARPENED.astype(int)


def extended(picture, top, margin=0):
    below = 28 - len(picture) - top
    return np.pad(picture, [(top, below)] + [(0, 0)] * (picture.ndim - 1), constant_values=margin)


HANDMADE = extended(NEGATED, 5) @ WEIGHTS
BEFORE, AFTER = (
    np.array([np.mean(answers[label == TEST_LABELS] == label) for label in range(10)])
    for answers in (PREDICTIONS, MIRRORED)
)
CHANGED = np.array([np.mean((PREDICTIONS != MIRRORED)[label == TEST_LABELS]) for label in range(10)])

RIGHT = {
    "09.by_hand": [
        HANDMADE,
        HANDMADE.round().astype("uint8"),
        HANDMADE.astype("uint8"),
        extended(NEGATED @ WEIGHTS, 6),
        255 - extended(SHARPENED.astype(int), 5, 255) @ WEIGHTS,
    ],
    "09.mirror": [BEFORE - AFTER, list(BEFORE - AFTER)],
    "09.enough": [246, np.ceil(0.16 * (1.96 / 0.05) ** 2)],
}

MISTAKES = {
    "09.by_hand": [
        (NEGATED @ WEIGHTS, "not extended yet"),
        (extended(NEGATED, 5), "three colours"),
        (HANDMADE.ravel(), "wrong shape"),
        (extended(SHARPENED, 5, 255) @ WEIGHTS, "not negated yet"),
        (255 - extended(SHARPENED.astype(int), 5, 0) @ WEIGHTS, "made its margin white"),
        (extended(NEGATED, 5).mean(axis=2), "weigh them"),
        (extended(NEGATED, 0) @ WEIGHTS, "in the middle"),
        (extended(NEGATED, 11) @ WEIGHTS, "in the middle"),
        (HANDMADE / 255, "factor of 255"),
        (HANDMADE[:, ::-1], "right shape, but not the right values"),
    ],
    "09.mirror": [
        (AFTER - BEFORE, "the other way round"),
        (BEFORE, "as they are"),
        (AFTER, "in the mirror"),
        ((BEFORE - AFTER) / BEFORE, "a share of what it was"),
        (CHANGED, "be they right or wrong"),
        (100 * (BEFORE - AFTER), "factor of 100"),
    ],
    "09.enough": [
        (0.16 * (1.96 / 0.05) ** 2, "round up"),
        (245, "round up"),
        (64, "1.96"),
        (0.16 / 0.05**2, "1.96"),
        (984, "5 points in all"),
        (385, "accuracy of a half"),
        (0.25 * (1.96 / 0.05) ** 2, "accuracy of a half"),
    ],
}


test_a_right_answer, test_a_typical_mistake_gets_its_hint = both_tests(RIGHT, MISTAKES)
