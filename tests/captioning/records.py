"""Records and a writer that the tests of captioning share."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests import tiny
from vlm.captioning import export
from vlm.captioning.writers import Caption, Request
from vlm.data.grammar import scenes
from vlm.types import Record

KINDS = scenes.KINDS[:3]
ANSWER = {"description": "A small picture of it.", "gender": "", "colour": "red"}
JSON_ANSWER = json.dumps(ANSWER)


def record(number: int) -> Record:
    facts = {"kind": KINDS[number % 3]}
    return Record(str(number), tiny.noise(number), scenes.turns(facts, str(number)), facts)


RECORDS = tuple(record(number) for number in range(20))


class CountingWriter:
    """A writer that lists the images it was given, and is interrupted after some of them."""

    name, revision, prompt, batch_size = "counting", "", "Say something about $answer.", 16

    def __init__(self, stop_after: int = 10_000):
        self.ids, self.stop_after = [], stop_after

    def write(self, requests: Sequence[Request]) -> Iterator[Caption]:
        for request in requests:
            if len(self.ids) == self.stop_after:
                raise KeyboardInterrupt
            self.ids.append(request.record.id)
            yield Caption(f"Picture {request.record.id} of something.")

    def summary(self) -> str:
        return ""


def table(folder: Path) -> list[dict]:
    """The rows of a folder's metadata.jsonl."""
    return [json.loads(line) for line in (folder / export.TABLE).read_text().splitlines()]


def photos(folder: Path, count: int) -> Path:
    """A folder of images without a table."""
    folder.mkdir()
    for number in range(count):
        tiny.noise(number).save(folder / f"{number}.png")
    return folder
