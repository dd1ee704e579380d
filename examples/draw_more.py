"""Shapes that no example has: wallet, cap, canvas shoes, heels, shorts, skirt."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from draw_colours import contrasting, lightness, toned
from draw_lowers import DENIM, FLAT_SEWN, LIGHT_WOVEN, SASH, Gown, skirt
from draw_shapes import SIDES, Point, Side, disc, flip, joined, moved, ribbon, shape, within
from draw_shoes import COLLAR, EYESTAY, FOAM, LACE, MESH, MIDSOLE, TOE, UPPER
from draw_studio import COTTON, LEATHER, METAL, RUBBER, Colour, Crease, Studio

CALF = replace(LEATHER, puff=1.6, roundness=0.6, folds=0.2, gloss=0.3, sharpness=16)
PATENT = replace(LEATHER, puff=3.2, roundness=0.9, folds=0.08, gloss=0.6)
TWILL = replace(COTTON, puff=5.0, roundness=0.9, folds=0.35, fold_size=(5, 5), grain=0.04)
STEEL: Colour = (196, 198, 203)


def box(left: float, top: float, right: float, bottom: float, round_by: float) -> list[Point]:
    """A rectangle with rounded corners."""
    line: list[Point] = []
    for x, y, start in (
        (right, top, 270),
        (right, bottom, 0),
        (left, bottom, 90),
        (left, top, 180),
    ):
        middle = (x + np.copysign(round_by, 50 - x), y + np.copysign(round_by, 50 - y))
        angles = np.radians(np.linspace(start, start + 90, 5))
        arc = [(middle[0] + round_by * np.cos(a), middle[1] + round_by * np.sin(a)) for a in angles]
        arc = [(float(u), float(v)) for u, v in arc]
        line += [arc[0], *arc, arc[-1]]  # where an arc ends is a corner: the sides are straight
    return [*line, line[0]]


def wallet(studio: Studio, leather: Colour = (104, 62, 36)) -> None:
    """A folded leather wallet, stitched along its edge, with a small plate."""
    back, front = shape(box(15, 27, 85, 74, 3)), shape(box(14, 28.6, 84, 75, 3.4))
    studio.shadow(front, 0.9, 1.8, 1.8, 0.45)
    studio.part(back, toned(leather, 0.7), CALF)
    studio.part(front, leather, replace(CALF, puff=2.4), drop=0.8)
    studio.stitch(box(16.4, 31, 81.6, 72.6, 2.6), contrasting(leather), 0.36)
    studio.seam([(14.5, 51), (49, 51.6), (83.6, 51)], 0.4, 0.28)
    studio.part(shape(box(59, 63, 77, 68.4, 1)), toned(leather, 0.82), CALF, drop=0.3)
    studio.part(shape(box(64, 64.4, 72, 67, 0.8)), STEEL, METAL, drop=0.3)


DOME: list[Point] = [(27, 62), (27, 62), (27.5, 48), (33, 35), (44, 27.4), (58, 26.6), (71, 32)]
DOME += [(80.5, 44), (84, 60), (84.6, 66), (84.6, 66), (66, 62.6), (46, 61), (27, 62), (27, 62)]
PEAK: list[Point] = [(28, 56.6), (28, 56.6), (18, 60), (8, 66.4), (4.6, 71), (9, 73.4), (22, 70.6)]
PEAK += [(38, 68.6), (52, 67.4), (52, 67.4), (44, 61), (28, 56.6), (28, 56.6)]


def cap(studio: Studio, colours: tuple[Colour, Colour] = ((178, 34, 40), (178, 34, 40))) -> None:
    """A cap from the side, its peak to the left; colours of crown and peak."""
    cloth, peak = colours
    studio.shadow(disc(48, 72, 38, 3), 0, 1.2, 2.4, 0.35)
    folds = [Crease([(60, 27), (48, 40), (44, 61)], -0.7, 1.4)]
    folds += [Crease([(61, 27), (71, 42), (73, 63)], -0.7, 1.4)]
    studio.part(shape(DOME), cloth, TWILL, folds)
    for line in ([(60, 27), (49, 40), (45, 60)], [(61.6, 27), (71.4, 42), (73.4, 62)]):
        studio.seam(line, 0.35, 0.35)
        for shift in (-1.1, 1.1):
            studio.stitch([(x + shift, y) for x, y in line], contrasting(cloth, 0.2), 0.22)
    studio.stitch([(28.6, 59.4), (46, 58.6), (66, 60.2), (83.6, 63.4)], contrasting(cloth, 0.2))
    for x, y in ((54, 40), (67, 40)):
        studio.tint(disc(x, y, 0.8), toned(cloth, 0.4), 0.85)
    studio.part(shape(PEAK), peak, replace(TWILL, puff=2.2, roundness=0.7), drop=0.9)
    for drop in (0.0, 1.6, 3.2):
        line = [(10 + drop, 69.6 - drop / 2), (24, 66.8 - drop), (44, 66 - drop)]
        studio.stitch(line, contrasting(peak, 0.2), 0.22)
    studio.part(disc(60.6, 26.8, 2.6, 1.5), cloth, TWILL, drop=0.4)


def plimsoll(studio: Studio, place: Side, cloth: Colour, lace: Colour, sole: Colour) -> None:
    """One low canvas shoe with a rubber toe cap, its toe to the left."""
    studio.shadow(ribbon(place([(10, 72), (91, 72)]), 2.0), 0.4, 1.0, 1.0, 0.55)
    tongue = [(47, 36), (54.4, 26.6), (61, 26.2), (63.4, 31), (58, 40), (47, 42), (47, 36)]
    studio.part(shape(place(tongue)), toned(cloth, 0.88), MESH)
    flex = [Crease(place([(30, 47), (29, 53), (31, 60)]), -1.0, 1.6)]
    upper = studio.part(shape(place(UPPER)), cloth, replace(MESH, grain=0.06), flex)
    studio.part(within(shape(place(TOE)), upper), sole, RUBBER, drop=0.3)
    studio.part(shape(place(EYESTAY)), toned(cloth, 0.95), FLAT_SEWN, drop=0.5)
    studio.stitch(place([(61, 37), (54, 47), (50, 62)]), contrasting(cloth), 0.26)
    studio.stitch(place([(62.6, 37), (56, 47), (52, 62)]), contrasting(cloth), 0.26)
    studio.part(ribbon(place(COLLAR), 2.0), toned(cloth, 0.86), LACE, drop=0.3)
    for k in range(5):
        x, y = 35 + 5.2 * k, 53 - 3.9 * k - 0.15 * k * k
        studio.tint(disc(*place([(x, y)])[0], 0.8), toned(STEEL, 0.8), 0.9)
        studio.part(ribbon(place([(x, y), (x - 3.6, y - 5.6)]), 1.7), lace, LACE, drop=0.5)
    studio.part(shape(place(MIDSOLE)), sole, FOAM, drop=0.5)
    line = [(6.6, 66.4), (30, 68.8), (60, 67.4), (93.4, 64)]
    accent = cloth if lightness(sole) > 0.5 else (230, 230, 228)
    studio.tint(ribbon(place(line), 0.9), accent, 0.85)


def casual_shoes(
    studio: Studio,
    look: tuple[Colour, Colour, Colour] = ((52, 78, 128), (246, 246, 244), (242, 242, 238)),
) -> None:
    """A pair of low canvas shoes; colours of cloth, laces and sole."""
    studio.shadow(disc(52, 77.5, 40, 3.4), 0, 0.8, 2.6, 0.28)
    plimsoll(studio, lambda points: moved(points, 6.5, -11.5, 0.84), *look)
    studio.shadow(shape(moved(UPPER, -3, 4, 0.92)), 0.6, -0.4, 2.0, 0.32)
    plimsoll(studio, lambda points: moved(points, -3, 4.5, 0.92), *look)


PUMP: list[Point] = [(7, 75), (8.4, 70.4), (17, 65.6), (29, 62), (37, 60.4), (37, 60.4), (43, 64)]
PUMP += [(52, 62), (62, 52), (72, 40), (80, 29.6), (84.6, 27.6), (88, 30.6), (90, 40), (89, 49.6)]
PUMP += [(89, 49.6), (80, 55.6), (67, 65), (55, 73.6), (44, 77.4), (24, 78), (10, 77.6), (7, 75)]
STILETTO: list[Point] = [(78, 52), (78, 52), (89.4, 46), (89.4, 46), (88.4, 60), (88, 78), (88, 78)]
STILETTO += [(84.6, 78), (84.6, 78), (83.6, 64), (78, 52), (78, 52)]
INNER: list[Point] = [(37, 60.6), (44, 58.4), (55, 51), (66, 39), (77, 29), (84, 27.4), (80, 31)]
INNER += [(71, 42), (62, 53), (52, 62.4), (43, 64.2), (37, 60.6)]


def pump(studio: Studio, place: Side, leather: Colour, lining: Colour) -> None:
    """One shoe with a high heel, its toe to the left."""
    foot = joined(ribbon(place([(9, 77.4), (44, 77.2)]), 2), ribbon(place([(84, 78), (88, 78)]), 2))
    studio.shadow(foot, 0.4, 1.0, 1.0, 0.5)
    studio.part(shape(place(INNER)), lining, CALF)
    studio.part(shape(place(STILETTO)), toned(leather, 0.86), PATENT)
    body = studio.part(shape(place(PUMP)), leather, PATENT, drop=0.5)
    sole = [(7, 77.4), (26, 78.6), (44, 78), (56, 74), (68, 65.4), (80, 56.4)]
    studio.part(ribbon(place(sole), 1.5), (58, 46, 40), RUBBER)
    rim = [(37, 60.6), (43, 64.2), (52, 62.4), (62, 52.6), (72, 40.6), (80, 30.4), (85, 28)]
    studio.seam(place(rim), 0.4, 0.4)
    shine = within(body, ribbon(place([(14, 69.6), (26, 65.6), (36, 63.8)]), 1.6, 0.6))
    studio.tint(shine, (255, 255, 255), 0.3, 0.5)


def heels(
    studio: Studio, colours: tuple[Colour, Colour] = ((176, 28, 40), (214, 184, 150))
) -> None:
    """A pair of shoes with high heels; colours of leather and lining."""
    studio.shadow(disc(50, 80, 40, 3), 0, 0.8, 2.6, 0.26)
    pump(studio, lambda points: moved(points, 5, -12, 0.84), *colours)
    pump(studio, lambda points: moved(points, -3, 3.5, 0.9), *colours)


TROUSER: list[Point] = [(31, 16), (31, 16), (27.4, 32), (22, 55), (17.4, 78), (17.4, 78), (31, 81)]
TROUSER += [(45.6, 80), (45.6, 80), (48, 62), (49.8, 48), (49.8, 48), (50.6, 42), (50.6, 16)]
TROUSER += [(50.6, 16), (31, 16)]


def shorts(studio: Studio, cloth: Colour = (178, 160, 128)) -> None:
    """Shorts to the knee, with a fly, pockets and turned hems."""
    studio.shadow(joined(shape(TROUSER), shape(flip(TROUSER))), 0.7, 1.4, 1.6, 0.4)
    thread = contrasting(cloth, 0.22)
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
    studio.part(waist, toned(cloth, 1.05), FLAT_SEWN, drop=0.5)
    for x in (36, 43.6, 56.4, 64):
        studio.part(ribbon([(x, 12), (x, 18)], 1.6), toned(cloth, 1.08), FLAT_SEWN, drop=0.4)
    studio.part(disc(51, 15.8, 1.3), contrasting(cloth, 0.5), METAL, drop=0.4)


def flared_skirt(studio: Studio, look: Gown) -> None:
    """A flared skirt with a waistband."""
    cloth, tint, _ = look
    outline, folds = skirt()
    lifted = [(50 + 1.12 * (x - 50), y - 20) for x, y in outline]
    folds = [
        Crease([(50 + 1.12 * (x - 50), y - 20) for x, y in c.points], c.depth, c.width)
        for c in folds
    ]
    studio.shadow(shape(lifted), 0.8, 1.5, 1.8, 0.36)
    studio.part(shape(lifted), cloth, LIGHT_WOVEN, folds, drop=0.4)
    studio.part(ribbon([(35.6, 21.6), (50, 22.8), (64.4, 21.6)], 4.6), tint, SASH, drop=0.5)
    studio.part(disc(61, 22.4, 1.0), contrasting(tint, 0.5), METAL, drop=0.3)
