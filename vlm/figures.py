"""What predictions alone tell, before any judge: exact labels, confusions, a gallery.

A prediction is a row of predictions.jsonl: id, text and the metadata's facts.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

from vlm.data.captions import read_back
from vlm.data.cifar10 import KINDS, read_kind
from vlm.data.replies import UNKNOWN, is_unsure
from vlm.metrics import METRICS, intervals, rubric
from vlm.metrics.rubric import Judgement

CONFUSED = ("articleType", "baseColour", "gender", "usage")
VARIED = ("articleType", "family", "kind")  # what tells the pictures of a gallery apart
ALL_RIGHT = 100.0  # percent of a text's exact labels
MOST = 10  # confusions of an attribute, and pictures at each end of the gallery


def exact(rows: Iterable[Mapping]) -> dict[str, dict]:
    """Percent of texts that name the metadata's very label, for each attribute that is there."""
    return {name: intervals.mean(values).row() for name, values in labelled(rows).items()}


def labelled(rows: Iterable[Mapping]) -> dict[str, list[float]]:
    """For each exact label the 100 or 0 of every prediction whose facts have it."""
    values: dict[str, list[float]] = {}
    for row in rows:
        for name, value in exact_labels(row).items():
            values.setdefault(name, []).append(value)
    return values


def exact_labels(row: Mapping) -> dict[str, float]:
    """100 or 0 for each exact label of one prediction."""
    facts = row.get("facts", {})
    found = (metric(row["text"], facts) for metric in METRICS.values())
    return {name: 100 * value for part in found for name, value in part.items()}


def confusions(rows: Sequence[Mapping]) -> dict[str, list[list]]:
    """For each attribute the most frequent [metadata, said, count] that differ."""
    found: dict[str, Counter] = {}
    for row in rows:
        for key, (true, told) in _told(row["text"], row.get("facts", {})).items():
            if told != true:
                found.setdefault(key, Counter())[true, told] += 1
    tops = {key: found[key].most_common(MOST) for key in (*CONFUSED, "kind") if key in found}
    return {key: [[*pair, count] for pair, count in top] for key, top in tops.items()}


def _told(text: str, facts: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """What the metadata has and what the text says instead; a scene may be taken for an item."""
    said = read_back(text)
    pairs = {key: (facts[key], said.get(key, "nothing")) for key in CONFUSED if facts.get(key)}
    if (kind := facts.get("kind", "")) in (*KINDS, UNKNOWN):
        thing = read_kind(text) or said.get("articleType", "nothing")
        pairs["kind"] = (kind, UNKNOWN if is_unsure(text) else thing)
    return pairs


def gallery(rows: Sequence[Mapping], judged: Mapping[str, Judgement]) -> dict[str, list[dict]]:
    """The worst descriptions, and the best ones, of different kinds where grades are equal.

    Where no judge gave marks, the share of exact labels is the grade; the best have all right.
    """
    marked = {id: judgement.scores for id, judgement in judged.items() if judgement.scores}
    labelled = {row["id"]: list(exact_labels(row).values()) for row in rows}
    grades = {id: marks[rubric.OVERALL] for id, marks in marked.items()}
    grades = grades or {id: fmean(found) for id, found in labelled.items() if found}
    graded = sorted((row for row in rows if row["id"] in grades), key=lambda r: grades[r["id"]])
    good = [row for row in graded if marked or grades[row["id"]] == ALL_RIGHT]
    bad = [row for row in graded if marked or grades[row["id"]] < ALL_RIGHT]
    shown = {"best": _varied(reversed(good)), "worst": _varied(bad)}
    return {end: [_hung(row, judged.get(row["id"])) for row in part] for end, part in shown.items()}


def _varied(rows: Iterable[Mapping]) -> list[Mapping]:
    """The first row of each kind, then, where these are few, the next ones."""
    first, later, seen = [], [], set()
    for row in rows:
        facts = row.get("facts", {})
        kind = next((facts[key] for key in VARIED if facts.get(key)), row["id"])
        (later if kind in seen else first).append(row)
        seen.add(kind)
    return (first + later)[:MOST]


def _hung(row: Mapping, judgement: Judgement | None) -> dict[str, Any]:
    marks, why = (judgement.scores, judgement.why) if judgement else ({}, "")
    overall = round(marks[rubric.OVERALL], 2) if marks else None
    return {"id": row["id"], "text": row["text"], "overall": overall, "why": why}
