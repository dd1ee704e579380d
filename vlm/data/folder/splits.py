"""The parts of a folder: subfolders or tables called train, val, valid, validation, dev or test."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from vlm.data import source, tables

SPLITS = ("train", "validation")
UNSPLIT = "unsplit"  # every picture in the folder itself, whatever its split
NAMES = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev", "test"),
}
_SHARD = re.compile(r"-\d+-of-\d+$")  # of the Hub's parquet files


class Part(NamedTuple):
    """Where a split's rows are.

    Attributes:
        is_whole: every row belongs to the split; otherwise it is divided by a hash of the names.
        note: how the split was found, empty if there is nothing to say.
    """

    paths: tuple[Path, ...]
    is_whole: bool = True
    note: str = ""


def find(path: Path, split: str) -> Part:
    """Return the part of a folder or of a file with this name."""
    if split == UNSPLIT or path.is_file():
        return Part((path,), split == UNSPLIT)
    names = _parts(path)
    chosen = next((name for name in NAMES.get(split, (split,)) if name in names), "")
    if chosen:
        has_held_out = any(name in names for name in NAMES["validation"])
        return Part(names[chosen], split != "train" or has_held_out, _note(split, chosen, names))
    if split == "validation" and (train := next((n for n in NAMES["train"] if n in names), "")):
        return Part(names[train], False, f"a tenth of {train} is held out")
    if split == "train" and names:
        held_out = ", ".join(names)
        return Part((path,), False, f"there is {held_out}, but no train")
    return Part((path,), False)


def has_splits(path: Path) -> bool:
    """Return True if a folder has parts for training or for validation."""
    return bool(_parts(path))


def _parts(folder: Path) -> dict[str, tuple[Path, ...]]:
    """Return the subfolders, or else the tables, that are named after a split."""
    known = [name for names in NAMES.values() for name in names]
    places = {name: (folder / name,) for name in known if (folder / name).is_dir()}
    if places or not folder.is_dir():
        return places
    files = [*folder.iterdir(), *(folder / "data").glob("*")]
    readable = sorted(file for file in files if file.suffix.lower() in (*tables.READERS, ".tar"))
    stems = {file: _SHARD.sub("", file.name[: -len(file.suffix)]) for file in readable}
    parts = {name: tuple(file for file in readable if stems[file] == name) for name in known}
    return {name: files for name, files in parts.items() if files}


def _note(split: str, chosen: str, names: Iterable[str]) -> str:
    unused = [name for name in names if name in NAMES["validation"] and name != chosen]
    if split != "validation":
        return ""
    said = [] if chosen == split else [f"{chosen} is the held-out part"]
    return "; ".join([*said, *(f"{name} is not used" for name in unused)])


def divide(names: Iterable[str], split: str) -> list[str]:
    """Return the names that belong to a split, according to their hashes."""
    names = list(names)
    held_out = {name for name in names if source.is_held_out(name)}
    if len(names) > 1 and not held_out:
        held_out = {min(names, key=source.name_hash)}
    return [name for name in names if (name in held_out) == (split == "validation")]
