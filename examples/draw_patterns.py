"""Printed and woven patterns: each gives a paint, the colour at every place of a part."""

from __future__ import annotations

import numpy as np
from draw_shapes import frame
from draw_studio import Colour, Paint


def band(t: np.ndarray, period: float, share: float) -> np.ndarray:
    """1 inside evenly spaced bands and 0 between them, with an edge one pixel soft."""
    away = np.abs(t / period - np.round(t / period)) * period
    return np.clip((share * period / 2 - away) * frame().unit + 0.5, 0, 1)


def mixed(base: Colour | np.ndarray, top: Colour, weight: np.ndarray) -> np.ndarray:
    """The base colour covered by the top one to the given weight."""
    return np.asarray(base, float) + weight[..., None] * (np.asarray(top, float) - base)


def turned(x: np.ndarray, y: np.ndarray, degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """The coordinates of a cloth cut at an angle."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return c * x + s * y, c * y - s * x


def striped(base: Colour, top: Colour, period: float, share: float, turn: float = 0) -> Paint:
    """Stripes across the cloth."""

    def paint(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return mixed(base, top, band(turned(x, y, turn)[1], period, share))

    return paint


def checked(base: Colour, top: Colour, period: float, turn: float = 0) -> Paint:
    """Woven checks: half strength where one thread crosses, full where both do."""

    def paint(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        u, v = turned(x - 50, y, turn)
        across, down = band(u, period, 0.5), band(v, period, 0.5)
        cloth = mixed(base, top, (across + down) * 0.5)
        fine = np.maximum(band(u - period / 2, period, 0.09), band(v - period / 2, period, 0.09))
        return mixed(cloth, np.multiply(top, 0.7), 0.55 * fine)

    return paint


def dotted(base: Colour, top: Colour, period: float, radius: float) -> Paint:
    """Polka dots in staggered rows."""

    def paint(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        row = np.round(y / period)
        u = x - 50 + (row % 2) * period / 2
        away = np.hypot(u - np.round(u / period) * period, y - row * period)
        return mixed(base, top, np.clip((radius - away) * frame().unit + 0.5, 0, 1))

    return paint


def faded(base: Colour, light: Colour, spots: list[tuple[float, float, float, float]]) -> Paint:
    """Washed cloth, lighter around the spots (x, y, extent across, extent down), with a twill."""

    def paint(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        worn = sum(np.exp(-(((x - a) / c) ** 2) - ((y - b) / d) ** 2) for a, b, c, d in spots)
        twill = 0.05 * np.sin(2 * np.pi * (x + 0.6 * y) / 0.95)
        return mixed(base, light, np.clip(worn, 0, 1) * 0.8 + twill)

    return paint


def graded(top: Colour, bottom: Colour, start: float, end: float) -> Paint:
    """From one colour at height start to another at height end."""

    def paint(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return mixed(top, bottom, np.clip((y - start) / (end - start), 0, 1))

    return paint


def brushed(colour: Colour, x0: float, y0: float, strength: float = 0.35) -> Paint:
    """Turned metal: light and dark sectors around a centre, as on a dial or a bezel."""

    def paint(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        angle = np.arctan2(y - y0, x - x0)
        glow = 0.6 * np.cos(2 * (angle - 0.85 * np.pi)) + 0.4 * np.cos(5 * angle + 1)
        return np.asarray(colour, float) * (1 + strength * glow)[..., None]

    return paint
