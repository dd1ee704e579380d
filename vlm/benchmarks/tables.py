"""Anyone's own table of pictures and what is known of them: csv, JSON lines or parquet."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from vlm import runs
from vlm.data import source
from vlm.data.images import SUFFIXES
from vlm.errors import UserError
from vlm.types import Dataset, Record

TABLES = ("metadata.jsonl", "metadata.csv")
MISSING = frozenset({"", "na", "n/a", "nan", "none", "null", "<na>"})


def load(path: str | Path, limit: int = 0) -> Dataset:
    """The rows as records whose facts are the other columns, as text.

    The picture is the first column that holds encoded pictures (as the Hub stores them), or names
    of picture files beside the table. A folder is read by its metadata.jsonl or metadata.csv.

    Raises:
        UserError: when there is no table, it cannot be read, or no column holds pictures.
    """
    file = _file(Path(path))
    rows = _rows(file)
    rows = rows[:limit] if limit else rows
    column = _picture_column(rows)
    if column is None:
        has = ", ".join(rows[0]) if rows else "no rows"
        raise UserError(
            f"{file.name} has no column of pictures or of picture files ({', '.join(SUFFIXES)}); "
            f"it has {has}."
        )
    ids = [str(row.get("id")) for row in rows]
    unique = len(set(ids)) == len(ids)
    records, problems = [], []
    for number, row in enumerate(rows):
        image = _image(row.get(column), file.parent)
        if image is None:
            problems.append(f"row {number}: no picture in {column}")
        else:
            facts = {key: text for key, cell in row.items() if (text := said(cell))}
            facts.pop(column, None)
            records.append(Record(ids[number] if unique else str(number), image, (), facts))
    return Dataset(file.name, tuple(records), tuple(problems))


def _file(path: Path) -> Path:
    """The table itself, which a folder holds under a fixed name."""
    if path.is_dir():
        found = next((path / name for name in TABLES if (path / name).is_file()), None)
        if found is None:
            raise UserError(f"{path} holds neither {' nor '.join(TABLES)}; give the table's file.")
        return found
    if not path.is_file():
        raise UserError(f"{path} is not there; give a csv, jsonl or parquet file.")
    return path


def _rows(file: Path) -> list[dict]:
    kind = file.suffix.lower()
    if kind == ".parquet":
        return source.read_parquet(file).to_pylist()
    if kind in (".jsonl", ".ndjson"):
        return [row for row in runs.read_jsonl(file) if isinstance(row, dict)]
    if kind not in (".csv", ".tsv"):
        raise UserError(f"{file.name} is no csv, tsv, jsonl or parquet file; convert it to one.")
    try:
        text = io.StringIO(file.read_text(encoding="utf-8-sig"), newline="")
        delimiter = "\t" if kind == ".tsv" else ","
        return list(csv.DictReader(text, delimiter=delimiter, restkey="(rest)", strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{file.name} cannot be read as UTF-8 {kind[1:]} ({error}).") from error


def _picture_column(rows: Sequence[Mapping]) -> str | None:
    """The first column whose first value is a picture, or the name of a picture file."""
    for column in dict.fromkeys(key for row in rows for key in row):
        value = next((row[column] for row in rows if row.get(column)), None)
        if isinstance(value, dict) and value.get("bytes") or isinstance(value, bytes):
            return column
        if isinstance(value, str) and value.lower().endswith(SUFFIXES):
            return column
    return None


def _image(cell: object, folder: Path) -> bytes | Path | None:
    """The picture's bytes or its file, None when there is neither."""
    cell = cell.get("bytes") if isinstance(cell, dict) else cell
    if isinstance(cell, str) and cell.strip():
        file = folder / cell.strip()
        return file if file.is_file() else None
    return cell if isinstance(cell, bytes) and cell else None


def said(cell: object) -> str:
    """A cell as text: 2012.0 is 2012; empty for what stands for a missing value, and for lists."""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    if not isinstance(cell, str | int | float | bool):
        return ""
    text = " ".join(str(cell).split())
    return "" if text.lower() in MISSING else text
