"""Prompts and photographs that follow the model."""

from pathlib import Path

import pytest
from PIL import Image

from vlm.data.images import open_image
from vlm.loading.presets import PRESETS
from vlm.ui.describe import examples, photographs, prompts


@pytest.mark.parametrize("model", [*PRESETS, "org/unknown"])
def test_every_model_has_a_first_prompt(model: str) -> None:
    label, text = prompts.first(model)
    assert prompts.of(model)[label] == text and prompts.name(text, model) == label
    assert prompts.name("My own words", model) == prompts.CUSTOM
    assert prompts.CUSTOM not in prompts.of(model)


def test_the_everyday_model_is_asked_about_photographs() -> None:
    labels = ["Caption", "In detail", "What is it?", "Count", "Where is ...?", "JSON"]
    assert list(prompts.of("everyday")) == labels
    assert prompts.of("org/unknown") == prompts.of("moda-mini") != prompts.of("everyday")


def test_a_switch_changes_the_choice_and_keeps_own_words() -> None:
    radio, text = prompts.switch(prompts.first("moda-mini")[1], "everyday")
    assert (radio.value, text) == prompts.first("everyday")
    assert [label for label, _ in radio.choices] == [*prompts.of("everyday"), prompts.CUSTOM]
    radio, text = prompts.switch("My own words", "everyday")
    assert (radio.value, text) == (prompts.CUSTOM, "My own words")
    radio, text = prompts.switch("What is this?", "everyday")  # both models have it
    assert (radio.value, text) == ("What is it?", "What is this?")


def test_photographs_come_from_installed_packages() -> None:
    found = photographs.read()
    assert len(found) == len({example.title for example in found}) >= 5
    for example in found:
        assert not example.path.is_relative_to(examples.FOLDER) and not example.answer
        assert isinstance(open_image(example.path), Image.Image)


def test_a_missing_package_or_file_drops_its_photographs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = (
        photographs.Photograph("No package", "no_such_package_here", "a.jpg"),
        photographs.Photograph("No file", "gradio", "no/such/file.jpg"),
        photographs.Photograph("A module", "this", "a.jpg"),
    )
    monkeypatch.setattr(photographs, "PHOTOGRAPHS", rows)
    assert photographs.read() == [] and not photographs.are_shown("everyday")


def test_photographs_are_shown_with_the_everyday_model_alone() -> None:
    assert photographs.are_shown("everyday")
    assert not photographs.are_shown("moda-mini") and not photographs.are_shown("org/unknown")


def test_no_photograph_is_in_the_repository() -> None:
    names = {Path(photo.file).name for photo in photographs.PHOTOGRAPHS}
    assert not names & {path.name for path in examples.FOLDER.iterdir()}
