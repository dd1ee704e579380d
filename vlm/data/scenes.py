"""Photographs of everyday scenes with several captions each: Flickr8k, COCO, or tables like them.

The captions of a row are a list in `captions`, or texts in `caption_0`, `caption_1`, ... (the
Hub's Flickr8k). Cite Hodosh et al., 2013 (JAIR 47) and Lin et al., 2014 (COCO).
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vlm.data import folder, source, tables
from vlm.errors import lookup
from vlm.types import Dataset, Record, Turn

NAME, HUB_ID = "scenes", "jxie/flickr8k"
PROMPTS = (
    "Caption this picture.",
    "Describe this picture.",
    "What do you see?",
    "Describe the image in one sentence.",
    "What is happening here?",
    "Write a caption.",
)
NUMBERED = re.compile(r"caption_\d+")


def load(split: str = "train", path: str | Path | None = None, limit: int = 0) -> Dataset:
    """Load the photographs of a split; each caption answers the same question.

    Facts: `captions`, one per line.

    Raises:
        UserError: when there is no such split, or the data set is found neither locally nor on
            the Hub.
    """
    lookup(dict.fromkeys(folder.SPLITS), split, "split")
    rows = source.table(NAME, HUB_ID, split, path, ("image",))
    rows = rows.slice(0, limit) if limit else rows
    records, problems = {}, []
    for number, row in enumerate(rows.to_pylist()):
        id = str(row.get("file_name") or number)
        problem = row_problem(row) or ("duplicate file_name" if id in records else "")
        if problem:
            problems.append(f"row {number}: {problem}")
        else:
            records[id] = _record(id, row)
    return Dataset(f"{NAME}/{split}", tuple(records.values()), tuple(problems))


def row_problem(row: Mapping[str, Any]) -> str:
    """Return the reason a row is unusable, or an empty string."""
    return tables.picture_problem(row["image"]) or ("" if read_captions(row) else "no caption")


def read_captions(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the captions of a row, without empty and repeated ones."""
    texts = row.get("captions") or [row[key] for key in row if NUMBERED.fullmatch(key)]
    texts = [texts] if isinstance(texts, str) else texts
    captions = (" ".join(text.split()) for text in texts if isinstance(text, str))
    return tuple(dict.fromkeys(filter(None, captions)))


def _record(id: str, row: Mapping[str, Any]) -> Record:
    captions = read_captions(row)
    prompt = PROMPTS[source.name_hash(id) % len(PROMPTS)]
    turns = tuple(Turn(prompt, caption, "caption") for caption in captions)
    return Record(id, row["image"]["bytes"], turns, {"captions": "\n".join(captions)})
