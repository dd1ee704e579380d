"""Negatives that repeat: stripes, checks, dots, honeycombs, waves, mosaics, square codes."""

from random import Random

import numpy as np
from PIL import Image

from vlm.data import negatives_canvas as canvas
from vlm.data.negatives_canvas import Size


def pattern(rng: Random, size: Size) -> Image.Image:
    """A rendered pattern that fills the frame."""
    bands, lattices = (_stripes, _plaid, _waves, _zigzag), (_checks, _dots, _honeycomb, _bricks)
    return rng.choice(bands + lattices + (_rings, _mosaic, _code, _tiles))(rng, size)


def _turned(rng: Random, size: Size, upright: float = 0.4) -> tuple[np.ndarray, np.ndarray]:
    """The plane's x and y in units of one repeat, shifted and turned by chance."""
    x, y = canvas.plane(size)
    angle = rng.uniform(0, np.pi)
    if rng.random() < upright:
        angle = rng.choice((0, np.pi / 2, np.pi / 4))
    many = rng.uniform(3, 18)
    a, b = np.cos(angle) * many, np.sin(angle) * many
    return x * a + y * b + rng.random(), y * a - x * b + rng.random()


def _stripes(rng: Random, size: Size) -> Image.Image:
    """Bands of two to five colours, of one or of different widths."""
    x, _ = _turned(rng, size)
    colours = canvas.palette(rng, rng.randint(2, 5))
    edges = np.cumsum([rng.uniform(0.3, 1) for _ in colours])
    return canvas.inked(np.searchsorted(edges[:-1] / edges[-1], x % 1), colours)


def _checks(rng: Random, size: Size) -> Image.Image:
    """A chessboard; the squares may be oblongs."""
    x, y = _turned(rng, size)
    return canvas.inked(np.floor(x) + np.floor(y * rng.uniform(0.5, 2)), canvas.palette(rng, 2))


def _plaid(rng: Random, size: Size) -> Image.Image:
    """Bands that cross, each see-through."""
    x, y = _turned(rng, size)
    colours = np.array(canvas.palette(rng, 3), np.float32)
    wide, narrow = rng.uniform(0.2, 0.6), rng.uniform(0.05, 0.2)
    pixels = np.broadcast_to(colours[0], (*x.shape, 3))
    for place in (x, y):
        for width, ink in ((wide, colours[1]), (narrow, colours[2])):
            share = ((place % 1 < width) * 0.5)[..., None]
            pixels = pixels * (1 - share) + ink * share
    return canvas.picture(pixels)


def _dots(rng: Random, size: Size) -> Image.Image:
    """Discs or rings in rows, straight or staggered, of one or several colours."""
    x, y = _turned(rng, size)
    row = np.floor(y)
    x = x + (row % 2) * rng.choice((0, 0.5))
    far = np.hypot(x % 1 - 0.5, y % 1 - 0.5)
    radius, hole = rng.uniform(0.15, 0.48), rng.choice((0, 0, rng.uniform(0.05, 0.2)))
    ground, *inks = canvas.palette(rng, rng.randint(2, 5))
    which = 1 + (np.floor(x) * 7 + row * 3) % len(inks)
    return canvas.inked(np.where((far < radius) & (far >= hole), which, 0), [ground, *inks])


def _honeycomb(rng: Random, size: Size) -> Image.Image:
    """Hexagons: the nearest of two lattices of points, with or without borders."""
    x, y = _turned(rng, size)
    y = y / np.sqrt(3)
    first = (x - np.round(x)) ** 2 + 3 * (y - np.round(y)) ** 2
    u, v = np.floor(x) + 0.5, np.floor(y) + 0.5
    second = (x - u) ** 2 + 3 * (y - v) ** 2
    mine = first < second
    where = np.where(mine, np.round(x) * 2 + np.round(y) * 4, u * 2 + v * 4)
    colours = canvas.palette(rng, rng.randint(2, 4))
    index = 1 + where % (len(colours) - 1) if len(colours) > 2 else np.ones_like(x)
    if len(colours) == 2 or rng.random() < 0.5:
        index = np.where(np.abs(first - second) < rng.uniform(0.05, 0.15), 0, index)
    return canvas.inked(index, colours)


def _waves(rng: Random, size: Size) -> Image.Image:
    """Wavy bands, or two waves that cross and add up."""
    x, y = _turned(rng, size)
    bent = x + rng.uniform(0.1, 0.8) * np.sin(y * rng.uniform(0.5, 2))
    if rng.random() < 0.5:
        colours = canvas.palette(rng, rng.randint(2, 4))
        return canvas.inked(np.floor(bent * len(colours)), colours)
    share = 0.5 + 0.25 * (np.sin(bent * 2 * np.pi) + np.sin(y * rng.uniform(1, 7)))
    low, high = (np.array(ink, np.float32) for ink in canvas.palette(rng, 2))
    return canvas.picture(low + (high - low) * share[..., None])


def _rings(rng: Random, size: Size) -> Image.Image:
    """A spiral, rays or rings around a point, which fill the frame."""
    x, y = canvas.plane(size)
    x, y = x - rng.uniform(0, x.max()), y - rng.uniform(0, y.max())
    far, angle = np.hypot(x, y) * rng.uniform(4, 14), np.arctan2(y, x) / (2 * np.pi)
    rays, spirals = (rng.randint(3, 12), 0), (rng.randint(1, 4), rng.uniform(0.4, 1))
    arms, out = rng.choice(((0, 1), rays, spirals))
    colours = canvas.palette(rng, rng.randint(2, 4))
    return canvas.inked(np.floor((far * out + angle * arms) * len(colours)), colours)


def _mosaic(rng: Random, size: Size) -> Image.Image:
    """Voronoi cells of random points, at times with seams."""
    small = [max(2, side // 2) for side in size]
    x, y = canvas.plane((small[0], small[1]))
    chance, count = canvas.numbers(rng), rng.randint(20, 90)
    far = np.full(x.shape, np.inf, np.float32)
    owner = np.zeros(x.shape, np.int64)
    for number, (px, py) in enumerate(chance.random((count, 2), np.float32) * (x.max(), y.max())):
        near = np.square(x - px) + np.square(y - py)
        closer = near < far
        owner[closer], far[closer] = number, near[closer]
    image = canvas.inked(owner, canvas.palette(rng, rng.randint(3, 9)))
    if rng.random() < 0.5:
        seams = (owner != np.roll(owner, 1, 0)) | (owner != np.roll(owner, 1, 1))
        pixels = np.array(image)
        pixels[seams] = canvas.colour(rng)
        image = Image.fromarray(pixels)
    return image.resize(size, Image.Resampling.BILINEAR)


def _code(rng: Random, size: Size) -> Image.Image:
    """A square code: random modules with three finder squares, on paper."""
    side, paper = rng.randint(17, 41), canvas.paper(rng)
    modules = canvas.numbers(rng).random((side, side)) < 0.5
    finder = np.pad(np.pad(np.ones((3, 3), bool), 1), 1, constant_values=True)
    corner = np.pad(finder, ((0, 1), (0, 1)))
    modules[:8, :8], modules[:8, -8:], modules[-8:, :8] = corner, corner[:, ::-1], corner[::-1]
    code = canvas.inked(np.pad(modules, rng.randint(1, 3)), list(paper))
    image = canvas.blank(size, paper[0])
    across = round(min(size) * rng.uniform(0.8, 1))
    code = code.resize((across, across), Image.Resampling.NEAREST)
    image.paste(code, ((size[0] - across) // 2, (size[1] - across) // 2))
    return image


def _zigzag(rng: Random, size: Size) -> Image.Image:
    """Chevrons."""
    x, y = _turned(rng, size)
    colours = canvas.palette(rng, rng.randint(2, 4))
    high = rng.uniform(0.5, 3)
    return canvas.inked(np.floor((x + high * np.abs(y % 1 - 0.5)) * len(colours) / 2), colours)


def _bricks(rng: Random, size: Size) -> Image.Image:
    """Staggered oblongs with joints, each in one of several shades."""
    x, y = _turned(rng, size, upright=0.7)
    row = np.floor(y * rng.uniform(1.2, 2.5))
    x = x + row % 2 * 0.5
    colours = canvas.palette(rng, rng.randint(3, 5))
    index = 1 + (np.floor(x) * 5 + row * 11) % (len(colours) - 1)
    joint = (x % 1 < 0.06) | (y * 1.5 % 1 < 0.0)
    return canvas.inked(np.where(joint, 0, index), colours)


def _tiles(rng: Random, size: Size) -> Image.Image:
    """One small random tile, mirrored and repeated."""
    chance, side = canvas.numbers(rng), rng.randint(3, 8)
    colours = canvas.palette(rng, rng.randint(2, 5))
    tile = chance.integers(0, len(colours), (side, side))
    tile = np.hstack([tile, tile[:, ::-1]])
    tile = np.vstack([tile, tile[::-1]])
    x, y = _turned(rng, size)
    u, v = ((place * rng.choice((1, 2)) * side).astype(np.int64) % (2 * side) for place in (x, y))
    return canvas.inked(tile[v, u], colours)
