"""Places in an answer: drawn on the picture, and words instead of numbers for the visitor."""

import gradio as gr
import pytest

from tests import tiny
from vlm.ui.describe import marks, picture

TEXT = "The dog is at <box>0,250,500,1000</box>, the cat at <box>9,9,1,1</box>."


@pytest.fixture
def image(monkeypatch):
    monkeypatch.setattr(picture, "read_source", lambda value: tiny.picture())
    return {"path": "x.png"}


def talk(text: str) -> dict:
    return {"picture": "x.png", "pairs": [("Where?", text)]}


def test_the_boxes_of_the_last_answer_are_drawn(image):
    shown = marks.show(talk(TEXT), image)
    opened, regions = shown["value"]
    width, height = opened.size
    assert shown["visible"] and regions == [
        ((0, round(height / 4), round(width / 2), height), "The dog")
    ]
    gr.AnnotatedImage().postprocess(shown["value"])


@pytest.mark.parametrize("conversation", [{}, None, {"pairs": []}, talk("A dog."), talk("<box>")])
def test_without_boxes_there_is_nothing_to_draw(conversation, image):
    assert marks.show(conversation, image) == marks.hide()


def test_a_picture_that_was_taken_away_draws_nothing():
    assert marks.show(talk(TEXT), None) == marks.hide()
