"""The answers stored beside the examples: right, the shipped model's, and what it says live."""

from __future__ import annotations

import importlib
import json
import re
import sys
from pathlib import Path

import pytest

from vlm import load

FOLDER = Path(__file__).resolve().parents[1] / "examples"
sys.path.insert(0, str(FOLDER))  # scripts beside the pictures, not a package
make_answers = importlib.import_module("make_answers")
ROWS = {Path(row["file"]).stem: row for row in json.loads(make_answers.TABLE.read_text())}
# What is drawn, as it may be called: the kind, and the colour where the question asks for it.
DRAWN = {
    "polo": ("polo|t-shirt", "navy"),
    "checked_shirt": ("shirt", "red|white", "check"),
    "striped_tshirt": ("t-shirt", "white|navy", "strip"),
    "red_dress": ("dress", "red", "dot"),
    "jeans": ("jeans", "blue"),
    "handbag": ("handbag", "black"),
    "backpack": ("backpack", "green|olive"),
    "watch": ("watch", "silver|steel|white|grey"),
    "sunglasses": ("sunglasses", "black"),
    "sports_shoes": ("shoes", "white"),
    "flip_flops": ("flip.flops", "blue"),
    "belt": ("belt", "brown|tan"),
    "tie": ("tie", "burgundy|maroon|red", "strip"),
    "ship": ("ship",),
    "aeroplane": ("airplane|aeroplane",),
    "car": ("automobile|car",),
}
PLAIN = ("polo", "belt", "handbag")  # are drawn without any pattern
PATTERNS = ("strip", "check", "print", "floral", "plain", "solid")
AGREE = 14  # of 16, word for word: machines round differently


@pytest.mark.parametrize("slug", DRAWN)
def test_a_stored_answer_says_what_is_drawn(slug: str) -> None:
    row = ROWS[slug]
    assert row["model"] == "moda-mini"
    for words in DRAWN[slug]:
        assert re.search(rf"\b(?:{words})", row["answer"], re.IGNORECASE), row["answer"]
    false = [word for word in PATTERNS if word in row["answer"] and word not in DRAWN[slug]]
    assert not false or (slug in PLAIN and false == ["plain"]), row["answer"]


def test_every_example_has_an_answer() -> None:
    assert ROWS.keys() == DRAWN.keys() == make_answers.TITLES.keys()


def test_live_answers_are_the_stored_ones() -> None:
    bundle = load.load("moda-mini", device="cpu")
    live = {slug: make_answers.answered(bundle, slug) for slug in ROWS}
    assert [row["settings"] for row in live.values()] == [row["settings"] for row in ROWS.values()]
    assert sum(live[slug]["answer"] == ROWS[slug]["answer"] for slug in ROWS) >= AGREE
