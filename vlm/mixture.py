"""Several data sets as one: `3xfashion cifar10 folder=pictures` names them on a command line."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from vlm import runs, runtime
from vlm.data import DATASETS
from vlm.data.readable import usable
from vlm.errors import UserError, lookup
from vlm.types import Record

DATA = "data.json"  # in a run's folder: what it was trained on


class Part(NamedTuple):
    """One data set of a mixture: its name, where it lies, how often it comes in a pass."""

    name: str
    path: str | None
    times: int


class Loaded(NamedTuple):
    """The usable records of a part."""

    name: str
    records: tuple[Record, ...]
    times: float


class Mixture(tuple[Loaded, ...]):
    """The loaded parts."""

    @property
    def records(self) -> tuple[Record, ...]:
        """Those of all parts."""
        return tuple(record for part in self for record in part.records)

    @property
    def times(self) -> tuple[float, ...]:
        """How often each of the records comes in one pass."""
        return tuple(part.times for part in self for _ in part.records)


def part(text: str, path: str | None = None) -> Part:
    """Read `[TIMESx]NAME[=PATH]`; `path` is for those that do not give their own.

    A path to a folder that is there stands for `folder=PATH`.

    Raises:
        UserError: when it is written otherwise or no data set has this name.
    """
    if text and "=" not in text and text not in DATASETS and Path(text).is_dir():
        return Part("folder", text, 1)
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
    many = Counter(name for name, _, _ in parts)
    return Mixture(
        Loaded(
            f"{name}={where}" if many[name] > 1 and where else name,
            usable(DATASETS[name](split, where, limit)),
            times,
        )
        for name, where, times in parts
    )


def sign(parts: Mixture, run: Path, resume: bool = False, **flags: Any) -> None:
    """The main process writes data.json into a run's folder: each part's name, size, SHA-256.

    Args:
        flags: what else decides what the run learns, by the names of the command's flags.

    Raises:
        UserError: when a run that is gone on with has learned from other data, or by other flags.
    """
    if not (resume or runtime.is_main()):
        return
    rows = [
        {
            "name": part.name,
            "times": part.times,
            "pictures": len(part.records),
            "questions": sum(len(record.turns) for record in part.records),
            "sha256": fingerprint(part.records),
        }
        for part in parts
    ]
    signed = {"flags": {name: str(value) for name, value in flags.items()}, "parts": rows}
    if resume and (run / DATA).exists():
        before = json.loads((run / DATA).read_text("utf-8"))
        if isinstance(before, list):  # an older run, which kept no flags
            before = {"flags": {}, "parts": before}
        _check_same(before, signed, run)
    elif runtime.is_main():
        with runs.room(run):
            run.mkdir(parents=True, exist_ok=True)
            runs.write_json(run / DATA, signed)


def _check_same(before: dict, now: dict, run: Path) -> None:
    """Raise a `UserError` when the run began with something else: its words would shift."""
    if before["parts"] != now["parts"]:
        told = [
            " ".join(f"{row['times']}x{row['name']} ({row['pictures']:,} pictures)" for row in rows)
            for rows in (before["parts"], now["parts"])
        ]
        raise UserError(
            f"{run} was begun with other data, {told[0]}, than {told[1]} as it is now; "
            "give the same with --resume, or another --out."
        )
    changed = [
        f"--{name.replace('_', '-')} {before['flags'][name]} (now {value})"
        for name, value in now["flags"].items()
        if before["flags"].get(name, value) != value  # a new flag was not there before
    ]
    if changed:
        raise UserError(
            f"{run} was begun with {', '.join(changed)}; give the same with --resume, or "
            "another --out."
        )


def fingerprint(records: Sequence[Record]) -> str:
    """SHA-256 over ids, questions, answers, metadata and encoded pictures, in their order."""
    whole = hashlib.sha256()
    for record in records:
        turns = [[turn.prompt, turn.answer, turn.task, turn.history] for turn in record.turns]
        said = [record.id, turns, sorted(record.facts.items())]
        whole.update(json.dumps(said).encode())
        whole.update(encoded(record.image))
    return whole.hexdigest()


def encoded(image: bytes | Path | Image.Image) -> bytes:
    """What a picture is told from others by: its file's bytes, or its pixels."""
    if isinstance(image, Image.Image):
        return f"{image.mode} {image.size}".encode() + image.tobytes()
    return image if isinstance(image, bytes) else Path(image).read_bytes()
