"""Any data set on the Hub as your own pictures: `hub:org/name`, `hub:org/name:config:split`."""

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

from vlm.data.folder import archives, splits
from vlm.data.folder.contents import Contents
from vlm.data.folder.layouts import Source
from vlm.data.tables.rows import Row
from vlm.errors import UserError
from vlm.types import Dataset

SHARES = 30  # rows read for each held-out one wanted: a tenth is held out


def load(
    split: str = "train",
    path: str | Path | None = None,
    limit: int = 0,
    columns: Mapping[str, str] | None = None,
) -> Dataset:
    """Stream the pictures of a split; without a held-out split, a tenth of train is held out.

    Args:
        path: `org/name`, with `:config` and `:split` if it has several.
        limit: pictures that are read; 0 = all.
        columns: role -> column, for columns without a usual name.

    Raises:
        UserError: when there is no name, or the data set cannot be read.
    """
    if not path:
        raise UserError("The data set 'hub' needs a name; write hub:org/name.")
    name, config, given = (*str(path).split(":"), "", "")[:3]
    part, is_whole = (given, False) if given else _split(name, config, split)
    rows: Iterator[Row] = archives.read_hub(name, config or None, part)
    rows = islice(rows, (limit if is_whole else limit * SHARES) or None)
    contents = Contents()
    contents.add(Source("the Hub's data set", Path(), rows), columns or {}, "")
    names = list(contents.turns)
    names = names if is_whole else splits.divide(names, split)
    records = tuple(map(contents.record, names[: limit or None]))
    return Dataset(f"{name} ({part})", records, tuple(contents.problems))


def _split(name: str, config: str, split: str) -> tuple[str, bool]:
    """Return the data set's split with this role, and whether it has only this one."""
    available = archives.hub_splits(name, config or None)
    chosen = next((known for known in splits.NAMES.get(split, (split,)) if known in available), "")
    train = next((known for known in splits.NAMES["train"] if known in available), available[0])
    has_held_out = any(known in available for known in splits.NAMES["validation"])
    return chosen or train, bool(chosen) and has_held_out
