"""Folders of runs and evaluations, as written by training and evaluation."""

import json
import math
from pathlib import Path
from typing import Any

from tests import tiny
from vlm.evaluation.metrics import rubric

STEPS = ((500, 760_000), (1000, 1_510_000), (1500, 2_270_000))  # step, tokens seen
COLOURS = tuple(tiny.COLOURS)
HOSTILE = '<img src=x onerror="window.hacked=1">${window.hacked=1}{{7*7}}</td><script>'


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write a JSON-lines file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def run(folder: Path, start: float = 6.0, panel: bool = True) -> Path:
    """Write a run whose scores start at `start` and rise by one at each evaluation."""
    metrics, scores, samples = [], [], []
    for number, (step, tokens) in enumerate(STEPS):
        place = {"step": step, "tokens_seen": tokens}
        metrics += [place | {"loss": 1.0}, place | {"eval_loss": (10 - start) / 10 / (number + 1)}]
        marks = dict.fromkeys((*rubric.NAMES, rubric.OVERALL), start + number)
        captions = {"captioned": 20, "cider_d": 10 * start + number, "bleu_4": start}
        scores.append(place | {"pictures": 20} | marks | captions)
        for colour in COLOURS:
            text = f"A {colour} thing, seen {number + 1} times."
            sample = {"id": colour, "image": f"panel/{colour}.jpg", "prompt": "What is it?"}
            samples.append(place | sample | {"answer": f"A {colour} square.", "text": text})
    write_rows(folder / "metrics.jsonl", metrics)
    write_rows(folder / "scores.jsonl", scores)
    if panel:
        write_rows(folder / "samples.jsonl", samples)
        (folder / "panel").mkdir()
        for colour in COLOURS:
            tiny.picture(colour, 64).save(folder / "panel" / f"{colour}.jpg")
    return folder


def figure(mean: float, width: float = 0.5, **more: Any) -> dict[str, Any]:
    """Return a mean with its interval, as in scores.json."""
    return {"mean": mean, "low": mean - width, "high": mean + width, "n": 40, **more}


def scores(overall: float = 8.0, text: str = "A red shirt.") -> dict[str, Any]:
    """Return the content of scores.json; `text` is that of the model and the judge."""
    worst = {"id": "7", "text": text, "overall": 2.0, "why": f"wrong: {text}"}
    return {
        "model": f"mini {text}",
        "data": "fashion-products/validation",
        "pictures": 40,
        "prompt": text,
        "judge": "rules",
        "unjudged": 1,
        "scores": {name: figure(overall) for name in (*rubric.NAMES, rubric.OVERALL)},
        "exact": {"articleType": figure(84.7), "baseColour": figure(68.2)},
        "probes": {"blank": figure(99.1, says=f"% differ from a blank one {text}")},
        "confusions": {"articleType": [["Tops", text, 3]]},
        "gallery": {
            "best": [{"id": text, "text": text, "overall": 10.0, "why": ""}],
            "worst": [worst],
        },
    }


def evaluation(folder: Path, overall: float = 8.0, text: str = "A red shirt.") -> Path:
    """Write an evaluation of forty pictures judged by the rules."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "scores.json").write_text(json.dumps(scores(overall, text)), encoding="utf-8")
    ids = [str(number) for number in range(40)]
    write_rows(folder / "predictions.jsonl", [{"id": i, "text": text, "facts": {}} for i in ids])
    marks = [min(10.0, max(0.0, overall + math.sin(n))) for n in range(40)]
    judged = [{"id": i, "colour": mark, "style": 10.0} for i, mark in zip(ids, marks, strict=True)]
    write_rows(folder / "judgements-rules.jsonl", judged)
    return folder
