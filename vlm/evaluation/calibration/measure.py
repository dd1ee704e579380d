"""Measure whether probabilities are honest: calibration error, Brier score, AUROC, reliability."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from vlm.evaluation.metrics import intervals

BINS = 15  # as in Guo et al., 2017
SIMULATIONS = 500
SEED = 0


def bin_equally(values: np.ndarray, most: int = BINS) -> np.ndarray:
    """Return for each value the number of its bin: bins of equal size, equal values together.

    Args:
        values: float[N].
        most: number of bins; there are fewer where many values are equal.

    Returns:
        int[N], 0 for the lowest bin, without gaps.
    """
    edges = np.unique(np.quantile(values, np.arange(1, most) / most, method="higher"))
    return np.unique(np.searchsorted(edges, values, side="right"), return_inverse=True)[1]


def calibration_error(probabilities: np.ndarray, right: np.ndarray) -> float:
    """Return the expected calibration error over bins of equal size, 0 to 1.

    It is the mean distance of the probability of a bin from its share of right answers, each bin
    weighted by its answers (Guo et al., 2017, arXiv 1706.04599; bins of equal size: Nixon et al.,
    2019, arXiv 1904.01685).

    Args:
        probabilities: float[N], 0 to 1.
        right: float[N], 1 for a right answer, 0 for a wrong one.
    """
    gaps = np.bincount(bin_equally(probabilities), weights=right - probabilities)
    return float(np.abs(gaps).sum() / len(right))


def brier_score(probabilities: np.ndarray, right: np.ndarray) -> float:
    """Return the mean squared distance of the probability from 1 or 0 (Brier, 1950)."""
    return float(np.mean((probabilities - right) ** 2))


def auroc(probabilities: np.ndarray, right: np.ndarray) -> float:
    """Return how often a right answer has a higher probability than a wrong one; ties count half.

    0.5 if all answers are right, or all wrong: then there is nothing to tell apart.
    """
    from scipy.stats import rankdata

    ranks, positives = rankdata(probabilities), right.sum()
    negatives = len(right) - positives
    if not positives or not negatives:
        return 0.5
    above = ranks[right == 1].sum() - positives * (positives + 1) / 2
    return float(above / (positives * negatives))


Statistic = Callable[[np.ndarray, np.ndarray], float]
STATISTICS: dict[str, Statistic] = {
    "ece": calibration_error,
    "brier": brier_score,
    "auroc": auroc,
}


def measure(probabilities: Sequence[float], right: Sequence[bool]) -> dict[str, Any]:
    """Return every statistic with its 95 % interval, and the reliability diagram.

    The interval of the calibration error leans high: resampling adds noise to the error, never
    takes it away.
    """
    figures: dict[str, Any] = {
        name: intervals.paired(probabilities, [float(r) for r in right], statistic).row()
        for name, statistic in STATISTICS.items()
    }
    return figures | {"reliability": reliability(probabilities, right)}


def reliability(probabilities: Sequence[float], right: Sequence[bool]) -> list[dict[str, Any]]:
    """Return the points of the reliability diagram, one for each bin of equal size.

    Each has the mean probability, the share of right answers with its Wilson interval (1927), and
    the number of answers n.
    """
    from scipy.stats import binomtest

    values, hits = np.asarray(probabilities, dtype=float), np.asarray(right, dtype=float)
    bins, points = bin_equally(values), []
    for number in range(bins.max() + 1):
        inside = bins == number
        count, correct = int(inside.sum()), int(hits[inside].sum())
        ends = binomtest(correct, count).proportion_ci(intervals.CONFIDENCE, method="wilson")
        row = {"probability": values[inside].mean(), "mean": correct / count}
        row |= {"low": ends.low, "high": ends.high}
        points.append({key: round(float(value), 4) for key, value in row.items()} | {"n": count})
    return points


def error_by_chance(probabilities: Sequence[float]) -> float:
    """Return the calibration error that perfect probabilities would have on so few answers.

    Answers are drawn with exactly these probabilities, again and again.
    """
    values, rng = np.asarray(probabilities, dtype=float), np.random.default_rng(SEED)
    drawn = rng.random((SIMULATIONS, len(values))) < values
    return float(np.mean([calibration_error(values, row.astype(float)) for row in drawn]))
