"""Small tables of photographs with captions, phrases and boxes, all made up."""

from pathlib import Path
from typing import Any

from tests.benchmark_fixtures import cell, write

SENTENCES = ["Two dogs play with a ball.", "Two dogs are running.", "Two dogs chase a ball."]
Phrases = list[tuple[str, int]]


def entity_row(name: str, sentences: list[str], phrases: Phrases) -> dict[str, Any]:
    """One row of entities.parquet, of a picture of 100 x 200 pixels; all phrases are one thing."""
    rows = [
        {"sentence": number, "entity": 5, "kind": "animals", "phrase": text}
        for text, number in phrases
    ]
    return {
        "file_name": name,
        "width": 100,
        "height": 200,
        "sentences": sentences,
        "phrases": rows,
        "boxes": [{"entity": 5, "xmin": 10, "ymin": 20, "xmax": 60, "ymax": 120}],
    }


def dogs(name: str = "0.jpg", boxes: tuple = ((0, 0, 40, 40), (50, 50, 90, 90))) -> dict[str, Any]:
    """A row about two dogs and a ball."""
    row = entity_row(name, SENTENCES, [("Two dogs", number) for number in range(3)])
    ball = {"entity": 9, "kind": "other", "phrase": "a ball"}
    row["phrases"] += [ball | {"sentence": 0}, ball | {"sentence": 2}]
    corners = ("xmin", "ymin", "xmax", "ymax")
    row["boxes"] = [{"entity": 5} | dict(zip(corners, box, strict=True)) for box in boxes]
    row["boxes"] += [{"entity": 9, "xmin": 40, "ymin": 80, "xmax": 70, "ymax": 140}]
    return row


def write_scenes(
    folder: Path, with_entities: bool = True, entities: list[dict] | None = None, count: int = 6
) -> Path:
    """Write train, validation and perhaps entities; give their folder."""
    rows = [
        {"image": cell(n), "file_name": f"{n}.jpg", "captions": SENTENCES} for n in range(count)
    ]
    write(folder / "train.parquet", rows)
    write(folder / "validation.parquet", rows)
    if with_entities:
        table = entities or [dogs(f"{n}.jpg") for n in range(count)]
        write(folder / "entities.parquet", table)
    return folder
