"""Doubtful captions: what is flagged, what is not, and the page and the command around it."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests import tiny
from vlm.__main__ import main
from vlm.teach import checked, checks, duplicates
from vlm.types import Record

SHIRT = {"articleType": "Shirts", "baseColour": "Blue", "gender": "Men", "usage": "Casual"}
CLEAN = (
    "A blue shirt for men.",
    "This is a men's blue checked shirt with a V-neck. It suits casual occasions.",
    "A blue shirt, not for women. It goes well with black jeans.",
    '{"type": "shirt", "colour": "blue", "gender": "men", "usage": "casual"}',
)
DOUBTFUL = {
    "A red shirt for men.": "colour",
    "A pair of blue shoes for men.": "kind",
    "A women's blue shirt.": "gender",
    'A blue shirt for men with "LOVE" on it.': "text",
    "A blue Nordvik shirt for men.": "text",
    "A blue shirt for men that reads hello.": "text",
    "A blue shirt for men, now with 50 % off.": "text",
    "A man wearing a blue shirt.": "person",
    "A blue shirt for men. He is smiling.": "person",
    "I'm sorry, I can't describe this shirt.": "refusal",
    "Shirt.": "length",
    "A blue shirt" + " and a blue shirt" * 9: "repetition",
    "Ein blaues Hemd, das gut zu einer dunklen Hose passt.": "language",
    "Синяя мужская рубашка для повседневной носки": "language",
}


@pytest.mark.parametrize("text", CLEAN)
def test_a_right_caption_is_clean(text: str) -> None:
    assert checks.flags(text, SHIRT) == []


@pytest.mark.parametrize(("text", "code"), DOUBTFUL.items())
def test_a_doubtful_caption_is_flagged_with_a_reason(text: str, code: str) -> None:
    found = {flag.code: flag.why for flag in checks.flags(text, SHIRT)}
    assert found.get(code), found


KEY = json.loads((Path(__file__).parent / "key" / "captions.json").read_text())


@pytest.mark.parametrize(("part", "code"), [("read_off", "text"), ("person", "person")])
def test_planted_faults_are_flagged(part: str, code: str) -> None:
    found = [any(flag.code == code for flag in checks.flags(text, {})) for text in KEY[part]]
    assert len(found) == 160 and sum(found) >= 0.95 * len(found)


def test_clean_captions_are_left_alone() -> None:
    alarms = [text for text in KEY["clean"] if checks.flags(text, {})]
    assert len(KEY["clean"]) == 230 and len(alarms) <= 0.02 * 230, alarms


def test_metadata_that_is_not_there_contradicts_nothing() -> None:
    assert checks.contradictions("A red shoe for women.", {}) == []
    assert checks.contradictions("A red shoe for women.", {"baseColour": "no such colour"}) == []


def test_one_far_longer_caption_stands_out() -> None:
    texts = ["A blue shirt for men."] * 20 + ["A blue shirt for men " + "of soft cloth " * 12]
    assert list(checks.outliers(texts)) == [20]
    assert checks.outliers(texts[-3:]) == {}  # too few to tell


def noisy(seed: int, tint: tuple[int, int, int] = (255, 255, 255)) -> Image.Image:
    """A coarse pattern, 120 by 96 pixels."""
    cells = np.random.default_rng(seed).integers(40, 256, (6, 8, 1)) * np.array(tint) // 255
    return Image.fromarray(cells.astype(np.uint8)).resize((120, 96), Image.Resampling.BICUBIC)


def again(picture: Image.Image) -> Image.Image:
    """The picture as another shop has it: smaller, compressed."""
    file = io.BytesIO()
    picture.resize((90, 72)).save(file, "JPEG", quality=70)
    return Image.open(file).convert("RGB")


def test_the_same_picture_is_found_in_other_files_and_another_colour_is_another_product() -> None:
    pictures = [noisy(0), noisy(1), again(noisy(0)), noisy(0, (255, 120, 120)), again(noisy(1))]
    looks = [duplicates.look(picture) for picture in pictures]
    assert duplicates.first_likeness(looks) == {2: 0, 4: 1}
    assert duplicates.first_likeness([]) == {}


def test_likeness_is_found_across_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "BLOCK", 2)
    looks = [duplicates.look(noisy(seed)) for seed in (0, 1, 2, 3, 1)]
    assert duplicates.first_likeness(looks) == {4: 1}


def folder(path: Path) -> Path:
    """Three pictures, one of them twice, with captions of which one is wrong."""
    path.mkdir(parents=True)
    (path.parent / "validation").mkdir()  # or some of these would be held out
    rows = []
    for number, (seed, text) in enumerate(
        [(0, "A blue shirt for men."), (1, "A <b>red</b> shirt for men."), (0, "A blue shirt.")]
    ):
        noisy(seed).save(path / f"{number}.png")
        rows.append({"file_name": f"{number}.png", "text": text, **SHIRT})
    (path / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_the_command_counts_and_writes_a_page(tmp_path: Path, capsys) -> None:
    source = f"folder={folder(tmp_path / 'data' / 'train').parent}"
    assert main(["check", source, "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    counts = {line.split()[0]: line.split()[1] for line in said.splitlines() if "%" in line}
    assert sum(map(int, counts.values())) == 3 and counts["clean"] == "1"
    assert counts["colour"] == counts["duplicate"] == "1"
    rows = [json.loads(line) for line in (tmp_path / "out" / checked.FLAGS).open()]
    assert [row["id"] for row in rows] == ["1.png", "2.png"]
    assert rows[1]["flags"] == [{"code": "duplicate", "why": "looks like 0.png"}]
    page = (tmp_path / "out" / checked.PAGE).read_text()
    assert "&lt;b&gt;red" in page and "<b>red" not in page
    assert page.count("data:image/jpeg;base64,") == 2 and "http" not in page.split("<title>")[1]


def test_what_a_model_said_is_checked_instead(tmp_path: Path, capsys) -> None:
    source = folder(tmp_path / "data" / "train")
    (tmp_path / "said").mkdir()
    row = {"id": "0.png", "prompt": "Describe.", "text": "A woman wearing a green shirt."}
    (tmp_path / "said" / "predictions.jsonl").write_text(json.dumps(row) + "\n")
    command = ["check", f"folder={source.parent}", "--predictions", str(tmp_path / "said")]
    assert main([*command, "--no-pictures"]) == 0
    said = capsys.readouterr().out
    counts = {line.split()[0]: line.split()[1] for line in said.splitlines() if "%" in line}
    assert counts["colour"] == counts["person"] == "1" and counts["clean"] == "0"


def test_every_code_is_explained_on_the_page() -> None:
    rows = checked.check([Record("1", tiny.picture(), (), SHIRT)], ["A red shirt."])
    assert set(checked.counts(rows)) == set(checked.MEANS)
