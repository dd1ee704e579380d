"""Colour words as ranges of colour, from which drawn colours are sampled.

A range is a box in hue (degrees), saturation and value (percent). The boxes of two words do not
touch, so that every sampled colour has exactly one word.
"""

from __future__ import annotations

import colorsys

import numpy as np

from vlm.data.drawing.studio import Colour

Range = tuple[float, float]  # from, to
Box = tuple[Range, Range, Range]  # hue in degrees (below 0 is red), saturation, value in percent

WORDS: dict[str, tuple[Box, ...]] = {
    "Black": (((200, 260), (0, 12), (11, 18)), ((20, 40), (0, 8), (11, 18))),
    "White": (((30, 60), (0, 3), (93, 98)), ((200, 240), (0, 3), (93, 98))),
    "Grey": (((200, 240), (0, 7), (42, 64)), ((30, 50), (0, 5), (42, 64))),
    "Silver": (((200, 230), (0, 4), (77, 85)),),
    "Blue": (((206, 224), (62, 88), (55, 86)), ((206, 220), (38, 58), (74, 90))),
    "Navy Blue": (((220, 234), (52, 74), (24, 35)),),
    "Turquoise Blue": (((176, 186), (58, 78), (70, 86)),),
    "Teal": (((178, 186), (65, 88), (36, 48)),),
    "Red": (((-6, 3), (78, 94), (68, 86)),),
    "Maroon": (((-8, 2), (68, 86), (31, 41)),),
    "Burgundy": (((338, 347), (76, 86), (36, 44)),),
    "Pink": (((326, 346), (30, 60), (86, 97)),),
    "Purple": (((264, 286), (45, 68), (36, 60)),),
    "Lavender": (((254, 270), (18, 30), (80, 90)),),
    "Green": (((105, 148), (45, 78), (36, 62)),),
    "Olive": (((62, 78), (42, 60), (30, 42)),),
    "Yellow": (((47, 55), (74, 92), (88, 98)),),
    "Orange": (((22, 29), (80, 94), (88, 98)),),
    "Brown": (((16, 27), (50, 70), (30, 47)),),
    "Tan": (((26, 32), (46, 60), (68, 79)),),
    "Beige": (((32, 41), (20, 30), (82, 91)),),
    "Cream": (((44, 52), (9, 16), (95, 99)),),
    "Gold": (((39, 46), (44, 58), (76, 87)),),
}


def sample_colour(word: str, rng: np.random.Generator) -> Colour:
    """Return a random colour that the word describes, channels in [0, 255]."""
    boxes = WORDS[word]
    hue, saturation, value = (rng.uniform(*side) for side in boxes[rng.integers(len(boxes))])
    red, green, blue = colorsys.hsv_to_rgb(hue % 360 / 360, saturation / 100, value / 100)
    return 255 * red, 255 * green, 255 * blue


def shade(colour: Colour, factor: float | Colour) -> Colour:
    """Scale the brightness by one factor, or by one factor per channel."""
    factors = factor if isinstance(factor, tuple) else (factor,) * 3
    red, green, blue = (
        float(min(255, round(f * part))) for f, part in zip(factors, colour, strict=True)
    )
    return red, green, blue


def lighten(colour: Colour, share: float) -> Colour:
    """Mix the colour with this share of white."""
    red, green, blue = (part + share * (255 - part) for part in colour)
    return red, green, blue


def lightness(colour: Colour) -> float:
    """Return the perceived brightness, 0 to 1 (luma of ITU-R BT.601)."""
    return (0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]) / 255


def contrast(colour: Colour, amount: float = 0.35) -> Colour:
    """Return a thread colour visible on the cloth: lighter on dark cloth, darker on light."""
    return lighten(colour, amount) if lightness(colour) < 0.6 else shade(colour, 1 - amount)
