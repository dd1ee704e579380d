"""Define MODA's five metrics, 0 to 10 each, and their mean: every judge's scores of a description.

colour    correct colours named / colours of the item x 10
style     10 if the usage (casual, formal, sports, ...) is correct, else 0
category  10 if the kind of item is correct, else 0
gender    10 if the person it is made for is correct, else 0
factual   details backed by the metadata / details mentioned x 10; 0 if none is mentioned
overall   mean of the metrics that could be judged
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

NAMES = ("colour", "style", "category", "gender", "factual")
OVERALL = "overall"
BEST = 10.0


@dataclass(frozen=True)
class Judgement:
    """A judge's scores of one description.

    Attributes:
        colour, style, category, gender, factual: 0 to 10, None if the metadata has nothing to
            judge by.
        why: what is wrong, in a few words for people; empty if nothing is.
        unjudged: the reason there are no scores at all; such rows are counted separately, never
            as 0.
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
        """Return the metrics that could be judged, and their mean."""
        scores = {name: value for name in NAMES if (value := getattr(self, name)) is not None}
        return scores | ({OVERALL: sum(scores.values()) / len(scores)} if scores else {})

    def row(self) -> dict[str, object]:
        """Return the judgement as stored in JSON, without empty fields."""
        fields = {name: getattr(self, name) for name in (*NAMES, "why", "unjudged")}
        return {name: value for name, value in fields.items() if value not in (None, "")}


def scores_by_metric(judgements: Iterable[Judgement]) -> dict[str, list[float]]:
    """Collect each metric's scores, overall last, from the judgements that have them."""
    rows = [judgement.scores for judgement in judgements]
    return {name: [row[name] for row in rows if name in row] for name in (*NAMES, OVERALL)}


def from_row(row: Mapping[str, object]) -> Judgement:
    """Read a judgement from a JSON object of any origin.

    Raises:
        ValueError: when a score is not a number from 0 to 10, or there is no score.
    """
    if row.get("unjudged"):
        return Judgement(unjudged=str(row["unjudged"]))
    scores = {name: _score(name, row[name]) for name in NAMES if row.get(name) is not None}
    if not scores:
        raise ValueError(f"it has none of {', '.join(NAMES)}")
    return Judgement(**scores, why=str(row.get("why") or ""))


def _score(name: str, value: object) -> float:
    number = not isinstance(value, bool) and isinstance(value, int | float) and math.isfinite(value)
    if not number or not 0 <= value <= BEST:
        raise ValueError(f"{name} is {value!r}, not a number from 0 to 10")
    return float(value)
