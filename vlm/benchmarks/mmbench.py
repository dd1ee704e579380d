"""MMBench (Liu et al., 2023, arXiv 2307.06281): single-choice questions in twenty abilities.

Two layouts: the Hub's `lmms-lab/MMBench` (configurations en, cn, cc) and the publishers' TSV, whose
picture is base64 or the index of the row that has it. Both may hold the rotations already, with a
million added to the index for each; we make them anew, after checking that they say the same.
"""

import base64
import binascii
import csv
import io
from collections.abc import Mapping
from pathlib import Path

from vlm.benchmarks.question import Benchmark, Question, find, rotations, spread, table
from vlm.data.source import bad_picture
from vlm.errors import UserError

NAME, HUB_ID = "mmbench", "lmms-lab/MMBench"
NEEDED = ("index", "question", "A", "B", "answer", "image")
LETTERS = "ABCDE"
TURN = 10**6  # added to the index for each rotation
REFERENCE = 64  # characters; a picture column shorter than that is another row's index


def load(
    split: str = "", path: str | Path | None = None, limit: int = 0, config: str = "en"
) -> Benchmark:
    """The questions of a split: `dev` (`test` of en and cn has no published answers).

    Raises:
        UserError: when the table is not found, lacks a column or has no answers.
    """
    split = split or ("test" if config == "cc" else "dev")
    rows = _rows(split, path, config)
    if not any(_text(row.get("answer")) for row in rows):
        raise UserError(f"The {split} split of MMBench has no answers; choose --split dev.")
    first = [row for row in rows if _index(row) is not None and _index(row) < TURN]
    first = [first[place] for place in spread(len(first), limit)]
    pictures = {_index(row): row["image"] for row in rows}
    problems = [f"row {n}: no index" for n, row in enumerate(rows) if _index(row) is None]
    questions = {}
    for row in first:
        reason = _bad_row(row, pictures) or (_index(row) in questions and "came before") or ""
        if reason:
            problems.append(f"question {_index(row)}: {reason}")
        else:
            questions[_index(row)] = _question(row, pictures)
    for row in rows if questions else ():
        index = _index(row)
        if index is not None and index >= TURN and index % TURN in questions:
            if not _is_rotation(row, questions[index % TURN]):
                del questions[index % TURN]
                problems.append(f"question {index % TURN}: row {index} is no rotation of it")
    return Benchmark(f"{NAME}-{config}/{split}", tuple(questions.values()), tuple(problems))


def _rows(split: str, path: str | Path | None, config: str) -> list[dict]:
    """The rows of a TSV when there is one, else of the parquet layout."""
    files = find(NAME, split, path, config, end="tsv")
    if not files:
        return table(NAME, HUB_ID, split, path, NEEDED, config).to_pylist()
    try:
        text = files[0].read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{files[0].name} is not UTF-8 text; download it again.") from error
    csv.field_size_limit(2**31 - 1)  # a picture in base64 is longer than csv's 128 kB
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter="\t")
    lacking = [name for name in NEEDED if name not in (reader.fieldnames or ())]
    if lacking:
        has = ", ".join(reader.fieldnames or ()) or "nothing"
        raise UserError(f"{files[0].name} lacks {', '.join(lacking)}; it has {has}.")
    return list(reader)


def _index(row: Mapping, column: str = "index") -> int | None:
    try:
        return int(float(_text(row.get(column))))
    except (ValueError, OverflowError):
        return None


def _text(value: object) -> str:
    """A cell as text, empty for what stands for a missing one."""
    text = "" if value is None else str(value).strip()
    return "" if text.lower() in ("nan", "none") else text


def _options(row: Mapping) -> tuple[str, ...]:
    """The options up to the first empty one; "None" may be one of them in words."""
    found = []
    for letter in LETTERS:
        cell = row.get(letter)
        text = "" if cell is None or str(cell).strip() == "nan" else str(cell).strip()
        if not text:
            break
        found.append(text)
    return tuple(found)


def _bad_row(row: Mapping, pictures: Mapping[int | None, object]) -> str:
    """Why a row cannot be asked, empty when it can."""
    options, answer = _options(row), _text(row.get("answer"))
    if not _text(row.get("question")):
        return "no question"
    if len(options) < 2:
        return "fewer than two options"
    if not answer or answer not in LETTERS[: len(options)]:
        return f"the answer {answer!r} is none of its {len(options)} options"
    return _bad_picture(_picture(row, pictures))


def _bad_picture(cell: object) -> str:
    return bad_picture(cell) if not isinstance(cell, bytes) else ("" if cell else "no picture")


def _picture(row: Mapping, pictures: Mapping[int | None, object]) -> object:
    """The picture's cell: the Hub's, or the bytes behind base64 or behind another row's index."""
    cell = row["image"]
    if isinstance(cell, str) and 0 < len(cell) <= REFERENCE:
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
        answer=LETTERS.index(_text(row["answer"])),
        options=_options(row),
        category=_text(row.get("category")),
        hint=_text(row.get("hint")),
    )


def _is_rotation(row: Mapping, question: Question) -> bool:
    """Whether a stored rotation is one of those that we ask."""
    known = {(turned.options, LETTERS[turned.answer]) for turned in rotations(question)}
    return (_options(row), _text(row.get("answer"))) in known
