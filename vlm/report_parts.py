"""What the pages of a report are filled with: an evaluation folder, read and put into order.

Files that are absent leave their part empty; figures that are none are left out.
"""

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from vlm import evaluations
from vlm.errors import UserError
from vlm.metrics import rubric
from vlm.metrics.agreement import agreement
from vlm.metrics.rubric import Judgement

MEANING = {
    "colour": "right colours named, of the colours the item has",
    "style": "what it is worn for: casual, formal, sports, …",
    "category": "what kind of item it is",
    "gender": "whom it is made for",
    "factual": "details that the metadata backs, of those mentioned",
    rubric.OVERALL: "mean of the five",
}
SPEED = {  # key of speed.json -> what it is, how it is written
    "first_token_s": ("picture to first token", "{:.3f} s"),
    "answer_s": ("picture to whole answer", "{:.3f} s"),
    "tokens_per_second": ("tokens a second after the first", "{:,.0f}"),
    "pictures_per_second": ("pictures a second", "{:,.1f}"),
    "tokens": ("tokens of an answer", "{:.0f}"),
    "peak_memory_mb": ("peak memory", "{:,.0f} MB"),
}
MOST_CONFUSIONS = 10  # of an attribute


def read_scores(folder: Path) -> dict[str, Any]:
    """scores.json, its figures checked; without a judge's marks the exact labels must be there.

    Raises:
        UserError: when there is none, or one without metrics.
    """
    scores = evaluations.read_scores(folder)
    found = estimates(scores.get("scores"))
    if not found and not estimates(scores.get("exact")):
        raise UserError(
            f"{folder} holds no {evaluations.SCORES} with metrics; write one with "
            "`python -m vlm evaluate --out`."
        )
    return scores | {"scores": found}


def mapping(found: object) -> dict[str, Any]:
    """A JSON object as it is, anything else as an empty one."""
    return dict(found) if isinstance(found, Mapping) else {}


def listed(found: object) -> list[Any]:
    """A JSON array as it is, anything else as an empty one."""
    return found if isinstance(found, list) else []


def estimates(table: object) -> dict[str, dict[str, Any]]:
    """The entries of a table that have a mean and an interval of finite numbers."""
    rows = mapping(table).items()
    return {str(name): {"n": "–"} | dict(row) for name, row in rows if _is_estimate(row)}


def _is_estimate(row: object) -> bool:
    keys = ("mean", "low", "high")
    return isinstance(row, Mapping) and all(_is_number(row.get(key)) for key in keys)


def _is_number(value: object) -> bool:
    real = isinstance(value, int | float) and not isinstance(value, bool)
    return real and math.isfinite(value)


def metric_rows(scores: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The metrics in the rubric's order, the overall grade last."""
    known = [name for name in MEANING if name in scores["scores"]]
    return [{"name": name, "meaning": MEANING[name], **scores["scores"][name]} for name in known]


def extremes(metrics: Sequence[Mapping[str, Any]]) -> tuple[str, str] | None:
    """The names of the best and the worst of the five; None when they do not differ."""
    ranked = sorted(
        (row for row in metrics if row["name"] != rubric.OVERALL), key=lambda row: row["mean"]
    )
    differ = ranked and ranked[0]["mean"] < ranked[-1]["mean"]
    return (ranked[-1]["name"], ranked[0]["name"]) if differ else None


def exact_rows(scores: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Percent of descriptions that name the metadata's very label, for each attribute."""
    known = estimates(scores.get("exact")).items()
    return [{"name": evaluations.EXACT.get(key, words(key)), **row} for key, row in known]


def headline(metrics: Sequence[Mapping[str, Any]], exact: Sequence[Mapping[str, Any]]) -> dict:
    """The figure in large letters: the overall grade, else the first of the exact labels."""
    if metrics:
        return {**metrics[-1], "best": rubric.BEST, "unit": "of 10", "digits": 2}
    return {**exact[0], "best": 100, "unit": "%", "digits": 1}


def saying_rows(scores: Mapping[str, Any], part: str) -> list[dict[str, Any]]:
    """Probes or abilities; `says` goes on where the figure ends, and begins with its unit."""
    rows, names = [], evaluations.PROBES | evaluations.ABILITIES
    for name, row in estimates(scores.get(part)).items():
        says = str(row.get("says", ""))
        best = 100 if says.startswith("%") else rubric.BEST
        rows.append(row | {"name": names.get(name, words(name)), "says": says, "best": best})
    return rows


def confusion_rows(scores: Mapping[str, Any]) -> dict[str, list[tuple[str, str, int]]]:
    """For each attribute what the metadata has, what was said instead, and how often."""
    found = {}
    for name, rows in mapping(scores.get("confusions")).items():
        good = [tuple(row) for row in listed(rows) if isinstance(row, list) and len(row) == 3]
        if good:
            found[words(name)] = good[:MOST_CONFUSIONS]
    return found


def gallery_rows(
    scores: Mapping[str, Any],
    end: str,
    predictions: Iterable[Mapping[str, Any]],
    judged: Mapping[str, Judgement],
) -> list[dict[str, Any]]:
    """One end of the gallery: id, text, overall, why, facts, and the metrics that lost points."""
    shown = listed(mapping(scores.get("gallery")).get(end))
    facts = {str(row["id"]): row.get("facts") for row in predictions}
    rows = []
    for row in map(mapping, shown):
        id = str(row.get("id", ""))
        marks = judged[id].scores if id in judged else {}
        lost = {name: v for name, v in marks.items() if v < rubric.BEST and name != rubric.OVERALL}
        known = {words(key): value for key, value in mapping(facts.get(id)).items() if value}
        overall = row.get("overall") if _is_number(row.get("overall")) else None
        rows.append({"id": id, "text": str(row.get("text", "")), "why": str(row.get("why", "")),
                     "overall": overall, "lost": lost, "facts": known})  # fmt: skip
    return rows


def judges(folder: Path) -> tuple[dict[str, dict[str, Judgement]], list[str]]:
    """What each judge that was there said, by the name of its file; and files that do not read."""
    found, broken = evaluations.read_judges(folder)
    return {name: rows for name, rows in found.items() if rows}, broken


def flawless(judged: Mapping[str, Judgement]) -> tuple[int, int]:
    """Descriptions with full marks in all that could be judged, and descriptions judged."""
    overall = [row.scores[rubric.OVERALL] for row in judged.values() if row.scores]
    return sum(value == rubric.BEST for value in overall), len(overall)


def agreements(judged: Mapping[str, Mapping[str, Judgement]]) -> list[dict[str, Any]]:
    """For each two judges and each metric: equal verdicts in percent, kappa with its interval."""
    tables = [
        {"judges": pair, "marks": _agreement(judged[pair[0]], judged[pair[1]])}
        for pair in combinations(judged, 2)
    ]
    return [table for table in tables if table["marks"]]


def _agreement(
    first: Mapping[str, Judgement], second: Mapping[str, Judgement]
) -> list[dict[str, Any]]:
    found = agreement(first, second).items()
    return [{"name": name, "equal": 100 * a.equal, **a.kappa.row()} for name, a in found]


def comparison_rows(comparison: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Differences to another evaluation, on a common scale."""
    rows = [dict(row) | {"mean": row["difference"]} for row in comparison]
    rows = [row for row in rows if _is_estimate(row)]
    scale = max([abs(row[key]) for row in rows for key in ("low", "high")], default=0) or 1
    return [row | {"scale": scale} for row in rows]


def speed(folder: Path) -> dict[str, Any]:
    """speed.json as a table: sizes, rows of a label and a text a size, and how it was measured."""
    try:
        found = mapping(json.loads((folder / evaluations.SPEED).read_text(encoding="utf-8")))
        sizes = sorted((size for size in found if isinstance(found[size], dict)), key=int)
    except (OSError, ValueError):
        return {}
    rows = []
    for key, (label, form) in SPEED.items():
        cells = [found[size].get(key) for size in sizes]
        if any(map(_is_number, cells)):
            rows.append((label, [form.format(c) if _is_number(c) else "–" for c in cells]))
    about = {key: found[size].get(key) for size in sizes
             for key in ("memory", "repeats", "threads", "device", "dtype")}  # fmt: skip
    return {"sizes": sizes, "rows": rows, "about": about} if rows else {}


def words(name: str) -> str:
    """A column as a person reads it: "articleType" -> "Article type"."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|[_-]+", " ", str(name)).lower()
    return spaced[:1].upper() + spaced[1:]
