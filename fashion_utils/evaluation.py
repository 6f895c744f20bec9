"""Tables about a classifier: its predictions, its confusions, each class, and how far to trust the numbers."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import binomtest, ttest_1samp
from sklearn.metrics import confusion_matrix


def accuracy_interval(correct: int, total: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the interval in which the accuracy on all pictures of this kind is likely to lie.

    Wilson's score interval (E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
    1927), as computed by SciPy: unlike ±1.96 standard errors it stays within [0, 1] and behaves near both ends.

    Args:
        correct: how many predictions were right.
        total: how many were made.
        confidence: how often such an interval covers the truth, between 0 and 1.

    Returns:
        the lower and the upper end, two accuracies in [0, 1].

    Raises:
        ValueError: if `correct` is not between 0 and `total`, or `total` is 0.
    """
    if not 0 <= correct <= total or total == 0:
        raise ValueError(f"correct must lie between 0 and total, and total above 0, not {correct} and {total}.")
    interval = binomtest(int(correct), int(total)).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)


def prediction_table(probabilities, labels, class_names: Sequence[str]) -> pd.DataFrame:
    """Return one row a picture: what it is, what the model says, how sure it is, and whether it is right.

    Args:
        probabilities: array (n, classes), float, each row summing to 1.
        labels: array (n,), integers, the true classes.
        class_names: the name of each class.

    Returns:
        columns `truth`, `prediction` (names), `probability` (of the predicted class, in [0, 1]),
        `probability_of_truth`, `correct` (bool); the index is the picture's position.

    Raises:
        ValueError: if the shapes do not fit together.
    """
    probabilities, labels = np.asarray(probabilities), np.asarray(labels)
    if probabilities.shape != (len(labels), len(class_names)):
        wanted = (len(labels), len(class_names))
        raise ValueError(f"probabilities have shape {probabilities.shape}; these labels and names need {wanted}.")
    names = np.asarray(class_names)
    predictions = probabilities.argmax(axis=1)
    return pd.DataFrame(
        {
            "truth": names[labels],
            "prediction": names[predictions],
            "probability": probabilities.max(axis=1),
            "probability_of_truth": probabilities[np.arange(len(labels)), labels],
            "correct": predictions == labels,
        }
    )


def confusion_pairs(labels, predictions, class_names: Sequence[str]) -> pd.DataFrame:
    """Return the pairs of classes that are taken for each other, most mistakes first.

    Args:
        labels: array (n,), integers, the true classes.
        predictions: array (n,), integers, the predicted classes.
        class_names: the name of each class.

    Returns:
        one row a pair of different classes with at least one mistake: `one`, `other` (names), `one_as_other`,
        `other_as_one`, `mistakes` (their sum) and `share` (of all mistakes, in [0, 1]).
    """
    confusion = confusion_matrix(labels, predictions, labels=range(len(class_names)))
    rows = [
        (class_names[i], class_names[j], confusion[i, j], confusion[j, i])
        for i in range(len(class_names))
        for j in range(i + 1, len(class_names))
    ]
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

    Raises:
        ValueError: if there is no such variant, or fewer than two seeds in common.
    """
    table = results.pivot(index="seed", columns="variant", values=metric)
    if baseline not in table:
        raise ValueError(f"There is no variant {baseline!r}: name one of {', '.join(table)}.")
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
