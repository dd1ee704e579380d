"""The one reader of tables: CSV, TSV, JSON, JSON lines and parquet, one row at a time.

    file --READERS[suffix]--> Row(number, cells, problem)

A new format is one function and one line in READERS.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from vlm.data.tables import delimited, json_rows, parquet
from vlm.data.tables.rows import Row
from vlm.errors import UserError

NAMES = ("metadata.jsonl", "metadata.csv", "metadata.tsv", "metadata.json", "metadata.parquet")

READERS: dict[str, Callable[[Path], Iterator[Row]]] = {
    ".csv": partial(delimited.read, default=","),
    ".tsv": partial(delimited.read, default="\t"),
    ".jsonl": json_rows.read,
    ".ndjson": json_rows.read,
    ".json": json_rows.read,
    ".parquet": parquet.read,
}


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
