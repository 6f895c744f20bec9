"""Exercises that answer back: `check("01.brightness", answer)` says in one line whether it is right, or what is off.

Each exercise of the notebooks is one function below, under the number of its notebook and a word. It works the truth
out from the data in use, so that a sample or the stand-in will do and there is no key to read off, and raises `NotYet`
with a hint where the answer differs. `check` turns that into a line that is the same on any data.

`python -m fashion_utils.exercises` (`make exercises`) writes the learners' copy of the notebooks into build/exercises/.
"""

import argparse
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
import re
import warnings

from fashion_utils import data
import numpy as np

SOLUTION_TAG = "solution"


class NotYet(Exception):
    """The answer is not right yet; the message is the hint, without numbers that depend on the data."""


class NothingYet(Exception):
    """There is no answer to look at."""


_EXERCISES: dict[str, tuple[Callable, str]] = {}


def exercise(name: str, lesson: str) -> Callable:
    """Register a function as the check of an exercise.

    The function gets the answer and what else `check` was given, and raises `NotYet` unless the answer is right.

    Args:
        name: the notebook's number and a word, "01.brightness".
        lesson: what a learner is told who got it right; without numbers that depend on the data.

    Raises:
        ValueError: if the name is taken.
    """

    def register(function: Callable) -> Callable:
        if name in _EXERCISES:
            raise ValueError(f"There is an exercise {name} already.")
        _EXERCISES[name] = function, lesson
        return function

    return register


def check(name: str, answer, **given) -> None:
    """Print one line about an answer: ✓ right, ✗ not yet and a hint, or ○ nothing entered yet. Never raises an error.

    Args:
        name: which exercise, as in the notebook ("01.brightness").
        answer: what the learner made, any object; None and ... count as nothing entered.
        given: what the notebook computed before and the answer depends on, such as `predictions`.
    """
    print(_verdict(name, answer, given))


def _verdict(name, answer, given: dict) -> str:
    if not isinstance(name, str) or name not in _EXERCISES:
        return f"○ there is no exercise of this name; there are {', '.join(sorted(_EXERCISES))}"
    function, lesson = _EXERCISES[name]
    try:
        # What NumPy thinks of an odd answer is not for the learner, who is about to get a hint.
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            if _is_nothing(answer):
                raise NothingYet
            function(answer, **given)
    except NothingYet:
        return f"○ nothing entered yet for {name}"
    except NotYet as hint:
        return f"✗ not yet: {hint}"
    except data.DataError as error:
        return f"○ {name} could not be checked: {error}"
    except Exception:
        # Whatever was handed in, it behaves like nothing that the exercise asks for.
        return f"✗ not yet: {_a(answer)} cannot be compared with what is asked for; read the task again"
    return f"✓ right: {lesson}"


# --- Comparing --------------------------------------------------------------------------------------------------------


def _is_nothing(answer) -> bool:
    return answer is None or answer is ...


def _a(thing) -> str:
    return f"an object of type {type(thing).__name__}"


def _numbers(answer) -> np.ndarray:
    """Return an answer as an array, if it is a number, an array or something like one."""
    try:
        found = np.asarray(answer)
    except ValueError:
        raise NotYet("its rows differ in length, so it makes no array") from None
    if found.dtype.kind == "b":
        raise NotYet("it is True or False where numbers are asked for")
    if found.dtype.kind not in "iuf":
        raise NotYet(f"numbers are asked for, and this is {_a(answer)}")
    return found


def _same(found: np.ndarray, value, tolerance: float) -> bool:
    """Return whether two arrays are alike: whole numbers exactly, others but for rounding or the tolerance."""
    value = np.asarray(value)
    relative = 0 if value.dtype.kind in "iu" else 1e-4
    return found.shape == value.shape and np.allclose(
        found.astype("float64"), value.astype("float64"), rtol=relative, atol=tolerance, equal_nan=True
    )


def _require(answer, truth, *mistakes: tuple, tolerance: float = 1e-6, dtype: str | None = None) -> None:
    """Raise `NotYet` unless a number or an array is the right one.

    Args:
        answer: what was entered.
        truth: the number or array that is right.
        mistakes: pairs of what a typical mistake leads to and its hint; the first that matches is given.
        tolerance: how far each number may be off, on top of rounding.
        dtype: the dtype asked for, if one is.
    """
    found, truth = _numbers(answer), np.asarray(truth)
    if _same(found, truth, tolerance):
        if dtype and found.dtype != dtype:
            raise NotYet(f"the values are right, but their dtype is {found.dtype}, and {dtype} is asked for")
        return
    wrong_unit = [
        (truth.astype("float64") * 255, "it is off by a factor of 255"),
        (truth / 255, "it is off by a factor of 255"),
        (truth.astype("float64") * 100, "these look like percentages; give shares between 0 and 1"),
        (truth / 100, "it is too small by a factor of 100"),
        (-truth.astype("float64"), "the sign is the wrong way round"),
    ]
    if truth.ndim > 1:
        wrong_unit.append((truth.swapaxes(-1, -2), "axes swapped: rows and columns are in each other's place"))
    for value, hint in [*mistakes, *wrong_unit]:
        if _same(found, value, 0):
            raise NotYet(hint)
    if found.ndim != truth.ndim:
        raise NotYet(f"wrong shape: this is {_form(found)}, and {_form(truth)} is asked for")
    if found.shape != truth.shape:
        raise NotYet("wrong shape: the number of axes is right, but not how long they are")
    if np.isnan(found).any():
        raise NotYet("there is a nan in it: something was divided by zero, or is missing")
    raise NotYet("it has the right shape, but not the right values" if truth.ndim else "it is another number")


def _form(array: np.ndarray) -> str:
    return ("one number", "an array of one axis")[array.ndim] if array.ndim < 2 else f"an array of {array.ndim} axes"


def _require_class(answer, truth: int, *mistakes: tuple[int, str]) -> None:
    """Raise `NotYet` unless the answer names the class with the label `truth`; mistakes are pairs of label and hint."""
    if isinstance(answer, int | np.integer):
        raise NotYet("that is a number; give the name of the class, as data.CLASS_NAMES has it")
    if not isinstance(answer, str):
        raise NotYet(f"the name of a class is asked for, and this is {_a(answer)}")
    names = [name.lower() for name in data.CLASS_NAMES]
    if answer.strip().lower() not in names:
        raise NotYet("no class has this name; data.CLASS_NAMES lists them")
    label = names.index(answer.strip().lower())
    if label == truth:
        return
    for wrong, hint in mistakes:
        if label == wrong:
            raise NotYet(hint)
    raise NotYet("it is another class")


def _probabilities(model, images: np.ndarray) -> np.ndarray:
    """Return a classifier's answers (n, 10) to pictures (n, 28, 28), or raise `NotYet` if it is none."""
    from fashion_utils import training
    import keras

    if isinstance(model, keras.callbacks.History):
        raise NotYet("that is the history that fit returns; hand in the model itself")
    if not isinstance(model, keras.Model):
        raise NotYet(f"a Keras model is asked for, and this is {_a(model)}")
    try:
        probabilities = training.predict(model, images)
    except Exception:
        raise NotYet("the model does not take pictures of 28 by 28 pixels") from None
    if np.shape(probabilities) != (len(images), len(data.CLASS_NAMES)):
        raise NotYet("wrong shape: the model must answer each picture with one number for each class")
    if not np.allclose(probabilities.sum(axis=1), 1, atol=1e-3) or probabilities.min() < 0:
        raise NotYet("its answers are no probabilities: they do not add up to 1; look at the last activation")
    return probabilities


def _scaled(images: np.ndarray) -> np.ndarray:
    return images.astype("float32") / 255


SEALED = "these are test pictures; leave the test set sealed and take the training pictures"


# --- 01: What is in the data? -----------------------------------------------------------------------------------------


@exercise("01.brightness", "the axes you average over disappear, and the axis that counts the pictures is left.")
def _brightness(answer):
    images, _ = data.load_train()
    _require(
        answer,
        images.mean(axis=(1, 2)),
        (images.mean(axis=0), "axes swapped: you averaged over the pictures; average over rows and columns"),
        (images.mean(axis=1), "only one of the two axes of a picture is averaged away"),
        (images.mean(axis=2), "only one of the two axes of a picture is averaged away"),
        (images.mean(), "that is the mean of everything; one number for each picture is asked for"),
        (images.sum(axis=(1, 2), dtype="int64"), "these are sums; a mean divides by the number of pixels"),
        (data.load_test()[0].mean(axis=(1, 2)), SEALED),
    )


@exercise("01.emptiest", "how much of a picture is background is a first, crude feature of its class.")
def _emptiest(answer):
    images, labels = data.load_train()
    of_class = [images[labels == label] for label in range(10)]
    empty = [np.mean(own == 0) for own in of_class]
    _require_class(
        answer,
        np.argmax(empty),
        (np.argmin(empty), "that is the class with the least background"),
        (
            np.argmin([own.mean() for own in of_class]),
            "that one is darkest on average; count the pixels that are exactly 0",
        ),
    )


@exercise("01.baseline", "a third baseline, measured on pictures that had no part in it.")
def _baseline(answer):
    images, labels = data.load_train()
    test_images, test_labels = data.load_test()
    held_back = np.arange(len(images)) % 6 == 0
    brightness = images.mean(axis=(1, 2))
    typical = np.array([brightness[~held_back & (labels == label)].mean() for label in range(10)])

    def right(values, truth):
        return np.abs(values[:, np.newaxis] - typical).argmin(axis=1) == truth

    correct = right(brightness, labels)
    _require(
        answer,
        correct[held_back].mean(),
        (correct[~held_back].mean(), "that is measured on the pictures that the means came from; take new_images"),
        (correct.mean(), "some of these pictures had a part in the means; measure on new_images only"),
        (correct[held_back].sum(), "that is how many are right; divide by the number of pictures"),
        (1 - correct[held_back].mean(), "that is the share of mistakes"),
        (right(test_images.mean(axis=(1, 2)), test_labels).mean(), SEALED),
        tolerance=5e-4,  # rounding may turn a few close calls
    )


# --- 02: What does the network want to eat? ---------------------------------------------------------------------------


@exercise("02.centred", "same pictures, other unit: black is now −1 and white 1.")
def _centred(answer):
    images = data.load_train()[0][:1000]
    scaled = _scaled(images)
    found = _numbers(answer)
    if found.dtype.kind in "iu":
        raise NotYet(f"wrong dtype: {found.dtype} holds no fractions; convert to float32 first")
    _require(
        found,
        2 * scaled - 1,
        (scaled, "these still go from 0 to 1; stretch and shift them"),
        (2 * scaled, "stretched, but not shifted: these go from 0 to 2"),
        (scaled - 1, "shifted, but not stretched: these go from −1 to 0"),
        (2 * scaled / 255 - 1, "off by a factor of 255: train_images had been divided already"),
        (255 * 2 * scaled - 1, "off by a factor of 255: divide before you shift"),
        (2 * _scaled(data.load_train()[0]) - 1, "these are all pictures; the first 1,000 are enough"),
        (2 * _scaled(data.load_test()[0][:1000]) - 1, SEALED),
        dtype="float32",
    )


@exercise("02.brightest", "divmod turns a position of the flat row back into a row and a column.")
def _brightest(answer):
    mean = data.load_train()[0].mean(axis=0)
    position = mean.argmax()
    place = np.array(divmod(position, mean.shape[1]))
    darkest = np.array(divmod(mean.argmin(), mean.shape[1]))
    _require(
        answer,
        place,
        (place[::-1], "axes swapped: give the row first, then the column"),
        (position, "that is the position in the flat row; give its row and column"),
        (place + 1, "counted from 1; NumPy counts from 0"),
        (darkest, "that is the darkest place"),
    )


@exercise("02.stratified", "every class gives the same share, and no picture comes twice.")
def _stratified(answer):
    labels = data.load_train()[1]
    if isinstance(answer, np.ndarray) and answer.dtype.kind == "b":
        raise NotYet("that is a mask; np.flatnonzero turns it into positions")
    chosen = _numbers(answer)
    if chosen.ndim != 1:
        raise NotYet(f"wrong shape: this is {_form(chosen)}, and an array of one axis is asked for")
    if chosen.dtype.kind not in "iu":
        raise NotYet(f"wrong dtype: positions are whole numbers, not {chosen.dtype}")
    if chosen.size and not 0 <= chosen.min() <= chosen.max() < len(labels):
        raise NotYet("some of these positions do not exist")
    if len(np.unique(chosen)) < len(chosen):
        raise NotYet("some pictures are in it twice; draw with replace=False")
    wanted = np.bincount(labels, minlength=10) / 10
    counts = np.bincount(labels[chosen], minlength=10)
    if abs(len(chosen) - len(labels) / 10) > 10:
        raise NotYet("a tenth of the pictures is asked for; these are more or fewer")
    if np.abs(counts - wanted).max() > 1:
        raise NotYet("the classes differ: draw a tenth of each class, one class after the other")


# --- 03: How does a network learn? ------------------------------------------------------------------------------------


def _dense_parameters(*units: int, bias: int = 1) -> int:
    """Return how many weights and biases a chain of dense layers has, from the input's size to the last layer's."""
    return sum((before + bias) * after for before, after in pairwise(units))


@exercise("03.parameters", "(numbers coming in + 1) · units for each layer, added up.")
def _parameters(answer):
    units = (28 * 28, 256, 128, 10)
    hidden_only = _dense_parameters(*units[:-1])
    _require(
        answer,
        _dense_parameters(*units),
        (_dense_parameters(*units, bias=0), "the biases are missing: one for each unit"),
        (hidden_only, "the last layer is missing"),
        (_dense_parameters(28 * 28, 128, 64, 10), "that is the network of this notebook; the units have changed"),
        (
            _dense_parameters(28 * 28, 128, 256, 10),
            "the layers are in the other order: the larger one comes first",
        ),
        (_dense_parameters(28, *units[1:]), "each unit of the first layer sees all pixels, not one row of them"),
        (sum(units[1:]), "these are the units; each has a weight for every number that comes in"),
    )


@exercise("03.repair", "ten probabilities and the loss that belongs to integer labels.")
def _repair(answer):
    from fashion_utils import training

    images, labels = (array[:1000] for array in data.load_train())
    probabilities = _probabilities(answer, _scaled(images))
    if not answer.compiled:
        raise NotYet("the network is built, but not compiled")
    cross_entropy = -np.log(np.clip(probabilities[np.arange(len(labels)), labels], 1e-7, 1)).mean()
    try:
        loss = training.evaluate(answer, _scaled(images), labels)["loss"]
    except Exception:
        raise NotYet("its loss does not fit labels that are integers") from None
    if not np.isclose(loss, cross_entropy, rtol=0.01):
        raise NotYet("its loss is not the cross-entropy of probabilities and integer labels; look at compile")


MOST_PARAMETERS = 10_000


@exercise("03.small", "a small network, trained by you, beats the baseline.")
def _small(answer):
    images, labels = data.load_train()
    fit_images, fit_labels, val_images, val_labels = data.split(images, labels, seed=0)

    def accuracy(pictures):
        return np.mean(_probabilities(answer, pictures).argmax(axis=1) == val_labels)

    reached = accuracy(_scaled(val_images))
    if answer.count_params() >= MOST_PARAMETERS:
        raise NotYet("it has too many parameters; count_params() says how many")
    means = np.stack([fit_images[fit_labels == label].mean(axis=0).ravel() for label in range(10)])
    # |x − m|² without |x|², which is the same for all means
    distances = (means**2).sum(axis=1) - 2 * val_images.reshape(len(val_images), -1) @ means.T
    baseline = np.mean(distances.argmin(axis=1) == val_labels)
    if reached > baseline:
        return
    if accuracy(val_images.astype("float32")) > baseline:
        raise NotYet("off by a factor of 255: it was trained on pixels up to 255; scale them to 1")
    if reached < 0.2:
        raise NotYet("it does hardly better than guessing; has it been trained?")
    raise NotYet("it does not beat the nearest class mean yet; train it for longer, or give it more units")


# --- 04: How good is it, really? --------------------------------------------------------------------------------------


@exercise("04.needed", "the width shrinks with the square root of the number of pictures.")
def _needed(answer):
    n = len(data.load_test()[1])
    _require(
        answer,
        4 * n,
        (2 * n, "twice as many divide the width by √2 only; look at the n under the root"),
        (3 * n, "so many have to be added; give all of them together"),
        (n // 4, "fewer pictures make the interval wider"),
        (n // 2, "fewer pictures make the interval wider"),
        (n, "with as many as now the width stays as it is"),
    )


@exercise("04.called", "its diagonal is the precision of each class.")
def _called(answer, predictions):
    from sklearn.metrics import confusion_matrix

    confusion = confusion_matrix(data.load_test()[1], predictions, labels=range(10)).astype("float64")
    by_column, by_row = confusion.sum(axis=0), confusion.sum(axis=1)
    _require(
        answer,
        confusion / by_column,
        (confusion / by_row[:, np.newaxis], "axes swapped: now each row adds up to 1, and its diagonal is the recall"),
        (confusion / by_row, "axes swapped: you divided by the sums of the rows"),
        (confusion / by_column[:, np.newaxis], "each row was divided by the sum of a column; drop the new axis"),
        (confusion / confusion.sum(), "now everything together adds up to 1, not each column"),
        (confusion, "these are still counts"),
        (by_column, "these are the sums of the columns; divide by them"),
        (np.diag(confusion) / by_column, "that is the diagonal only; the whole matrix is asked for"),
    )


@exercise("04.sort_out", "the more is left to people, the fewer mistakes the network makes with the rest.")
def _sort_out(answer, probabilities):
    if not callable(answer):
        raise NotYet(f"a function is asked for, and this is {_a(answer)}")
    labels = data.load_test()[1]
    sureness, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    for threshold in (0.6, 0.9):
        try:
            found = answer(threshold)
        except Exception as error:
            raise NotYet(f"the function stops with {type(error).__name__}") from None
        if _is_nothing(found):
            raise NothingYet
        chosen = sureness >= threshold
        share, accuracy = chosen.mean(), right[chosen].mean()
        rest = (~chosen).mean()
        _require(
            found,
            np.array([share, accuracy]),
            (np.array([accuracy, share]), "the other way round: first the share, then the accuracy"),
            (np.array([share, right.mean()]), "that is the accuracy on all pictures; take those that are chosen"),
            (np.array([share, (chosen & right).mean()]), "divide by the number of chosen pictures, not of all"),
            (np.array([rest, right[~chosen].mean()]), "these are the pictures below the threshold"),
            (np.array([rest, accuracy]), "the share is that of the pictures below the threshold"),
            (np.array([chosen.sum(), accuracy]), "that is how many are chosen; give their share"),
            (share, "two numbers are asked for; the accuracy is missing"),
            (accuracy, "two numbers are asked for; the share is missing"),
        )


# --- 05: Why does it memorise, and what helps? ------------------------------------------------------------------------


@exercise("05.survivor", "what is left is divided by the share that is left, in training only.")
def _survivor(answer):
    rate = 0.2
    _require(
        answer,
        1 / (1 - rate),
        (1.0, "that would lower the sum that the next layer receives; Keras makes up for it in training"),
        (1 - rate, "that is the correction after training that some books have; Keras corrects in training"),
        (1 / rate, "divide by the share that is left, not by the share that is dropped"),
        (1 + rate, "close, but it is a division: on average the sum has to stay the same"),
        (2.0, "that is for a rate of one half"),
        (0.0, "that is what the others become"),
    )


EPOCHS_FOR_A_GAP = 20  # before, there is hardly one


@exercise("05.gap", "with dropout the validation loss stays closer to the training loss.")
def _gap(answer, history):
    found = getattr(answer, "history", answer)
    if hasattr(answer, "layers"):
        raise NotYet("that is the model; hand in what training.fit returns")
    if not isinstance(found, dict) or "loss" not in found:
        raise NotYet(f"a history is asked for, what training.fit returns, and this is {_a(answer)}")
    if "val_loss" not in found:
        raise NotYet("nothing was measured in validation; pass validation_data=validation")
    epochs = len(found["loss"])
    if not EPOCHS_FOR_A_GAP <= epochs <= len(history["loss"]):
        raise NotYet("train for as many epochs as the task says, so that the two can be compared")

    def gap(curves):
        """After so many epochs; a curve jumps from one to the next, so it is averaged over its last quarter."""
        last = slice(epochs - epochs // 4, epochs)
        return np.mean(curves["val_loss"][last]) - np.mean(curves["loss"][last])

    if not gap(found) < gap(history):
        raise NotYet("the gap is no smaller than without dropout; did the network get any?")


@exercise("05.paired", "pair first, then average: part of the luck drops out.")
def _paired(answer, results):
    losses = results.pivot(index="seed", columns="variant", values="loss")
    with_it, without = losses["dropout"], losses["baseline"]
    differences = (with_it - without).to_numpy()
    mean, root = differences.mean(), np.sqrt(len(differences))
    error = differences.std(ddof=1) / root
    unpaired = np.sqrt(with_it.var(ddof=1) + without.var(ddof=1)) / root
    _require(
        answer,
        np.array([mean, error]),
        (np.array([-mean, error]), "the sign is the wrong way round: dropout minus baseline"),
        (np.array([mean, unpaired]), "that error is for runs that have no seed in common; take the differences"),
        (
            np.array([mean, error * root]),
            "that is the standard deviation; divide it by the root of how many seeds there are",
        ),
        (np.array([mean, differences.std() / root]), "NumPy's std divides by n; pass ddof=1 to divide by n − 1"),
        (np.array([mean, differences.std()]), "that is the standard deviation, and of n; you need ddof=1 and a root"),
        (np.array([error, mean]), "the other way round: first the mean, then its standard error"),
        (differences, "these are the differences; take their mean and its standard error"),
        (mean, "the mean is right; its standard error is missing"),
    )


@exercise("06.parameters", "each filter has one weight for each place and channel, and one bias.")
def _parameters(answer):
    filters, places, channels = 48, 5 * 5, 24
    _require(
        answer,
        filters * (places * channels + 1),
        (filters * places * channels, "the biases are missing, one for each filter"),
        (filters * places * channels + 1, "each filter has a bias of its own"),
        (filters * (places + 1), "a filter has weights for each of the channels that come in"),
        (filters * channels * (places + 1), "a filter has one bias, not one for each channel"),
        (filters * (3 * 3 * channels + 1), "that is for filters of 3 × 3"),
        (places * channels + 1, "that is one filter; the layer has more"),
    )


@exercise("06.lopsided", "a mirrored picture of this class is one that never occurs, though its label is the same.")
def _lopsided(answer):
    images, labels = data.load_train()
    means = np.stack([images[labels == label].mean(axis=0) for label in range(len(data.CLASS_NAMES))])
    across = np.abs(means - means[:, :, ::-1]).mean(axis=(1, 2))
    upside_down = np.abs(means - means[:, ::-1]).mean(axis=(1, 2))
    _require_class(
        answer,
        across.argmax(),
        (across.argmin(), "that class is the most symmetrical of all"),
        (upside_down.argmax(), "that is the class that differs most from itself upside down; mirror left and right"),
    )


@exercise("06.blur", "a filter of nine equal numbers that add up to one blurs.")
def _blur(answer, image):
    rows, columns = (pixels - 2 for pixels in image.shape)
    sums = sum(image[top : top + rows, left : left + columns] for top in range(3) for left in range(3))
    _require(
        answer,
        sums / 9,
        (sums, "that is the sum of nine pixels; their mean is asked for"),
        (sums / 3, "divide by how many pixels there are under the filter, not by its width"),
        (image, "that is the boot as it was; slide the filter over it"),
        (np.full((3, 3), 1 / 9), "that is the filter; hand in what convolve makes of the boot with it"),
        tolerance=1e-5,
    )


# --- The learners' copy -----------------------------------------------------------------------------------------------


def write_learners_copy(folder: Path) -> list[Path]:
    """Write the notebooks without solutions, outputs and execution counts, and the local files that they link to.

    Args:
        folder: where to; made if need be. Files of the same names are replaced.

    Returns:
        what was written, notebooks first.
    """
    from fashion_utils.sources.files import write_atomically
    from fashion_utils.workshop.run import NOTEBOOKS
    import nbformat

    written, linked = [], set()
    for path in sorted(NOTEBOOKS.glob("[0-9]*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        notebook.cells = [cell for cell in notebook.cells if SOLUTION_TAG not in cell.metadata.get("tags", [])]
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
            else:
                linked.update(re.findall(r"\]\(([^)#:\s]+)|\bsrc=\"([^\":]+)\"", cell.source))
        written.append(folder / path.name)
        write_atomically(written[-1], (nbformat.writes(notebook) + "\n").encode())
    for name in sorted({"".join(groups) for groups in linked}):
        if not name.endswith(".ipynb") and (NOTEBOOKS / name).is_file():
            written.append(folder / name)
            write_atomically(written[-1], (NOTEBOOKS / name).read_bytes())
    return written


def main(arguments: list[str] | None = None) -> None:
    from fashion_utils.workshop.run import BUILD

    parser = argparse.ArgumentParser(
        prog="python -m fashion_utils.exercises", description="Write the learners' copy of the notebooks."
    )
    parser.add_argument("folder", nargs="?", type=Path, default=BUILD / "exercises", help="where to (build/exercises)")
    folder = parser.parse_args(arguments).folder
    written = write_learners_copy(folder)
    print(f"{len(written)} files in {folder}. Copy them before you work in them: the next call writes them anew.")


if __name__ == "__main__":
    main()
