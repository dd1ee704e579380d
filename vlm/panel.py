"""A fixed panel of pictures, described again and again while a model learns.

The run folder keeps a small copy of each picture, so that the answers can be looked at beside it.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from vlm import describe, runs
from vlm.config import DESCRIBE
from vlm.data.images import open_image
from vlm.types import Bundle, Record, Turn

FOLDER, PAGE = "panel", "panel.html"
TEMPLATE = Path(__file__).with_name("panel.html.jinja")
BATCH = 32  # pictures described at once
SIDE = 224  # pixels of the longer side of a copy


def records(held_out: Sequence[Record], count: int, folder: Path | None = None) -> list[Record]:
    """The first held-out records and the pictures of a folder, whose right answers are unknown.

    Raises:
        UserError: when the folder holds no pictures.
    """
    found = describe.items([str(folder)]) if folder else ()
    own = [
        Record(item.image.stem, item.image, (Turn(DESCRIBE, ""),))
        for item in found
        if isinstance(item.image, Path)
    ]
    asked = [record for record in held_out if record.turns]
    return [*asked[:count], *own]


def keep(shown: Sequence[Record], run: Path) -> list[str]:
    """Copy the pictures, made small, into the run folder; their paths in it, in order."""
    (run / FOLDER).mkdir(parents=True, exist_ok=True)
    kept = [f"{FOLDER}/{number}.jpg" for number in range(len(shown))]  # an id may be no file name
    for record, path in zip(shown, kept, strict=True):
        small = open_image(record.image)
        small.thumbnail((SIDE, SIDE))
        small.save(run / path, quality=88)
    return kept


def answers(bundle: Bundle, shown: Sequence[Record], kept: Sequence[str]) -> Iterator[dict]:
    """The first question of each record, the right answer where known, and the model's."""
    for path, row in zip(kept, asked(bundle, shown), strict=True):
        known = {key: value for key, value in row.items() if value or key == "text"}
        yield {"image": path, **known}


def asked(bundle: Bundle, shown: Sequence[Record]) -> Iterator[dict[str, str]]:
    """The first question of each record with its right answer and the model's greedy one."""
    turns = [record.turns[0] for record in shown]
    images, prompts = [record.image for record in shown], [turn.prompt for turn in turns]
    answered = describe.texts(bundle, images, prompts, BATCH)
    for record, turn, text in zip(shown, turns, answered, strict=True):
        yield {"id": record.id, "prompt": turn.prompt, "answer": turn.answer, "text": text}


def write_page(run: Path) -> Path | None:
    """A page that shows the panel before, during and after the training, side by side.

    The pictures are those of the run folder; everything a model or a data set wrote is escaped.
    """
    rows = runs.read_jsonl(run / "samples.jsonl")
    steps = sorted({row["step"] for row in rows})
    if not steps:
        return None
    chosen = sorted({steps[0], steps[len(steps) // 2], steps[-1]})
    pictures: dict[str, dict] = {}
    for row in rows:
        known = pictures.setdefault(row["image"], {**row, "said": {}})
        known["said"][row["step"]] = row["text"]
    from jinja2 import Environment

    page = Environment(autoescape=True).from_string(TEMPLATE.read_text("utf-8"))
    runs.write_text(run / PAGE, page.render(steps=chosen, pictures=list(pictures.values())))
    return run / PAGE
