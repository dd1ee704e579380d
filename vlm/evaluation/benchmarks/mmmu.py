"""MMMU (Yue et al., 2023, arXiv 2311.16502): college questions in thirty subjects.

The layout is that of the Hub's `MMMU/MMMU`, with one configuration per subject. Our models take one
picture. Questions with several pictures are not skipped, because the score must cover the same
questions as published ones: their pictures are placed side by side in one, and the report counts
them.
"""

import ast
import re
from collections.abc import Mapping
from pathlib import Path

from vlm.data.source import ALL_CONFIGS
from vlm.data.tables.pictures import picture_problem
from vlm.errors import UserError
from vlm.evaluation.benchmarks.question import Benchmark, Question, spread, table

NAME, HUB_ID = "mmmu", "MMMU/MMMU"
COLUMNS = ("id", "question", "options", "answer", "image_1", "question_type")
PLACEHOLDER = re.compile(r"<image (\d)>")
SIDE_BY_SIDE = "The pictures stand side by side, numbered from the left."  # models see this


def load(split: str = "", path: str | Path | None = None, limit: int = 0) -> Benchmark:
    """Load `validation` or `dev`; the answers of `test` are not published.

    Raises:
        UserError: when the table is not found, lacks a column or has no answers.
    """
    split = split or "validation"
    rows = table(NAME, HUB_ID, split, path, COLUMNS, ALL_CONFIGS)
    rows = rows.take(spread(rows.num_rows, limit)).to_pylist()
    if all(_is_unpublished(row) for row in rows):
        raise UserError(f"The {split} split of MMMU has no answers; choose --split validation.")
    questions, problems = {}, []
    for number, row in enumerate(rows):
        reason = _problem(row) or ("duplicate id" if row["id"] in questions else "")
        if reason:
            problems.append(f"question {row.get('id') or f'in row {number}'}: {reason}")
        else:
            questions[row["id"]] = _question(row)
    several = sum(len(question.images) > 1 for question in questions.values())
    notes = (f"questions with several pictures, placed side by side in one: {several}",)
    return Benchmark(
        f"{NAME}/{split}",
        tuple(questions.values()),
        tuple(problems),
        circular=False,
        last_letter=True,
        notes=notes if several else (),
    )


def _problem(row: Mapping) -> str:
    """Return the reason a row is unusable, or an empty string."""
    options, answer = _parse_list(row["options"]), str(row["answer"] or "").strip()
    if not row["id"] or not row["question"]:
        return "no id" if not row["id"] else "no question"
    if _is_unpublished(row):
        return "no answer is published"
    if _is_multiple_choice(row):
        if len(options) < 2:
            return "fewer than two options"
        if len(answer) > 1 or not 0 <= ord(answer) - ord("A") < len(options):
            return f"the answer {answer!r} is none of its {len(options)} options"
    cells = [row.get(f"image_{number}") for number in _picture_numbers(row)]
    return next(filter(None, map(picture_problem, cells)), "")


def _is_unpublished(row: Mapping) -> bool:
    return str(row["answer"] or "").strip() in ("", "?")


def _is_multiple_choice(row: Mapping) -> bool:
    return row["question_type"] == "multiple-choice"


def _parse_list(text: object) -> tuple[str, ...]:
    """Return the entries of a Python list that is stored as text; empty if it is not a list."""
    try:
        entries = ast.literal_eval(str(text))
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return ()
    return tuple(str(entry) for entry in entries) if isinstance(entries, list) else ()


def _picture_numbers(row: Mapping) -> list[int]:
    """Return the numbers of the pictures that question and options refer to, by default 1."""
    numbers = PLACEHOLDER.findall(f"{row['question']} {row['options']}")
    return list(dict.fromkeys(int(number) for number in numbers)) or [1]


def _question(row: Mapping) -> Question:
    numbers = _picture_numbers(row)
    names = {n: f"[picture {place}]" for place, n in enumerate(numbers, start=1)}
    names = names if len(numbers) > 1 else {numbers[0]: "[picture]"}

    def rename(text: str) -> str:
        return PLACEHOLDER.sub(lambda match: names[int(match[1])], text).strip()

    texts = _parse_list(row["options"]) if _is_multiple_choice(row) else ()
    options, answer = tuple(map(rename, texts)), str(row["answer"]).strip()
    return Question(
        id=row["id"],
        images=tuple(row[f"image_{number}"]["bytes"] for number in numbers),
        text=rename(row["question"]),
        answer=ord(answer) - ord("A") if options else _parse_list(answer) or (answer,),
        options=options,
        category=_subject(row),
        hint=SIDE_BY_SIDE if len(numbers) > 1 else "",
    )


def _subject(row: Mapping) -> str:
    """Return the subject from an id like validation_Art_Theory_12, else the subfield."""
    match = re.fullmatch(r"[a-z]+_(.+)_\d+", row["id"])
    return match[1].replace("_", " ") if match else str(row.get("subfield") or "")
