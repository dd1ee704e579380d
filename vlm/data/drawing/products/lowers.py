"""Jeans, shorts, dress, skirt and tie, seen from the front."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from vlm.data.drawing.colours import contrast, shade
from vlm.data.drawing.patterns import make_dots, make_fade, make_stripes
from vlm.data.drawing.shapes import SIDES, Point, disc, flip, mirror, ribbon, shape, subtract, union
from vlm.data.drawing.studio import COTTON, METAL, Colour, Crease, Material, Paint, Studio

DENIM = Material(puff=2.5, roundness=0.8, folds=0.9, fold_size=(3.0, 6.0), grain=0.06)
SATIN = Material(puff=2.0, roundness=0.5, folds=0.4, fold_size=(5, 10), gloss=0.25, sharpness=14)
LIGHT_WOVEN = Material(puff=2.5, roundness=0.5, folds=0.5, fold_size=(2.5, 10.0), grain=0.02)
FLAT_SEWN = replace(DENIM, puff=0.8, folds=0.1)
SASH = replace(COTTON, puff=1.2, folds=0.15, fold_size=(2, 1))

LEG = [(34, 11), (34, 11), (31.2, 24), (30.2, 40), (31.2, 70), (32, 94), (32, 94)]
LEG += [(38.5, 95.2), (45, 94.8), (45, 94.8), (47.4, 66), (49.6, 37), (49.6, 37), (50.5, 32)]
LEG += [(50.5, 11), (50.5, 11), (34, 11)]
KNEES = [
    Crease([(29, 58), (36, 60), (44, 57)], -1.2, 1.8),
    Crease([(46, 62), (38, 64), (31, 68)], 1.2, 1.8),
    Crease([(49, 41), (42, 44), (34, 43)], -1.4, 2.2),
    Crease([(49, 44), (43, 49), (36, 52)], 1.0, 2.2),
    Crease([(36, 66), (37, 78), (36, 94)], 1.2, 3.5),
    Crease([(29, 86), (36, 88), (44, 85)], -1.2, 1.6),
    Crease([(46, 90), (38, 90.6), (31, 91.5)], 1.0, 1.4),
]
BODICE = [(39.5, 9), (39.5, 9), (36, 9.4), (36, 9.4), (36.6, 17), (33, 24.5), (33, 24.5)]
BODICE += [(35.6, 34), (37.6, 42), (37.6, 42), (50, 43)]


class Denim(NamedTuple):
    """The colours of jeans: cloth, worn areas, stitches."""

    dark: Colour = (48, 72, 118)
    worn: Colour = (136, 164, 204)
    thread: Colour = (196, 140, 72)


BLUE_JEANS = Denim()


class Silk(NamedTuple):
    """The colours of a tie: ground, stripes (equal for a plain tie), stitches."""

    ground: Colour = (110, 18, 40)
    stripe: Colour = (196, 168, 120)
    thread: Colour = (140, 40, 62)
    period: float = 7.0
    share: float = 0.14

    def cut(self, turn: float) -> Paint:
        """Return the silk with its stripes at an angle in degrees."""
        return make_stripes(self.ground, self.stripe, self.period, self.share, turn)


WINE_TIE = Silk()


class Gown(NamedTuple):
    """The cloth of a dress, and the colours of its edges and of its sash."""

    cloth: Colour | Paint
    edge: Colour
    sash: Colour


RED_DRESS = Gown(make_dots((196, 24, 38), (248, 232, 228), 3.9, 0.62), (196, 24, 38), (168, 16, 30))


def draw_jeans(studio: Studio, look: Denim = BLUE_JEANS) -> None:
    """Draw jeans, washed paler on the thighs, with visible stitching."""
    spots = [(39, 44, 4.5, 16), (61, 44, 4.5, 16), (38, 74, 3.5, 10), (62, 74, 3.5, 10)]
    cloth = make_fade(look.dark, look.worn, spots)
    studio.shadow(union(shape(LEG), shape(flip(LEG))), 0.7, 1.4, 1.6, 0.4)
    inside = [(34.4, 7.8), (34.4, 7.8), (50, 7.4), (65.6, 7.8), (65.6, 7.8), (50, 12)]
    studio.part(shape([*inside, (34.4, 7.8)]), shade(look.dark, (0.71, 0.67, 0.66)), FLAT_SEWN)
    for side in SIDES:
        folds = [Crease(side(c.points), c.depth, c.width) for c in KNEES]
        studio.part(shape(side(LEG)), cloth, DENIM, folds, drop=0.3)
        studio.stitch(side([(32.2, 92.2), (38.5, 93.4), (45, 93)]), look.thread)
        studio.stitch(side([(32.2, 26), (31.4, 42), (32.2, 68), (33, 91)]), look.thread, 0.25)
        pocket = side([(42, 12), (41, 17), (37.5, 20.4), (32, 21.4)])
        studio.seam(pocket, 0.5, 0.6)
        for lift in (0.8, 1.7):
            studio.stitch([(x, y + lift) for x, y in pocket], look.thread)
    studio.seam([(50, 12), (50.2, 24), (49.9, 37)], 0.4, 0.45)
    for shift in (0, 1.1):
        fly = [(54.8 - shift, 13), (54.6 - shift, 22 - shift), (53.3 - shift, 26.5 - shift)]
        studio.stitch([*fly, (50.4, 30 - shift)], look.thread)
    waist = [(34.2, 7.6), (34.2, 7.6), (50, 9.2), (65.8, 7.6), (65.8, 7.6), (66.4, 12), (66.4, 12)]
    studio.part(
        shape([*waist, (50, 13.8), (33.6, 12), (33.6, 12), (34.2, 7.6)]),
        shade(look.dark, (1.17, 1.14, 1.1)),
        FLAT_SEWN,
        drop=0.5,
    )
    for y in (8.3, 12.0):
        studio.stitch([(34.5, y), (50, y + 1.7), (65.5, y)], look.thread)
    for x, y in ((37.6, 7.7), (62.4, 7.7), (45, 8.6), (55.6, 8.6)):
        studio.part(
            ribbon([(x, y), (x, y + 5.6)], 1.6),
            shade(look.dark, (1.29, 1.22, 1.15)),
            FLAT_SEWN,
            drop=0.5,
        )
    studio.part(disc(51, 11.6, 1.35), (196, 160, 110), METAL, drop=0.5)


def outline_skirt() -> tuple[list[tuple[float, float]], list[Crease]]:
    """Return a flared skirt's outline with a wavy hem, and its folds."""
    hem = [
        (x, 88.5 + 0.9 * np.cos((x - 50) * 0.58) - (x - 50) ** 2 / 260)
        for x in np.linspace(80, 20, 41)
    ]
    outline = [(37.4, 42), (50, 43), (62.6, 42), (62.6, 42), (68, 55), (75, 73), hem[0], *hem]
    outline += [hem[-1], (25, 73), (32, 55), (37.4, 42), (37.4, 42)]
    folds = []
    for k in range(-5, 6):
        foot = 50 + k * 5.416  # half a wave apart: ridge, valley, ridge
        depth = 2.4 if k % 2 == 0 else -2.0
        line = [(foot, 91), (50 + k * 4.0, 72), (50 + k * 2.7, 56), (50 + k * 2.3, 44)]
        folds.append(Crease(line, depth, 3.6))
    return outline, folds


def draw_dress(studio: Studio, look: Gown = RED_DRESS) -> None:
    """Draw a sleeveless summer dress with a sash and a flared skirt."""
    cloth, edge, sash_colour = look
    outline, folds = outline_skirt()
    neck = shape(mirror([(39.7, 8), (39.7, 8), (42, 16), (50, 24.5), (50, 24.5)]))
    top = subtract(shape(mirror(BODICE)), neck)
    studio.shadow(union(shape(outline), top), 0.8, 1.5, 1.8, 0.36)
    back = [(38, 9.2), (38, 9.2), (43, 11.8), (50, 12.6), (57, 11.8), (62, 9.2), (62, 9.2)]
    studio.part(shape([*back, (50, 28), (50, 28), (38, 9.2)]), shade(edge, 0.68), SASH)
    studio.part(shape(outline), cloth, LIGHT_WOVEN, folds, drop=0.5)
    darts = [Crease(side([(42, 42), (41.5, 36), (41, 28)]), -1.2, 1.6) for side in SIDES]
    bust = [Crease(side([(34, 26), (39, 28), (43, 27)]), -1.2, 2.2) for side in SIDES]
    studio.part(top, cloth, LIGHT_WOVEN, darts + bust, drop=0.5)
    for side in SIDES:
        studio.part(ribbon(side([(39.4, 9), (42, 16.2), (50, 25)]), 1.2), edge, SASH, drop=0.3)
        studio.seam(side([(37.2, 10), (37.7, 17), (34.3, 24.4)]), 0.25, 0.35)
    sash = [(37.4, 40.4), (50, 41.6), (62.6, 40.4)]
    pleats = [Crease([(x, y + 0.9) for x, y in sash], -0.8, 0.9)]
    studio.part(ribbon(sash, 4.4), sash_colour, SASH, pleats, drop=0.6)
    for tail in ([(46, 43), (44.4, 52), (45.6, 61)], [(46.4, 43), (48.2, 50), (47.6, 58)]):
        studio.part(ribbon(tail, 1.6, 3.0), sash_colour, SASH, drop=0.6)
    for loop in (
        [(46, 42), (42, 39.4), (40.6, 42.4), (45.8, 42.6)],
        [(46.4, 42), (50.6, 39.2), (52, 42), (46.8, 42.8)],
    ):
        studio.part(shape([*loop, loop[0]]), shade(sash_colour, 1.1), SASH, drop=0.6)
    studio.part(disc(46.2, 42.2, 1.5, 1.7), shade(sash_colour, 0.95), SASH, drop=0.5)


def draw_tie(studio: Studio, look: Silk = WINE_TIE) -> None:
    """Draw a knotted silk tie with diagonal stripes."""
    silk = look.cut(-35)
    blade = [(46.6, 20), (44, 45), (39.5, 80), (39.5, 80), (50, 92.5), (50, 92.5), (60.5, 80)]
    blade += [(60.5, 80), (56, 45), (53.4, 20), (53.4, 20), (46.6, 20)]
    tail = [(50, 22), (51, 50), (52.5, 76), (52.5, 76), (58, 83), (58, 83), (64, 75), (64, 75)]
    tail += [(59, 48), (54, 22), (54, 22), (50, 22)]
    studio.shadow(union(shape(blade), shape(tail)), 0.8, 1.5, 1.5, 0.45)
    loop = [(46, 15), (36, 10.5), (37, 6.4), (50, 5.2), (63, 6.4), (64, 10.5), (54, 15)]
    studio.part(ribbon(loop, 3.4), silk, replace(SATIN, puff=1.2), drop=1.2)
    studio.part(shape(tail), look.cut(40), SATIN, drop=0.6)
    folds = [
        Crease([(50, 21), (48.8, 34), (49, 50)], -1.4, 1.8),
        Crease([(51.6, 22), (52.6, 34), (54, 46)], 1.2, 1.6),
    ]
    studio.part(shape(blade), silk, SATIN, folds, drop=1.0)
    for side in SIDES:
        studio.stitch(side([(40.6, 80), (50, 91)]), look.thread, 0.2)
    knot = [(44, 11.6), (44, 11.6), (50, 12.8), (56, 11.6), (56, 11.6), (55.4, 17), (53.2, 22)]
    knot += [(53.2, 22), (50, 22.8), (46.8, 22), (46.8, 22), (44.6, 17), (44, 11.6)]
    dimple = [Crease([(46, 13), (48, 17), (51, 22)], -1.0, 1.6)]
    studio.part(shape(knot), look.cut(38), SATIN, dimple, drop=1.0)


TROUSER: list[Point] = [(31, 16), (31, 16), (27.4, 32), (22, 55), (17.4, 78), (17.4, 78), (31, 81)]
TROUSER += [(45.6, 80), (45.6, 80), (48, 62), (49.8, 48), (49.8, 48), (50.6, 42), (50.6, 16)]
TROUSER += [(50.6, 16), (31, 16)]


def draw_shorts(studio: Studio, cloth: Colour = (178, 160, 128)) -> None:
    """Draw knee-length shorts with a fly, pockets and turned hems."""
    studio.shadow(union(shape(TROUSER), shape(flip(TROUSER))), 0.7, 1.4, 1.6, 0.4)
    thread = contrast(cloth, 0.22)
    lines = (([(49, 50), (40, 52), (30, 50)], -1.2), ([(47, 58), (38, 64), (27, 66)], 1.1))
    for side in SIDES:
        folds = [Crease(side(line), depth, 2.4) for line, depth in lines]
        studio.part(shape(side(TROUSER)), cloth, DENIM, folds, drop=0.3)
        studio.stitch(side([(18.4, 74.6), (31, 77.4), (46, 76.6)]), thread)
        pocket = side([(38, 17), (36.4, 25), (29.6, 31)])
        studio.seam(pocket, 0.45, 0.5)
        studio.stitch([(x, y + 1) for x, y in pocket], thread)
    studio.seam([(50, 18), (50.2, 32), (49.9, 48)], 0.4, 0.45)
    studio.stitch([(54, 19), (53.8, 30), (50.6, 37)], thread)
    waist = ribbon([(31.2, 14.4), (50, 16), (68.8, 14.4)], 5)
    studio.part(waist, shade(cloth, 1.05), FLAT_SEWN, drop=0.5)
    for x in (36, 43.6, 56.4, 64):
        studio.part(ribbon([(x, 12), (x, 18)], 1.6), shade(cloth, 1.08), FLAT_SEWN, drop=0.4)
    studio.part(disc(51, 15.8, 1.3), contrast(cloth, 0.5), METAL, drop=0.4)


def draw_flared_skirt(studio: Studio, look: Gown) -> None:
    """Draw a flared skirt with a waistband."""
    cloth, tint, _ = look
    outline, folds = outline_skirt()
    lifted = [(50 + 1.12 * (x - 50), y - 20) for x, y in outline]
    folds = [
        Crease([(50 + 1.12 * (x - 50), y - 20) for x, y in c.points], c.depth, c.width)
        for c in folds
    ]
    studio.shadow(shape(lifted), 0.8, 1.5, 1.8, 0.36)
    studio.part(shape(lifted), cloth, LIGHT_WOVEN, folds, drop=0.4)
    studio.part(ribbon([(35.6, 21.6), (50, 22.8), (64.4, 21.6)], 4.6), tint, SASH, drop=0.5)
    studio.part(disc(61, 22.4, 1.0), contrast(tint, 0.5), METAL, drop=0.3)
