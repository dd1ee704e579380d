"""Draw the example pictures: everything a visitor sees first is original to this project.

    python examples/make_examples.py            writes examples/<slug>.jpg, one line a file
    python examples/make_examples.py --check    compares the files with what would be drawn

A picture is one function and one seed. To add one: write the function, add its line to EXAMPLES.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from draw_accessories import belt, sunglasses, watch
from draw_bags import backpack, handbag
from draw_lowers import dress, jeans, tie
from draw_road import car
from draw_scenes import aeroplane, ship
from draw_shoes import flip_flops, sports_shoes
from draw_studio import Studio
from draw_tops import polo, round_tee, shirt
from PIL import Image, UnidentifiedImageError

FOLDER = Path(__file__).parent
QUALITY = 90
TOLERANCE = 6.0  # grey levels: rounding differs between machines, a moved button is far above it


class Example(NamedTuple):
    """How to draw a picture, and what it is called."""

    draw: Callable[[Studio], None]
    seed: int
    title: str


EXAMPLES: dict[str, Example] = {
    "polo": Example(polo, 11, "Navy blue polo T-shirt"),
    "checked_shirt": Example(shirt, 12, "Red and white checked shirt"),
    "striped_tshirt": Example(round_tee, 13, "White and navy striped T-shirt"),
    "red_dress": Example(dress, 14, "Red summer dress with white dots"),
    "jeans": Example(jeans, 15, "Blue jeans"),
    "handbag": Example(handbag, 16, "Black leather handbag"),
    "backpack": Example(backpack, 17, "Green backpack"),
    "watch": Example(watch, 18, "Silver wrist watch with a white dial"),
    "sunglasses": Example(sunglasses, 19, "Black sunglasses"),
    "sports_shoes": Example(sports_shoes, 20, "White sports shoes"),
    "flip_flops": Example(flip_flops, 21, "Blue flip flops"),
    "belt": Example(belt, 22, "Brown leather belt"),
    "tie": Example(tie, 23, "Burgundy striped tie"),
    "ship": Example(ship, 24, "A ship at sea"),
    "aeroplane": Example(aeroplane, 25, "An aeroplane in the sky"),
    "car": Example(car, 26, "A red car on a road"),
}
TITLES = {slug: example.title for slug, example in EXAMPLES.items()}


def path(slug: str) -> Path:
    """Where an example lies."""
    return FOLDER / f"{slug}.jpg"


def encoded(slug: str) -> bytes:
    """The JPEG file of an example, drawn anew."""
    example, file = EXAMPLES[slug], io.BytesIO()
    studio = Studio(example.seed)
    example.draw(studio)
    studio.finished().save(file, "JPEG", quality=QUALITY, optimize=True)
    return file.getvalue()


def pixels(file: Path | io.BytesIO) -> np.ndarray:
    """The colours of a picture file, [H, W, 3]; none if it is missing or no picture."""
    try:
        with Image.open(file) as image:
            return np.asarray(image.convert("RGB"), float)
    except (FileNotFoundError, UnidentifiedImageError):
        return np.zeros((0, 0, 3))


def difference(slug: str) -> float:
    """How far the file is from the drawing: the mean grey levels in the worst 8x8 block."""
    stored, drawn = pixels(path(slug)), pixels(io.BytesIO(encoded(slug)))
    if stored.shape != drawn.shape:
        return float("inf")
    rows, columns, bands = drawn.shape
    blocks = np.abs(stored - drawn).reshape(rows // 8, 8, columns // 8, 8, bands)
    return float(blocks.mean(axis=(1, 3, 4)).max())


def write() -> None:
    """Draw every example into its file."""
    for slug, title in TITLES.items():
        path(slug).write_bytes(encoded(slug))
        print(f"{path(slug).name:20} {path(slug).stat().st_size / 1000:5.1f} kB  {title}")


def check() -> int:
    """Compare every file with its drawing; the number of those that differ."""
    apart = {slug: difference(slug) for slug in EXAMPLES}
    for slug, levels in apart.items():
        verdict = "same" if levels <= TOLERANCE else "DIFFERS: draw it again or restore it"
        print(f"{path(slug).name:20} {levels:5.2f}  {verdict}")
    return sum(levels > TOLERANCE for levels in apart.values())


def main() -> int:
    """Write the pictures, or check them."""
    parser = argparse.ArgumentParser(description="Draw the example pictures.")
    parser.add_argument("--check", action="store_true", help="compare the files, write nothing")
    if parser.parse_args().check:
        return min(check(), 1)
    write()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
