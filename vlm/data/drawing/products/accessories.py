"""Accessories: belt, wrist watch, sunglasses."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from vlm.data.drawing.colours import contrast, lighten, shade
from vlm.data.drawing.patterns import make_brushed, make_gradient
from vlm.data.drawing.shapes import (
    SIDES,
    Point,
    disc,
    intersect,
    mirror,
    polygon,
    ribbon,
    shape,
    subtract,
)
from vlm.data.drawing.studio import FLAT, LEATHER, METAL, Colour, Material, Paint, Studio

STEEL: Colour = (190, 193, 199)
HIDE = replace(LEATHER, puff=1.6, roundness=0.8, folds=0.12, gloss=0.3, sharpness=16)
POLISHED = replace(METAL, puff=0.9, roundness=1.2, gloss=0.7)
PLASTIC = Material(puff=1.3, roundness=1.2, gloss=0.9, sharpness=30, grain=0.0)


def belt_edge(x: float, from_front: bool = True) -> float:
    """Return the height of the coiled belt's upper edge, on its near or far side."""
    bow = 11.5 * float(np.sqrt(max(0.0, 1 - ((x - 50) / 39) ** 2)))
    return 43 + bow if from_front else 43 - bow


def outline_belt(
    start: float, end: float, top: float = 0, deep: float = 12.5, near: bool = True
) -> list:
    """Return the outline of the coiled belt between two horizontal positions."""
    angles = np.linspace(np.arccos((start - 50) / 39), np.arccos((end - 50) / 39), 40)
    across = [50 + 39 * float(np.cos(a)) for a in angles]
    upper = [(x, belt_edge(x, near) + top) for x in across]
    return [*upper, upper[-1], *[(x, y + deep) for x, y in reversed(upper)], upper[0]]


def make_rounded(dark: Colour, light: Colour) -> Paint:
    """Return leather bent to a ring: light where it faces the viewer, dark at the sides."""

    def paint(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        facing = np.sqrt(np.clip(1 - ((x - 46) / 44) ** 2, 0, 1))[..., None]
        return np.asarray(dark) + facing * np.subtract(light, dark)

    return paint


class Strap(NamedTuple):
    """The colours of a belt: leather, its back, stitches, buckle."""

    leather: Colour = (118, 66, 36)
    back: Colour = (120, 88, 62)
    thread: Colour = (214, 170, 118)
    buckle: Colour = STEEL


BROWN_BELT = Strap()


class Clock(NamedTuple):
    """The colours of a watch: metal, dial, marks, hands, second hand, leather strap if any."""

    metal: Colour = (208, 211, 217)
    dial: Colour = (226, 228, 231)
    mark: Colour = (46, 54, 74)
    hand: Colour = (44, 58, 104)
    second: Colour = (188, 40, 44)
    strap: Colour | None = None


STEEL_WATCH = Clock()


class Shades(NamedTuple):
    """The colours of sunglasses: frame, lens at its top and bottom."""

    frame: Colour = (30, 30, 33)
    lens: Colour = (38, 37, 42)
    foot: Colour = (128, 118, 116)


BLACK_SHADES = Shades()


def draw_belt(studio: Studio, look: Strap = BROWN_BELT) -> None:
    """Draw a coiled leather belt with a metal buckle."""
    hide = make_rounded(shade(look.leather, (0.44, 0.424, 0.444)), look.leather)
    studio.shadow(disc(50, 60, 38, 10), 0, 3, 2.2, 0.42)
    far = polygon(np.array(outline_belt(11.1, 88.9, near=False)))
    studio.part(
        far,
        make_rounded(shade(look.back, (0.53, 0.48, 0.45)), look.back),
        replace(HIDE, gloss=0.05),
    )
    studio.shadow(polygon(np.array(outline_belt(11.1, 88.9, deep=5))), 0, -2.0, 1.6, 0.4)
    studio.part(polygon(np.array(outline_belt(11, 89))), hide, HIDE)
    for drop in (1.4, 11.0):
        row = [(x, belt_edge(x) + drop) for x in np.linspace(12.5, 87.5, 40)]
        studio.stitch(row, look.thread, 0.3)
    tip = outline_belt(47, 74, -0.3, 13.1)
    tip[39:41] = [tip[39], (78.5, belt_edge(76) + 6.2), (78.5, belt_edge(76) + 6.2)]
    studio.part(polygon(np.array(tip)), hide, HIDE, drop=1.1)
    for drop in (1.2, 11.2):
        studio.stitch([(x, belt_edge(x) + drop) for x in np.linspace(49, 73, 20)], look.thread, 0.3)
    for x in (57.5, 62.5, 67.5, 72.5):
        studio.tint(disc(x, belt_edge(x) + 6.2, 0.75, 0.95), shade(look.leather, 0.22), 0.95)
    draw_buckle(studio, look.buckle)
    keeper = ribbon([(65, belt_edge(65) - 1.2), (64.6, belt_edge(65) + 13.8)], 3.4)
    studio.part(keeper, shade(look.leather, (0.81, 0.79, 0.78)), HIDE, drop=1.0)


def draw_buckle(studio: Studio, metal: Colour = STEEL) -> None:
    """Draw a metal frame with its prong over the front of the belt."""
    frame = [(37.5, 53), (37.5, 53), (51, 53), (53.4, 55), (53.4, 67.4), (51, 69.6), (37.5, 69.6)]
    frame += [(35.6, 67.6), (35.6, 55), (37.5, 53)]
    hole = [(39, 55.8), (39, 55.8), (50.6, 55.8), (50.6, 55.8), (50.6, 66.8), (50.6, 66.8)]
    hole += [(39, 66.8), (39, 66.8), (39, 55.8)]
    shifted = [(x, y - 0.9) for x, y in frame], [(x, y - 0.9) for x, y in hole]
    steel = make_gradient(
        shade(metal, (1.19, 1.18, 1.166)), shade(metal, (0.79, 0.788, 0.794)), 52, 69
    )
    studio.part(subtract(shape(shifted[0]), shape(shifted[1])), steel, POLISHED, drop=1.2)
    studio.part(ribbon([(37.6, 60.4), (47, 60), (54.4, 60.6)], 2.0, 1.5), metal, POLISHED, drop=0.9)
    studio.part(ribbon([(37.2, 57.6), (37.2, 63.2)], 2.6), metal, POLISHED, drop=0.4)


def draw_bracelet(studio: Studio, first: float, step: float, metal: Colour) -> None:
    """Draw rows of metal links, narrower away from the case."""
    for k in range(6):
        y, half = first + k * step, 10.4 - 0.28 * k
        bright = 1.04 - 0.045 * k
        for side in SIDES:
            link = side([(50 - half, y), (50 - half * 0.42, y)])
            studio.part(ribbon(link, 4.1), shade(metal, 0.85 * bright), POLISHED)
        inner, shifted = 0.4 * half, y + 0.12 * step
        middle = ribbon([(50 - inner, shifted), (50 + inner, shifted)], 4.1)
        studio.part(middle, shade(metal, bright), POLISHED)


def draw_hand(studio: Studio, degrees: float, length: float, width: float, colour: Colour) -> None:
    """Draw one hand of the watch, at this many degrees past twelve."""
    dx, dy = np.sin(np.radians(degrees)), -np.cos(np.radians(degrees))
    line = [(50 - 3 * dx, 50 - 3 * dy), (50 + length * dx, 50 + length * dy)]
    studio.part(ribbon(line, width, width * 0.4), colour, replace(METAL, puff=0.4), drop=0.5)


def draw_dial(studio: Studio, look: Clock) -> None:
    """Draw the dial: sunburst, minute track, hour marks, date."""
    studio.part(disc(50, 50, 16.4), make_brushed(look.dial, 50, 50, 0.07), FLAT)
    for minute in range(60):
        s, c = np.sin(np.radians(6 * minute)), -np.cos(np.radians(6 * minute))
        long, wide = (3.2, 1.15) if minute % 5 == 0 else (0.9, 0.3)
        mark = [(50 + r * s, 50 + r * c) for r in (15.2, 15.2 - long)]
        if minute % 5:
            studio.tint(ribbon(mark, wide), lighten(look.mark, 0.06), 0.8)
        else:
            studio.part(ribbon(mark, wide), look.mark, replace(METAL, puff=0.3), drop=0.3)
    studio.part(ribbon([(60.2, 50), (63.6, 50)], 2.8), (250, 250, 248), FLAT, drop=0.2)
    studio.tint(ribbon([(61.4, 49), (61.4, 51)], 0.4), (30, 34, 44), 0.9)
    studio.tint(ribbon([(62.5, 49), (62.5, 51)], 0.4), (30, 34, 44), 0.9)
    studio.tint(disc(50, 57.6, 4.1), shade(look.dial, (0.66, 0.68, 0.73)), 0.35)
    studio.tint(disc(50, 57.6, 3.7), lighten(look.dial, 0.3), 0.7)


def draw_leather_strap(studio: Studio, colour: Colour) -> None:
    """Draw both ends of a leather strap with stitched edges."""
    for start, end in ((36, 9), (64, 91)):
        studio.part(ribbon([(50, start), (50, end)], 20, 15.6), colour, HIDE, drop=0.4)
        for side in SIDES:
            studio.stitch(side([(41.6, start), (43.6, end)]), contrast(colour), 0.3)
    for y in (79, 83, 87):
        studio.tint(disc(50, y, 0.7, 0.9), shade(colour, 0.25), 0.95)


def draw_watch(studio: Studio, look: Clock = STEEL_WATCH) -> None:
    """Draw a wrist watch on a bracelet or a leather strap; it shows twelve past ten."""
    metal = look.metal
    studio.shadow(ribbon([(50, 11), (50, 89)], 19), 1.0, 1.4, 1.6, 0.4)
    if look.strap:
        draw_leather_strap(studio, look.strap)
    else:
        draw_bracelet(studio, 32.5, -4.1, metal)
        draw_bracelet(studio, 67.5, 4.1, metal)
    studio.part(
        ribbon([(70, 50), (74.6, 50)], 5.2), shade(metal, (0.817, 0.82, 0.829)), POLISHED, drop=0.6
    )
    for y in (48.2, 49.4, 50.6, 51.8):
        studio.tint(ribbon([(72, y), (74.5, y)], 0.3), shade(metal, (0.29, 0.3, 0.33)), 0.6)
    lugs = [(50, 29), (38.4, 29), (36.6, 33), (31, 44), (31, 56), (36.6, 67), (38.4, 71), (50, 71)]
    studio.part(
        shape(mirror(lugs)),
        shade(metal, (0.81, 0.815, 0.83)),
        replace(POLISHED, puff=2.2),
        drop=1.2,
    )
    studio.part(disc(50, 50, 21), make_brushed(shade(metal, 0.95), 50, 50), POLISHED, drop=0.8)
    studio.part(
        disc(50, 50, 18.6),
        make_brushed(shade(metal, (0.72, 0.73, 0.75)), 50, 50, 0.5),
        replace(METAL, puff=0.8),
    )
    studio.part(disc(50, 50, 17.0), shade(metal, (0.34, 0.35, 0.39)), FLAT)
    draw_dial(studio, look)
    draw_hand(studio, 305, 9.4, 1.5, look.hand)
    draw_hand(studio, 60, 13.6, 1.2, look.hand)
    draw_hand(studio, 200, 14.2, 0.45, look.second)
    studio.part(disc(50, 50, 1.1), shade(metal, 0.92), METAL, drop=0.4)
    glare = shape([(36, 38), (44, 33), (58, 34), (48, 44), (37, 56), (34, 48), (36, 38)])
    studio.tint(intersect(glare, disc(50, 50, 16.4)), (255, 255, 255), 0.22, 1.2)


RIM = [(50, 45.2), (45.6, 44), (40, 41.2), (25, 39.6), (12, 39.4), (7.6, 41), (7.6, 41)]
RIM += [(8, 46), (11.2, 50), (12.6, 58), (18, 65.4), (29, 67.2), (40, 63), (44.2, 55), (46.2, 50)]
LENS = [(42, 46), (36, 43.8), (26, 42.8), (16, 43.2), (13.4, 46), (14.6, 53), (16.4, 58.4)]
LENS += [(21, 63.2), (29, 64.2), (37.6, 60.6), (41.6, 54), (43, 49), (42, 46)]


def draw_sunglasses(studio: Studio, look: Shades = BLACK_SHADES) -> None:
    """Draw sunglasses from the front, with lenses shaded from dark to light."""
    studio.shadow(disc(50, 68, 40, 2.6), 0, 1.6, 2.4, 0.32)
    for x in (28, 72):
        studio.shadow(disc(x, 67, 13, 1.2), 0, 1.2, 1.0, 0.45)
    for side in SIDES:
        arm: list[Point] = side([(9, 42.4), (15, 36.6), (20.4, 33.6), (24.6, 34.8), (26.6, 41)])
        studio.part(ribbon(arm, 3.4, 2.0), shade(look.frame, (1.267, 1.267, 1.242)), PLASTIC)
    frame = shape(mirror([*RIM, (50, 49)]))
    lenses = [shape(side(LENS)) for side in SIDES]
    for lens in lenses:
        tone = make_gradient(look.lens, look.foot, 43, 65)
        studio.part(lens, tone, replace(FLAT, puff=3, roundness=0.3))
    studio.part(subtract(subtract(frame, lenses[0]), lenses[1]), look.frame, PLASTIC, drop=0.7)
    for lens, x in zip(lenses, (18, 62), strict=True):
        corners = [(x, 42), (x + 7, 42), (x - 1, 66), (x - 5, 66)]
        gleam = shape([*(corner for corner in corners for _ in range(2)), corners[0]])
        thin = ribbon([(x + 10, 42), (x + 2.4, 66)], 1.3)
        studio.tint(intersect(gleam, lens), (255, 255, 255), 0.2, 0.4)
        studio.tint(intersect(thin, lens), (255, 255, 255), 0.2, 0.2)
    for side in SIDES:
        studio.part(ribbon(side([(10.6, 43.2), (13.2, 43)]), 0.9), STEEL, METAL)
        edge = ribbon(side([(14, 41), (24, 40.8), (36, 41.8)]), 0.5, 0.2)
        studio.tint(edge, (255, 255, 255), 0.5, 0.3)
