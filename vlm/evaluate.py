"""Measures a model on a data set with metadata: what it says, what a judge says of that, figures.

Where the metadata leaves a judge nothing to judge by, the exact labels stand alone.

records --predict--> predictions.jsonl --judge--> judgements-<judge>.jsonl --scores--> scores.json
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from tqdm import tqdm

from vlm import evaluations, figures, runs
from vlm.abilities import ASKED, abilities
from vlm.config import DESCRIBE
from vlm.data.replies import UNKNOWN
from vlm.describe import texts
from vlm.errors import UserError
from vlm.judges.base import Judge
from vlm.judges.model import fingerprint
from vlm.judges.rules import RulesJudge
from vlm.metrics import intervals, rubric, rules
from vlm.metrics.attributes import labels
from vlm.metrics.rubric import Judgement
from vlm.mixture import encoded
from vlm.probes import probes
from vlm.types import Bundle, Record

BATCH = 32
SHORT = 16  # digits of the fingerprints of weights and picture in each row
REASONS = 3  # why descriptions are unjudged


def predict(
    bundle: Bundle,
    records: Sequence[Record],
    prompt: str = DESCRIBE,
    out: Path | None = None,
    resume: bool = False,
    *,
    data: str = "",
) -> list[dict[str, Any]]:
    """The greedy answer about every record: rows of id, who was asked what, text and facts.

    Args:
        out: folder of predictions.jsonl, written as the answers come.
        resume: keep what is in it from the same weights, data and prompt, and answer the rest.
        data: what the data set is called.
    """
    asked = {"model": bundle.name, "weights": fingerprint(bundle)[:SHORT], "data": data}
    asked |= {"prompt": prompt}
    known = _known(asked, records, out) if out and resume else {}
    todo = [record for record in records if record.id not in known]
    if out:
        out.mkdir(parents=True, exist_ok=True)
        kept = [known[record.id] for record in records if record.id in known]
        runs.write_text(out / evaluations.PREDICTIONS, "".join(map(runs.line, kept)))
    answers = texts(bundle, [record.image for record in todo], [prompt] * len(todo), BATCH)
    for record, text in zip(todo, tqdm(answers, "descriptions", len(todo)), strict=True):
        row = {"id": record.id, **asked, "picture": _picture(record), "text": text}
        known[record.id] = row | {"facts": labels(record.facts)}
        if out:
            runs.append_jsonl(out / evaluations.PREDICTIONS, known[record.id])
    return [known[record.id] for record in records]


def _known(asked: dict[str, str], records: Sequence[Record], out: Path) -> dict[str, dict]:
    """By id, the rows there that were asked the same of the same picture, with today's metadata."""
    rows = runs.read_jsonl(out / evaluations.PREDICTIONS)
    there = {row["id"]: row for row in rows if asked.items() <= row.items()}
    same = [r for r in records if there.get(r.id, {}).get("picture") == _picture(r)]
    return {record.id: there[record.id] | {"facts": labels(record.facts)} for record in same}


def _picture(record: Record) -> str:
    """What tells a picture from another one of the same name."""
    return hashlib.sha256(encoded(record.image)).hexdigest()[:SHORT]


def evaluate(
    bundle: Bundle,
    records: Sequence[Record],
    judge: Judge | None = None,
    out: Path | None = None,
    *,
    data: str = "",
    prompt: str = DESCRIBE,
    probed: bool = True,
    able: bool = False,
    asked: int = ASKED,
    resume: bool = False,
) -> dict[str, Any]:
    """Describe, judge and probe; the content of scores.json, which a repetition gives again.

    Args:
        judge: see `vlm.judges`; the rules judge when none is given.
        out: folder for predictions.jsonl, judgements, scores.json and abilities.jsonl.
        data: what scores.json calls the data set.
        able: ask in other ways too (`vlm.abilities`).
        asked: pictures that are asked more than once, for each probe and ability; 0 = all.

    Raises:
        UserError: when no description could be judged and no metadata is there to compare with.
    """
    judge = judge or RulesJudge()
    rows = predict(bundle, records, prompt, out, resume, data=data)
    told = [row["text"] for row in rows]
    known = [judged_by(row["facts"]) for row in rows]
    judged = tqdm(judge.judge(told, known), "judged", len(records))
    found = dict(zip((record.id for record in records), judged, strict=True))
    if out:
        evaluations.write_judgements(out, judge.name, found.items())
    result = {"model": bundle.name, "data": data, "pictures": len(records), "prompt": prompt}
    result |= {"judge": judge.name} | scores(rows, found)
    if probed:
        result["probes"] = probes(bundle, records, told, prompt, asked)
    if able:
        result["abilities"] = abilities(bundle, records, told, asked, out)
    if out:
        runs.write_json(out / evaluations.SCORES, result)
    return result


def judged_by(facts: Mapping[str, str]) -> dict[str, str]:
    """What a judge may hold a text against: of a picture of nothing known there is nothing."""
    return {} if facts.get("kind") == UNKNOWN else labels(facts)


def marks(bundle: Bundle, records: Sequence[Record], prompt: str = DESCRIBE) -> dict[str, Any]:
    """For a curve: the rules judge's mean marks, 0 to 10, and the exact labels in percent.

    Empty where there is neither; `pictures` says how many were described.
    """
    answers = texts(bundle, [record.image for record in records], [prompt] * len(records), BATCH)
    rows = [{"text": t, "facts": labels(r.facts)} for t, r in zip(answers, records, strict=True)]
    judged = [rules.judge(row["text"], judged_by(row["facts"])) for row in rows]
    found = {name: _mean(values) for name, values in rubric.columns(judged).items() if values}
    exact = {name: _mean(values) for name, values in figures.labelled(rows).items()}
    found |= {"exact": exact} if exact else {}
    return {"pictures": len(rows)} | found if found else {}


def _mean(values: Sequence[float]) -> float:
    return round(fmean(values), 4)


def scores(rows: Sequence[Mapping], judged: Mapping[str, Judgement]) -> dict[str, Any]:
    """The figures of predictions and their judgements.

    Raises:
        UserError: when none was judged, naming the commonest reason, and no exact label is known.
    """
    good = [judgement for judgement in judged.values() if not judgement.unjudged]
    reasons = Counter(judgement.unjudged for judgement in judged.values() if judgement.unjudged)
    exact = figures.exact(rows)
    if not good and not exact:
        reason = reasons.most_common(1)[0][0] if reasons else "there are none"
        raise UserError(
            f"None of the {len(rows)} descriptions could be judged ({reason}); give a data set "
            "with columns such as baseColour, articleType, gender and usage, or another --judge."
        )
    given = rubric.columns(good)
    why = {"why_unjudged": dict(reasons.most_common(REASONS))} if reasons else {}
    return {
        "unjudged": len(judged) - len(good),
        **why,
        "left_out": {name: len(good) - len(m) for name, m in given.items() if len(m) < len(good)},
        "scores": {name: intervals.mean(values).row() for name, values in given.items() if values},
        "exact": exact,
        "confusions": figures.confusions(rows),
        "gallery": figures.gallery(rows, judged),
    }


def compare(first: Path, second: Path, judge: str = "rules") -> list[dict[str, Any]]:
    """second - first for each metric, over the pictures that both evaluations judged.

    Where the judge gave no marks to any picture of both, the exact labels are compared, in percent.

    Returns:
        Rows of metric, difference, low, high, n and verdict: equal, noise, better or worse; those
        of exact labels have a unit, "%".

    Raises:
        UserError: when they have neither in common.
    """
    one, two = (evaluations.read_judgements(folder, judge) for folder in (first, second))
    both = [(one[id].scores, two[id].scores) for id in one if id in two]
    rows = _differences((rubric.OVERALL, *rubric.NAMES), both)
    if not rows:
        one, two = (_all_labels(folder) for folder in (first, second))
        both = [(one[id], two[id]) for id in one if id in two]
        names = dict.fromkeys(name for labelled, _ in both for name in labelled)
        rows = [row | {"unit": "%"} for row in _differences(tuple(names), both)]
    if not rows:
        raise UserError(
            f"{first} and {second} have no picture in common that the judge {judge!r} judged; "
            "evaluate both on the same data with this judge first."
        )
    return rows


def _all_labels(folder: Path) -> dict[str, dict[str, float]]:
    """The exact labels of each prediction with facts, by picture."""
    rows = runs.read_jsonl(folder / evaluations.PREDICTIONS)
    good = (row for row in rows if isinstance(row, dict) and {"id", "text", "facts"} <= row.keys())
    return {str(row["id"]): figures.exact_labels(row) for row in good}


def _differences(
    names: Sequence[str], pairs: Sequence[tuple[Mapping[str, float], Mapping[str, float]]]
) -> list[dict[str, Any]]:
    """A row for each name that both of some pairs have."""
    rows = []
    for name in names:
        both = [(a[name], b[name]) for a, b in pairs if name in a and name in b]
        if both:
            change = intervals.difference(*zip(*both, strict=True))
            rows.append({"metric": name, "difference": round(change.mean, 4),
                         "low": round(change.low, 4), "high": round(change.high, 4),
                         "n": change.n, "verdict": _verdict(change, both)})  # fmt: skip
    return rows


def _verdict(change: intervals.Estimate, pairs: Sequence[tuple[float, float]]) -> str:
    if all(a == b for a, b in pairs):
        return "equal"
    if intervals.is_noise(change):
        return "noise"
    return "better" if change.mean > 0 else "worse"
