"""Negatives: doodles and heaps of shapes."""

import cmath
import math
from random import Random

from PIL import Image, ImageDraw

from vlm.data.drawing import canvas
from vlm.data.drawing.canvas import Colour, Size

TURN = 2 * math.pi
Strokes = list[
    list[complex]
]  # x + iy relative to the doodle's centre, about 1 unit in each direction


def draw_doodle(rng: Random, size: Size) -> Image.Image:
    """Draw pen strokes all over the sheet: scribbles, loops, stars, arrows, stick figures."""
    ground, ink = canvas.sample_paper(rng)
    image = canvas.make_sheet(size, ground)
    draw = ImageDraw.Draw(image)
    _draw_rules(rng, draw, size, ground)
    all_kinds = (
        _make_scribble,
        _make_loop,
        _make_star,
        _make_arrow,
        _make_stick,
        _make_zigzag,
        _make_cube,
        _make_flower,
    )
    kinds = rng.sample(all_kinds, rng.randint(1, 5))
    inks = [ink, canvas.sample_distinct(rng, ground, 200)] if rng.random() < 0.4 else [ink]
    wide = rng.choice((1, 1, 2, 2, 3, 4))
    for _ in range(rng.randint(5, 22)):
        place = complex(rng.uniform(0, size[0]), rng.uniform(0, size[1]))
        turned = cmath.rect(rng.uniform(0.1, 0.32) * min(size), rng.uniform(-0.5, 0.5))
        for stroke in rng.choice(kinds)(rng):
            spots = [place + turned * spot for spot in stroke]
            draw.line([(z.real, z.imag) for z in spots], rng.choice(inks), wide, joint="curve")
    return image


def _draw_rules(rng: Random, draw: ImageDraw.ImageDraw, size: Size, ground: Colour) -> None:
    """Draw the lines of a notebook under a third of the doodles."""
    width, height = size
    faint = tuple(round(level * 0.8 + 30) for level in ground)
    step, kind = rng.randint(8, 24), rng.random()
    for y in range(0, height, step) if kind < 0.35 else ():
        draw.line((0, y, width, y), faint)
    for x in range(0, width, step) if kind < 0.15 else ():
        draw.line((x, 0, x, height), faint)


def _make_scribble(rng: Random) -> Strokes:
    """Return a random walk with slowly changing direction."""
    place, way, bend, stroke = 0j, rng.uniform(0, TURN), rng.uniform(0.3, 1.2), []
    for _ in range(rng.randint(10, 60)):
        way += rng.gauss(0, bend)
        place += cmath.rect(0.15, way)
        stroke.append(place)
    return [stroke]


def _make_loop(rng: Random) -> Strokes:
    """Return coils along a line."""
    turns, along = rng.uniform(1.5, 8), rng.uniform(0, 2.5)
    return [[along * n / 60 + cmath.rect(0.6, TURN * turns * n / 60) for n in range(61)]]


def _make_star(rng: Random) -> Strokes:
    points = rng.choice((5, 7, 9))
    return [[cmath.rect(1, TURN * (points // 2) * n / points) for n in range(points + 1)]]


def _make_arrow(rng: Random) -> Strokes:
    bend = rng.uniform(-0.5, 0.5)
    shaft = [complex(n / 5 - 1, bend * math.sin(math.pi * n / 10)) for n in range(11)]
    return [shaft, [0.7 - 0.25j, 1 + 0j, 0.7 + 0.25j]]


def _make_stick(rng: Random) -> Strokes:
    """Return a stick figure."""
    head = [-0.75j + cmath.rect(0.25, n / 2) for n in range(14)]
    hands = complex(0, rng.uniform(-0.5, 0.3))
    arms, legs = [hands - 0.5, -0.2j, hands + 0.5], [-0.4 + 1j, 0.3j, 0.4 + 1j]
    return [head, [-0.5j, 0.3j], arms, legs]


def _make_zigzag(rng: Random) -> Strokes:
    high, count = rng.uniform(0.1, 0.6), rng.randint(5, 18)
    return [[complex(n / 5 - 1, high * (-1) ** n * rng.uniform(0.5, 1)) for n in range(count)]]


def _make_cube(rng: Random) -> Strokes:
    front = [0j, 0.7 + 0j, 0.7 + 0.7j, 0.7j, 0j]
    depth = rng.uniform(0.2, 0.5)
    back = [corner + complex(depth, -depth) for corner in front]
    return [front, back, *([front[n], back[n]] for n in range(4))]


def _make_flower(rng: Random) -> Strokes:
    """Return a rose curve with a stem."""
    petals, angles = rng.randint(3, 7), [TURN * n / 80 for n in range(81)]
    return [[0.6 * math.cos(petals * a) * cmath.rect(1, a) for a in angles], [0j, 0.1 + 1.3j]]


Place = tuple[float, float, float]  # x, y and radius in pixels


def draw_shapes(rng: Random, size: Size) -> Image.Image:
    """Draw a heap of shapes, filled, outlined or translucent, or a divided plane."""
    if rng.random() < 0.2:
        return _draw_divided(rng, size)
    ground = canvas.sample_colour(rng) if rng.random() < 0.6 else canvas.sample_paper(rng)[0]
    image = canvas.make_sheet(size, ground)
    draw = ImageDraw.Draw(image, "RGBA")
    inks = canvas.sample_palette(rng, rng.randint(2, 7))
    alpha, outlined = rng.choice((255, 255, rng.randint(60, 200))), rng.random() < 0.25
    kinds = rng.sample(
        (_draw_ellipse, _draw_box, _draw_polygon, _draw_bar, _draw_arc), rng.randint(1, 3)
    )
    small, large = sorted((rng.uniform(0.05, 0.2), rng.uniform(0.1, 0.5)))
    for _ in range(rng.randint(12, 60)):
        x, y = rng.uniform(0, size[0]), rng.uniform(0, size[1])
        radius, ink = rng.uniform(small, large) * min(size), (*rng.choice(inks), alpha)
        rng.choice(kinds)(rng, draw, (x, y, radius), ink, outlined)
    return image


def _draw_ellipse(
    rng: Random, draw: ImageDraw.ImageDraw, place: Place, ink, outlined: bool
) -> None:
    draw.ellipse(_make_box(rng, place, 0.4), None if outlined else ink, ink, 2)


def _draw_box(rng: Random, draw: ImageDraw.ImageDraw, place: Place, ink, outlined: bool) -> None:
    draw.rectangle(_make_box(rng, place, 0.2), None if outlined else ink, ink, 2)


def _make_box(rng: Random, place: Place, least: float) -> tuple[float, float, float, float]:
    """Return a box around a place; its height is at least this share of its width."""
    x, y, radius = place
    high = radius * rng.uniform(least, 1)
    return x - radius, y - high, x + radius, y + high


def _draw_polygon(
    rng: Random, draw: ImageDraw.ImageDraw, place: Place, ink, outlined: bool
) -> None:
    """Draw a polygon with three to seven corners; triangles are most frequent."""
    x, y, radius = place
    angles = sorted(rng.uniform(0, TURN) for _ in range(rng.choice((3, 3, 4, 5, 7))))
    spots = [(x + radius * math.cos(a), y + radius * math.sin(a)) for a in angles]
    draw.polygon(spots, None if outlined else ink, ink)


def _draw_bar(rng: Random, draw: ImageDraw.ImageDraw, place: Place, ink, outlined: bool) -> None:
    x, y, radius = place
    angle = rng.uniform(0, math.pi)
    a, b = radius * math.cos(angle), radius * math.sin(angle)
    draw.line((x - a, y - b, x + a, y + b), ink, 2 if outlined else rng.randint(2, 14))


def _draw_arc(rng: Random, draw: ImageDraw.ImageDraw, place: Place, ink, outlined: bool) -> None:
    x, y, radius = place
    start = rng.uniform(0, 360)
    spot = (x - radius, y - radius, x + radius, y + radius)
    draw.arc(spot, start, start + rng.uniform(60, 320), ink, 2 if outlined else rng.randint(2, 10))


def _draw_divided(rng: Random, size: Size) -> Image.Image:
    """Draw a plane divided by vertical and horizontal lines, in a few colours."""
    inks, seam = canvas.sample_palette(rng, rng.randint(3, 6)), canvas.sample_colour(rng, (0, 0.4))
    image = canvas.make_sheet(size, inks[0])
    draw, parts, wide = ImageDraw.Draw(image), [(0, 0, *size)], rng.choice((0, 1, 3, 6))
    for _ in range(rng.randint(6, 30)):
        left, top, right, bottom = parts.pop(rng.randrange(len(parts)))
        share = rng.uniform(0.2, 0.8)
        if right - left > bottom - top:
            middle = left + (right - left) * share
            parts += [(left, top, middle, bottom), (middle, top, right, bottom)]
        else:
            middle = top + (bottom - top) * share
            parts += [(left, top, right, middle), (left, middle, right, bottom)]
    for part in parts:
        draw.rectangle(part, rng.choice(inks), seam if wide else None, wide or 1)
    return image
