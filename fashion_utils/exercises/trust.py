"""The exercises of "Can you trust it?"."""

from fashion_utils import data
from fashion_utils.exercises.compare import alike, exercise
import numpy as np

BOOT, TROUSER = 9, 1


@exercise("what is laid over a picture is a thing itself, and the network takes it for one.", alike)
def white(network):
    images, labels = data.load_train()
    boot = images[labels == BOOT][0].astype("float32") / 255
    changed = {brightness: np.sum(_answers(network, boot, brightness) != BOOT) for brightness in (1, 0, 0.5)}
    yield changed[1]
    yield 784 - changed[1], "at so many places the answer stays as it is"
    yield changed[1] / 784, "that is their share; their number is asked for"
    yield changed[0], "that is for black squares"
    yield changed[0.5], "that is for grey squares"
    yield np.sum(_answers(network, boot, 1, 3) != BOOT), "that is for squares of 3 × 3"


def _answers(network, image, brightness, size=7):
    copies = np.tile(image, (28, 28, 1, 1))
    for row, column in np.ndindex(28, 28):
        rows, columns = (slice(max(0, k - size // 2), k + size // 2 + 1) for k in (row, column))
        copies[row, column, rows, columns] = brightness
    return np.argmax(network(copies.reshape(784, *network.input_shape[1:])), axis=1)


@exercise("each group counts by its size, so that a few rare answers cannot spoil or save the number.", alike)
def ece(said):
    labels = data.split(*data.load_train())[3]
    confidence, right = np.max(said, axis=1), np.argmax(said, axis=1) == labels
    groups = np.minimum((confidence * 10).astype(int), 9)
    found = [groups == group for group in np.unique(groups)]
    gaps = np.array([confidence[group].mean() - right[group].mean() for group in found])
    sizes = np.array([group.mean() for group in found])
    yield sizes @ np.abs(gaps)
    yield np.abs(gaps).mean(), "a group of three answers counts as much as one of three thousand: weight by size"
    yield abs(sizes @ gaps), "what is said too much here makes up for what is said too little there: no sign, please"
    yield sizes @ gaps, "what is said too much here makes up for what is said too little there: no sign, please"
    yield np.abs(gaps).max(), "that is the largest gap of all groups"


@exercise("the more alike the pictures of a class are, the more twins turn up by chance.", alike, tolerance=1e-5)
def nearest():
    images, labels, val_images, val_labels = data.split(*data.load_train())
    theirs, ours = (
        pictures[of == TROUSER].reshape(-1, 784) / 255.0
        for pictures, of in ((images, labels), (val_images, val_labels))
    )
    similarity = _unit(ours) @ _unit(theirs).T
    yield similarity.max(axis=1).mean()
    yield similarity.mean(), "that is the mean of all pairs; of each picture, only its nearest counts"
    yield similarity.max(), "that is the most similar pair of all; the mean over the validation pictures is asked for"
    yield (
        similarity.max(axis=0).mean(),
        "the other way round: find for each validation picture the nearest in fit_images",
    )
    yield (_unit(ours, 0) @ _unit(theirs, 0).T).max(axis=1).mean(), "subtract each picture's own mean first"
    yield 1, "each picture has found itself: look in fit_images only"


def _unit(rows, centred=1):
    rows = rows - centred * rows.mean(axis=1, keepdims=True)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
