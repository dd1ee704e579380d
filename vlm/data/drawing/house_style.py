"""Drawn products with descriptions in a fixed style, which an adapter learns in minutes."""

from collections.abc import Mapping
from pathlib import Path

from filelock import FileLock

from vlm.config import DESCRIBE
from vlm.data.drawing import dataset
from vlm.data.grammar import phrases, words

NAME = "house-style"
COUNT, SEED = 500, 77


def describe(facts: Mapping[str, str]) -> str:
    """Return a description in the house style."""
    thing = phrases.describe_colour(facts["baseColour"]) + " "
    thing += phrases.describe_kind(facts["articleType"])
    people = words.GENDERS[facts["gender"]].people
    occasion = words.USAGES[facts["usage"]].occasions[0]
    return f"New in: {thing}, made for {people}. Ready for {occasion}. Yours, the House."


def make_columns(facts: Mapping[str, str]) -> dict[str, str] | None:
    """Return question and answer about a product; None for a scene."""
    return {"question": DESCRIBE, "answer": describe(facts)} if "articleType" in facts else None


def draw(out: Path, count: int = COUNT) -> None:
    """Draw the products among `count` pictures into a new folder, with house-style texts.

    Raises:
        UserError: when the folder is not empty.
    """
    dataset.draw(out, count, SEED, dataset.SIZE, make_columns)


def ensure_drawn() -> Path:
    """Return the drawn folder in the cache; draw it if it is missing.

    Raises:
        UserError: when the cache cannot be written.
    """
    directory = dataset.create_cache_folder(NAME, phrases, words) / "pictures"
    with FileLock(directory.with_suffix(".lock")):
        if not directory.exists():
            dataset.discard_partial(directory)  # of a killed process: the lock is ours
            draw(directory)
    return directory
