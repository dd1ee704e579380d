"""How sure a figure is: percentile bootstrap intervals (Efron, 1979), paired differences, kappa."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np

CONFIDENCE = 0.95
RESAMPLES = 2000
SEED = 0  # the same figures give the same interval


@dataclass(frozen=True)
class Estimate:
    """A mean (or another statistic) of n values with its 95 % interval."""

    mean: float
    low: float
    high: float
    n: int

    def row(self) -> dict[str, float | int]:
        """As JSON keeps it."""
        return {key: round(value, 4) for key, value in asdict(self).items()}


def mean(values: Sequence[float]) -> Estimate:
    """The mean of the values.

    Raises:
        ValueError: when there are none.
    """
    return _estimate((values,), np.mean)


def difference(first: Sequence[float], second: Sequence[float]) -> Estimate:
    """Mean of second - first over the same items, which are drawn in pairs.

    Raises:
        ValueError: when they are not as many, or none.
    """
    return mean([new - old for old, new in zip(first, second, strict=True)])


def is_noise(change: Estimate) -> bool:
    """True when the interval of a difference holds zero."""
    return change.low <= 0 <= change.high


def kappa(first: Sequence[bool], second: Sequence[bool]) -> Estimate:
    """Cohen's kappa (1960) of two yes/no judges over the same items: 1 = agree beyond chance.

    Two judges who both say the same of every item get 1, though chance alone would do that.

    Raises:
        ValueError: when they are not as many, or none.
    """
    if len(first) != len(second):
        raise ValueError(f"{len(first)} and {len(second)} judgements are not of the same items")
    return _estimate((first, second), _kappa)


def _kappa(first: np.ndarray, second: np.ndarray, axis: int = -1) -> np.ndarray:
    """As scikit-learn's cohen_kappa_score, for thousands of resamples at once."""
    agreed = np.mean(first == second, axis=axis)
    yes_1, yes_2 = np.mean(first, axis=axis), np.mean(second, axis=axis)
    chance = yes_1 * yes_2 + (1 - yes_1) * (1 - yes_2)
    sure = chance == 1  # undefined there: nothing is left for chance to get wrong
    return np.where(sure, 1.0, (agreed - chance) / np.where(sure, 1.0, 1 - chance))


def _estimate(samples: tuple[Sequence, ...], statistic: Callable) -> Estimate:
    from scipy.stats import bootstrap

    data = tuple(np.asarray(values, dtype=np.float64) for values in samples)
    if not data[0].size:
        raise ValueError("no values to estimate from")
    found = float(statistic(*data, axis=-1))
    if data[0].size == 1:  # one value says nothing of the others
        return Estimate(found, found, found, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # equal values give an interval of no width
        spread = bootstrap(
            data, statistic, method="percentile", paired=len(data) > 1, vectorized=True,
            n_resamples=RESAMPLES, confidence_level=CONFIDENCE, rng=np.random.default_rng(SEED),
        ).confidence_interval  # fmt: skip
    return Estimate(found, float(spread.low), float(spread.high), data[0].size)
