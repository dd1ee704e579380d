"""Folders of drawn pictures and the data set `drawn`: reproducible, complete or absent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from bench import make_examples
from vlm.__main__ import main
from vlm.data import folder, mixture
from vlm.data.drawing import dataset as drawing
from vlm.errors import UserError
from vlm.types import Record

SIZE, COUNT = 32, 44


def files(root: Path) -> dict[str, bytes]:
    """Return relative path -> content of every file in a folder."""
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Draw a folder with two pictures of each kind."""
    out = tmp_path_factory.mktemp("drawn") / "new"
    drawing.draw(out, COUNT, 3, SIZE)
    return out


def test_a_drawn_folder_can_be_loaded(drawn: Path) -> None:
    for split, count in (("train", 40), ("validation", 4)):
        data = folder.load(split, drawn)
        assert len(data.records) == count and not data.problems
        for record in data.records:
            with Image.open(record.image) as image:
                assert (image.format, image.size) == ("JPEG", (SIZE, SIZE))
    facts = [record.facts for record in folder.load("train", drawn).records]
    kinds = {row.get("kind") or row["articleType"] for row in facts}
    assert {"ship", "airplane", "automobile", "Tshirts", "Ties", "Watches", "Heels"} <= kinds
    assert len(kinds) == len(drawing.KINDS) + len(drawing.SCENES) - 1  # polo and tee are T-shirts


@pytest.mark.slow
def test_the_same_seed_gives_the_same_folder(drawn: Path, tmp_path: Path) -> None:
    for name, seed in (("again", 3), ("other", 4)):
        drawing.draw(tmp_path / name, COUNT, seed, SIZE)
    same, new = files(tmp_path / "again"), files(tmp_path / "other")
    assert same == files(drawn)
    pictures = [name for name in same if name.endswith(".jpg")]
    assert len(pictures) == COUNT and not any(same[name] == new[name] for name in pictures)


def test_no_picture_or_name_is_in_both_splits(drawn: Path) -> None:
    validation = {path.name: path.read_bytes() for path in (drawn / "validation").glob("*.jpg")}
    train = {path.name: path.read_bytes() for path in (drawn / "train").glob("*.jpg")}
    assert not validation.keys() & train.keys()
    assert not {*validation.values()} & {*train.values()}


def test_seeds_of_the_examples_are_not_used() -> None:
    assert max(example.seed for example in make_examples.EXAMPLES.values()) < drawing.FIRST_SEED


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"count": 5}, "--count is 5; draw at least 10"),
        ({"seed": -1}, "--seed is -1; give"),
        ({"size": 8}, "--size is 8; give 32 to 1024"),
        ({"size": 5000}, "--size is 5000; give"),
    ],
)
def test_numbers_out_of_range_are_user_errors(
    tmp_path: Path, changed: dict[str, int], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        drawing.draw(tmp_path / "out", **({"count": 10, "seed": 0, "size": SIZE} | changed))
    assert not [*tmp_path.iterdir()]


def test_a_folder_that_is_not_empty_is_not_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.txt").write_text("kept")
    with pytest.raises(SystemExit) as stopped:
        main(["draw", str(tmp_path)])
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "not empty; choose a new folder" in error
    assert files(tmp_path) == {"mine.txt": b"kept"}


def test_a_partial_folder_is_a_user_error(tmp_path: Path) -> None:
    (tmp_path / "out.partial").mkdir()
    with pytest.raises(UserError, match="out.partial is left from an interrupted run"):
        drawing.draw(tmp_path / "out", 10, 0, SIZE)
    assert [path.name for path in tmp_path.iterdir()] == ["out.partial"]


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    drawing.draw(tmp_path, 10, 0, SIZE)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["train", "validation"]
    table = (tmp_path / "train" / "metadata.jsonl").read_text().splitlines()
    assert json.loads(table[0])["file_name"] == "00000_polo.jpg"


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_an_interrupted_run_leaves_no_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    draw_picture, calls = drawing.draw_picture, []

    def fail_at_fourth(*arguments: object) -> object:
        calls.append(arguments)
        if len(calls) == 4:
            raise error
        return draw_picture(*arguments)

    monkeypatch.setattr(drawing, "draw_picture", fail_at_fourth)
    with pytest.raises(error):
        drawing.draw(tmp_path / "out", 10, 0, SIZE)
    assert not [*tmp_path.iterdir()]


# --- the data set `drawn` ------------------------------------------------------------------------


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Use an empty cache and small pictures."""
    monkeypatch.setenv("VLM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(drawing, "SIZE", SIZE)
    monkeypatch.setattr(drawing, "COUNT", COUNT)
    return tmp_path / "cache"


def contents(record: Record) -> tuple:
    """Return the record with its picture's bytes."""
    return record.id, Path(record.image).read_bytes(), record.turns, record.facts


def test_the_data_set_equals_a_drawn_folder(cache: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert main(["draw", str(out), "--count", str(COUNT), "--size", str(SIZE)]) == 0
    for split in folder.SPLITS:
        cached = mixture.load(["drawn"], split).records
        for other in (folder.load(split, out), drawing.load(split, out)):
            assert list(map(contents, cached)) == list(map(contents, other.records))


def test_only_missing_pictures_are_drawn(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls, draw = [], drawing.draw_picture
    monkeypatch.setattr(drawing, "draw_picture", lambda *args: calls.append(args) or draw(*args))
    for limit, total in ((3, 3), (5, 5), (2, 5), (5, 5)):
        assert len(drawing.load("train", limit=limit).records) == limit and len(calls) == total
    (table,) = cache.glob("*/train/metadata.jsonl")
    table.write_bytes(table.read_bytes()[:-9])  # as if killed while writing
    data = drawing.load("train", limit=5)
    assert len(data.records) == 5 and len(calls) == 6 and not data.problems
    assert len(table.read_text().splitlines()) == 5


def test_a_cache_that_cannot_be_written_is_a_user_error(cache: Path) -> None:
    cache.write_text("a file")
    with pytest.raises(UserError, match="set VLM_CACHE to a writable folder"):
        drawing.load("train", limit=1)
