"""Random placement and warping of a drawing, and the wall behind a product."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageChops

from vlm.data.drawing.shapes import frame
from vlm.data.drawing.studio import Studio, enlarge

CELLS = 10  # the warp is piecewise: CELLS x CELLS quadrilaterals
MAX_TURN = 15.0  # degrees
WALL = 253  # grey level of the plain wall behind a product while it is drawn


class Place(NamedTuple):
    """How a drawing is placed in the picture; lengths are fractions of the picture's side.

    Attributes:
        zoom: scale factor.
        stretch: change of width over height, 1 for none.
        turn: clockwise rotation in degrees.
        shift: to the right and down.
        mirror: whether to flip left and right.
        bend: three waves per axis: amplitude, x and y frequency, phase; [2, 3, 4].
    """

    zoom: float
    stretch: float
    turn: float
    shift: tuple[float, float]
    mirror: bool
    bend: np.ndarray

    def source(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Map picture coordinates u, v in [0, 1] to drawing coordinates, [..., 2]."""
        x, y = u - 0.5 - self.shift[0], v - 0.5 - self.shift[1]
        c, s = np.cos(np.radians(self.turn)), np.sin(np.radians(self.turn))
        wide = np.sqrt(self.stretch)
        x, y = (c * x + s * y) / (self.zoom * wide), (c * y - s * x) / self.zoom * wide
        if self.mirror:
            x = -x
        waves = [
            sum(far * np.sin(2 * np.pi * (a * x + b * y) + start) for far, a, b, start in axis)
            for axis in self.bend
        ]
        return np.stack([x + 0.5 + waves[0], y + 0.5 + waves[1]], axis=-1)


def sample_waves(rng: np.random.Generator, amplitude: float) -> np.ndarray:
    """Return random waves of about this maximal amplitude, [2, 3, 4] as in `Place.bend`."""
    return np.stack(
        [
            rng.uniform(-amplitude, amplitude, (2, 3)) / 2,
            rng.uniform(-1.1, 1.1, (2, 3)),
            rng.uniform(-1.1, 1.1, (2, 3)),
            rng.uniform(0, 2 * np.pi, (2, 3)),
        ],
        axis=-1,
    )


def sample_product_place(rng: np.random.Generator) -> Place:
    """Return a random place for a product: entirely in the picture, rarely small."""
    zoom = float(rng.uniform(0.72, 1.02))
    room = max(0.02, 0.48 * (1 - zoom))
    turn = float(np.clip(rng.normal(0, 4.5), -MAX_TURN, MAX_TURN))
    shift = (float(rng.uniform(-room, room)), float(rng.uniform(-room, room)))
    stretch = float(np.exp(rng.uniform(-0.2, 0.2)))
    return Place(zoom, stretch, turn, shift, bool(rng.random() < 0.5), sample_waves(rng, 0.022))


def sample_scene_place(rng: np.random.Generator) -> Place:
    """Return a random place for a scene, which fills the picture."""
    zoom = float(rng.uniform(1.0, 1.16))
    room = 0.3 * (zoom - 1)
    shift = (float(rng.uniform(-room, room)), float(rng.uniform(-room, room)))
    turn, stretch = float(rng.normal(0, 1.5)), float(np.exp(rng.uniform(-0.08, 0.08)))
    return Place(zoom, stretch, turn, shift, bool(rng.random() < 0.5), sample_waves(rng, 0.012))


def warp(image: Image.Image, place: Place, outside: int | None) -> Image.Image:
    """Warp the drawing into its place; `outside` fills the rest (None repeats its edge)."""
    edges = np.linspace(0, 1, CELLS + 1)
    points = place.source(*np.meshgrid(edges, edges)) * image.width
    if outside is None:
        points = np.clip(points, 0, image.width - 1)
    cuts = np.round(edges * image.width).astype(int)
    mesh = []
    for j in range(CELLS):
        for i in range(CELLS):
            around = (points[j, i], points[j + 1, i], points[j + 1, i + 1], points[j, i + 1])
            target = (cuts[i], cuts[j], cuts[i + 1], cuts[j + 1])
            mesh.append((tuple(map(int, target)), tuple(np.concatenate(around).tolist())))
    fill = (outside or 0,) * len(image.getbands())
    return image.transform(
        image.size, Image.Transform.MESH, mesh, Image.Resampling.BILINEAR, fillcolor=fill
    )


def make_wall(rng: np.random.Generator) -> np.ndarray:
    """Return a random wall [H, W, 3]: mostly near white, sometimes light grey or a pale colour."""
    size, choice = frame().size, rng.random()
    if choice < 0.62:
        colour = np.full(3, rng.uniform(247, 255))
    elif choice < 0.82:
        colour = np.full(3, rng.uniform(196, 245)) + rng.uniform(-4, 4, 3)
    else:
        colour = rng.uniform(165, 250, 3)
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    lean = rng.uniform(-5, 5, 2)
    light = lean[0] * x + lean[1] * y - rng.uniform(0, 9) * np.clip(x**2 + y**2 - 0.4, 0, 1.5)
    return np.clip(colour + light[..., None], 0, 255)


def place_product(studio: Studio, rng: np.random.Generator) -> None:
    """Move the drawn product to a random place, in front of a random wall."""
    place = sample_product_place(rng)
    picture, cover = warp(studio.image, place, WALL), warp(studio.cover, place, 0)
    around = ImageChops.multiply(picture, enlarge(make_wall(rng)))
    studio.image, studio.cover = Image.composite(picture, around, cover), cover


def place_scene(studio: Studio, rng: np.random.Generator) -> None:
    """Warp the drawn scene by a random place."""
    studio.image = warp(studio.image, sample_scene_place(rng), None)
