"""Smooth outlines and the anti-aliased masks they fill.

Positions and lengths are in hundredths of the picture's side, so (50, 50) is its centre. Masks are
larger than the final picture, which smooths edges when the drawing is scaled down. The current
frame sets both sizes: 384 pixels, supersampled four times, unless changed by `use_frame`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageChops, ImageDraw


class Frame(NamedTuple):
    """The size at which a picture is drawn."""

    size: int = 384  # side of a finished picture, in pixels
    scale: int = 4  # supersampling factor

    @property
    def large(self) -> int:
        """The side of a mask, in pixels."""
        return self.size * self.scale

    @property
    def unit(self) -> float:
        """Final pixels per unit of length."""
        return self.size / 100


SHIPPED = Frame()  # of the examples
_FRAME: ContextVar[Frame] = ContextVar("frame", default=SHIPPED)


def frame() -> Frame:
    """Return the current frame."""
    return _FRAME.get()


@contextmanager
def use_frame(size: int, scale: int) -> Iterator[Frame]:
    """Draw at another size inside the block, in this thread only."""
    token = _FRAME.set(Frame(size, scale))
    try:
        yield frame()
    finally:
        _FRAME.reset(token)


Point = tuple[float, float]
Side = Callable[[Sequence[Point]], list[Point]]  # maps points of the left side to another place


def spline(points: Sequence[Point], steps: int = 14) -> np.ndarray:
    """Return a smooth line [N, 2] through the points; a repeated point makes a corner."""
    knots = np.asarray(points, float)
    cuts = [i + 1 for i in range(len(knots) - 1) if np.array_equal(knots[i], knots[i + 1])]
    pieces = [p for p in np.split(knots, cuts) if len(p) > 1]
    corner = {1, len(knots) - 1} & set(cuts)
    smooth = np.array_equal(knots[0], knots[-1]) and not corner  # smooth where the line closes, too
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    curve = []
    for k, piece in enumerate(pieces):
        before = pieces[-1][-2] if smooth and k == 0 else 2 * piece[0] - piece[1]
        last = k == len(pieces) - 1
        after = pieces[0][1] if smooth and last else 2 * piece[-1] - piece[-2]
        p = np.vstack([before, piece, after])
        for a, b, c, d in zip(p, p[1:], p[2:], p[3:], strict=False):  # Catmull-Rom
            curve.append(
                b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
            )
        curve.append(piece[-1:])
    return np.vstack(curve)


def flip(points: Sequence[Point], axis: float = 50) -> list[Point]:
    """Flip the points left to right."""
    return [(2 * axis - x, y) for x, y in points]


SIDES: tuple[Side, Side] = (list, flip)  # left side, then right side


def mirror(half: Sequence[Point], axis: float = 50) -> list[Point]:
    """Return a closed outline from its left half, ordered from top to bottom."""
    other = list(reversed(flip(half, axis)))
    if half[-1] == other[0]:  # a repeated point would make a corner
        other = other[1:]
    return [*half, *other] if half[0] == other[-1] else [*half, *other, half[0]]


def move(points: Sequence[Point], dx: float, dy: float, scale: float = 1.0) -> list[Point]:
    """Scale the points about the picture's centre, then shift them."""
    return [(50 + scale * (x - 50) + dx, 50 + scale * (y - 50) + dy) for x, y in points]


def empty_mask() -> Image.Image:
    """Return an empty mask."""
    return Image.new("L", (frame().large, frame().large))


def polygon(line: np.ndarray) -> Image.Image:
    """Return the mask of a closed line [N, 2]."""
    mask, pixels = empty_mask(), line * frame().unit * frame().scale
    ImageDraw.Draw(mask).polygon([tuple(p) for p in pixels], fill=255)
    return mask


def shape(points: Sequence[Point]) -> Image.Image:
    """Return the mask of a smooth closed outline."""
    return polygon(spline(points))


def disc(x: float, y: float, rx: float, ry: float | None = None, turn: float = 0) -> Image.Image:
    """Return the mask of an ellipse, rotated clockwise by `turn` degrees."""
    angle, tilt = np.linspace(0, 2 * np.pi, 120), np.radians(turn)
    u, v = rx * np.cos(angle), (ry or rx) * np.sin(angle)
    c, s = np.cos(tilt), np.sin(tilt)
    return polygon(np.stack([x + u * c - v * s, y + u * s + v * c], axis=1))


def ribbon(points: Sequence[Point], start: float, end: float | None = None) -> Image.Image:
    """Return the mask of a band along a smooth line, from width `start` to width `end`."""
    line = spline(points)
    step = np.gradient(line, axis=0)
    normal = np.stack([-step[:, 1], step[:, 0]], axis=1)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-6)
    half = np.linspace(start, start if end is None else end, len(line))[:, None] / 2
    return polygon(np.vstack([line + normal * half, (line - normal * half)[::-1]]))


def union(*masks: Image.Image) -> Image.Image:
    """Return the union of the masks."""
    whole = masks[0]
    for mask in masks[1:]:
        whole = ImageChops.lighter(whole, mask)
    return whole


def intersect(mask: Image.Image, other: Image.Image) -> Image.Image:
    """Return the intersection of two masks."""
    return ImageChops.multiply(mask, other)


def subtract(mask: Image.Image, other: Image.Image) -> Image.Image:
    """Return the first mask without the other."""
    return ImageChops.subtract(mask, other)
