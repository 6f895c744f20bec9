"""The exercises on made-up data."""

from types import SimpleNamespace

from fashion_utils import data, exercises
import pytest

pytest.register_assert_rewrite("made_up")
from made_up import GIVEN, TEST, TRAIN  # noqa: E402


@pytest.fixture(autouse=True)
def pictures(monkeypatch):
    monkeypatch.setattr(data, "source", lambda: SimpleNamespace(label=""))
    monkeypatch.setattr(data, "load_train", lambda: tuple(array.copy() for array in TRAIN))
    monkeypatch.setattr(data, "load_test", lambda: tuple(array.copy() for array in TEST))


@pytest.fixture
def answer_to(capfd):
    """The function that checks an answer and returns the one line that is printed."""

    def check(name, answer, **given):
        assert (
            exercises.check(name, answer, **(given or (GIVEN.get(name, {}) if isinstance(name, str) else {}))) is None
        )
        printed, errors = capfd.readouterr()
        assert errors == "" and len(printed) <= exercises.LONGEST + 1
        assert printed.count("\n") == 1 and printed.endswith("\n") and printed[:2] in ("✓ ", "✗ ", "○ ")
        return printed

    return check
