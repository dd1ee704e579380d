"""Fashion Product Images (Param Aggarwal, Kaggle), in the columns of the Hub's small edition."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pyarrow as pa

from vlm.data import captions, source
from vlm.types import Dataset, Record

HUB_ID = "ashraq/fashion-product-images-small"
NAME = "fashion-products"
NEEDED = ("id", "articleType", "image")
VALIDATION_SHARE = 10  # percent, where a source has a train split only
SPLITS = {"train": False, "validation": True}  # is it held out?


def load(split: str = "train", path: str | Path | None = None, limit: int = 0) -> Dataset:
    """The product photographs of a split (`train` or `validation`), described by the grammar.

    Of a source without a validation table of its own those pictures are held out that the shipped
    model's figures are taken on (`fashion_held_out.txt`), when it has all of them, as the Hub's
    edition does; else a hash of the ids decides.

    Args:
        limit: use only this many rows, 0 = all.

    Raises:
        UserError: when the data set is found neither locally nor on the Hub.
    """
    rows = _rows(split, path)
    rows = rows.slice(0, limit) if limit else rows
    records, problems = {}, []
    for number, row in enumerate(rows.to_pylist()):
        id = str(row.get("id"))
        reason = bad_row(row) or (f"the id {id} came before" if id in records else "")
        if reason:
            problems.append(f"row {number}: {reason}")
        else:
            records[id] = _record(row, id)
    return Dataset(f"{NAME}/{split}", tuple(records.values()), tuple(problems))


def bad_row(row: Mapping) -> str:
    """Why a row cannot be used, empty when it can."""
    for column in NEEDED:
        if row.get(column) in (None, ""):
            return f"no {column}"
    return source.bad_picture(row["image"])


def _record(row: Mapping, id: str) -> Record:
    facts = captions.facts(row)
    return Record(id, row["image"]["bytes"], captions.turns(facts, id), facts)


def _rows(split: str, path: str | Path | None) -> pa.Table:
    if split not in SPLITS or _has_parts(path):
        return source.table(NAME, HUB_ID, split, path, NEEDED)
    whole = source.table(NAME, HUB_ID, "train", path, NEEDED)
    ids = [str(id) for id in whole["id"].to_pylist()]
    listed = _listed()
    held_out = listed if listed.issubset(ids) else set(filter(_by_hash, ids))
    return whole.filter(pa.array([(id in held_out) == SPLITS[split] for id in ids], pa.bool_()))


def _has_parts(path: str | Path | None) -> bool:
    """True when a folder on this machine holds a validation table; one file is a whole."""
    if path is not None and Path(path).is_file():
        return False
    return source.local_file(NAME, "validation", path) is not None


@cache
def _listed() -> frozenset[str]:
    """The ids that the shipped model was measured on and never learnt from."""
    return frozenset((Path(__file__).parent / "fashion_held_out.txt").read_text().split())


def _by_hash(id: str) -> bool:
    """Is it held out? The parts stay the same whatever the order of rows."""
    return source.place(id) % 100 < VALIDATION_SHARE
