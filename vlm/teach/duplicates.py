"""Pictures that are nearly the same, found by a perceptual hash and by their colours.

The difference hash (Krawetz, "Kind of like that", 2013): is each cell of a small grey picture
brighter than the one before it? Scaling, compression and light edits leave most of the bits. It is
blind to colour, and one product comes in many: so the colours of a few cells are compared too.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from PIL.Image import Image, Resampling

SIDE = 16  # cells: 256 bits
NOISE = 4  # levels of 255 that compression adds to a plain ground
NEAR = 10  # bits that two files of one picture may differ in
COLOURS, TINT = 8, 10  # cells a side, and levels of 255 that any of them may differ in
BLOCK = 512  # pictures compared with all at once


class Look(NamedTuple):
    """bool[SIDE * SIDE]: does the light rise to the right neighbour? int16[COLOURS², 3]: RGB."""

    rising: np.ndarray
    colours: np.ndarray


def look(picture: Image) -> Look:
    """What is compared of an RGB picture."""
    small = picture.convert("L").resize((SIDE + 1, SIDE), Resampling.BOX)
    cells = np.asarray(small, dtype=np.int16)
    few = np.asarray(picture.resize((COLOURS, COLOURS), Resampling.BOX), dtype=np.int16)
    return Look((cells[:, 1:] > cells[:, :-1] + NOISE).ravel(), few.reshape(-1, 3))


def first_likeness(looks: Iterable[Look]) -> dict[int, int]:
    """Number of a picture -> that of the first one before it which it is nearly the same as."""
    seen = list(looks)
    table = np.array([one.rising for one in seen], dtype=np.float32).reshape(-1, SIDE * SIDE)
    sums, found = table.sum(1), {}
    for start in range(0, len(table), BLOCK):
        rows = slice(start, start + BLOCK)
        apart = sums[rows, None] + sums[None] - 2 * table[rows] @ table.T
        for row, column in np.argwhere(apart <= NEAR).tolist():
            number = start + row
            if column < number and _tinted_alike(seen[number], seen[column]):
                found.setdefault(number, column)
    return found


def _tinted_alike(one: Look, other: Look) -> bool:
    return bool(np.abs(one.colours - other.colours).max() <= TINT)
