"""Measures a model on a data set with metadata: what it says, what a judge says of that, figures.

records --predict--> predictions.jsonl --judge--> judgements-<judge>.jsonl --scores--> scores.json
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from tqdm import tqdm

from vlm import evaluations, probes, runs
from vlm.config import DESCRIBE
from vlm.data.captions import read_back
from vlm.describe import texts
from vlm.errors import UserError
from vlm.judges.base import Judge
from vlm.judges.rules import RulesJudge
from vlm.metrics import METRICS, intervals, rubric, rules
from vlm.metrics.rubric import Judgement
from vlm.types import Bundle, Record

BATCH = 32
CONFUSED = ("articleType", "baseColour", "gender", "usage")
MOST = 10  # confusions of an attribute, and pictures at each end of the gallery


def predict(
    bundle: Bundle,
    records: Sequence[Record],
    prompt: str = DESCRIBE,
    out: Path | None = None,
    resume: bool = False,
) -> list[dict[str, Any]]:
    """The greedy answer about every record: rows of id, model, prompt, text and facts.

    Args:
        out: folder of predictions.jsonl, written as the answers come.
        resume: keep what is in it from the same model and prompt, and answer the rest.
    """
    known = _known(bundle, prompt, out) if out and resume else {}
    todo = [record for record in records if record.id not in known]
    if out:
        out.mkdir(parents=True, exist_ok=True)
        kept = [known[record.id] for record in records if record.id in known]
        runs.write_text(out / evaluations.PREDICTIONS, "".join(map(runs.line, kept)))
    answers = texts(bundle, [record.image for record in todo], [prompt] * len(todo), BATCH)
    for record, text in zip(todo, tqdm(answers, "descriptions", len(todo)), strict=True):
        row = {"id": record.id, "model": bundle.name, "prompt": prompt, "text": text}
        known[record.id] = row | {"facts": dict(record.facts)}
        if out:
            runs.append_jsonl(out / evaluations.PREDICTIONS, known[record.id])
    return [known[record.id] for record in records]


def _known(bundle: Bundle, prompt: str, out: Path) -> dict[str, dict]:
    rows = runs.read_jsonl(out / evaluations.PREDICTIONS)
    same = {"model": bundle.name, "prompt": prompt}
    return {row["id"]: row for row in rows if same.items() <= row.items()}


def evaluate(
    bundle: Bundle,
    records: Sequence[Record],
    judge: Judge | None = None,
    out: Path | None = None,
    *,
    data: str = "",
    prompt: str = DESCRIBE,
    probed: bool = True,
    resume: bool = False,
) -> dict[str, Any]:
    """Describe, judge and probe; the content of scores.json, which a repetition gives again.

    Args:
        judge: see `vlm.judges`; the rules judge when none is given.
        out: folder for predictions.jsonl, judgements and scores.json.
        data: what scores.json calls the data set.

    Raises:
        UserError: when no description could be judged.
    """
    judge = judge or RulesJudge()
    rows = predict(bundle, records, prompt, out, resume)
    told = [row["text"] for row in rows]
    judged = tqdm(judge.judge(told, [record.facts for record in records]), "judged", len(records))
    found = dict(zip((record.id for record in records), judged, strict=True))
    if out:
        evaluations.write_judgements(out, judge.name, found.items())
    result = {"model": bundle.name, "data": data, "pictures": len(records), "prompt": prompt}
    result |= {"judge": judge.name} | scores(rows, found)
    if probed:
        result["probes"] = probes.probes(bundle, records, told, prompt)
    if out:
        runs.write_json(out / evaluations.SCORES, result)
    return result


def marks(bundle: Bundle, records: Sequence[Record], prompt: str = DESCRIBE) -> dict[str, float]:
    """The rules judge's mean marks, 0 to 10, for a curve; empty where nothing can be judged."""
    answers = texts(bundle, [record.image for record in records], [prompt] * len(records), BATCH)
    judged = [rules.judge(t, r.facts) for t, r in zip(answers, records, strict=True)]
    given = rubric.columns(judged)
    means = {name: round(fmean(values), 4) for name, values in given.items() if values}
    return {"pictures": len(judged)} | means if means else {}


def scores(rows: Sequence[Mapping], judged: Mapping[str, Judgement]) -> dict[str, Any]:
    """The figures of predictions and their judgements.

    Raises:
        UserError: when none was judged, naming the commonest reason.
    """
    good = [judgement for judgement in judged.values() if not judgement.unjudged]
    if not good:
        reasons = Counter(judgement.unjudged for judgement in judged.values())
        reason = reasons.most_common(1)[0][0] if reasons else "there are none"
        raise UserError(
            f"None of the {len(rows)} descriptions could be judged ({reason}); give a data set "
            "with columns such as baseColour, articleType, gender and usage, or another --judge."
        )
    given = rubric.columns(good)
    return {
        "unjudged": len(judged) - len(good),
        "left_out": {name: len(good) - len(m) for name, m in given.items() if len(m) < len(good)},
        "scores": {name: intervals.mean(values).row() for name, values in given.items() if values},
        "exact": _exact(rows),
        "confusions": confusions(rows),
        "gallery": gallery(rows, judged),
    }


def _exact(rows: Sequence[Mapping]) -> dict[str, dict]:
    """Percent of texts that name the metadata's very label, for each attribute that is there."""
    values: dict[str, list[float]] = {}
    for row in rows:
        for metric in METRICS.values():
            for name, value in metric(row["text"], row.get("facts", {})).items():
                values.setdefault(name, []).append(100 * value)
    return {name: intervals.mean(found).row() for name, found in values.items()}


def confusions(rows: Sequence[Mapping]) -> dict[str, list[list]]:
    """For each attribute the most frequent [metadata, said, count] that differ."""
    found: dict[str, Counter] = {key: Counter() for key in CONFUSED}
    for row in rows:
        said = read_back(row["text"])
        for key in CONFUSED:
            true, told = row.get("facts", {}).get(key), said.get(key, "nothing")
            if true and told != true:
                found[key][true, told] += 1
    tops = {key: counts.most_common(MOST) for key, counts in found.items()}
    return {key: [[*pair, count] for pair, count in top] for key, top in tops.items() if top}


def gallery(rows: Sequence[Mapping], judged: Mapping[str, Judgement]) -> dict[str, list[dict]]:
    """The worst descriptions, and the best ones, of different kinds where marks are equal."""
    marked = [row for row in rows if row["id"] in judged and judged[row["id"]].scores]
    marked.sort(key=lambda row: judged[row["id"]].scores[rubric.OVERALL])
    shown = {"best": _varied(reversed(marked)), "worst": _varied(marked)}
    return {end: [_hung(row, judged[row["id"]]) for row in chosen] for end, chosen in shown.items()}


def _varied(rows) -> list[Mapping]:
    """The first row of each kind, then, where these are few, the next ones."""
    first, later, seen = [], [], set()
    for row in rows:
        kind = row.get("facts", {}).get("articleType", row["id"])
        (later if kind in seen else first).append(row)
        seen.add(kind)
    return (first + later)[:MOST]


def _hung(row: Mapping, judgement: Judgement) -> dict[str, Any]:
    overall = round(judgement.scores[rubric.OVERALL], 2)
    return {"id": row["id"], "text": row["text"], "overall": overall, "why": judgement.why}


def compare(first: Path, second: Path, judge: str = "rules") -> list[dict[str, Any]]:
    """second - first for each metric, over the pictures that both evaluations judged.

    Returns:
        Rows of metric, difference, low, high, n and verdict: equal, noise, better or worse.

    Raises:
        UserError: when they have no judged picture in common.
    """
    one, two = (evaluations.read_judgements(folder, judge) for folder in (first, second))
    both = [(one[id].scores, two[id].scores) for id in one if id in two]
    rows = []
    for name in (rubric.OVERALL, *rubric.NAMES):
        pairs = [(a[name], b[name]) for a, b in both if name in a and name in b]
        if pairs:
            change = intervals.difference(*zip(*pairs, strict=True))
            rows.append({"metric": name, "difference": round(change.mean, 4),
                         "low": round(change.low, 4), "high": round(change.high, 4),
                         "n": change.n, "verdict": _verdict(change, pairs)})  # fmt: skip
    if not rows:
        raise UserError(
            f"{first} and {second} have no picture in common that the judge {judge!r} judged; "
            "evaluate both on the same data with this judge first."
        )
    return rows


def _verdict(change: intervals.Estimate, pairs: Sequence[tuple[float, float]]) -> str:
    if all(a == b for a, b in pairs):
        return "equal"
    if intervals.is_noise(change):
        return "noise"
    return "better" if change.mean > 0 else "worse"
