"""Find images that are nearly identical, by a perceptual hash and by their colours.

The difference hash (Krawetz, "Kind of like that", 2013): is each cell of a small grey image
brighter than its left neighbour? Scaling, compression and light edits leave most of the bits. It is
blind to colour, and one product is sold in many colours: so a few cells' colours are compared too.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from PIL.Image import Image, Resampling

SIDE = 16  # cells: 256 bits
NOISE = 4  # levels of 255 that compression adds to a plain background
MAX_BITS = 10  # bits in which two files of one image may differ
COLOUR_SIDE, MAX_COLOUR_DIFFERENCE = 8, 10  # cells; levels of 255 in which any of them may differ
BLOCK = 512  # images compared with all others at once


class Signature(NamedTuple):
    """What is compared of an image.

    Attributes:
        rising: bool[SIDE * SIDE], True where brightness rises towards the right.
        colours: int16[COLOUR_SIDE * COLOUR_SIDE, 3], RGB.
    """

    rising: np.ndarray
    colours: np.ndarray


def signature(image: Image) -> Signature:
    """Compute the signature of an RGB image."""
    grey = image.convert("L").resize((SIDE + 1, SIDE), Resampling.BOX)
    cells = np.asarray(grey, dtype=np.int16)
    small = image.resize((COLOUR_SIDE, COLOUR_SIDE), Resampling.BOX)
    colours = np.asarray(small, dtype=np.int16).reshape(-1, 3)
    return Signature((cells[:, 1:] > cells[:, :-1] + NOISE).ravel(), colours)


def find_duplicates(signatures: Iterable[Signature]) -> dict[int, int]:
    """Map the number of each duplicate to that of the first image before it that it resembles."""
    items = list(signatures)
    table = np.array([item.rising for item in items], dtype=np.float32).reshape(-1, SIDE * SIDE)
    sums = table.sum(1)
    originals: dict[int, int] = {}
    for start in range(0, len(table), BLOCK):
        rows = slice(start, start + BLOCK)
        distances = sums[rows, None] + sums[None] - 2 * table[rows] @ table.T
        for row, column in np.argwhere(distances <= MAX_BITS).tolist():
            number = start + row
            if column < number and _same_colours(items[number], items[column]):
                originals.setdefault(number, column)
    return originals


def _same_colours(one: Signature, other: Signature) -> bool:
    return bool(np.abs(one.colours - other.colours).max() <= MAX_COLOUR_DIFFERENCE)
