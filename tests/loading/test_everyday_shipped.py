"""The shipped everyday model: its files, its card, and what it answers where its decoder is."""

import json
import re
from pathlib import Path

import pytest

from bench import reproduce
from tests import ROOT, tiny
from vlm.config import CAPTION, GenerateConfig
from vlm.data.images import open_image
from vlm.evaluation.results import read_scores
from vlm.inference.generate import answer
from vlm.loading import load, lora, weights
from vlm.loading.presets import EVERYDAY, EVERYDAY_PROMPTS
from vlm.system.files import read_jsonl
from vlm.ui.describe import photographs

pytestmark = pytest.mark.skipif(
    not (EVERYDAY / "config.json").is_file(), reason="the everyday model's weights are missing"
)
needs_decoder = pytest.mark.skipif(
    not weights.is_here("smollm2-135m"), reason="run `loupe fetch smollm2-135m`"
)
CARD = EVERYDAY / "README.md"
SETS = ("fashion", "cifar10", "negatives", "scenes")
SHOWN = {
    "Cheetah": r"\bcheetah|\b(?:big|wild) cat",
    "Lion": r"\blion",
    "Tower": r"\b(?:tower|building|castle|church)",
    "Bus": r"\b(?:bus|trolley|vehicle)",
    "Temple": r"\b(?:temple|palace|pagoda|building|monastery)",
    "Flower": r"\b(?:flower|daisy|blossom)",
    "Portrait": r"\b(?:man|woman|person|uniform|soldier|officer)",
}
BENCHMARKS = ("scenes-presence", "scenes-count", "scenes-where", "imagenet")


@pytest.fixture(scope="module")
def bundle():
    return load.load("everyday", device="cpu")


def evaluation(name: str) -> Path:
    return EVERYDAY / ("evaluation" if name == "scenes" else f"evaluation-{name}")


def test_files_fit_a_space_without_lfs() -> None:
    sizes = [path.stat().st_size for path in EVERYDAY.rglob("*") if path.is_file()]
    assert max(sizes) < 10_000_000 and sum(sizes) < 60_000_000


def test_nobodys_photographs_are_shipped() -> None:
    pictures = {p.name for p in EVERYDAY.rglob("*") if p.suffix in (".jpg", ".jpeg", ".parquet")}
    assert pictures <= {path.name for path in (ROOT / "examples").glob("*.jpg")}


@pytest.mark.parametrize("name", SETS)
def test_the_card_has_the_figures_of_its_evaluations(name: str) -> None:
    scores = read_scores(evaluation(name))
    for part in ("captions", "exact"):
        for key, row in scores.get(part, {}).items():
            numbers = f"{row['mean']:.2f} | {row['low']:.2f} to {row['high']:.2f} | {row['n']:,} |"
            assert f"| `{name}` | `{key}` | {numbers}" in CARD.read_text(), key


def test_the_card_has_the_figures_of_its_benchmarks() -> None:
    table = json.loads((EVERYDAY / "benchmarks.json").read_text())
    assert set(table) == set(BENCHMARKS)
    for name, rows in table.items():
        for key, row in rows.items():
            numbers = f"{row['mean']:.1f} | {row['low']:.1f} to {row['high']:.1f} | {row['n']:,} |"
            assert f"| `{name}` | {key} | {numbers}" in CARD.read_text(), key


def test_a_band_for_repeats_is_shipped() -> None:
    band = json.loads((EVERYDAY / "expected.json").read_text())
    assert band["flags"] == reproduce.EVERYDAY_FLAGS and len(band["band"]) == 3


def test_its_curve_ends_where_its_run_ended() -> None:
    scores, losses = (read_jsonl(EVERYDAY / f"{name}.jsonl") for name in ("scores", "metrics"))
    assert scores[-1]["step"] == losses[-1]["step"]
    assert scores[-1]["cider_d"] > scores[0]["cider_d"]
    assert (EVERYDAY / "curve-captions.png").stat().st_size > 10_000


def test_it_is_an_adapter_on_the_shipped_tower() -> None:
    assert lora.is_on_parts(EVERYDAY) and lora.base_of(EVERYDAY) == ("everyday", None)
    assert not re.search(r"/(?:work|home|tmp|root)/", (EVERYDAY / "config.json").read_text())


@needs_decoder
def test_every_question_of_the_app_gets_an_answer(bundle) -> None:
    for prompt in EVERYDAY_PROMPTS.values():
        assert answer(bundle, tiny.noise(), prompt, GenerateConfig(max_new_tokens=40))


@needs_decoder
@pytest.mark.parametrize("photo", photographs.PHOTOGRAPHS, ids=lambda photo: photo.title)
def test_the_photographs_of_the_app_are_named(bundle, photo: photographs.Photograph) -> None:
    path = photographs.find(photo)
    if path is None:
        pytest.skip(f"{photo.package} does not bring {photo.file}")
    text = answer(bundle, open_image(path), EVERYDAY_PROMPTS["What is it?"])
    caption = answer(bundle, open_image(path), CAPTION)
    assert re.search(SHOWN[photo.title], f"{text} {caption}", re.IGNORECASE), (text, caption)
