"""Measuring: what counts as right, and that a worse model scores lower."""

import json

import pytest

from tests import tiny
from vlm import evaluate
from vlm.data.taxonomy import SUBCATEGORY
from vlm.metrics.attributes import attributes, only_about
from vlm.types import Record

FACTS = {
    "articleType": "Formal Shoes",
    "subCategory": "Shoes",
    "baseColour": "Navy Blue",
    "gender": "Men",
    "usage": "Formal",
}


def test_a_right_description_scores_everything():
    text = "This is a pair of men's navy blue formal shoes, made for formal occasions."
    assert attributes(text, FACTS) == dict.fromkeys(attributes(text, FACTS), 1.0)
    assert len(attributes(text, FACTS)) == 5


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("A pair of men's blue formal shoes for formal wear.", {"baseColour"}),
        ("A pair of women's navy blue formal shoes for formal wear.", {"gender"}),
        ("A pair of men's navy blue casual shoes for formal wear.", {"articleType"}),
        ("A men's navy blue watch for formal wear.", {"articleType", "subCategory"}),
        ("", {"articleType", "subCategory", "baseColour", "gender", "usage"}),
    ],
)
def test_each_fault_costs_its_own_attribute(text, wrong):
    assert {name for name, score in attributes(text, FACTS).items() if score == 0.0} == wrong


def test_unknown_metadata_is_left_out():
    assert set(attributes("A watch.", {"articleType": "Watches"})) == {"articleType"}


@pytest.mark.parametrize(
    ("text", "score"), [("It is navy blue.", 1.0), ("A blue shirt.", 0.0), ("It is a shirt.", 0.0)]
)
def test_an_answer_about_the_colour_names_nothing_else(text, score):
    assert only_about(text, "baseColour") == score


def test_the_taxonomy_agrees_with_most_rows(real_data):
    from vlm.data import fashion

    records = fashion.load("validation", real_data / "fashion-products").records
    right = [SUBCATEGORY.get(r.facts["articleType"]) == r.facts["subCategory"] for r in records]
    assert sum(right) / len(right) > 0.95


def test_evaluate_writes_what_it_measured(tmp_path, monkeypatch):
    answers = {"Describe this picture.": "A red shirt."}
    monkeypatch.setattr(
        evaluate,
        "texts",
        lambda bundle, images, prompts, size: iter([answers.get(p, "It is red.") for p in prompts]),
    )
    facts = {"articleType": "Shirts", "subCategory": "Topwear", "baseColour": "Red"}
    records = [
        Record("a", tiny.picture(), (), facts),
        Record("b", tiny.picture(), (), facts | {"baseColour": "Blue"}),
    ]
    scores = evaluate.evaluate(None, records, tmp_path / "out")
    assert scores["articleType"] == 100 and scores["baseColour"] == 50
    assert scores["asked_colour_told_colour"] == 100
    assert scores["changed_by_blank"] == 0  # the same words whatever the picture
    assert json.loads((tmp_path / "out/scores.json").read_text()) == scores
    rows = (tmp_path / "out/predictions.jsonl").read_text().splitlines()
    assert [json.loads(row)["id"] for row in rows] == ["a", "b"]
