"""Footwear: sports shoes, canvas shoes and heels from the side, flip flops from above."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from vlm.data.drawing.colours import contrast, lightness, shade
from vlm.data.drawing.patterns import make_dots, make_gradient
from vlm.data.drawing.products.lowers import FLAT_SEWN
from vlm.data.drawing.shapes import (
    Point,
    Side,
    disc,
    flip,
    intersect,
    move,
    ribbon,
    shape,
    union,
)
from vlm.data.drawing.studio import (
    CALF,
    COTTON,
    LEATHER,
    NICKEL,
    RUBBER,
    Colour,
    Crease,
    Material,
    Studio,
)

MESH = Material(puff=4.0, roundness=0.8, folds=0.35, fold_size=(4, 4), grain=0.03)
PANEL = Material(puff=1.0, roundness=0.6, folds=0.1, fold_size=(4, 3), gloss=0.12, grain=0.012)
FOAM = Material(puff=2.2, roundness=0.8, folds=0.15, fold_size=(8, 1), gloss=0.1, grain=0.012)
PATENT = replace(LEATHER, puff=3.2, roundness=0.9, folds=0.08, gloss=0.6)
LACE = replace(COTTON, puff=0.9, roundness=0.9, folds=0, grain=0.05)

UPPER = [(8, 63), (7.4, 58.5), (11, 53.5), (20, 50), (31, 46), (42, 39.5), (51, 32.4), (56, 28.4)]
UPPER += [(62, 30.5), (66.4, 36.6), (74, 39.6), (82, 37), (87.4, 31.4), (90.6, 32.6), (90.4, 42)]
UPPER += [(91.4, 52), (91.8, 63), (91.8, 63), (70, 66), (40, 68), (8, 66), (8, 63)]
MIDSOLE = [(6.4, 61), (6.4, 61), (14, 64.6), (30, 66), (50, 64), (70, 61.6), (92.6, 59.4)]
MIDSOLE += [(92.6, 59.4), (94.6, 65), (93, 71), (90, 72.4), (60, 73.4), (30, 74), (14, 73)]
MIDSOLE += [(7, 69), (5.4, 64.6), (6.4, 61)]
TOE = [(7.2, 64), (7.6, 57.6), (11, 53.4), (17, 51.2), (17, 51.2), (23, 56), (26, 66.4), (26, 66.4)]
TOE += [(14, 66), (7.2, 64)]
HEEL = [(91.8, 62), (91.2, 50), (90.4, 42), (90.4, 42), (84, 44), (78, 52), (73, 64), (73, 64)]
HEEL += [(84, 63), (91.8, 62)]
EYESTAY = [(55, 32.2), (55, 32.2), (60.6, 36), (60.6, 36), (54, 44.6), (44, 52), (33, 56), (28, 54)]
EYESTAY += [(33, 48.6), (42, 43), (50, 37), (55, 32.2)]
WAVE = [(30, 65.4), (44, 60), (58, 52), (68, 42.6), (68, 42.6), (73.4, 43.4), (73.4, 43.4)]
WAVE += [(66, 55), (56, 63.4), (56, 63.4), (44, 65.6), (30, 65.4)]
COLLAR = [(56.4, 29), (61.6, 31.4), (66, 37.4), (74, 40.6), (82.4, 38), (88, 32.4)]


class Trainer(NamedTuple):
    """The colours of a sports shoe: cloth, panels, stripe, collar, laces, sole, stitches."""

    cloth: Colour = (232, 233, 236)
    panel: Colour = (244, 244, 246)
    trim: Colour = (42, 74, 142)
    collar: Colour = (74, 96, 150)
    lace: Colour = (250, 250, 250)
    sole: Colour = (248, 248, 249)
    thread: Colour = (150, 156, 170)


WHITE_SHOES = Trainer()


class Slipper(NamedTuple):
    """The colours of a flip flop: footbed, strap, edge of the sole, line on the strap."""

    bed: Colour = (34, 112, 178)
    strap: Colour = (246, 247, 249)
    edge: Colour = (222, 226, 232)
    line: Colour = (226, 92, 60)


BLUE_FLIP_FLOPS = Slipper()


def draw_shoe(studio: Studio, place: Side, look: Trainer = WHITE_SHOES) -> None:
    """Draw one sports shoe, toe to the left; `place` moves its points."""
    studio.shadow(ribbon(place([(10, 73.6), (91, 73.4)]), 2.0), 0.4, 1.0, 1.0, 0.55)
    mesh = make_dots(look.cloth, shade(look.cloth, (0.845, 0.855, 0.873)), 1.5, 0.34)
    flex = [
        Crease(place([(30, 47), (29, 53), (31, 60)]), -1.0, 1.6),
        Crease(place([(36, 43.6), (34, 50), (36, 58)]), 0.8, 2.0),
    ]
    tongue = [(47, 36), (54.4, 25.6), (61, 25.2), (63.4, 30), (58, 40), (47, 42), (47, 36)]
    studio.part(shape(place(tongue)), shade(look.cloth, (0.957, 0.961, 0.97)), MESH)
    upper = studio.part(shape(place(UPPER)), mesh, MESH, flex)
    studio.part(intersect(shape(place(WAVE)), upper), look.trim, PANEL, drop=0.4)
    studio.part(intersect(shape(place(TOE)), upper), look.panel, PANEL, drop=0.5)
    studio.part(intersect(shape(place(HEEL)), upper), shade(look.panel, 0.97), PANEL, drop=0.5)
    studio.part(ribbon(place(COLLAR), 3.0), look.collar, replace(LACE, puff=1.4), drop=0.5)
    studio.stitch(place([(84.4, 45.6), (79.4, 53), (75, 62)]), look.thread, 0.22)
    studio.stitch(place([(18, 52.6), (22, 57), (24.6, 64.6)]), look.thread, 0.22)
    studio.part(shape(place(EYESTAY)), shade(look.panel, 1.008), PANEL, drop=0.6)
    for k in range(6):
        x, y = 34 + 4.5 * k, 53.6 - 3.4 * k - 0.12 * k * k
        studio.tint(disc(*place([(x, y)])[0], 0.7), (60, 66, 80), 0.85)
        lace = place([(x, y), (x - 0.4, y - 3.6), (x - 3.4, y - 6.0)])
        studio.part(ribbon(lace, 2.0), look.lace, LACE, drop=0.6)
    foam = make_gradient(look.sole, shade(look.sole, (0.863, 0.871, 0.884)), 62, 74)
    studio.part(shape(place(MIDSOLE)), foam, FOAM, drop=0.5)
    studio.part(ribbon(place([(60, 67.2), (76, 65.4), (92.4, 64)]), 1.0, 2.6), look.trim, PANEL)
    tread = ribbon(place([(3, 67), (10, 71.6), (22, 73), (60, 72.6), (95, 71.2)]), 3.0)
    studio.part(intersect(shape(place(MIDSOLE)), tread), (84, 89, 102), RUBBER)


def draw_sports_shoes(studio: Studio, look: Trainer = WHITE_SHOES) -> None:
    """Draw a pair of sports shoes."""
    studio.shadow(disc(52, 77.5, 40, 3.4), 0, 0.8, 2.6, 0.28)
    draw_shoe(studio, lambda points: move(points, 6.5, -11.5, 0.84), look)
    studio.shadow(shape(move(UPPER, -3, 4, 0.92)), 0.6, -0.4, 2.0, 0.32)
    draw_shoe(studio, lambda points: move(points, -3, 4.5, 0.92), look)


SOLE = [(30, 8.4), (19.5, 12), (13.6, 24), (14.4, 42), (18, 58), (17.4, 74), (20.6, 87), (29, 91.6)]
SOLE += [(37.4, 87.6), (41, 75), (40.4, 59), (43.6, 42), (43.8, 24), (39.4, 12.6), (30, 8.4)]
TREAD = Material(puff=2.4, roundness=0.7, folds=0.3, fold_size=(6, 8), grain=0.05)


def move_inward(points: Sequence[Point]) -> list[Point]:
    """Move points of the left flip flop closer to the other one."""
    return [(x + 3.2, y) for x, y in points]


def draw_flip_flop(studio: Studio, side: Side, look: Slipper) -> None:
    """Draw one flip flop from above."""
    outer = shape(side(SOLE))
    studio.shadow(outer, 0.8, 1.5, 1.6, 0.42)
    studio.part(outer, look.edge, replace(RUBBER, puff=1.2))
    inner = shape(side([(29 + 0.93 * (x - 29), 50 + 0.965 * (y - 50)) for x, y in SOLE]))
    ground = make_dots(look.bed, shade(look.bed, (0.765, 0.82, 0.855)), 1.9, 0.5)
    dent = [
        Crease(side([(24, 22), (30, 19), (36, 23)]), -0.8, 5.0),
        Crease(side([(25, 80), (29, 83), (34, 80)]), -1.0, 6.0),
    ]
    studio.part(inner, ground, TREAD, dent, drop=0.2)
    strap = replace(RUBBER, puff=1.7, roundness=1.1, gloss=0.4, sharpness=20)
    toe = (31.6, 25.4)
    bands = [
        ribbon(side([toe, (25, 31), (19.6, 42), (17.4, 53)]), 3.4, 5.6),
        ribbon(side([toe, (36.6, 30.6), (40.4, 40), (41, 51)]), 3.4, 5.6),
    ]
    grip = union(*(intersect(band, outer) for band in bands), disc(*side([toe])[0], 2.3, 2.6))
    studio.part(grip, look.strap, strap, drop=1.6)
    for line in ([(25.4, 31.4), (20.4, 42), (18.6, 50.4)], [(36.2, 31), (39.6, 40.4), (40.3, 48)]):
        studio.tint(ribbon(side(line), 0.8), look.line, 0.9)
    studio.part(disc(*side([toe])[0], 1.0), look.line, strap, drop=0.3)


def draw_flip_flops(studio: Studio, look: Slipper = BLUE_FLIP_FLOPS) -> None:
    """Draw a pair of flip flops from above."""
    for side in (move_inward, lambda points: flip(move_inward(points))):
        draw_flip_flop(studio, side, look)


def draw_plimsoll(studio: Studio, place: Side, cloth: Colour, lace: Colour, sole: Colour) -> None:
    """Draw one low canvas shoe with a rubber toe cap, toe to the left."""
    studio.shadow(ribbon(place([(10, 72), (91, 72)]), 2.0), 0.4, 1.0, 1.0, 0.55)
    tongue = [(47, 36), (54.4, 26.6), (61, 26.2), (63.4, 31), (58, 40), (47, 42), (47, 36)]
    studio.part(shape(place(tongue)), shade(cloth, 0.88), MESH)
    flex = [Crease(place([(30, 47), (29, 53), (31, 60)]), -1.0, 1.6)]
    upper = studio.part(shape(place(UPPER)), cloth, replace(MESH, grain=0.06), flex)
    studio.part(intersect(shape(place(TOE)), upper), sole, RUBBER, drop=0.3)
    studio.part(shape(place(EYESTAY)), shade(cloth, 0.95), FLAT_SEWN, drop=0.5)
    studio.stitch(place([(61, 37), (54, 47), (50, 62)]), contrast(cloth), 0.26)
    studio.stitch(place([(62.6, 37), (56, 47), (52, 62)]), contrast(cloth), 0.26)
    studio.part(ribbon(place(COLLAR), 2.0), shade(cloth, 0.86), LACE, drop=0.3)
    for k in range(5):
        x, y = 35 + 5.2 * k, 53 - 3.9 * k - 0.15 * k * k
        studio.tint(disc(*place([(x, y)])[0], 0.8), shade(NICKEL, 0.8), 0.9)
        studio.part(ribbon(place([(x, y), (x - 3.6, y - 5.6)]), 1.7), lace, LACE, drop=0.5)
    studio.part(shape(place(MIDSOLE)), sole, FOAM, drop=0.5)
    line = [(6.6, 66.4), (30, 68.8), (60, 67.4), (93.4, 64)]
    accent = cloth if lightness(sole) > 0.5 else (230, 230, 228)
    studio.tint(ribbon(place(line), 0.9), accent, 0.85)


def draw_casual_shoes(
    studio: Studio,
    look: tuple[Colour, Colour, Colour] = ((52, 78, 128), (246, 246, 244), (242, 242, 238)),
) -> None:
    """Draw a pair of low canvas shoes; `look` has the colours of cloth, laces and sole."""
    studio.shadow(disc(52, 77.5, 40, 3.4), 0, 0.8, 2.6, 0.28)
    draw_plimsoll(studio, lambda points: move(points, 6.5, -11.5, 0.84), *look)
    studio.shadow(shape(move(UPPER, -3, 4, 0.92)), 0.6, -0.4, 2.0, 0.32)
    draw_plimsoll(studio, lambda points: move(points, -3, 4.5, 0.92), *look)


PUMP: list[Point] = [(7, 75), (8.4, 70.4), (17, 65.6), (29, 62), (37, 60.4), (37, 60.4), (43, 64)]
PUMP += [(52, 62), (62, 52), (72, 40), (80, 29.6), (84.6, 27.6), (88, 30.6), (90, 40), (89, 49.6)]
PUMP += [(89, 49.6), (80, 55.6), (67, 65), (55, 73.6), (44, 77.4), (24, 78), (10, 77.6), (7, 75)]
STILETTO: list[Point] = [(78, 52), (78, 52), (89.4, 46), (89.4, 46), (88.4, 60), (88, 78), (88, 78)]
STILETTO += [(84.6, 78), (84.6, 78), (83.6, 64), (78, 52), (78, 52)]
INNER: list[Point] = [(37, 60.6), (44, 58.4), (55, 51), (66, 39), (77, 29), (84, 27.4), (80, 31)]
INNER += [(71, 42), (62, 53), (52, 62.4), (43, 64.2), (37, 60.6)]


def draw_pump(studio: Studio, place: Side, leather: Colour, lining: Colour) -> None:
    """Draw one high-heeled shoe, toe to the left."""
    foot = union(ribbon(place([(9, 77.4), (44, 77.2)]), 2), ribbon(place([(84, 78), (88, 78)]), 2))
    studio.shadow(foot, 0.4, 1.0, 1.0, 0.5)
    studio.part(shape(place(INNER)), lining, CALF)
    studio.part(shape(place(STILETTO)), shade(leather, 0.86), PATENT)
    body = studio.part(shape(place(PUMP)), leather, PATENT, drop=0.5)
    sole = [(7, 77.4), (26, 78.6), (44, 78), (56, 74), (68, 65.4), (80, 56.4)]
    studio.part(ribbon(place(sole), 1.5), (58, 46, 40), RUBBER)
    rim = [(37, 60.6), (43, 64.2), (52, 62.4), (62, 52.6), (72, 40.6), (80, 30.4), (85, 28)]
    studio.seam(place(rim), 0.4, 0.4)
    shine = intersect(body, ribbon(place([(14, 69.6), (26, 65.6), (36, 63.8)]), 1.6, 0.6))
    studio.tint(shine, (255, 255, 255), 0.3, 0.5)


def draw_heels(
    studio: Studio, colours: tuple[Colour, Colour] = ((176, 28, 40), (214, 184, 150))
) -> None:
    """Draw a pair of high-heeled shoes; `colours` are those of leather and lining."""
    studio.shadow(disc(50, 80, 40, 3), 0, 0.8, 2.6, 0.26)
    draw_pump(studio, lambda points: move(points, 5, -12, 0.84), *colours)
    draw_pump(studio, lambda points: move(points, -3, 3.5, 0.9), *colours)
