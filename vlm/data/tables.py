"""The one reader of tables: CSV, TSV, JSON lines and parquet, one row at a time.

    file --READERS[suffix]--> Row(number, cells, problem)

A new format is one function and one line in READERS. `load` turns any table with pictures into a
data set.
"""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from vlm.data.images import SUFFIXES
from vlm.errors import UserError
from vlm.types import Dataset, Record

NAMES = ("metadata.jsonl", "metadata.csv")  # of the table in a folder of pictures
NO_VALUE = frozenset({"", "na", "n/a", "nan", "none", "null", "<na>"})
EXTRA_CELLS = "(rest)"  # the column for cells beyond the header of a CSV table


class Row(NamedTuple):
    """One row of a table.

    Attributes:
        number: counted from 0; for JSON lines it is the line, blank ones included.
        cells: the values by column, empty if the row could not be parsed.
        problem: the reason the row could not be parsed, or an empty string.
    """

    number: int
    cells: dict
    problem: str = ""


def read(file: Path) -> Iterator[Row]:
    """Yield the rows of a table, in order.

    Raises:
        UserError: when the format is unknown or the file cannot be read.
    """
    reader = READERS.get(file.suffix.lower())
    if reader is None:
        formats = ", ".join(suffix[1:] for suffix in READERS)
        raise UserError(f"{file.name} is not a table; use one of these formats: {formats}.")
    return reader(file)


def read_parsed(file: Path) -> list[dict]:
    """Return the cells of every row that could be parsed.

    Raises:
        UserError: as `read`.
    """
    return [row.cells for row in read(file) if not row.problem]


def find(folder: Path) -> Path | None:
    """Return the table that describes the pictures of a folder, None if there is none."""
    return next((folder / name for name in NAMES if (folder / name).is_file()), None)


def read_parquet(file: Path) -> pa.Table:
    """Read a whole parquet file.

    Raises:
        UserError: when the file is not parquet.
    """
    import pyarrow.parquet as pq

    try:
        rows = pq.read_table(file)
        rows.validate(full=True)  # text that is not UTF-8 would fail later, row by row
        return rows
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UserError(f"{file} is not a readable parquet file; give another one.") from error


def _parquet(file: Path) -> Iterator[Row]:
    for number, cells in enumerate(read_parquet(file).to_pylist()):
        yield Row(number, cells)


def _json_lines(file: Path) -> Iterator[Row]:
    for number, line in enumerate(_text(file).split("\n")):  # splitlines also splits at U+2028
        if line.strip():
            yield _json_row(number, line)


def _json_row(number: int, line: str) -> Row:
    try:
        cells = json.loads(line)
        json.dumps(cells, ensure_ascii=False).encode()  # fails for half of a surrogate pair
    except (ValueError, RecursionError):
        return Row(number, {}, "not valid JSON")
    return Row(number, cells) if isinstance(cells, dict) else Row(number, {}, "not a JSON object")


def _delimited(file: Path, delimiter: str) -> Iterator[Row]:
    text = io.StringIO(_text(file), newline="")
    reader = csv.DictReader(text, restkey=EXTRA_CELLS, delimiter=delimiter, strict=True)
    try:
        for number, cells in enumerate(reader):
            yield Row(number, cells)
    except csv.Error as error:
        raise UserError(
            f"{file.name} cannot be read at line {reader.line_num} ({error}); look for a quotation "
            "mark that is not closed."
        ) from error


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{file.name} is not UTF-8 text; save it as UTF-8.") from error


READERS: dict[str, Callable[[Path], Iterator[Row]]] = {
    ".csv": partial(_delimited, delimiter=","),
    ".tsv": partial(_delimited, delimiter="\t"),
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".parquet": _parquet,
}


def load(path: str | Path, limit: int = 0) -> Dataset:
    """Load the rows of any table with pictures; the other columns become facts, as text.

    The picture column is the first one with encoded pictures (as the Hub stores them) or
    names of picture files beside the table. In a folder, its metadata.jsonl or metadata.csv is
    read. Rows that cannot be parsed are skipped.

    Raises:
        UserError: when there is no table, it cannot be read, or no column has pictures.
    """
    file = _table_file(Path(path))
    rows = read_parsed(file)
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
        file = find(path)
        if file is None:
            raise UserError(
                f"{path} contains neither {' nor '.join(NAMES)}; give the path of a table."
            )
        return file
    if not path.is_file():
        raise UserError(f"{path} does not exist; give a CSV, JSON-lines or parquet file.")
    return path


def _picture_column(rows: Sequence[Mapping]) -> str | None:
    """Return the first column whose first value is a picture or the name of a picture file."""
    for column in dict.fromkeys(key for row in rows for key in row):
        value = next((row[column] for row in rows if row.get(column)), None)
        if isinstance(value, dict) and value.get("bytes") or isinstance(value, bytes):
            return column
        if isinstance(value, str) and value.lower().endswith(SUFFIXES):
            return column
    return None


def _image(cell: object, folder: Path) -> bytes | Path | None:
    """Return the bytes or the file of a picture cell, None if there is no picture."""
    cell = cell.get("bytes") if isinstance(cell, dict) else cell
    if isinstance(cell, str) and cell.strip():
        file = folder / cell.strip()
        return file if file.is_file() else None
    return cell if isinstance(cell, bytes) and cell else None


def picture_problem(cell: object) -> str:
    """Return the reason a picture cell in the Hub's layout is unusable, or an empty string."""
    return "" if isinstance(cell, dict) and cell.get("bytes") else "the picture is empty"


def cell_text(cell: object) -> str:
    """Return a cell as text, 2012.0 as "2012"; empty for missing values and for lists."""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    if not isinstance(cell, str | int | float | bool):
        return ""
    text = " ".join(str(cell).split())
    return "" if text.lower() in NO_VALUE else text
