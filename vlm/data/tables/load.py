"""Turn any table with pictures into a data set; the other columns become facts."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from vlm.data import tables
from vlm.data.formats import SUFFIXES
from vlm.data.tables import pictures
from vlm.data.tables.rows import cell_text
from vlm.errors import UserError
from vlm.types import Dataset, Record


def load(path: str | Path, limit: int = 0) -> Dataset:
    """Load the rows of any table with pictures; the other columns become facts, as text.

    The picture column is the first one with encoded pictures (as the Hub stores them) or
    names of picture files beside the table. In a folder, its metadata.jsonl or metadata.csv is
    read. Rows that cannot be parsed are skipped.

    Raises:
        UserError: when there is no table, it cannot be read, or no column has pictures.
    """
    file = _table_file(Path(path))
    rows = tables.read_parsed(file)
    rows = rows[:limit] if limit else rows
    column = _picture_column(rows)
    if column is None:
        columns = ", ".join(rows[0]) if rows else "no rows"
        raise UserError(
            f"{file.name} has no column of pictures or of picture files ({', '.join(SUFFIXES)}); "
            f"it has {columns}."
        )
    ids = [str(row.get("id")) for row in rows]
    unique = len(set(ids)) == len(ids)
    records, problems = [], []
    for number, row in enumerate(rows):
        image = _image(row.get(column), file.parent)
        if image is None:
            problems.append(f"row {number}: no picture in {column}")
        else:
            facts = {key: text for key, cell in row.items() if (text := cell_text(cell))}
            facts.pop(column, None)
            records.append(Record(ids[number] if unique else str(number), image, (), facts))
    return Dataset(file.name, tuple(records), tuple(problems))


def _table_file(path: Path) -> Path:
    """Return the table at a path, which is the table itself or its folder."""
    if path.is_dir():
        file = tables.find(path)
        if file is None:
            raise UserError(
                f"{path} contains neither {' nor '.join(tables.NAMES)}; give the path of a table."
            )
        return file
    if not path.is_file():
        raise UserError(f"{path} does not exist; give a CSV, JSON-lines or parquet file.")
    return path


def _picture_column(rows: Sequence[Mapping]) -> str | None:
    """Return the first column whose first value is a picture or the name of a picture file."""
    for column in dict.fromkeys(key for row in rows for key in row):
        value = pictures.unpack(next((row[column] for row in rows if row.get(column)), None))
        if value and (isinstance(value, bytes) or value.lower().endswith(SUFFIXES)):
            return column
    return None


def _image(cell: object, folder: Path) -> bytes | Path | None:
    """Return the bytes or the file of a picture cell, None if there is no picture."""
    value = pictures.unpack(cell)
    if isinstance(value, bytes):
        return value or None
    return folder / value if (folder / value).is_file() else None
