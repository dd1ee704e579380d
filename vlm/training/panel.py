"""A fixed panel of pictures that the model describes during training.

The run folder has a thumbnail of each picture, to be viewed next to the answers.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from vlm.config import DESCRIBE
from vlm.data.images import open_image
from vlm.inference.batch import batch
from vlm.inference.pictures import find_items
from vlm.system import files
from vlm.training import runs
from vlm.types import Bundle, Record, Turn

PAGE = "panel.html"
TEMPLATE = Path(__file__).with_name("panel.html.jinja")
BATCH = 32  # pictures per batch
SIDE = 224  # pixels, the longer side of a thumbnail


def select(held_out: Sequence[Record], count: int, folder: Path | None = None) -> list[Record]:
    """Return the first `count` held-out records and the pictures in `folder`, without answers.

    Raises:
        UserError: if the folder contains no pictures.
    """
    items = find_items([str(folder)]) if folder else ()
    own = [
        Record(item.image.stem, item.image, (Turn(DESCRIBE, ""),))
        for item in items
        if isinstance(item.image, Path)
    ]
    with_turns = [record for record in held_out if record.turns]
    return [*with_turns[:count], *own]


def save_thumbnails(records: Sequence[Record], run: Path) -> list[str]:
    """Write a thumbnail of each record into the run folder; return their relative paths."""
    (run / runs.PANEL).mkdir(parents=True, exist_ok=True)
    # numbers, because an id may not be a valid file name
    paths = [f"{runs.PANEL}/{number}.jpg" for number in range(len(records))]
    for record, path in zip(records, paths, strict=True):
        thumbnail = open_image(record.image)
        thumbnail.thumbnail((SIDE, SIDE))
        thumbnail.save(run / path, quality=88)
    return paths


def describe(bundle: Bundle, records: Sequence[Record], paths: Sequence[str]) -> Iterator[dict]:
    """Yield rows for samples.jsonl: thumbnail, question, correct answer if any, model's answer."""
    for path, row in zip(paths, answer_first_turns(bundle, records), strict=True):
        filled = {key: value for key, value in row.items() if value or key == "text"}
        yield {"image": path, **filled}


def answer_first_turns(bundle: Bundle, records: Sequence[Record]) -> Iterator[dict[str, str]]:
    """Yield each record's first question, its correct answer and the model's greedy answer."""
    turns = [record.turns[0] for record in records]
    images, prompts = [record.image for record in records], [turn.prompt for turn in turns]
    texts = batch(bundle, images, prompts, BATCH)
    for record, turn, text in zip(records, turns, texts, strict=True):
        yield {"id": record.id, "prompt": turn.prompt, "answer": turn.answer, "text": text}


def write_page(run: Path) -> Path | None:
    """Write a page that shows the panel before, during and after training, side by side.

    It uses the thumbnails in the run folder; all text from a model or a data set is escaped.

    Returns:
        The page's path, None if the run has no samples.
    """
    rows = files.read_jsonl(run / runs.SAMPLES)
    steps = sorted({row["step"] for row in rows})
    if not steps:
        return None
    columns = sorted({steps[0], steps[len(steps) // 2], steps[-1]})
    pictures: dict[str, dict] = {}
    for row in rows:
        picture = pictures.setdefault(row["image"], {**row, "texts": {}})
        picture["texts"][row["step"]] = row["text"]
    from jinja2 import Environment

    page = Environment(autoescape=True).from_string(TEMPLATE.read_text("utf-8"))
    files.write_text(run / PAGE, page.render(steps=columns, pictures=list(pictures.values())))
    return run / PAGE
