"""The exercises of "How good is it, really?"."""

from fashion_utils import data
from fashion_utils.exercises.compare import a, alike, demand, exercise, run
import numpy as np
from sklearn.metrics import confusion_matrix


@exercise("the width shrinks with the square root of the number of pictures.", alike)
def needed():
    n = len(data.load_test()[1])
    yield 4 * n
    yield 2 * n, "twice as many divide the width by √2 only; look at the n under the root"
    yield n // 4, "fewer pictures make the interval wider"


@exercise("its diagonal is the precision of each class.", alike)
def called(predictions):
    confusion = confusion_matrix(data.load_test()[1], predictions, labels=range(10)).astype("float64")
    yield confusion / confusion.sum(axis=0)
    by_row = confusion / confusion.sum(axis=1, keepdims=True)
    yield by_row, "axes swapped: now each row adds up to 1, and its diagonal is the recall"
    yield confusion / confusion.sum(), "now everything together adds up to 1, not each column"
    yield confusion, "these are still counts"


@exercise("the more is left to people, the fewer mistakes the network makes with the rest.")
def sort_out(answer, probabilities):
    demand(callable(answer), f"a function is asked for, and this is {a(answer)}")
    sureness = np.max(probabilities, axis=1)
    right = np.argmax(probabilities, axis=1) == data.load_test()[1]
    for threshold in (0.6, 0.9):
        alike(run("the function", answer, threshold), _shares(sureness >= threshold, right))


def _shares(chosen: np.ndarray, right: np.ndarray):
    share, accuracy = chosen.mean(), right[chosen].mean()
    yield share, accuracy
    yield (share, right.mean()), "that is the accuracy on all pictures; take those that are chosen"
    yield (share, (chosen & right).mean()), "divide by the number of chosen pictures, not of all"
    yield (1 - share, right[~chosen].mean()), "these are the pictures below the threshold"
    yield (chosen.sum(), accuracy), "that is how many are chosen; give their share"
