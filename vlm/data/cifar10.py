"""CIFAR-10 (Krizhevsky, 2009): 32x32 pictures of ten kinds, in the columns of the Hub's edition.

Its only label is the kind; the main colours are measured from the pixels, where they are clear.
"""

from collections.abc import Mapping
from pathlib import Path

from vlm.data import colours, source
from vlm.data.grammar.scenes import KINDS, turns
from vlm.data.images import BadImage, open_image
from vlm.data.tables.pictures import picture_problem
from vlm.errors import lookup
from vlm.types import Dataset, Record

HUB_ID = "uoft-cs/cifar10"
NAME = "cifar10"
VALIDATION_SHARE = 10  # percent, the last rows of train (5,000 of the real ones), held out
FURRY = frozenset({"cat", "deer", "dog", "horse"})
FUR_COLOURS = frozenset({"black", "brown", "grey", "orange", "white"})


def load(split: str = "train", path: str | Path | None = None, limit: int = 0) -> Dataset:
    """Load the pictures of a split, `train` or `validation` (the last tenth of the train table).

    Facts: kind, and colour and ground (the background) where `colours.main_colours` finds them
    clear.

    Raises:
        UserError: when the data set is found neither locally nor on the Hub, or has no such split.
    """
    rows = source.table(NAME, HUB_ID, "train", path, ("img", "label"))
    end = len(rows) - len(rows) * VALIDATION_SHARE // 100
    bounds = {"train": (0, end), "validation": (end, len(rows))}
    first, last = lookup(bounds, split, "split")
    rows = rows.slice(first, last - first)
    rows = rows.slice(0, limit) if limit else rows
    records, problems = [], []
    for number, row in enumerate(rows.to_pylist(), start=first):
        problem = row_problem(row)
        if problem:
            problems.append(f"row {number}: {problem}")
        else:
            records.append(_record(row, number))
    return Dataset(f"{NAME}/{split}", tuple(records), tuple(problems))


def row_problem(row: Mapping) -> str:
    """Return the reason a row is unusable, or an empty string."""
    label = row.get("label")
    if not isinstance(label, int) or label not in range(len(KINDS)):
        return f"label {label!r} is not one of 0 to {len(KINDS) - 1}"
    return picture_problem(row.get("img"))


def _record(row: Mapping, number: int) -> Record:
    image, kind = row["img"]["bytes"], KINDS[row["label"]]
    facts = {"kind": kind} | measure_colours(image, kind)
    return Record(str(number), image, turns(facts, str(number)), facts)


def measure_colours(image: bytes, kind: str) -> dict[str, str]:
    """Return the main colours of a picture, `colour` and `ground`, as far as they are clear.

    A colour that fur cannot have is not the animal's, and is dropped.
    """
    try:
        colour, ground = colours.main_colours(open_image(image))
    except BadImage:  # reported by `mixture.drop_unreadable`, as in every data set
        return {}
    if kind in FURRY and colour not in FUR_COLOURS:
        colour = ""
    return {key: word for key, word in (("colour", colour), ("ground", ground)) if word}
