"""Write a finished data set for other programs: images with metadata.jsonl, or one parquet file."""

import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from vlm.captioning.review import reviews
from vlm.captioning.review.reviews import Reviews
from vlm.captioning.steps import CaptionedImage
from vlm.data.images import open_image
from vlm.system import files

TABLE, PARQUET, CARD = "metadata.jsonl", "data.parquet", "README.md"
IMAGES = "[0-9]" * 5 + ".png"  # pattern of the image files
PROVENANCE = ("step", "by", "revision", "prompt", "time", "requests")  # keys from the history


def apply_reviews(
    images: Iterable[CaptionedImage], decisions: Reviews | None
) -> list[CaptionedImage]:
    """Apply the decisions, which are keyed by file name: edit texts and drop rejected images."""
    final = decisions.final() if decisions else {}
    texts = ((item, reviews.apply(final.get(item.name), item.text)) for item in images)
    return [item._replace(text=text) for item, text in texts if text is not None]


def write_folder(images: Sequence[CaptionedImage], out: Path) -> None:
    """Write PNG files and metadata.jsonl, the Hub's ImageFolder format; delete other PNG files."""
    with files.writing(out):
        out.mkdir(parents=True, exist_ok=True)
        for stale in {path.name for path in out.glob(IMAGES)} - {item.name for item in images}:
            (out / stale).unlink()
        for item in images:
            open_image(item.record.image).save(out / item.name)
        rows = map(_row, images)
        files.write_text(out / TABLE, "".join(map(files.json_line, rows)))
        (out / PARQUET).unlink(missing_ok=True)  # a folder has only one of the two formats


def write_parquet(images: Sequence[CaptionedImage], out: Path) -> None:
    """Write data.parquet with images as the Hub's viewer reads them; delete PNG files and table."""
    rows = [{"image": {"bytes": _png(item), "path": None}, **_row(item)} for item in images]
    columns = list(dict.fromkeys(key for row in rows for key in row))
    table = _with_pictures(pa.table({key: [row.get(key) for row in rows] for key in columns}))
    scratch = out / f".{PARQUET}"
    with files.writing(out):
        out.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, scratch)
        scratch.replace(out / PARQUET)
        for other in (out / TABLE, *out.glob(IMAGES)):
            other.unlink(missing_ok=True)


def _with_pictures(table: pa.Table) -> pa.Table:
    """Return the table with a schema that tells `datasets` that the column `image` has pictures."""
    import datasets

    features = datasets.Features.from_arrow_schema(table.schema) | {"image": datasets.Image()}
    return table.cast(datasets.Features(features).arrow_schema)


FORMATS = {"folder": write_folder, "parquet": write_parquet}


def _row(item: CaptionedImage) -> dict:
    """File name, id, metadata, final description and provenance.

    Rows of a parquet file contain the file name too, because reviews identify images by it.
    """
    provenance = [{key: str(row.get(key, "")) for key in PROVENANCE} for row in item.rows]
    ids = {"file_name": item.name, "id": item.record.id}
    return {**ids, **item.record.facts, "text": item.text, "provenance": provenance}


def _png(item: CaptionedImage) -> bytes:
    file = io.BytesIO()
    open_image(item.record.image).save(file, "PNG")
    return file.getvalue()


def write_card(out: Path, lines: Sequence[str]) -> None:
    """Write the data set's README.md, which the Hub shows.

    Its `configs` tell `datasets.load_dataset` which files are the data; the others are logs.

    Args:
        lines: who wrote the descriptions, and how many of them are flagged.
    """
    data = f'"{PARQUET}"' if (out / PARQUET).is_file() else f'["*.png", "{TABLE}"]'
    steps = "\n".join(f"- {line}" for line in lines)
    text = f"""---
task_categories: [image-to-text]
tags: [loupe, captions]
configs:
- config_name: default
  data_files:
  - split: train
    path: {data}
---

# {out.resolve().name}

Images with descriptions written by Loupe (`loupe caption`). The `provenance` of each row
contains the writers, the hashes of their prompts, the times and the numbers of requests.

{steps}

The images remain under the terms of the data set that they come from.
"""
    files.write_text(out / CARD, text)
