"""One reply at a time: exact labels, doubt, JSON, "what is it not?", details, conversations."""

import pytest

from vlm.data.grammar.taxonomy import SUBCATEGORY
from vlm.data.negatives import dataset as negatives
from vlm.evaluation.metrics import METRICS, reply_checks
from vlm.evaluation.metrics.attributes import (
    attribute_scores,
    names_only,
    normalise_facts,
    read_attributes,
    true_attributes,
)
from vlm.types import Turn

# --- exact labels --------------------------------------------------------------------------------

FACTS = {
    "articleType": "Formal Shoes",
    "subCategory": "Shoes",
    "baseColour": "Navy Blue",
    "gender": "Men",
    "usage": "Formal",
}


def test_a_correct_description_scores_on_every_attribute():
    text = "This is a pair of men's navy blue formal shoes, made for formal occasions."
    scores = attribute_scores(text, FACTS)
    assert scores == dict.fromkeys(scores, 1.0) and len(scores) == 5


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
def test_each_fault_lowers_its_own_attribute(text, wrong):
    assert {name for name, score in attribute_scores(text, FACTS).items() if score == 0.0} == wrong


def test_attributes_without_metadata_have_no_score():
    assert set(attribute_scores("A watch.", {"articleType": "Watches"})) == {"articleType"}


@pytest.mark.parametrize(
    ("text", "score"), [("It is navy blue.", 1.0), ("A blue shirt.", 0.0), ("It is a shirt.", 0.0)]
)
def test_an_answer_about_the_colour_names_nothing_else(text, score):
    assert names_only(text, "baseColour") == score


def test_the_taxonomy_agrees_with_most_rows(real_data):
    from vlm.data import fashion

    records = fashion.load("validation", real_data / "fashion-products").records
    agree = [SUBCATEGORY.get(r.facts["articleType"]) == r.facts["subCategory"] for r in records]
    assert sum(agree) / len(agree) > 0.95


# --- replies -------------------------------------------------------------------------------------

SHIRT = {"articleType": "Shirts", "baseColour": "Navy Blue", "gender": "Men", "usage": "Formal"}


@pytest.mark.parametrize(
    ("record", "sentence", "agrees"),
    [
        ('{"type": "shirt", "colour": "red"}', "A red shirt.", True),
        ('{"type": "shirt", "colour": "red", "gender": "men"}', "A red shirt.", True),
        ('{"type": "shirt", "colour": "red", "gender": "men"}', "A women's red shirt.", False),
        ('{"type": "shirt", "colour": "red"}', "A blue shirt.", False),
        ('{"type": "shirt", "colour": "red"}', "A red tie.", False),
        ('{"type": "shirt"}', "A red shirt.", False),
        (
            '{"type": "cat", "background": "green"}',
            "This is a cat. What surrounds it is mostly green.",
            True,
        ),
        (
            '{"type": "cat", "colour": "white", "background": "green"}',
            "In front of a green background, you can see a white cat.",
            True,
        ),
        ('{"type": "cat", "colour": "green"}', "A cat, with a green background.", False),
        ('{"type": "unknown"}', "I am not sure what this shows; it looks like text.", True),
        ('{"type": "shirt", "colour": "red"}', "I am not sure what this shows.", False),
        ('{"type": "unknown"}', "A red shirt.", False),
        ("type: shirt, colour: red", "A red shirt.", False),
        ("{}", "Something.", False),
    ],
)
def test_json_agrees_with_an_equal_sentence(record: str, sentence: str, agrees: bool) -> None:
    assert reply_checks.json_agrees(record, sentence) is agrees


@pytest.mark.parametrize(
    ("text", "correct"),
    [
        ("It is not a pair of heels.", True),
        ("A watch.", True),
        ("It isn’t a cat.", True),
        ("It is a watch.", False),
        ("It is not a shirt.", False),
        ("It is not a top.", False),  # a shirt may be called one
        ("It is not something else.", False),
        ("", False),
    ],
)
def test_what_a_shirt_is_not(text: str, correct: bool) -> None:
    assert reply_checks.names_other_item(text, SHIRT) is correct


def test_a_polo_shirt_is_also_a_shirt_and_a_cat_is_not_a_dog() -> None:
    polo = {"articleType": "Tshirts", "neckline": "polo collar"}
    assert not reply_checks.names_other_item("It is not a shirt.", polo)
    assert reply_checks.names_other_item("It is not a shirt.", polo | {"neckline": "round neck"})
    assert reply_checks.names_other_item("It is not a dog.", {"kind": "cat"})
    assert not reply_checks.names_other_item("It is not a kitten.", {"kind": "cat"})
    assert reply_checks.names_other_item("The picture does not show a ship.", {"kind": "deer"})


def test_details_that_the_metadata_cannot_verify_are_only_counted() -> None:
    facts = SHIRT | {"pattern": "striped", "sleeve": "long sleeves"}
    text = "A striped slim-fit shirt with short sleeves."
    assert reply_checks.check_details(text, facts) == ([True, False], [True, False], 1)
    assert reply_checks.check_details("A shirt.", facts) == ([False, False], [], 0)


BEFORE = (("What is this?", "A shirt."),)


@pytest.mark.parametrize(
    ("prompt", "answer", "reply", "correct"),
    [
        ("And its colour?", "It is navy blue.", "Navy blue.", True),
        ("And its colour?", "It is navy blue.", "Blue.", False),
        ("And its colour?", "It is navy blue.", "It is a shirt.", False),
        ("Who would wear it?", "For men.", "It is made for men.", True),
        ("Tell me more.", "A navy blue shirt for men.", "A men's shirt.", True),
        ("Tell me more.", "A navy blue shirt for men.", "A women's shirt.", False),
        ("Tell me more.", "A navy blue shirt for men.", "A thing for men.", False),
        ("And as JSON?", '{"type": "shirt"}', '{"type": "shirt", "gender": "men"}', True),
        ("And as JSON?", '{"type": "shirt"}', "A shirt for men", False),
        ("And is it for women?", "No.", "No, it is for men.", True),
        ("And is it for women?", "No.", "Yes.", False),
        ("And is it for women?", "No.", "It is for men.", False),
        ("And what is it not?", "It is not a tie.", "It is not a watch.", True),
        ("And what is it not?", "It is not a tie.", "It is not a shirt.", False),
        ("And its colour?", negatives.UNSURE, "I'm not sure what this is.", True),
        ("And its colour?", negatives.UNSURE, "Red.", False),
    ],
)
def test_the_last_answer_of_a_conversation(
    prompt: str, answer: str, reply: str, correct: bool
) -> None:
    turn = Turn(prompt, answer, "chat", BEFORE)
    assert reply_checks.last_answer_is_right(reply, turn, SHIRT) is correct


def test_a_conversation_that_the_facts_cannot_decide_is_not_checked() -> None:
    turn = Turn("And its colour?", "It is navy blue.", "chat", BEFORE)
    assert reply_checks.last_answer_is_right("Navy blue.", turn, {"usage": "Casual"}) is None


# --- exact labels of scenes, and doubt -----------------------------------------------------------

CAT = normalise_facts({"kind": "cat", "colour": "white", "ground": "green"})


def exact(text: str, facts: dict) -> dict[str, float]:
    return {name: v for metric in METRICS.values() for name, v in metric(text, facts).items()}


@pytest.mark.parametrize(
    ("text", "kind", "colour", "sure"),
    [
        ("In front of a green background, you can see a white kitten.", 1, 1, 1),
        ("A green cat. The background is mostly white.", 1, 0, 1),
        ("A white dog.", 0, 1, 1),
        ("A white shirt.", 0, 1, 1),
        ("I am not sure what this shows.", 0, 0, 0),
        ('{"type": "cat", "colour": "white", "background": "green"}', 1, 1, 1),
        ("", 0, 0, 1),
    ],
)
def test_a_scene_is_scored_on_kind_colour_and_doubt(text, kind, colour, sure) -> None:
    assert exact(text, CAT) == {"baseColour": colour, "kind": kind, "sure": sure}


def test_doubt_is_correct_only_about_unknown_pictures() -> None:
    unknown = {"kind": "unknown", "family": "noise"}
    assert exact("I am not sure what this shows; it is noise.", unknown) == {"unsure": 1}
    assert exact("A red shirt.", unknown) == {"unsure": 0}
    assert exact("A red shirt.", {}) == {}
    assert exact("A red shirt.", {"kind": "teapot"}) == {"sure": 1}


def test_facts_and_texts_are_read_under_the_same_keys() -> None:
    assert normalise_facts(SHIRT) == SHIRT
    assert normalise_facts({"kind": "teapot", "colour": "red"})["colour"] == "red"
    cat = {"item": "cat", "baseColour": "White"}
    assert true_attributes(CAT) == cat == read_attributes("A white cat.")
    assert true_attributes(SHIRT) == read_attributes("A men's navy blue shirt for formal wear.")
    assert true_attributes({"baseColour": "Zebra", "kind": "teapot", "gender": ""}) == {}


def test_a_scene_can_be_the_subject() -> None:
    assert names_only("The cat is white.", "baseColour", "item") == 1
    assert names_only("The cat is white.", "baseColour") == 0
    assert names_only("It is a cat.", "item", "item") == 1
    assert names_only("It is a white cat.", "item", "item") == 0
