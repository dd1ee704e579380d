"""Photographs of everyday scenes with several captions each: Flickr8k, COCO, or tables like them.

The captions of a row are a list in `captions`, or texts in `caption_0`, `caption_1`, ... (the
Hub's Flickr8k). Phrases and boxes are read from `entities.parquet` in the same folder, if it is
there. Cite Hodosh et al., 2013 (JAIR 47), Lin et al., 2014 (COCO) and Plummer et al., 2017 (IJCV
123).
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from vlm.data import folder, scene_questions, source
from vlm.data.scene_questions import presence
from vlm.data.scene_questions.scene import Scene, make_scene, read_entities
from vlm.data.tables.pictures import picture_problem
from vlm.errors import lookup
from vlm.types import Dataset, Record

NAME, HUB_ID = "scenes", "jxie/flickr8k"
NUMBERED = re.compile(r"caption_\d+")


class Photograph(NamedTuple):
    """A picture, encoded, with its captions and what is known about it."""

    image: bytes
    captions: tuple[str, ...]
    scene: Scene


class Photographs(NamedTuple):
    """The usable pictures of a split, by name, and one line for each other row."""

    by_name: dict[str, Photograph]
    problems: tuple[str, ...]


def load(split: str = "train", path: str | Path | None = None, limit: int = 0) -> Dataset:
    """Load the photographs of a split with the questions of `scene_questions`.

    Facts: `captions`, one per line.

    Raises:
        UserError: when there is no such split, or the data set is found neither locally nor on
            the Hub.
    """
    photographs, problems = read(split, path)
    known = presence.count_objects(photo.scene for photo in photographs.values())
    names = list(photographs)[: limit or None]
    records = tuple(_record(name, photographs[name], known) for name in names)
    return Dataset(f"{NAME}/{split}", records, problems)


def read(split: str, path: str | Path | None = None) -> Photographs:
    """Read the photographs of a split without asking anything; errors as in `load`."""
    lookup(dict.fromkeys(folder.SPLITS), split, "split")
    rows = source.table(NAME, HUB_ID, split, path, ("image",))
    entities = read_entities(_folder(split, path))
    found: dict[str, Photograph] = {}
    problems = []
    for number, row in enumerate(rows.to_pylist()):
        id = str(row.get("file_name") or number)
        problem = row_problem(row) or ("duplicate file_name" if id in found else "")
        if problem:
            problems.append(f"row {number}: {problem}")
        else:
            captions = read_captions(row)
            scene = make_scene(id, captions, entities.get(id))
            found[id] = Photograph(row["image"]["bytes"], captions, scene)
    return Photographs(found, tuple(problems))


def _folder(split: str, path: str | Path | None) -> Path | None:
    """Return the folder of a split's table, None if it is not on this machine."""
    files = source.find_files(NAME, split, path)
    return files[0].parent if files else None


def row_problem(row: Mapping[str, Any]) -> str:
    """Return the reason a row is unusable, or an empty string."""
    return picture_problem(row["image"]) or ("" if read_captions(row) else "no caption")


def read_captions(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the captions of a row, without empty and repeated ones."""
    texts = row.get("captions") or [row[key] for key in row if NUMBERED.fullmatch(key)]
    texts = [texts] if isinstance(texts, str) else texts
    captions = (" ".join(text.split()) for text in texts if isinstance(text, str))
    return tuple(dict.fromkeys(filter(None, captions)))


def _record(name: str, photo: Photograph, known: presence.Frequencies) -> Record:
    turns = scene_questions.ask(photo.scene, known)
    return Record(name, photo.image, turns, {"captions": "\n".join(photo.captions)})
