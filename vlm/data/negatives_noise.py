"""Negatives without anything drawn: noise of many kinds, and blank or plain pictures."""

from random import Random

import numpy as np
from PIL import Image

from vlm.data import negatives_canvas as canvas
from vlm.data.negatives_canvas import Size


def noise(rng: Random, size: Size) -> Image.Image:
    """Random pixels, from white noise to clouds and blocks."""
    return rng.choice((_white, _clouds, _pepper, _blocks, _streaks, _clouds))(rng, size)


def plain(rng: Random, size: Size) -> Image.Image:
    """One colour, or one that passes slowly into another; with a little grain at times."""
    return _grain(rng, rng.choice((_one_colour, _slope, _glow, _halves))(rng, size))


def _white(rng: Random, size: Size) -> Image.Image:
    """Independent pixels: grey or coloured, even or normal, faint or strong."""
    chance, (width, height) = canvas.numbers(rng), size
    shape = (height, width) if rng.random() < 0.4 else (height, width, 3)
    if rng.random() < 0.5:
        return canvas.picture(chance.integers(0, 256, shape, np.uint8))
    values = chance.standard_normal(shape, np.float32) * rng.uniform(25, 90)
    ground = np.array(canvas.colour(rng), np.float32)
    return canvas.picture(values + (ground if len(shape) == 3 else ground.mean()))


def _clouds(rng: Random, size: Size) -> Image.Image:
    """Coarse to fine noise laid over each other, between two or three colours."""
    chance, total, weight = canvas.numbers(rng), np.zeros(size[::-1], np.float32), 0.0
    cells, fade = rng.uniform(1.5, 8), rng.uniform(0.35, 0.9)
    for octave in range(rng.randint(2, 5)):
        grid = [max(2, round(cells * side / min(size) * 2**octave)) for side in size]
        small = Image.fromarray(chance.random(grid[::-1], np.float32))
        total += fade**octave * np.asarray(small.resize(size, Image.Resampling.BICUBIC))
        weight += fade**octave
    share = np.clip((total / weight - 0.5) * rng.uniform(1.2, 3.5) + 0.5, 0, 1)[..., None]
    colours = np.array(canvas.palette(rng, 3), np.float32)
    low = colours[0] + (colours[1] - colours[0]) * np.minimum(share * 2, 1)
    return canvas.picture(low + (colours[2] - colours[1]) * np.maximum(share * 2 - 1, 0))


def _pepper(rng: Random, size: Size) -> Image.Image:
    """Specks of one or two colours on a plain or clouded ground."""
    ground = _clouds if rng.random() < 0.2 else _one_colour
    pixels = np.array(ground(rng, size))
    share, chance = rng.uniform(0.03, 0.4), canvas.numbers(rng).random(size[::-1], np.float32)
    dark, light = rng.choice((((0, 0, 0), (255, 255, 255)), canvas.palette(rng, 2)))
    pixels[chance < share / 2] = dark
    pixels[chance > 1 - share / 2] = light
    return Image.fromarray(pixels)


def _blocks(rng: Random, size: Size) -> Image.Image:
    """A coarse grid of random colours, hard or soft at the edges."""
    chance, across = canvas.numbers(rng), rng.randint(4, 48)
    down = max(3, round(across * size[1] / size[0] * rng.choice((1, 1, 0.3, 2))))
    if rng.random() < 0.5:
        cells = chance.integers(0, 256, (down, across, 3), np.uint8)
    else:
        table = np.array(canvas.palette(rng, rng.randint(2, 7)), np.uint8)
        cells = table[chance.integers(0, len(table), (down, across))]
    how = Image.Resampling.NEAREST if rng.random() < 0.7 else Image.Resampling.BICUBIC
    return Image.fromarray(cells).resize(size, how)


def _streaks(rng: Random, size: Size) -> Image.Image:
    """Noise drawn out along one direction, as on a screen without a signal."""
    width, height = size
    long = rng.uniform(4, 60)
    cells = (
        (max(2, round(width / long)), height)
        if rng.random() < 0.6
        else (width, max(2, round(height / long)))
    )
    shape = (*cells[::-1], 3) if rng.random() < 0.5 else cells[::-1]
    values = canvas.numbers(rng).integers(0, 256, shape, np.uint8)
    return Image.fromarray(values).resize(size, Image.Resampling.BILINEAR).convert("RGB")


def _one_colour(rng: Random, size: Size) -> Image.Image:
    level = rng.randint(0, 255)
    ground = rng.choice(
        (canvas.colour(rng), canvas.colour(rng), (level,) * 3, (255,) * 3, (0,) * 3)
    )
    return canvas.blank(size, ground)


def _slope(rng: Random, size: Size) -> Image.Image:
    """A gradient along any direction through two to four colours."""
    x, y = canvas.plane(size)
    angle = rng.uniform(0, 2 * np.pi)
    along = x * np.cos(angle) + y * np.sin(angle)
    return _passing(rng, (along - along.min()) / np.ptp(along))


def _glow(rng: Random, size: Size) -> Image.Image:
    """Light that falls off from a point at the edge or beyond: in the middle it could be a ball."""
    x, y = canvas.plane(size)
    across, down = rng.uniform(-0.3, 1.3) * x.max(), rng.choice((-0.2, 0, 1, 1.2)) * y.max()
    far = np.hypot(x - across, y - down) / rng.uniform(0.8, 2)
    return _passing(rng, np.clip(far, 0, 1))


def _halves(rng: Random, size: Size) -> Image.Image:
    """Two plain surfaces that meet at an edge, as a wall and a floor."""
    x, y = canvas.plane(size)
    angle = rng.uniform(0, np.pi)
    side = (x - x.mean()) * np.cos(angle) + (y - y.mean()) * np.sin(angle) > rng.uniform(-0.3, 0.3)
    return canvas.inked(side, canvas.palette(rng, 2))


def _passing(rng: Random, share: np.ndarray) -> Image.Image:
    """Colours that pass into each other as the share [H, W] goes from 0 to 1."""
    colours = np.array(canvas.palette(rng, rng.choice((2, 2, 3, 4))), np.float32)
    stops = np.linspace(0, 1, len(colours))
    return canvas.picture(np.stack([np.interp(share, stops, channel) for channel in colours.T], -1))


def _grain(rng: Random, image: Image.Image) -> Image.Image:
    """A little noise for half of the pictures, as a camera adds."""
    if rng.random() < 0.5:
        return image
    pixels = np.asarray(image, np.float32)
    grain = canvas.numbers(rng).standard_normal(pixels.shape, np.float32)
    return canvas.picture(pixels + grain * rng.uniform(1, 8))
