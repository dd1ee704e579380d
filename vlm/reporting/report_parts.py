"""The parts of report.html that go beyond scores.json: judges, gallery cards, comparison, speed.

Parts whose file is missing stay empty.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from vlm.data.images import Picture, thumbnail
from vlm.evaluation import results
from vlm.evaluation.metrics import rubric
from vlm.evaluation.metrics.agreement import agreement
from vlm.evaluation.metrics.rubric import Judgement
from vlm.reporting import report_data
from vlm.reporting.report_data import Figure, GalleryRow
from vlm.reporting.values import as_dict, column_label, is_number

LONGEST = 1200  # characters of a description in the gallery
SPEED = {  # key of speed.json -> label, number format
    "first_token_s": ("picture to first token", "{:.3f} s"),
    "answer_s": ("picture to whole answer", "{:.3f} s"),
    "tokens_per_second": ("tokens per second after the first", "{:,.0f}"),
    "pictures_per_second": ("pictures per second", "{:,.1f}"),
    "tokens": ("tokens in an answer", "{:.0f}"),
    "peak_memory_mb": ("peak memory", "{:,.0f} MB"),
}
SETUP = ("memory", "repeats", "threads", "device", "dtype")  # how the speed was measured


def judges(folder: Path, first: str) -> tuple[dict[str, dict[str, Judgement]], list[str]]:
    """Return each judge's judgements and the files that cannot be read.

    `first` is the judge that the scores come from; it leads, even when its file is missing.
    """
    judged, broken = results.read_judges(folder)
    name = results.judge_in(results.judgement_file(first))
    rest = {other: rows for other, rows in judged.items() if rows and other != name}
    return {name: judged.get(name, {})} | rest, broken


def flawless(judged: Mapping[str, Judgement]) -> tuple[int, int]:
    """Count the descriptions with full marks, and those that were judged."""
    overall = [row.scores[rubric.OVERALL] for row in judged.values() if row.scores]
    return sum(value == rubric.BEST for value in overall), len(overall)


def extremes(metrics: Iterable[Figure]) -> tuple[str, str] | None:
    """Return the best and the worst of the five metrics, None when they are equal."""
    five = [figure for figure in metrics if figure.key != rubric.OVERALL]
    ranked = sorted(five, key=lambda figure: figure.mean)
    differ = ranked and ranked[0].mean < ranked[-1].mean
    return (ranked[-1].key, ranked[0].key) if differ else None


def cards(
    rows: Iterable[GalleryRow],
    predictions: Iterable[Mapping[str, Any]],
    judged: Mapping[str, Judgement],
    pictures: Mapping[str, Picture],
) -> list[dict[str, Any]]:
    """Return gallery rows with metadata, scores below the best, and a thumbnail if possible."""
    facts = {str(row["id"]): as_dict(row.get("facts")) for row in predictions}
    return [
        {
            "row": row,
            "text": row.text if len(row.text) <= LONGEST else row.text[:LONGEST] + "…",
            "lost": _below_best(judged[row.id].scores) if row.id in judged else {},
            "facts": {column_label(k): v for k, v in facts.get(row.id, {}).items() if v},
            "thumbnail": thumbnail(pictures[row.id]) if pictures.get(row.id) is not None else "",
        }
        for row in rows
    ]


def _below_best(scores: Mapping[str, float]) -> dict[str, float]:
    return {name: v for name, v in scores.items() if v < rubric.BEST and name != rubric.OVERALL}


def agreements(judged: Mapping[str, Mapping[str, Judgement]]) -> list[dict[str, Any]]:
    """Return a table for every two judges: equal verdicts in percent and kappa, for each metric."""
    tables = [
        {"judges": pair, "marks": _agreement(judged[pair[0]], judged[pair[1]])}
        for pair in combinations([name for name, rows in judged.items() if rows], 2)
    ]
    return [table for table in tables if table["marks"]]


def _agreement(
    first: Mapping[str, Judgement], second: Mapping[str, Judgement]
) -> list[dict[str, Any]]:
    rows = agreement(first, second).items()
    return [{"name": name, "equal": 100 * row.equal, **row.kappa.row()} for name, row in rows]


def comparison(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the differences to another evaluation, and the scale that fits them all."""
    changes = report_data.differences(rows)
    scale = max((abs(end) for row in changes for end in (row.low, row.high)), default=0) or 1
    return {"rows": changes, "scale": scale}


def speed(folder: Path) -> dict[str, Any]:
    """Return speed.json as a table: batch sizes, rows of a label and its cells, the setup."""
    try:
        table = as_dict(json.loads((folder / results.SPEED).read_text(encoding="utf-8")))
        sizes = sorted((size for size in table if isinstance(table[size], dict)), key=int)
    except (OSError, ValueError):
        return {}
    rows = []
    for key, (label, form) in SPEED.items():
        cells = [table[size].get(key) for size in sizes]
        if any(map(is_number, cells)):
            rows.append((label, [form.format(c) if is_number(c) else "–" for c in cells]))
    setup = {key: table[size].get(key) for size in sizes for key in SETUP}
    return {"sizes": sizes, "rows": rows, "about": setup} if rows else {}
