"""The studio: materials, soft light from the upper left, shadows and stitches.

A part is a mask, a colour and a material. Its height is built from the rounded rim, soft folds and
drawn creases; the slope of that height decides how light falls on it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from draw_shapes import Point, empty, frame, ribbon, spline
from PIL import Image, ImageDraw, ImageFilter

LIGHT = np.array([-0.34, -0.56, 0.755])
HALFWAY = (LIGHT + [0, 0, 1]) / np.linalg.norm(LIGHT + [0, 0, 1])  # between light and viewer

Colour = tuple[float, float, float]
Box = tuple[int, int, int, int]  # left, top, right, bottom, in final pixels
Paint = Callable[[np.ndarray, np.ndarray], np.ndarray]  # x, y in units -> [H, W, 3]


@dataclass(frozen=True)
class Material:
    """How a surface curves and takes light."""

    puff: float = 3.0  # width of the rounded rim
    roundness: float = 1.0  # how far the rim turns away
    folds: float = 0.0  # depth of the soft unevenness
    fold_size: Point = (6.0, 12.0)  # its extent across and down
    gloss: float = 0.0  # strength of highlights
    sharpness: float = 24.0  # how narrow they are
    grain: float = 0.02  # strength of the fine texture


COTTON = Material(puff=3.5, roundness=0.65, folds=1.3, fold_size=(4.5, 9.0), grain=0.022)
LEATHER = Material(puff=3.0, roundness=0.9, folds=0.25, fold_size=(4, 4), gloss=0.45, grain=0.03)
METAL = Material(puff=0.7, roundness=1.0, gloss=0.9, sharpness=40, grain=0.008)
RUBBER = Material(puff=2.0, roundness=0.8, gloss=0.15, sharpness=12, grain=0.02)
FLAT = Material(puff=0.5, roundness=0.1, grain=0.0)


class Crease(NamedTuple):
    """A ridge (depth > 0) or a valley (depth < 0) along a smooth line."""

    points: Sequence[Point]
    depth: float
    width: float


def blur(field: np.ndarray, across: float, down: float | None = None) -> np.ndarray:
    """Gaussian blur in floats (8 bits would show as steps in the light), radii in units."""
    rows, columns = field.shape
    fx, fy = np.fft.rfftfreq(columns), np.fft.fftfreq(rows)[:, None]
    radius_x, radius_y = across * frame().unit, (across if down is None else down) * frame().unit
    transfer = np.exp(-2 * np.pi**2 * ((fx * radius_x) ** 2 + (fy * radius_y) ** 2))
    return np.fft.irfft2(np.fft.rfft2(field) * transfer, s=field.shape)


def noise(rng: np.random.Generator, size: Point, shape: tuple[int, int]) -> np.ndarray:
    """Smooth noise of mean 0 and deviation 1, its features so large across and down."""
    field = blur(rng.random(shape) - 0.5, *size)
    return (field - field.mean()) / max(float(field.std()), 1e-9)


def large(box: Box) -> Box:
    """A window in supersampled pixels."""
    left, top, right, bottom = (frame().scale * side for side in box)
    return left, top, right, bottom


def shrunk(mask: Image.Image, box: Box) -> np.ndarray:
    """The window of a mask at the final size, 0 to 1."""
    return np.asarray(mask.crop(large(box)).reduce(frame().scale), float) / 255


def enlarged(pixels: np.ndarray) -> Image.Image:
    """Values [H, W] or [H, W, 3] at the final size as a picture at the supersampled one."""
    image = Image.fromarray(np.uint8(np.clip(pixels + 0.5, 0, 255)))
    return image.resize((image.width * frame().scale, image.height * frame().scale), Image.BILINEAR)


def backdrop() -> np.ndarray:
    """A near-white studio wall, brightest in the middle."""
    y, x = np.mgrid[-1 : 1 : frame().size * 1j, -1 : 1 : frame().size * 1j]
    white = 253 - 5 * np.clip(x**2 + y**2 - 0.5, 0, 1.5)
    return white[..., None] * np.array([1, 1, 1.002])


def window(mask: Image.Image, margin: float) -> Box:
    """The box around a mask in final pixels: light is worked out only there."""
    scale = frame().scale
    box = mask.getbbox() or (0, 0, scale, scale)
    pad = max(1, int(margin * frame().unit))  # a slope needs two pixels
    left, top = (max(0, b // scale - pad) for b in box[:2])
    right, bottom = (min(frame().size, -(-b // scale) + pad) for b in box[2:])
    return left, top, right, bottom


def places(box: Box) -> tuple[np.ndarray, np.ndarray]:
    """Where the pixels of a window lie, in units: x [H, W] and y [H, W]."""
    columns, rows = np.arange(box[0], box[2]), np.arange(box[1], box[3])
    x, y = np.meshgrid(columns / frame().unit, rows / frame().unit)
    return x, y


def lit(height: np.ndarray, material: Material) -> tuple[np.ndarray, np.ndarray]:
    """The factor on a surface's own colour, and the highlight added to it."""
    slope_y, slope_x = np.gradient(height)
    normal = np.stack([-slope_x, -slope_y, np.ones_like(height)], axis=-1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    shade = 0.42 + 0.58 * np.clip(normal @ LIGHT, 0, None) / LIGHT[2]
    flat = HALFWAY[2] ** material.sharpness
    shine = np.clip(normal @ HALFWAY, 0, None) ** material.sharpness - flat
    return shade, material.gloss * np.clip(shine, 0, None)


class Studio:
    """A picture in the making: parts are laid on it from back to front.

    Attributes:
        seed: what all chance in the picture comes from.
        image: the picture so far, supersampled.
        cover: the mask of all parts so far: what is not wall or shadow on it.
    """

    def __init__(self, seed: int) -> None:
        self.seed, self.rng = seed, np.random.default_rng(seed)
        self.image = enlarged(backdrop())
        self.cover = empty()

    def scene(self, pixels: np.ndarray) -> None:
        """Take a painted scene [H, W, 3] for the whole ground of the picture."""
        self.image = enlarged(pixels)
        self.cover.paste(255, (0, 0, *self.cover.size))

    def part(
        self,
        mask: Image.Image,
        colour: Colour | Paint,
        material: Material = COTTON,
        creases: Sequence[Crease] = (),
        drop: float = 0.0,
    ) -> Image.Image:
        """Lay a lit part on the picture, over its own soft shadow if it has drop; give its mask."""
        if drop:
            self.shadow(mask, 0.3 * drop, 0.6 * drop, 0.6 * drop, 0.45)
        box = window(mask, material.puff + 2)
        small = shrunk(mask, box)
        height = self._height(small, box, material, creases)
        x, y = places(box)
        shade, shine = lit(height, material)
        grain = 1 + material.grain * noise(self.rng, (0.12, 0.12), small.shape)
        slope_y, slope_x = np.gradient(height)  # a pattern follows the folds it is printed on
        paint = colour(x + 0.4 * slope_x, y + 0.4 * slope_y) if callable(colour) else colour
        pixels = np.asarray(paint, float) * (shade * grain)[..., None] + 255 * shine[..., None]
        self.image.paste(enlarged(pixels), large(box), mask.crop(large(box)))
        self.cover.paste(255, (0, 0), mask)
        return mask

    def _height(
        self,
        small: np.ndarray,
        box: Box,
        material: Material,
        creases: Sequence[Crease],
    ) -> np.ndarray:
        """Height in pixels over the window: rounded rim, folds, creases."""
        rim = np.clip(2 * blur(small, material.puff / 2) - 1, 0, 1)
        unit = frame().unit
        height = np.sin(rim * np.pi / 2) * material.puff * unit * material.roundness * 0.5
        if material.folds:
            height += material.folds * unit * noise(self.rng, material.fold_size, small.shape)
        for crease in creases:
            line = ribbon(crease.points, crease.width, 0.3 * crease.width)
            height += 2 * crease.depth * unit * blur(shrunk(line, box), crease.width / 2)
        return height

    def shadow(self, mask: Image.Image, dx: float, dy: float, soft: float, strength: float) -> None:
        """Darken what lies under a part, shifted and softened."""
        box = window(mask, 3 * soft + max(abs(dx), abs(dy)) + 1)
        field = strength * blur(shrunk(mask, box), soft)
        field = np.roll(field, (round(dy * frame().unit), round(dx * frame().unit)), (0, 1))
        self._veil(enlarged(255 * field), box, (18, 18, 26))

    def tint(self, mask: Image.Image, colour: Colour, opacity: float, soft: float = 0.0) -> None:
        """A veil of colour, soft at its edge: a reflection, a fade, a print."""
        box = window(mask, 3 * soft)
        if soft:
            alpha = enlarged(255 * opacity * blur(shrunk(mask, box), soft))
        else:
            alpha = mask.crop(large(box)).point(lambda v: opacity * v)
        self._veil(alpha, box, colour)

    def _veil(self, alpha: Image.Image, box: Box, colour: Colour) -> None:
        """Cover the window with a colour, as far as alpha says."""
        left, top, right, bottom = large(box)
        self.image.paste(tuple(int(c) for c in colour), (left, top, right, bottom), alpha)

    def stitch(self, points: Sequence[Point], colour: Colour, width: float = 0.32) -> None:
        """A row of stitches along a smooth line, in the furrow they pull."""
        self.tint(ribbon(points, 0.9), (0, 0, 0), 0.25, 0.25)
        line = spline(points, 60)
        along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
        thread = empty()
        pixels = frame().unit * frame().scale
        pen = ImageDraw.Draw(thread)
        for start in np.arange(0, along[-1] - 0.7, 1.25):
            x, y = (np.interp([start, start + 0.8], along, axis) * pixels for axis in line.T)
            pen.line([(x[0], y[0]), (x[1], y[1])], fill=255, width=max(1, round(width * pixels)))
        self.tint(thread, colour, 0.9)

    def seam(self, points: Sequence[Point], width: float = 0.35, depth: float = 0.5) -> None:
        """A dark line where two pieces meet, with the light edge below it."""
        self.tint(ribbon([(x + 0.2, y + 0.35) for x, y in points], width), (255, 255, 255), 0.12)
        self.tint(ribbon(points, width), (0, 0, 0), depth)

    def finished(self) -> Image.Image:
        """The picture at its final size."""
        blurred = ImageFilter.GaussianBlur(0.3 * frame().scale)  # else the filter rings at edges
        soft = self.image.filter(blurred)
        return soft.resize((frame().size, frame().size), Image.LANCZOS)
