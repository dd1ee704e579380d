"""A folder of pictures with a table beside them, metadata.jsonl or metadata.csv; or data.parquet.

Each row has `file_name` and either `text` (a description) or `question` and `answer`; several rows
may speak of one picture. This is the layout of the Hub's ImageFolder. Columns of metadata
(articleType, baseColour, gender, usage, season, kind) are what descriptions are measured by; where
a row has them alone, the caption grammars make its questions and answers. A data.parquet, as
`python -m vlm caption --format parquet` writes it, has the pictures in its column `image`.
"""

import csv
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from vlm.data import captions, cifar10, source, words
from vlm.data.images import SUFFIXES
from vlm.errors import UserError
from vlm.types import Dataset, Record, Turn

TABLES, PACKED = ("metadata.jsonl", "metadata.csv"), "data.parquet"
PROMPTS = (
    "Describe this picture.",
    "Describe the image.",
    "What do you see?",
    "Caption this picture.",
)
SPLITS = ("train", "validation")
UNSPLIT = "unsplit"  # every picture of a folder that is no split of anything
VALIDATION_SHARE = 10  # percent, where the folder has no split of its own


def load(split: str = "train", path: str | Path | None = None, limit: int = 0) -> Dataset:
    """The pictures of a split, in the order of the table.

    A subfolder named after the split is taken when there is one; else a hash of the file name
    holds a tenth of the pictures (of `train` where that is all there is) out for `validation`, and
    one at least of two. `UNSPLIT` takes all that lies in the folder itself, pictures without a
    table too, of which nothing is known.

    Raises:
        UserError: when there is no path, no folder, no table, or the table cannot be read.
    """
    if path is None:
        raise UserError("The data set 'folder' needs its folder; give it with --data-path.")
    folder, whole = Path(path), False  # is the subfolder a split of its own?
    if split in SPLITS and (folder / "train").is_dir() and not (folder / "validation").is_dir():
        folder /= "train"
    elif (folder / split).is_dir():
        folder, whole = folder / split, True
    bare = split == UNSPLIT and not any((folder / name).is_file() for name in (*TABLES, PACKED))
    turns, facts, images, problems = _pictures(folder) if bare else _collect(folder)
    names = list(turns) if whole or split == UNSPLIT else _in_split(turns, split)
    names = names[:limit] if limit else names
    records = tuple(
        Record(n, images.get(n, folder / n), tuple(turns[n]) or grammar(facts[n], n), facts[n])
        for n in names
    )
    return Dataset(f"{path}/{split}", records, tuple(problems))


def has_splits(path: str | Path) -> bool:
    """True when a folder has a subfolder that is named after a split."""
    return any((Path(path) / split).is_dir() for split in SPLITS)


def grammar_of(facts: Mapping[str, str]) -> Callable[..., tuple[Turn, ...]] | None:
    """The caption grammar that knows what the metadata speaks of, None where none does."""
    if facts.get("articleType") in words.SINGULAR:
        return captions.turns
    return cifar10.turns if facts.get("kind") in cifar10.KINDS else None


def grammar(facts: Mapping[str, str], name: str) -> tuple[Turn, ...]:
    """What the caption grammars make of metadata alone; nothing without a kind that they know."""
    turns = grammar_of(facts)
    return turns(facts, name) if turns else ()


Collected = tuple[dict[str, list[Turn]], dict[str, dict[str, str]], dict[str, bytes], list[str]]


def _collect(folder: Path) -> Collected:
    """The turns, facts and packed bytes of each picture, a line for each row of no use."""
    turns: dict[str, list[Turn]] = {}
    known: dict[str, dict[str, str]] = {}
    images: dict[str, bytes] = {}
    problems = []
    for number, row in _rows(folder):
        reason = bad_row(row, folder)
        if reason:
            problems.append(f"row {number}: {reason}")
        else:
            name = os.path.normpath(row["file_name"])  # ./a.png is a.png
            turns.setdefault(name, []).extend(_turns(row, number))
            known[name] = known.get(name, {}) | _facts(row)
            images |= {name: row["image"]} if isinstance(row.get("image"), bytes) else {}
    return turns, known, images, problems


def _pictures(folder: Path) -> Collected:
    """The pictures of a folder without a table."""
    found = sorted(file.name for file in folder.iterdir() if file.suffix.lower() in SUFFIXES)
    if not found:
        raise UserError(f"{folder} holds no pictures; looked for {', '.join(SUFFIXES)}.")
    return {name: [] for name in found}, {name: {} for name in found}, {}, []


def _facts(row: dict) -> dict[str, str]:
    """The metadata of a row, as text."""
    kind = row.get("kind")
    return captions.facts(row) | ({"kind": kind} if isinstance(kind, str) and kind else {})


def _rows(folder: Path) -> Iterator[tuple[int, dict | str]]:
    """Row numbers and rows; a line that is not JSON comes as a string that says so."""
    table = next((folder / name for name in TABLES if (folder / name).is_file()), None)
    if table is None and (folder / PACKED).is_file():
        for number, row in enumerate(source.read_parquet(folder / PACKED).to_pylist()):
            cell = row.get("image")
            packed = b"" if source.bad_picture(cell) else cell["bytes"]
            name = str(row.get("file_name") or row.get("id", number))
            yield number, row | {"file_name": name, "image": packed}
        return
    if table is None:
        raise UserError(f"{folder} holds neither {TABLES[0]} nor {TABLES[1]}; write one of them.")
    try:
        text = table.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{table.name} is not UTF-8 text; save it as UTF-8.") from error
    if table.suffix == ".csv":
        yield from _csv_rows(text, table.name)
        return
    for number, line in enumerate(text.split("\n")):  # splitlines cuts at U+2028 too
        if line.strip():
            yield number, _parse(line)


def _csv_rows(text: str, name: str) -> Iterator[tuple[int, dict]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        yield from enumerate(reader)
    except csv.Error as error:
        raise UserError(
            f"{name} cannot be read at line {reader.line_num} ({error}); look for a quote that is "
            "not closed."
        ) from error


def _parse(line: str) -> dict | str:
    try:
        row = json.loads(line)
        json.dumps(row, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except (ValueError, RecursionError):
        return "not valid JSON"
    return row if isinstance(row, dict) else "not a JSON object"


def bad_row(row: dict | str, folder: Path) -> str:
    """Why a row cannot be used, empty when it can."""
    if isinstance(row, str):
        return row
    name = row.get("file_name")
    if not name or not isinstance(name, str):
        return "no file_name"
    if isinstance(row.get("image"), bytes):  # JSON and CSV have none
        return _silent(row) if row["image"] else "the picture is empty"
    try:
        path = (folder / name).resolve()
        there = path.is_file()
    except (OSError, ValueError):  # too long, or with a zero in it
        return "file_name cannot be the name of a file"
    if not path.is_relative_to(folder.resolve()):
        return f"{name} lies outside the folder"
    if not there:
        return f"{name} is not there"
    return _silent(row)


def _silent(row: dict) -> str:
    """What is missing of a row that says nothing of its picture."""
    if _says(row, "question", "answer") or _says(row, "text") or _facts(row):
        return ""
    return "neither text, nor question and answer, nor metadata such as baseColour"


def _says(row: dict, *keys: str) -> bool:
    return all(isinstance(row.get(key), str) and row[key].strip() for key in keys)


def _turns(row: dict, number: int) -> list[Turn]:
    if _says(row, "question", "answer"):
        return [Turn(row["question"].strip(), row["answer"].strip(), "question")]
    if _says(row, "text"):
        return [Turn(PROMPTS[number % len(PROMPTS)], row["text"].strip(), "describe")]
    return []


def _in_split(names: Iterable[str], split: str) -> list[str]:
    """Those of the names that belong to a split, by their hashes."""
    places = {name: source.place(name) for name in names}
    held_out = {name for name, place in places.items() if place % 100 < VALIDATION_SHARE}
    if len(places) > 1 and not held_out:
        held_out = {min(places, key=places.get)}
    return [name for name in places if (name in held_out) == (split == "validation")]
