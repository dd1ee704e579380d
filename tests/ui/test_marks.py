"""Places in an answer: drawn on the picture, and words instead of numbers for the visitor."""

import gradio as gr
import pytest

from tests import tiny
from vlm.data.grammar.boxes import Box
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
    opened, ((mask, label),) = shown["value"]
    width, height = opened.size
    assert shown["visible"] and label == "The dog" and mask.shape == (height, width)
    top, middle = height // 4, width // 2
    assert not mask[:top].any() and not mask[:, middle:].any()
    assert mask[top, 0] == mask[-1, middle - 1] == 1
    assert mask[(top + height) // 2, middle // 2] == marks.FILL
    gr.AnnotatedImage().postprocess(shown["value"])


def test_a_large_picture_is_drawn_small_with_visible_edges(monkeypatch):
    monkeypatch.setattr(picture, "read_source", lambda value: tiny.picture(side=3000))
    opened, ((mask, _),) = marks.show(talk(TEXT), {"path": "x.png"})["value"]
    assert opened.size == (marks.LARGEST, marks.LARGEST)
    assert (mask[600, :10] == 1).sum() == marks.LARGEST // marks.EDGES + 1


@pytest.mark.parametrize("corners", [(0, 0, 1, 1), (998, 998, 1000, 1000), (0, 500, 1000, 501)])
def test_a_box_thinner_than_its_edges_is_solid(corners):
    mask = marks.draw(Box(*corners), 32, 24)
    assert set(mask.flat) == {0, 1}


@pytest.mark.parametrize("conversation", [{}, None, {"pairs": []}, talk("A dog."), talk("<box>")])
def test_without_boxes_there_is_nothing_to_draw(conversation, image):
    assert marks.show(conversation, image) == marks.hide()


def test_a_picture_that_was_taken_away_draws_nothing():
    assert marks.show(talk(TEXT), None) == marks.hide()
