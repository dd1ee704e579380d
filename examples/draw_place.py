"""Where a drawing stands in its picture, how it is bent, and what wall is behind it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from draw_shapes import frame
from draw_studio import Studio, enlarged
from PIL import Image, ImageChops

CELLS = 10  # the picture is bent in so many by so many pieces, each a quadrilateral
MOST_TURN = 15.0  # degrees
WALL = 253  # grey level of the plain wall that a product is drawn on


class Place(NamedTuple):
    """How the drawing is laid into the picture; lengths in shares of its side.

    Attributes:
        zoom: the drawing's size.
        stretch: width over height, 1 as drawn.
        turn: degrees, clockwise.
        shift: right and down.
        mirror: left to right.
        bend: three soft waves in each direction: how far, how many, where from; [2, 3, 4].
    """

    zoom: float
    stretch: float
    turn: float
    shift: tuple[float, float]
    mirror: bool
    bend: np.ndarray

    def source(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """The places in the drawing that come to the places (u, v) in [0, 1] of the picture."""
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


def waves(rng: np.random.Generator, far: float) -> np.ndarray:
    """Bends of at most about this many shares of the picture's side, [2, 3, 4]."""
    return np.stack(
        [
            rng.uniform(-far, far, (2, 3)) / 2,
            rng.uniform(-1.1, 1.1, (2, 3)),
            rng.uniform(-1.1, 1.1, (2, 3)),
            rng.uniform(0, 2 * np.pi, (2, 3)),
        ],
        axis=-1,
    )


def anywhere(rng: np.random.Generator) -> Place:
    """A place for a product: whole in the picture, seldom small."""
    zoom = float(rng.uniform(0.72, 1.02))
    room = max(0.02, 0.48 * (1 - zoom))
    turn = float(np.clip(rng.normal(0, 4.5), -MOST_TURN, MOST_TURN))
    shift = (float(rng.uniform(-room, room)), float(rng.uniform(-room, room)))
    stretch = float(np.exp(rng.uniform(-0.2, 0.2)))
    return Place(zoom, stretch, turn, shift, bool(rng.random() < 0.5), waves(rng, 0.022))


def closer(rng: np.random.Generator) -> Place:
    """A place for a scene: it fills the picture."""
    zoom = float(rng.uniform(1.0, 1.16))
    room = 0.3 * (zoom - 1)
    shift = (float(rng.uniform(-room, room)), float(rng.uniform(-room, room)))
    turn, stretch = float(rng.normal(0, 1.5)), float(np.exp(rng.uniform(-0.08, 0.08)))
    return Place(zoom, stretch, turn, shift, bool(rng.random() < 0.5), waves(rng, 0.012))


def laid(image: Image.Image, place: Place, outside: int | None) -> Image.Image:
    """The drawing in its place; `outside` fills what it does not reach (None: its edge goes on)."""
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


def wall(rng: np.random.Generator) -> np.ndarray:
    """What is behind a product: mostly near white, at times light grey or a pale plain colour."""
    size, chance = frame().size, rng.random()
    if chance < 0.62:
        colour = np.full(3, rng.uniform(247, 255))
    elif chance < 0.82:
        colour = np.full(3, rng.uniform(196, 245)) + rng.uniform(-4, 4, 3)
    else:
        colour = rng.uniform(165, 250, 3)
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    lean = rng.uniform(-5, 5, 2)
    light = lean[0] * x + lean[1] * y - rng.uniform(0, 9) * np.clip(x**2 + y**2 - 0.4, 0, 1.5)
    return np.clip(colour + light[..., None], 0, 255)


def product(studio: Studio, rng: np.random.Generator) -> None:
    """Put the drawn product somewhere in the picture, before a wall of its own."""
    place = anywhere(rng)
    picture, cover = laid(studio.image, place, WALL), laid(studio.cover, place, 0)
    around = ImageChops.multiply(picture, enlarged(wall(rng)))
    studio.image, studio.cover = Image.composite(picture, around, cover), cover


def scene(studio: Studio, rng: np.random.Generator) -> None:
    """Look at the drawn scene from somewhere else."""
    studio.image = laid(studio.image, closer(rng), None)
