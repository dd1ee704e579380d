"""`loupe train adapter --demo-data`: drawn products described in a house style."""

from pathlib import Path

import pytest

from vlm.commands.train import adapter
from vlm.data import folder
from vlm.data.drawing import dataset, house_style

COUNT = 30


@pytest.fixture(autouse=True)
def few_small_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(house_style.draw, "__defaults__", (COUNT,))
    monkeypatch.setattr(dataset, "SIZE", 32)


def check_house_style(path: str | Path) -> None:
    """Every picture is a product, with one answer in the style."""
    records = [r for split in folder.SPLITS for r in folder.load(split, path).records]
    assert 20 < len(records) < COUNT  # without the scenes
    for record in records:
        (turn,) = record.turns
        assert turn.answer == house_style.describe(record.facts)
        assert turn.answer.startswith("New in: ") and turn.answer.endswith(" Yours, the House.")


def test_it_is_drawn_once_and_becomes_the_data(monkeypatch: pytest.MonkeyPatch) -> None:
    args = adapter.parse(["--demo-data", "--dry-run"])
    assert adapter.use_demo(args)
    (source,) = args.data
    check_house_style(source.removeprefix("folder="))
    monkeypatch.setattr(dataset, "draw_picture", None)  # the second time nothing is drawn
    args = adapter.parse(["--demo-data", "--dry-run"])
    assert adapter.use_demo(args) and args.data == [source]


def test_with_a_folder_it_is_only_drawn(tmp_path: Path, capsys) -> None:
    adapter.main(["--demo-data", str(tmp_path / "demo")])
    check_house_style(tmp_path / "demo")
    assert f"--data folder={tmp_path / 'demo'}" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        adapter.main(["--demo-data", str(tmp_path / "demo")])
    assert "already exists and is not empty" in capsys.readouterr().err


def test_other_data_beside_it_are_refused(tmp_path: Path, capsys) -> None:
    with pytest.raises(SystemExit):
        adapter.main(["--demo-data", "--data", f"folder={tmp_path}"])
    assert "omit --data" in capsys.readouterr().err


def test_what_a_killed_drawing_left_is_drawn_again() -> None:
    first = house_style.ensure_drawn()
    first.rename(first.with_name("pictures.partial"))
    (first.with_name("pictures.partial") / "train" / "metadata.jsonl").unlink()
    check_house_style(house_style.ensure_drawn())
