"""Fashion Product Images (Param Aggarwal, Kaggle), in the columns of the Hub's small edition."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import pyarrow as pa

from vlm.data import captions, source
from vlm.types import Dataset, Record

HUB_ID = "ashraq/fashion-product-images-small"
NAME = "fashion-products"
NEEDED = ("articleType", "image")
VALIDATION_SHARE = 10  # percent, where a source has a train split only


def load(split: str = "train", path: str | Path | None = None, limit: int = 0) -> Dataset:
    """The product photographs of a split (`train` or `validation`), described by the grammar.

    Args:
        limit: use only this many rows, 0 = all.

    Raises:
        UserError: when the data set is found neither locally nor on the Hub.
    """
    rows = _rows(split, path)
    rows = rows.slice(0, limit) if limit else rows
    records, problems = [], []
    for number, row in enumerate(rows.to_pylist()):
        reason = bad_row(row)
        if reason:
            problems.append(f"row {number}: {reason}")
        else:
            records.append(_record(row, number))
    return Dataset(f"{NAME}/{split}", tuple(records), tuple(problems))


def bad_row(row: Mapping) -> str:
    """Why a row cannot be used, empty when it can."""
    for column in NEEDED:
        if not row.get(column):
            return f"no {column}"
    if not row["image"].get("bytes"):
        return "the picture is empty"
    return ""


def _record(row: Mapping, number: int) -> Record:
    id = str(row.get("id", number))
    facts = captions.facts(row)
    return Record(id, row["image"]["bytes"], captions.turns(facts, id), facts)


def _rows(split: str, path: str | Path | None) -> pa.Table:
    if source.local_file(NAME, split, path) is not None:
        return source.table(NAME, HUB_ID, split, path)
    whole = source.table(NAME, HUB_ID, "train", path)
    held_out = _chooser(split == "validation")
    return whole.filter(pa.array([held_out(id) for id in whole["id"].to_pylist()]))


def _chooser(held_out: bool) -> Callable[[object], bool]:
    """Split by a hash of the id, so that the parts stay the same whatever the order of rows."""

    def belongs(id: object) -> bool:
        bucket = int(hashlib.sha256(str(id).encode()).hexdigest(), 16) % 100
        return (bucket < VALIDATION_SHARE) == held_out

    return belongs
