"""The stand-in: ten classes of drawn clothes in the shape of Fashion-MNIST, for machines with no way to the real data.

Same shapes, dtypes, label order and balance as the data set of Xiao, Rasul and Vollgraf (2017,
https://github.com/zalandoresearch/fashion-mnist), and the same lesson: the nearest class mean gets most garments, a
multilayer perceptron more, a convolutional network more still, and what remains confused is the shirt family. The
overlap is in the drawing (a T-shirt may have long sleeves, a shirt no buttons); every label is the garment meant.

The same seed gives the same bytes on every machine: random numbers come from `random_raw` alone, whose stream NumPy
guarantees, and become pixels by elementwise + - * /, square roots, floors, minima, maxima and comparisons alone, which
IEEE 754 fixes to the last bit.
"""

from functools import partial
import hashlib

from fashion_utils.sources.drawing import BLOCK, Sketch, draw_bag, draw_shoe, draw_top, draw_trousers
import numpy as np

VERSION = 1  # changes whenever the pictures do
DIGEST = "80c273e3583f47b687baad4d64d2d49e14512f0b85e47270965683ac2eefef94"  # what `digest(draw())` returns


def draw(seed: int = 0):
    """Draw the whole data set; a different seed, from 0, gives different pictures of the same kind.

    Returns `(train_images, train_labels), (test_images, test_labels)` as Keras' `load_data` does: `uint8` arrays of
    shape (60000, 28, 28), (60000,), (10000, 28, 28) and (10000,). Pixels run from 0 (background) to 255; every class
    has 6,000 training and 1,000 test pictures, in shuffled order.
    """
    # Allocated and freed at once, this has glibc keep the memory of the many small temporary arrays to come instead of
    # handing it back to the operating system and asking for it anew, which doubled the time. No effect elsewhere.
    np.empty(2**24, np.uint8)
    bits = np.random.PCG64(seed)
    return _draw_split(bits, 6_000), _draw_split(bits, 1_000)


def digest(data) -> str:
    """Return the SHA-256, in hexadecimal, over the bytes of the four arrays that `draw` returns."""
    sha256 = hashlib.sha256()
    for array in (*data[0], *data[1]):
        sha256.update(array.tobytes())
    return sha256.hexdigest()


def _draw_split(bits, per_class):
    order = np.argsort(bits.random_raw(10 * per_class), kind="stable")
    labels = np.repeat(np.arange(10, dtype=np.uint8), per_class)[order]
    images = np.empty((10 * per_class, 28, 28), np.uint8)
    for label in range(10):
        for where in np.flatnonzero(labels == label).reshape(-1, BLOCK):
            sketch = Sketch(bits)
            _GARMENTS[label](sketch)
            images[where] = sketch.develop()
    return images, labels


_TOPS = {  # the cut: sleeves; shoulder, waist, hem, length; cloth
    "T-shirt/top": ((14, 74, 8, 4), (6.5, 8.5), (6, 7.6), (6.2, 8), (11.5, 13.6), (10, 3, 1, 3)),
    "Pullover": ((1, 3, 8, 88), (6.5, 8.5), (6, 7.8), (5.8, 7.8), (8, 13.2), (10, 4, 1, 2)),
    "Dress": ((50, 27, 8, 15), (3.8, 7), (3, 6), (4, 8.5), (12.5, 14), (10, 2, 1, 3)),
    "Coat": ((1, 1, 3, 95), (6.6, 8.6), (5.9, 8), (6.6, 8.9), (12, 14), (14, 1, 1, 2)),
    "Shirt": ((6, 26, 16, 52), (6, 8.1), (5.5, 7.4), (5.7, 7.9), (11, 13.8), (8, 2, 3, 4)),
}
_SHOES = {  # the cut: height; heel, toe, instep, ankle, opening; slope, mouth
    "Sandal": ((7, 27), (0, 0.5), (0.1, 0.3), (0.2, 0.45), (0.4, 0.7), (0.55, 0.95), (1, 5), (2, 7)),
    "Sneaker": ((9, 17), (0, 0.05), (0.18, 0.32), (0.3, 0.5), (0.65, 0.85), (0.78, 1), (2, 5), (1.5, 6)),
    "Ankle boot": ((12, 27), (0, 0.3), (0.12, 0.22), (0.22, 0.32), (0.45, 0.6), (0.88, 1), (0.5, 2.5), (-1.5, 3.5)),
}
_COAT_FRONT = {"front": 0.92, "front_width": (0.6, 1.8), "buttons": 0.2, "collar": (4, 10)}
_SHIRT_FRONT = {"front": 0.88, "buttons": 0.9, "collar": (1, 4.5), "chest_print": 0.1}

_GARMENTS = [  # by label
    partial(draw_top, _TOPS["T-shirt/top"], neck=(2.6, 5), chest_print=0.45, front=0.03),
    draw_trousers,
    partial(draw_top, _TOPS["Pullover"], collar=(0.4, 2), band=0.7, chest_print=0.2, front=0.03),
    partial(draw_top, _TOPS["Dress"], belt=0.5, shade=(0.3, 1)),
    partial(draw_top, _TOPS["Coat"], **_COAT_FRONT, pockets=0.5, belt=0.15, shade=(0.35, 1)),
    partial(draw_shoe, _SHOES["Sandal"], closed=0.15, sole=(1, 3.5), shade=(0.3, 1)),
    partial(draw_top, _TOPS["Shirt"], **_SHIRT_FRONT, pockets=0.15, belt=0.08, shade=(0.2, 1)),
    partial(draw_shoe, _SHOES["Sneaker"], closed=0.98),
    draw_bag,
    partial(draw_shoe, _SHOES["Ankle boot"], closed=0.98, shade=(0.4, 1)),
]
