"""Estimate how certain a figure is: percentile bootstrap intervals (Efron, 1979)."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np

CONFIDENCE = 0.95
RESAMPLES = 2000
BATCH = 100  # resamples of many columns at a time, which bounds the memory
SEED = 0  # the same values give the same interval


@dataclass(frozen=True)
class Estimate:
    """A mean (or another statistic) of n values with its 95 % interval."""

    mean: float
    low: float
    high: float
    n: int

    def row(self) -> dict[str, float | int]:
        """Return the estimate as stored in JSON, rounded to four decimals."""
        return {key: round(value, 4) for key, value in asdict(self).items()}


def mean(values: Sequence[float]) -> Estimate:
    """Estimate the mean of the values.

    Raises:
        ValueError: when there are no values.
    """
    return _bootstrap((values,), np.mean)


def difference(first: Sequence[float], second: Sequence[float]) -> Estimate:
    """Estimate the mean of second - first over the same items, resampled in pairs.

    Raises:
        ValueError: when the numbers of values differ, or there are none.
    """
    return mean([new - old for old, new in zip(first, second, strict=True)])


def of_totals(
    rows: Sequence[Sequence[float]], score: Callable[[np.ndarray], np.ndarray]
) -> Estimate:
    """Estimate a corpus score, which is a function of sums over items, by resampling the items.

    Args:
        rows: float[n, columns], what each item adds to the sums.
        score: computes float[...] from sums float[..., columns].

    Raises:
        ValueError: when there are no rows.
    """

    def statistic(*columns: np.ndarray, axis: int = -1) -> np.ndarray:
        return score(np.stack([np.sum(column, axis=axis) for column in columns], axis=-1))

    columns = tuple(np.asarray(rows, dtype=np.float64).T)
    if not columns:
        raise ValueError("no values to estimate from")
    return _bootstrap(columns, statistic, paired=True, batch=BATCH)


def paired(
    first: Sequence[float],
    second: Sequence[float],
    statistic: Callable[[np.ndarray, np.ndarray], float],
) -> Estimate:
    """Estimate a statistic of two columns over the same items, resampled in pairs.

    Raises:
        ValueError: when the numbers of values differ, or there are none.
    """
    if len(first) != len(second):
        raise ValueError(f"{len(first)} and {len(second)} values are not of the same items")
    return _bootstrap((first, second), statistic, paired=True, vectorized=False)


def is_noise(change: Estimate) -> bool:
    """Return True if the interval of a difference contains zero."""
    return change.low <= 0 <= change.high


def kappa(first: Sequence[bool], second: Sequence[bool]) -> Estimate:
    """Estimate Cohen's kappa (1960) of two yes/no judges over the same items.

    1 is perfect agreement, 0 that of chance. Judges who both give all items the same verdict get
    1, although chance alone would do as well.

    Raises:
        ValueError: when the numbers of verdicts differ, or there are none.
    """
    if len(first) != len(second):
        raise ValueError(f"{len(first)} and {len(second)} judgements are not of the same items")
    return _bootstrap((first, second), _kappa, paired=True)


def balanced_accuracy(yes: Sequence[float], no: Sequence[float]) -> Estimate:
    """Estimate balanced accuracy: the mean of the accuracies on both kinds of questions.

    The same as scikit-learn's balanced_accuracy_score for a binary task (Brodersen et al., 2010).
    Each kind of question is resampled separately.

    Args:
        yes: how correct each answer is to a question whose correct answer is yes.
        no: the same for questions whose correct answer is no.

    Raises:
        ValueError: when there are no questions of one kind.
    """
    if not yes or not no:
        raise ValueError("balanced accuracy needs questions of both kinds")
    return _bootstrap((yes, no), _mean_of_means)


def _kappa(first: np.ndarray, second: np.ndarray, axis: int = -1) -> np.ndarray:
    """Compute scikit-learn's cohen_kappa_score, for thousands of resamples at once."""
    agreed = np.mean(first == second, axis=axis)
    yes_1, yes_2 = np.mean(first, axis=axis), np.mean(second, axis=axis)
    chance = yes_1 * yes_2 + (1 - yes_1) * (1 - yes_2)
    certain = chance == 1  # kappa is undefined: chance alone always agrees
    return np.where(certain, 1.0, (agreed - chance) / np.where(certain, 1.0, 1 - chance))


def _mean_of_means(yes: np.ndarray, no: np.ndarray, axis: int = -1) -> np.ndarray:
    return (np.mean(yes, axis=axis) + np.mean(no, axis=axis)) / 2


def _bootstrap(
    samples: tuple[Sequence, ...],
    statistic: Callable,
    *,
    paired: bool = False,
    batch: int | None = None,
    vectorized: bool = True,
) -> Estimate:
    """Compute a statistic of one or several samples with its interval.

    Args:
        paired: the samples describe the same items, which are resampled together.
        batch: resamples in memory at a time, None = all.
        vectorized: the statistic takes many resamples at once, and the axis of the items.
    """
    from scipy.stats import bootstrap

    data = tuple(np.asarray(values, dtype=np.float64) for values in samples)
    sizes = [values.size for values in data]
    if not min(sizes):
        raise ValueError("no values to estimate from")
    axis = {"axis": -1} if vectorized else {}
    value, count = float(statistic(*data, **axis)), sizes[0] if paired else sum(sizes)
    if min(sizes) == 1:  # a single value has no spread
        return Estimate(value, value, value, count)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # equal values give an interval of zero width
        spread = bootstrap(
            data,
            statistic,
            method="percentile",
            paired=paired,
            vectorized=vectorized,
            batch=batch,
            n_resamples=RESAMPLES,
            confidence_level=CONFIDENCE,
            rng=np.random.default_rng(SEED),
        ).confidence_interval
    return Estimate(value, float(spread.low), float(spread.high), count)
