"""Draw many products and scenes with what they show, to train on.

    python examples/draw_many.py --out FOLDER                2,000 pictures of 160 pixels
    python examples/draw_many.py --out FOLDER --count 500 --seed 7 --size 112

FOLDER gets train/ and validation/ (a tenth), each with its JPEGs and a metadata.jsonl, as the data
set `folder` reads them. No picture is an example of the app: those stay unseen.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run from a checkout, not installed

import numpy as np  # noqa: E402
from draw_kinds import KINDS, SCENES  # noqa: E402
from draw_place import WALL, product, scene  # noqa: E402
from draw_shapes import framed  # noqa: E402
from draw_studio import Studio  # noqa: E402
from PIL import Image  # noqa: E402
from tqdm import tqdm  # noqa: E402

from vlm import runs  # noqa: E402
from vlm.errors import UserError, one_sentence  # noqa: E402

VALIDATION_SHARE = 10  # percent
SCALE = 2  # supersampling: enough at these sizes
FIRST_SEED = 1000  # the examples have seeds below
SMALLEST, LARGEST = 32, 1024  # sides of a picture in pixels


def picture(slug: str, rng: np.random.Generator, size: int) -> tuple[Image.Image, dict[str, str]]:
    """One picture of a kind [size, size] and the facts that it shows."""
    seed = int(rng.integers(FIRST_SEED, 2**32))
    with framed(size, SCALE):
        studio = Studio(seed)
        if slug in SCENES:
            thing, facts = SCENES[slug], {"kind": SCENES[slug].kind}
            thing.draw(studio, thing.look("", "", rng))
            scene(studio, rng)
        else:
            kind = KINDS[slug]
            word, pattern = kind.chosen(rng)
            studio.image.paste((WALL,) * 3, (0, 0, *studio.image.size))
            kind.draw(studio, kind.look(word, pattern, rng))
            facts = kind.facts(word, pattern)
            product(studio, rng)
        return studio.finished(), facts


def fill(folder: Path, numbers: range, seed: int, size: int, bar: tqdm) -> None:
    """Draw the pictures of one split and their table, each kind as often as the others."""
    folder.mkdir(parents=True)
    slugs, rows = [*KINDS, *SCENES], []
    for number in numbers:
        rng = np.random.default_rng([seed, number])
        slug = slugs[number % len(slugs)]
        image, facts = picture(slug, rng, size)
        name = f"{number:05}_{slug}.jpg"
        image.save(folder / name, "JPEG", quality=int(rng.integers(80, 96)))
        rows.append({"file_name": name, **facts})
        bar.update()
    runs.write_text(folder / "metadata.jsonl", "".join(map(runs.line, rows)))


def check(out: Path, count: int, seed: int, size: int) -> None:
    """Refuse what cannot be drawn, before anything is written."""
    if count < VALIDATION_SHARE:
        raise UserError(f"--count is {count}; draw at least {VALIDATION_SHARE} pictures.")
    if seed < 0:
        raise UserError(f"--seed is {seed}; give a whole number from 0 on.")
    if not SMALLEST <= size <= LARGEST:
        raise UserError(f"--size is {size}; give {SMALLEST} to {LARGEST} pixels.")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} is there already and not empty; name a new folder with --out.")
    if partial(out).exists():
        raise UserError(f"{partial(out)} is left from a run that was stopped; remove it first.")


def partial(out: Path) -> Path:
    """Where the pictures lie until all are drawn."""
    return out.absolute().with_name(f"{out.absolute().name}.partial")


def draw(out: Path, count: int, seed: int, size: int) -> None:
    """Draw both splits; the folder appears once it is whole.

    Raises:
        UserError: when the folder holds something, or a number is out of its range.
    """
    check(out, count, seed, size)
    held_out = count * VALIDATION_SHARE // 100
    splits = {"train": range(count - held_out), "validation": range(count - held_out, count)}
    scratch = partial(out)
    try:
        with tqdm(total=count, desc="drawing") as bar:
            for split, numbers in splits.items():
                fill(scratch / split, numbers, seed, size, bar)
        os.replace(scratch, out)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def main() -> None:
    """Read the command line and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="a new folder")
    parser.add_argument("--count", type=int, default=2000, help="pictures, both splits together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--size", type=int, default=160, help="side of a picture in pixels")
    options = parser.parse_args()
    with one_sentence():
        draw(options.out, options.count, options.seed, options.size)


if __name__ == "__main__":
    main()
