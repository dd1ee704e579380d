"""The stored answers of the examples: correct, and reproduced by the shipped model."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bench import make_examples
from vlm.loading import load

ROWS = {Path(row["file"]).stem: row for row in json.loads(make_examples.TABLE.read_text())}
# Accepted words (regular expressions): the kind, and the colour where the question asks for it.
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
PLAIN = ("polo", "belt", "handbag")  # drawn without a pattern
PATTERNS = ("strip", "check", "print", "floral", "plain", "solid")
MIN_EQUAL = 14  # of 16 answers; rounding differs between machines


@pytest.mark.parametrize("slug", DRAWN)
def test_each_stored_answer_is_correct(slug: str) -> None:
    row = ROWS[slug]
    assert row["model"] == "moda-mini"
    for words in DRAWN[slug]:
        assert re.search(rf"\b(?:{words})", row["answer"], re.IGNORECASE), row["answer"]
    wrong = [word for word in PATTERNS if word in row["answer"] and word not in DRAWN[slug]]
    assert not wrong or (slug in PLAIN and wrong == ["plain"]), row["answer"]


def test_every_example_has_an_answer() -> None:
    assert ROWS.keys() == DRAWN.keys() == make_examples.TITLES.keys()


def test_live_answers_match_the_stored_ones() -> None:
    bundle = load.load("moda-mini", device="cpu")
    live = {slug: make_examples.answered(bundle, slug) for slug in ROWS}
    assert [row["settings"] for row in live.values()] == [row["settings"] for row in ROWS.values()]
    assert sum(live[slug]["answer"] == ROWS[slug]["answer"] for slug in ROWS) >= MIN_EQUAL
