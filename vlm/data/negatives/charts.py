"""Negatives: bar, line, scatter, area and pie charts."""

from random import Random

from PIL import Image, ImageDraw

from vlm.data.drawing import canvas
from vlm.data.drawing.canvas import Colour, Size, load_font, make_phrase

Box = tuple[int, int, int, int]  # left, top, right, bottom of the plot area, in pixels


def draw_chart(rng: Random, size: Size) -> Image.Image:
    """Draw a bar, line, area, scatter or pie chart with axes, title and legend."""
    ground, ink = canvas.sample_paper(rng)
    image = canvas.make_sheet(size, ground)
    draw = ImageDraw.Draw(image)
    width, height = size
    small, left, top = rng.randint(7, 12), rng.randint(16, 36), rng.randint(14, 30)
    box = (left, top, width - rng.randint(6, 20), height - rng.randint(14, 30))
    inks = [canvas.sample_distinct(rng, ground, 120) for _ in range(rng.randint(1, 4))]
    kind = rng.choice((_draw_bars, _draw_bars, _draw_lines, _draw_points, _draw_pie))
    if kind is not _draw_pie:
        _draw_axes(rng, draw, box, ink, small)
    kind(rng, draw, box, inks)
    draw.text((box[0], 2), make_phrase(rng, rng.randint(1, 4)), ink, load_font(small + 2))
    for number, fill in enumerate(inks if rng.random() < 0.6 else ()):
        x, y = box[2] - 50, box[1] + number * (small + 4)
        draw.rectangle((x, y, x + small, y + small), fill)
        draw.text((x + small + 3, y), make_phrase(rng, 1), ink, load_font(small))
    return image


def _draw_axes(rng: Random, draw: ImageDraw.ImageDraw, box: Box, ink: Colour, small: int) -> None:
    left, top, right, bottom = box
    steps = rng.randint(3, 8)
    grid = rng.random() < 0.5
    for n in range(steps + 1):
        y = bottom - (bottom - top) * n / steps
        draw.line((left, y, right if grid else left + 4, y), (150, 150, 150) if grid else ink)
        draw.text((2, y - small / 2), str(n * rng.choice((1, 10, 25))), ink, load_font(small))
    for n in range(rng.randint(3, 7)):
        place = (left + (right - left) * n / 7, bottom + 2)
        draw.text(
            place, rng.choice((str(2000 + n), make_phrase(rng, 1)[:5])), ink, load_font(small)
        )
    draw.line((left, top, left, bottom, right, bottom), ink, rng.choice((1, 2)))


def _draw_bars(rng: Random, draw: ImageDraw.ImageDraw, box: Box, inks: list[Colour]) -> None:
    """Draw vertical or horizontal bars, single or stacked."""
    left, top, right, bottom = box
    count, horizontal = rng.randint(4, 16), rng.random() < 0.3
    along, high = (bottom - top, right - left) if horizontal else (right - left, bottom - top)
    step, full = along / count, rng.uniform(0.5, 0.95)
    for n in range(count):
        begin = 0.0
        for fill in inks if rng.random() < 0.7 else inks[:1]:
            end = min(high, begin + high * rng.uniform(0.05, 0.95) / len(inks))
            a, b = n * step + step * (1 - full) / 2, n * step + step * (1 + full) / 2
            horizontal_box = (left + begin, top + a, left + end, top + b)
            vertical_box = (left + a, bottom - end, left + b, bottom - begin)
            draw.rectangle(horizontal_box if horizontal else vertical_box, fill)
            begin = end


def _draw_lines(rng: Random, draw: ImageDraw.ImageDraw, box: Box, inks: list[Colour]) -> None:
    """Draw random walks as lines, with or without markers, or as areas."""
    left, top, right, bottom = box
    filled = rng.random() < 0.25
    for fill in inks:
        count, level = rng.randint(6, 60), rng.random()
        points = []
        for n in range(count):
            level = min(1, max(0, level + rng.gauss(0, 0.12)))
            x = left + (right - left) * n / (count - 1)
            points.append((x, bottom - (bottom - top) * level))
        if filled:
            draw.polygon([(left, bottom), *points, (right, bottom)], fill)
        draw.line(points, fill, rng.randint(1, 3), joint="curve")
        for x, y in points if count < 20 and rng.random() < 0.5 else ():
            draw.ellipse((x - 3, y - 3, x + 3, y + 3), fill)


def _draw_points(rng: Random, draw: ImageDraw.ImageDraw, box: Box, inks: list[Colour]) -> None:
    """Draw points scattered around lines."""
    left, top, right, bottom = box
    for fill in inks:
        slope, spread, radius = rng.uniform(-0.7, 0.7), rng.uniform(0.03, 0.25), rng.uniform(1, 4)
        for _ in range(rng.randint(15, 90)):
            u = rng.random()
            v = min(1, max(0, 0.5 + slope * (u - 0.5) + rng.gauss(0, spread)))
            x, y = left + (right - left) * u, bottom - (bottom - top) * v
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill)


def _draw_pie(rng: Random, draw: ImageDraw.ImageDraw, box: Box, inks: list[Colour]) -> None:
    """Draw one to three pies."""
    left, top, right, bottom = box
    count = rng.choice((1, 2, 3)) if right - left > 1.3 * (bottom - top) else 1
    across = min((right - left) / count, bottom - top) * rng.uniform(0.75, 1)
    for n in range(count):
        x, y = left + (right - left) * (n + 0.5) / count, (top + bottom) / 2
        spot = (x - across / 2, y - across / 2, x + across / 2, y + across / 2)
        angle = rng.uniform(0, 360)
        slices = [rng.uniform(0.2, 1) for _ in range(rng.randint(3, 8))]
        for size, fill in zip(slices, canvas.sample_palette(rng, len(slices)), strict=True):
            end = angle + 360 * size / sum(slices)
            draw.pieslice(spot, angle, end, fill, rng.choice(((255, 255, 255), None)))
            angle = end
