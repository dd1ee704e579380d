"""A finished data set as others read it: pictures with metadata.jsonl, or one parquet file."""

import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from vlm import runs
from vlm.data.images import open_image
from vlm.teach import reviews
from vlm.teach.reviews import Reviews
from vlm.teach.steps import Captioned

TABLE, PARQUET, CARD = "metadata.jsonl", "data.parquet", "README.md"
NAMED = "[0-9]" * 5 + ".png"  # the pictures' files
SAID = ("step", "by", "revision", "prompt", "time", "requests")  # of each row, beside its text


def reviewed(done: Iterable[Captioned], made: Reviews | None) -> list[Captioned]:
    """What decisions, by file name, leave: edited texts, and nothing that was rejected."""
    settled = made.settled() if made else {}
    decided = ((item, settled.get(item.name)) for item in done)
    told = ((item, reviews.apply(review, item.text)) for item, review in decided)
    return [item._replace(text=text) for item, text in told if text is not None]


def folder(captioned: Sequence[Captioned], out: Path) -> None:
    """Pictures as PNG and a metadata.jsonl, the Hub's ImageFolder; no others stay there."""
    with runs.room(out):
        out.mkdir(parents=True, exist_ok=True)
        for stale in {path.name for path in out.glob(NAMED)} - {item.name for item in captioned}:
            (out / stale).unlink()
        for item in captioned:
            open_image(item.record.image).save(out / item.name)
        rows = map(_row, captioned)
        runs.write_text(out / TABLE, "".join(map(runs.line, rows)))
        (out / PARQUET).unlink(missing_ok=True)  # one form at a time


def parquet(captioned: Sequence[Captioned], out: Path) -> None:
    """One data.parquet, its column `image` as the Hub's viewer reads it, in a folder's place."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [{"image": {"bytes": _png(item), "path": None}, **_row(item)} for item in captioned]
    columns = list(dict.fromkeys(key for row in rows for key in row))
    table = pa.table({key: [row.get(key) for row in rows] for key in columns})
    scratch = out / f".{PARQUET}"
    with runs.room(out):
        out.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, scratch)
        scratch.replace(out / PARQUET)
        for other in (out / TABLE, *out.glob(NAMED)):
            other.unlink(missing_ok=True)


FORMATS = {"folder": folder, "parquet": parquet}


def _row(item: Captioned) -> dict:
    """File name, id, metadata, the final description, and who had a hand in it.

    A packed picture has its file's name too: in either form, reviews know pictures by it.
    """
    told = [{key: str(row.get(key, "")) for key in SAID} for row in item.rows]
    named = {"file_name": item.name, "id": item.record.id}
    return {**named, **item.record.facts, "text": item.text, "provenance": told}


def _png(item: Captioned) -> bytes:
    file = io.BytesIO()
    open_image(item.record.image).save(file, "PNG")
    return file.getvalue()


def card(out: Path, lines: Sequence[str]) -> None:
    """Write the data set's README.md, as the Hub shows it.

    Args:
        lines: who wrote, and what the checks doubt of it.
    """
    made = "\n".join(f"- {line}" for line in lines)
    text = f"""---
task_categories: [image-to-text]
tags: [loupe, captions]
---

# {out.resolve().name}

Pictures and what was written about them by Loupe (`python -m vlm caption`). Every row's
`provenance` names who wrote, with which question, when, and in how many requests.

{made}

The pictures keep the terms of the data set that they come from.
"""
    runs.write_text(out / CARD, text)
