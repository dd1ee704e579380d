"""Pairs of picture and description, written as the data set `folder` reads them."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from random import Random

from vlm import describe, load, runs
from vlm.config import DESCRIBE
from vlm.data.images import open_image
from vlm.errors import UserError
from vlm.types import Record

LABELS = "labels"  # the teacher that needs no model: the caption grammar over the metadata
CLASS = ("kind", "articleType")  # facts that say what class a picture is of
DESCRIPTIONS = ("brief", "describe", "detailed")  # tasks, the best one first
BATCH = 16


def per_class(records: Sequence[Record], count: int, seed: int = 0) -> list[Record]:
    """`count` pictures of each class, drawn by the seed, in the order of the data set.

    Raises:
        UserError: when the pictures have no class, or a class has fewer.
    """
    classes: dict[str, list[int]] = {}
    for number, record in enumerate(records):
        name = next((record.facts[key] for key in CLASS if key in record.facts), "")
        if name:
            classes.setdefault(name, []).append(number)
    if not classes:
        raise UserError("These pictures have no classes; leave out --per-class.")
    few = min(classes, key=lambda name: len(classes[name]))
    if len(classes[few]) < count:
        raise UserError(
            f"--per-class is {count}, but {few} has {len(classes[few])} pictures; ask for fewer."
        )
    drawn = (Random(f"{seed}/{name}").sample(numbers, count) for name, numbers in classes.items())
    return [records[number] for number in sorted(number for some in drawn for number in some)]


def texts(records: Sequence[Record], teacher: str, device: str = "auto") -> Iterator[str]:
    """What the teacher says of each picture.

    Args:
        teacher: `labels`, or the name of any model that `load` opens.

    Raises:
        UserError: when the model cannot be opened, or `labels` meets a picture without metadata.
    """
    if teacher == LABELS:
        yield from map(from_labels, records)
        return
    bundle = load.load(teacher, device=device)
    images = [record.image for record in records]
    yield from describe.texts(bundle, images, [DESCRIBE] * len(images), BATCH)


def from_labels(record: Record) -> str:
    """The record's own description, the short one first.

    Raises:
        UserError: when it has none.
    """
    told = {turn.task: turn.answer for turn in reversed(record.turns)}
    found = next((told[task] for task in DESCRIPTIONS if task in told), "")
    if not found:
        raise UserError(f"Picture {record.id} has no metadata to describe it by; name a model.")
    return found


def write(records: Sequence[Record], said: Iterable[str], out: Path) -> int:
    """Pictures as PNG and a metadata.jsonl of texts and facts; the number of pairs.

    Raises:
        UserError: when the folder holds something already.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} is there already and not empty; name a new folder.")
    with runs.room(out):
        out.mkdir(parents=True, exist_ok=True)
        rows = []
        for number, (record, text) in enumerate(zip(records, said, strict=True)):
            name = f"{number:05}.png"
            open_image(record.image).save(out / name)
            rows.append({"file_name": name, "id": record.id, **record.facts, "text": text})
        runs.write_text(out / "metadata.jsonl", "".join(map(runs.line, rows)))
    return len(rows)
