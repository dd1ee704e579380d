"""Summarise predictions and judgements: mean scores, exact labels, confusions, a gallery.

A prediction is a row of predictions.jsonl: id, text and the metadata's facts.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

from vlm.data.grammar.scenes import KINDS
from vlm.data.grammar.words import UNKNOWN
from vlm.errors import UserError
from vlm.evaluation.metrics import METRICS, intervals, rubric
from vlm.evaluation.metrics.replies import is_unsure, read_back, read_kind
from vlm.evaluation.metrics.rubric import Judgement

CONFUSED = ("articleType", "baseColour", "gender", "usage")
VARIED = ("articleType", "family", "kind")  # columns that a gallery shows a variety of
ALL_CORRECT = 100.0  # percent of a text's exact labels
MOST = 10  # confusions of an attribute, and pictures at each end of the gallery
REASONS = 3  # reasons why descriptions are unjudged


def summarise(rows: Sequence[Mapping], judged: Mapping[str, Judgement]) -> dict[str, Any]:
    """Return the parts of scores.json that come from predictions and their judgements.

    Raises:
        UserError: when no description was judged and there are no labels to compare with.
    """
    good = [judgement for judgement in judged.values() if not judgement.unjudged]
    reasons = Counter(judgement.unjudged for judgement in judged.values() if judgement.unjudged)
    labels = label_estimates(rows)
    if not good and not labels:
        reason = reasons.most_common(1)[0][0] if reasons else "there are none"
        raise UserError(
            f"None of the {len(rows)} descriptions could be judged ({reason}); give a data set "
            "with columns such as baseColour, articleType, gender and usage, or another --judge."
        )
    columns = rubric.scores_by_metric(good)
    why = {"why_unjudged": dict(reasons.most_common(REASONS))} if reasons else {}
    return {
        "unjudged": len(judged) - len(good),
        **why,
        "left_out": {name: len(good) - len(v) for name, v in columns.items() if len(v) < len(good)},
        "scores": {
            name: intervals.mean(values).row() for name, values in columns.items() if values
        },
        "exact": labels,
        "confusions": confusions(rows),
        "gallery": gallery(rows, judged),
    }


def label_estimates(rows: Iterable[Mapping]) -> dict[str, dict]:
    """Return for each label in the metadata the percentage of texts that name it exactly."""
    return {name: intervals.mean(values).row() for name, values in label_columns(rows).items()}


def label_columns(rows: Iterable[Mapping]) -> dict[str, list[float]]:
    """Return for each label the scores of all predictions whose facts have it."""
    columns: dict[str, list[float]] = {}
    for row in rows:
        for name, value in label_scores(row).items():
            columns.setdefault(name, []).append(value)
    return columns


def label_scores(row: Mapping) -> dict[str, float]:
    """Return 100 or 0 for each label of one prediction's facts: named exactly or not."""
    facts = row.get("facts", {})
    parts = (metric(row["text"], facts) for metric in METRICS.values())
    return {name: 100 * value for part in parts for name, value in part.items()}


def confusions(rows: Sequence[Mapping]) -> dict[str, list[list]]:
    """Return for each attribute the most frequent errors as [true label, named label, count]."""
    counts: dict[str, Counter] = {}
    for row in rows:
        for key, (true, named) in _label_pairs(row["text"], row.get("facts", {})).items():
            if named != true:
                counts.setdefault(key, Counter())[true, named] += 1
    tops = {key: counts[key].most_common(MOST) for key in (*CONFUSED, "kind") if key in counts}
    return {key: [[*pair, count] for pair, count in top] for key, top in tops.items()}


def _label_pairs(text: str, facts: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Pair each true label with the one that the text names; a scene may be called an item."""
    named = read_back(text)
    pairs = {key: (facts[key], named.get(key, "nothing")) for key in CONFUSED if facts.get(key)}
    if (kind := facts.get("kind", "")) in (*KINDS, UNKNOWN):
        thing = read_kind(text) or named.get("articleType", "nothing")
        pairs["kind"] = (kind, UNKNOWN if is_unsure(text) else thing)
    return pairs


def gallery(rows: Sequence[Mapping], judged: Mapping[str, Judgement]) -> dict[str, list[dict]]:
    """Return the best and the worst descriptions, of various kinds where grades are equal.

    If no description was judged, the share of exact labels is the grade; then the best ones have
    all labels correct and the worst have not.
    """
    scored = {id: judgement.scores for id, judgement in judged.items() if judgement.scores}
    labels = {row["id"]: list(label_scores(row).values()) for row in rows}
    grades = {id: scores[rubric.OVERALL] for id, scores in scored.items()}
    grades = grades or {id: fmean(values) for id, values in labels.items() if values}
    graded = sorted((row for row in rows if row["id"] in grades), key=lambda r: grades[r["id"]])
    good = [row for row in graded if scored or grades[row["id"]] == ALL_CORRECT]
    bad = [row for row in graded if scored or grades[row["id"]] < ALL_CORRECT]
    ends = {"best": _various(reversed(good)), "worst": _various(bad)}
    return {
        end: [_gallery_row(row, judged.get(row["id"])) for row in part]
        for end, part in ends.items()
    }


def caption_gallery(
    rows: Sequence[Mapping], by_picture: Sequence[Mapping]
) -> dict[str, list[dict]]:
    """Return the captions with the most and the fewest points of CIDEr-D, and why."""
    pairs = zip(rows, by_picture, strict=True)
    ordered = sorted(pairs, key=lambda pair: -pair[1]["cider_d"])
    ends = {"best": ordered[:MOST], "worst": ordered[MOST:][: -MOST - 1 : -1]}
    return {end: [_caption_row(*pair) for pair in part] for end, part in ends.items()}


def _caption_row(row: Mapping, scores: Mapping) -> dict[str, Any]:
    unbacked = f"; unbacked: {', '.join(scores['unbacked'])}" if scores["unbacked"] else ""
    why = f"CIDEr-D {scores['cider_d']:.1f}{unbacked}"
    return {"id": row["id"], "text": row["text"], "overall": None, "why": why}


def _various(rows: Iterable[Mapping]) -> list[Mapping]:
    """Return the first row of each kind, and further rows if these are too few."""
    first, further, kinds = [], [], set()
    for row in rows:
        facts = row.get("facts", {})
        kind = next((facts[key] for key in VARIED if facts.get(key)), row["id"])
        (further if kind in kinds else first).append(row)
        kinds.add(kind)
    return (first + further)[:MOST]


def _gallery_row(row: Mapping, judgement: Judgement | None) -> dict[str, Any]:
    scores, why = (judgement.scores, judgement.why) if judgement else ({}, "")
    overall = round(scores[rubric.OVERALL], 2) if scores else None
    return {"id": row["id"], "text": row["text"], "overall": overall, "why": why}
