"""A folder of pictures with a table beside them: metadata.jsonl or metadata.csv.

Each row has `file_name` and either `text` (a description) or `question` and `answer`; several rows
may speak of one picture. This is the layout of the Hub's ImageFolder.
"""

import csv
import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path

from vlm.errors import UserError
from vlm.types import Dataset, Record, Turn

TABLES = ("metadata.jsonl", "metadata.csv")
PROMPTS = (
    "Describe this picture.",
    "Describe the image.",
    "What do you see?",
    "Caption this picture.",
)
VALIDATION_SHARE = 10  # percent, where the folder has no split of its own


def load(split: str = "train", path: str | Path | None = None, limit: int = 0) -> Dataset:
    """The pictures of a split, in the order of the table.

    A subfolder named after the split is taken when there is one; else a hash of the file name
    holds a tenth of the pictures out for `validation`.

    Raises:
        UserError: when there is no path, no folder, no table, or the table cannot be read.
    """
    if path is None:
        raise UserError("The data set 'folder' needs its folder; give it with --data-path.")
    folder, parted = Path(path), (Path(path) / split).is_dir()
    folder = folder / split if parted else folder
    turns, problems = _collect(folder)
    names = [name for name in turns if parted or _in_split(name, split)]
    names = names[:limit] if limit else names
    records = tuple(Record(name, folder / name, tuple(turns[name])) for name in names)
    return Dataset(f"{folder}/{split}", records, tuple(problems))


def _collect(folder: Path) -> tuple[dict[str, list[Turn]], list[str]]:
    """The turns of each picture, and a line for each row that cannot be used."""
    turns: dict[str, list[Turn]] = {}
    problems = []
    for number, row in _rows(folder):
        reason = bad_row(row, folder)
        if reason:
            problems.append(f"row {number}: {reason}")
        else:
            turns.setdefault(row["file_name"], []).append(_turn(row, number))
    return turns, problems


def _rows(folder: Path) -> Iterator[tuple[int, dict | str]]:
    """Row numbers and rows; a line that is not JSON comes as a string that says so."""
    table = next((folder / name for name in TABLES if (folder / name).is_file()), None)
    if table is None:
        raise UserError(f"{folder} holds neither {TABLES[0]} nor {TABLES[1]}; write one of them.")
    try:
        text = table.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{table.name} is not UTF-8 text; save it as UTF-8.") from error
    if table.suffix == ".csv":
        yield from enumerate(csv.DictReader(io.StringIO(text, newline="")))
        return
    for number, line in enumerate(text.splitlines()):
        if line.strip():
            yield number, _parse(line)


def _parse(line: str) -> dict | str:
    try:
        row = json.loads(line)
    except json.JSONDecodeError:
        return "not valid JSON"
    return row if isinstance(row, dict) else "not a JSON object"


def bad_row(row: dict | str, folder: Path) -> str:
    """Why a row cannot be used, empty when it can."""
    if isinstance(row, str):
        return row
    name = row.get("file_name")
    if not name or not isinstance(name, str):
        return "no file_name"
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        return f"{name} lies outside the folder"
    if not path.is_file():
        return f"{name} is not there"
    asked = all(
        isinstance(row.get(key), str) and row[key].strip() for key in ("question", "answer")
    )
    told = isinstance(row.get("text"), str) and row["text"].strip()
    return "" if asked or told else "neither text nor question and answer"


def _turn(row: dict, number: int) -> Turn:
    if row.get("question"):
        return Turn(row["question"].strip(), row["answer"].strip(), "question")
    return Turn(PROMPTS[number % len(PROMPTS)], row["text"].strip(), "describe")


def _in_split(name: str, split: str) -> bool:
    held_out = int(hashlib.sha256(name.encode()).hexdigest(), 16) % 100 < VALIDATION_SHARE
    return held_out == (split == "validation")
