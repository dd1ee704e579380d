"""Printed and woven patterns; each returns a `Paint`, which maps positions to colours."""

from __future__ import annotations

import numpy as np

from vlm.data.drawing.shapes import frame
from vlm.data.drawing.studio import Colour, Paint


def band(t: np.ndarray, period: float, share: float) -> np.ndarray:
    """Return 1 inside evenly spaced bands and 0 between them; edges are one pixel soft."""
    distance = np.abs(t / period - np.round(t / period)) * period
    return np.clip((share * period / 2 - distance) * frame().unit + 0.5, 0, 1)


def mix(base: Colour | np.ndarray, top: Colour, weight: np.ndarray) -> np.ndarray:
    """Blend the top colour over the base with this weight, [H, W] in [0, 1]."""
    return np.asarray(base, float) + weight[..., None] * (np.asarray(top, float) - base)


def rotate(x: np.ndarray, y: np.ndarray, degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """Rotate the coordinates, for a cloth cut at an angle."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return c * x + s * y, c * y - s * x


def make_stripes(base: Colour, top: Colour, period: float, share: float, turn: float = 0) -> Paint:
    """Return stripes; `share` is the stripe's part of the period."""

    def paint(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return mix(base, top, band(rotate(x, y, turn)[1], period, share))

    return paint


def make_checks(base: Colour, top: Colour, period: float, turn: float = 0) -> Paint:
    """Return woven checks: half strength in one thread, full strength where two cross."""

    def paint(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        u, v = rotate(x - 50, y, turn)
        across, down = band(u, period, 0.5), band(v, period, 0.5)
        cloth = mix(base, top, (across + down) * 0.5)
        fine = np.maximum(band(u - period / 2, period, 0.09), band(v - period / 2, period, 0.09))
        return mix(cloth, np.multiply(top, 0.7), 0.55 * fine)

    return paint


def make_dots(base: Colour, top: Colour, period: float, radius: float) -> Paint:
    """Return polka dots in staggered rows."""

    def paint(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        row = np.round(y / period)
        u = x - 50 + (row % 2) * period / 2
        distance = np.hypot(u - np.round(u / period) * period, y - row * period)
        return mix(base, top, np.clip((radius - distance) * frame().unit + 0.5, 0, 1))

    return paint


def make_fade(base: Colour, light: Colour, spots: list[tuple[float, float, float, float]]) -> Paint:
    """Return washed twill, lighter around the spots (x, y, width, height)."""

    def paint(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        worn = sum(np.exp(-(((x - a) / c) ** 2) - ((y - b) / d) ** 2) for a, b, c, d in spots)
        twill = 0.05 * np.sin(2 * np.pi * (x + 0.6 * y) / 0.95)
        return mix(base, light, np.clip(worn, 0, 1) * 0.8 + twill)

    return paint


def make_gradient(top: Colour, bottom: Colour, start: float, end: float) -> Paint:
    """Return a vertical gradient between the heights `start` and `end`."""

    def paint(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return mix(top, bottom, np.clip((y - start) / (end - start), 0, 1))

    return paint


def make_brushed(colour: Colour, x0: float, y0: float, strength: float = 0.35) -> Paint:
    """Return brushed metal: light and dark sectors around a centre, as on a dial."""

    def paint(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        angle = np.arctan2(y - y0, x - x0)
        glow = 0.6 * np.cos(2 * (angle - 0.85 * np.pi)) + 0.4 * np.cos(5 * angle + 1)
        return np.asarray(colour, float) * (1 + strength * glow)[..., None]

    return paint
