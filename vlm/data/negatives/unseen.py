"""Negatives that are only in the validation split."""

import cmath
import math
from itertools import product
from random import Random

import numpy as np
from PIL import Image, ImageDraw

from vlm.data.drawing import canvas
from vlm.data.drawing.canvas import Colour, Size, load_font, make_phrase

STREETS = (  # width in pixels, colour, count
    (2, (255, 255, 255), 40),
    (4, (250, 230, 140), 5),
    (6, (240, 170, 110), 2),
)
DAY = ((242, 239, 233), (170, 205, 225), (200, 225, 180))  # land, water, park
NIGHT = ((40, 44, 52), (20, 30, 60), (34, 54, 44))
JULIA = (-0.8 + 0.156j, 0.285 + 0.01j, -0.4 + 0.6j, -0.70176 - 0.3842j, -0.835 - 0.2321j)
MANDELBROT = (-0.75 + 0.1j, -1.25 + 0.05j, -0.16 + 1.035j, 0.28 + 0.008j, -0.745 + 0.113j)
STEPS = 40  # iterations after which a point counts as inside the set
MONTHS = "January February March April May June July August September October November December"


def draw_street_map(rng: Random, size: Size) -> Image.Image:
    """Draw a street map: streets of several widths, water, parks and names."""
    land, water, park = DAY if rng.random() < 0.7 else NIGHT
    image = canvas.make_sheet(size, land)
    draw, (width, height) = ImageDraw.Draw(image), size
    for fill in (park, park, water):
        middle = complex(rng.uniform(0, width), rng.uniform(0, height))
        big = rng.uniform(0.15, 0.4) * min(size)
        angles = sorted(rng.uniform(0, 2 * math.pi) for _ in range(8))
        spots = [middle + cmath.rect(big * rng.uniform(0.7, 1.2), angle) for angle in angles]
        draw.polygon([(spot.real, spot.imag) for spot in spots], fill)
    turn, step = rng.uniform(-0.5, 0.5), rng.uniform(14, 34)
    for wide, fill, many in STREETS:
        for _ in range(many):
            draw.line(_make_street(rng, size, turn, step), fill, wide, joint="curve")
    for _ in range(rng.randint(3, 9)):
        place = rng.uniform(0, width), rng.uniform(0, height)
        draw.text(
            place, make_phrase(rng, 1).title(), (110, 110, 110), load_font(rng.randint(8, 12))
        )
    return image


def _make_street(rng: Random, size: Size, turn: float, step: float) -> list[tuple[float, float]]:
    """Return a slightly bent line through the frame in one of two directions."""
    angle = turn + rng.choice((0, math.pi / 2)) + rng.gauss(0, 0.05)
    far = cmath.rect(rng.randint(-8, 8) * step, angle + math.pi / 2)
    middle, end = complex(*size) / 2 + far, cmath.rect(2 * max(size), angle)
    bend = middle + complex(rng.gauss(0, 8), rng.gauss(0, 8))
    return [(spot.real, spot.imag) for spot in (middle - end, bend, middle + end)]


def draw_music(rng: Random, size: Size) -> Image.Image:
    """Draw sheet music: staves with notes, stems, beams and bar lines."""
    ground, ink = (rng.randint(235, 255),) * 3, (rng.randint(0, 50),) * 3
    image = canvas.make_sheet(size, ground)
    draw, (width, height) = ImageDraw.Draw(image), size
    gap = rng.randint(4, 8)
    for top in range(rng.randint(6, 24), height, gap * rng.randint(8, 11)):
        for line in range(5):
            draw.line((4, top + line * gap, width - 4, top + line * gap), ink)
        x = 14
        while x < width - 10:
            x = _draw_notes(rng, draw, (x, top + rng.randint(-1, 9) * gap / 2, gap), ink)
            if rng.random() < 0.2:
                draw.line((x, top, x, top + 4 * gap), ink)
                x += 2 * gap
    return image


def _draw_notes(rng: Random, draw: ImageDraw.ImageDraw, place: tuple, ink: Colour) -> float:
    """Draw one note or a beamed pair at (x, y, line gap); return the next x."""
    x, y, gap = place
    count = 2 if rng.random() < 0.3 else 1
    for n in range(count):
        left, stem = x + (2 * n - 0.65) * gap, x + (2 * n + 0.6) * gap
        head = (left, y - gap / 2, left + 1.3 * gap, y + gap / 2)
        draw.ellipse(head, ink if rng.random() < 0.8 else None, ink)
        draw.line((stem, y, stem, y - 3.5 * gap), ink)
    if count == 2:
        draw.line((x + 0.6 * gap, y - 3.5 * gap, x + 2.6 * gap, y - 3.5 * gap), ink, 3)
    return x + (2 * count + rng.randint(1, 3)) * gap


def draw_maze(rng: Random, size: Size) -> Image.Image:
    """Draw a maze made by depth-first search."""
    cell, (ground, ink) = rng.randint(6, 16), canvas.sample_paper(rng)
    across, down = size[0] // cell, size[1] // cell
    image = canvas.make_sheet(size, ground)
    draw = ImageDraw.Draw(image)
    walls = {(x, y, way) for x in range(across) for y in range(down) for way in (0, 1)}
    seen, path = {(0, 0)}, [(0, 0)]
    while path:
        x, y = path[-1]
        ways = [(x + a, y + b) for a, b in ((1, 0), (-1, 0), (0, 1), (0, -1))]
        ways = [(u, v) for u, v in ways if 0 <= u < across and 0 <= v < down and (u, v) not in seen]
        if not ways:
            path.pop()
            continue
        u, v = rng.choice(ways)
        walls.discard((max(x, u), max(y, v), 0 if u != x else 1))
        seen.add((u, v))
        path.append((u, v))
    wide = rng.randint(1, max(1, cell // 4))
    for x, y, way in sorted(walls):
        draw.line((x * cell, y * cell, (x + way) * cell, (y + 1 - way) * cell), ink, wide)
    return image


def draw_calendar(rng: Random, size: Size) -> Image.Image:
    """Draw a month: title, weekdays, numbered days, some of them marked."""
    ground, ink = canvas.sample_paper(rng)
    image = canvas.make_sheet(size, ground)
    draw, (width, height) = ImageDraw.Draw(image), size
    small, head, mark = (
        rng.randint(8, 13),
        rng.randint(20, 40),
        canvas.sample_distinct(rng, ground, 120),
    )
    if rng.random() < 0.5:
        draw.rectangle((0, 0, width, head - 4), mark)
    title = f"{rng.choice(MONTHS.split())} {rng.randint(1990, 2040)}"
    draw.text((8, 3), title, ink, load_font(head // 2))
    column, row = width / 7, (height - head - small - 4) / 6
    for n, name in enumerate(("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")):
        draw.text((n * column + 3, head), name, ink, load_font(small))
    first, lined = rng.randrange(7), rng.random() < 0.6
    for day in range(rng.randint(28, 31)):
        x, y = (first + day) % 7 * column, head + small + 4 + (first + day) // 7 * row
        if lined:
            draw.rectangle((x, y, x + column, y + row), None, ink)
        if rng.random() < 0.12:
            draw.ellipse((x + 1, y + 1, x + small + 8, y + small + 6), None, mark, 2)
        fill = mark if (first + day) % 7 == 6 else ink
        draw.text((x + 4, y + 2), str(day + 1), fill, load_font(small))
    return image


def draw_fractal(rng: Random, size: Size) -> Image.Image:
    """Draw part of a Julia set's or the Mandelbrot set's border by escape time."""
    x, y = canvas.make_grid((size[0] // 2, size[1] // 2))
    place = (x - x.mean()) + 1j * (y - y.mean())
    if rng.random() < 0.5:
        c, z = place * rng.uniform(0.1, 1.2) + rng.choice(MANDELBROT), np.zeros_like(place)
    else:
        near = complex(rng.gauss(0, 0.005), rng.gauss(0, 0.005))
        c, z = np.full_like(place, rng.choice(JULIA) + near), place * rng.uniform(1.2, 3)
    count = np.zeros(x.shape, np.float32)
    for _ in range(STEPS):
        inside = z.real**2 + z.imag**2 < 16
        z = np.where(inside, z * z + c, z)
        count += inside
    image = canvas.map_colours(
        count * rng.choice((0.5, 1, 2)), canvas.sample_palette(rng, rng.randint(4, 12))
    )
    return image.resize(size, Image.Resampling.BILINEAR)


def draw_barcode(rng: Random, size: Size) -> Image.Image:
    """Draw one to three barcodes with numbers below."""
    ground, ink = (rng.randint(225, 255),) * 3, (rng.randint(0, 40),) * 3
    image = canvas.make_sheet(size, ground)
    draw, (width, height) = ImageDraw.Draw(image), size
    rows, small, module = rng.choice((1, 1, 2, 3)), rng.randint(8, 14), rng.choice((1, 2, 2, 3))
    for row in range(rows):
        top, bottom = height * row / rows + 8, height * (row + 1) / rows - small - 8
        x = rng.randint(6, 20)
        while x < width - 14:
            bar = module * rng.randint(1, 4)
            draw.rectangle((x, top, x + bar - 1, bottom), ink)
            x += bar + module * rng.randint(1, 4)
        digits = " ".join(str(rng.randint(100, 99999)) for _ in range(3))
        draw.text((20, bottom + 2), digits, ink, load_font(small))
    return image


def draw_crossword(rng: Random, size: Size) -> Image.Image:
    """Draw a crossword: light and dark cells, small numbers and some letters."""
    cell, ink = rng.randint(12, 28), (20, 20, 20)
    image = canvas.make_sheet(size, (rng.randint(235, 255),) * 3)
    draw, (width, height) = ImageDraw.Draw(image), size
    dark, number, filled = rng.uniform(0.12, 0.35), 1, rng.choice((0, 0.3, 0.9))
    for x, y in product(range(0, width, cell), range(0, height, cell)):
        black = rng.random() < dark
        draw.rectangle((x, y, x + cell, y + cell), ink if black else None, ink)
        if not black and rng.random() < 0.3:
            draw.text((x + 2, y + 1), str(number), (60, 60, 60), load_font(max(6, cell // 3)))
            number += 1
        if not black and rng.random() < filled:
            place = (x + cell * 0.35, y + cell * 0.3)
            draw.text(place, chr(65 + rng.randrange(26)), (30, 30, 90), load_font(cell // 2))
    return image
