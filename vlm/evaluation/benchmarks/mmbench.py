"""MMBench (Liu et al., 2023, arXiv 2307.06281): multiple-choice questions about twenty abilities.

There are two layouts: the Hub's `lmms-lab/MMBench`, and the publishers' TSV, whose picture is
base64 or the index of the row that has it. Both may already contain the rotations, each with a
million more added to the index; they are checked, then generated again.
"""

import base64
import binascii
import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from vlm.data import tables
from vlm.data.source import find_files
from vlm.data.tables.pictures import picture_problem
from vlm.errors import UserError
from vlm.evaluation.benchmarks.question import Benchmark, Question, rotations, spread, table

NAME, HUB_ID = "mmbench", "lmms-lab/MMBench"
CONFIG = "en"
COLUMNS = ("index", "question", "A", "B", "answer", "image")
OPTION_COLUMNS = "ABCDE"
ROTATION_STEP = 10**6  # added to the index for each rotation
MAX_REFERENCE = 64  # characters; a shorter text in the picture column is another row's index


def load(split: str = "", path: str | Path | None = None, limit: int = 0) -> Benchmark:
    """Load `dev`; the answers of `test` are not published.

    Raises:
        UserError: when the table is not found, lacks a column or has no answers.
    """
    split = split or "dev"
    rows = _read(split, path)
    if not any(_text(row.get("answer")) for row in rows):
        raise UserError(f"The {split} split of MMBench has no answers; choose --split dev.")
    problems = [f"row {n}: no index" for n, row in enumerate(rows) if _index(row) is None]
    questions = _original_questions(rows, limit, problems)
    _drop_wrong_rotations(rows, questions, problems)
    return Benchmark(f"{NAME}-{CONFIG}/{split}", tuple(questions.values()), tuple(problems))


def _read(split: str, path: str | Path | None) -> list[dict]:
    """Return the rows of a TSV if there is one, else those of the parquet layout."""
    tsv = find_files(NAME, split, path, CONFIG, ".tsv")
    if not tsv:
        return table(NAME, HUB_ID, split, path, COLUMNS, CONFIG).to_pylist()
    limit = csv.field_size_limit(2**31 - 1)  # a picture in base64 exceeds csv's limit of 128 kB
    try:
        rows = tables.read_parsed(tsv[0])
    finally:
        csv.field_size_limit(limit)
    columns = list(rows[0]) if rows else []
    missing = [column for column in COLUMNS if column not in columns]
    if missing:
        has = ", ".join(columns) or "no rows"
        raise UserError(f"{tsv[0].name} lacks {', '.join(missing)}; it has {has}.")
    return rows


def _original_questions(
    rows: Sequence[Mapping], limit: int, problems: list[str]
) -> dict[int, Question]:
    """Return by index the usable questions among the rows that are not rotations."""
    originals = [row for row in rows if _index(row) is not None and _index(row) < ROTATION_STEP]
    pictures = {_index(row): row["image"] for row in rows}
    questions: dict[int, Question] = {}
    for row in (originals[place] for place in spread(len(originals), limit)):
        index = _index(row)
        reason = _problem(row, pictures) or ("duplicate index" if index in questions else "")
        if reason:
            problems.append(f"question {index}: {reason}")
        else:
            questions[index] = _question(row, pictures)
    return questions


def _drop_wrong_rotations(
    rows: Sequence[Mapping], questions: dict[int, Question], problems: list[str]
) -> None:
    """Drop every question that has a stored rotation with other options or another answer."""
    for row in rows:
        index = _index(row)
        if index is None or index < ROTATION_STEP:
            continue
        question = questions.get(index % ROTATION_STEP)
        if question and not _is_rotation(row, question):
            del questions[index % ROTATION_STEP]
            problems.append(f"question {question.id}: row {index} is not a rotation of it")


def _index(row: Mapping, column: str = "index") -> int | None:
    try:
        return int(float(_text(row.get(column))))
    except (ValueError, OverflowError):
        return None


def _text(value: object) -> str:
    """Return a cell as text, empty for missing values."""
    text = "" if value is None else str(value).strip()
    return "" if text.lower() in ("nan", "none") else text


def _options(row: Mapping) -> tuple[str, ...]:
    """Return the options up to the first empty one; the word "None" is a valid option."""
    options = []
    for column in OPTION_COLUMNS:
        cell = row.get(column)
        text = "" if cell is None or str(cell).strip() == "nan" else str(cell).strip()
        if not text:
            break
        options.append(text)
    return tuple(options)


def _problem(row: Mapping, pictures: Mapping[int | None, object]) -> str:
    """Return the reason a row is unusable, or an empty string."""
    options, answer = _options(row), _text(row.get("answer"))
    if not _text(row.get("question")):
        return "no question"
    if len(options) < 2:
        return "fewer than two options"
    if not answer or answer not in OPTION_COLUMNS[: len(options)]:
        return f"the answer {answer!r} is none of its {len(options)} options"
    cell = _picture(row, pictures)
    return picture_problem({"bytes": cell} if isinstance(cell, bytes) else cell)


def _picture(row: Mapping, pictures: Mapping[int | None, object]) -> object:
    """Return the Hub's picture cell, or the bytes behind base64 or another row's index."""
    cell = row["image"]
    if isinstance(cell, str) and 0 < len(cell) <= MAX_REFERENCE:
        cell = pictures.get(_index(row, "image"))
    if not isinstance(cell, str):
        return cell
    try:
        return base64.b64decode(cell, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _question(row: Mapping, pictures: Mapping[int | None, object]) -> Question:
    cell = _picture(row, pictures)
    return Question(
        id=str(_index(row)),
        images=(cell if isinstance(cell, bytes) else cell["bytes"],),
        text=_text(row["question"]),
        answer=OPTION_COLUMNS.index(_text(row["answer"])),
        options=_options(row),
        category=_text(row.get("category")),
        hint=_text(row.get("hint")),
    )


def _is_rotation(row: Mapping, question: Question) -> bool:
    """Return True if a stored rotation is one that we generate too."""
    expected = {(q.options, OPTION_COLUMNS[q.answer]) for q in rotations(question)}
    return (_options(row), _text(row.get("answer"))) in expected
