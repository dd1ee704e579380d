"""The renderer: materials, soft light from the upper left, shadows and stitches.

A part is a mask, a colour and a material. Its height map is the sum of a rounded rim, soft folds
and creases; the slope of the height map gives its shading.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from vlm.data.drawing.shapes import Point, empty_mask, frame, ribbon, spline

LIGHT = np.array([-0.34, -0.56, 0.755])
HALFWAY = (LIGHT + [0, 0, 1]) / np.linalg.norm(LIGHT + [0, 0, 1])  # between light and viewer

Colour = tuple[float, float, float]
Box = tuple[int, int, int, int]  # left, top, right, bottom, in final pixels
Paint = Callable[[np.ndarray, np.ndarray], np.ndarray]  # x, y in units -> [H, W, 3]


@dataclass(frozen=True)
class Material:
    """How a surface curves and reflects light."""

    puff: float = 3.0  # width of the rounded rim
    roundness: float = 1.0  # steepness of the rim
    folds: float = 0.0  # depth of the soft folds
    fold_size: Point = (6.0, 12.0)  # their width and height
    gloss: float = 0.0  # strength of highlights
    sharpness: float = 24.0  # narrowness of highlights
    grain: float = 0.02  # strength of the fine texture


COTTON = Material(puff=3.5, roundness=0.65, folds=1.3, fold_size=(4.5, 9.0), grain=0.022)
LEATHER = Material(puff=3.0, roundness=0.9, folds=0.25, fold_size=(4, 4), gloss=0.45, grain=0.03)
CALF = replace(LEATHER, puff=1.6, roundness=0.6, folds=0.2, gloss=0.3, sharpness=16)
METAL = Material(puff=0.7, roundness=1.0, gloss=0.9, sharpness=40, grain=0.008)
RUBBER = Material(puff=2.0, roundness=0.8, gloss=0.15, sharpness=12, grain=0.02)
FLAT = Material(puff=0.5, roundness=0.1, grain=0.0)
NICKEL: Colour = (196, 198, 203)


class Crease(NamedTuple):
    """A ridge (depth > 0) or a valley (depth < 0) along a smooth line."""

    points: Sequence[Point]
    depth: float
    width: float


def blur(field: np.ndarray, across: float, down: float | None = None) -> np.ndarray:
    """Return a Gaussian blur in floats (8 bits would show steps in the light); radii in units."""
    rows, columns = field.shape
    fx, fy = np.fft.rfftfreq(columns), np.fft.fftfreq(rows)[:, None]
    radius_x, radius_y = across * frame().unit, (across if down is None else down) * frame().unit
    transfer = np.exp(-2 * np.pi**2 * ((fx * radius_x) ** 2 + (fy * radius_y) ** 2))
    return np.fft.irfft2(np.fft.rfft2(field) * transfer, s=field.shape)


def noise(rng: np.random.Generator, size: Point, shape: tuple[int, int]) -> np.ndarray:
    """Return smooth noise of this shape with mean 0, deviation 1 and features of this size."""
    field = blur(rng.random(shape) - 0.5, *size)
    return (field - field.mean()) / max(float(field.std()), 1e-9)


def scale_box(box: Box) -> Box:
    """Convert a window to supersampled pixels."""
    left, top, right, bottom = (frame().scale * side for side in box)
    return left, top, right, bottom


def crop_mask(mask: Image.Image, box: Box) -> np.ndarray:
    """Return a mask's window at the final size, values 0 to 1."""
    return np.asarray(mask.crop(scale_box(box)).reduce(frame().scale), float) / 255


def enlarge(pixels: np.ndarray) -> Image.Image:
    """Return values [H, W] or [H, W, 3] at the final size as a supersampled image."""
    image = Image.fromarray(np.uint8(np.clip(pixels + 0.5, 0, 255)))
    return image.resize((image.width * frame().scale, image.height * frame().scale), Image.BILINEAR)


def make_backdrop() -> np.ndarray:
    """Return a near-white wall [H, W, 3], brightest in the middle."""
    y, x = np.mgrid[-1 : 1 : frame().size * 1j, -1 : 1 : frame().size * 1j]
    white = 253 - 5 * np.clip(x**2 + y**2 - 0.5, 0, 1.5)
    return white[..., None] * np.array([1, 1, 1.002])


def find_window(mask: Image.Image, margin: float) -> Box:
    """Return the box around a mask in final pixels; light is computed only there."""
    scale = frame().scale
    box = mask.getbbox() or (0, 0, scale, scale)
    pad = max(1, int(margin * frame().unit))  # gradients need two pixels
    left, top = (max(0, b // scale - pad) for b in box[:2])
    right, bottom = (min(frame().size, -(-b // scale) + pad) for b in box[2:])
    return left, top, right, bottom


def make_grid(box: Box) -> tuple[np.ndarray, np.ndarray]:
    """Return the pixel positions of a window in units: x [H, W] and y [H, W]."""
    columns, rows = np.arange(box[0], box[2]), np.arange(box[1], box[3])
    x, y = np.meshgrid(columns / frame().unit, rows / frame().unit)
    return x, y


def compute_light(height: np.ndarray, material: Material) -> tuple[np.ndarray, np.ndarray]:
    """Return the factor on a surface's colour and the highlight added to it, [H, W] each."""
    slope_y, slope_x = np.gradient(height)
    normal = np.stack([-slope_x, -slope_y, np.ones_like(height)], axis=-1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    shade = 0.42 + 0.58 * np.clip(normal @ LIGHT, 0, None) / LIGHT[2]
    flat = HALFWAY[2] ** material.sharpness
    shine = np.clip(normal @ HALFWAY, 0, None) ** material.sharpness - flat
    return shade, material.gloss * np.clip(shine, 0, None)


class Studio:
    """A picture being drawn; parts are added from back to front.

    Attributes:
        seed: seed of all randomness in the picture.
        image: the picture so far, supersampled.
        cover: the mask of all parts so far, without wall and shadows.
    """

    def __init__(self, seed: int) -> None:
        self.seed, self.rng = seed, np.random.default_rng(seed)
        self.image = enlarge(make_backdrop())
        self.cover = empty_mask()

    def set_scene(self, pixels: np.ndarray) -> None:
        """Use a painted scene [H, W, 3] as the background."""
        self.image = enlarge(pixels)
        self.cover.paste(255, (0, 0, *self.cover.size))

    def part(
        self,
        mask: Image.Image,
        colour: Colour | Paint,
        material: Material = COTTON,
        creases: Sequence[Crease] = (),
        drop: float = 0.0,
    ) -> Image.Image:
        """Draw a lit part, with a soft shadow below it if `drop` > 0; return its mask."""
        if drop:
            self.shadow(mask, 0.3 * drop, 0.6 * drop, 0.6 * drop, 0.45)
        box = find_window(mask, material.puff + 2)
        small = crop_mask(mask, box)
        height = self._height(small, box, material, creases)
        x, y = make_grid(box)
        shade, shine = compute_light(height, material)
        grain = 1 + material.grain * noise(self.rng, (0.12, 0.12), small.shape)
        slope_y, slope_x = np.gradient(height)  # patterns follow the folds
        paint = colour(x + 0.4 * slope_x, y + 0.4 * slope_y) if callable(colour) else colour
        pixels = np.asarray(paint, float) * (shade * grain)[..., None] + 255 * shine[..., None]
        self.image.paste(enlarge(pixels), scale_box(box), mask.crop(scale_box(box)))
        self.cover.paste(255, (0, 0), mask)
        return mask

    def _height(
        self,
        small: np.ndarray,
        box: Box,
        material: Material,
        creases: Sequence[Crease],
    ) -> np.ndarray:
        """Return the height map [H, W] of a window in pixels: rounded rim, folds, creases."""
        rim = np.clip(2 * blur(small, material.puff / 2) - 1, 0, 1)
        unit = frame().unit
        height = np.sin(rim * np.pi / 2) * material.puff * unit * material.roundness * 0.5
        if material.folds:
            height += material.folds * unit * noise(self.rng, material.fold_size, small.shape)
        for crease in creases:
            line = ribbon(crease.points, crease.width, 0.3 * crease.width)
            height += 2 * crease.depth * unit * blur(crop_mask(line, box), crease.width / 2)
        return height

    def shadow(self, mask: Image.Image, dx: float, dy: float, soft: float, strength: float) -> None:
        """Draw a shifted, blurred shadow of the mask."""
        box = find_window(mask, 3 * soft + max(abs(dx), abs(dy)) + 1)
        field = strength * blur(crop_mask(mask, box), soft)
        field = np.roll(field, (round(dy * frame().unit), round(dx * frame().unit)), (0, 1))
        self._cover_with(enlarge(255 * field), box, (18, 18, 26))

    def tint(self, mask: Image.Image, colour: Colour, opacity: float, soft: float = 0.0) -> None:
        """Blend a colour over the mask with soft edges: a reflection, a fade or a print."""
        box = find_window(mask, 3 * soft)
        if soft:
            alpha = enlarge(255 * opacity * blur(crop_mask(mask, box), soft))
        else:
            alpha = mask.crop(scale_box(box)).point(lambda v: opacity * v)
        self._cover_with(alpha, box, colour)

    def _cover_with(self, alpha: Image.Image, box: Box, colour: Colour) -> None:
        """Blend a colour over the window with the given alpha."""
        left, top, right, bottom = scale_box(box)
        self.image.paste(tuple(int(c) for c in colour), (left, top, right, bottom), alpha)

    def stitch(self, points: Sequence[Point], colour: Colour, width: float = 0.32) -> None:
        """Draw a row of stitches along a smooth line, in a faint furrow."""
        self.tint(ribbon(points, 0.9), (0, 0, 0), 0.25, 0.25)
        line = spline(points, 60)
        along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
        thread = empty_mask()
        pixels = frame().unit * frame().scale
        pen = ImageDraw.Draw(thread)
        for start in np.arange(0, along[-1] - 0.7, 1.25):
            x, y = (np.interp([start, start + 0.8], along, axis) * pixels for axis in line.T)
            pen.line([(x[0], y[0]), (x[1], y[1])], fill=255, width=max(1, round(width * pixels)))
        self.tint(thread, colour, 0.9)

    def seam(self, points: Sequence[Point], width: float = 0.35, depth: float = 0.5) -> None:
        """Draw a seam: a dark line with a light edge below it."""
        self.tint(ribbon([(x + 0.2, y + 0.35) for x, y in points], width), (255, 255, 255), 0.12)
        self.tint(ribbon(points, width), (0, 0, 0), depth)

    def render(self) -> Image.Image:
        """Return the picture at its final size."""
        blurred = ImageFilter.GaussianBlur(0.3 * frame().scale)  # avoids ringing at edges
        soft = self.image.filter(blurred)
        return soft.resize((frame().size, frame().size), Image.LANCZOS)
