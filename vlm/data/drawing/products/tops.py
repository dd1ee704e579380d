"""Tops, laid flat, from the front: polo, T-shirt, shirt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from vlm.data.drawing.colours import shade
from vlm.data.drawing.patterns import make_checks, make_stripes
from vlm.data.drawing.shapes import (
    SIDES,
    Point,
    Side,
    disc,
    flip,
    intersect,
    mirror,
    ribbon,
    shape,
    union,
)
from vlm.data.drawing.studio import COTTON, Colour, Crease, Paint, Studio

Weave = Callable[[float], Paint]  # a cloth cut at an angle, in degrees

RIB = replace(COTTON, puff=1.0, folds=0.1)  # narrow pieces: collars, cuffs, plackets

SHOULDER = [(40.5, 12), (40.5, 12), (33, 14.8), (26.5, 18), (26.5, 18), (28, 27), (26.8, 38)]
BODY = [*SHOULDER, (26.8, 38), (28, 55), (27.6, 72), (27, 89), (27, 89), (38, 90.6), (50, 91)]
SLEEVE = [(28.5, 17), (28.5, 17), (21, 20.5), (16, 27), (10.5, 37.5), (10.5, 37.5), (15.5, 41)]
SLEEVE += [(21, 43), (21, 43), (24.5, 39.5), (27.4, 36), (27.4, 36), (29, 28), (28.5, 17)]
CUFF = [(11.4, 35.8), (11.4, 35.8), (10.3, 37.7), (10.3, 37.7), (15.5, 41.3), (21.1, 43.3)]
CUFF += [(21.1, 43.3), (22.3, 41.7), (22.3, 41.7), (16.6, 39.2), (11.4, 35.8)]
NECK = [(50, 9.4), (43, 10.2), (43, 10.2), (45.6, 15), (50, 20)]
COLLAR = [(43.2, 9.6), (43.2, 9.6), (40.3, 11.2), (38.6, 14.2), (38.6, 14.2), (44, 24), (44, 24)]
COLLAR += [(50, 19), (50, 19), (45.8, 14.5), (43.2, 9.6)]
TAILS = [*SHOULDER, (26.8, 38), (28, 55), (27.5, 72), (27, 83), (27, 83), (31, 86.5), (38, 91)]
LONG = [(28.5, 16.5), (28.5, 16.5), (21.5, 19.5), (17, 30), (13.5, 50), (11, 69), (11, 69)]
LONG += [(19, 71), (19, 71), (23, 55), (27.4, 38), (27.4, 38), (29, 28), (28.5, 16.5)]
BUTTONED = [(10.9, 68.5), (10.9, 68.5), (19.6, 70.3), (19.6, 70.3), (18.6, 77.5), (18.6, 77.5)]
BUTTONED += [(10, 75.8), (10, 75.8), (10.9, 68.5)]

DRAPE = [
    Crease([(27, 39), (32, 44), (40, 47)], -1.6, 2.4),
    Crease([(27, 42), (31, 53), (32, 66)], 1.6, 3.0),
    Crease([(73, 39), (67, 45), (59, 48)], -1.6, 2.4),
    Crease([(72, 43), (69, 55), (68, 70)], 1.6, 3.0),
    Crease([(36, 60), (38, 74), (36, 90)], 1.4, 4.0),
    Crease([(62, 54), (64, 72), (61, 90)], -1.6, 4.0),
    Crease([(47, 62), (50, 77), (47, 91)], 1.2, 4.0),
    Crease([(33, 21), (36, 28), (37, 36)], -0.8, 3.0),
    Crease([(66, 21), (64, 29), (62, 36)], 0.8, 3.0),
]
BENT = [Crease([(26, 37), (20, 33), (16, 30)], -1.2, 2.0), Crease([(22, 20), (19, 30)], 1.0, 3)]
HANGING = [
    Crease([(26, 36), (21, 40), (16, 40)], -1.4, 2.0),
    Crease([(23, 52), (19, 50), (14, 52)], -1.2, 2.0),
    Crease([(22, 22), (20, 40), (16, 62)], 1.2, 3.0),
]


class Top(NamedTuple):
    """The cloth of a top and the colours of its other parts.

    Attributes:
        cloth: the body's cloth, a colour or a weave, which is cut at an angle for sleeves.
        trim: collar, cuffs or neckband.
        inside: the back of the cloth, seen through the neck.
        band: the band inside the neck.
        placket: the strip with the buttons.
        thread: stitches on the cloth.
        fine: stitches on trim.
        button: the buttons.
    """

    cloth: Colour | Weave
    trim: Colour | Weave
    inside: Colour
    band: Colour
    placket: Colour
    thread: Colour
    fine: Colour
    button: Colour

    def cut(self, turn: float = 0) -> Colour | Paint:
        """Return the body's cloth, cut at an angle in degrees."""
        return self.cloth(turn) if callable(self.cloth) else self.cloth

    def collar(self, turn: float = 0) -> Colour | Paint:
        """Return the cloth of the trim, cut at an angle in degrees."""
        return self.trim(turn) if callable(self.trim) else self.trim


NAVY = Top(
    (36, 44, 80),
    (44, 54, 94),
    (21, 26, 50),
    (30, 37, 68),
    (40, 49, 87),
    (70, 78, 110),
    (84, 96, 140),
    (228, 228, 232),
)
STRIPES = Top(
    lambda turn: make_stripes((240, 239, 234), (40, 50, 88), 4.6, 0.4, turn),
    (40, 50, 88),
    (168, 168, 166),
    (222, 221, 216),
    (240, 239, 234),
    (70, 78, 110),
    (150, 154, 172),
    (228, 228, 232),
)
CHECKS = Top(
    lambda turn: make_checks((244, 240, 236), (190, 26, 38), 5.2, turn),
    lambda turn: make_checks((244, 240, 236), (190, 26, 38), 5.2, turn),
    (120, 30, 34),
    (206, 120, 120),
    (244, 240, 236),
    (238, 205, 205),
    (238, 205, 205),
    (244, 242, 238),
)


def draw_sleeve(
    studio: Studio, side: Side, outline: Sequence[Point], paint: Colour | Paint, folds: list[Crease]
) -> None:
    """Draw one sleeve on this side."""
    creases = [Crease(side(c.points), c.depth, c.width) for c in folds]
    studio.part(shape(side(outline)), paint, COTTON, creases)


def draw_tee(studio: Studio, look: Top) -> None:
    """Draw a short-sleeved knitted body, shared by polo and T-shirt."""
    whole = union(shape(mirror(BODY)), shape(SLEEVE), shape(flip(SLEEVE)))
    studio.shadow(whole, 0.7, 1.5, 1.8, 0.4)
    for side, turn in zip(SIDES, (33, -33), strict=True):
        draw_sleeve(studio, side, SLEEVE, look.cut(turn), BENT)
    studio.part(shape(mirror(BODY)), look.cut(), COTTON, DRAPE, drop=0.7)
    for side in SIDES:
        studio.seam(side(SHOULDER[4:7]), 0.3, 0.35)
    studio.stitch([(27.4, 87.6), (38, 89.2), (50, 89.6), (62, 89.2), (72.6, 87.6)], look.thread)


def draw_buttons(studio: Studio, places: Sequence[float], colour: Colour) -> None:
    """Draw a column of buttons with holes."""
    for y in places:
        studio.part(disc(50, y, 0.95), colour, replace(RIB, puff=0.5, gloss=0.5), drop=0.4)
        for dx in (-0.25, 0.25):
            studio.tint(disc(50 + dx, y, 0.16), (30, 30, 40), 0.8)


def draw_polo(studio: Studio, look: Top = NAVY) -> None:
    """Draw a polo T-shirt with ribbed cuffs, a collar and a buttoned placket."""
    draw_tee(studio, look)
    for side in SIDES:
        studio.part(shape(side(CUFF)), look.collar(), RIB, drop=0.4)
    studio.part(shape(mirror(NECK)), look.inside, RIB)
    studio.part(ribbon([(43.4, 11), (50, 12.2), (56.6, 11)], 2.6), look.band, RIB)
    studio.part(
        shape(
            [
                (48.6, 13.4),
                (48.6, 13.4),
                (51.4, 13.4),
                (51.4, 13.4),
                (51.4, 15.8),
                (51.4, 15.8),
                (48.6, 15.8),
                (48.6, 15.8),
                (48.6, 13.4),
            ]
        ),
        (226, 226, 230),
        RIB,
    )
    placket = ribbon([(50, 18.5), (50, 36.5)], 4.6)
    studio.part(placket, look.placket, RIB, drop=0.5)
    for dx in (-1.9, 1.9):
        studio.stitch([(50 + dx, 20), (50 + dx, 36)], look.fine, 0.25)
    draw_buttons(studio, (23.5, 28.3, 33.1), look.button)
    for side in SIDES:
        studio.part(shape(side(COLLAR)), look.collar(), RIB, drop=0.9)
        studio.stitch(side([(39.4, 14.6), (44.2, 22.6), (48.8, 19)]), shade(look.fine, 1.09), 0.22)


def draw_round_tee(studio: Studio, look: Top = STRIPES) -> None:
    """Draw a T-shirt with a round neck."""
    draw_tee(studio, look)
    studio.part(
        shape(mirror([(50, 10.6), (41.4, 11.6), (41.4, 11.6), (44.5, 16.6), (50, 19)])),
        look.inside,
        RIB,
    )
    studio.part(ribbon([(42, 11.6), (50, 13.2), (58, 11.6)], 2.0), look.band, RIB)
    studio.part(
        ribbon([(40.6, 11.6), (44, 17.4), (50, 19.8), (56, 17.4), (59.4, 11.6)], 2.2),
        look.collar(),
        RIB,
        drop=0.4,
    )
    for side in SIDES:
        studio.stitch(side([(11.7, 35.4), (16.8, 38.6), (22.2, 41)]), look.fine, 0.25)


def draw_shirt(studio: Studio, look: Top = CHECKS) -> None:
    """Draw a shirt with long sleeves, a chest pocket and buttons."""
    cloth = look.cut()
    body = shape(mirror([*TAILS, (50, 92)]))
    studio.shadow(union(body, shape(LONG), shape(flip(LONG))), 0.7, 1.5, 1.8, 0.4)
    for side, turn in zip(SIDES, (12, -12), strict=True):
        slanted = look.cut(turn)
        draw_sleeve(studio, side, LONG, slanted, HANGING)
        studio.part(shape(side(BUTTONED)), slanted, RIB, drop=0.5)
        studio.part(disc(*side([(12.4, 73.6)])[0], 0.8), shade(look.button, 0.98), RIB, drop=0.4)
    studio.part(body, cloth, COTTON, DRAPE, drop=0.7)
    for side in SIDES:
        studio.seam(side(SHOULDER[4:7]), 0.3, 0.35)
    studio.part(shape(mirror(NECK)), look.inside, RIB)
    studio.part(ribbon([(43.4, 11), (50, 12.4), (56.6, 11)], 2.8), look.band, RIB)
    pocket = [(57, 33), (57, 33), (67, 33), (67, 33), (67, 43), (67, 43), (62, 46), (62, 46)]
    studio.part(shape([*pocket, (57, 43), (57, 43), (57, 33)]), cloth, RIB, drop=0.5)
    studio.seam([(57, 35), (67, 35)], 0.3, 0.3)
    front = intersect(body, ribbon([(50, 19), (50, 94)], 5.0))
    studio.part(front, cloth, RIB, drop=0.5)
    draw_buttons(studio, (26, 36, 46, 56, 66, 76, 85), look.button)
    for side, turn in zip(SIDES, (-35, 35), strict=True):
        studio.part(shape(side(COLLAR)), look.collar(turn), RIB, drop=0.9)
        studio.stitch(side([(39.4, 14.6), (44.2, 22.6), (48.8, 19)]), look.fine, 0.2)
