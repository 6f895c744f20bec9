"""What the exercises are written with: how an answer is compared with what is right, and the hint if it differs."""

from collections.abc import Callable, Iterable
from numbers import Real

from fashion_utils import data
import numpy as np

SEALED = "these are test pictures; leave the test set sealed and take the training pictures"


class NotYet(Exception):
    """The answer is not right yet; the message is the hint. Without one there is no answer to look at."""


def exercise(lesson: str, compare: Callable | None = None, **how) -> Callable:
    """Make a function the check of an exercise, which gets the answer and raises `NotYet` if that is wrong.

    With `compare` (`alike` or `same_class`; `how` are more of its arguments) it is a table instead: without the answer,
    it yields first what is right, then pairs of what a typical mistake leads to and its hint, the likeliest first.
    A learner who got it right is told the lesson. No hint or lesson gives an answer away.
    """

    def make(function: Callable) -> Callable:
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
    found = np.asarray(answer)
    if found.dtype.kind == "O" and all(isinstance(item, Real) for item in found.flat):
        found = found.astype("float64")
    demand(found.dtype.kind != "b", "it is True or False where numbers are asked for")
    is_number = found.dtype.kind in "iu" or "float" in found.dtype.name  # for NumPy, bfloat16 is of no kind
    demand(is_number, f"numbers are asked for, and this is {a(answer)}")
    demand(found.size, "it is empty: there is no number in it")
    return found


def _same(found: np.ndarray, value, tolerance: float = 0) -> bool:
    """Return whether two arrays are alike, but for the tolerance and what their dtypes round; whole numbers exactly."""
    value = np.asarray(value)
    if found.shape != value.shape:
        return False
    one, two = np.array([1, 2], found.dtype)
    precision = 0 if found.dtype.kind in "iu" else float(np.nextafter(one, two) - one)
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
    for unit in (255, 100):
        off = _same(found, truth * unit) or _same(found, truth / unit)
        demand(not off, f"it is off by a factor of {unit}: mind the unit")
    if truth.ndim > 1:
        demand(not _same(found, truth.swapaxes(-1, -2)), "axes swapped: rows and columns have changed places")
    if truth.shape == (2,):
        demand(not _same(found, truth[::-1]), "the right two numbers, but the other way round")
    shapes = [array.shape or "one number" for array in (found, truth)]
    demand(found.shape == truth.shape, "wrong shape: {}; asked for is {}".format(*shapes))
    demand(not np.isnan(found).any(), "there is a nan in it: something was divided by zero, or is missing")
    raise NotYet("it has the right shape, but not the right values" if truth.ndim else "it is another number")


def same_class(answer, table: Iterable) -> None:
    """Raise `NotYet` unless the answer is the name of the class whose label the table begins with."""
    demand(isinstance(answer, str), f"the name of a class is asked for, and this is {a(answer)}")
    names = [name.lower() for name in data.CLASS_NAMES]
    demand(answer.strip().lower() in names, "no class has this name; mind the spelling")
    label = names.index(answer.strip().lower())
    truth, *mistakes = table
    demand(label == truth, dict(reversed(mistakes)).get(label, "it is another class"))
