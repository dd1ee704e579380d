"""Put a benchmark's questions to a model, or to any other function that answers them.

answers.jsonl   {"id", "rotation", "prompt", "text"}, or "error" where it could not be asked
asked.json      the benchmark and the model
"""

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from vlm.errors import UserError
from vlm.evaluation.benchmarks.question import (
    Answer,
    Benchmark,
    Question,
    open_picture,
    rotations,
)
from vlm.inference import encoding
from vlm.inference.batch import batch
from vlm.system import files
from vlm.types import Bundle

ANSWERS, SOURCE = "answers.jsonl", "asked.json"

Answerer = Callable[[Sequence[Question], Sequence[Image.Image]], Sequence[str]]
Key = tuple[str, int]  # id and rotation of a question


def model_answerer(bundle: Bundle) -> Answerer:
    """Return a function that lets the model answer one batch of questions, greedily."""
    return lambda questions, pictures: list(
        batch(bundle, pictures, [question.prompt for question in questions], len(questions))
    )


def plan(benchmark: Benchmark, circular: bool) -> list[Question]:
    """Return all questions in order; with `circular`, each one in all its rotations."""
    return [q for one in benchmark.questions for q in (rotations(one) if circular else (one,))]


def run(
    questions: Sequence[Question],
    answerer: Answerer,
    *,
    out: Path | None = None,
    resume: bool = False,
    source: Mapping[str, str] | None = None,
    batch_size: int = 16,
) -> list[Answer]:
    """Return an answer for each question, in order.

    Args:
        out: folder in which each batch of answers is saved at once.
        resume: reuse the answers in `out` whose prompts have not changed.
        source: names of benchmark and model; a resumed folder must have the same ones.

    Raises:
        UserError: when `out` has answers and `resume` is not set, or they have another source.
    """
    rows = _prepare(out, resume, dict(source or {})) if out else {}
    rows = {_key(q): rows[_key(q)] for q in questions if _has_answer(rows, q)}
    pending = iter([question for question in questions if _key(question) not in rows])
    with tqdm(total=len(questions), initial=len(rows), desc="questions", leave=False) as bar:
        while group := list(islice(pending, batch_size)):
            for row in _answer_batch(group, answerer):
                rows[row["id"], row["rotation"]] = row
                if out:
                    with files.writing(out):
                        files.append_jsonl(out / ANSWERS, row)
            bar.update(len(group))
    ordered = [rows[_key(question)] for question in questions]
    return [
        Answer(question, row.get("text", ""), row.get("error", ""))
        for question, row in zip(questions, ordered, strict=True)
    ]


def _key(question: Question) -> Key:
    return question.id, question.rotation


def _has_answer(rows: Mapping[Key, dict], question: Question) -> bool:
    """Return True if there is an answer to exactly this prompt."""
    row = rows.get(_key(question))
    return row is not None and row.get("prompt") == question.prompt


def _answer_batch(questions: Sequence[Question], answerer: Answerer) -> list[dict]:
    """Return one row for each question of a batch."""
    opened: dict[str, Image.Image | str] = {}  # all rotations of a question share its picture
    for question in questions:
        if question.id not in opened:
            opened[question.id] = _open(question)
    usable = [q for q in questions if isinstance(opened[q.id], Image.Image)]
    texts = iter(answerer(usable, [opened[q.id] for q in usable]) if usable else ())
    rows = []
    for question in questions:
        row = {"id": question.id, "rotation": question.rotation, "prompt": question.prompt}
        error = opened[question.id]
        rows.append(row | ({"error": error} if isinstance(error, str) else {"text": next(texts)}))
    return rows


def _open(question: Question) -> Image.Image | str:
    """Return the picture, or the reason the question cannot be asked."""
    try:
        encoding.check_length(question.prompt)
        return open_picture(question)
    except UserError as error:
        return str(error)


def _prepare(out: Path, resume: bool, source: dict[str, str]) -> dict[Key, dict]:
    """Create the folder, or check an existing one and return its answers."""
    file, old_source = out / ANSWERS, _read_source(out / SOURCE)
    if out.exists() and not out.is_dir():
        raise UserError(f"{out} is a file; give a folder with --out.")
    if file.exists() and not resume:
        raise UserError(f"{out} already has answers; add --resume, or choose another --out.")
    if old_source is not None and old_source != source:
        names = ", ".join(f"{key} {value}" for key, value in old_source.items())
        raise UserError(f"{out} has answers from another run ({names}); choose another --out.")
    out.mkdir(parents=True, exist_ok=True)
    rows = [row for row in files.read_jsonl(file) if isinstance(row, dict)]
    rows = [row for row in rows if {"id", "rotation", "prompt"} <= row.keys()]
    if file.exists():  # the next row must not be appended to a line torn by a kill
        files.write_text(file, "".join(map(files.json_line, rows)))
    files.write_json(out / SOURCE, source)
    return {(row["id"], row["rotation"]): row for row in rows}


def _read_source(file: Path) -> dict | None:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
