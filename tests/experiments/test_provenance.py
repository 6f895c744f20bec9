"""The fingerprint of what a result was made from: other where results could be, the same where they could not."""

import functools
import importlib
import itertools
import os
import subprocess
import sys
import textwrap
import threading

from fashion_utils import data, models, training
from fashion_utils.experiments import provenance
import keras
import numpy as np
import pandas as pd
import pytest


def cell(source, **names):
    """Run a notebook's cell; return its `run`. No file holds the source, as for what `exec` makes."""
    namespace = {"__name__": "__main__", **names}
    exec(textwrap.dedent(source), namespace)
    return namespace["run"]


def fingerprint(value):
    return provenance.fingerprint(value, "run", {})


# --- What changes it --------------------------------------------------------------------------------------------------

CHANGES = {
    "its own body": ("def run(): return 1", "def run(): return 2"),
    "a function it calls": ("def build(): return 1\ndef run(): return build()", "return 1", "return 2"),
    "a function that one calls": ("def a(): return 1\ndef b(): return a()\nrun = lambda: b()", "return 1", "return 2"),
    "a function handed on": ("def a(): return 1\ndef run(): return max([], key=a)", "return 1", "return 2"),
    "functions that call each other": ("def a(): return run(), 1\ndef run(): return a()", ", 1", ", 2"),
    "type of a constant": ("def run(): return 1", "1", "1.0"),
    "a constant that is True": ("def run(): return 1", "1", "True"),
    "a constant among others": ("def run(x): return x in {1, 2}", "{1, 2}", "{1, 3}"),
    "a number": ("rate = 1\ndef run(): return rate", "= 1", "= 2"),
    "the sign of zero": ("rate = 0.0\ndef run(): return rate", "= 0.0", "= -0.0"),
    "the order of a list": ("units = [1, 2]\ndef run(): return units", "[1, 2]", "[2, 1]"),
    "nested lists": ("units = [[1], 2]\ndef run(): return units", "[[1], 2]", "[[1, 2]]"),
    "a value in a dictionary": ("words = {'a': 1}\ndef run(): return words", "1", "2"),
    "a set": ("chosen = {1, 2}\ndef run(): return chosen", "{1, 2}", "{1, 3}"),
    "a method": ("class A:\n def f(self): return 1\ndef run(): return A().f()", "return 1", "return 2"),
    "a class attribute": ("class A:\n x = 1\ndef run(): return A.x", "x = 1", "x = 2"),
    "a base class": ("class B:\n x = 1\nclass A(B): pass\ndef run(): return A.x", "x = 1", "x = 2"),
    "a property": ("class A:\n @property\n def f(self): return 1\ndef run(): return A().f", "return 1", "return 2"),
    "a static method": ("class A:\n @staticmethod\n def f(): return 1\nrun = lambda: A.f()", "return 1", "return 2"),
    "a class method": ("class A:\n @classmethod\n def f(c): return 1\nrun = A.f", "return 1", "return 2"),
    "an object's state": ("class A:\n def __init__(self): self.x = 1\na = A()\nrun = lambda: a.x", "1", "2"),
    "an object's class": ("class A:\n def f(self): return 1\na = A()\nrun = lambda: a.f()", "return 1", "return 2"),
    "a bound method": ("class A:\n def f(self): return 1\nrun = A().f", "return 1", "return 2"),
    "a callable object": ("class A:\n def __call__(self): return 1\nrun = A()", "return 1", "return 2"),
    "a data class": ("import dataclasses\n@dataclasses.dataclass\nclass A:\n x: int = 1\nrun = A", "= 1", "= 2"),
    "an enumeration": ("import enum\nclass A(enum.Enum):\n x = 1\nrun = lambda: A.x", "x = 1", "x = 2"),
    "a closure": ("def make(x):\n return lambda: x\nrun = make(1)", "make(1)", "make(2)"),
    "a default": ("def run(x=1): return x", "x=1", "x=2"),
    "a keyword's default": ("def run(*, x=1): return x", "x=1", "x=2"),
    "which arguments it takes": ("def run(x, y): return x", "x, y", "x, *y"),
    "an inner function": ("def run():\n def f(): return 1\n return f()", "return 1", "return 2"),
    "a global of an inner function": ("x = 1\ndef run(): return [lambda: x for _ in 'ab']", "x = 1", "x = 2"),
    "what an exception covers": (
        "def run():\n try:\n  a()\n  b()\n except Exception: c()",
        "def run():\n a()\n try:\n  b()\n except Exception: c()",
    ),
    "where a jump leads": (
        "def run(a, b, c):\n for i in a:\n  if a and (b or c): f()\n  x = g(a, b, c)\n return x",
        "a and (b or c)",
        "(a and b) or c",
    ),
    "a partial's argument": ("import functools\nrun = functools.partial(max, 1)", "1", "2"),
    "a partial's keyword": ("import functools\nrun = functools.partial(max, default=1)", "1", "2"),
    "a partial's function": ("import functools\nrun = functools.partial(lambda: 1)", "1", "2"),
    "a cached function": ("import functools\n@functools.cache\ndef run(): return 1", "return 1", "return 2"),
    "a decorated function": (
        "import functools\ndef twice(f):\n @functools.wraps(f)\n def g(): return f() * 2\n return g\n"
        "@twice\ndef run(): return 1",
        "f() * 2",
        "f() * 3",
    ),
    "a context manager": (
        "import contextlib\n@contextlib.contextmanager\ndef c():\n yield 1\ndef run():\n with c(): pass",
        "yield 1",
        "yield 2",
    ),
    "a function of a library": ("import numpy as np\ndef run(): return np.mean", "np.mean", "np.median"),
    "another library under the name": ("import math as m\ndef run(): return m.sqrt", "math", "cmath"),
    "a function of a library by a name of its own": ("from math import sin as f\nrun = lambda: f(1)", "sin", "cos"),
    "a vectorized function": ("import numpy as np\nrun = np.vectorize(lambda x: x + 1)", "+ 1", "+ 2"),
    "a network of this package": ("from fashion_utils import models\nrun = lambda: models.mlp", "mlp", "cnn"),
    "a global that appears": ("def run(): return later", "later = 1\ndef run(): return later"),
    "a wrapped TensorFlow function": (
        "import tensorflow as tf\n@tf.function\ndef run(): return 1",
        "return 1",
        "return 2",
    ),
    "a layer of its own": (
        "import keras\nclass A(keras.layers.Layer):\n def call(self, x): return x\ndef run(): return A()",
        "return x",
        "return 2 * x",
    ),
    "an activation function": (
        "import keras\nlayer = keras.layers.Dense(1, 'relu')\nrun = lambda: layer",
        "relu",
        "elu",
    ),
    "a callback's settings": (
        "import keras\nstop = keras.callbacks.EarlyStopping(patience=1)\nrun = lambda: stop",
        "1",
        "2",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_changes_with(change):
    before, *after = CHANGES[change]
    after = before.replace(*after) if len(after) == 2 else after[0]
    assert before != after
    assert fingerprint(cell(before)) == fingerprint(cell(before)), "it changes by itself"
    assert fingerprint(cell(before)) != fingerprint(cell(after))


def changed(array):
    copy = array.copy()
    copy.flat[-1] += 1
    return copy


ARRAY = np.arange(6.0)
TABLE = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
VALUES = {
    "an array": (ARRAY, changed(ARRAY)),
    "its dtype": (np.zeros(2, "float32"), np.zeros(2, "int32")),
    "its bytes' order": (ARRAY, ARRAY.astype(">f8")),
    "its shape": (ARRAY, ARRAY.reshape(2, 3)),
    "its order": (ARRAY, ARRAY[::-1]),
    "an array of objects": (np.array([1, "a"], object), np.array([1, "b"], object)),
    "masked": (np.ma.array([1, 2]), np.ma.array([1, 2], mask=[False, True])),
    "a NumPy number": (np.float32(1), np.float64(1)),
    "NaN": (float("nan"), None),
    "a random generator": (np.random.default_rng(0), np.random.default_rng(1)),
    "a table": (TABLE, TABLE.assign(a=[1, 3])),
    "a table's index": (TABLE, TABLE.set_index(pd.Index([1, 2]))),
    "a tensor": (keras.ops.ones(2), keras.ops.zeros(2)),
    "a variable": (keras.Variable([1.0]), keras.Variable([2.0])),
    "bytes": (b"1", "1"),
}


@pytest.mark.parametrize("change", VALUES)
def test_changes_with_data(change):
    source = "def run(): return value"
    before, after = (fingerprint(cell(source, value=value)) for value in VALUES[change])
    assert before != after
    assert before == fingerprint(cell(source, value=VALUES[change][0]))


def test_changes_with_the_weights_of_a_network():
    network = models.mlp()
    run = cell("def run(): return network", network=network)
    before = fingerprint(run)
    assert fingerprint(run) == before
    network.layers[-1].bias.assign(np.ones(10))
    assert fingerprint(run) != before


# --- What does not ----------------------------------------------------------------------------------------------------

SAME = {
    "a docstring": ("def run():\n 'Old.'\n return 1", "'Old.'", "'New.'"),
    "no docstring": ("def run():\n 'Old.'\n return 1", " 'Old.'\n", ""),
    "a docstring of what it calls": ("def a():\n 'Old.'\n return 1\nrun = lambda: a()", " 'Old.'\n", ""),
    "a class's docstring": ("class A:\n 'Old.'\n x = 1\nrun = lambda: A()", " 'Old.'\n", ""),
    "a method's docstring": ("class A:\n def f(self):\n  'Old.'\n  return 1\nrun = A().f", "  'Old.'\n", ""),
    "an inner class's docstring": ("def run():\n class A:\n  'Old.'\n  x = 1\n return A", "  'Old.'\n", ""),
    "an inner function's docstring": ("def run():\n def f():\n  'Old.'\n  return 1\n return f", "  'Old.'\n", ""),
    "a comment": ("def run(x):\n if x:\n  return 1\n return 2", " return 2", " # Why.\n return 2"),
    "empty lines": ("def run(x):\n if x:\n  return 1\n return 2", " return 2", "\n\n return 2"),
    "lines above": ("def run(x):\n return [y for y in x]", "def run", "a = 3\n\n\ndef run"),
    "an annotation": ("def run(x): return x", "(x)", "(x: int) -> int"),
    "what it does not use": ("other = 1\ndef run(): return 1", "other = 1", "other = 2"),
    "a global with an attribute's name": ("history = 1\nrun = lambda fit: fit().history", "history = 1", "history = 2"),
    "the order of a set": ("x = {'a', 'b', 'c'}\nrun = lambda: x", "{'a', 'b', 'c'}", "{'c', 'b', 'a'}"),
    "NaN": ("x = float('nan')\nrun = lambda: x", "float('nan')", "float('inf') - float('inf')"),
    "layers made before": (
        "import keras\nlayer = keras.Sequential([keras.layers.RandomFlip()])\nrun = lambda: layer",
        "layer =",
        "keras.Sequential([keras.layers.RandomFlip()])\nlayer =",
    ),
    "random numbers drawn": (
        "import random\nfrom random import shuffle\nrun = lambda: shuffle",
        "run",
        "shuffle([1] * 9)\nrun",
    ),
}


@pytest.mark.parametrize("change", SAME)
def test_stays_the_same_with_another(change):
    before, old, new = SAME[change]
    assert old in before
    assert fingerprint(cell(before)) == fingerprint(cell(before.replace(old, new)))


def test_is_the_same_in_another_process():
    code = (
        "from fashion_utils import models, training\nfrom fashion_utils.experiments import provenance\n"
        "chosen, names = {'a', 'b', 'c', 'd'}, ['a', {'b': float('nan')}]\n"
        "class A:\n    def f(self):\n        return chosen, names, 'x' in {'x', 'y', 'z'}\n"
        "def run():\n    return A().f(), models.train_recipe, training.fast\n"
    )
    printing = f"{code}print(provenance.fingerprint(run, 'run', {{}}))\n"
    environment = os.environ | {"PYTHONHASHSEED": "1"}
    result = subprocess.run([sys.executable, "-c", printing], capture_output=True, env=environment, text=True)
    assert result.stdout.strip() == fingerprint(cell(code))


def test_training_and_drawing_data_leave_it_alone(use_data):
    before = fingerprint((models.train_recipe, training.fast))
    use_data("stand-in")
    with training.fast():
        models.mlp().fit(np.zeros((64, 28, 28)), np.zeros(64), verbose=0)
        assert fingerprint((models.train_recipe, training.fast)) == before
    assert fingerprint((models.train_recipe, training.fast)) == before


def test_the_engine_is_part_of_it(monkeypatch):
    before = fingerprint(training.fast)
    monkeypatch.setattr(training, "CALLS_PER_EPOCH", 7)
    assert fingerprint(training.fast) != before


def test_what_loads_the_data_counts_by_name_and_the_split_by_what_it_does(monkeypatch):
    assert fingerprint(data.load_train) != fingerprint(data.load_test)
    before = fingerprint(models.validation_split)
    monkeypatch.setattr(data, "_current", None, raising=False)
    assert fingerprint(models.validation_split) == before
    monkeypatch.setattr(data.split, "__code__", (lambda *arguments, seed: arguments).__code__)
    assert fingerprint(models.validation_split) != before


# --- The reader's own modules -----------------------------------------------------------------------------------------

IMPORTS = {
    "import mine\ndef run(): return mine.f()": True,
    "import mine as m\ndef run(): return m.f()": True,
    "from mine import f\ndef run(): return f()": True,
    "def run():\n import mine\n return mine.f()": True,
    "def run():\n import mine as m\n return m.f()": True,
    "def run():\n from mine import f\n return f()": True,
    "def run():\n import mine\n return [lambda: mine.f()]": True,
    "import mine\ndef run(): return getattr(mine, 'f')()": True,
    "import mine\nuse = lambda m: m.f()\ndef run(): return use(mine)": True,
    "import mine\nwords = {'module': mine}\ndef run(): return words['module'].f()": True,
    "import package.mine\ndef run(): return package.mine.f()": True,
    "from package import mine\ndef run(): return mine.f()": True,
    "def run():\n import package.mine\n return package.mine.f()": True,
    "def run():\n from package import mine\n return mine.f()": True,
    "import package\ndef run(): return package.through()": True,
    "import mine\ndef run(): return mine.g()": True,  # a module that is used counts as a whole
    "from mine import g\ndef run(): return g()": False,
}


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A function that writes the modules `mine` and `package.mine` with this f(), and forgets what was imported."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "package").mkdir()
    through = "def through():\n    from . import mine\n    return mine.f()\n"
    (tmp_path / "package" / "__init__.py").write_text(through)

    def forget():
        for name in ("mine", "package", "package.mine"):
            sys.modules.pop(name, None)
        importlib.invalidate_caches()

    def write(value):
        for folder in (tmp_path, tmp_path / "package"):
            (folder / "mine.py").write_text(f"def f():\n    return {value}\n\n\ndef g():\n    return 0\n")
        forget()

    yield write
    forget()


@pytest.mark.parametrize(("source", "used"), IMPORTS.items())
def test_follows_the_reader_s_own_modules(source, used, mine):
    found = []
    for value in (1, 1, 2):
        mine(value)
        found.append(fingerprint(cell(source)))
    assert found[0] == found[1]
    assert (found[1] != found[2]) == used


def test_a_module_that_is_missing_is_for_the_run_to_complain_about():
    assert fingerprint(cell("def run():\n import not_there\n return not_there.f()"))


# --- What cannot be told ----------------------------------------------------------------------------------------------


def double(x):
    return 2 * x


class Own(keras.layers.Layer):
    pass


OWN = "value holds a function or class of your own inside a Keras object"
DEEP = functools.reduce(lambda inner, _: [inner], range(100_000), [])


@pytest.mark.filterwarnings("ignore:The object being serialized includes a `lambda`")
@pytest.mark.parametrize(
    ("value", "what"),
    [
        (threading.Lock(), "value is or holds a _thread.lock"),
        ([threading.Lock()], "value is or holds a _thread.lock"),
        ((i for i in "ab"), "value is or holds a builtins.generator"),
        (keras.layers.Dense(1, activation=double), OWN),
        (keras.layers.Dense(1, activation=lambda x: 2 * x), OWN),
        (keras.layers.Lambda(lambda x: 2 * x), OWN),
        (keras.Sequential([Own()]), OWN),
        (DEEP, r"value cannot be followed \(RecursionError\)"),
    ],
)
def test_says_what_is_in_the_way(value, what):
    with pytest.raises(provenance.Untraceable, match=f"^{what}"):
        fingerprint(cell("def run(): return value", value=value))


def test_an_object_that_does_not_let_itself_be_looked_at():
    class Sulking:
        def __getattr__(self, name):
            raise RuntimeError

    with pytest.raises(provenance.Untraceable, match="value cannot be followed"):
        fingerprint(cell("def run(): return value", value=Sulking()))


def test_a_large_array_is_hashed_once():
    arrays, large = {}, np.zeros(1000)
    first = provenance.fingerprint([large], "run", arrays)
    assert [array is large for _, array, _ in arrays.values()] == [True]
    arrays.update(dict.fromkeys(arrays, ("a hash from before", large, "it")))
    assert provenance.fingerprint([large], "run", arrays) != first


def test_no_two_of_many_values_are_taken_for_each_other():
    values = [0, 1, 1.0, True, "1", b"1", None, (), (1,), [], [1], [[1]], [(1,)], {}, {1: 1}, {1}, frozenset({1}), ...]
    values += [(1, 2), ((1, 2),), ((1,), 2), [1, 2], {1: 2}, {2: 1}, ("12",), ("1", "2"), 1j, slice(1), range(1), int]
    found = [fingerprint(value) for value in values]
    assert all(one != other for one, other in itertools.combinations(found, 2))
