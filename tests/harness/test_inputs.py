"""What lmms-eval asks, in our words: one picture, one text, how the answer is decoded."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import tiny
from tests.harness import standin
from vlm.errors import UserError

ASK = "What colour is it?"
USER = [{"role": "user", "content": [{"type": "text", "text": ASK}]}]


@pytest.fixture(scope="module")
def inputs() -> Iterator[ModuleType]:
    with standin.package() as modules:
        yield modules(".inputs")


# --- pictures and texts --------------------------------------------------------------------------


def test_messages_become_one_picture_and_one_text(inputs):
    said = [
        {"role": "system", "content": [{"type": "text", "text": "Be brief."}]},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Look:"},
                {"type": "image", "url": tiny.picture("green")},
                {"type": "text", "text": ASK},
            ],
        },
    ]
    question = inputs.from_messages(said)
    assert question.prompt == f"Be brief.\nLook:\n{ASK}"
    assert question.picture.getpixel((3, 3)) == tiny.COLOURS["green"]


def test_a_path_is_a_picture(inputs, tmp_path: Path):
    tiny.picture("blue").save(tmp_path / "blue.png")
    picture = inputs.one_picture([str(tmp_path / "blue.png"), None])
    assert picture.getpixel((0, 0)) == tiny.COLOURS["blue"]


def test_several_pictures_are_refused_or_laid_side_by_side(inputs):
    both = [tiny.picture("red"), tiny.picture("blue", 64)]
    with pytest.raises(UserError, match="2 pictures.*several_pictures=beside"):
        inputs.one_picture(both)
    row = inputs.one_picture(both, "beside")
    assert row.width >= 2 * row.height
    assert row.getpixel((1, 1)) == tiny.COLOURS["red"]
    assert row.getpixel((row.width - 2, row.height - 2)) == tiny.COLOURS["blue"]
    with pytest.raises(UserError, match="several_pictures"):
        inputs.one_picture(both, "all")


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        ([], "without a picture"),
        ([None], "without a picture"),
        ([{"type": "video", "url": "clip.mp4"}], "shows video"),
        ([{"type": "audio", "url": "sound.wav"}], "shows audio"),
        ([b"pixels"], "shows bytes"),
        (["clip.mp4"], "no picture file"),
    ],
)
def test_something_other_than_a_picture_is_a_user_error(inputs, shown, words):
    with pytest.raises(UserError, match=words):
        inputs.one_picture(shown)


def test_answered_examples_and_long_texts_are_refused(inputs):
    answered = [*USER, {"role": "assistant", "content": []}]
    with pytest.raises(UserError, match="num_fewshot 0"):
        inputs.from_messages(answered)
    with pytest.raises(UserError, match="characters"):
        inputs.from_simple("x" * 5000, [tiny.picture()])


# --- decoding ------------------------------------------------------------------------------------

GREEDY = {"temperature": 0.0, "num_beams": 1, "top_p": 1.0}


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, {"max_new_tokens": 256, "deadline": 3600} | GREEDY),
        ({"max_new_tokens": 16, "temperature": 0, "top_p": None}, {"max_new_tokens": 16} | GREEDY),
        ({"temperature": 0.2, "top_p": 0.9}, {"temperature": 0.2, "top_p": 0.9}),
        ({"temperature": 0.2, "do_sample": False, "top_p": 0}, GREEDY),
        ({"temperature": 0, "do_sample": True, "top_p": 0}, GREEDY),
        ({"do_sample": True, "top_k": 5}, {"temperature": 1.0, "top_k": 5}),
        ({"num_beams": 3}, {"num_beams": 3, "temperature": 0.0}),
        ({"max_new_tokens": 49152}, {"max_new_tokens": 1024}),
    ],
)
def test_a_tasks_settings_become_ours(inputs, wanted, expected):
    config = dataclasses.asdict(inputs.generation_config(wanted, seed=7))
    assert config["seed"] == 7
    assert {name: config[name] for name in expected} == expected


def test_settings_out_of_bounds_are_user_errors(inputs):
    with pytest.raises(UserError, match="num_beams is 99"):
        inputs.generation_config({"num_beams": 99})


def test_unsupported_settings_are_reported(inputs):
    assert not inputs.warnings({"max_new_tokens": 8, "until": ["x"], "do_sample": False})
    said = inputs.warnings({"max_new_tokens": 4096, "patch_size": 14})
    assert said == ["patch_size is not supported", "max_new_tokens 4096 is reduced to 1024"]


@pytest.mark.parametrize(
    ("until", "expected"),
    [(None, "one\n\ntwo ASSISTANT: x"), ([], "one\n\ntwo ASSISTANT: x"), ("\n\n", "one")]
    + [(["ASSISTANT:", "\n\n"], "one"), (["ASSISTANT:", ""], "one\n\ntwo "), (["on"], "")],
)
def test_an_answer_ends_where_the_task_says(inputs, until, expected):
    assert inputs.truncate("one\n\ntwo ASSISTANT: x", until) == expected


@given(text=st.text(), until=st.lists(st.text(max_size=3), max_size=3))
def test_no_stop_string_is_left_in_an_answer(inputs, text: str, until: list[str]):
    kept = inputs.truncate(text, until)
    assert text.startswith(kept) and not any(end in kept for end in until if end)
