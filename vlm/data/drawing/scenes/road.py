"""A scene: a car on a country road."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from vlm.data.drawing.colours import shade
from vlm.data.drawing.patterns import make_gradient
from vlm.data.drawing.scenes.sky_and_sea import PAINT, PLATE, blend, make_sky, rows, square
from vlm.data.drawing.shapes import disc, intersect, ribbon, shape
from vlm.data.drawing.studio import FLAT, METAL, RUBBER, Colour, Studio, noise

CAR = [(7, 63), (7.4, 57), (10, 53.6), (21, 51), (21, 51), (30, 44), (39, 39.4), (52, 38)]
CAR += [(66, 38.6), (76, 42.6), (86, 50), (86, 50), (91.6, 52.6), (93.4, 58), (93.6, 66)]
CAR += [(92, 70.4), (92, 70.4), (50, 72), (9, 71), (9, 71), (7, 68), (7, 63)]
FRONT = [(27.6, 51), (27.6, 51), (34, 45), (40, 42), (48, 40.8), (48, 40.8), (48.6, 51)]
FRONT += [(48.6, 51), (27.6, 51)]
REAR = [(51.4, 51), (51.4, 51), (50.8, 40.7), (50.8, 40.7), (60, 40.6), (66, 41.4), (73.6, 45.4)]
REAR += [(80, 51), (80, 51), (51.4, 51)]


class Drive(NamedTuple):
    """The colours of a car and the sky, and the cloud cover (-1 to 0.5)."""

    paint: Colour = (196, 30, 36)
    sky: Colour = (98, 158, 214)
    cover: float = -0.3


RED_CAR = Drive()


def make_road(rng: np.random.Generator, air: Colour, cover: float) -> np.ndarray:
    """Return sky, trees, a meadow and a road with a white line, [H, W, 3]."""
    scene = make_sky(rng, air, (222, 234, 242), 44, cover)
    edge = 42 + 2.6 * noise(rng, (3, 3), square())[0] + 1.0 * noise(rng, (0.8, 0.8), square())[1]
    leaves = 1 + 0.16 * noise(rng, (0.9, 0.8), square()) + 0.1 * noise(rng, (0.4, 0.4), square())
    wood = np.array([58, 96, 58]) * (leaves * (1.25 - 0.02 * (rows() - 34)))[..., None]
    scene = blend(scene, wood, np.clip((rows() - edge) * 2, 0, 1))
    grass = np.array([122, 160, 74]) * (1 + 0.07 * noise(rng, (0.5, 1.2), square()))[..., None]
    scene = blend(scene, grass, np.clip((rows() - 54) * 3, 0, 1) * np.ones(square()))
    asphalt = 112 - 0.25 * (rows() - 64) + 3.0 * noise(rng, (0.3, 0.2), square())
    asphalt = np.stack([asphalt, asphalt + 1, asphalt + 5], axis=-1)
    scene = blend(scene, asphalt, np.clip((rows() - 64) * 3, 0, 1) * np.ones(square()))
    kerb = np.clip(1.2 - np.abs(rows() - 66.4) * 2, 0, 0.9) * np.ones(square())
    return blend(scene, (222, 222, 216), kerb)


def draw_wheel(studio: Studio, x: float) -> None:
    """Draw one wheel: tyre, alloy rim with spokes, hub."""
    y = 70.6
    studio.part(disc(x, y, 9.4), (30, 31, 35), replace(PLATE, roundness=0.1))
    studio.part(disc(x, y, 8.2), (40, 41, 45), replace(RUBBER, puff=1.4), drop=0.4)
    studio.part(disc(x, y, 5.7), (176, 180, 187), replace(METAL, puff=0.9))
    studio.part(disc(x, y, 4.9), (62, 65, 72), FLAT)
    for angle in np.radians(np.arange(10, 370, 72)):
        tip = (x + 5 * float(np.cos(angle)), y + 5 * float(np.sin(angle)))
        studio.part(ribbon([(x, y), tip], 2.1, 1.5), (196, 199, 205), METAL, drop=0.3)
    studio.part(disc(x, y, 1.3), (150, 154, 162), METAL, drop=0.3)


def draw_car(studio: Studio, look: Drive = RED_CAR) -> None:
    """Draw a car on a country road, facing left."""
    red = look.paint
    studio.set_scene(make_road(np.random.default_rng(studio.seed), look.sky, look.cover))
    studio.tint(disc(50, 79, 43, 2.6), (14, 16, 22), 0.7, 0.9)
    body = studio.part(shape(CAR), red, replace(PAINT, puff=5.0, gloss=0.6))
    studio.tint(intersect(body, ribbon([(6, 71), (50, 72), (94, 71)], 5)), (30, 20, 24), 0.75, 0.3)
    for pane in (FRONT, REAR):
        tone = make_gradient((52, 66, 80), (126, 150, 166), 40, 52)
        glazed = studio.part(shape(pane), tone, replace(FLAT, puff=0.6, roundness=-0.8))
        gleam = ribbon([(pane[0][0] + 14, 38), (pane[0][0] + 6, 53)], 3)
        studio.tint(intersect(glazed, gleam), (255, 255, 255), 0.25, 0.3)
    door = [(49.8, 40), (50, 52), (50.4, 69)]
    studio.seam(door, 0.3, 0.55)
    studio.seam([(26.6, 52), (27.4, 60), (31, 68)], 0.3, 0.5)
    studio.seam([(80, 52), (77.6, 60), (72.6, 67)], 0.3, 0.5)
    studio.seam([(11, 58.6), (40, 56.4), (91, 57)], 0.3, 0.3)
    for x in (44.6, 69):
        studio.part(
            ribbon([(x, 55), (x + 3.6, 54.9)], 1.2),
            shade(red, (0.857, 0.8, 0.833)),
            PLATE,
            drop=0.4,
        )
    lamp = [(8, 57.6), (10.2, 54.2), (17, 53.2), (17, 53.2), (15, 57), (8, 57.6)]
    studio.part(shape(lamp), (232, 238, 242), replace(METAL, puff=1.2), drop=0.3)
    studio.part(intersect(body, disc(92.6, 55.6, 3.2, 2.2)), (150, 14, 22), replace(METAL, puff=1))
    studio.part(
        shape([(28, 51.6), (27, 49), (29, 47.6), (32, 48.2), (32, 51.4), (28, 51.6)]),
        red,
        PAINT,
        drop=0.5,
    )
    studio.part(ribbon([(6.6, 66.6), (13, 67)], 1.4), (46, 46, 52), PLATE)
    for x in (24.5, 76):
        draw_wheel(studio, x)
