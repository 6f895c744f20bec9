"""What the exercises are written with: how an answer is compared with what is right, and the hint if it differs."""

from collections.abc import Callable, Iterable
import functools
from numbers import Real

from fashion_utils import data
import numpy as np

SEALED = "these are test pictures; leave the test set sealed and take the training pictures"


class NotYet(Exception):
    """The answer is not right yet; the message is the hint. Without one there is no answer to look at."""


def exercise(lesson: str, compare: Callable | None = None, **how) -> Callable:
    """Make a function the check of an exercise. It gets the answer and raises `NotYet` if that is wrong.

    With `compare` (`alike` or `same_class`; `how` are more of its arguments) it is a table instead: it gets no answer,
    and yields first what is right, then pairs of what a typical mistake leads to and its hint, the likeliest first.
    A learner who got it right is told the lesson. No hint or lesson has numbers that depend on the data.
    """

    def make(function: Callable) -> Callable:
        @functools.wraps(function)
        def judge(answer, **given):
            compare(answer, function(**given), **how) if compare else function(answer, **given)

        judge.lesson = lesson
        return judge

    return make


def a(thing) -> str:
    return f"an object of type {vars(type)['__name__'].__get__(type(thing))}"  # a metaclass may redefine __name__


def demand(condition, *hint: str) -> None:
    """Raise `NotYet` with the hint unless the condition holds."""
    if not condition:
        raise NotYet(*hint)


def demand_something(answer) -> None:
    """Raise `NotYet` without a hint if nothing was entered."""
    demand(answer is not None and answer is not ...)


def run(code: str, function: Callable, *arguments, **named):
    """Return what a function of the learner's returns, or raise `NotYet` if it returns nothing or raises an error."""
    try:
        found = function(*arguments, **named)
    except Exception as error:
        raise NotYet(f"{code} stops with {type(error).__name__}") from None
    demand_something(found)
    return found


def numbers(answer) -> np.ndarray:
    """Return an answer as an array, if it is a number, an array or something like one, or raise `NotYet`."""
    try:
        found = np.asarray(answer)
    except ValueError as error:
        demand("inhomogeneous" not in str(error), "its rows differ in length, so it makes no array")
        raise
    if found.dtype.kind == "O" and all(isinstance(item, Real) for item in found.flat):
        found = found.astype("float64")
    demand(not np.ma.is_masked(answer), "some of it is masked")
    demand(found.dtype.kind != "b", "it is True or False where numbers are asked for")
    demand(found.dtype.kind in "iu" or _is_float(found), f"numbers are asked for, and this is {a(answer)}")
    demand(found.size, "it is empty: there is no number in it")
    return found


def _is_float(array: np.ndarray) -> bool:
    return "float" in array.dtype.name  # for NumPy, bfloat16 is of no kind


def _same(found: np.ndarray, value, tolerance: float = 0) -> bool:
    """Return whether two arrays are alike, but for the tolerance and what their dtypes round; whole numbers exactly."""
    value = np.asarray(value)
    if found.shape != value.shape:
        return False
    one, two = np.array([1, 2], found.dtype)
    precision = float(np.nextafter(one, two) - one) if _is_float(found) else 0
    relative = precision / 2 if value.dtype.kind in "iu" else max(1e-4, precision)
    if relative == precision:  # a small difference of larger numbers has their error
        tolerance += precision * np.abs(value[np.isfinite(value)]).max(initial=0)
    return np.allclose(found, value, rtol=relative, atol=tolerance, equal_nan=True)


def alike(answer, table: Iterable, tolerance: float = 1e-6, dtype: str | None = None) -> None:
    """Raise `NotYet` unless the answer is the number or array that the table begins with, in the dtype asked for.

    Each number may be off by the tolerance, and by rounding in whatever dtype the answer has.
    """
    table, found = iter(table), numbers(answer)
    truth = np.asarray(next(table))
    whole = dtype and found.dtype.kind in "iu"
    demand(not whole, f"wrong dtype: {found.dtype} holds no fractions; convert to {dtype} first")
    if _same(found, truth, tolerance):
        fits = dtype is None or found.dtype == dtype
        return demand(fits, f"the values are right, but their dtype is {found.dtype}, and {dtype} is asked for")
    for value, hint in table:
        demand(not _same(found, value), hint)
    plain = truth.astype("float64")
    for factor in (255, 1 / 255):
        demand(not _same(found, plain * factor), "it is off by a factor of 255")
    demand(not _same(found, plain * 100), "these look like percentages; give shares between 0 and 1")
    demand(not _same(found, plain / 100), "it is too small by a factor of 100")
    demand(not _same(found, -plain), "the sign is the wrong way round")
    if truth.ndim > 1:
        demand(not _same(found, plain.swapaxes(-1, -2)), "axes swapped: rows and columns have changed places")
    if truth.shape == (2,):
        demand(not _same(found, plain[::-1]), "the right two numbers, but the other way round")
        demand(not any(_same(found, number) for number in plain), "it is one of two numbers; the other is missing")
    forms = [
        ("one number", "an array of one axis", f"an array of {n} axes")[min(n, 2)] for n in (found.ndim, truth.ndim)
    ]
    demand(found.ndim == truth.ndim, "wrong shape: this is {}, and {} is asked for".format(*forms))
    demand(found.shape == truth.shape, "wrong shape: the number of axes is right, but not how long they are")
    demand(not np.isnan(found).any(), "there is a nan in it: something was divided by zero, or is missing")
    raise NotYet("it has the right shape, but not the right values" if truth.ndim else "it is another number")


def same_class(answer, table: Iterable) -> None:
    """Raise `NotYet` unless the answer is the name of the class whose label the table begins with."""
    demand(not isinstance(answer, int | np.integer), "that is a number; give the name of the class")
    demand(isinstance(answer, str), f"the name of a class is asked for, and this is {a(answer)}")
    names = [name.lower() for name in data.CLASS_NAMES]
    demand(answer.strip().lower() in names, "no class has this name; mind the spelling")
    truth, *mistakes = table
    label = names.index(answer.strip().lower())
    if label != truth:
        raise NotYet(dict(reversed(mistakes)).get(label, "it is another class"))
