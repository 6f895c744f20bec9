"""`evaluation` against tables made by hand."""

from fashion_utils.evaluation import accuracy_interval, confusion_pairs, paired_differences, prediction_table
import numpy as np
import pandas as pd
import pytest

NAMES = ("Shirt", "Coat", "Bag")


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


@pytest.mark.parametrize(("correct", "total"), [(-1, 10), (11, 10), (0, 0)])
def test_accuracy_interval_refuses_impossible_counts(correct, total):
    with pytest.raises(ValueError, match=f"between 0 and total.* {correct} and {total}"):
        accuracy_interval(correct, total)


def test_prediction_table():
    probabilities = np.array([[0.7, 0.2, 0.1], [0.5, 0.4, 0.1], [0.0, 0.1, 0.9]], "float32")
    table = prediction_table(probabilities, np.array([0, 1, 2], "uint8"), NAMES)
    expected = pd.DataFrame(
        {
            "truth": ["Shirt", "Coat", "Bag"],
            "prediction": ["Shirt", "Shirt", "Bag"],
            "probability": np.array([0.7, 0.5, 0.9], "float32"),
            "probability_of_truth": np.array([0.7, 0.4, 0.9], "float32"),
            "correct": [True, False, True],
        }
    )
    pd.testing.assert_frame_equal(table, expected, check_dtype=False)
    assert table["correct"].dtype == bool


@pytest.mark.parametrize("shape", [(2, 3), (3, 2)])
def test_prediction_table_refuses_shapes_that_do_not_fit(shape):
    with pytest.raises(ValueError, match=r"need \(3, 3\)"):
        prediction_table(np.full(shape, 0.5), [0, 1, 2], NAMES)


def test_confusion_pairs_counts_both_directions_most_mistakes_first():
    labels = [0, 0, 0, 1, 1, 2, 2, 2]
    predictions = [0, 1, 2, 0, 0, 2, 2, 2]
    pairs = confusion_pairs(labels, predictions, NAMES)
    assert pairs.to_dict("records") == [
        {"one": "Shirt", "other": "Coat", "one_as_other": 1, "other_as_one": 2, "mistakes": 3, "share": 0.75},
        {"one": "Shirt", "other": "Bag", "one_as_other": 1, "other_as_one": 0, "mistakes": 1, "share": 0.25},
    ]
    assert list(pairs.index) == [0, 1]


def test_confusion_pairs_without_a_mistake_is_empty():
    pairs = confusion_pairs([0, 1, 2], [0, 1, 2], NAMES)
    assert len(pairs) == 0
    assert list(pairs) == ["one", "other", "one_as_other", "other_as_one", "mistakes", "share"]


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
    with pytest.raises(ValueError, match=r"no variant 'best': name one of better, plain"):
        paired_differences(runs(plain=[0.8, 0.9], better=[0.8, 0.9]), "best")
    with pytest.raises(ValueError, match="at least two seeds in common, not 1"):
        paired_differences(runs(plain=[0.8, 0.9], better=[0.8]), "plain")
