"""Negatives: stripes, checks, dots, honeycombs, waves, mosaics, square codes."""

from random import Random

import numpy as np
from PIL import Image

from vlm.data.drawing import canvas
from vlm.data.drawing.canvas import Size


def draw_pattern(rng: Random, size: Size) -> Image.Image:
    """Draw a pattern that fills the frame."""
    bands, lattices = (
        (_draw_stripes, _draw_plaid, _draw_waves, _draw_zigzag),
        (_draw_checks, _draw_dots, _draw_honeycomb, _draw_bricks),
    )
    return rng.choice(bands + lattices + (_draw_rings, _draw_mosaic, _draw_code, _draw_tiles))(
        rng, size
    )


def _make_turned_grid(
    rng: Random, size: Size, upright: float = 0.4
) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y of each pixel [H, W] in units of one repeat, randomly shifted and rotated."""
    x, y = canvas.make_grid(size)
    angle = rng.uniform(0, np.pi)
    if rng.random() < upright:
        angle = rng.choice((0, np.pi / 2, np.pi / 4))
    many = rng.uniform(3, 18)
    a, b = np.cos(angle) * many, np.sin(angle) * many
    return x * a + y * b + rng.random(), y * a - x * b + rng.random()


def _draw_stripes(rng: Random, size: Size) -> Image.Image:
    """Draw bands of two to five colours with different widths."""
    x, _ = _make_turned_grid(rng, size)
    colours = canvas.sample_palette(rng, rng.randint(2, 5))
    edges = np.cumsum([rng.uniform(0.3, 1) for _ in colours])
    return canvas.map_colours(np.searchsorted(edges[:-1] / edges[-1], x % 1), colours)


def _draw_checks(rng: Random, size: Size) -> Image.Image:
    """Draw a chessboard; the squares may be rectangles."""
    x, y = _make_turned_grid(rng, size)
    return canvas.map_colours(
        np.floor(x) + np.floor(y * rng.uniform(0.5, 2)), canvas.sample_palette(rng, 2)
    )


def _draw_plaid(rng: Random, size: Size) -> Image.Image:
    """Draw translucent crossing bands."""
    x, y = _make_turned_grid(rng, size)
    colours = np.array(canvas.sample_palette(rng, 3), np.float32)
    wide, narrow = rng.uniform(0.2, 0.6), rng.uniform(0.05, 0.2)
    pixels = np.broadcast_to(colours[0], (*x.shape, 3))
    for place in (x, y):
        for width, ink in ((wide, colours[1]), (narrow, colours[2])):
            share = ((place % 1 < width) * 0.5)[..., None]
            pixels = pixels * (1 - share) + ink * share
    return canvas.to_image(pixels)


def _draw_dots(rng: Random, size: Size) -> Image.Image:
    """Draw discs or rings in straight or staggered rows, in one or several colours."""
    x, y = _make_turned_grid(rng, size)
    row = np.floor(y)
    x = x + (row % 2) * rng.choice((0, 0.5))
    far = np.hypot(x % 1 - 0.5, y % 1 - 0.5)
    radius, hole = rng.uniform(0.15, 0.48), rng.choice((0, 0, rng.uniform(0.05, 0.2)))
    ground, *inks = canvas.sample_palette(rng, rng.randint(2, 5))
    which = 1 + (np.floor(x) * 7 + row * 3) % len(inks)
    return canvas.map_colours(np.where((far < radius) & (far >= hole), which, 0), [ground, *inks])


def _draw_honeycomb(rng: Random, size: Size) -> Image.Image:
    """Draw hexagons (the nearest point of two lattices), with or without borders."""
    x, y = _make_turned_grid(rng, size)
    y = y / np.sqrt(3)
    first = (x - np.round(x)) ** 2 + 3 * (y - np.round(y)) ** 2
    u, v = np.floor(x) + 0.5, np.floor(y) + 0.5
    second = (x - u) ** 2 + 3 * (y - v) ** 2
    mine = first < second
    where = np.where(mine, np.round(x) * 2 + np.round(y) * 4, u * 2 + v * 4)
    colours = canvas.sample_palette(rng, rng.randint(2, 4))
    index = 1 + where % (len(colours) - 1) if len(colours) > 2 else np.ones_like(x)
    if len(colours) == 2 or rng.random() < 0.5:
        index = np.where(np.abs(first - second) < rng.uniform(0.05, 0.15), 0, index)
    return canvas.map_colours(index, colours)


def _draw_waves(rng: Random, size: Size) -> Image.Image:
    """Draw wavy bands, or the sum of two crossing waves."""
    x, y = _make_turned_grid(rng, size)
    bent = x + rng.uniform(0.1, 0.8) * np.sin(y * rng.uniform(0.5, 2))
    if rng.random() < 0.5:
        colours = canvas.sample_palette(rng, rng.randint(2, 4))
        return canvas.map_colours(np.floor(bent * len(colours)), colours)
    share = 0.5 + 0.25 * (np.sin(bent * 2 * np.pi) + np.sin(y * rng.uniform(1, 7)))
    low, high = (np.array(ink, np.float32) for ink in canvas.sample_palette(rng, 2))
    return canvas.to_image(low + (high - low) * share[..., None])


def _draw_rings(rng: Random, size: Size) -> Image.Image:
    """Draw a spiral, rays or rings around a point."""
    x, y = canvas.make_grid(size)
    x, y = x - rng.uniform(0, x.max()), y - rng.uniform(0, y.max())
    far, angle = np.hypot(x, y) * rng.uniform(4, 14), np.arctan2(y, x) / (2 * np.pi)
    rays, spirals = (rng.randint(3, 12), 0), (rng.randint(1, 4), rng.uniform(0.4, 1))
    arms, out = rng.choice(((0, 1), rays, spirals))
    colours = canvas.sample_palette(rng, rng.randint(2, 4))
    return canvas.map_colours(np.floor((far * out + angle * arms) * len(colours)), colours)


def _draw_mosaic(rng: Random, size: Size) -> Image.Image:
    """Draw Voronoi cells of random points, sometimes with borders."""
    small = [max(2, side // 2) for side in size]
    x, y = canvas.make_grid((small[0], small[1]))
    chance, count = canvas.make_generator(rng), rng.randint(20, 90)
    far = np.full(x.shape, np.inf, np.float32)
    owner = np.zeros(x.shape, np.int64)
    for number, (px, py) in enumerate(chance.random((count, 2), np.float32) * (x.max(), y.max())):
        near = np.square(x - px) + np.square(y - py)
        closer = near < far
        owner[closer], far[closer] = number, near[closer]
    image = canvas.map_colours(owner, canvas.sample_palette(rng, rng.randint(3, 9)))
    if rng.random() < 0.5:
        seams = (owner != np.roll(owner, 1, 0)) | (owner != np.roll(owner, 1, 1))
        pixels = np.array(image)
        pixels[seams] = canvas.sample_colour(rng)
        image = Image.fromarray(pixels)
    return image.resize(size, Image.Resampling.BILINEAR)


def _draw_code(rng: Random, size: Size) -> Image.Image:
    """Draw a square code: random modules with three finder squares."""
    side, paper = rng.randint(17, 41), canvas.sample_paper(rng)
    modules = canvas.make_generator(rng).random((side, side)) < 0.5
    finder = np.pad(np.pad(np.ones((3, 3), bool), 1), 1, constant_values=True)
    corner = np.pad(finder, ((0, 1), (0, 1)))
    modules[:8, :8], modules[:8, -8:], modules[-8:, :8] = corner, corner[:, ::-1], corner[::-1]
    code = canvas.map_colours(np.pad(modules, rng.randint(1, 3)), list(paper))
    image = canvas.make_sheet(size, paper[0])
    across = round(min(size) * rng.uniform(0.8, 1))
    code = code.resize((across, across), Image.Resampling.NEAREST)
    image.paste(code, ((size[0] - across) // 2, (size[1] - across) // 2))
    return image


def _draw_zigzag(rng: Random, size: Size) -> Image.Image:
    """Draw chevrons."""
    x, y = _make_turned_grid(rng, size)
    colours = canvas.sample_palette(rng, rng.randint(2, 4))
    high = rng.uniform(0.5, 3)
    return canvas.map_colours(
        np.floor((x + high * np.abs(y % 1 - 0.5)) * len(colours) / 2), colours
    )


def _draw_bricks(rng: Random, size: Size) -> Image.Image:
    """Draw staggered bricks with joints, in several colours."""
    x, y = _make_turned_grid(rng, size, upright=0.7)
    row = np.floor(y * rng.uniform(1.2, 2.5))
    x = x + row % 2 * 0.5
    colours = canvas.sample_palette(rng, rng.randint(3, 5))
    index = 1 + (np.floor(x) * 5 + row * 11) % (len(colours) - 1)
    joint = (x % 1 < 0.06) | (y * 1.5 % 1 < 0.0)
    return canvas.map_colours(np.where(joint, 0, index), colours)


def _draw_tiles(rng: Random, size: Size) -> Image.Image:
    """Draw one small random tile, mirrored and repeated."""
    chance, side = canvas.make_generator(rng), rng.randint(3, 8)
    colours = canvas.sample_palette(rng, rng.randint(2, 5))
    tile = chance.integers(0, len(colours), (side, side))
    tile = np.hstack([tile, tile[:, ::-1]])
    tile = np.vstack([tile, tile[::-1]])
    x, y = _make_turned_grid(rng, size)
    u, v = ((place * rng.choice((1, 2)) * side).astype(np.int64) % (2 * side) for place in (x, y))
    return canvas.map_colours(tile[v, u], colours)
