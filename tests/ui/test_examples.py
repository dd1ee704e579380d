"""The example pictures: drawn by the project's code, and unchanged since."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from bench import make_examples

SLUGS = list(make_examples.EXAMPLES)


@pytest.mark.parametrize("slug", SLUGS)
def test_each_file_matches_its_drawing(slug: str) -> None:
    assert make_examples.difference(slug) <= make_examples.TOLERANCE


@pytest.mark.parametrize("slug", SLUGS)
def test_each_file_is_a_small_square_jpeg(slug: str) -> None:
    path = make_examples.path(slug)
    assert path.stat().st_size < 60_000
    with Image.open(path) as image:
        image.load()
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (384, 384))


def test_every_picture_is_in_the_table() -> None:
    assert {path.stem for path in make_examples.FOLDER.glob("*.jpg")} == set(SLUGS)


def test_titles_and_seeds_are_unique() -> None:
    assert len(set(make_examples.TITLES.values())) == len(SLUGS)
    assert len({example.seed for example in make_examples.EXAMPLES.values()}) == len(SLUGS)


def test_a_changed_picture_is_detected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Image.open(make_examples.path("tie")) as image:
        image.paste((0, 0, 0), (40, 40, 52, 52))  # about the size of a button
        image.save(tmp_path / "tie.jpg", quality=make_examples.QUALITY)
    monkeypatch.setattr(make_examples, "FOLDER", tmp_path)
    assert make_examples.difference("tie") > make_examples.TOLERANCE
    assert make_examples.difference("belt") == float("inf")  # missing
