"""Where a data set's table comes from: the path given, $VLM_DATA, or the Hub."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from vlm.errors import UserError


def table(
    name: str,
    hub_id: str,
    split: str,
    path: str | Path | None = None,
    columns: Sequence[str] = (),
) -> pa.Table:
    """The rows of `<folder>/<split>.parquet`, pictures still encoded.

    The folder is `path` (or `path` is the file itself), else `$VLM_DATA/<name>`; without either
    the Hub's `hub_id` is downloaded by `datasets`.

    Raises:
        UserError: when the data set is in none of these places, or lacks one of the columns.
    """
    rows = _rows(name, hub_id, split, path)
    lacking = [column for column in columns if column not in rows.column_names]
    if lacking:
        raise UserError(
            f"The {split} table of {name!r} lacks the column {' and '.join(lacking)}; "
            f"it has {', '.join(rows.column_names)}."
        )
    return rows


def _rows(name: str, hub_id: str, split: str, path: str | Path | None) -> pa.Table:
    file = local_file(name, split, path)
    if file is not None:
        return read_parquet(file)
    if path is not None:
        raise UserError(f"No {split}.parquet in {path}; give the folder that holds it.")
    try:
        return _from_hub(hub_id, split)
    except (OSError, ConnectionError, ValueError) as error:
        raise UserError(missing(name, hub_id, split)) from error


def local_file(name: str, split: str, path: str | Path | None = None) -> Path | None:
    """The parquet file of a split on this machine, None when there is none."""
    if path is not None and Path(path).is_file():
        return Path(path)
    root = os.environ.get("VLM_DATA")
    folder = Path(path) if path is not None else Path(root, name) if root else None
    file = folder / f"{split}.parquet" if folder else None
    return file if file and file.is_file() else None


def read_parquet(file: Path) -> pa.Table:
    """Read one parquet file.

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


def bad_picture(cell: object) -> str:
    """Why a cell of the picture column cannot be used, empty when it can."""
    return "" if isinstance(cell, dict) and cell.get("bytes") else "the picture is empty"


def place(name: str) -> int:
    """A number that a hash of the name gives, whatever the machine and the order of rows."""
    return int(hashlib.sha256(name.encode()).hexdigest(), 16)


def missing(name: str, hub_id: str, split: str) -> str:
    """The sentence for a data set that was not found, with the three ways to get it."""
    return (
        f"The data set {name!r} ({split}) was not found: give its folder with --data-path, or set "
        f"VLM_DATA to the folder that holds {name}/{split}.parquet, or go online so that "
        f"{hub_id} can be downloaded from the Hub."
    )


def _from_hub(hub_id: str, split: str) -> pa.Table:
    """The Hub's table with the picture column left encoded."""
    import datasets

    loaded = datasets.load_dataset(hub_id, split=split)
    for column, feature in loaded.features.items():
        if isinstance(feature, datasets.Image):
            loaded = loaded.cast_column(column, datasets.Image(decode=False))
    return loaded.with_format("arrow")[:]
