"""Finding the JSON object in an answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlm.remote.parsing import TruncatedAnswer, parse_object

OBJECT = {"style": True, "why": "a } in words"}
JSON = '{"style": true, "why": "a } in words"}'


@pytest.mark.parametrize(
    "text",
    [
        JSON,
        f"```json\n{JSON}\n```",
        f"Sure! Here it is: {JSON} I hope that helps {{.",
        f"I look at {{this}} first.\n{JSON}",
        f"  \n{JSON}{JSON}",
    ],
)
def test_the_first_object_is_found_in_any_text(text):
    assert parse_object(text) == OBJECT


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("It is a nice shirt.", ValueError, "^prose: 'It is a nice shirt.'$"),
        ("", ValueError, "^an empty answer$"),
        (" \n", ValueError, "^an empty answer$"),
        ("[1, 2]", ValueError, "^prose"),
        ('{"style": tr', TruncatedAnswer, "^truncated JSON: '{\"style\": tr'$"),
        ('Well: {"style": true, "why": "because', TruncatedAnswer, "^truncated JSON"),
        ("{style: yes}", ValueError, "^prose"),
        ("x" * 1000, ValueError, "^prose: 'x{59}…'$"),
    ],
)
def test_an_unusable_answer_is_reported_and_quoted(text, kind, message):
    with pytest.raises(ValueError, match=message) as error:
        parse_object(text)
    assert type(error.value) is kind


@pytest.mark.parametrize("text", ["{" * 5000, '{"a":' * 5000, '{"a":' + "[" * 50_000])
def test_hostile_answers_end_soon(text):
    with pytest.raises(ValueError):
        parse_object(text)


@given(st.text(alphabet='{}[]":, atrue1\n`'))
def test_any_answer_gives_an_object_or_a_message(text):
    try:
        assert isinstance(parse_object(text), dict)
    except ValueError as error:
        assert str(error)
