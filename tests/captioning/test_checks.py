"""Checks of captions: what is flagged and what is not, the page and the command."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests import ROOT, tiny
from vlm.__main__ import main
from vlm.captioning.review import check_report, checks, duplicates
from vlm.types import Record

SHIRT = {"articleType": "Shirts", "baseColour": "Blue", "gender": "Men", "usage": "Casual"}
CORRECT = (
    "A blue shirt for men.",
    "This is a men's blue checked shirt with a V-neck. It suits casual occasions.",
    "A blue shirt, not for women. It goes well with black jeans.",
    '{"type": "shirt", "colour": "blue", "gender": "men", "usage": "casual"}',
)
WRONG = {
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


@pytest.mark.parametrize("text", CORRECT)
def test_a_correct_caption_is_not_flagged(text: str) -> None:
    assert checks.flags(text, SHIRT) == []


@pytest.mark.parametrize(("text", "code"), WRONG.items())
def test_a_wrong_caption_is_flagged_with_a_reason(text: str, code: str) -> None:
    reasons = {flag.code: flag.why for flag in checks.flags(text, SHIRT)}
    assert reasons.get(code), reasons


KEY = json.loads((ROOT / "tests" / "key" / "captions.json").read_text())


@pytest.mark.parametrize(("part", "code"), [("read_off", "text"), ("person", "person")])
def test_planted_faults_are_flagged(part: str, code: str) -> None:
    flagged = [any(flag.code == code for flag in checks.flags(text, {})) for text in KEY[part]]
    assert len(flagged) == 160 and sum(flagged) >= 0.95 * 160


def test_correct_captions_of_the_key_are_not_flagged() -> None:
    alarms = [text for text in KEY["clean"] if checks.flags(text, {})]
    assert len(KEY["clean"]) == 230 and len(alarms) <= 0.02 * 230, alarms


def test_missing_metadata_contradicts_nothing() -> None:
    assert checks.contradictions("A red shoe for women.", {}) == []
    assert checks.contradictions("A red shoe for women.", {"baseColour": "no such colour"}) == []


def test_a_much_longer_caption_is_an_outlier() -> None:
    texts = ["A blue shirt for men."] * 20 + ["A blue shirt for men " + "of soft cloth " * 12]
    assert list(checks.outliers(texts)) == [20]
    assert checks.outliers(texts[-3:]) == {}  # too few to tell


def noisy(seed: int, tint: tuple[int, int, int] = (255, 255, 255)) -> Image.Image:
    """A coarse pattern of 120 x 96 pixels."""
    cells = np.random.default_rng(seed).integers(40, 256, (6, 8, 1)) * np.array(tint) // 255
    return Image.fromarray(cells.astype(np.uint8)).resize((120, 96), Image.Resampling.BICUBIC)


def copy(image: Image.Image) -> Image.Image:
    """A smaller, compressed copy, like another shop's."""
    file = io.BytesIO()
    image.resize((90, 72)).save(file, "JPEG", quality=70)
    return Image.open(file).convert("RGB")


def test_copies_are_duplicates_and_another_colour_is_not() -> None:
    images = [noisy(0), noisy(1), copy(noisy(0)), noisy(0, (255, 120, 120)), copy(noisy(1))]
    assert duplicates.find_duplicates(map(duplicates.signature, images)) == {2: 0, 4: 1}
    assert duplicates.find_duplicates([]) == {}


def test_duplicates_are_found_across_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "BLOCK", 2)
    images = [noisy(seed) for seed in (0, 1, 2, 3, 1)]
    assert duplicates.find_duplicates(map(duplicates.signature, images)) == {4: 1}


def folder(path: Path) -> Path:
    """Three images, one of them twice, with captions of which one is wrong."""
    path.mkdir(parents=True)
    (path.parent / "validation").mkdir()  # without it, some images would be held out
    rows = []
    for number, (seed, text) in enumerate(
        [(0, "A blue shirt for men."), (1, "A <b>red</b> shirt for men."), (0, "A blue shirt.")]
    ):
        noisy(seed).save(path / f"{number}.png")
        rows.append({"file_name": f"{number}.png", "text": text, **SHIRT})
    (path / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def counts(printed: str) -> dict[str, str]:
    """The numbers in the command's table, by code."""
    return {line.split()[0]: line.split()[1] for line in printed.splitlines() if "%" in line}


def test_the_command_counts_flags_and_writes_a_page(tmp_path: Path, capsys) -> None:
    source = f"folder={folder(tmp_path / 'data' / 'train').parent}"
    assert main(["check", source, "--out", str(tmp_path / "out")]) == 0
    printed = counts(capsys.readouterr().out)
    assert sum(map(int, printed.values())) == 3 and printed["clean"] == "1"
    assert printed["colour"] == printed["duplicate"] == "1"
    rows = [json.loads(line) for line in (tmp_path / "out" / check_report.FLAGS).open()]
    assert [row["id"] for row in rows] == ["1.png", "2.png"]
    assert rows[1]["flags"] == [{"code": "duplicate", "why": "looks like 0.png"}]
    page = (tmp_path / "out" / check_report.PAGE).read_text()
    assert "&lt;b&gt;red" in page and "<b>red" not in page
    assert page.count("data:image/jpeg;base64,") == 2 and "http" not in page.split("<title>")[1]
    assert "2 of 3 captions are flagged" in page


def test_predictions_are_checked_instead_of_captions(tmp_path: Path, capsys) -> None:
    source = folder(tmp_path / "data" / "train")
    (tmp_path / "evaluation").mkdir()
    row = {"id": "0.png", "prompt": "Describe.", "text": "A woman wearing a green shirt."}
    (tmp_path / "evaluation" / "predictions.jsonl").write_text(json.dumps(row) + "\n")
    command = ["check", f"folder={source.parent}", "--predictions", str(tmp_path / "evaluation")]
    assert main([*command, "--no-pictures"]) == 0
    printed = counts(capsys.readouterr().out)
    assert printed["colour"] == printed["person"] == "1" and printed["clean"] == "0"


def test_every_code_is_explained_on_the_page() -> None:
    rows = check_report.check([Record("1", tiny.picture(), (), SHIRT)], ["A red shirt."])
    assert set(check_report.counts(rows)) == set(check_report.MEANINGS)
