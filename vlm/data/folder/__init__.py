"""Your own pictures, in whatever layout they come: a folder, a table, an archive, the Hub.

    splits      which part of the folder
    layouts     its rows: a table, pictures with texts, one subfolder for each class, ...
    columns     what each column is for; turns and conversations make questions of it
    contents    what the rows say about each picture

Metadata columns (articleType, baseColour, gender, usage, season, kind) are what descriptions are
evaluated against; for a row that has nothing else, the caption grammars write the questions.
"""

from collections.abc import Mapping
from itertools import islice
from pathlib import Path

from vlm.data.folder import layouts, splits
from vlm.data.folder.contents import Contents
from vlm.data.folder.splits import SPLITS, UNSPLIT
from vlm.data.folder.turns import PROMPTS
from vlm.errors import UserError, lookup
from vlm.types import Dataset

__all__ = ["PROMPTS", "SPLITS", "UNSPLIT", "has_splits", "load"]


def load(
    split: str = "train",
    path: str | Path | None = None,
    limit: int = 0,
    columns: Mapping[str, str] | None = None,
) -> Dataset:
    """Load the pictures of a split, in the order of the table.

    A subfolder or table named after the split is used if there is one; otherwise a hash of the
    file name holds out a tenth of the pictures for `validation` (of train if there is only that),
    and at least one of two. `UNSPLIT` takes everything in the folder itself; without a table, that
    is its pictures, with no metadata.

    Args:
        columns: role -> column, for columns without a usual name; see `columns.USUAL`.

    Raises:
        UserError: when there is no path, no such split, no folder or no table, or the table cannot
            be read.
    """
    if path is None:
        raise UserError(
            "The data set 'folder' needs a folder; write folder=DIR, or give it with --data-path."
        )
    lookup(dict.fromkeys((*SPLITS, UNSPLIT)), split, "split")
    part = splits.find(Path(path), split)
    contents, found = Contents(), []
    for file in part.paths:
        rows = layouts.read(file, split == UNSPLIT)
        found.append(rows.layout)
        prefix = f"{file.stem}/" if len(part.paths) > 1 else ""
        contents.add(rows, columns or {}, prefix)
    names = list(contents.turns)
    names = names if part.is_whole else splits.divide(names, split)
    records = tuple(map(contents.record, islice(names, limit or None)))
    notes = (f"read as {', '.join(dict.fromkeys(found))}", part.note)
    name = str(part.paths[0]) if part.is_whole else f"{path} ({split})"
    return Dataset(name, records, tuple(contents.problems), tuple(filter(None, notes)))


def has_splits(path: str | Path) -> bool:
    """Return True if a folder has a part named after a split."""
    return splits.has_splits(Path(path))
