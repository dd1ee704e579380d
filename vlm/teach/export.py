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
SAID = ("step", "by", "revision", "prompt", "time", "requests")  # of each row, beside its text


def folder(captioned: Iterable[Captioned], out: Path, made: Reviews | None = None) -> int:
    """Pictures as PNG and a metadata.jsonl, the Hub's ImageFolder; the number of pairs.

    Args:
        made: decisions about the pictures, by file name or by id; what was rejected is left out.
    """
    rows = []
    with runs.room(out):
        out.mkdir(parents=True, exist_ok=True)
        for number, item in enumerate(captioned):
            name = f"{number:05}.png"  # by its place, whatever else is left out
            kept = _reviewed(item, made, name)
            if kept is None:
                (out / name).unlink(missing_ok=True)
                continue
            open_image(item.record.image).save(out / name)
            rows.append({"file_name": name, **_row(kept)})
        runs.write_text(out / TABLE, "".join(map(runs.line, rows)))
    return len(rows)


def parquet(captioned: Iterable[Captioned], out: Path, made: Reviews | None = None) -> int:
    """One data.parquet with the column `image` as the Hub's viewer reads it; the number of rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    named = ((item, f"{number:05}.png") for number, item in enumerate(captioned))
    kept = [found for item, name in named if (found := _reviewed(item, made, name))]
    rows = [{"image": {"bytes": _png(item), "path": None}, **_row(item)} for item in kept]
    columns = list(dict.fromkeys(key for row in rows for key in row))
    table = pa.table({key: [row.get(key) for row in rows] for key in columns})
    scratch = out / f".{PARQUET}"
    with runs.room(out):
        out.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, scratch)
        scratch.replace(out / PARQUET)
    return len(rows)


FORMATS = {"folder": folder, "parquet": parquet}


def _reviewed(item: Captioned, made: Reviews | None, name: str) -> Captioned | None:
    """The item as the reviews leave it; None when it was rejected."""
    if made is None:
        return item
    id = item.record.id if item.record.id in made.settled() else name
    text = reviews.apply(made, id, item.text)
    return None if text is None else item._replace(text=text)


def _row(item: Captioned) -> dict:
    """Id, metadata, the final description, and who had a hand in it."""
    told = [{key: str(row.get(key, "")) for key in SAID} for row in item.rows]
    return {"id": item.record.id, **item.record.facts, "text": item.text, "provenance": told}


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
