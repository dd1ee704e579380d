"""MODA's five metrics, 0 to 10 each, and their mean: what every judge gives for a description.

colour    right colours named / colours of the item x 10
style     10 when the usage (casual, formal, sports, ...) is right, else 0
category  10 when the kind of item is right, else 0
gender    10 when the person it is made for is right, else 0
factual   details backed by the metadata / details mentioned x 10; nothing mentioned is 0
overall   mean of those that could be judged
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

NAMES = ("colour", "style", "category", "gender", "factual")
OVERALL = "overall"
BEST = 10.0


@dataclass(frozen=True)
class Judgement:
    """What a judge says of one description; None where the metadata leaves nothing to judge by.

    Attributes:
        colour, style, category, gender, factual: 0 to 10.
        why: what was wrong, in a few words, for people; empty when all is right.
        unjudged: why the judge gave no scores at all; the row is counted apart, never as a 0.
    """

    colour: float | None = None
    style: float | None = None
    category: float | None = None
    gender: float | None = None
    factual: float | None = None
    why: str = ""
    unjudged: str = ""

    @property
    def scores(self) -> dict[str, float]:
        """The metrics that could be judged, and their mean."""
        known = {name: value for name in NAMES if (value := getattr(self, name)) is not None}
        return known | ({OVERALL: sum(known.values()) / len(known)} if known else {})

    def row(self) -> dict[str, object]:
        """As JSON keeps it: only what is known."""
        known = {name: getattr(self, name) for name in (*NAMES, "why", "unjudged")}
        return {name: value for name, value in known.items() if value not in (None, "")}


def columns(judged: Iterable[Judgement]) -> dict[str, list[float]]:
    """For each metric, the overall grade last, the marks of the judgements that have it."""
    marks = [judgement.scores for judgement in judged]
    names = (*NAMES, OVERALL)
    return {name: [row[name] for row in marks if name in row] for name in names}


def from_row(row: Mapping[str, object]) -> Judgement:
    """A judgement out of a JSON object, whoever wrote it.

    Raises:
        ValueError: when a score is not a number from 0 to 10, or none is given at all.
    """
    if row.get("unjudged"):
        return Judgement(unjudged=str(row["unjudged"]))
    scores = {name: _score(name, row[name]) for name in NAMES if row.get(name) is not None}
    if not scores:
        raise ValueError(f"none of {', '.join(NAMES)} is there")
    return Judgement(**scores, why=str(row.get("why") or ""))


def _score(name: str, value: object) -> float:
    number = not isinstance(value, bool) and isinstance(value, int | float) and math.isfinite(value)
    if not number or not 0 <= value <= BEST:
        raise ValueError(f"{name} is {value!r}, not a number from 0 to 10")
    return float(value)
