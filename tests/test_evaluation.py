"""`evaluation` against tables made by hand."""

from fashion_utils.evaluation import accuracy_interval, paired_differences
import numpy as np
import pandas as pd
import pytest

NAN = float("nan")


def assert_refused(message, function, *arguments, **keywords):
    """The error says what is wrong, in a sentence or two: no array in it."""
    with pytest.raises(ValueError, match=message) as raised:
        function(*arguments, **keywords)
    assert len(str(raised.value)) < 200


def test_accuracy_interval_is_wilsons():
    # By the formula: (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n) for p = 0.8, n = 10, z = 1.959964.
    assert accuracy_interval(8, 10) == pytest.approx((0.490162, 0.943318), abs=1e-6)


def test_accuracy_interval_stays_between_zero_and_one():
    low, high = accuracy_interval(0, 20)
    assert low == 0 and 0 < high < 0.2
    low, high = accuracy_interval(20, 20)
    assert 0.8 < low < 1 and high == 1


def test_accuracy_interval_widens_with_the_confidence_and_narrows_with_the_number_of_pictures():
    def width(*arguments):
        low, high = accuracy_interval(*arguments)
        return high - low

    assert width(880, 1000, 0.8) < width(880, 1000, 0.95)
    assert width(8800, 10_000) < width(880, 1000)


def test_accuracy_interval_takes_numpy_numbers():
    assert accuracy_interval(np.sum([True, False]), np.int64(2)) == accuracy_interval(1, 2)


def test_accuracy_interval_takes_a_whole_number_that_is_a_float():
    assert accuracy_interval(np.float32(8), 10.0) == accuracy_interval(8, 10)


@pytest.mark.parametrize(("correct", "total"), [(-1, 10), (11, 10), (0, 0), (0, -1)])
def test_accuracy_interval_refuses_impossible_counts(correct, total):
    assert_refused(f"between 0 and total.* {correct} and {total}", accuracy_interval, correct, total)


@pytest.mark.parametrize("value", [0.88, NAN, float("inf"), "8", None, np.ones((28, 28))])
def test_accuracy_interval_wants_counts(value):
    assert_refused("correct must be a whole number", accuracy_interval, value, 10)
    assert_refused("total must be a whole number", accuracy_interval, 0, value)


@pytest.mark.parametrize("confidence", [0, 1, 95, -0.1, NAN, "95 %", None])
def test_a_confidence_lies_between_0_and_1(confidence):
    assert_refused("confidence must lie between 0 and 1", accuracy_interval, 8, 10, confidence)
    table = runs(plain=[0.8, 0.9], better=[0.8, 0.9])
    assert_refused("confidence must lie between 0 and 1", paired_differences, table, "plain", confidence=confidence)


def runs(**accuracies):
    return pd.DataFrame(
        [
            {"variant": variant, "seed": seed, "accuracy": value}
            for variant, values in accuracies.items()
            for seed, value in enumerate(values)
        ]
    )


def test_paired_differences_follow_the_pairs_not_the_means():
    # The seeds differ far more than the variants do; only pairing shows that the second is always a little better.
    table = paired_differences(runs(plain=[0.80, 0.85, 0.90], better=[0.811, 0.860, 0.909]), "plain")
    assert table.index.tolist() == ["better"]
    better = table.loc["better"]
    assert better.difference == pytest.approx(0.01)
    # Student's t, 2 degrees of freedom: 4.3027 standard errors of 0.001 / sqrt(3)
    assert (better.low, better.high) == pytest.approx((0.01 - 4.3027e-3 / 3**0.5, 0.01 + 4.3027e-3 / 3**0.5), abs=1e-6)
    assert better.seeds == 3 and better.beyond_noise


def test_paired_differences_within_the_noise():
    table = paired_differences(runs(plain=[0.8, 0.8, 0.8], other=[0.81, 0.79, 0.805]), "plain")
    assert not table.loc["other", "beyond_noise"]


def test_paired_differences_below_zero_are_beyond_the_noise_too():
    table = paired_differences(runs(plain=[0.8, 0.8, 0.8], worse=[0.71, 0.70, 0.705]), "plain")
    assert table.loc["worse", "beyond_noise"]


def test_paired_differences_need_the_baseline_and_two_seeds():
    table = runs(plain=[0.8, 0.9], better=[0.8, 0.9])
    assert_refused(r"no variant 'best': name one of better, plain", paired_differences, table, "best")
    table = runs(plain=[0.8, 0.9], better=[0.8])
    assert_refused("at least two seeds in common, not 1", paired_differences, table, "plain")


@pytest.mark.parametrize("column", ["variant", "seed", "accuracy"])
def test_paired_differences_need_their_columns(column):
    table = runs(plain=[0.8, 0.9], better=[0.8, 0.9]).drop(columns=column)
    assert_refused(f"no column '{column}': they have", paired_differences, table, "plain")


def test_paired_differences_of_something_else_than_numbers():
    table = runs(plain=["a.keras", "b.keras"], better=["c.keras", "d.keras"])
    assert_refused("column 'accuracy' does not hold numbers", paired_differences, table, "plain")


def test_paired_differences_of_several_rows_from_one_seed():
    table = pd.concat([runs(plain=[0.8, 0.9], better=[0.8, 0.9])] * 2)
    assert_refused("'plain' has several rows from seed 0", paired_differences, table, "plain")


@pytest.mark.parametrize("value", [NAN, float("inf")])
def test_paired_differences_do_not_hide_a_run_that_failed(value):
    table = runs(plain=[0.8, 0.9, 0.85], better=[0.8, value, 0.9])
    assert_refused("'accuracy' of 'better', seed 1, is NaN or infinite", paired_differences, table, "plain")
