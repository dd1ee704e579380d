"""Several data sets as one: `3xfashion cifar10 folder=pictures` names them on a command line."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from vlm.data import DATASETS
from vlm.data.readable import usable
from vlm.errors import UserError, lookup
from vlm.types import Record


class Part(NamedTuple):
    """One data set of a mixture: its name, where it lies, how often it comes in a pass."""

    name: str
    path: str | None
    times: int


class Loaded(NamedTuple):
    """The usable records of a part."""

    name: str
    records: tuple[Record, ...]
    times: int


class Mixture(tuple[Loaded, ...]):
    """The loaded parts."""

    @property
    def records(self) -> tuple[Record, ...]:
        """Those of all parts."""
        return tuple(record for part in self for record in part.records)

    @property
    def times(self) -> tuple[int, ...]:
        """How often each of the records comes in one pass."""
        return tuple(part.times for part in self for _ in part.records)


def part(text: str, path: str | None = None) -> Part:
    """Read `[TIMESx]NAME[=PATH]`; `path` is for those that do not give their own.

    Raises:
        UserError: when it is written otherwise or no data set has this name.
    """
    found = re.fullmatch(r"(?:([1-9]\d?)x)?(\w+)(?:=(.+))?", text)
    if not found:
        raise UserError(
            f"{text!r} names no data set; write it like fashion, 3xfashion or folder=P."
        )
    times, name, own = found.groups()
    lookup(DATASETS, name, "data set")
    return Part(name, own or path, int(times or 1))


def load(texts: Sequence[str], split: str, path: str | None = None, limit: int = 0) -> Mixture:
    """The usable records of every part; what was left out is printed.

    Args:
        limit: use only this many pictures of each, 0 = all.

    Raises:
        UserError: for a part that is not to be had or has no usable picture.
    """
    parts = [part(text, path) for text in texts]
    return Mixture(
        Loaded(name, usable(DATASETS[name](split, where, limit)), times)
        for name, where, times in parts
    )
