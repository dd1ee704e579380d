"""Compare two evaluations of the same pictures, with paired confidence intervals."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from vlm.errors import UserError
from vlm.evaluation import results, scores
from vlm.evaluation.metrics import intervals, rubric
from vlm.system import files

POINTS = "points"
LOWER_IS_BETTER = frozenset({"chair_s"})


def compare(first: Path, second: Path, judge: str = "rules") -> list[dict[str, Any]]:
    """Return second - first for each metric, over the pictures that both evaluations judged.

    If the judge scored no picture of both, exact labels are compared instead, in percent, and the
    caption scores that single pictures have, in points of a hundred.

    Returns:
        Rows of metric, difference, low, high, n and verdict (equal, noise, better or worse); rows
        of exact labels also have a unit, "%", and those of captions "points".

    Raises:
        UserError: when the evaluations have neither in common.
    """
    one, two = (results.read_judgements(folder, judge) for folder in (first, second))
    pairs = [(one[id].scores, two[id].scores) for id in one if id in two]
    rows = _differences((rubric.OVERALL, *rubric.NAMES), pairs)
    if not rows:
        rows = _unit_rows("%", _label_scores, first, second)
        rows += _unit_rows(POINTS, results.read_caption_scores, first, second)
    if not rows:
        raise UserError(
            f"{first} and {second} have no picture in common that the judge {judge!r} judged; "
            "evaluate both on the same data with this judge first."
        )
    return rows


def _unit_rows(unit: str, read: Callable[[Path], dict], *folders: Path) -> list[dict[str, Any]]:
    """Return the differences of all scores that `read` finds by picture in two folders."""
    one, two = map(read, folders)
    pairs = [(one[id], two[id]) for id in one if id in two]
    names = dict.fromkeys(name for scores, _ in pairs for name in scores)
    return [row | {"unit": unit} for row in _differences(tuple(names), pairs)]


def _label_scores(folder: Path) -> dict[str, dict[str, float]]:
    """Return by picture id the label scores of each prediction with facts."""
    rows = files.read_jsonl(folder / results.PREDICTIONS)
    good = (row for row in rows if isinstance(row, dict) and {"id", "text", "facts"} <= row.keys())
    return {str(row["id"]): scores.label_scores(row) for row in good}


def _differences(
    names: Sequence[str], pairs: Sequence[tuple[Mapping[str, float], Mapping[str, float]]]
) -> list[dict[str, Any]]:
    """Return a row for each name that some pair has on both sides."""
    rows = []
    for name in names:
        both = [(a[name], b[name]) for a, b in pairs if name in a and name in b]
        if both:
            change = intervals.difference(*zip(*both, strict=True))
            rows.append(
                {
                    "metric": name,
                    "difference": round(change.mean, 4),
                    "low": round(change.low, 4),
                    "high": round(change.high, 4),
                    "n": change.n,
                    "verdict": _verdict(change, both, -1 if name in LOWER_IS_BETTER else 1),
                }
            )
    return rows


def _verdict(
    change: intervals.Estimate, pairs: Sequence[tuple[float, float]], direction: int = 1
) -> str:
    if all(a == b for a, b in pairs):
        return "equal"
    if intervals.is_noise(change):
        return "noise"
    return "better" if change.mean * direction > 0 else "worse"
