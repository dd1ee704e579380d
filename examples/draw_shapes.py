"""Smooth outlines and the anti-aliased masks they fill.

Places and lengths are in hundredths of the picture's side, so (50, 50) is its centre. A mask is
larger than the final picture; the last step of a drawing shrinks it, which smooths its edges.
How large both are is the frame in force: 384 pixels at four times, unless `framed` says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageChops, ImageDraw


class Frame(NamedTuple):
    """How large a picture is drawn."""

    size: int = 384  # side of a finished picture, in pixels
    scale: int = 4  # supersampling of edges

    @property
    def large(self) -> int:
        """The side of a mask, in pixels."""
        return self.size * self.scale

    @property
    def unit(self) -> float:
        """Finished pixels in one unit of length."""
        return self.size / 100


SHIPPED = Frame()  # of the examples
_FRAME: ContextVar[Frame] = ContextVar("frame", default=SHIPPED)


def frame() -> Frame:
    """The frame in force."""
    return _FRAME.get()


@contextmanager
def framed(size: int, scale: int) -> Iterator[Frame]:
    """Draw at another size while the block runs, in this thread only."""
    token = _FRAME.set(Frame(size, scale))
    try:
        yield frame()
    finally:
        _FRAME.reset(token)


Point = tuple[float, float]
Side = Callable[[Sequence[Point]], list[Point]]  # puts points of the left side where they go


def spline(points: Sequence[Point], steps: int = 14) -> np.ndarray:
    """A smooth line [N, 2] through the points; a point given twice in a row is a corner."""
    knots = np.asarray(points, float)
    cuts = [i + 1 for i in range(len(knots) - 1) if np.array_equal(knots[i], knots[i + 1])]
    pieces = [p for p in np.split(knots, cuts) if len(p) > 1]
    corner = {1, len(knots) - 1} & set(cuts)
    smooth = np.array_equal(knots[0], knots[-1]) and not corner  # also where the line closes
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    drawn = []
    for k, piece in enumerate(pieces):
        before = pieces[-1][-2] if smooth and k == 0 else 2 * piece[0] - piece[1]
        last = k == len(pieces) - 1
        after = pieces[0][1] if smooth and last else 2 * piece[-1] - piece[-2]
        p = np.vstack([before, piece, after])
        for a, b, c, d in zip(p, p[1:], p[2:], p[3:], strict=False):  # Catmull-Rom
            drawn.append(
                b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
            )
        drawn.append(piece[-1:])
    return np.vstack(drawn)


def flip(points: Sequence[Point], axis: float = 50) -> list[Point]:
    """The points mirrored left to right."""
    return [(2 * axis - x, y) for x, y in points]


SIDES: tuple[Side, Side] = (list, flip)  # the same points on the left, then on the right


def mirrored(half: Sequence[Point], axis: float = 50) -> list[Point]:
    """A closed outline from its left half, given from top to bottom."""
    other = list(reversed(flip(half, axis)))
    if half[-1] == other[0]:  # twice in a row would make a corner of it
        other = other[1:]
    return [*half, *other] if half[0] == other[-1] else [*half, *other, half[0]]


def moved(points: Sequence[Point], dx: float, dy: float, scale: float = 1.0) -> list[Point]:
    """The points scaled about the centre of the picture, then shifted."""
    return [(50 + scale * (x - 50) + dx, 50 + scale * (y - 50) + dy) for x, y in points]


def empty() -> Image.Image:
    """A mask that covers nothing."""
    return Image.new("L", (frame().large, frame().large))


def polygon(line: np.ndarray) -> Image.Image:
    """The mask of a closed line [N, 2]."""
    mask, pixels = empty(), line * frame().unit * frame().scale
    ImageDraw.Draw(mask).polygon([tuple(p) for p in pixels], fill=255)
    return mask


def shape(points: Sequence[Point]) -> Image.Image:
    """The mask of a smooth closed outline."""
    return polygon(spline(points))


def disc(x: float, y: float, rx: float, ry: float | None = None, turn: float = 0) -> Image.Image:
    """The mask of an ellipse, turned clockwise by so many degrees."""
    angle, tilt = np.linspace(0, 2 * np.pi, 120), np.radians(turn)
    u, v = rx * np.cos(angle), (ry or rx) * np.sin(angle)
    c, s = np.cos(tilt), np.sin(tilt)
    return polygon(np.stack([x + u * c - v * s, y + u * s + v * c], axis=1))


def ribbon(points: Sequence[Point], start: float, end: float | None = None) -> Image.Image:
    """The mask of a band along a smooth line, from one width to another."""
    line = spline(points)
    step = np.gradient(line, axis=0)
    normal = np.stack([-step[:, 1], step[:, 0]], axis=1)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-6)
    half = np.linspace(start, start if end is None else end, len(line))[:, None] / 2
    return polygon(np.vstack([line + normal * half, (line - normal * half)[::-1]]))


def joined(*masks: Image.Image) -> Image.Image:
    """What any of the masks covers."""
    whole = masks[0]
    for mask in masks[1:]:
        whole = ImageChops.lighter(whole, mask)
    return whole


def within(mask: Image.Image, other: Image.Image) -> Image.Image:
    """What both masks cover."""
    return ImageChops.multiply(mask, other)


def without(mask: Image.Image, other: Image.Image) -> Image.Image:
    """What the first mask covers and the other does not."""
    return ImageChops.subtract(mask, other)
