"""Read and write the files of an evaluation folder.

predictions.jsonl        {"id", "prompt", "text", "facts"}, one line per picture, in order
judgements-<judge>.jsonl {"id", "colour", "style", "category", "gender", "factual", "why"} or
                         {"id", "unjudged"}
captions.jsonl           {"id", "cider_d", "rouge_l", "chair_s", ..., "unbacked"}, if the pictures
                         have captions: the scores of each picture and what nothing backs
scores.json              all figures that are the same when the evaluation is repeated
speed.json               seconds and megabytes, which vary from run to run
report.html              everything above as a page
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from vlm.errors import UserError
from vlm.evaluation.metrics import rubric
from vlm.evaluation.metrics.rubric import Judgement
from vlm.system import files

PREDICTIONS, SCORES = "predictions.jsonl", "scores.json"
JUDGEMENTS = "judgements-"  # then the judge's name
CAPTION_SCORES = "captions.jsonl"
SPEED, REPORT = "speed.json", "report.html"

# Keys of scores.json -> what pages call them.
LABEL_NAMES = {
    "subCategory": "Kind",
    "articleType": "Article type",
    "gender": "Gender",
    "baseColour": "Colour",
    "usage": "Usage",
    "kind": "Kind of scene",
    "sure": "Known images not flagged unsure",
    "unsure": "Unknown images flagged unsure",
}
PROBE_NAMES = {
    "blank": "Blank image",
    "shuffled": "Shuffled images",
    "mirrored": "Inverted hues",
    "questions": "Different questions",
    "obedience": "Only the requested attribute",
}
ABILITY_NAMES = {
    "json": "Valid JSON",
    "json_agrees": "JSON matches the description",
    "yesno": "Yes/no questions",
    "not": "Naming something it is not",
    "brief": "Brief answers",
    "detail_recall": "Detail recall",
    "detail_precision": "Detail precision",
    "detail_unbacked": "Unverifiable details",
    "chat": "Conversations",
    "presence": "Is there ...?",
    "count": "How many?",
    "where": "Where is it?",
}
CAPTION_NAMES = {
    "cider_d": "CIDEr-D",
    "bleu_1": "BLEU-1",
    "bleu_2": "BLEU-2",
    "bleu_3": "BLEU-3",
    "bleu_4": "BLEU-4",
    "rouge_l": "ROUGE-L",
    "meteor": "METEOR",
    "spice": "SPICE",
    "chair_i": "Unbacked things",
    "chair_s": "Captions with an unbacked thing",
    "human_chair_i": "Unbacked things, people",
    "human_chair_s": "Captions with an unbacked thing, people",
}


def judgement_file(judge: str) -> str:
    """Return a judge's file name: `judgements-rules.jsonl`, `judgements-model-org-name.jsonl`."""
    return f"{JUDGEMENTS}{re.sub(r'[^a-z0-9.]+', '-', judge.lower()).strip('-')}.jsonl"


def judge_in(file_name: str) -> str:
    """Return the judge's name as it is in the name of its file."""
    return file_name.removeprefix(JUDGEMENTS).removesuffix(".jsonl")


def read_predictions(folder: Path) -> list[dict[str, Any]]:
    """Read the rows of predictions.jsonl, in order.

    Raises:
        UserError: when the folder is not an evaluation.
    """
    rows = files.read_jsonl(folder / PREDICTIONS)
    rows = [row for row in rows if isinstance(row, dict) and {"id", "text"} <= row.keys()]
    if not rows:
        raise UserError(
            f"{folder} has no {PREDICTIONS} with rows of id and text; give the folder that "
            "`loupe evaluate --out` wrote."
        )
    return rows


def read_judgements(folder: Path, judge: str = "rules") -> dict[str, Judgement]:
    """Read one judge's judgements by picture id; empty if there are none by this judge."""
    rows = files.read_jsonl(folder / judgement_file(judge))
    return {str(row["id"]): rubric.from_row(row) for row in rows if "id" in row}


def read_judges(folder: Path) -> tuple[dict[str, dict[str, Judgement]], list[str]]:
    """Read the judgements of all judges, by the name in their file; and list unreadable files."""
    judgements, unreadable = {}, []
    for path in sorted(folder.glob(f"{JUDGEMENTS}*.jsonl")):
        name = judge_in(path.name)
        try:
            judgements[name] = read_judgements(folder, name)
        except (ValueError, TypeError, AttributeError):  # a row that is not a judgement
            unreadable.append(path.name)
    return judgements, unreadable


def write_judgements(
    folder: Path, judge: str, judged: Iterable[tuple[str, Judgement]]
) -> dict[str, Judgement]:
    """Replace a judge's file by (picture id, judgement) pairs; returns them as a dictionary."""
    judgements = dict(judged)
    lines = [json.dumps({"id": id} | j.row(), ensure_ascii=False) for id, j in judgements.items()]
    files.write_text(folder / judgement_file(judge), "".join(line + "\n" for line in lines))
    return judgements


def write_caption_scores(folder: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Replace captions.jsonl."""
    files.write_text(folder / CAPTION_SCORES, "".join(map(files.json_line, rows)))


def read_caption_scores(folder: Path) -> dict[str, dict[str, float]]:
    """Read captions.jsonl: each picture's scores by its id; empty if there is no such file."""
    rows = files.read_jsonl(folder / CAPTION_SCORES)
    good = (row for row in rows if isinstance(row, dict) and "id" in row)
    return {
        str(row["id"]): {key: row[key] for key in CAPTION_NAMES if isinstance(row.get(key), float)}
        for row in good
    }


def read_scores(folder: Path) -> dict[str, Any]:
    """Read scores.json; empty if it is missing or unreadable."""
    try:
        scores = json.loads((folder / SCORES).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return scores if isinstance(scores, dict) else {}
