"""What a notebook's text relies on, checked in one folded cell at its end."""

from numbers import Integral
import os

from fashion_utils import data, printable
from IPython import get_ipython
from IPython.display import display
import pandas as pd

PROMISES_TYPE = "application/vnd.fashion-promises+json"
SIGNS = {"held": "✓", "not checked": "○", "broken": "✗"}


def keep(*promises: tuple, report: tuple[str, ...] = ()) -> None:
    """Check every number that the text relies on, and show one table of them.

    On the full real data a promise is held or broken; on a sample or the stand-in, whose numbers differ, it is not
    checked. A broken one raises where somebody has to know, under pytest and in `make run` (FASHION_PROMISES=raise). A
    learner, who may have changed a setting, is told which statements no longer hold, and nothing is raised.

    Args:
        promises: tuples (name, value, least, greatest), both ends included. The value is a number or a function
            without arguments that returns one, so that a cell left out raises nothing here.
        report: names of promises whose values belong in the report of `make run`; a KeyError if one is not promised.

    Raises AssertionError if a promise is broken or cannot be computed, where it has to be known.
    """
    rows = [_check(*promise) for promise in promises]
    values = {name: value for name, value, *_ in rows}
    content = {
        "promises": [{"name": name, "state": state, "value": value} for name, value, _, state in rows],
        "report": [f"{name}: {values[name]}" for name in report],
    }
    table = pd.DataFrame(rows, columns=["what the text relies on", "value", "promised", ""])
    table[""] = [f"{SIGNS[state]} {state}" for state in table[""]]
    text, page = printable(table.to_string(index=False)), table.to_html(index=False)
    if get_ipython() is None:
        print(text)
    else:
        display({"text/plain": text, "text/html": page, PROMISES_TYPE: content}, raw=True)
    if broken := [f"{name} is {value}, not {promised}" for name, value, promised, state in rows if state == "broken"]:
        sentence = f"What the text says of these no longer holds: {'; '.join(broken)}."
        if os.environ.get("FASHION_PROMISES") == "raise" or "PYTEST_VERSION" in os.environ:
            raise AssertionError(sentence)
        print(printable(f"{sentence} Did you change a setting? Then it holds for yours."))
    elif label := data.source().label:
        print(f"Not checked: the promises are about the full real data, and this is {label}.")


def _check(name, value, least, greatest) -> tuple[str, str, str, str]:
    """Return the name, the value and what was promised of it in words, and the state."""
    checked = data.source().is_full_real
    try:
        value = value() if callable(value) else value
        held, shown = least <= value <= greatest, _short(value)
        state = "not checked" if not checked else "held" if held else "broken"
    except Exception as error:
        state, shown = "broken", f"not to be had ({type(error).__name__}: {error})"
    return name, shown, f"{_short(least)} to {_short(greatest)}", state


def _short(number) -> str:
    """Return a number as a reader wants it: whole numbers whole, others with three significant digits."""
    return f"{number:,}" if isinstance(number, Integral) else f"{number:.3g}"
