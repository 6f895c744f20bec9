"""`exercises.check` on whatever is handed in: one friendly line, whatever it is, and no key to read off."""

import ast
from pathlib import Path
import re
import sys
import warnings

from fashion_utils import data, exercises
from fashion_utils.workshop import NOTEBOOKS
import keras
from made_up import GIVEN, TEST_IMAGES, TEST_LABELS, draw, network
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
import test_cnn
import test_evaluate
import test_explore
import test_learn
import test_preprocess
import test_regularize
import test_train_mlp
import test_trust
import test_your_pictures

FILES = (test_explore, test_preprocess, test_learn, test_train_mlp, test_evaluate, test_regularize, test_cnn)
FILES += (test_trust, test_your_pictures)
RIGHT = {name: answers for file in FILES for name, answers in file.RIGHT.items()}
MISTAKES = {name: answers for file in FILES for name, answers in file.MISTAKES.items()}
TRAINED = {"04.small"}  # tested with networks of its own
FUNCTIONS = ("03.leaky", "05.sort_out")  # whose answer is a function
NAMES = sorted(exercises._exercises())


def test_every_exercise_is_tested():
    assert sorted({*RIGHT, *TRAINED}) == sorted({*MISTAKES, *TRAINED}) == NAMES


def test_the_notebooks_check_every_exercise_there_is():
    text = "".join(path.read_text(encoding="utf-8") for path in NOTEBOOKS.glob("[0-9]*.ipynb"))
    assert sorted(set(re.findall(r'exercises\.check\(\\"([\w.]+)\\"', text))) == NAMES


# --- Any object at all ------------------------------------------------------------------------------------------------


class Hostile:
    """Fails at whatever is done with it."""

    def __getattr__(self, name):
        raise RuntimeError(name)

    def fail(self, *_, **__):
        raise ValueError("a long text " * 1000)

    __array__ = __call__ = __eq__ = __len__ = __iter__ = __bool__ = __float__ = __repr__ = __str__ = __hash__ = fail


class Unnamed(type):
    @property
    def __name__(cls):
        raise RuntimeError("no name")


class Torch:
    """Refuses, as a tensor with a gradient does."""

    shape, dtype = (10,), "float32"

    def __array__(self, *_, **__):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")


class Stubborn(keras.Model):
    """A model that raises whatever it is shown."""

    def call(self, pictures):
        raise RuntimeError("no" * 10_000)


class Quitting:
    def __array__(self, *_, **__):
        raise SystemExit("bye")

    __call__ = __array__


class Loud:
    def __array__(self, *_, **__):
        print("to stdout")
        print("to stderr", file=sys.stderr)
        warnings.warn("a warning", stacklevel=1)
        return np.zeros(3)

    __call__ = __array__


ABSURD = {
    "text": "I do not know",
    "long text": "x" * 100_000,
    "dict": {"a": 1},
    "function": len,
    "ragged": [[1], [2, 3]],
    "model": network(),
    "stubborn model": Stubborn(),
    "set": {1, 2},
    "class": Hostile,
    "hostile": Hostile(),
    "list of hostile": [Hostile()],
    "dict of hostile": {"loss": Hostile(), "val_loss": Hostile()},
    "unnamed": Unnamed("Thing", (), {})(),
    "long name": type("X" * 10_000, (), {})(),
    "lines": type("two\nlines", (), {})(),
    "quitting": Quitting(),
    "loud": Loud(),
    "torch": Torch(),
    "objects": np.array([None, "x"], dtype=object),
    "structured": np.zeros(3, dtype=[("a", "int8"), ("b", "float32")]),
    "complex": 1j,
    "huge": 10**400,
    "wide": np.broadcast_to(1.0, (10**6, 10**6)),
    "empty": [],
    "no rows": np.zeros((0, 28, 28)),
    "bytes": b"\xff",
    "nan": float("nan"),
    "infinite": [np.inf] * 1200,
    "masked": np.ma.masked,
    "masked array": np.ma.array(np.ones(1200), mask=True),
    "generator": (number for number in range(3)),
    "times": pd.Timestamp(0),
    "missing": pd.Series([pd.NA, 1]),
    "frame": pd.DataFrame({"a": ["b"]}),
    "tensor of text": tf.constant("a"),
    "ragged tensor": tf.ragged.constant([[1], [2, 3]]),
    "symbolic": keras.Input((3,)),
    "data set": tf.data.Dataset.range(3),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", NAMES)
def test_absurd_objects_get_one_friendly_line(name, answer_to):
    for what, thing in ABSURD.items():
        if (name, what) != ("04.repair", "model"):  # the right answer there
            line = answer_to(name, thing)
            assert line.startswith("✗ not yet: ") and "Traceback" not in line, what


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("what", ABSURD)
def test_functions_that_return_absurd_objects(what, name, answer_to):
    assert answer_to(name, lambda *_: ABSURD[what]).startswith("✗ not yet: ")


async def a_coroutine(*_):
    return 1, 1


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_coroutine_that_nobody_awaits(name, answer_to):
    assert "type coroutine" in answer_to(name, a_coroutine)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("nothing", [None, ...], ids=str)
def test_nothing_entered_yet(name, nothing, answer_to):
    assert answer_to(name, nothing) == f"○ nothing entered yet for {name}\n"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_left_as_it_was(name, answer_to):
    assert "nothing entered yet" in answer_to(name, lambda *_: ...)


def test_an_unknown_name_is_told_the_known_ones(answer_to):
    for name in ("01.nothing", "", None, 1, ["01.brightness"], Hostile()):
        line = answer_to(name, 1)
        assert line.startswith("○ there is no exercise of this name") and all(known in line for known in NAMES)


# --- What is no fault of the answer -----------------------------------------------------------------------------------


@pytest.mark.parametrize("function", ["load_train", "source"])
def test_data_that_cannot_be_read(function, monkeypatch, answer_to):
    def load():
        raise data.DataError("the file\nis gone")

    monkeypatch.setattr(data, function, load)
    assert answer_to("01.brightness", 1) == "○ the exercises need the data: the file is gone\n"


def test_a_call_that_lacks_what_the_notebook_gives(capsys):
    exercises.check("05.called", 1)
    exercises.check("01.brightness", 1, image=2)
    missing, more = capsys.readouterr().out.splitlines()
    assert "call check as it says" in missing and "call check as it says" in more


@pytest.mark.parametrize(
    "nonsense", [None, ..., "text", np.zeros(3), Hostile()], ids=lambda value: type(value).__name__
)
@pytest.mark.parametrize("name", GIVEN)
def test_nonsense_from_the_cells_above_is_not_blamed_on_the_answer_alone(name, nonsense, answer_to):
    line = answer_to(name, RIGHT[name][0], **dict.fromkeys(GIVEN[name], nonsense))
    assert line.startswith("✗") and "run the cells above" in line


# --- The twin that grades ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", RIGHT)
def test_grade_lets_a_right_answer_pass_without_a_word(name, capfd):
    assert exercises.grade(name, RIGHT[name][0], **GIVEN.get(name, {})) is None
    assert capfd.readouterr() == ("", "")  # to nbgrader, a word on stderr is a mistake


@pytest.mark.parametrize("answer", [..., "surely not", Hostile()], ids=["nothing", "wrong", "hostile"])
def test_grade_raises_what_check_says_of_any_other(answer, answer_to):
    with pytest.raises(AssertionError) as raised:
        exercises.grade("01.brightness", answer)
    assert answer_to("01.brightness", answer) == f"{raised.value}\n"


def test_grade_does_not_let_pass_what_cannot_be_checked(monkeypatch):
    monkeypatch.setattr(data, "load_train", lambda: (_ for _ in ()).throw(data.DataError("the file is gone")))
    with pytest.raises(AssertionError, match="the exercises need the data: the file is gone"):
        exercises.grade("01.brightness", RIGHT["01.brightness"][0])


# --- No key to read off -----------------------------------------------------------------------------------------------


def constants():
    for path in Path(exercises.__file__).parent.glob("*.py"):
        nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        yield from (node.value for node in nodes if isinstance(node, ast.Constant))


def test_the_files_hold_no_answer():
    texts = " ".join(value for value in constants() if isinstance(value, str)).lower()
    assert [name for name in data.CLASS_NAMES if re.search(rf"\b{name.lower()}\b", texts)] == []
    numbers = {value for value in constants() if isinstance(value, int | float)}
    right = {float(answer) for answers in RIGHT.values() for answer in answers if isinstance(answer, int | float)}
    assert right and not numbers & {*right, 40_000}  # 40,000: 05.needed on the published test set


@pytest.mark.parametrize("name", [name for name in RIGHT if name.startswith(("01", "02", "03.slope", "05"))])
def test_on_other_data_another_answer_is_right(name, monkeypatch, answer_to):
    images, labels = draw(3, 1100)
    labels = (labels + 3) % 10
    monkeypatch.setattr(data, "load_train", lambda: (images[:, ::-1], labels))
    monkeypatch.setattr(data, "load_test", lambda: (TEST_IMAGES[:150], (TEST_LABELS[:150] + 1) % 10))
    given = {key: value[:150] for key, value in GIVEN.get(name, {}).items()}
    assert answer_to(name, RIGHT[name][0], **given).startswith("✗")
