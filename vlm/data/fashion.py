"""Fashion Product Images (Param Aggarwal, Kaggle), in the columns of the Hub's small edition."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pyarrow as pa

from vlm.data import source
from vlm.data.grammar import products
from vlm.data.tables.pictures import picture_problem
from vlm.types import Dataset, Record

HUB_ID = "ashraq/fashion-product-images-small"
NAME = "fashion-products"
REQUIRED = ("id", "articleType", "image")
SPLITS = {"train": False, "validation": True}  # whether the split is the held-out one


def load(split: str = "train", path: str | Path | None = None, limit: int = 0) -> Dataset:
    """Load the product photographs of a split (`train` or `validation`), with the grammar's turns.

    A source without a validation table is divided: if it contains every picture that the shipped
    model is evaluated on (`fashion_held_out.txt`), as the Hub's edition does, these are held out;
    otherwise a hash of the ids decides.

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
        problem = row_problem(row) or (f"the id {id} is a duplicate" if id in records else "")
        if problem:
            problems.append(f"row {number}: {problem}")
        else:
            records[id] = _record(row, id)
    return Dataset(f"{NAME}/{split}", tuple(records.values()), tuple(problems))


def row_problem(row: Mapping) -> str:
    """Return the reason a row is unusable, or an empty string."""
    for column in REQUIRED:
        if row.get(column) in (None, ""):
            return f"no {column}"
    return picture_problem(row["image"])


def _record(row: Mapping, id: str) -> Record:
    facts = products.facts(row)
    return Record(id, row["image"]["bytes"], products.turns(facts, id), facts)


def _rows(split: str, path: str | Path | None) -> pa.Table:
    if split not in SPLITS or _has_validation_table(path):
        return source.table(NAME, HUB_ID, split, path, REQUIRED)
    rows = source.table(NAME, HUB_ID, "train", path, REQUIRED)
    ids = [str(id) for id in rows["id"].to_pylist()]
    evaluated = _evaluated_ids()
    held_out = evaluated if evaluated.issubset(ids) else set(filter(source.is_held_out, ids))
    return rows.filter(pa.array([(id in held_out) == SPLITS[split] for id in ids], pa.bool_()))


def _has_validation_table(path: str | Path | None) -> bool:
    """Return True if a folder on this machine has one; a single file has to be divided."""
    if path is not None and Path(path).is_file():
        return False
    return bool(source.find_files(NAME, "validation", path))


@cache
def _evaluated_ids() -> frozenset[str]:
    """Return the ids that the shipped model is evaluated on and was not trained on."""
    return frozenset((Path(__file__).parent / "fashion_held_out.txt").read_text("utf-8").split())
