"""How far to trust the numbers about a classifier: intervals of an accuracy, differences between variants."""

from numbers import Real
from reprlib import repr  # of a large array, a few characters

import numpy as np
import pandas as pd
from scipy.stats import binomtest, ttest_1samp


def accuracy_interval(correct: int, total: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the interval in which the accuracy on all pictures of this kind is likely to lie.

    Wilson's score interval (E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
    1927), as computed by SciPy: unlike ±1.96 standard errors it stays within [0, 1] and behaves near both ends.

    `correct` of `total` predictions, whole numbers, were right; such an interval covers the truth with this
    `confidence`, between 0 and 1. Returns its two ends, accuracies in [0, 1]. Raises ValueError for other arguments.
    """
    for name, value in (("correct", correct), ("total", total)):
        if not isinstance(value, Real) or value % 1 != 0:
            raise ValueError(f"{name} must be a whole number, a count of predictions, not {repr(value)}.")
    if not 0 <= correct <= total or total == 0:
        raise ValueError(f"correct must lie between 0 and total, and total above 0, not {correct} and {total}.")
    _check_confidence(confidence)
    interval = binomtest(int(correct), int(total)).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)


def paired_differences(
    results: pd.DataFrame, baseline: str, metric: str = "accuracy", confidence: float = 0.95
) -> pd.DataFrame:
    """Return how much each variant differs from the baseline, seed by seed.

    Runs that share a seed share their initial weights and part of their luck, so the mean of the differences is known
    better than the difference of the means. The interval is Student's t for paired samples.

    Args:
        results: one row for each run, columns `variant`, `seed` and the metric, as `experiments.repeat` returns them.
        baseline: the variant that the others are compared with.
        metric: the column to compare.
        confidence: how often such an interval covers the truth, between 0 and 1.

    Returns one row for each other variant, in the order of `results`: `difference` (mean of variant minus baseline),
    `low` and `high` (ends of its interval), `seeds` (how many pairs), `beyond_noise` (whether that leaves out 0).

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
