"""Scenes: a ship at sea, an aeroplane in the sky."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from vlm.data.drawing.colours import shade
from vlm.data.drawing.patterns import make_gradient
from vlm.data.drawing.shapes import Point, disc, frame, intersect, polygon, ribbon, shape
from vlm.data.drawing.studio import Colour, Material, Studio, noise

PAINT = Material(puff=1.6, roundness=0.9, gloss=0.5, sharpness=26, grain=0.01)
PLATE = replace(PAINT, puff=0.7, roundness=0.6, gloss=0.25)


def rows() -> np.ndarray:
    """Return the height of each pixel row in units, [H, 1]."""
    return np.linspace(0, 100, frame().size)[:, None]


def square() -> tuple[int, int]:
    """Return the picture's shape (H, W) in final pixels."""
    return frame().size, frame().size


def blend(a: np.ndarray, b: np.ndarray | Colour, weight: np.ndarray) -> np.ndarray:
    """Blend b over a, [H, W, 3], with this weight [H, W]."""
    return a + weight[..., None] * (np.asarray(b, float) - a)


def make_sky(
    rng: np.random.Generator, top: Colour, low: Colour, horizon: float, cover: float
) -> np.ndarray:
    """Return a sky [H, W, 3] from deep to pale, with soft clouds lit from above."""
    ramp = np.clip(rows() / horizon, 0, 1) ** 0.8 * np.ones(square())
    air = blend(np.zeros((*square(), 3)) + top, low, ramp)
    size = noise(rng, (9, 3.6), square()) + 0.5 * noise(rng, (3, 1.5), square())
    size += 0.22 * noise(rng, (1, 0.6), square())
    cloud = np.clip((size + cover) / 1.6, 0, 1) ** 1.3
    under = np.clip(size - np.roll(size, round(2.2 * frame().unit), 0), -1.5, 1.5)
    tone = 246 + 9 * np.clip(under, -1.5, 0.6)
    return blend(air, np.stack([tone, tone + 1, tone + 4], axis=-1), 0.94 * cloud)


def make_sea(rng: np.random.Generator, horizon: float) -> np.ndarray:
    """Return water [H, W, 3] with waves that grow towards the viewer."""
    near = np.clip((rows() - horizon) / (100 - horizon), 0, 1) * np.ones(square())
    water = blend(np.zeros((*square(), 3)) + (112, 160, 184), (18, 68, 104), near**0.6)
    waves = np.zeros(square())
    for place, size in ((0.0, 0.25), (0.3, 0.55), (0.65, 1.0), (1.0, 1.6)):
        share = np.clip(1 - np.abs(near - place) / 0.36, 0, 1)
        waves += share * noise(rng, (4.2 * size, 0.7 * size), square())
    crest = np.clip(waves - 1.35, 0, 1) * 0.7
    light = 1 + (0.05 + 0.1 * near) * waves
    return blend(water * light[..., None], (226, 238, 242), crest * (0.4 + near))


def draw_glass(
    studio: Studio, ends: Sequence[Point], width: float, count: int, tone: Colour = (34, 46, 62)
) -> None:
    """Draw a row of small windows along a line."""
    steps = (np.arange(count)[:, None] + 0.5) / count
    for x, y in np.array(ends[0]) + steps * np.subtract(ends[1], ends[0]):
        studio.tint(disc(x, y, width, width * 1.1), tone, 0.92)


class Liner(NamedTuple):
    """The colours of a ship and the sky, and the cloud cover (-1 to 0.5)."""

    hull: Colour = (34, 48, 82)
    keel: Colour = (158, 44, 40)
    funnel: Colour = (206, 58, 44)
    sky: Colour = (88, 148, 206)
    cover: float = -0.3


NAVY_SHIP = Liner()


class Plane(NamedTuple):
    """The colours of an aeroplane and the sky, and the cloud cover (-1 to 0.5)."""

    body: Colour = (240, 242, 245)
    trim: Colour = (30, 74, 150)
    stripe: Colour = (216, 60, 48)
    sky: Colour = (38, 104, 188)
    cover: float = -0.55


WHITE_PLANE = Plane()


def draw_ship(studio: Studio, look: Liner = NAVY_SHIP) -> None:
    """Draw a passenger ship at sea, bow to the right."""
    rng = np.random.default_rng(studio.seed)
    air = make_sky(rng, look.sky, (214, 230, 240), 55, look.cover)
    studio.set_scene(np.where((rows() < 55)[..., None], air, make_sea(rng, 55)))
    hull = [(10, 56), (10, 56), (30, 57.4), (60, 57), (93, 52.4), (93, 52.4), (89, 60), (84, 68.6)]
    hull += [(84, 68.6), (50, 69.4), (14, 68.6), (14, 68.6), (11, 63), (10, 56), (10, 56)]
    studio.tint(disc(50, 73, 40, 5), (10, 34, 56), 0.55, 1.6)
    studio.tint(disc(46, 79, 30, 4), (216, 226, 230), 0.18, 2.2)
    draw_deck(studio, look.funnel)
    body = studio.part(shape(hull), look.hull, replace(PAINT, puff=5), drop=0.4)
    studio.part(intersect(body, ribbon([(8, 67.4), (50, 68.4), (92, 67)], 4.4)), look.keel, PLATE)
    studio.part(
        intersect(body, ribbon([(8, 57), (30, 58.4), (60, 58), (94, 53.4)], 1.2)), (240,) * 3, PLATE
    )
    draw_glass(studio, [(16, 62.2), (80, 61.6)], 0.62, 16, (206, 214, 226))
    draw_foam(studio, rng)


def draw_deck(studio: Studio, red: Colour = (206, 58, 44)) -> None:
    """Draw the white decks, the bridge, the funnels and the mast."""
    studio.part(ribbon([(69, 50), (69, 24)], 0.9, 0.5), (226, 228, 230), PLATE)
    studio.part(ribbon([(65.8, 31), (72.2, 31)], 0.5), (226, 228, 230), PLATE)
    studio.tint(ribbon([(69, 26), (90, 53)], 0.22), (60, 66, 76), 0.6)
    studio.tint(ribbon([(69, 26), (18, 53)], 0.22), (60, 66, 76), 0.6)
    for x in (33, 48):
        funnel = [(x - 3.6, 46), (x - 3.6, 46), (x - 4.4, 30), (x - 4.4, 30), (x + 2.6, 30)]
        funnel += [(x + 2.6, 30), (x + 3.6, 46), (x + 3.6, 46), (x - 3.6, 46)]
        stack = studio.part(shape(funnel), red, replace(PAINT, puff=3), drop=0.4)
        studio.part(intersect(stack, ribbon([(x - 6, 31), (x + 6, 31)], 3.2)), (36, 38, 44), PLATE)
        studio.part(intersect(stack, ribbon([(x - 6, 37), (x + 6, 37)], 1.8)), (240,) * 3, PLATE)
    levels = ((16, 82, 57.6, 53.2), (19, 77, 53.4, 49), (22, 73, 49.2, 45), (62, 75, 45.4, 40.6))
    for left, right, low, high in levels:
        box = [(left, low), (left, high), (right, high), (right + 1.6, low)]
        studio.part(
            polygon(np.array(box)),
            make_gradient((248, 249, 250), (206, 212, 220), high, low),
            PLATE,
            drop=0.5,
        )
        draw_glass(
            studio,
            [(left + 1, (low + high) / 2), (right - 1, (low + high) / 2)],
            0.55,
            round((right - left) / 2.6),
        )


def draw_foam(studio: Studio, rng: np.random.Generator) -> None:
    """Draw foam along the hull, mostly at the bow."""
    for x in np.linspace(12, 88, 60):
        lift = 1.6 * np.exp(-(((x - 84) / 5) ** 2))
        y = 69.2 - lift + 0.5 * rng.random()
        wide, high = 1.0 + 1.4 * rng.random(), 0.45 + 0.4 * rng.random() + lift / 3
        studio.tint(disc(float(x), float(y), wide, high), (240, 246, 248), 0.7, 0.35)


def tilt(points: Sequence[Point], degrees: float = -9) -> list[Point]:
    """Rotate the points about the picture's centre and shrink them slightly."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    c, s = 0.93 * c, 0.93 * s  # slightly smaller, to leave a margin
    return [
        (float(50.5 + c * (x - 50) - s * (y - 50)), float(50 + s * (x - 50) + c * (y - 50)))
        for x, y in points
    ]


FUSELAGE = [(6, 47), (14, 45.2), (30, 43.8), (60, 43.4), (80, 43.8), (88, 45.6), (93.4, 50)]
FUSELAGE += [(93.8, 51.6), (90, 54.2), (80, 56), (60, 56.6), (36, 56.2), (20, 52.6)]
FUSELAGE += [(6, 48.6), (6, 47)]
FIN = [(8, 46.6), (8, 46.6), (5.4, 28), (5.4, 28), (12, 28), (12, 28), (25, 44.6), (25, 44.6)]
FIN += [(8, 46.6)]
WING = [(62, 53), (62, 53), (34, 74), (34, 74), (29, 75.4), (29, 75.4), (41, 54), (41, 54)]
WING += [(62, 53)]
FAR_WING = [(58, 45), (58, 45), (44, 30), (44, 30), (40, 29.6), (40, 29.6), (46, 45), (46, 45)]
FAR_WING += [(58, 45)]
ENGINE = [(46, 61.6), (50, 60), (58, 60), (61.4, 61), (61.6, 65.4), (58, 66.8), (50, 66.4)]
ENGINE += [(46, 61.6)]
TAIL = [(16, 47), (16, 47), (3, 40.6), (3, 40.6), (0.8, 41), (8, 48.6), (8, 48.6), (16, 47)]


def draw_aeroplane(studio: Studio, look: Plane = WHITE_PLANE) -> None:
    """Draw an airliner climbing through a cloudy sky."""
    rng, white, blue = np.random.default_rng(studio.seed), look.body, look.trim
    studio.set_scene(make_sky(rng, look.sky, (176, 212, 238), 100, look.cover))
    studio.part(shape(tilt(FAR_WING)), shade(white, (0.733, 0.76, 0.8)), PLATE)
    studio.part(shape(tilt(FIN)), blue, PLATE)
    stripe = intersect(shape(tilt(FIN)), ribbon(tilt([(2, 35.4), (26, 35.4)]), 2.6))
    studio.part(stripe, look.stripe, PLATE)
    body = studio.part(shape(tilt(FUSELAGE)), white, replace(PAINT, puff=5.4, roundness=1.1))
    belly = intersect(body, ribbon(tilt([(4, 56), (40, 57.6), (96, 56.6)]), 7))
    studio.tint(belly, (120, 136, 162), 0.45, 0.8)
    studio.tint(intersect(body, ribbon(tilt([(5, 51.6), (50, 52.4), (95, 52.2)]), 1.1)), blue, 0.9)
    draw_glass(studio, tilt([(24, 48.4), (80, 48.6)]), 0.58, 26)
    cockpit = [(86.4, 46.4), (86.4, 46.4), (89.6, 47.4), (91.4, 49.2), (91.4, 49.2), (86.8, 49)]
    studio.tint(shape(tilt([*cockpit, (86.8, 49), (86.4, 46.4)])), (30, 40, 56), 0.95)
    for x in (21, 83.4):
        studio.seam(tilt([(x, 46.8), (x, 52)]), 0.25, 0.4)
    studio.part(shape(tilt(TAIL)), shade(white, (0.892, 0.905, 0.927)), PLATE, drop=0.5)
    pod = studio.part(
        shape(tilt(ENGINE)),
        shade(white, (0.925, 0.934, 0.947)),
        replace(PAINT, puff=2.6),
        drop=0.6,
    )
    studio.part(intersect(pod, ribbon(tilt([(60.6, 59), (60.8, 68)]), 2.2)), blue, PLATE)
    silver = make_gradient(
        shade(white, (0.942, 0.95, 0.963)), shade(white, (0.742, 0.769, 0.816)), 50, 78
    )
    studio.part(shape(tilt(WING)), silver, PLATE, drop=0.9)
    studio.seam(tilt([(43.6, 56), (33, 74)]), 0.25, 0.3)
