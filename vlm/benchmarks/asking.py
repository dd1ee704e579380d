"""Puts the questions of a benchmark to a model, or to anything that answers them.

answers.jsonl   {"id", "rotation", "prompt", "text"} or, where it could not be asked, "error"
asked.json      which benchmark was put to which model
"""

import json
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from vlm import encoding, runs
from vlm.benchmarks.question import Answer, Benchmark, Question, picture, rotations
from vlm.describe import texts
from vlm.errors import UserError
from vlm.types import Bundle

ANSWERS, ASKED = "answers.jsonl", "asked.json"

Answerer = Callable[[Sequence[Question], Sequence[Image.Image]], Sequence[str]]


def of_model(bundle: Bundle) -> Answerer:
    """Asks a model, greedily, in one batch."""
    return lambda questions, pictures: list(
        texts(bundle, pictures, [question.prompt for question in questions], len(questions))
    )


def plan(benchmark: Benchmark, circular: bool) -> list[Question]:
    """Everything to ask, the rotations of a question one after the other."""
    return [q for one in benchmark.questions for q in (rotations(one) if circular else (one,))]


def ask(
    questions: Sequence[Question],
    answerer: Answerer,
    *,
    out: Path | None = None,
    resume: bool = False,
    about: dict[str, str] | None = None,
    batch_size: int = 16,
) -> list[Answer]:
    """The answers in the order of the questions; with `out` each one is kept at once.

    Args:
        resume: take what `out` has already, where the prompt is still the same.
        about: which benchmark and model this is; a resumed folder must be about the same.

    Raises:
        UserError: when the folder holds answers and `resume` was not asked for, or of another.
    """
    known = _prepare(out, resume, about or {}) if out else {}
    known = {_key(q): known[_key(q)] for q in questions if _fits(known.get(_key(q)), q)}
    left = iter([question for question in questions if _key(question) not in known])
    with tqdm(total=len(questions), initial=len(known), desc="questions", leave=False) as bar:
        while group := list(islice(left, batch_size)):
            for row in _ask(group, answerer):
                known[row["id"], row["rotation"]] = row
                if out:
                    with runs.room(out):
                        runs.append_jsonl(out / ANSWERS, row)
            bar.update(len(group))
    rows = [known[_key(question)] for question in questions]
    return [
        Answer(question, row.get("text", ""), row.get("error", ""))
        for question, row in zip(questions, rows, strict=True)
    ]


def _key(question: Question) -> tuple[str, int]:
    return question.id, question.rotation


def _fits(row: dict | None, question: Question) -> bool:
    return row is not None and row.get("prompt") == question.prompt


def _ask(questions: Sequence[Question], answerer: Answerer) -> list[dict]:
    """One row for each question of a batch."""
    opened: dict[str, Image.Image | str] = {}  # the rotations of a question share its picture
    for question in questions:
        if question.id not in opened:
            opened[question.id] = _open(question)
    good = [q for q in questions if isinstance(opened[q.id], Image.Image)]
    said = iter(answerer(good, [opened[q.id] for q in good]) if good else ())
    rows = []
    for question in questions:
        row = {"id": question.id, "rotation": question.rotation, "prompt": question.prompt}
        error = opened[question.id]
        rows.append(row | ({"error": error} if isinstance(error, str) else {"text": next(said)}))
    return rows


def _open(question: Question) -> Image.Image | str:
    """The picture, or the sentence that says why the question cannot be asked."""
    try:
        encoding.check_length(question.prompt)
        return picture(question)
    except UserError as error:
        return str(error)


def _prepare(out: Path, resume: bool, about: dict[str, str]) -> dict[tuple[str, int], dict]:
    """Make the folder ready; the rows that it has already."""
    file, before = out / ANSWERS, _about(out / ASKED)
    if out.exists() and not out.is_dir():
        raise UserError(f"{out} is a file; give a folder with --out.")
    if file.exists() and not resume:
        raise UserError(f"{out} already holds answers; add --resume, or choose another --out.")
    if before is not None and before != about:
        was = ", ".join(f"{key} {value}" for key, value in before.items())
        raise UserError(f"{out} holds answers of another run ({was}); choose another --out.")
    out.mkdir(parents=True, exist_ok=True)
    rows = [row for row in runs.read_jsonl(file) if isinstance(row, dict)]
    rows = [row for row in rows if {"id", "rotation", "prompt"} <= row.keys()]
    if file.exists():  # a line torn by a kill would swallow the next one
        runs.write_text(file, "".join(map(runs.line, rows)))
    runs.write_json(out / ASKED, about)
    return {(row["id"], row["rotation"]): row for row in rows}


def _about(file: Path) -> dict | None:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
