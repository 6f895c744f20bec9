"""Exercises that answer back: `check("01.brightness", answer)` says in one line whether it is right, or what is off.

Each exercise is one function in the file of its notebook. It works the truth out from the data in use, so that a sample
or the stand-in will do and there is no key to read off.
"""

from functools import cache
from importlib import import_module
import textwrap

from fashion_utils import data, printable
from fashion_utils.exercises import guard
from fashion_utils.exercises.compare import NotYet, a, demand_something

# An exercise's name is the number of its notebook and its function: "01.brightness" is `brightness` in explore.py.
FILES = {
    "01": "explore",
    "02": "preprocess",
    "03": "learn",
    "04": "train_mlp",
    "05": "evaluate",
    "06": "regularize",
    "07": "cnn",
    "08": "trust",
    "09": "your_pictures",
}
SECONDS = 10  # a right answer takes less than one
LONGEST = 500  # characters


def check(name: str, answer, **given) -> None:
    """Print one line about an answer: ✓ right, ✗ not yet and a hint, or ○ nothing entered yet. Never raises an error.

    An answer that is not there after ten seconds is given up, in the main thread and where the system has timers (not
    on Windows). What the answer's code prints, and what it does to random numbers and NumPy's settings, is undone.

    The name is that of the exercise ("01.brightness"); the answer any object, of which None and ... count as nothing
    entered; what is given besides is what the notebook computed before and the answer depends on.
    """
    print(printable(_line(name, answer, given)))


def grade(name: str, answer, **given) -> None:
    """The twin of `check` for automatic grading: the same arguments, and an AssertionError with its line unless ✓."""
    line = _line(name, answer, given)
    if not line.startswith("✓"):
        raise AssertionError(line)


def _line(name, answer, given: dict) -> str:
    try:
        data.source()  # here, because a download is no fault of the answer, and a stand-in has to be announced
        with guard.guarded(SECONDS):
            line = _verdict(name, answer, given)
    except (data.DataError, ValueError) as error:
        line = f"○ the exercises need the data: {error}"
    return textwrap.shorten(line, LONGEST, placeholder=" …")


@cache
def _exercises() -> dict:
    """Return the function of each exercise by its name."""
    return {
        f"{number}.{word}": function
        for number, file in FILES.items()
        for word, function in vars(import_module(f"{__name__}.{file}")).items()
        if hasattr(function, "lesson")
    }


def _verdict(name, answer, given: dict) -> str:
    exercises = _exercises()
    if type(name) is not str or name not in exercises:
        return f"○ there is no exercise of this name; there are {', '.join(exercises)}"
    try:
        demand_something(answer)
        guard.call(exercises[name], answer, **given)
        return f"✓ right: {exercises[name].lesson}"
    except NotYet as hint:
        return f"✗ not yet: {hint}" if hint.args else f"○ nothing entered yet for {name}"
    except data.DataError:
        raise
    except guard.OutOfTime:
        return f"✗ not yet: after {SECONDS:g} seconds the check gave up; does your code ever come to an end?"
    except Exception:  # it behaves like nothing that the exercise asks for, or what came from the notebook does
        again = "read the task again, call check as it says, and run the cells above"
        return f"✗ not yet: {a(answer)} cannot be compared with what is asked for; {again}"
    except BaseException as error:  # an exit, or an interrupt of the answer's own
        return f"✗ not yet: the answer's code stops with {type(error).__name__}"
