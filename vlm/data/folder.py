"""A folder of pictures with a table: metadata.jsonl, metadata.csv or data.parquet.

Each row has `file_name` and either `text` (a description) or `question` and `answer`; several rows
may describe the same picture. This is the layout of the Hub's ImageFolder. Metadata columns
(articleType, baseColour, gender, usage, season, kind) are what descriptions are evaluated against;
for a row that has nothing else, the caption grammars write the questions and answers. A
data.parquet, as written by `loupe caption --format parquet`, has the pictures in its
column `image`.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath
from typing import NamedTuple

from vlm.data import source, tables
from vlm.data.grammar import products
from vlm.data.grammar.choose import make_turns
from vlm.data.images import SUFFIXES
from vlm.data.tables import Row
from vlm.errors import UserError
from vlm.types import Dataset, Record, Turn

PACKED = "data.parquet"  # a table with the encoded pictures
PROMPTS = (
    "Describe this picture.",
    "Describe the image.",
    "What do you see?",
    "Caption this picture.",
)
SPLITS = ("train", "validation")
UNSPLIT = "unsplit"  # every picture in the folder itself, whatever its split


def load(split: str = "train", path: str | Path | None = None, limit: int = 0) -> Dataset:
    """Load the pictures of a split, in the order of the table.

    A subfolder named after the split is used if there is one; otherwise a hash of the file name
    holds out a tenth of the pictures for `validation` (of train/ if that is the only subfolder),
    and at least one of two. `UNSPLIT` takes everything in the folder itself; without a table, that
    is its pictures, with no metadata.

    Raises:
        UserError: when there is no path, no folder or no table, or the table cannot be read.
    """
    if path is None:
        raise UserError(
            "The data set 'folder' needs a folder; write folder=DIR, or give it with --data-path."
        )
    folder, is_split = Path(path), False
    if split in SPLITS and (folder / "train").is_dir() and not (folder / "validation").is_dir():
        folder /= "train"
    elif (folder / split).is_dir():
        folder, is_split = folder / split, True
    contents = _read_pictures(folder) if split == UNSPLIT and _no_table(folder) else _read(folder)
    names = list(contents.turns)
    names = names if is_split or split == UNSPLIT else _in_split(names, split)
    names = names[:limit] if limit else names
    records = tuple(contents.record(folder, name) for name in names)
    return Dataset(f"{path}/{split}", records, tuple(contents.problems))


def has_splits(path: str | Path) -> bool:
    """Return True if a folder has a subfolder named after a split."""
    return any((Path(path) / split).is_dir() for split in SPLITS)


class Contents(NamedTuple):
    """What a folder's table says about each picture, by file name.

    Attributes:
        images: the encoded pictures of a data.parquet.
        problems: one line for each unusable row.
    """

    turns: dict[str, list[Turn]]
    facts: dict[str, dict[str, str]]
    images: dict[str, bytes]
    problems: list[str]

    def record(self, folder: Path, name: str) -> Record:
        """Return one picture as a record; without turns of its own, the grammar makes them."""
        image, facts = self.images.get(name, folder / name), self.facts[name]
        return Record(name, image, tuple(self.turns[name]) or make_turns(facts, name), facts)


def _read(folder: Path) -> Contents:
    contents = Contents({}, {}, {}, [])
    for row in _rows(folder):
        problem = row_problem(row, folder)
        if problem:
            contents.problems.append(f"row {row.number}: {problem}")
            continue
        name = PurePath(os.path.normpath(row.cells["file_name"])).as_posix()  # ./a.png is a.png
        contents.turns.setdefault(name, []).extend(_turns(row))
        contents.facts[name] = contents.facts.get(name, {}) | _facts(row.cells)
        if isinstance(row.cells.get("image"), bytes):
            contents.images[name] = row.cells["image"]
    return contents


def _rows(folder: Path) -> Iterator[Row]:
    """Yield the rows of the folder's table."""
    file = tables.find(folder)
    if file is not None:
        return tables.read(file)
    if (folder / PACKED).is_file():
        return map(_unpacked, tables.read(folder / PACKED))
    raise UserError(f"{folder} contains neither {' nor '.join(tables.NAMES)}; write one of them.")


def _unpacked(row: Row) -> Row:
    """Replace the picture cell of a parquet row by its bytes, and name the picture."""
    cell = row.cells.get("image")
    image = b"" if tables.picture_problem(cell) else cell["bytes"]
    name = str(row.cells.get("file_name") or row.cells.get("id", row.number))
    return Row(row.number, row.cells | {"file_name": name, "image": image})


def _no_table(folder: Path) -> bool:
    return tables.find(folder) is None and not (folder / PACKED).is_file()


def _read_pictures(folder: Path) -> Contents:
    """Read a folder without a table."""
    names = sorted(file.name for file in folder.iterdir() if file.suffix.lower() in SUFFIXES)
    if not names:
        raise UserError(f"{folder} contains no pictures; looked for {', '.join(SUFFIXES)}.")
    return Contents({name: [] for name in names}, {name: {} for name in names}, {}, [])


def row_problem(row: Row, folder: Path) -> str:
    """Return the reason a row is unusable, or an empty string."""
    name, image = row.cells.get("file_name"), row.cells.get("image")
    if row.problem:
        return row.problem
    if not name or not isinstance(name, str):
        return "no file_name"
    if isinstance(image, bytes):  # never in JSON or CSV
        return _missing_content(row.cells) if image else "the picture is empty"
    try:
        path = (folder / name).resolve()
        exists = path.is_file()
    except (OSError, ValueError):  # too long, or contains a null character
        return "file_name is not a possible file name"
    if not path.is_relative_to(folder.resolve()):
        return f"{name} is outside the folder"
    if not exists:
        return f"{name} does not exist"
    return _missing_content(row.cells)


def _missing_content(cells: dict) -> str:
    """Say what is missing if a row has no information about its picture."""
    if _has_text(cells, "question", "answer") or _has_text(cells, "text") or _facts(cells):
        return ""
    return "no text, no question and answer, and no metadata such as baseColour"


def _has_text(cells: dict, *columns: str) -> bool:
    return all(isinstance(cells.get(key), str) and cells[key].strip() for key in columns)


def _facts(cells: dict) -> dict[str, str]:
    """Return the metadata of a row, as text."""
    kind = cells.get("kind")
    return products.facts(cells) | ({"kind": kind} if isinstance(kind, str) and kind else {})


def _turns(row: Row) -> list[Turn]:
    cells = row.cells
    if _has_text(cells, "question", "answer"):
        return [Turn(cells["question"].strip(), cells["answer"].strip(), "question")]
    if _has_text(cells, "text"):
        return [Turn(PROMPTS[row.number % len(PROMPTS)], cells["text"].strip(), "describe")]
    return []


def _in_split(names: Iterable[str], split: str) -> list[str]:
    """Return the names that belong to a split, according to their hashes."""
    names = list(names)
    held_out = {name for name in names if source.is_held_out(name)}
    if len(names) > 1 and not held_out:
        held_out = {min(names, key=source.name_hash)}
    return [name for name in names if (name in held_out) == (split == "validation")]
