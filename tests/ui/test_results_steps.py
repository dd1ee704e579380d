"""The answers stored at each checkpoint of a training run, as the Results tab shows them."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

from tests import run_folders, tiny
from tests.run_folders import HOSTILE
from vlm.data.images import open_image
from vlm.errors import UserError
from vlm.reporting import catalog, values
from vlm.reporting.catalog import Run
from vlm.ui.results import parts as results_parts
from vlm.ui.results import steps as results_steps
from vlm.ui.results import tab as results


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Create an empty folder of runs, without a shipped run."""
    monkeypatch.setenv("VLM_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(catalog, "SHIPPED", tmp_path / "shipped")
    monkeypatch.setattr(catalog, "EVERYDAY", tmp_path / "everyday")
    (tmp_path / "runs").mkdir()
    return tmp_path / "runs"


@pytest.fixture
def full(root: Path) -> Path:
    """Write one run with a panel of three pictures."""
    run_folders.run(root / "one")
    return root


def test_each_step_shows_its_stored_answer(full: Path) -> None:
    for position, (step, tokens) in enumerate(run_folders.STEPS, start=1):
        answer = results.show_step("one", 1, position)
        assert f"Checkpoint {position} of 3: step {step:,}, {tokens / 1e6:.3g} million" in answer
        assert f"A green thing, seen {position} times." in answer
        assert "Stored answer of one at this step; the model is not run now." in answer
        assert "Reference answer: <b>A green square.</b>" in answer and "data:image/jpeg" in answer
    index, answer = results.show_picture("one", 1, SimpleNamespace(index=2))
    assert index == 2 and "A blue thing, seen 1 times." in answer
    assert results.show_step("one", 99, 99) == results.show_step("one", 2, 3)
    assert results.show_step("one", -5, 0) == results.show_step("one", 0, 1)


def test_a_step_or_an_answer_may_be_missing(root: Path) -> None:
    place = {"id": "a", "prompt": "Hm?", "text": ""}
    rows = [place | {"step": 1}, place | {"step": 2, "id": "b", "text": HOSTILE, "prompt": HOSTILE}]
    rows += [{"step": 3}, {"step": "4", "text": "x"}, {"step": 1e300, "text": "x"}, 5, None]
    run_folders.write_rows(root / "r" / "samples.jsonl", rows)
    first, other = results.show_step("r", 0, 1), results.show_step("r", 1, 2)
    assert "Checkpoint 1 of 2: step 1<" in first and "(empty answer)" in first
    assert "Reference answer" not in first
    assert "No answer was stored for this picture at this step." in results.show_step("r", 0, 2)
    assert "&lt;img src=x" in other and "<img src=x" not in other


def test_pictures_outside_the_run_folder_are_not_opened(full: Path, tmp_path: Path) -> None:
    tiny.picture("blue", 64).save(tmp_path / "secret.png")
    (full / "one" / "panel" / "link.png").symlink_to(tmp_path / "secret.png")
    (full / "one" / "panel" / "text.jpg").write_text("no picture")
    names = ["../../secret.png", str(tmp_path / "secret.png"), "panel/link.png", "panel/text.jpg"]
    names += ["panel", "", "\0", "absent.jpg", "x" * 5000, 3, None, ["panel/red.jpg"]]
    rows = [{"step": 1, "id": str(n), "text": "t", "image": name} for n, name in enumerate(names)]
    run_folders.write_rows(full / "one" / "samples.jsonl", rows)
    panel = results_steps.read_panel(Run("one", full / "one"))
    grey = Image.new("RGB", (1, 1), results_parts.GREY).getpixel((0, 0))
    assert len(panel.samples) == len(names)
    assert all(
        picture.getpixel((0, 0)) == grey for picture, _ in results_steps.list_pictures(panel)
    )


def test_the_size_of_a_panel_is_limited(root: Path) -> None:
    rows = [{"step": 1, "id": n, "text": "x" * 9000} for n in range(99)]
    run_folders.write_rows(root / "samples.jsonl", rows)
    panel = results_steps.read_panel(Run("r", root))
    assert len(panel.samples) == results_steps.MAX_SAMPLES
    assert len(panel.samples[0].answers[1]) == values.LONGEST


@pytest.mark.parametrize("name", ["", "12345", "漢字🙂", "x" * 999, "a\nb", "\0"])
def test_a_missing_picture_shows_its_id(name: str) -> None:
    tile = results_parts.make_placeholder(name)
    assert tile.size == (results_parts.SIDE, results_parts.SIDE)
    assert (len(tile.getcolors(9999)) > 1) == bool(name)


def test_pictures_are_opened_by_open_image(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []
    monkeypatch.setattr(
        results_parts, "open_image", lambda image: opened.append(image) or open_image(image)
    )
    assert results_parts.make_thumbnail(tiny.picture("red", 900)).size == (224, 224)
    assert len(opened) == 1
    with pytest.raises(UserError):
        results_parts.make_thumbnail(b"GIF89a")
