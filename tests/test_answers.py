"""Reading JSON out of answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlm.answers import CutOff, read_object

FOUND = {"style": True, "why": "a } in words"}
WHOLE = '{"style": true, "why": "a } in words"}'


@pytest.mark.parametrize(
    "text",
    [
        WHOLE,
        f"```json\n{WHOLE}\n```",
        f"Sure! Here it is: {WHOLE} I hope that helps {{.",
        f"I look at {{this}} first.\n{WHOLE}",
        f"  \n{WHOLE}{WHOLE}",
    ],
)
def test_an_object_is_found_among_other_things(text):
    assert read_object(text) == FOUND


@pytest.mark.parametrize(
    ("text", "kind", "says"),
    [
        ("It is a nice shirt.", ValueError, "^prose: 'It is a nice shirt.'$"),
        ("", ValueError, "^nothing$"),
        (" \n", ValueError, "^nothing$"),
        ("[1, 2]", ValueError, "^prose"),
        ('{"style": tr', CutOff, "^cut-off JSON: '{\"style\": tr'$"),
        ('Well: {"style": true, "why": "because', CutOff, "^cut-off JSON"),
        ("{style: yes}", ValueError, "^prose"),
        ("x" * 1000, ValueError, "^prose: 'x{59}…'$"),
    ],
)
def test_what_cannot_be_read_says_what_it_is(text, kind, says):
    with pytest.raises(ValueError, match=says) as found:
        read_object(text)
    assert type(found.value) is kind


@pytest.mark.parametrize("text", ["{" * 5000, '{"a":' * 5000, '{"a":' + "[" * 50_000])
def test_hostile_answers_end_soon(text):
    with pytest.raises(ValueError):
        read_object(text)


@given(st.text(alphabet='{}[]":, atrue1\n`'))
def test_any_answer_is_an_object_or_a_sentence(text):
    try:
        assert isinstance(read_object(text), dict)
    except ValueError as error:
        assert str(error)
