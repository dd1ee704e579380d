"""How far two judges agree, and how many planted faults a judge catches.

A verdict is full marks or not, metric by metric; judgements that one of the two does not have are
left out, and n says how many are left.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vlm.metrics import intervals
from vlm.metrics.intervals import Estimate
from vlm.metrics.rubric import BEST, NAMES, Judgement


@dataclass(frozen=True)
class Agreement:
    """Share of equal verdicts (0 to 1) and Cohen's kappa with its 95 % interval."""

    equal: float
    kappa: Estimate


@dataclass(frozen=True)
class KeyRow:
    """A description judged by hand; `fault` is the kind that was planted, empty when none was."""

    id: str
    text: str
    facts: Mapping[str, str]
    key: Judgement
    fault: str = ""


def agreement(
    first: Mapping[str, Judgement], second: Mapping[str, Judgement]
) -> dict[str, Agreement]:
    """Metric -> how far two judges agree over the pictures that both have judged."""
    found = {}
    for name in NAMES:
        pairs = [
            (getattr(first[id], name), getattr(second[id], name)) for id in first if id in second
        ]
        full = [(one == BEST, two == BEST) for one, two in pairs if None not in (one, two)]
        if full:
            equal = sum(one == two for one, two in full) / len(full)
            found[name] = Agreement(equal, intervals.kappa(*zip(*full, strict=True)))
    return found


def caught(rows: Sequence[KeyRow], judged: Mapping[str, Judgement]) -> dict[str, tuple[int, int]]:
    """Kind of planted fault -> (caught, planted).

    A fault is caught when a metric that it costs marks in the key costs marks with the judge too; a
    row without a judgement is not caught.
    """
    found: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for row in rows:
        if row.fault:
            hit = _lowered(row.key) & _lowered(judged.get(row.id, Judgement()))
            found[row.fault] = (found[row.fault][0] + bool(hit), found[row.fault][1] + 1)
    return dict(found)


def _lowered(judgement: Judgement) -> set[str]:
    """The metrics with less than full marks."""
    marks = {name: getattr(judgement, name) for name in NAMES}
    return {name for name, mark in marks.items() if mark is not None and mark < BEST}
