"""What an answer's code must not do to the session: go on for ever, end it, print, or change its settings."""

from collections.abc import Iterator
import contextlib
import random
import signal
import threading
from traceback import walk_stack
import warnings

from IPython.utils.capture import capture_output
import numpy as np


class OutOfTime(BaseException):
    """The time is up. No `Exception`, because the answer's code may catch those."""


def call(function, *arguments, **named):
    """Call a function that `guarded` may stop."""
    return function(*arguments, **named)


@contextlib.contextmanager
def guarded(seconds: float) -> Iterator[None]:
    """Drop what the block prints, displays or warns of, put back what it changes, and stop a slow `call` in it.

    After so many seconds `call` raises `OutOfTime`, again and again, for a bare `except:` catches it. Ctrl-C ends it,
    too, and the block as a whole; any other `KeyboardInterrupt` is the answer's own.
    """
    interrupts = []

    def on_signal(number, frame):
        if number == signal.SIGINT:
            interrupts.append(number)
        # Elsewhere than in `call`, an error would leave something half put back.
        if any(outer.f_code is call.__code__ for outer, _ in walk_stack(frame)):
            raise KeyboardInterrupt if number == signal.SIGINT else OutOfTime

    quiet = warnings.catch_warnings(action="ignore")
    with capture_output(), quiet, np.errstate(all="ignore"), contextlib.ExitStack() as undo:
        undo.callback(random.setstate, random.getstate())
        undo.callback(np.random.set_state, np.random.get_state())  # noqa: NPY002 the global state is the one to keep
        if threading.current_thread() is threading.main_thread():  # no other may set handlers
            for number in {signal.SIGINT, getattr(signal, "SIGALRM", signal.SIGINT)}:
                undo.callback(signal.signal, number, signal.signal(number, on_signal) or signal.SIG_DFL)
            if hasattr(signal, "setitimer"):
                before = signal.setitimer(signal.ITIMER_REAL, seconds, seconds / 10)
                undo.callback(signal.setitimer, signal.ITIMER_REAL, *before)
        yield
    if interrupts:
        raise KeyboardInterrupt
