"""Fit the table that maps a raw score of an answer to the probability that it is right."""

from collections.abc import Callable, Sequence

import numpy as np

from vlm.errors import UserError
from vlm.evaluation.calibration.measure import bin_equally, brier_score
from vlm.inference.calibration import PROBE, TEXT_SCORES, Calibrator, probe_inputs
from vlm.inference.confidence import Evidence

GROUPS = 20  # points of a table, at most
FOLDS = 5
STRENGTH = 0.03  # inverse of the L2 penalty, best by cross-validation for moda-mini (0.01 to 0.1)
MOST_STEPS = 2000
LEAST = 50  # answers; with fewer, the table would be chance
SEED = 0

Points = tuple[tuple[float, float], ...]
Method = Callable[[np.ndarray, np.ndarray], Points]


def fit_isotonic(scores: np.ndarray, right: np.ndarray) -> Points:
    """Fit a rising table without any assumption on its form (Zadrozny and Elkan, 2002).

    Each point stands for a group of about equally many answers. One right and one wrong answer
    are added to each (Laplace), so that none promises 0 or 100 %.

    Args:
        scores: float[N]; right: float[N], 1 or 0.
    """
    from sklearn.isotonic import IsotonicRegression

    groups = bin_equally(scores, GROUPS)
    counts = np.bincount(groups)
    places = np.bincount(groups, weights=scores) / counts
    shares = (np.bincount(groups, weights=right) + 1) / (counts + 2)
    rising = IsotonicRegression().fit_transform(places, shares, sample_weight=counts)
    return _as_points(places, rising)


def fit_platt(scores: np.ndarray, right: np.ndarray) -> Points:
    """Fit a logistic curve (Platt, 1999), stored at the same places as `fit_isotonic`'s points."""
    from sklearn.linear_model import LogisticRegression

    groups = bin_equally(scores, GROUPS)
    places = np.bincount(groups, weights=scores) / np.bincount(groups)
    if right.min() == right.max():  # nothing to fit a curve to
        return fit_isotonic(scores, right)
    center, spread = scores.mean(), scores.std() or 1.0
    curve = LogisticRegression().fit(((scores - center) / spread)[:, None], right)
    if curve.coef_[0, 0] < 0:  # a falling curve contradicts the score: use the mean share
        return _as_points(places, np.full(len(places), right.mean()))
    values = curve.predict_proba(((places - center) / spread)[:, None])[:, 1]
    return _as_points(places, values)


METHODS: dict[str, Method] = {"isotonic": fit_isotonic, "platt": fit_platt}


def _as_points(places: np.ndarray, values: np.ndarray) -> Points:
    rounded = zip(np.round(places, 5).tolist(), np.round(values, 4).tolist(), strict=True)
    return tuple(rounded)


def fit(evidence: Sequence[Evidence], right: Sequence[bool]) -> tuple[Calibrator, dict[str, float]]:
    """Choose a raw score and a method by cross-validation, and fit them to all answers.

    Returns:
        The calibrator, and the cross-validated Brier score of each candidate, as "score/method".

    Raises:
        UserError: when there are too few answers.
    """
    if len(right) < LEAST:
        raise UserError(
            f"{len(right)} answers are too few to fit a calibration; use at least {LEAST}: raise "
            "--limit, or add data sets."
        )
    truth = np.asarray(right, dtype=float)
    scores = {
        name: np.array([score(one) for one in evidence]) for name, score in TEXT_SCORES.items()
    }
    inputs = np.array([probe_inputs(one) for one in evidence])
    if truth.min() < truth.max() and evidence[0].features:
        scores[PROBE] = _unseen_scores(inputs, truth)
    briers = {
        f"{name}/{method}": _cross_validate(fit_table, values, truth)
        for name, values in scores.items()
        for method, fit_table in METHODS.items()
    }
    name, _, method = min(briers, key=briers.__getitem__).partition("/")
    weights = _fit_probe(inputs, truth) if name == PROBE else ()
    return Calibrator(name, METHODS[method](scores[name], truth), weights), briers


def _folds(count: int) -> np.ndarray:
    """Return a random fold for each answer, int[N]."""
    return np.random.default_rng(SEED).permutation(count) % FOLDS


def _cross_validate(fit_table: Method, scores: np.ndarray, truth: np.ndarray) -> float:
    """Return the Brier score of probabilities that were fitted without the answer in question."""
    folds, predicted = _folds(len(truth)), np.empty(len(truth))
    for fold in range(FOLDS):
        held = folds == fold
        places, values = zip(*fit_table(scores[~held], truth[~held]), strict=True)
        predicted[held] = np.interp(scores[held], places, values)
    return round(brier_score(predicted, truth), 5)


def _unseen_scores(inputs: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return the probe's score of each answer, fitted without it.

    The table is fitted to these: to answers that it was fitted to, a probe gives extreme scores.
    """
    folds, scores = _folds(len(truth)), np.empty(len(truth))
    for fold in range(FOLDS):
        held = folds == fold
        *weights, constant = _fit_probe(inputs[~held], truth[~held])
        scores[held] = inputs[held] @ np.array(weights) + constant
    return scores


def _fit_probe(inputs: np.ndarray, truth: np.ndarray) -> tuple[float, ...]:
    """Fit a logistic regression to standardised inputs; return weights of the inputs as they are.

    Args:
        inputs: float[N, D]; truth: float[N], 1 or 0, with both among them.
    """
    from sklearn.linear_model import LogisticRegression

    center, spread = inputs.mean(0), inputs.std(0)
    spread[spread == 0] = 1.0
    curve = LogisticRegression(C=STRENGTH, max_iter=MOST_STEPS)
    curve.fit((inputs - center) / spread, truth)
    weights = curve.coef_[0] / spread
    constant = curve.intercept_[0] - weights @ center
    return tuple(round(float(weight), 6) for weight in (*weights, constant))
