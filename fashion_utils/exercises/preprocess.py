"""The exercises of "What does the network want to eat?"."""

from fashion_utils import data
from fashion_utils.exercises.compare import SEALED, alike, demand, exercise, numbers
import numpy as np


@exercise("same pictures, other unit: black is now −1 and white 1.", alike, dtype="float32")
def centred():
    images = data.load_train()[0][:1000] / np.float32(255)
    yield 2 * images - 1
    yield images, "these still go from 0 to 1; stretch and shift them"
    yield 2 * images, "stretched, but not shifted: these go from 0 to 2"
    yield 2 * images / 255 - 1, "off by a factor of 255: train_images had been divided already"
    yield 255 * 2 * images - 1, "off by a factor of 255: divide before you shift"
    yield 2 * (data.load_test()[0][:1000] / np.float32(255)) - 1, SEALED


@exercise("divmod turns a position of the flat row back into a row and a column.", alike)
def brightest():
    mean = data.load_train()[0].mean(axis=0)
    place = np.array(np.unravel_index(mean.argmax(), mean.shape))
    yield place
    yield mean.argmax(), "that is the position in the flat row; give its row and column"
    yield place + 1, "counted from 1; NumPy counts from 0"


@exercise("every class gives the same share, and no picture comes twice.")
def stratified(answer):
    labels = data.load_train()[1]
    chosen = numbers(answer)
    demand(chosen.ndim == 1, "wrong shape: an array of one axis is asked for")
    demand(chosen.dtype.kind in "iu", f"wrong dtype: positions are whole numbers, not {chosen.dtype}")
    demand(0 <= chosen.min() <= chosen.max() < len(labels), "some of these positions do not exist")
    demand(len(np.unique(chosen)) == len(chosen), "some pictures are in it twice; draw with replace=False")
    off = np.bincount(labels[chosen], minlength=10) - np.bincount(labels, minlength=10) / 10
    demand(abs(off.sum()) <= 10, "a tenth of the pictures is asked for; these are more or fewer")
    demand(np.abs(off).max() <= 1, "the classes differ: draw a tenth of each class, one class after the other")
