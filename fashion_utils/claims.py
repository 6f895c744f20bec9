"""Promises that a notebook checks itself: `expect` a number, and put a `headline` into the report of `make run`.

Both write one line for the reader and, beside it, the same in a form a program can read (the report counts claims).
"""

from numbers import Integral

from fashion_utils import data
from IPython import get_ipython
from IPython.display import display

CLAIM_TYPE = "application/vnd.fashion-claim+json"
HEADLINE_TYPE = "application/vnd.fashion-headline+json"


def expect(name: str, value: float, *, between: tuple[float, float]) -> None:
    """Say what is expected of a number, check it, and fail loudly when it does not hold.

    On the full real data the claim is checked. On a sample or the stand-in, whose numbers differ, it says that it was
    not checked, and why.

    Args:
        name: what the number is, in the reader's words ("test accuracy").
        value: the number.
        between: the least and the greatest value promised, both included.

    Raises:
        AssertionError: if the value lies outside on the full real data.
        ValueError: if `between` is empty.
    """
    low, high = between
    if not low <= high:
        raise ValueError(f"between = ({low}, {high}) holds no number: give the smaller one first.")
    promise = f"{name}: {_short(value)}, expected {_short(low)} to {_short(high)}"
    source = data.source()
    if not source.is_full_real:
        _say(f"○ {promise}; not checked on {source.label}", CLAIM_TYPE, {"name": name, "state": "not checked"})
        return
    if not low <= value <= high:
        raise AssertionError(
            f"{promise}. On the full real data this should hold: a changed setting, version or data may be the cause."
        )
    _say(f"✓ {promise}", CLAIM_TYPE, {"name": name, "state": "held"})


def headline(name: str, value: float, interval: tuple[float, float] | None = None) -> None:
    """Print a result that belongs in the report of the whole series.

    Args:
        name: what was measured ("test accuracy").
        value: the result.
        interval: its lower and upper end, if it has one.
    """
    text = f"{name}: {_short(value)}"
    if interval is not None:
        text += f" (95 % interval {_short(interval[0])} to {_short(interval[1])})"
    _say(text, HEADLINE_TYPE, {"text": text})


def _short(number: float) -> str:
    """Return a number as a reader wants it: whole numbers whole, others with four significant digits."""
    return f"{number:,}" if isinstance(number, Integral) else f"{number:.4g}"


def _say(text: str, kind: str, content: dict) -> None:
    if get_ipython() is None:
        print(text)
    else:
        display({"text/plain": text, kind: content}, raw=True)
