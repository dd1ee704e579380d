"""Negatives: pages, code, chats, tables, windows, receipts and large words."""

from random import Random

from PIL import Image, ImageDraw

from vlm.data.drawing import canvas
from vlm.data.drawing.canvas import Size, load_font, make_phrase


def draw_text(rng: Random, size: Size) -> Image.Image:
    """Draw a screenshot or page that is mostly text."""
    kinds = (
        _draw_page,
        _draw_page,
        _draw_code,
        _draw_chat,
        _draw_table,
        _draw_window,
        _draw_receipt,
        _draw_letters,
    )
    return rng.choice(kinds)(rng, size)


def _draw_page(rng: Random, size: Size) -> Image.Image:
    """Draw a title and paragraphs in one or two columns."""
    ground, ink = canvas.sample_paper(rng)
    image = canvas.make_sheet(size, ground)
    draw, (width, height) = ImageDraw.Draw(image), size
    small, edge = rng.randint(7, 17), rng.randint(4, 20)
    top = edge
    if rng.random() < 0.6:
        big = round(small * rng.uniform(1.3, 2.2))
        draw.text((edge, top), make_phrase(rng, rng.randint(1, 5)), ink, load_font(big))
        top += round(big * 1.6)
    columns = rng.choice((1, 1, 2)) if width > 180 else 1
    across = (width - 2 * edge) // columns
    for column in range(columns):
        left, y = edge + column * across, top
        while y < height - edge:
            draw.text((left, y), _make_line(rng, across - 6, small), ink, load_font(small))
            y += round(small * rng.choice((1.3, 1.3, 1.3, 1.3, 2.4)))
    return image


def _make_line(rng: Random, width: int, size: int) -> str:
    """Return words of about this width in pixels; some lines are shorter."""
    letters = width / (size * 0.5)  # a letter is about half as wide as it is high
    return make_phrase(rng, 40)[: round(letters * rng.choice((1, 1, 1, rng.uniform(0.2, 1))))]


def _draw_code(rng: Random, size: Size) -> Image.Image:
    """Draw indented lines in a few colours, sometimes with line numbers."""
    ground, ink = canvas.sample_paper(rng)
    image = canvas.make_sheet(size, ground)
    draw, (_, height) = ImageDraw.Draw(image), size
    inks = [ink, ink, *(canvas.sample_distinct(rng, ground, 200) for _ in range(3))]
    small, numbered, indent, y = rng.randint(7, 14), rng.random() < 0.5, 0, 4
    for number in range(1, height // (small + 2)):
        x = 6
        if numbered:
            draw.text((x, y), str(number), inks[2], load_font(small))
            x += 2 * small
        x += indent * small
        for _ in range(rng.choice((0, 1, 2, 3, 4))):
            word = rng.choice(canvas.WORDS) + rng.choice(
                ("", "(", ")", " =", ":", ".", "[0]", ";", " {", " }")
            )
            draw.text((x, y), word, rng.choice(inks), load_font(small))
            x += round(small * 0.55 * (len(word) + 1))
        indent = min(6, max(0, indent + rng.choice((-1, 0, 0, 1))))
        y += round(small * 1.35)
    return image


def _draw_chat(rng: Random, size: Size) -> Image.Image:
    """Draw chat messages in rounded boxes on both sides."""
    ground, _ = canvas.sample_paper(rng)
    image = canvas.make_sheet(size, ground)
    draw, (width, height) = ImageDraw.Draw(image), size
    fills = [canvas.sample_distinct(rng, ground, 60) for _ in range(2)]
    small, y = rng.randint(8, 15), rng.randint(2, 20)
    while y < height:
        mine, across = rng.random() < 0.5, rng.uniform(0.35, 0.75) * width
        lines = rng.randint(1, 4)
        left = width - across - 6 if mine else 6
        fill, below = fills[mine], y + lines * (small + 3) + 8
        draw.rounded_rectangle((left, y, left + across, below), rng.randint(2, 10), fill)
        ink = (20, 20, 20) if sum(fill) > 380 else (245, 245, 245)
        for number in range(lines):
            draw.text(
                (left + 6, y + 4 + number * (small + 3)),
                _make_line(rng, round(across) - 12, small),
                ink,
                load_font(small),
            )
        y = below + rng.randint(4, 18)
    return image


def _draw_table(rng: Random, size: Size) -> Image.Image:
    """Draw a spreadsheet: words and numbers, a coloured header, lines or bands."""
    ground, ink = canvas.sample_paper(rng)
    image = canvas.make_sheet(size, ground)
    draw, (width, height) = ImageDraw.Draw(image), size
    small = rng.randint(7, 13)
    row, column = small + rng.randint(4, 12), rng.randint(35, 90)
    head, band = canvas.sample_distinct(rng, ground, 80), canvas.sample_distinct(rng, ground, 40)
    draw.rectangle((0, 0, width, row), head)
    banded, lined = rng.random() < 0.4, rng.random() < 0.7
    for number, y in enumerate(range(0, height, row)):
        if banded and number % 2 and y:
            draw.rectangle((0, y, width, y + row), band)
        for x in range(0, width, column):
            cell = rng.choice(
                (str(rng.randint(0, 99999)), make_phrase(rng, 1), f"{rng.uniform(0, 99):.2f}", "")
            )
            draw.text((x + 3, y + 2), cell, ink, load_font(small))
    for x in range(0, width, column) if lined else ():
        draw.line((x, 0, x, height), ink)
    for y in range(0, height, row) if lined else ():
        draw.line((0, y, width, y), ink)
    return image


def _draw_window(rng: Random, size: Size) -> Image.Image:
    """Draw a program window: title bar, side list, buttons and fields."""
    ground, ink = canvas.sample_paper(rng)
    image = canvas.make_sheet(size, ground)
    draw, (width, height) = ImageDraw.Draw(image), size
    bar, side = canvas.sample_distinct(rng, ground, 60), canvas.sample_distinct(rng, ground, 30)
    small, high, left = (
        rng.randint(8, 14),
        rng.randint(14, 26),
        rng.choice((0, rng.randint(50, 90))),
    )
    draw.rectangle((0, high, left, height), side)
    draw.rectangle((0, 0, width, high), bar)
    bright = (15, 15, 15) if sum(bar) > 380 else (240, 240, 240)
    draw.text((6, 2), make_phrase(rng, rng.randint(1, 4)), bright, load_font(small))
    for x in (width - 10, width - 24, width - 38):
        draw.ellipse((x - 4, high / 2 - 4, x + 4, high / 2 + 4), canvas.sample_colour(rng))
    for y in range(high + 4, height, small + 8) if left else ():
        draw.text(
            (6, y),
            make_phrase(rng, 1),
            (20, 20, 20) if sum(side) > 380 else (235, 235, 235),
            load_font(small),
        )
    y = high + 6
    while y < height:
        _draw_row(rng, draw, (left + 8, y, width), small, ink)
        y += small + rng.randint(8, 18)
    return image


def _draw_row(
    rng: Random, draw: ImageDraw.ImageDraw, place: tuple[int, int, int], small: int, ink
) -> None:
    """Draw one row of a window: words, a field, a button or a checkbox."""
    left, y, width = place
    kind, right = rng.randrange(4), left + rng.randint(40, max(41, width - left - 10))
    if kind == 0:
        draw.text((left, y), _make_line(rng, width - left, small), ink, load_font(small))
    elif kind == 1:
        draw.rectangle((left, y, right, y + small + 5), None, ink)
        draw.text((left + 4, y + 2), make_phrase(rng, 2), ink, load_font(small))
    elif kind == 2:
        fill = canvas.sample_colour(rng)
        draw.rounded_rectangle((left, y, left + 60, y + small + 6), 4, fill)
        draw.text(
            (left + 8, y + 2),
            make_phrase(rng, 1),
            (10, 10, 10) if sum(fill) > 380 else (250, 250, 250),
            load_font(small),
        )
    else:
        draw.rectangle((left, y + 1, left + small, y + 1 + small), None, ink, rng.choice((1, 2)))
        draw.text((left + small + 6, y), make_phrase(rng, 2), ink, load_font(small))


def _draw_receipt(rng: Random, size: Size) -> Image.Image:
    """Draw a list of items with prices and dashed lines."""
    ground, ink = canvas.sample_paper(rng)
    image = canvas.make_sheet(size, ground)
    draw, (width, height) = ImageDraw.Draw(image), size
    small, y = rng.randint(8, 15), 6
    while y < height:
        if rng.random() < 0.15:
            draw.text((6, y), "-" * (width // 4), ink, load_font(small))
        else:
            draw.text((6, y), make_phrase(rng, rng.randint(1, 3))[:18], ink, load_font(small))
            draw.text((width - 4 * small, y), f"{rng.uniform(0, 99):.2f}", ink, load_font(small))
        y += round(small * 1.4)
    return image


def _draw_letters(rng: Random, size: Size) -> Image.Image:
    """Draw a few large words, as on a slide or sign; some run over the edges."""
    ground, ink = canvas.sample_paper(rng)
    image = canvas.make_sheet(size, ground)
    draw, (width, height) = ImageDraw.Draw(image), size
    big = rng.randint(20, 70)
    for y in range(rng.randint(-10, 20), height, round(big * 1.2)):
        many = make_phrase(rng, rng.randint(1, 3))
        draw.text(
            (rng.randint(-20, width // 4), y),
            many,
            ink if rng.random() < 0.8 else canvas.sample_distinct(rng, ground),
            load_font(big),
        )
    return image
