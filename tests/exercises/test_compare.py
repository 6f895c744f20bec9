"""How an answer is compared: what counts as a number, dtypes, rounding."""

from decimal import Decimal
from fractions import Fraction

from fashion_utils.exercises.compare import NotYet, alike, numbers, same_class
import keras
import ml_dtypes
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

TRUTH = np.random.default_rng(0).normal(size=(4, 5))
LOW = ["float16", ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, "float32", "longdouble"]


@pytest.mark.parametrize("dtype", LOW, ids=str)
def test_a_right_answer_in_a_lower_precision(dtype):
    alike(TRUTH.astype(dtype), [TRUTH])
    alike(np.float64(0.7).astype(dtype), [0.7])


def test_a_right_answer_computed_in_a_lower_precision():
    pixels = np.linspace(0, 1, 784)
    alike(pixels.astype("float16") * 2 - 1, [2 * pixels - 1])  # near 0 the error is that of numbers near 1
    alike(tf.cast(pixels, "bfloat16") * 2 - 1, [2 * pixels - 1])


@pytest.mark.parametrize("dtype", ["float16", ml_dtypes.bfloat16, "float32"], ids=str)
def test_a_wrong_answer_in_a_lower_precision(dtype):
    for wrong in (TRUTH * 1.03, TRUTH + 0.05):
        with pytest.raises(NotYet, match="not the right values"):
            alike(wrong.astype(dtype), [TRUTH])


def test_an_exercise_that_asks_for_a_dtype():
    with pytest.raises(NotYet, match="values are right, but their dtype is float16, and float32 is asked for"):
        alike(TRUTH.astype("float16"), [TRUTH], dtype="float32")
    with pytest.raises(NotYet, match="int64 holds no fractions"):
        alike(np.arange(3), [np.arange(3)], dtype="float32")


def test_whole_numbers_are_exact():
    alike(40_000.0, [40_000])
    alike(np.float16(40_000), [40_000])
    alike(np.float16(40_001), [40_001])  # which it cannot hold
    for wrong in (40_001, 40_000.5, np.float32(40_001), np.float16(40_032)):
        with pytest.raises(NotYet, match="another number"):
            alike(wrong, [40_000])


@pytest.mark.parametrize(
    "answer",
    [
        [0.5, 2],
        (0.5, np.float16(2)),
        [Fraction(1, 2), 2],
        np.array([0.5, 2], dtype=object),
        pd.Series([0.5, 2]),
        pd.Series([0.5, 2], dtype="Float64"),
        pd.DataFrame({"x": [0.5, 2]})["x"],
        tf.constant([0.5, 2]),
        tf.Variable([0.5, 2]),
        [tf.constant(0.5), tf.constant(2.0)],
        keras.ops.convert_to_tensor([0.5, 2]),
        np.ma.array([0.5, 2]),
        memoryview(np.array([0.5, 2])),
    ],
    ids=lambda answer: type(answer).__name__,
)
def test_what_counts_as_numbers(answer):
    alike(answer, [[0.5, 2]])


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        ([True, False], "True or False"),
        (["0.5", "2"], "numbers are asked for, and this is an object of type list"),
        ([1 + 1j], "numbers are asked for"),
        ([Decimal("0.5"), None], "numbers are asked for"),
        ([], "empty"),
        (np.zeros((0, 3)), "empty"),
        (range, "an object of type type"),
        ((number for number in (1, 2)), "an object of type generator"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_does_not(answer, hint):
    with pytest.raises(NotYet, match=hint):
        numbers(answer)


def test_two_numbers():
    for answer, hint in (([2, 0.5], "other way round"), (0.5, "one number"), ([0.5, 2, 3], "wrong shape")):
        with pytest.raises(NotYet, match=hint):
            alike(answer, [(0.5, 2)])


@pytest.mark.parametrize("factor", [255, 1 / 255, 100, 1 / 100])
def test_another_unit(factor):
    with pytest.raises(NotYet, match=rf"off by a factor of {max(factor, 1 / factor):.0f}"):
        alike(TRUTH * factor, [TRUTH])


def test_the_first_mistake_that_matches_is_named_and_no_more_are_worked_out():
    def table():
        yield 1
        yield 2, "first"
        raise AssertionError("worked out for nothing")

    alike(1, table())
    with pytest.raises(NotYet, match="first"):
        alike(2, table())
    with pytest.raises(NotYet, match="first"):
        same_class("Dress", [1, (3, "first"), (3, "second")])


def test_any_case_and_space_around_a_class_will_do():
    same_class(" t-shirt/TOP\n", [0])
