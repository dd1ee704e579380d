"""CIFAR-10 (Krizhevsky, 2009): 32x32 pictures of ten kinds, in the columns of the Hub's edition."""

import random
from pathlib import Path

from vlm.data import source
from vlm.errors import lookup
from vlm.types import Dataset, Record, Turn

HUB_ID = "uoft-cs/cifar10"
NAME = "cifar10"
KINDS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
VALIDATION_SHARE = 10  # percent, the last rows of train (5,000 of the real ones), held out

ANSWERS = {
    "brief": (
        ("Describe this picture.", "A small picture of {a_kind}."),
        ("What do you see?", "It shows {a_kind}."),
        ("Caption this image.", "A photograph of {a_kind}."),
        ("Describe the image briefly.", "This is a picture of {a_kind}."),
    ),
    "kind": (
        ("What is it?", "It is {a_kind}."),
        ("What is this?", "This is {a_kind}."),
        ("Name the object in one word.", "{Kind}."),
    ),
    "json": (
        ("Give the attributes as JSON.", '{{"type": "{kind}"}}'),
        ("JSON, please.", '{{"type": "{kind}"}}'),
    ),
}


def load(split: str = "train", path: str | Path | None = None, limit: int = 0) -> Dataset:
    """The pictures of a split, `train` or `validation` (the last tenth of the train table).

    Raises:
        UserError: when the data set is found neither locally nor on the Hub, or has no such split.
    """
    rows = source.table(NAME, HUB_ID, "train", path, ("img", "label"))
    cut = len(rows) - len(rows) * VALIDATION_SHARE // 100
    bounds = {"train": (0, cut), "validation": (cut, len(rows))}
    first, last = lookup(bounds, split, "split")
    rows = rows.slice(first, last - first)
    rows = rows.slice(0, limit) if limit else rows
    records, problems = [], []
    for number, row in enumerate(rows.to_pylist(), start=first):
        reason = bad_row(row)
        if reason:
            problems.append(f"row {number}: {reason}")
        else:
            records.append(_record(row, number))
    return Dataset(f"{NAME}/{split}", tuple(records), tuple(problems))


def bad_row(row: dict) -> str:
    """Why a row cannot be used, empty when it can."""
    label = row.get("label")
    if not isinstance(label, int) or label not in range(len(KINDS)):
        return f"label {label!r} is not one of 0 to {len(KINDS) - 1}"
    return source.bad_picture(row.get("img"))


def _record(row: dict, number: int) -> Record:
    kind = KINDS[row["label"]]
    return Record(str(number), row["img"]["bytes"], turns(kind, str(number)), {"kind": kind})


def turns(kind: str, id: str, seed: int = 0) -> tuple[Turn, ...]:
    """One turn for each task, the wording drawn from id and seed."""
    words = {"kind": kind, "Kind": kind.capitalize()}
    words["a_kind"] = f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
    draw = random.Random(f"{id}/{seed}")
    chosen = [(task, draw.choice(pairs)) for task, pairs in ANSWERS.items()]
    return tuple(Turn(prompt, answer.format(**words), task) for task, (prompt, answer) in chosen)
