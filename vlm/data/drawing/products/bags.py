"""Bags, standing: handbag and backpack; a wallet, lying."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from vlm.data.drawing.colours import contrast, lighten, shade
from vlm.data.drawing.patterns import make_gradient
from vlm.data.drawing.shapes import SIDES, disc, intersect, mirror, polygon, ribbon, shape, union
from vlm.data.drawing.studio import CALF, LEATHER, METAL, NICKEL, Colour, Crease, Material, Studio

BLACK: Colour = (44, 43, 46)
HIDE = replace(LEATHER, puff=5.0, roundness=0.9, folds=0.5, fold_size=(3.5, 3.0), gloss=0.42)
STRAP = replace(LEATHER, puff=1.2, roundness=1.1, folds=0.05, gloss=0.7)
NYLON = Material(puff=4.5, roundness=0.75, folds=0.9, fold_size=(4, 5), gloss=0.1, grain=0.045)
WEBBING = Material(puff=1.0, roundness=0.5, folds=0.05, grain=0.08)
STEEL: Colour = (196, 196, 200)
GOLD: Colour = (206, 172, 104)

BAG = [(22, 43), (22, 43), (50, 41.5), (78, 43), (78, 43), (83, 62), (86.5, 80), (82, 86.5)]
BAG += [(50, 88.5), (18, 86.5), (13.5, 80), (17, 62), (22, 43)]
FLAP = [(21, 42), (21, 42), (50, 40.4), (79, 42), (79, 42), (81, 53), (66, 60), (50, 61.8)]
FLAP += [(34, 60), (19, 53), (21, 42)]
PACK = [(50, 13), (38, 14), (28.5, 20.5), (24.5, 34), (23, 60), (22.5, 82), (26, 91), (50, 92.6)]
LID = [(50, 12.4), (38, 13.4), (28.2, 20.2), (24.6, 33), (24.4, 41), (24.4, 41), (36, 44.4)]
POCKET = [(50, 56.6), (34, 57), (29.6, 60.5), (28.6, 75), (30, 87.5), (34, 89.4), (50, 89.8)]


class Hide(NamedTuple):
    """The colours of a handbag: leather, stitches, fittings."""

    leather: Colour = BLACK
    thread: Colour = (98, 95, 94)
    fitting: Colour = GOLD


BLACK_BAG = Hide()


class Pack(NamedTuple):
    """The colours of a backpack: cloth, straps, stitches, the leather label and its stitches."""

    cloth: Colour = (66, 118, 78)
    strap: Colour = (34, 50, 40)
    thread: Colour = (164, 190, 160)
    label: Colour = (150, 104, 62)
    sewn: Colour = (224, 190, 140)


GREEN_PACK = Pack()


def draw_ground(studio: Studio, y: float, half: float) -> None:
    """Draw the shadow of a standing object: dark and narrow at its base, wide and faint around."""
    studio.shadow(disc(52, y, half * 1.02, 3.2), 0, 0.4, 2.6, 0.3)
    studio.shadow(disc(50, y - 0.4, half * 0.94, 1.1), 0, 0.2, 0.7, 0.5)


def draw_handle(studio: Studio, y: float, reach: float, colour: Colour) -> None:
    """Draw one arched handle."""
    arch = [(33, 50), (32.5, 36), (36.5, reach + 6), (50, reach), (63.5, reach + 6)]
    arch += [(67.5, 36), (67, 50)]
    studio.part(ribbon([(px, py + y) for px, py in arch], 3.4), colour, STRAP, drop=0.8)


def draw_handbag(studio: Studio, look: Hide = BLACK_BAG) -> None:
    """Draw a leather handbag with a flap, two handles and metal fittings."""
    leather, thread, metal = look
    draw_ground(studio, 87.2, 36)
    draw_handle(studio, -2.5, 13, shade(leather, 0.69))
    folds = [Crease(side([(26, 60), (23, 70), (22, 84)]), -1.6, 3.0) for side in SIDES]
    folds += [Crease(side([(35, 63), (36, 74), (33, 86)]), 1.0, 3.5) for side in SIDES]
    folds += [Crease([(30, 80), (50, 82.5), (70, 80)], -0.9, 3.0)]
    studio.part(shape(BAG), leather, HIDE, folds)
    studio.stitch([(17, 82), (26, 84.6), (50, 86), (74, 84.6), (83, 82)], thread, 0.25)
    for side in SIDES:
        studio.seam(side([(27.5, 58), (24.6, 71), (24.4, 85.6)]), 0.4, 0.6)
        studio.stitch(side([(28.7, 59), (25.9, 71), (25.6, 85)]), thread, 0.25)
    studio.part(shape(FLAP), shade(leather, 1.07), HIDE, drop=1.4)
    studio.stitch(
        [(20.6, 51.6), (34, 58.4), (50, 60.2), (66, 58.4), (79.4, 51.6)], shade(thread, 1.05)
    )
    draw_handle(studio, 0.5, 15, shade(leather, 0.91))
    for side in SIDES:
        tab = side([(33, 47.5), (33, 56.5)])
        studio.part(ribbon(tab, 4.8), shade(leather, 1.14), STRAP, drop=0.7)
        studio.part(disc(*side([(33, 47.8)])[0], 2.5, 1.6), metal, METAL, drop=0.5)
        studio.part(disc(*side([(33, 47.8)])[0], 1.5, 0.8), shade(metal, (0.19, 0.21, 0.29)), STRAP)
        studio.part(disc(*side([(33, 54.4)])[0], 0.7), metal, METAL, drop=0.3)
    plate = [(46.4, 57), (46.4, 57), (53.6, 57), (53.6, 57), (53.6, 64.4), (50, 66), (46.4, 64.4)]
    studio.part(shape([*plate, (46.4, 64.4), (46.4, 57)]), metal, METAL, drop=0.9)
    studio.part(disc(50, 61.2, 1.5), shade(lighten(metal, 0.17), 1.045), METAL, drop=0.4)
    studio.tint(ribbon([(50, 60.4), (50, 62)], 0.4), shade(metal, (0.29, 0.26, 0.15)), 0.8)


def draw_zip_line(
    studio: Studio, points: list[tuple[float, float]], pull: tuple[float, float]
) -> None:
    """Draw a zip: dark tape, teeth and a hanging metal pull."""
    studio.part(ribbon(points, 1.7), (26, 34, 28), replace(WEBBING, roundness=0.2))
    studio.stitch(points, (120, 126, 120), 0.45)
    x, y = pull
    studio.part(ribbon([(x, y - 0.4), (x + 0.3, y + 3.6)], 1.1, 1.5), STEEL, METAL, drop=0.6)


def draw_backpack(studio: Studio, look: Pack = GREEN_PACK) -> None:
    """Draw a backpack with a front pocket, zips and side straps."""
    cloth, strap, thread, label, sewn = look
    draw_ground(studio, 91.4, 28)
    loop = ribbon([(43, 16), (42.6, 9), (50, 6.6), (57.4, 9), (57, 16)], 2.6)
    studio.part(loop, shade(strap, (0.824, 0.8, 0.85)), WEBBING, drop=0.6)
    for side in SIDES:
        band = side([(29, 24), (20, 38), (17.6, 60), (21, 80), (25, 84)])
        studio.part(ribbon(band, 4.6, 2.6), strap, WEBBING, drop=0.8)
        bulge = side([(26, 50), (20.4, 56), (18.6, 72), (20, 87), (27, 89.5), (27, 89.5), (26, 50)])
        studio.part(shape(bulge), shade(cloth, (0.61, 0.63, 0.69)), NYLON, drop=0.7)
    body_cloth = make_gradient(cloth, shade(cloth, (0.7, 0.78, 0.795)), 14, 92)
    folds = [Crease(side([(27, 46), (33, 52), (34, 60)]), -1.3, 2.2) for side in SIDES]
    body = studio.part(shape(mirror(PACK)), body_cloth, NYLON, folds, drop=0.9)
    draw_zip_line(studio, [(25, 49), (36, 52), (50, 53), (64, 52), (75, 49)], (68, 51.2))
    studio.part(
        shape(mirror([*LID, (50, 45.4)])), shade(cloth, (1.09, 1.068, 1.077)), NYLON, drop=1.0
    )
    studio.stitch([(25.2, 39.6), (36, 43), (50, 43.9), (64, 43), (74.8, 39.6)], thread, 0.28)
    pocket = studio.part(shape(mirror(POCKET)), shade(cloth, (0.97, 0.983, 0.974)), NYLON, drop=1.1)
    draw_zip_line(studio, [(31.4, 64), (36, 60.4), (50, 59.8), (64, 60.4), (68.6, 64)], (36.4, 61))
    studio.stitch([(30.4, 76), (31.8, 86.4), (50, 88), (68.2, 86.4), (69.6, 76)], thread, 0.28)
    for side in SIDES:
        belt = intersect(union(body, pocket), ribbon(side([(36, 15), (35.4, 36), (35.6, 53)]), 2.8))
        studio.part(belt, shade(strap, (0.88, 0.92, 0.95)), WEBBING, drop=0.5)
        studio.part(ribbon(side([(33.4, 46.8), (37.8, 46.8)]), 3.4), (22, 26, 26), STRAP, drop=0.6)
        studio.part(ribbon(side([(34.4, 46.8), (36.8, 46.8)]), 1.2), (52, 60, 58), STRAP)
    patch = ribbon([(43.5, 30), (56.5, 30)], 6.6)
    studio.part(patch, label, replace(STRAP, puff=0.8, gloss=0.25), drop=0.5)
    studio.stitch([(44.2, 27.5), (55.8, 27.5)], sewn, 0.22)
    studio.stitch([(44.2, 32.5), (55.8, 32.5)], sewn, 0.22)
    peaks = np.array([(46.4, 31.6), (49, 28.4), (50.4, 30), (51.6, 28.8), (53.8, 31.6)])
    studio.tint(polygon(peaks), shade(label, (0.56, 0.48, 0.39)), 0.8)


def make_box(
    left: float, top: float, right: float, bottom: float, round_by: float
) -> list[tuple[float, float]]:
    """Return a rectangle with rounded corners."""
    line: list[tuple[float, float]] = []
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
        line += [
            arc[0],
            *arc,
            arc[-1],
        ]  # repeated points make corners, so that the sides are straight
    return [*line, line[0]]


def draw_wallet(studio: Studio, leather: Colour = (104, 62, 36)) -> None:
    """Draw a folded leather wallet with a stitched edge and a small plate."""
    back, front = shape(make_box(15, 27, 85, 74, 3)), shape(make_box(14, 28.6, 84, 75, 3.4))
    studio.shadow(front, 0.9, 1.8, 1.8, 0.45)
    studio.part(back, shade(leather, 0.7), CALF)
    studio.part(front, leather, replace(CALF, puff=2.4), drop=0.8)
    studio.stitch(make_box(16.4, 31, 81.6, 72.6, 2.6), contrast(leather), 0.36)
    studio.seam([(14.5, 51), (49, 51.6), (83.6, 51)], 0.4, 0.28)
    studio.part(shape(make_box(59, 63, 77, 68.4, 1)), shade(leather, 0.82), CALF, drop=0.3)
    studio.part(shape(make_box(64, 64.4, 72, 67, 0.8)), NICKEL, METAL, drop=0.3)
