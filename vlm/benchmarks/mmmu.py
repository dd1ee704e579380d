"""MMMU (Yue et al., 2023, arXiv 2311.16502): college questions in thirty subjects.

The layout of the Hub's `MMMU/MMMU`, one configuration a subject. Our models take one picture, and
some questions have several: these are laid side by side in one, and counted, rather than left out,
so that the score is over the same questions as everybody's.
"""

import ast
import re
from collections.abc import Mapping
from pathlib import Path

from vlm.benchmarks.question import EVERY, Benchmark, Question, spread, table
from vlm.data.source import bad_picture
from vlm.errors import UserError

NAME, HUB_ID = "mmmu", "MMMU/MMMU"
NEEDED = ("id", "question", "options", "answer", "image_1", "question_type")
PLACE = re.compile(r"<image (\d)>")
SIDE_BY_SIDE = "The pictures stand side by side, numbered from the left."


def load(split: str = "", path: str | Path | None = None, limit: int = 0) -> Benchmark:
    """The questions of `dev` or `validation` (of `test` the answers are not published).

    Raises:
        UserError: when the table is not found, lacks a column or has no answers.
    """
    split = split or "validation"
    rows = table(NAME, HUB_ID, split, path, NEEDED, EVERY)
    rows = rows.take(spread(rows.num_rows, limit)).to_pylist()
    if all(_hidden(row) for row in rows):
        raise UserError(f"The {split} split of MMMU has no answers; choose --split validation.")
    questions, problems = {}, []
    for number, row in enumerate(rows):
        reason = bad_row(row) or ("its id came before" if row["id"] in questions else "")
        if reason:
            problems.append(f"question {row.get('id') or f'in row {number}'}: {reason}")
        else:
            questions[row["id"]] = _question(row)
    several = sum(len(question.images) > 1 for question in questions.values())
    notes = (f"{several} questions have several pictures, laid side by side in one",)
    return Benchmark(
        f"{NAME}/{split}", tuple(questions.values()), tuple(problems), circular=False,
        takes_last=True, notes=notes if several else (),
    )  # fmt: skip


def bad_row(row: Mapping) -> str:
    """Why a row cannot be asked, empty when it can."""
    options, answer = _listed(row["options"]), str(row["answer"] or "").strip()
    if not row["id"] or not row["question"]:
        return "no id" if not row["id"] else "no question"
    if _hidden(row):
        return "no answer is published"
    if _is_choice(row):
        if len(options) < 2:
            return "fewer than two options"
        if len(answer) > 1 or not 0 <= ord(answer) - ord("A") < len(options):
            return f"the answer {answer!r} is none of its {len(options)} options"
    return next((why for n in _shown(row) if (why := bad_picture(row.get(f"image_{n}")))), "")


def _hidden(row: Mapping) -> bool:
    return str(row["answer"] or "").strip() in ("", "?")


def _is_choice(row: Mapping) -> bool:
    return row["question_type"] == "multiple-choice"


def _listed(text: object) -> tuple[str, ...]:
    """The entries of a Python list that is stored as text; none when it is not one."""
    try:
        found = ast.literal_eval(str(text))
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return ()
    return tuple(str(entry) for entry in found) if isinstance(found, list) else ()


def _shown(row: Mapping) -> list[int]:
    """The numbers of the pictures that question and options name, else the first."""
    named = PLACE.findall(f"{row['question']} {row['options']}")
    return list(dict.fromkeys(int(number) for number in named)) or [1]


def _question(row: Mapping) -> Question:
    shown = _shown(row)
    names = {n: f"[picture {place}]" for place, n in enumerate(shown, start=1)}
    names = names if len(shown) > 1 else {shown[0]: "[picture]"}

    def said(text: str) -> str:
        return PLACE.sub(lambda match: names[int(match[1])], text).strip()

    options = tuple(said(option) for option in _listed(row["options"])) if _is_choice(row) else ()
    answer = str(row["answer"]).strip()
    return Question(
        id=row["id"],
        images=tuple(row[f"image_{number}"]["bytes"] for number in shown),
        text=said(row["question"]),
        answer=ord(answer) - ord("A") if options else _listed(answer) or (answer,),
        options=options,
        category=_subject(row),
        hint=SIDE_BY_SIDE if len(shown) > 1 else "",
    )


def _subject(row: Mapping) -> str:
    """The subject out of an id like validation_Art_Theory_12, else the subfield."""
    match = re.fullmatch(r"[a-z]+_(.+)_\d+", row["id"])
    return match[1].replace("_", " ") if match else str(row.get("subfield") or "")
