"""Measure how far two judges agree, and how many planted faults a judge catches.

A verdict is "full score or not", for each metric; descriptions that only one of the two has judged
are skipped, and n is the number of the others.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vlm.evaluation.metrics import intervals
from vlm.evaluation.metrics.intervals import Estimate
from vlm.evaluation.metrics.rubric import BEST, NAMES, Judgement


@dataclass(frozen=True)
class Agreement:
    """The share of equal verdicts, 0 to 1, and Cohen's kappa with its 95 % interval."""

    equal: float
    kappa: Estimate


@dataclass(frozen=True)
class KeyRow:
    """A description judged by hand; `fault` is the kind of fault planted in it, empty if none."""

    id: str
    text: str
    facts: Mapping[str, str]
    key: Judgement
    fault: str = ""


def agreement(
    first: Mapping[str, Judgement], second: Mapping[str, Judgement]
) -> dict[str, Agreement]:
    """Compare two judges, for each metric, on the descriptions that both have judged."""
    agreements = {}
    for name in NAMES:
        pairs = [
            (getattr(first[id], name), getattr(second[id], name)) for id in first if id in second
        ]
        full = [(one == BEST, two == BEST) for one, two in pairs if None not in (one, two)]
        if full:
            equal = sum(one == two for one, two in full) / len(full)
            agreements[name] = Agreement(equal, intervals.kappa(*zip(*full, strict=True)))
    return agreements


def count_caught(
    rows: Sequence[KeyRow], judged: Mapping[str, Judgement]
) -> dict[str, tuple[int, int]]:
    """Count (caught, planted) for each kind of planted fault.

    A fault is caught if the judge lowers a metric that the key lowers too; a row without a
    judgement is not caught.
    """
    counts: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for row in rows:
        if row.fault:
            hit = _lowered(row.key) & _lowered(judged.get(row.id, Judgement()))
            caught, planted = counts[row.fault]
            counts[row.fault] = (caught + bool(hit), planted + 1)
    return dict(counts)


def _lowered(judgement: Judgement) -> set[str]:
    """Return the metrics below the full score."""
    scores = {name: getattr(judgement, name) for name in NAMES}
    return {name for name, score in scores.items() if score is not None and score < BEST}
