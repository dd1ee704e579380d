"""Draw the app's example pictures, and store the shipped model's answers to them.

    python bench/make_examples.py              writes examples/<slug>.jpg, one line per file
    python bench/make_examples.py --check      compares the files with what would be drawn
    python bench/make_examples.py --answers    writes examples/examples.json: the model's answers

The stored answers are greedy, so they are what the app gives live.

A picture is one function and one seed. To add one: write the function, add its line to EXAMPLES.
"""

from __future__ import annotations

import argparse
import io
import json
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError

from vlm.config import GenerateConfig
from vlm.data.drawing.kinds import KINDS, SCENES
from vlm.data.drawing.studio import Studio
from vlm.data.grammar.products import PROMPTS
from vlm.data.images import open_image
from vlm.errors import exit_on_user_error
from vlm.inference import generate
from vlm.loading import load
from vlm.types import Bundle

FOLDER = Path(__file__).resolve().parents[1] / "examples"
TABLE = FOLDER / "examples.json"
DETAILED, JSON, KIND = PROMPTS["detailed"][1], PROMPTS["json"][4], PROMPTS["kind"][0]
QUESTIONS = {"watch": JSON, "backpack": JSON, "ship": KIND, "aeroplane": KIND, "car": KIND}
QUALITY = 90
TOLERANCE = 6.0  # grey levels: rounding differs between machines, a moved button is far above it


class Example(NamedTuple):
    """A kind that can be drawn, in its default look, and what the picture is called."""

    kind: str
    seed: int
    title: str


EXAMPLES: dict[str, Example] = {
    "polo": Example("polo", 11, "Navy blue polo T-shirt"),
    "checked_shirt": Example("shirt", 12, "Red and white checked shirt"),
    "striped_tshirt": Example("tshirt", 13, "White and navy striped T-shirt"),
    "red_dress": Example("dress", 14, "Red summer dress with white dots"),
    "jeans": Example("jeans", 15, "Blue jeans"),
    "handbag": Example("handbag", 16, "Black leather handbag"),
    "backpack": Example("backpack", 17, "Green backpack"),
    "watch": Example("watch", 18, "Silver wrist watch with a white dial"),
    "sunglasses": Example("sunglasses", 19, "Black sunglasses"),
    "sports_shoes": Example("sports_shoes", 20, "White sports shoes"),
    "flip_flops": Example("flip_flops", 21, "Blue flip flops"),
    "belt": Example("belt", 22, "Brown leather belt"),
    "tie": Example("tie", 23, "Burgundy striped tie"),
    "ship": Example("ship", 24, "A ship at sea"),
    "aeroplane": Example("aeroplane", 25, "An aeroplane in the sky"),
    "car": Example("car", 26, "A red car on a road"),
}
TITLES = {slug: example.title for slug, example in EXAMPLES.items()}


def path(slug: str) -> Path:
    """Return the path of an example."""
    return FOLDER / f"{slug}.jpg"


def encoded(slug: str) -> bytes:
    """Draw an example and return it as a JPEG file."""
    example, file = EXAMPLES[slug], io.BytesIO()
    studio = Studio(example.seed)
    (KINDS | SCENES)[example.kind].draw(studio)
    studio.render().save(file, "JPEG", quality=QUALITY, optimize=True)
    return file.getvalue()


def pixels(file: Path | io.BytesIO) -> np.ndarray:
    """Return the pixels of a picture file, float[H, W, 3]; H = 0 if it cannot be read."""
    try:
        with Image.open(file) as image:
            return np.asarray(image.convert("RGB"), float)
    except (FileNotFoundError, UnidentifiedImageError):
        return np.zeros((0, 0, 3))


def difference(slug: str) -> float:
    """Return the mean difference, in grey levels, of the worst 8x8 block."""
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
    """Compare every file with its drawing; return the number that differ."""
    apart = {slug: difference(slug) for slug in EXAMPLES}
    for slug, levels in apart.items():
        verdict = "same" if levels <= TOLERANCE else "DIFFERS: draw it again or restore it"
        print(f"{path(slug).name:20} {levels:5.2f}  {verdict}")
    return sum(levels > TOLERANCE for levels in apart.values())


def answered(bundle: Bundle, slug: str) -> dict[str, object]:
    """Answer one example and return its row."""
    prompt, config = QUESTIONS.get(slug, DETAILED), GenerateConfig()
    answer = generate.answer(bundle, open_image(path(slug)), prompt, config)
    row = {"file": path(slug).name, "title": TITLES[slug], "prompt": prompt, "answer": answer}
    return row | {"model": bundle.name, "settings": asdict(config)}


def write_answers(model: str) -> None:
    """Answer all examples with a model and store the answers for the app."""
    bundle = load.load(model)
    rows = [answered(bundle, slug) for slug in TITLES]
    TABLE.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    for row in rows:
        print(f"{row['file']:20} {row['answer']}")


def main() -> int:
    """Write the pictures or their answers, or check the pictures."""
    parser = argparse.ArgumentParser(description="Draw the example pictures.")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true", help="compare the files, write nothing")
    what.add_argument("--answers", action="store_true", help="write the model's answers instead")
    parser.add_argument("--model", default="moda-mini", help="preset, folder or Hub id")
    args = parser.parse_args()
    if args.check:
        return min(check(), 1)
    with exit_on_user_error():
        write_answers(args.model) if args.answers else write()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
