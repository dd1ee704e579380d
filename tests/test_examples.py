"""The example pictures: drawn by the project, and still what their drawings say."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest
from PIL import Image

FOLDER = Path(__file__).resolve().parents[1] / "examples"
sys.path.insert(0, str(FOLDER))  # the drawings are scripts beside the pictures, not a package
make_examples = importlib.import_module("make_examples")
SLUGS = list(make_examples.EXAMPLES)


@pytest.mark.parametrize("slug", SLUGS)
def test_file_equals_its_drawing(slug: str) -> None:
    assert make_examples.difference(slug) <= make_examples.TOLERANCE


@pytest.mark.parametrize("slug", SLUGS)
def test_file_opens_is_square_and_small(slug: str) -> None:
    path = make_examples.path(slug)
    assert path.stat().st_size < 60_000
    with Image.open(path) as image:
        image.load()
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (384, 384))


def test_every_picture_has_its_line_in_the_table() -> None:
    assert {path.stem for path in FOLDER.glob("*.jpg")} == set(SLUGS)


def test_titles_and_seeds_are_told_apart() -> None:
    assert len(set(make_examples.TITLES.values())) == len(SLUGS)
    assert len({example.seed for example in make_examples.EXAMPLES.values()}) == len(SLUGS)


def test_a_changed_picture_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Image.open(make_examples.path("tie")) as image:
        image.paste((0, 0, 0), (40, 40, 52, 52))  # about the size of a button
        image.save(tmp_path / "tie.jpg", quality=make_examples.QUALITY)
    monkeypatch.setattr(make_examples, "FOLDER", tmp_path)
    assert make_examples.difference("tie") > make_examples.TOLERANCE
    assert make_examples.difference("belt") == float("inf")  # missing altogether
