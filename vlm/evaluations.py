"""An evaluation is a folder, like a run: what the model said, what judges say of it, the scores.

predictions.jsonl        {"id", "prompt", "text", "facts"}, one line a picture, in order
judgements-<judge>.jsonl {"id", "colour", "style", "category", "gender", "factual", "why"} or
                         {"id", "unjudged"}
scores.json              every figure that a repeated evaluation gives again
speed.json               seconds and megabytes, which differ from run to run
report.html              all of it to read
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from vlm import runs
from vlm.errors import UserError
from vlm.metrics import rubric
from vlm.metrics.rubric import Judgement

PREDICTIONS, SCORES, SPEED, REPORT = (
    "predictions.jsonl",
    "scores.json",
    "speed.json",
    "report.html",
)

# what the pages call the figures of scores.json
EXACT = {
    "subCategory": "Kind",
    "articleType": "Article type",
    "gender": "Gender",
    "baseColour": "Colour",
    "usage": "Usage",
    "kind": "Kind of scene",
    "sure": "No false alarm",
    "unsure": "Says that it is not sure",
}
PROBES = {
    "blank": "A blank picture",
    "shuffled": "Another item's picture",
    "mirrored": "Mirrored colours",
    "questions": "Another question",
    "obedience": "One thing asked",
}
ABILITIES = {
    "json": "JSON asked for",
    "json_agrees": "JSON and description",
    "yesno": "Yes or no",
    "not": "What it is not",
    "brief": "Briefly",
    "detail_recall": "Details told",
    "detail_precision": "Details right",
    "detail_unbacked": "Details beyond",
    "chat": "A conversation",
}


def judgement_file(judge: str) -> str:
    """`judgements-rules.jsonl`, `judgements-model-org-name.jsonl`."""
    return f"judgements-{re.sub(r'[^a-z0-9.]+', '-', judge.lower()).strip('-')}.jsonl"


def read_predictions(folder: Path) -> list[dict[str, Any]]:
    """The rows of predictions.jsonl, in order.

    Raises:
        UserError: when the folder is no evaluation.
    """
    rows = runs.read_jsonl(folder / PREDICTIONS)
    rows = [row for row in rows if isinstance(row, dict) and {"id", "text"} <= row.keys()]
    if not rows:
        raise UserError(
            f"{folder} holds no {PREDICTIONS} with rows of id and text; give the folder that "
            "`python -m vlm evaluate --out` wrote."
        )
    return rows


def read_judgements(folder: Path, judge: str = "rules") -> dict[str, Judgement]:
    """Picture id -> judgement; empty when this judge has not been there."""
    rows = runs.read_jsonl(folder / judgement_file(judge))
    return {str(row["id"]): rubric.from_row(row) for row in rows if "id" in row}


def read_judges(folder: Path) -> tuple[dict[str, dict[str, Judgement]], list[str]]:
    """What each judge that was there said, by the name of its file; and files that do not read."""
    found, broken = {}, []
    for path in sorted(folder.glob("judgements-*.jsonl")):
        name = path.stem.removeprefix("judgements-")
        try:
            found[name] = read_judgements(folder, name)
        except (ValueError, TypeError, AttributeError):  # a row that is no judgement
            broken.append(path.name)
    return found, broken


def write_judgements(
    folder: Path, judge: str, judged: Iterable[tuple[str, Judgement]]
) -> dict[str, Judgement]:
    """Replace the judge's file; returns what was written."""
    found = dict(judged)
    lines = [json.dumps({"id": id} | j.row(), ensure_ascii=False) for id, j in found.items()]
    runs.write_text(folder / judgement_file(judge), "".join(line + "\n" for line in lines))
    return found


def read_scores(folder: Path) -> dict[str, Any]:
    """scores.json of an evaluation, empty when there is none that can be read."""
    try:
        found = json.loads((folder / SCORES).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
