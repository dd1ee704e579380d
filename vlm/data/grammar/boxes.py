"""Boxes in text: `The dog is at <box>120,80,560,910</box>.`

The four whole numbers are left, top, right and bottom in thousandths of the picture's width and
height. What a model writes may be anything; only boxes that make sense are read.
"""

import re
from typing import NamedTuple

SIDE = 1000  # thousandths in a picture's width and height
MARKED, UNCLEAR = "the marked place", "an unclear place"
_TAG = re.compile(r"<box>([^<]*)(?:</box>|<?/?b?o?x?>?$)")  # also one that is still being written
_OPENING = re.compile(r"<(?:b(?:ox?)?)?$")
_NUMBERS = re.compile(r"\s*(\d{1,4})\s*,\s*(\d{1,4})\s*,\s*(\d{1,4})\s*,\s*(\d{1,4})\s*", re.ASCII)
_OPENS = re.compile(r"^(?:and\s+)?(?:there\s+(?:is|are)\s+)?", re.IGNORECASE)
_PLACED = re.compile(r"(?:\s+(?:is|are|at|in|here)\b|\s*[:,-])*\s*$", re.IGNORECASE)


class Box(NamedTuple):
    """A rectangle in thousandths of the picture's width (x) and height (y)."""

    x1: int
    y1: int
    x2: int
    y2: int

    @property
    def area(self) -> int:
        """The area in millionths of the picture."""
        return (self.x2 - self.x1) * (self.y2 - self.y1)


class Region(NamedTuple):
    """A box in an answer, and the words before it."""

    label: str
    box: Box


def from_pixels(corners: tuple[float, float, float, float], width: int, height: int) -> Box | None:
    """Return left, top, right and bottom in pixels as a box within the picture, None if empty."""
    sides = (width, height, width, height)
    shares = [round(SIDE * value / side) for value, side in zip(corners, sides, strict=True)]
    return _checked(Box(*(min(max(value, 0), SIDE) for value in shares)))


def to_pixels(box: Box, width: int, height: int) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom in pixels of a picture of this size."""
    sides = (width, height, width, height)
    x1, y1, x2, y2 = (round(value * side / SIDE) for value, side in zip(box, sides, strict=True))
    return x1, y1, x2, y2


def write_box(box: Box) -> str:
    """Return the box as it stands in an answer."""
    return f"<box>{box.x1},{box.y1},{box.x2},{box.y2}</box>"


def read_regions(text: str) -> tuple[Region, ...]:
    """Return the boxes of an answer in order, without those that make no sense.

    A box needs four whole numbers from 0 to 1000, its left before its right and its top above its
    bottom.
    """
    found = ((match.start(), _read(match[1])) for match in _TAG.finditer(text))
    return tuple(Region(_label(text[:start]), box) for start, box in found if box)


def in_words(text: str) -> str:
    """Return an answer for people: words in place of the numbers; the boxes are drawn instead."""
    return _OPENING.sub("", _TAG.sub(lambda m: MARKED if _read(m[1]) else UNCLEAR, text))


def _read(numbers: str) -> Box | None:
    match = _NUMBERS.fullmatch(numbers)
    return _checked(Box(*map(int, match.groups()))) if match else None


def _checked(box: Box) -> Box | None:
    is_inside = all(0 <= value <= SIDE for value in box)
    return box if is_inside and box.x1 < box.x2 and box.y1 < box.y2 else None


def _label(before: str) -> str:
    """Return the words of the same sentence before a box, without "there is" and "is at"."""
    clause = re.split(r"[.;\n]|</box>", before)[-1]
    return _OPENS.sub("", _PLACED.sub("", clause).strip(" ,:-"))


def overlap(one: Box, other: Box) -> float:
    """Return the intersection over union of two boxes, 0 to 1."""
    width = min(one.x2, other.x2) - max(one.x1, other.x1)
    height = min(one.y2, other.y2) - max(one.y1, other.y1)
    shared = max(width, 0) * max(height, 0)
    return shared / (one.area + other.area - shared)
