"""Find and read a data set's table: a given path, $VLM_DATA/<name>, or the Hub.

A table without a validation split is divided here too, by a hash of the pictures' names.
"""

import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from vlm.data.tables.parquet import read_table
from vlm.errors import UserError

if TYPE_CHECKING:
    import datasets

PARQUET = ".parquet"
ALL_CONFIGS = "*"  # every configuration of a data set on the Hub, one below the other
HELD_OUT_SHARE = 10  # percent of pictures held out where a source has no validation split


def table(
    name: str,
    hub_id: str,
    split: str,
    path: str | Path | None = None,
    columns: Sequence[str] = (),
    config: str | None = None,
) -> pa.Table:
    """Return the rows of a split, with pictures still encoded.

    They are looked for at `path`, else in `$VLM_DATA/<name>` (see `find_files`), else on the Hub.

    Args:
        columns: the columns that the table must have.
        config: configuration of a Hub data set; `ALL_CONFIGS` reads all of them.

    Raises:
        UserError: when the table is not found, cannot be read or lacks one of the columns.
    """
    files = find_files(name, split, path, config)
    if not files and path is not None:
        raise UserError(
            f"No {split}{PARQUET} in {path}; give the folder that contains it, or choose another "
            "split."
        )
    try:
        rows = _concatenated(files) if files else _from_hub(hub_id, split, config)
    except (OSError, ConnectionError, ValueError) as error:
        raise UserError(_not_found(name, hub_id, split)) from error
    missing = [column for column in columns if column not in rows.column_names]
    if missing:
        raise UserError(
            f"The {split} table of {name!r} lacks {', '.join(missing)}; "
            f"it has {', '.join(rows.column_names)}; give another table."
        )
    return rows


def find_files(
    name: str,
    split: str,
    path: str | Path | None = None,
    config: str | None = None,
    suffix: str = PARQUET,
) -> list[Path]:
    """Return the files of a split on this machine, in order; empty when there are none.

    `path` is the file itself or a folder; without it the folder is `$VLM_DATA/<name>`. A folder
    contains `<split>.parquet`, or is a copy of the Hub's: `<split>-00000-of-00002.parquet`, in the
    folder itself, in data/ or in a folder named after the configuration.
    """
    root = os.environ.get("VLM_DATA")
    place = Path(path) if path is not None else Path(root, name) if root else None
    if place is None or place.is_file():
        return [place] if place and suffix in (PARQUET, place.suffix) else []
    exact = place / f"{split}{suffix}"
    if config is None and exact.is_file():
        return [exact]
    pattern = _file_pattern(name, split, config, suffix)
    files = sorted(file for file in place.rglob(f"*{suffix}") if pattern.fullmatch(file.name))
    if config == ALL_CONFIGS:
        return files
    folders = {file: file.relative_to(place).parent.parts for file in files}
    of_config = [file for file in files if config in folders[file]]
    return of_config or [file for file in files if folders[file] in ((), ("data",), (split,))]


def _file_pattern(name: str, split: str, config: str | None, suffix: str) -> re.Pattern:
    """Match MMBench_DEV_EN_V11.tsv, dev.parquet and dev-00000-of-00002.parquet."""
    named = f"(?:_{re.escape(config)})?" if config and config != ALL_CONFIGS else ""
    stem = rf"(?:{re.escape(name)}_)?{re.escape(split)}{named}(?:_v?\d+)?(?:-\d+-of-\d+)?"
    return re.compile(stem + re.escape(suffix), re.IGNORECASE)


def _concatenated(files: Sequence[Path]) -> pa.Table:
    parts = [read_table(file) for file in files]
    try:
        return pa.concat_tables(parts, promote_options="permissive")
    except pa.ArrowException as error:
        names = ", ".join(file.name for file in files)
        raise UserError(f"The tables {names} have different columns; give only one.") from error


def _from_hub(hub_id: str, split: str, config: str | None) -> pa.Table:
    """Download a table, leaving its picture columns encoded."""
    import datasets

    configs = datasets.get_dataset_config_names(hub_id) if config == ALL_CONFIGS else [config]
    parts = []
    for name in configs:
        loaded = datasets.load_dataset(hub_id, name, split=split)
        parts.append(undecoded(loaded).with_format("arrow")[:])
    return pa.concat_tables(parts, promote_options="permissive")


def undecoded(data: "datasets.Dataset") -> "datasets.Dataset":
    """Return a data set whose pictures stay encoded."""
    import datasets

    for column, feature in data.features.items():
        if isinstance(feature, datasets.Image):
            data = data.cast_column(column, datasets.Image(decode=False))
    return data


def _not_found(name: str, hub_id: str, split: str) -> str:
    """Explain that a data set was not found, with the three ways to provide it."""
    return (
        f"The data set {name!r} ({split}) was not found: give its folder with --data-path, or set "
        f"VLM_DATA to the folder that contains {name}/{split}{PARQUET}, or go online so that "
        f"{hub_id} can be downloaded from the Hub."
    )


def is_held_out(name: str) -> bool:
    """Return True for the tenth of all names whose pictures are held out for validation."""
    return name_hash(name) % 100 < HELD_OUT_SHARE


def name_hash(name: str) -> int:
    """Return a number that depends only on the name, not on the machine or the order of rows."""
    return int(hashlib.sha256(name.encode()).hexdigest(), 16)
