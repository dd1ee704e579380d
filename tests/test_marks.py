"""One mark for one reply: exact labels, doubt, JSON, what a thing is not, details, talks."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score

from vlm.data import negatives
from vlm.data.taxonomy import SUBCATEGORY
from vlm.metrics import METRICS, marks
from vlm.metrics.attributes import attributes, labels, named, only_about, truths
from vlm.types import Turn

# --- exact labels --------------------------------------------------------------------------------

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


# --- replies -------------------------------------------------------------------------------------

SHIRT = {"articleType": "Shirts", "baseColour": "Navy Blue", "gender": "Men", "usage": "Formal"}


@pytest.mark.parametrize(
    ("record", "sentence", "same"),
    [
        ('{"type": "shirt", "colour": "red"}', "A red shirt.", True),
        ('{"type": "shirt", "colour": "red", "gender": "men"}', "A red shirt.", True),
        ('{"type": "shirt", "colour": "red", "gender": "men"}', "A women's red shirt.", False),
        ('{"type": "shirt", "colour": "red"}', "A blue shirt.", False),
        ('{"type": "shirt", "colour": "red"}', "A red tie.", False),
        ('{"type": "shirt"}', "A red shirt.", False),
        ('{"type": "cat", "background": "green"}', "This is a cat. What surrounds it is mostly "
         "green.", True),
        ('{"type": "cat", "colour": "white", "background": "green"}',
         "In front of a green background, you can see a white cat.", True),
        ('{"type": "cat", "colour": "green"}', "A cat, with a green background.", False),
        ('{"type": "unknown"}', "I am not sure what this shows; it looks like text.", True),
        ('{"type": "shirt", "colour": "red"}', "I am not sure what this shows.", False),
        ('{"type": "unknown"}', "A red shirt.", False),
        ("type: shirt, colour: red", "A red shirt.", False),
        ("{}", "Something.", False),
    ],
)  # fmt: skip
def test_json_agrees_with_the_sentence(record: str, sentence: str, same: bool) -> None:
    assert marks.agree(record, sentence) is same


@pytest.mark.parametrize(
    ("text", "fine"),
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
def test_what_a_shirt_is_not(text: str, fine: bool) -> None:
    assert marks.is_not(text, SHIRT) is fine


def test_a_polo_shirt_is_also_a_shirt_and_a_cat_is_no_dog() -> None:
    polo = {"articleType": "Tshirts", "neckline": "polo collar"}
    assert not marks.is_not("It is not a shirt.", polo)
    assert marks.is_not("It is not a shirt.", polo | {"neckline": "round neck"})
    assert marks.is_not("It is not a dog.", {"kind": "cat"})
    assert not marks.is_not("It is not a kitten.", {"kind": "cat"})
    assert marks.is_not("The picture does not show a ship.", {"kind": "deer"})


def test_details_that_the_metadata_leaves_open_are_only_counted() -> None:
    facts = SHIRT | {"pattern": "striped", "sleeve": "long sleeves"}
    assert marks.details("A striped slim-fit shirt with short sleeves.", facts) == (
        [True, False], [True, False], 1,
    )  # fmt: skip
    assert marks.details("A shirt.", facts) == ([False, False], [], 0)


BEFORE = (("What is this?", "A shirt."),)


@pytest.mark.parametrize(
    ("prompt", "answer", "reply", "fine"),
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
def test_the_last_answer_of_a_talk(prompt: str, answer: str, reply: str, fine: bool) -> None:
    turn = Turn(prompt, answer, "chat", BEFORE)
    assert marks.last_answer(reply, turn, SHIRT) is fine


def test_a_talk_that_the_facts_leave_open_has_no_mark() -> None:
    turn = Turn("And its colour?", "It is navy blue.", "chat", BEFORE)
    assert marks.last_answer("Navy blue.", turn, {"usage": "Casual"}) is None


@settings(max_examples=25)
@given(*[st.lists(st.booleans(), min_size=1, max_size=12)] * 2)
def test_balanced_accuracy_is_scikit_learns(yes: list[bool], no: list[bool]) -> None:
    estimate = marks.balanced([float(v) for v in yes], [float(v) for v in no])
    truth, said = [True] * len(yes) + [False] * len(no), yes + [not value for value in no]
    assert estimate.mean == pytest.approx(balanced_accuracy_score(truth, said))
    assert 0 <= estimate.low <= estimate.mean <= estimate.high <= 1
    assert estimate.n == len(yes) + len(no)


def test_balanced_accuracy_needs_both_kinds() -> None:
    with pytest.raises(ValueError, match="both kinds"):
        marks.balanced([1.0], [])


# --- exact labels of scenes, and doubt -----------------------------------------------------------

CAT = labels({"kind": "cat", "colour": "white", "ground": "green"})


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
def test_a_scene_is_named_by_kind_and_colour(text, kind, colour, sure) -> None:
    assert exact(text, CAT) == {"baseColour": colour, "kind": kind, "sure": sure}


def test_doubt_is_right_about_nothing_known_alone() -> None:
    nothing = {"kind": "unknown", "family": "noise"}
    assert exact("I am not sure what this shows; it is noise.", nothing) == {"unsure": 1}
    assert exact("A red shirt.", nothing) == {"unsure": 0}
    assert exact("A red shirt.", {}) == {}
    assert exact("A red shirt.", {"kind": "teapot"}) == {"sure": 1}


def test_facts_and_texts_meet_under_the_same_names() -> None:
    assert labels(SHIRT) == SHIRT and labels({"kind": "teapot", "colour": "red"})["colour"] == "red"
    assert truths(CAT) == {"item": "cat", "baseColour": "White"} == named("A white cat.")
    assert truths(SHIRT) == named("A men's navy blue shirt for formal wear.")
    assert truths({"baseColour": "Zebra", "kind": "teapot", "gender": ""}) == {}


def test_a_scene_may_be_named_as_the_subject() -> None:
    assert only_about("The cat is white.", "baseColour", "item") == 1
    assert only_about("The cat is white.", "baseColour") == 0
    assert only_about("It is a cat.", "item", "item") == 1
    assert only_about("It is a white cat.", "item", "item") == 0
