"""The exercises of "Can you trust it?": right answers and typical mistakes."""

from fashion_utils import data
import keras
from made_up import GIVEN, IMAGES, LABELS, both_tests
import numpy as np

# Given here, in place of made_up.py, because nothing else needs them.
keras.utils.set_random_seed(0)
NETWORK = keras.Sequential([keras.layers.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
BOOT = IMAGES[LABELS == 9][0].astype("float32") / 255
NETWORK.layers[-1].kernel.assign(np.random.default_rng(1).normal(size=(784, 10)).astype("float32"))
SUMS = NETWORK(BOOT[np.newaxis, ..., np.newaxis]).numpy()[0]
NETWORK.layers[-1].bias.assign([0.0] * 9 + [float(SUMS.max() - SUMS[9]) + 2.0])  # a boot, but not by much


def changed(brightness, size=7):
    """Return at how many places a square changes what the network calls the boot."""
    count, half = 0, size // 2
    for row in range(28):
        for column in range(28):
            picture = BOOT.copy()
            picture[max(0, row - half) : row + half + 1, max(0, column - half) : column + half + 1] = brightness
            count += int(np.argmax(NETWORK(picture[np.newaxis, ..., np.newaxis])) != 9)
    return count


WHITE = changed(1)

FIT_IMAGES, FIT_LABELS, VAL_IMAGES, VAL_LABELS = data.split(IMAGES, LABELS)
SAID = np.random.default_rng(3).dirichlet(np.full(10, 0.2), size=len(VAL_LABELS))
SAID[:40] = np.eye(10)[VAL_LABELS[:40]] * 0.3 + 0.07  # right, and says 0.37
GROUPS = [(SAID.max(axis=1) >= low) & (SAID.max(axis=1) < low + 0.1) for low in np.arange(10) / 10]
GROUPS = [group for group in GROUPS if group.any()]
GAPS = [SAID[group].max(axis=1).mean() - np.mean(SAID[group].argmax(axis=1) == VAL_LABELS[group]) for group in GROUPS]
SIZES = [group.mean() for group in GROUPS]

OURS, THEIRS = (
    images[labels == 1].reshape(-1, 784).astype("float64")
    for images, labels in ((VAL_IMAGES, VAL_LABELS), (FIT_IMAGES, FIT_LABELS))
)
PAIRS = np.array([[np.corrcoef(one, other)[0, 1] for other in THEIRS] for one in OURS])
COSINES = (OURS @ THEIRS.T) / np.outer(np.linalg.norm(OURS, axis=1), np.linalg.norm(THEIRS, axis=1))

GIVEN["08.white"] = {"network": NETWORK}
GIVEN["08.ece"] = {"said": SAID}

RIGHT = {
    "08.white": [WHITE, np.int64(WHITE)],
    "08.ece": [np.dot(SIZES, np.abs(GAPS)), np.float32(np.dot(SIZES, np.abs(GAPS)))],
    "08.nearest": [PAIRS.max(axis=1).mean(), np.float32(PAIRS.max(axis=1).mean())],
}

MISTAKES = {
    "08.white": [
        (784 - WHITE, "stays as it is"),
        (WHITE / 784, "their share"),
        (changed(0), "black squares"),
        (changed(0.5), "grey squares"),
        (changed(1, size=3), "3 × 3"),
    ],
    "08.ece": [
        (np.abs(GAPS).mean(), "weight by size"),
        (np.dot(SIZES, GAPS), "no sign"),
        (abs(np.dot(SIZES, GAPS)), "no sign"),
        (np.abs(GAPS).max(), "largest gap"),
        (100 * np.dot(SIZES, np.abs(GAPS)), "factor of 100"),
    ],
    "08.nearest": [
        (PAIRS.mean(), "all pairs"),
        (PAIRS.max(), "most similar pair"),
        (PAIRS.max(axis=0).mean(), "the other way round"),
        (COSINES.max(axis=1).mean(), "own mean"),
        (1.0, "found itself"),
    ],
}


test_a_right_answer, test_a_typical_mistake_gets_its_hint = both_tests(RIGHT, MISTAKES)
