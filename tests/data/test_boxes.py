"""Boxes in text: what is written is read again, and nonsense is left out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlm.data.grammar import boxes
from vlm.data.grammar.boxes import SIDE, Box, Region, overlap, read_regions

NUMBER = st.integers(0, SIDE)
BOXES = st.tuples(NUMBER, NUMBER, NUMBER, NUMBER).filter(lambda b: b[0] < b[2] and b[1] < b[3])
PIECES = [
    "<box>",
    "</box>",
    "<box",
    "1,2",
    ",",
    "3",
    " ",
    "1001",
    "-5",
    "7.5",
    "dog",
    "<",
    "٣",
    "\n",
]


@given(BOXES)
def test_a_written_box_is_read_again(corners: tuple) -> None:
    box = Box(*corners)
    assert read_regions(f"The dog is at {boxes.write_box(box)}.") == (Region("The dog", box),)


@given(st.lists(st.sampled_from(PIECES)).map("".join))
def test_garbage_gives_only_boxes_that_make_sense(text: str) -> None:
    for _, box in read_regions(text):
        assert 0 <= box.x1 < box.x2 <= SIDE and 0 <= box.y1 < box.y2 <= SIDE
    assert isinstance(boxes.in_words(text), str)


@given(st.text())
def test_a_text_without_boxes_stays_as_it_is(text: str) -> None:
    text = text.replace("<", "")
    assert not read_regions(text) and boxes.in_words(text) == text


@pytest.mark.parametrize(
    "numbers", ["1,2,3", "5,1,3,9", "1,9,5,3", "0,0,1001,9", "-1,0,5,5", "a,b,c,d", "", "1,2,1,4"]
)
def test_a_bad_box_is_left_out_and_the_text_stays(numbers: str) -> None:
    text = f"The dog is at <box>{numbers}</box>, the cat at <box>1,2,3,4</box>."
    assert read_regions(text) == (Region("the cat", Box(1, 2, 3, 4)),)
    assert boxes.in_words(text) == f"The dog is at {boxes.UNCLEAR}, the cat at {boxes.MARKED}."


def test_a_label_is_the_thing_alone() -> None:
    text = "There is a dog at <box>1,2,3,4</box>, and there are cats at <box>1,2,3,4</box>."
    assert [label for label, _ in read_regions(text)] == ["a dog", "cats"]


@pytest.mark.parametrize("end", ["<", "<bo", "<box>", "<box>12,3", "<box>1,2,3,4</bo"])
def test_a_box_that_is_still_being_written_shows_no_numbers(end: str) -> None:
    shown = boxes.in_words(f"It is at {end}")
    assert "<" not in shown and not any(map(str.isdigit, shown))


def test_pixels_are_scaled_and_clamped() -> None:
    assert boxes.from_pixels((10, 20, 50, 110), 100, 100) == Box(100, 200, 500, 1000)
    assert boxes.from_pixels((60, 0, 60, 9), 100, 100) is None
    assert boxes.to_pixels(Box(100, 200, 500, 1000), 200, 50) == (20, 10, 100, 50)


def test_overlap_is_the_intersection_over_the_union() -> None:
    box = Box(0, 0, 100, 100)
    assert overlap(box, box) == 1 and overlap(box, Box(200, 200, 300, 300)) == 0
    assert overlap(box, Box(50, 0, 150, 100)) == pytest.approx(1 / 3)
