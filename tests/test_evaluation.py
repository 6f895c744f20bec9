"""`evaluation` against tables made by hand."""

from fashion_utils.evaluation import accuracy_interval, confusion_pairs, paired_differences, prediction_table
import numpy as np
import pandas as pd
import pytest

NAMES = ("Shirt", "Coat", "Bag")
SURE = np.eye(3, dtype="float32")
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


@pytest.mark.parametrize("shape", [(2, 3), (3, 2), (3,), (3, 3, 1)])
def test_prediction_table_refuses_shapes_that_do_not_fit(shape):
    assert_refused(r"need \(3, 3\)", prediction_table, np.full(shape, 0.5), [0, 1, 2], NAMES)


@pytest.mark.parametrize(
    "row", [[0.5, 0.5, 0.5], [0, 0, 0], [1.5, -0.5, 0], [NAN, 0.5, 0.5], [float("inf"), 0, 0], [4.0, -1.0, 2.5]]
)
def test_prediction_table_refuses_what_is_no_row_of_probabilities(row):
    probabilities = np.stack([SURE[0], row, row])
    assert_refused(
        r"Row 1 of probabilities, the first of 2,.*softmax", prediction_table, probabilities, [0, 1, 2], NAMES
    )


def test_prediction_table_takes_rounded_probabilities():
    probabilities = np.random.default_rng(0).dirichlet(np.ones(10), 5000).astype("float16")
    assert len(prediction_table(probabilities, np.zeros(5000, int), list("abcdefghij"))) == 5000


def test_prediction_table_refuses_classes_in_place_of_probabilities():
    assert_refused("probabilities must be floats", prediction_table, SURE.astype(int), [0, 1, 2], NAMES)


@pytest.mark.parametrize("function", [lambda labels: prediction_table(SURE, labels, NAMES), None])
@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1, 3], "labels must be classes from 0 to 2, one for each name, not 3 at position 2"),
        ([0, -1, 2], "not -1 at position 1"),
        (np.array([255, 0, 1], "uint8"), "not 255 at position 0"),
        ([0.0, 1.0, 2.0], r"labels must be a row of whole numbers, not float64 of shape \(3,\)"),
        ([0, 1, NAN], "labels must be a row of whole numbers"),
        (["Shirt", "Coat", "Bag"], "labels must be a row of whole numbers"),
        (np.eye(3, dtype=int), r"labels must be a row of whole numbers \(of probabilities, take .argmax"),
        (1, "labels must be a row of whole numbers"),
    ],
)
def test_labels_are_classes(function, labels, message):
    assert_refused(message, function or (lambda labels: confusion_pairs(labels, [0, 1, 2], NAMES)), labels)


def test_predictions_are_classes():
    assert_refused("predictions must be classes from 0 to 2.*not 7", confusion_pairs, [0, 1, 2], [0, 7, 2], NAMES)
    assert_refused(r"predictions must be a row.*argmax", confusion_pairs, [0, 1, 2], SURE, NAMES)


@pytest.mark.parametrize("names", [("Shirt", "Coat", "Coat"), "Shirt", ("Shirt",), ()])
def test_class_names_are_different_names(names):
    assert_refused("class_names must be the different names", prediction_table, SURE, [0, 1, 2], names)
    assert_refused("class_names must be the different names", confusion_pairs, [0, 1, 2], [0, 1, 2], names)


def test_confusion_pairs_wants_a_prediction_for_each_label():
    assert_refused("one prediction for each label, not 2 for 3", confusion_pairs, [0, 1, 2], [0, 1], NAMES)


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
