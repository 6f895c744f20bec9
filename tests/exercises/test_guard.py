"""An answer's code that ends the session, never comes back, prints, or changes settings."""

import asyncio
import itertools
import os
import random
import signal
import sys
import threading
import time
import warnings

from fashion_utils import exercises
from IPython.display import display
from made_up import GIVEN
import numpy as np
import pytest

posix = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers here")


def sort_out(code):
    """A function of the threshold for 05.sort_out that runs some code."""

    def function(threshold):
        code()
        return 0.5, 0.5

    return function


def stop_with(error):
    def stop():
        raise error

    return stop


@pytest.mark.parametrize("error", [SystemExit(0), KeyboardInterrupt(), GeneratorExit(), asyncio.CancelledError()])
def test_code_that_ends_the_session(error, answer_to):
    line = answer_to("05.sort_out", sort_out(stop_with(error)))
    assert line == f"✗ not yet: the answer's code stops with {type(error).__name__}\n"


def press_and_catch():
    try:
        signal.raise_signal(signal.SIGINT)
    except BaseException:
        return


def press_from_elsewhere():
    threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
    time.sleep(5)


@pytest.mark.parametrize(
    "code", [lambda: signal.raise_signal(signal.SIGINT), press_and_catch, press_from_elsewhere], ids=str
)
def test_ctrl_c_gets_through(code, capsys):
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        exercises.check("05.sort_out", sort_out(code), **GIVEN["05.sort_out"])
    assert capsys.readouterr().out == "" and signal.getsignal(signal.SIGINT) is handler


# --- Time -------------------------------------------------------------------------------------------------------------


class Endless:
    def __array__(self, *_, **__):
        time.sleep(60)


def hide_from_errors():
    while True:
        try:
            time.sleep(60)
        except:  # noqa: E722 as a beginner writes it
            hidden.append("caught")
            if len(hidden) > 2:
                raise


hidden = []
ENDLESS = {
    "sleep": sort_out(lambda: time.sleep(60)),
    "loop": sort_out(lambda: [None for _ in itertools.count()]),
    "array": Endless(),
    "bare except": sort_out(hide_from_errors),
}


@posix
@pytest.mark.parametrize("what", ENDLESS)
def test_code_that_never_comes_back(what, monkeypatch, answer_to):
    monkeypatch.setattr(exercises, "SECONDS", 0.2)
    started = time.monotonic()
    name = "01.brightness" if what == "array" else "05.sort_out"
    assert "after 0.2 seconds the check gave up" in answer_to(name, ENDLESS[what])
    assert time.monotonic() - started < 2


@posix
@pytest.mark.parametrize("code", [lambda: None, lambda: time.sleep(60)], ids=["quick", "endless"])
def test_an_alarm_set_before_still_comes(code, monkeypatch, answer_to):
    monkeypatch.setattr(exercises, "SECONDS", 0.1)
    came = []
    before = signal.signal(signal.SIGALRM, lambda *_: came.append(True))
    try:
        mine = signal.getsignal(signal.SIGALRM)
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        answer_to("05.sort_out", sort_out(code))
        assert signal.getsignal(signal.SIGALRM) is mine and not came
        time.sleep(0.4)
        assert came == [True]
        assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@posix
def test_no_alarm_comes_after_the_check(monkeypatch, answer_to):
    monkeypatch.setattr(exercises, "SECONDS", 0.1)
    answer_to("05.sort_out", sort_out(lambda: None))
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    time.sleep(0.2)


def test_no_limit_where_there_are_no_timers(monkeypatch, answer_to):
    monkeypatch.setattr(exercises, "SECONDS", 0.05)
    monkeypatch.delattr(signal, "setitimer", raising=False)
    assert "not the right values" in answer_to("05.sort_out", sort_out(lambda: time.sleep(0.1)))


def test_in_another_thread(monkeypatch, capsys):
    monkeypatch.setattr(exercises, "SECONDS", 0.05)
    for code in (lambda: time.sleep(0.1), stop_with(KeyboardInterrupt())):
        arguments = ("05.sort_out", sort_out(code))
        thread = threading.Thread(target=exercises.check, args=arguments, kwargs=GIVEN["05.sort_out"])
        thread.start()
        thread.join()
    slow, interrupted = capsys.readouterr().out.splitlines()
    assert "not the right values" in slow and "stops with KeyboardInterrupt" in interrupted


def test_an_answer_that_checks_an_answer(monkeypatch, answer_to):
    monkeypatch.setattr(exercises, "SECONDS", 0.3)
    inner = sort_out(lambda: time.sleep(0.01))
    check = lambda: exercises.check("05.sort_out", inner, **GIVEN["05.sort_out"])  # noqa: E731
    assert "not the right values" in answer_to("05.sort_out", sort_out(check))
    assert "gave up" in answer_to("05.sort_out", sort_out(lambda: (check(), time.sleep(60))))


# --- What it leaves behind --------------------------------------------------------------------------------------------


def test_what_the_code_prints_and_displays_is_dropped(displayed, answer_to):
    def talk():
        print("to stdout")
        print("to stderr", file=sys.stderr)
        display("a display")
        sys.stdout = sys.stderr = None

    assert "not the right values" in answer_to("05.sort_out", sort_out(talk))
    assert displayed == []


def test_the_state_of_the_session_is_as_before(answer_to):
    def change():
        random.seed(0)
        np.random.seed(0)  # noqa: NPY002 what a learner may do
        np.seterr(all="raise")
        warnings.simplefilter("error")

    before = random.getstate(), np.random.get_state()[1].tolist(), np.geterr(), list(warnings.filters)  # noqa: NPY002
    answer_to("05.sort_out", sort_out(change))
    after = random.getstate(), np.random.get_state()[1].tolist(), np.geterr(), list(warnings.filters)  # noqa: NPY002
    assert before == after
