"""Writers: labels, servers and local models, and the prompts they are given."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import tiny
from tests.captioning.records import ANSWER, JSON_ANSWER, RECORDS
from tests.fake_endpoint import FakeEndpoint, online
from vlm.captioning import labels, prompts, writers
from vlm.captioning.writers import Request, model
from vlm.errors import UserError
from vlm.evaluation.metrics import replies
from vlm.loading import load
from vlm.remote.endpoint import EndpointConfig
from vlm.remote.prompts import JSON_REMINDER
from vlm.types import Record, Turn


def test_labels_describe_by_the_grammar_and_need_metadata() -> None:
    for row in RECORDS:
        text = labels.describe(row)
        assert text in [turn.answer for turn in row.turns]
        assert replies.read_kind(text) == row.facts["kind"]
    for turns in ((), (Turn("Is it red?", "No.", "question"),)):
        with pytest.raises(UserError, match="Image a has no metadata"):
            labels.describe(Record("a", tiny.picture(), turns))


def test_labels_replace_flagged_texts_only() -> None:
    row = RECORDS[0]
    right, wrong = f"A blurred {row.facts['kind']} on grass.", "A dog that a man is holding."
    assert labels.refine(row, right) == right
    assert labels.refine(row, wrong) == labels.describe(row)


# --- prompts and answers -------------------------------------------------------------------------


def test_a_prompt_can_be_replaced_by_a_file(tmp_path: Path) -> None:
    for name in prompts.FILES:
        text = prompts.fill(prompts.read(name), {"gender": 'Men"$text'}, "A $facts shirt.")
        assert prompts.ANSWER_FORMAT in text and "$answer" not in text
    file = tmp_path / "prompt.txt"
    file.write_text("Describe it: $text")
    with pytest.raises(UserError, match=r"lacks \$facts, \$answer"):
        prompts.read("refine", str(file))
    with pytest.raises(UserError, match="cannot be read"):
        prompts.read("refine", str(tmp_path))


@pytest.mark.parametrize("answer", ["", "A shirt.", '{"gender": "men"}', '{"description": " "}'])
def test_an_answer_without_a_description_is_unusable(answer: str) -> None:
    with pytest.raises(ValueError, match=r"prose|an empty answer|without a description"):
        prompts.parse_answer(answer)


def test_an_answer_in_a_code_fence_is_parsed() -> None:
    answer = '```json\n{"description": "A  red\\nshirt.", "colour": ["red"]}\n```'
    assert prompts.parse_answer(answer) == {"description": "A red shirt.", "colour": '["red"]'}


# --- local models --------------------------------------------------------------------------------


@pytest.fixture
def other_model() -> model.ModelWriter:
    """A writer whose model does not count as one of Loupe's own."""
    bundle = tiny.bundle()
    bundle.model.config.model_type = "smolvlm"
    return model.ModelWriter(bundle, "small", "Is it $facts? $answer", 300)


def test_a_model_that_only_describes_cannot_refine(tmp_path: Path) -> None:
    load.save(tiny.bundle(), tmp_path / "model")
    settings = writers.WriterSettings(device="cpu")
    with pytest.raises(UserError, match="cannot correct texts"):
        writers.open_writer(str(tmp_path / "model"), writers.REFINER, settings)


def test_any_other_model_gets_our_prompt_and_a_reminder_to_write_json(
    other_model, monkeypatch
) -> None:
    questions: list[str] = []

    def answers(bundle, images, prompts, batch_size, config) -> Iterator[str]:
        questions.extend(prompts)
        for prompt in prompts:
            yield JSON_ANSWER if prompt.endswith(JSON_REMINDER) else "It is a thing."

    monkeypatch.setattr(model.batch, "batch", answers)
    other_model.prompt = prompts.read("describe")
    captions = list(other_model.write([Request(record) for record in RECORDS[:2]]))
    assert [caption.text for caption in captions] == [ANSWER["description"]] * 2
    assert [caption.requests for caption in captions] == [2, 2]
    assert captions[0].fields == {"colour": "red"}
    assert len(questions) == 4 and all(prompts.ANSWER_FORMAT in q for q in questions)
    monkeypatch.setattr(model.batch, "batch", lambda *args, config: iter(["A thing."]))
    (caption,) = other_model.write([Request(RECORDS[0])])
    assert not caption.text and caption.fault.startswith("prose")


def test_a_question_that_is_too_long_is_reported_as_such(other_model, monkeypatch) -> None:
    answers = iter(["prose", JSON_ANSWER, JSON_ANSWER])
    monkeypatch.setattr(
        model.batch,
        "batch",
        lambda bundle, images, prompts, batch_size, config: [next(answers) for _ in prompts],
    )
    long = Record("long", tiny.noise(0), (), {"kind": "cat " * 600})
    assert other_model.settings.max_new_tokens == 300
    captions = list(other_model.write([Request(r) for r in (RECORDS[0], long, RECORDS[1])]))
    assert [caption.requests for caption in captions] == [2, 0, 1]
    assert "characters" in captions[1].fault
    assert not captions[0].fault and not captions[2].fault


# --- servers -------------------------------------------------------------------------------------


def test_a_server_refines_with_the_metadata_only(monkeypatch) -> None:
    online(monkeypatch)
    with FakeEndpoint(lambda messages: JSON_ANSWER) as fake:
        settings = writers.WriterSettings(endpoint=EndpointConfig(endpoint=fake.address))
        refiner = writers.open_writer("endpoint:m", writers.REFINER, settings)
        (caption,) = refiner.write([Request(RECORDS[0], "A dog, maybe.")])
        (messages,) = fake.messages
    assert caption.text == ANSWER["description"] and caption.requests == 1
    question = messages[0]["content"]
    assert '"A dog, maybe."' in question and RECORDS[0].facts["kind"] in question
    assert json.dumps(messages).count("image_url") == 0
