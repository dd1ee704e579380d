"""Negatives: many kinds of noise, and blank or plain pictures."""

from random import Random

import numpy as np
from PIL import Image

from vlm.data.drawing import canvas
from vlm.data.drawing.canvas import Size


def draw_noise(rng: Random, size: Size) -> Image.Image:
    """Draw noise, from white noise to clouds and blocks."""
    return rng.choice(
        (_draw_white, _draw_clouds, _draw_pepper, _draw_blocks, _draw_streaks, _draw_clouds)
    )(rng, size)


def draw_plain(rng: Random, size: Size) -> Image.Image:
    """Draw one colour, a gradient or two halves, sometimes with a little grain."""
    return _add_grain(
        rng, rng.choice((_draw_one_colour, _draw_slope, _draw_glow, _draw_halves))(rng, size)
    )


def _draw_white(rng: Random, size: Size) -> Image.Image:
    """Draw independent pixels: grey or coloured, uniform or normal, faint or strong."""
    chance, (width, height) = canvas.make_generator(rng), size
    shape = (height, width) if rng.random() < 0.4 else (height, width, 3)
    if rng.random() < 0.5:
        return canvas.to_image(chance.integers(0, 256, shape, np.uint8))
    values = chance.standard_normal(shape, np.float32) * rng.uniform(25, 90)
    ground = np.array(canvas.sample_colour(rng), np.float32)
    return canvas.to_image(values + (ground if len(shape) == 3 else ground.mean()))


def _draw_clouds(rng: Random, size: Size) -> Image.Image:
    """Draw the sum of coarse to fine noise, mapped to three colours."""
    chance, total, weight = canvas.make_generator(rng), np.zeros(size[::-1], np.float32), 0.0
    cells, fade = rng.uniform(1.5, 8), rng.uniform(0.35, 0.9)
    for octave in range(rng.randint(2, 5)):
        grid = [max(2, round(cells * side / min(size) * 2**octave)) for side in size]
        small = Image.fromarray(chance.random(grid[::-1], np.float32))
        total += fade**octave * np.asarray(small.resize(size, Image.Resampling.BICUBIC))
        weight += fade**octave
    share = np.clip((total / weight - 0.5) * rng.uniform(1.2, 3.5) + 0.5, 0, 1)[..., None]
    colours = np.array(canvas.sample_palette(rng, 3), np.float32)
    low = colours[0] + (colours[1] - colours[0]) * np.minimum(share * 2, 1)
    return canvas.to_image(low + (colours[2] - colours[1]) * np.maximum(share * 2 - 1, 0))


def _draw_pepper(rng: Random, size: Size) -> Image.Image:
    """Draw salt-and-pepper noise on a plain or cloudy background."""
    ground = _draw_clouds if rng.random() < 0.2 else _draw_one_colour
    pixels = np.array(ground(rng, size))
    share, chance = (
        rng.uniform(0.03, 0.4),
        canvas.make_generator(rng).random(size[::-1], np.float32),
    )
    dark, light = rng.choice((((0, 0, 0), (255, 255, 255)), canvas.sample_palette(rng, 2)))
    pixels[chance < share / 2] = dark
    pixels[chance > 1 - share / 2] = light
    return Image.fromarray(pixels)


def _draw_blocks(rng: Random, size: Size) -> Image.Image:
    """Draw a coarse grid of random colours with hard or soft edges."""
    chance, across = canvas.make_generator(rng), rng.randint(4, 48)
    down = max(3, round(across * size[1] / size[0] * rng.choice((1, 1, 0.3, 2))))
    if rng.random() < 0.5:
        cells = chance.integers(0, 256, (down, across, 3), np.uint8)
    else:
        table = np.array(canvas.sample_palette(rng, rng.randint(2, 7)), np.uint8)
        cells = table[chance.integers(0, len(table), (down, across))]
    how = Image.Resampling.NEAREST if rng.random() < 0.7 else Image.Resampling.BICUBIC
    return Image.fromarray(cells).resize(size, how)


def _draw_streaks(rng: Random, size: Size) -> Image.Image:
    """Draw noise stretched in one direction, like a screen without a signal."""
    width, height = size
    long = rng.uniform(4, 60)
    cells = (
        (max(2, round(width / long)), height)
        if rng.random() < 0.6
        else (width, max(2, round(height / long)))
    )
    shape = (*cells[::-1], 3) if rng.random() < 0.5 else cells[::-1]
    values = canvas.make_generator(rng).integers(0, 256, shape, np.uint8)
    return Image.fromarray(values).resize(size, Image.Resampling.BILINEAR).convert("RGB")


def _draw_one_colour(rng: Random, size: Size) -> Image.Image:
    level = rng.randint(0, 255)
    ground = rng.choice(
        (canvas.sample_colour(rng), canvas.sample_colour(rng), (level,) * 3, (255,) * 3, (0,) * 3)
    )
    return canvas.make_sheet(size, ground)


def _draw_slope(rng: Random, size: Size) -> Image.Image:
    """Draw a gradient in any direction through two to four colours."""
    x, y = canvas.make_grid(size)
    angle = rng.uniform(0, 2 * np.pi)
    along = x * np.cos(angle) + y * np.sin(angle)
    return _map_gradient(rng, (along - along.min()) / np.ptp(along))


def _draw_glow(rng: Random, size: Size) -> Image.Image:
    """Draw light fading from a point at the edge or beyond; in the middle it might be a ball."""
    x, y = canvas.make_grid(size)
    across, down = rng.uniform(-0.3, 1.3) * x.max(), rng.choice((-0.2, 0, 1, 1.2)) * y.max()
    far = np.hypot(x - across, y - down) / rng.uniform(0.8, 2)
    return _map_gradient(rng, np.clip(far, 0, 1))


def _draw_halves(rng: Random, size: Size) -> Image.Image:
    """Draw two plain surfaces that meet at an edge, like a wall and a floor."""
    x, y = canvas.make_grid(size)
    angle = rng.uniform(0, np.pi)
    side = (x - x.mean()) * np.cos(angle) + (y - y.mean()) * np.sin(angle) > rng.uniform(-0.3, 0.3)
    return canvas.map_colours(side, canvas.sample_palette(rng, 2))


def _map_gradient(rng: Random, share: np.ndarray) -> Image.Image:
    """Map values [H, W] from 0 to 1 to a gradient of random colours."""
    colours = np.array(canvas.sample_palette(rng, rng.choice((2, 2, 3, 4))), np.float32)
    stops = np.linspace(0, 1, len(colours))
    return canvas.to_image(
        np.stack([np.interp(share, stops, channel) for channel in colours.T], -1)
    )


def _add_grain(rng: Random, image: Image.Image) -> Image.Image:
    """Add a little camera noise to half of the pictures."""
    if rng.random() < 0.5:
        return image
    pixels = np.asarray(image, np.float32)
    grain = canvas.make_generator(rng).standard_normal(pixels.shape, np.float32)
    return canvas.to_image(pixels + grain * rng.uniform(1, 8))
