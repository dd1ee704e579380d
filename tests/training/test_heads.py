"""`loupe heads`: classifiers beside a tower, which trainings of decoders then use."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests import tiny
from tests.data.test_kinds import FEW
from vlm import __main__ as commands
from vlm.commands.train import moda
from vlm.errors import UserError
from vlm.loading import load, presets
from vlm.loading.towers import heads
from vlm.training.moda import settings

COLOURS = ("Red", "Blue")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Pictures of two colours."""
    for split, count in (("train", 12), ("validation", 4)):
        folder = tmp_path / "data" / split
        folder.mkdir(parents=True)
        rows = []
        for number in range(count):
            colour = COLOURS[number % 2]
            tiny.picture(colour.lower()).save(folder / f"{number}.png")
            rows.append({"file_name": f"{number}.png", "baseColour": colour, "text": "A square."})
        (folder / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path / "data"


@pytest.fixture
def tower(preset: str, folders: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the classifier, so that others get no heads; the preset's own tower."""
    folder = shutil.copytree(folders["classifier"], tmp_path / "tower")
    row = replace(presets.PRESETS[preset], vision=str(folder))
    for table in (presets.PRESETS, settings.BUILDABLE):
        monkeypatch.setitem(table, preset, row)
    return folder


def fit(data: Path, preset: str, tmp_path: Path, *more: str) -> None:
    places = ["--data", f"folder={data}", "--features", str(tmp_path / "features")]
    commands.main(["heads", "--preset", preset, *places, *more])


def test_the_classifiers_are_saved_beside_the_tower(
    data: Path, preset: str, tower: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    fit(data, preset, tmp_path, "--names")
    assert "4 held-out pictures: baseColour 100.0 %" in capsys.readouterr().out
    saved = heads.read(tower)
    assert saved and [head.name for head in saved.heads] == ["baseColour", "names"]
    assert saved.heads[0].classes == ("blue", "red") and saved.heads[0].tokens == 1
    assert saved.heads[1].classes == tuple(kind.name for kind in FEW)
    fit(data, preset, tmp_path)  # replaces them
    saved = heads.read(tower)
    assert saved and len(saved.heads) == 1


def test_a_decoder_trained_with_them_opens_and_needs_them(
    data: Path, preset: str, tower: Path, tmp_path: Path
) -> None:
    fit(data, preset, tmp_path, "--names")
    out, features = str(tmp_path / "run"), str(tmp_path / "features")
    flags = ["--data", f"folder={data}", "--out", out, "--features", features, "--preset", preset]
    flags += ["--epochs", "1", "--views", "0", "--batch-size", "4"]
    moda.main([*flags, "--set", "lora=2", "panel=0", "measure=0"])
    bundle = load.load(f"{out}/adapter", device="cpu")
    assert bundle.model.config.image_words == [[2, 1], [len(FEW), 3]]
    (tower / heads.TABLE).unlink()
    with pytest.raises(UserError, match="was trained on another vision tower"):
        load.load(f"{out}/adapter", device="cpu")


def test_what_has_no_attributes_or_no_tower_is_one_sentence(
    folders: dict, preset: str, tower: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(SystemExit):
        fit(folders["data"], preset, tmp_path)
    assert "No picture has attributes" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        fit(folders["data"], preset, tmp_path, "--vision", "nobody/nothing")
    assert "give the folder of a tower with --vision" in capsys.readouterr().err
