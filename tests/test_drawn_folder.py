"""The folder of drawn products: read as a data set, the same again, whole or not there."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import pytest
from PIL import Image

from vlm.data import folder
from vlm.errors import UserError

FOLDER = Path(__file__).resolve().parents[1] / "examples"
sys.path.insert(0, str(FOLDER))  # the drawings are scripts beside the pictures, not a package
many = importlib.import_module("draw_many")
examples = importlib.import_module("make_examples")

SIZE, COUNT = 32, 44


def files(root: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two pictures of each kind."""
    out = tmp_path_factory.mktemp("drawn") / "new"
    many.draw(out, COUNT, 3, SIZE)
    return out


def test_the_folder_is_read_as_a_data_set(drawn: Path) -> None:
    for split, count in (("train", 40), ("validation", 4)):
        data = folder.load(split, drawn)
        assert len(data.records) == count and not data.problems
        for record in data.records:
            with Image.open(record.image) as image:
                assert (image.format, image.size) == ("JPEG", (SIZE, SIZE))
    facts = [record.facts for record in folder.load("train", drawn).records]
    kinds = {known.get("kind") or known["articleType"] for known in facts}
    assert {"ship", "airplane", "automobile", "Tshirts", "Ties", "Watches", "Heels"} <= kinds
    assert len(kinds) == len(many.KINDS) + len(many.SCENES) - 1  # polo and tee are T-shirts


@pytest.mark.slow
def test_a_seed_gives_the_same_folder_again_and_another_seed_another(
    drawn: Path, tmp_path: Path
) -> None:
    for name, seed in (("again", 3), ("other", 4)):
        many.draw(tmp_path / name, COUNT, seed, SIZE)
    same, new = files(tmp_path / "again"), files(tmp_path / "other")
    assert same == files(drawn)
    pictures = [name for name in same if name.endswith(".jpg")]
    assert len(pictures) == COUNT and not any(same[name] == new[name] for name in pictures)


def test_no_picture_or_name_is_in_both_splits(drawn: Path) -> None:
    held = {path.name: path.read_bytes() for path in (drawn / "validation").glob("*.jpg")}
    seen = {path.name: path.read_bytes() for path in (drawn / "train").glob("*.jpg")}
    assert not held.keys() & seen.keys()
    assert not {*held.values()} & {*seen.values()}


def test_seeds_of_the_examples_are_never_drawn() -> None:
    assert max(example.seed for example in examples.EXAMPLES.values()) < many.FIRST_SEED


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"count": 5}, "--count is 5; draw at least 10"),
        ({"seed": -1}, "--seed is -1; give"),
        ({"size": 8}, "--size is 8; give 32 to 1024"),
        ({"size": 5000}, "--size is 5000; give"),
    ],
)
def test_wrong_numbers_are_refused_before_anything_is_written(
    tmp_path: Path, changed: dict[str, int], says: str
) -> None:
    with pytest.raises(UserError, match=says):
        many.draw(tmp_path / "out", **({"count": 10, "seed": 0, "size": SIZE} | changed))
    assert not [*tmp_path.iterdir()]


def test_a_folder_in_use_is_refused_and_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.txt").write_text("kept")
    monkeypatch.setattr(sys, "argv", ["draw_many.py", "--out", str(tmp_path)])
    with pytest.raises(SystemExit) as stopped:
        many.main()
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "not empty; name a new folder with --out" in said
    assert files(tmp_path) == {"mine.txt": b"kept"}


def test_what_a_stopped_run_left_is_named_and_kept(tmp_path: Path) -> None:
    (tmp_path / "out.partial").mkdir()
    with pytest.raises(UserError, match="out.partial is left from a run that was stopped"):
        many.draw(tmp_path / "out", 10, 0, SIZE)
    assert [path.name for path in tmp_path.iterdir()] == ["out.partial"]


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    many.draw(tmp_path, 10, 0, SIZE)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["train", "validation"]
    table = (tmp_path / "train" / "metadata.jsonl").read_text().splitlines()
    assert json.loads(table[0])["file_name"] == "00000_polo.jpg"


@pytest.mark.parametrize("mishap", [KeyboardInterrupt, OSError])
def test_a_stopped_run_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mishap: type[BaseException]
) -> None:
    right, calls = many.picture, []

    def breaks(*given: object) -> object:
        calls.append(given)
        if len(calls) == 4:
            raise mishap
        return right(*given)

    monkeypatch.setattr(many, "picture", breaks)
    with pytest.raises(mishap):
        many.draw(tmp_path / "out", 10, 0, SIZE)
    assert not [*tmp_path.iterdir()]
