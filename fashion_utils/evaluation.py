"""Tables about a classifier: its predictions, its confusions, each class, and how far to trust the numbers."""

from collections.abc import Sequence
from itertools import combinations
from numbers import Real
from reprlib import repr  # of a large array, a few characters

import numpy as np
import pandas as pd
from scipy.stats import binomtest, ttest_1samp
from sklearn.metrics import confusion_matrix


def accuracy_interval(correct: int, total: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the interval in which the accuracy on all pictures of this kind is likely to lie.

    Wilson's score interval (E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
    1927), as computed by SciPy: unlike ±1.96 standard errors it stays within [0, 1] and behaves near both ends.

    Args:
        correct: how many predictions were right, a whole number from 0 to `total`.
        total: how many were made, above 0.
        confidence: how often such an interval covers the truth, between 0 and 1.

    Returns the lower and the upper end, two accuracies in [0, 1]. Raises ValueError for any other arguments.
    """
    for name, value in (("correct", correct), ("total", total)):
        if not isinstance(value, Real) or value % 1 != 0:
            raise ValueError(f"{name} must be a whole number, a count of predictions, not {repr(value)}.")
    if not 0 <= correct <= total or total == 0:
        raise ValueError(f"correct must lie between 0 and total, and total above 0, not {correct} and {total}.")
    _check_confidence(confidence)
    interval = binomtest(int(correct), int(total)).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)


def prediction_table(probabilities, labels, class_names: Sequence[str]) -> pd.DataFrame:
    """Return one row a picture: what it is, what the model says, how sure it is, and whether it is right.

    Args:
        probabilities: array (n, classes), float in [0, 1], each row summing to 1.
        labels: array (n,), integers from 0 to classes - 1, the true classes.
        class_names: the name of each class, no two the same.

    Returns:
        columns `truth`, `prediction` (names), `probability` (of the predicted class, in [0, 1]),
        `probability_of_truth`, `correct` (bool); the index is the picture's position.

    Raises ValueError if one of them is anything else, or the shapes do not fit together.
    """
    names = _names(class_names)
    labels, probabilities = _classes("labels", labels, names), np.asarray(probabilities)
    wanted = (len(labels), len(names))
    if probabilities.shape != wanted:
        raise ValueError(f"probabilities have shape {probabilities.shape}; these labels and names need {wanted}.")
    if probabilities.dtype.kind != "f":
        raise ValueError(f"probabilities must be floats, what model.predict returns, not {probabilities.dtype}.")
    # Written so that NaN is wrong too. Ten float16 sum to 1 within a thousandth.
    wrong = ~((probabilities >= 0).all(axis=1) & (np.abs(probabilities.sum(axis=1, dtype=float) - 1) < 2e-3))
    if wrong.any():
        raise ValueError(
            f"Row {wrong.argmax()} of probabilities, the first of {wrong.sum()}, is not of numbers in [0, 1] that sum "
            "to 1: end the model with softmax, or put its logits through tf.nn.softmax."
        )
    predictions = probabilities.argmax(axis=1)
    return pd.DataFrame(
        {
            "truth": np.asarray(names)[labels],
            "prediction": np.asarray(names)[predictions],
            "probability": probabilities.max(axis=1),
            "probability_of_truth": probabilities[np.arange(len(labels)), labels],
            "correct": predictions == labels,
        }
    )


def confusion_pairs(labels, predictions, class_names: Sequence[str]) -> pd.DataFrame:
    """Return the pairs of classes that are taken for each other, most mistakes first.

    Args:
        labels: array (n,), integers from 0 to classes - 1, the true classes.
        predictions: array (n,), the same for the predicted classes.
        class_names: the name of each class, no two the same.

    Returns:
        one row a pair of different classes with at least one mistake: `one`, `other` (names), `one_as_other`,
        `other_as_one`, `mistakes` (their sum) and `share` (of all mistakes, in [0, 1]).

    Raises ValueError if one of them is anything else, or there is not one prediction for each label.
    """
    names = _names(class_names)
    labels, predictions = _classes("labels", labels, names), _classes("predictions", predictions, names)
    if len(labels) != len(predictions):
        raise ValueError(f"Give one prediction for each label, not {len(predictions):,} for {len(labels):,} labels.")
    confusion = confusion_matrix(labels, predictions, labels=range(len(names)))
    rows = [(names[i], names[j], confusion[i, j], confusion[j, i]) for i, j in combinations(range(len(names)), 2)]
    pairs = pd.DataFrame(rows, columns=["one", "other", "one_as_other", "other_as_one"])
    pairs["mistakes"] = pairs["one_as_other"] + pairs["other_as_one"]
    pairs["share"] = pairs["mistakes"] / max(pairs["mistakes"].sum(), 1)
    pairs = pairs[pairs["mistakes"] > 0]
    return pairs.sort_values("mistakes", ascending=False, kind="stable", ignore_index=True)


def paired_differences(
    results: pd.DataFrame, baseline: str, metric: str = "accuracy", confidence: float = 0.95
) -> pd.DataFrame:
    """Return how much each variant differs from the baseline, seed by seed.

    Runs that share a seed share their initial weights and part of their luck, so the mean of the differences is known
    better than the difference of the means. The interval is Student's t for paired samples.

    Args:
        results: one row a run, with columns `variant`, `seed` and the metric, as `experiments.repeat` returns them.
        baseline: the variant that the others are compared with.
        metric: the column to compare.
        confidence: how often such an interval covers the truth, between 0 and 1.

    Returns:
        one row a variant other than the baseline, in the order of `results`: `difference` (mean of variant minus
        baseline), `low` and `high` (ends of its interval), `seeds` (how many pairs), `beyond_noise` (whether the
        interval leaves out 0).

    Raises ValueError if a column, the variant, or a number is missing (NaN), or a variant has two rows from one seed or
    fewer than two seeds in common with the baseline.
    """
    _check_confidence(confidence)
    if missing := {"variant", "seed", metric} - set(results):
        raise ValueError(f"results have no column {sorted(missing)[0]!r}: they have {', '.join(map(str, results))}.")
    if not pd.api.types.is_numeric_dtype(results[metric]):
        raise ValueError(f"The column {metric!r} does not hold numbers: name a metric that does.")
    for row in results[results.duplicated(["variant", "seed"])].itertuples():
        raise ValueError(f"{row.variant!r} has several rows from seed {row.seed}: keep one, its last epoch, say.")
    for row in results[~np.isfinite(results[metric].astype(float))].itertuples():
        raise ValueError(f"{metric!r} of {row.variant!r}, seed {row.seed}, is NaN or infinite: leave that seed out.")
    table = results.pivot(index="seed", columns="variant", values=metric)
    if baseline not in table:
        raise ValueError(f"There is no variant {baseline!r}: name one of {', '.join(map(str, table))}.")
    rows = {}
    for variant in results["variant"].unique():
        if variant == baseline:
            continue
        differences = (table[variant] - table[baseline]).dropna()
        if len(differences) < 2:
            raise ValueError(f"{variant!r} and {baseline!r} need at least two seeds in common, not {len(differences)}.")
        interval = ttest_1samp(differences, 0).confidence_interval(confidence)
        rows[variant] = {
            "difference": differences.mean(),
            "low": interval.low,
            "high": interval.high,
            "seeds": len(differences),
            "beyond_noise": bool(interval.low > 0 or interval.high < 0),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def _check_confidence(confidence) -> None:
    if not isinstance(confidence, Real) or not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, such as 0.95, not {repr(confidence)}.")


def _names(class_names) -> list[str]:
    names = [class_names] if isinstance(class_names, str) else list(class_names)
    if len(names) < 2 or len(set(names)) < len(names):
        raise ValueError(f"class_names must be the different names of at least two classes, not {len(names)} names.")
    return names


def _classes(what: str, values, names) -> np.ndarray:
    """Return classes as an array, having made sure that they are some, counted from 0."""
    values = np.asarray(values)
    if values.ndim != 1 or values.dtype.kind not in "iu":
        hint = " (of probabilities, take .argmax(axis=1))" if values.ndim == 2 else ""
        raise ValueError(f"{what} must be a row of whole numbers{hint}, not {values.dtype} of shape {values.shape}.")
    wrong = np.flatnonzero((values < 0) | (values >= len(names)))
    if len(wrong):
        found = f"{values[wrong[0]]} at position {wrong[0]}"
        raise ValueError(f"{what} must be classes from 0 to {len(names) - 1}, one for each name, not {found}.")
    return values
