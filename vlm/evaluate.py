"""Measures a model on a data set with metadata: attributes, prompt obedience, blank pictures."""

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from vlm.config import DESCRIBE
from vlm.data.captions import PROMPTS
from vlm.describe import texts
from vlm.metrics import METRICS
from vlm.metrics.attributes import only_about
from vlm.runs import write_json
from vlm.types import Bundle, Record

BATCH = 32
ASKED = 200  # pictures asked for their colour


def evaluate(
    bundle: Bundle, records: Sequence[Record], out: Path | None = None
) -> dict[str, float]:
    """Scores in percent; with `out`, also predictions.jsonl and scores.json in that folder."""
    told = _answers(bundle, records, [DESCRIBE] * len(records), "descriptions")
    scores = _metrics(told, records)
    blank = Image.new("RGB", (224, 224), "white")
    of_nothing = next(texts(bundle, [blank], [DESCRIBE], 1))
    scores["changed_by_blank"] = _percent([text != of_nothing for text in told])
    asked = records[:ASKED]
    prompts = [PROMPTS["colour"][n % len(PROMPTS["colour"])] for n in range(len(asked))]
    colours = _answers(bundle, asked, prompts, "colour questions")
    scores["asked_colour_told_colour"] = _percent([only_about(t, "baseColour") for t in colours])
    if out:
        _write(out, records, told, scores)
    return scores


def _answers(bundle: Bundle, records: Sequence[Record], prompts: list[str], what: str) -> list[str]:
    answers = texts(bundle, [record.image for record in records], prompts, BATCH)
    return list(tqdm(answers, what, len(records)))


def _metrics(told: Sequence[str], records: Sequence[Record]) -> dict[str, float]:
    """Mean of each metric over the records that have it."""
    rows = defaultdict(list)
    for text, record in zip(told, records, strict=True):
        for metric in METRICS.values():
            for name, value in metric(text, record.facts).items():
                rows[name].append(value)
    return {name: _percent(values) for name, values in rows.items()}


def _percent(values: Sequence[float]) -> float:
    return round(100 * sum(values) / max(len(values), 1), 2)


def _write(out: Path, records: Sequence[Record], told: Sequence[str], scores: dict) -> None:
    out.mkdir(parents=True, exist_ok=True)
    lines = [
        json.dumps({"id": record.id, "text": text, "facts": dict(record.facts)}, ensure_ascii=False)
        for record, text in zip(records, told, strict=True)
    ]
    (out / "predictions.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    write_json(out / "scores.json", scores)
