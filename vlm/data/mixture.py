"""Several data sets as one: `3xfashion cifar10 folder=pictures` names them on a command line."""

import os
import re
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from vlm.data import DATASETS, OWN
from vlm.data.folder.columns import parse as parse_columns
from vlm.data.images import BadImage, open_image
from vlm.errors import UserError, lookup
from vlm.types import Dataset, Record


class Part(NamedTuple):
    """One data set of a mixture, as named on the command line.

    Attributes:
        times: how often each of its pictures is shown per epoch.
    """

    name: str
    path: str | None
    times: int


class LoadedPart(NamedTuple):
    """The usable records of a part, and how often each is shown per epoch."""

    name: str
    records: tuple[Record, ...]
    times: float


class Mixture(tuple[LoadedPart, ...]):
    """The loaded parts, in order."""

    @property
    def records(self) -> tuple[Record, ...]:
        """The records of all parts."""
        return tuple(record for part in self for record in part.records)

    @property
    def times(self) -> tuple[float, ...]:
        """How often each record is shown per epoch."""
        return tuple(part.times for part in self for _ in part.records)


def parse_part(text: str, path: str | None = None) -> Part:
    """Parse `[TIMESx]NAME[=PATH]`.

    The path of an existing folder or file is short for `folder=PATH`, `hub:NAME` for `hub=NAME`.

    Args:
        path: used for a part without a path of its own.

    Raises:
        UserError: when the syntax is wrong or no data set has this name.
    """
    if text and "=" not in text and text not in DATASETS and Path(text).exists():
        return Part("folder", text, 1)
    text = re.sub(r"^((?:[1-9]\d?x)?hub):", r"\1=", text)
    match = re.fullmatch(r"(?:([1-9]\d?)x)?(\w+)(?:=(.+))?", text)
    if not match:
        raise UserError(
            f"{text!r} does not name a data set; write fashion, 3xfashion or folder=PATH."
        )
    times, name, part_path = match.groups()
    lookup(DATASETS, name, "data set")
    return Part(name, part_path or path, int(times or 1))


def load(
    texts: Sequence[str], split: str, path: str | None = None, limit: int = 0, columns: str = ""
) -> Mixture:
    """Load the usable records of every part; print the rows that were skipped.

    Args:
        limit: use only this many pictures of each part, 0 = all.
        columns: ROLE=COLUMN pairs for the parts of `OWN`, see `folder.columns.parse`.

    Raises:
        UserError: for a part that is not found or has no usable picture.
    """
    roles = {"columns": parse_columns(columns)} if columns else {}
    parts = [parse_part(text, path) for text in texts]
    counts = Counter(part.name for part in parts)
    return Mixture(
        LoadedPart(
            f"{name}={place}" if counts[name] > 1 and place else name,
            usable_records(DATASETS[name](split, place, limit, **(roles if name in OWN else {}))),
            times,
        )
        for name, place, times in parts
    )


def load_splits(
    texts: Sequence[str],
    path: str | None = None,
    limit: int = 0,
    held_out: int = 0,
    columns: str = "",
) -> tuple[Mixture, Mixture]:
    """Load the training and the held-out pictures of every part.

    Args:
        limit, held_out: use only this many training and held-out pictures of each part, 0 = all.
        columns: as in `load`.

    Raises:
        UserError: as `load`.
    """
    train = load(texts, "train", path, limit, columns)
    return train, load(texts, "validation", path, held_out, columns)


def only_tasks(parts: Mixture, tasks: str) -> Mixture:
    """Return the parts with only the questions of some tasks; others keep no question.

    Args:
        tasks: names separated by commas, empty = all.

    Raises:
        UserError: for a task that no record has.
    """
    wanted = {name.strip() for name in tasks.split(",") if name.strip()}
    if not wanted:
        return parts
    known = {turn.task for record in parts.records for turn in record.turns}
    if wanted - known:
        raise UserError(
            f"No picture has questions of the task {min(wanted - known)!r}; choose among "
            f"{', '.join(sorted(known))}."
        )
    return Mixture(
        part._replace(
            records=tuple(
                replace(record, turns=tuple(t for t in record.turns if t.task in wanted))
                for record in part.records
            )
        )
        for part in parts
    )


def without_questions(records: Sequence[Record]) -> str:
    """Return a notice if pictures have no question, with their commonest labels; else "".

    Raises:
        UserError: when no picture has one.
    """
    silent = [record.facts for record in records if not record.turns]
    labels = Counter(f"{key} {value!r}" for facts in silent for key, value in facts.items())
    commonest = ", ".join(label for label, _ in labels.most_common(3))
    reason = f": the grammar makes none of {commonest}" if commonest else ""
    if silent and len(silent) == len(records):
        raise UserError(
            f"No picture has a question{reason}; write a text, or a question and its answer."
        )
    return f"Notice: {len(silent)} pictures have no question{reason}." if silent else ""


def usable_records(dataset: Dataset) -> tuple[Record, ...]:
    """Return the records whose pictures open; print what was skipped and why.

    Raises:
        UserError: when none is left.
    """
    checked = drop_unreadable(dataset)
    print(checked.report())
    if not checked.records:
        raise UserError(
            f"{checked.name} has no usable picture; fix the problems listed above, or add pictures."
        )
    return checked.records


def drop_unreadable(dataset: Dataset) -> Dataset:
    """Return the data set without the pictures that do not open; add the reasons to `problems`."""
    records = dataset.records
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(_picture_problem, records)
        problems = list(tqdm(results, "checking pictures", len(records), leave=False))
    checked = list(zip(records, problems, strict=True))
    return Dataset(
        dataset.name,
        tuple(record for record, problem in checked if not problem),
        dataset.problems
        + tuple(f"picture {record.id}: {problem}" for record, problem in checked if problem),
    )


def _picture_problem(record: Record) -> str:
    """Return the reason a picture does not open, or an empty string."""
    try:
        open_image(record.image)
    except BadImage as error:
        return str(error)
    return ""
