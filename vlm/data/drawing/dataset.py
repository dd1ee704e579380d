"""Drawn products and scenes with their facts: folders of them, and the data set `drawn`.

    (seed, number) --> picture, facts

The kinds take turns. The app's example pictures are not in the data set. A folder has train/ and
validation/ (a tenth), each with JPEGs and a metadata.jsonl, which the data set `folder` reads.
"""

import hashlib
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType

import numpy as np
from filelock import FileLock
from PIL import Image
from tqdm import tqdm

from vlm.data import folder
from vlm.data.drawing.kinds import KINDS, SCENES
from vlm.data.drawing.place import WALL, place_product, place_scene
from vlm.data.drawing.shapes import use_frame
from vlm.data.drawing.studio import Studio
from vlm.errors import UserError, lookup
from vlm.system import files
from vlm.types import Dataset

NAME, TABLE = "drawn", "metadata.jsonl"
COUNT, SEED, SIZE = 2400, 0, 160  # pictures in both splits; side in pixels
VALIDATION_SHARE = 10  # percent
SCALE = 2  # supersampling factor, enough at these sizes
FIRST_SEED = 1000  # lower seeds are the examples'
SMALLEST, LARGEST = 32, 1024  # side of a picture in pixels

# maps facts to further columns, or to None to skip the picture
Columns = Callable[[Mapping[str, str]], dict[str, str] | None]


def draw_picture(
    slug: str, rng: np.random.Generator, size: int
) -> tuple[Image.Image, dict[str, str]]:
    """Draw one picture of a kind, size x size pixels; return it with its facts."""
    seed = int(rng.integers(FIRST_SEED, 2**32))
    with use_frame(size, SCALE):
        studio = Studio(seed)
        if slug in SCENES:
            thing, facts = SCENES[slug], {"kind": SCENES[slug].kind}
            thing.draw(studio, thing.look("", "", rng))
            place_scene(studio, rng)
        else:
            kind = KINDS[slug]
            word, pattern = kind.sample(rng)
            studio.image.paste((WALL,) * 3, (0, 0, *studio.image.size))
            kind.draw(studio, kind.look(word, pattern, rng))
            facts = kind.make_facts(word, pattern)
            place_product(studio, rng)
        return studio.render(), facts


def split_numbers(split: str, count: int) -> range:
    """Return the picture numbers of a split; the last tenth is held out."""
    held_out = count * VALIDATION_SHARE // 100
    splits = {"train": range(count - held_out), "validation": range(count - held_out, count)}
    return lookup(splits, split, "split")


def _add_picture(
    directory: Path, number: int, seed: int, size: int, columns: Columns | None = None
) -> None:
    """Draw one picture and append its row to the table; kinds take turns."""
    slugs, rng = [*KINDS, *SCENES], np.random.default_rng([seed, number])
    slug = slugs[number % len(slugs)]
    image, facts = draw_picture(slug, rng, size)
    more = columns(facts) if columns else {}
    if more is None:
        return
    name = f"{number:05}_{slug}.jpg"
    image.save(directory / name, "JPEG", quality=int(rng.integers(80, 96)))
    files.append_jsonl(directory / TABLE, {"file_name": name, **facts, **more})


def draw(out: Path, count: int, seed: int, size: int, columns: Columns | None = None) -> None:
    """Draw both splits into a new folder, which appears only when it is complete.

    Args:
        columns: see `Columns`.

    Raises:
        UserError: when the folder is not empty, or a number is out of range.
    """
    _check(out, count, seed, size)
    scratch = _partial_path(out)
    with files.new_folder(out, scratch), tqdm(total=count, desc="drawing") as bar:
        for split in folder.SPLITS:
            (scratch / split).mkdir()
            for number in split_numbers(split, count):
                _add_picture(scratch / split, number, seed, size, columns)
                bar.update()


def _check(out: Path, count: int, seed: int, size: int) -> None:
    if count < VALIDATION_SHARE:
        raise UserError(f"--count is {count}; draw at least {VALIDATION_SHARE} pictures.")
    if seed < 0:
        raise UserError(f"--seed is {seed}; give a whole number of at least 0.")
    if not SMALLEST <= size <= LARGEST:
        raise UserError(f"--size is {size}; give {SMALLEST} to {LARGEST} pixels.")
    files.check_empty(out)
    partial = _partial_path(out)
    if partial.exists():
        raise UserError(f"{partial} is left from an interrupted run; remove it first.")


def _partial_path(out: Path) -> Path:
    """Return the temporary folder, used until all pictures are drawn."""
    return out.absolute().with_name(f"{out.absolute().name}.partial")


def discard_partial(out: Path) -> None:
    """Remove what an interrupted drawing into this folder left."""
    shutil.rmtree(_partial_path(out), ignore_errors=True)


def load(split: str = "train", path: str | Path | None = None, limit: int = 0) -> Dataset:
    """Load the pictures of a split; draw those missing from the cache first.

    An interrupted drawing continues where it stopped. The pictures equal those of `loupe draw`
    with its default flags.

    Args:
        path: a folder made by `loupe draw`; None for the cache.

    Raises:
        UserError: when there is no such split or folder, or the disk is full.
    """
    if path is not None:
        return folder.load(split, path, limit)
    picture_numbers = split_numbers(split, COUNT)
    directory = create_cache_folder(f"{NAME}-{SEED}-{SIZE}")
    with files.writing(directory), FileLock(directory / f"{split}.lock"):
        for name in folder.SPLITS:  # when both exist, `folder` splits neither
            (directory / name).mkdir(exist_ok=True)
        _draw_missing(directory / split, picture_numbers[:limit] if limit else picture_numbers)
    dataset = folder.load(split, directory, limit)
    return Dataset(f"{NAME}/{split}", dataset.records, dataset.problems)


def _draw_missing(directory: Path, picture_numbers: range) -> None:
    """Draw the pictures that are missing from a cached split."""
    rows = files.read_jsonl(directory / TABLE)
    files.write_text(
        directory / TABLE, "".join(map(files.json_line, rows))
    )  # drops a torn last line
    for number in tqdm(picture_numbers[len(rows) :], f"drawing {directory.name} pictures"):
        _add_picture(directory, number, SEED, SIZE)


def create_cache_folder(name: str, *modules: ModuleType) -> Path:
    """Create and return a folder in $VLM_CACHE or ~/.cache/loupe, named by the drawing code's hash.

    Args:
        modules: further modules whose code the content depends on.

    Raises:
        UserError: when it cannot be created.
    """
    code = hashlib.sha256()
    more = [Path(module.__file__ or "") for module in modules]
    for file in [*sorted(Path(__file__).parent.rglob("*.py")), *more]:
        code.update(file.read_bytes())
    return files.create_cache_folder(f"{name}-{code.hexdigest()[:8]}")
