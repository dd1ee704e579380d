"""A cap seen from the side."""

from __future__ import annotations

from dataclasses import replace

from vlm.data.drawing.colours import contrast, shade
from vlm.data.drawing.shapes import Point, disc, shape
from vlm.data.drawing.studio import COTTON, Colour, Crease, Studio

TWILL = replace(COTTON, puff=5.0, roundness=0.9, folds=0.35, fold_size=(5, 5), grain=0.04)

DOME: list[Point] = [(27, 62), (27, 62), (27.5, 48), (33, 35), (44, 27.4), (58, 26.6), (71, 32)]
DOME += [(80.5, 44), (84, 60), (84.6, 66), (84.6, 66), (66, 62.6), (46, 61), (27, 62), (27, 62)]
PEAK: list[Point] = [(28, 56.6), (28, 56.6), (18, 60), (8, 66.4), (4.6, 71), (9, 73.4), (22, 70.6)]
PEAK += [(38, 68.6), (52, 67.4), (52, 67.4), (44, 61), (28, 56.6), (28, 56.6)]


def draw_cap(
    studio: Studio, colours: tuple[Colour, Colour] = ((178, 34, 40), (178, 34, 40))
) -> None:
    """Draw a cap from the side, peak to the left; `colours` are those of crown and peak."""
    cloth, peak = colours
    studio.shadow(disc(48, 72, 38, 3), 0, 1.2, 2.4, 0.35)
    folds = [Crease([(60, 27), (48, 40), (44, 61)], -0.7, 1.4)]
    folds += [Crease([(61, 27), (71, 42), (73, 63)], -0.7, 1.4)]
    studio.part(shape(DOME), cloth, TWILL, folds)
    for line in ([(60, 27), (49, 40), (45, 60)], [(61.6, 27), (71.4, 42), (73.4, 62)]):
        studio.seam(line, 0.35, 0.35)
        for shift in (-1.1, 1.1):
            studio.stitch([(x + shift, y) for x, y in line], contrast(cloth, 0.2), 0.22)
    studio.stitch([(28.6, 59.4), (46, 58.6), (66, 60.2), (83.6, 63.4)], contrast(cloth, 0.2))
    for x, y in ((54, 40), (67, 40)):
        studio.tint(disc(x, y, 0.8), shade(cloth, 0.4), 0.85)
    studio.part(shape(PEAK), peak, replace(TWILL, puff=2.2, roundness=0.7), drop=0.9)
    for drop in (0.0, 1.6, 3.2):
        line = [(10 + drop, 69.6 - drop / 2), (24, 66.8 - drop), (44, 66 - drop)]
        studio.stitch(line, contrast(peak, 0.2), 0.22)
    studio.part(disc(60.6, 26.8, 2.6, 1.5), cloth, TWILL, drop=0.4)
