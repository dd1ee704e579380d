"""Reading an answer: yes or no, doubt, details."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlm.data.grammar import words
from vlm.evaluation.metrics.replies import is_unsure, read_details, read_yes_no


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Yes.", True),
        ("yes", True),
        ("Yes it is", True),
        ("**Yes**, it is blue.", True),
        ("No.", False),
        (" no ", False),
        ("No, it is for men.", False),
        ("No it is not", False),
        ("No theory holds.", None),
        ("No sleeves.", None),
        ("Nothing of the kind.", None),
        ("Yesterday.", None),
        ("It is, yes", None),
        ("Not at all.", None),
        ("No, I am not sure what this shows.", None),
        ("", None),
    ],
)
def test_yes_and_no_are_read_at_the_start(text: str, answer: bool | None) -> None:
    assert read_yes_no(text) is answer


@pytest.mark.parametrize(
    "text",
    [
        "I am not sure what this shows; it looks like noise.",
        "I'm not sure what this is.",
        "I’m not certain what the picture shows",
        "Sorry, I do not know what is shown here.",
        "i cannot tell what it is",
        '{"type": "unknown"}',
        '{"type":"unknown"}',
    ],
)
def test_doubt_about_the_picture_is_recognised(text: str) -> None:
    assert is_unsure(text)


@pytest.mark.parametrize(
    "text",
    [
        "It is a shirt.",
        "I am not sure what colour it is.",
        "I know what this shows.",
        '{"type": "shirt", "pattern": "unknown"}',
        "This is not what it shows.",
        "",
    ],
)
def test_doubt_about_something_else_does_not_count(text: str) -> None:
    assert not is_unsure(text)


@pytest.mark.parametrize(
    ("text", "details"),
    [
        ("", {}),
        ("A men's slim-fit checked shirt.", {"fit": "slim", "pattern": "checked"}),
        ("It has no sleeves and a V-neck.", {"sleeve": "sleeveless", "neckline": "V-neck"}),
        ("a Polka Dot dress", {"pattern": "polka dot"}),
        ("A plain T-shirt, not striped, without a hood.", {"pattern": "solid"}),
        ("Plain-toe shoes of faux leather", {"style": "plain toe", "material": "faux leather"}),
        ("A graphic-print top, striped too", {"pattern": "graphic print"}),
        ("a shirt in regular use, on the shoulder, straight from the shop", {}),
        ("a woollen or cotton silk scarf", {"material": "wool"}),
        ("blueprinted, sleeve, checkmate", {}),
        ('{"type": "shirt", "fit": "regular", "pattern": "wild"}', {"fit": "regular"}),
        ('{"type": "shirt", "pattern": ["striped"]}', {}),
        ("[1]", {}),
    ],
)
def test_details_are_read(text: str, details: dict[str, str]) -> None:
    assert read_details(text) == details


@pytest.mark.parametrize("row", words.DETAILS, ids=lambda row: row.value)
def test_every_form_in_the_table_is_read_as_that_detail_only(row: words.Detail) -> None:
    detail = {row.key: row.value}
    for form in filter(None, (row.adjective, row.noun)):
        assert read_details(f"It is {form}.") == detail
        assert read_details(form.upper().replace("-", " ")) == detail
        if not form.startswith("no "):
            assert read_details(f"It is not {form}.") == {}
    assert read_details(json.dumps(detail)) == detail


def test_names_of_kinds_and_questions_contain_no_detail() -> None:
    prompts = [prompt for wordings in words.PROMPTS.values() for prompt in wordings]
    texts = [*words.SINGULAR.values(), *prompts]
    assert not [text for text in texts if read_details(text)]


@given(st.text() | st.text('[]{}",: 0').map(lambda text: "[" * 50 + text))
def test_any_text_can_be_read(text: str) -> None:
    assert set(read_details(text)) <= {row.key for row in words.DETAILS}
    assert read_yes_no(text) in (True, False, None) and is_unsure(text) in (True, False)
