"""The main colours of an object and of its background, measured in a small photograph.

    pixels --CIELAB--> basic colour words --middle, border--> (object, background), "" if unclear

The words are the eleven basic colour terms of Berlin and Kay (Basic Color Terms, 1969). Each word
has a box of lightness, chroma and hue (CIE L*C*h, from sRGB by IEC 61966-2-1 and CIE 15, white
D65); there are gaps between the boxes, because people disagree about the colours there.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from PIL import Image

SIDE = 32  # pixels; pictures are measured at this size
BORDER = 4  # pixels, width of the border that is taken for the background
BORDER_STEP = 4  # every fourth pixel of the border is enough for comparisons
DISC = 0.34  # of the side; radius of the disc in the middle that is searched for the object
# A pixel has the same colour as the median if it differs by less than this:
MAX_LIGHTNESS_DIFFERENCE = 25  # in L*
MAX_CHROMA_DIFFERENCE = 9  # in a* and b*, or half the median's chroma if that is more
DIFFERENT = 13  # CIELAB distance from which two colours count as different
BACKGROUND_SHARE = 0.6  # minimum share of the border with the median colour or its word
OBJECT_SHARE = 0.65  # minimum share of the object's pixels with the median colour or its word
RARE = 0.1  # an object's pixel is similar to a smaller share of the border than this
OBJECT_AREA = 0.2  # minimum share of the disc that the object covers
DULL_AREA = 0.4  # the same for dull words, which windows, tyres and shadows have too
BITS = 5  # bits per channel in the table of words
TO_XYZ = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))


class Box(NamedTuple):
    """The colours that certainly have a word: lightness and chroma in CIELAB units, hue in degrees.

    A hue range that includes 0 has a first bound above its second.
    """

    word: str
    lightness: tuple[float, float]
    chroma: tuple[float, float]
    hue: tuple[float, float] = (0, 360)


BOXES = (
    Box("black", (0, 20), (0, 12)),
    Box("grey", (34, 68), (0, 8)),
    Box("white", (80, 101), (0, 9)),
    Box("red", (22, 60), (35, 140), (12, 42)),
    Box("brown", (18, 52), (13, 42), (44, 80)),
    Box("orange", (55, 85), (48, 140), (52, 74)),
    Box("yellow", (68, 101), (38, 140), (82, 110)),
    Box("green", (18, 95), (14, 140), (110, 175)),
    Box("blue", (18, 92), (12, 140), (225, 300)),
    Box("purple", (15, 70), (22, 140), (308, 335)),
    Box("pink", (62, 95), (18, 140), (340, 20)),
)

# Smaller boxes for objects: a white object looks grey in the shade and bluish under the sky.
_SMALLER = {
    "grey": Box("grey", (34, 57), (0, 8)),
    "blue": Box("blue", (18, 80), (20, 140), (225, 300)),
    "green": Box("green", (18, 90), (18, 140), (110, 175)),
}
OBJECT_BOXES = tuple(_SMALLER.get(box.word, box) for box in BOXES)
WORDS = ("", *(box.word for box in BOXES))
DULL = frozenset({"black", "grey", "white", "brown"})
SCENERY = frozenset({"blue", "green", "white"})  # other borders may be an object filling the frame
DOUBTFUL = frozenset({("grey", "white")})  # a white object in the shade on white


def main_colours(image: Image.Image) -> tuple[str, str]:
    """Return the words for the object in the middle and for its background, "" if unclear.

    The background's word is that of the border's median colour, if most of the border has it. The
    object's word is found likewise among the middle's pixels whose colour is rare in the border.

    Args:
        image: an RGB picture of any size; it is measured at 32x32 pixels.
    """
    small = image
    if image.size != (SIDE, SIDE):
        small = image.resize((SIDE, SIDE), Image.Resampling.BOX)
    codes = _codes(np.asarray(small.convert("RGB")))
    border, disc = (codes[indices] for indices in _regions())
    background = _main_word(border, BACKGROUND_SHARE, BOXES)
    lab = _lab()
    object_codes = disc[_is_rare(lab[disc], lab[border[::BORDER_STEP]])]
    area = len(object_codes) / len(disc)
    if area < OBJECT_AREA:
        return "", background if background in SCENERY else ""
    word = _main_word(object_codes, OBJECT_SHARE, OBJECT_BOXES)
    doubtful = word in DULL and area < DULL_AREA or (word, background) in DOUBTFUL
    return "" if doubtful or word == background else word, background


def colour_word(rgb: tuple[int, int, int]) -> str:
    """Return the word for one sRGB colour, "" if it is between two words."""
    return WORDS[_words(to_lab(np.array([rgb])), BOXES)[0]]


def to_lab(rgb: np.ndarray) -> np.ndarray:
    """Convert sRGB values [..., 3] from 0 to 255 to CIELAB [..., 3], white D65."""
    linear = np.asarray(rgb, float) / 255
    linear = np.where(linear <= 0.04045, linear / 12.92, ((linear + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array(TO_XYZ)
    xyz = linear @ to_xyz.T / to_xyz.sum(1)
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = np.moveaxis(f, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1)


def _words(lab: np.ndarray, boxes: tuple[Box, ...]) -> np.ndarray:
    """Return for each row of CIELAB values [N, 3] the number of its word, 0 = none."""
    chroma = np.hypot(lab[:, 1], lab[:, 2])
    hue = np.degrees(np.arctan2(lab[:, 2], lab[:, 1])) % 360
    numbers = np.zeros(len(lab), np.uint8)
    for number, box in enumerate(boxes, start=1):
        first, last = box.hue
        inside = (hue - first) % 360 <= ((last - first) % 360 or 360)
        inside &= (box.lightness[0] <= lab[:, 0]) & (lab[:, 0] <= box.lightness[1])
        inside &= (box.chroma[0] <= chroma) & (chroma <= box.chroma[1])
        numbers[inside] = number
    return numbers


@cache
def _lab() -> np.ndarray:
    """Return the CIELAB values [32768, 3] of every code, a colour with 5 bits per channel."""
    levels = (np.arange(2**BITS) + 0.5) * 2 ** (8 - BITS)
    grid = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), -1)
    return to_lab(grid.reshape(-1, 3)).astype(np.float32)


@cache
def _word_table(boxes: tuple[Box, ...]) -> np.ndarray:
    """Return the number of the word for every code."""
    return _words(_lab(), boxes)


def _codes(rgb: np.ndarray) -> np.ndarray:
    """Return the codes [H*W] of the pixels [H, W, 3]."""
    high = (rgb.reshape(-1, 3) >> 8 - BITS).astype(np.intp)
    return (high[:, 0] << 2 * BITS) + (high[:, 1] << BITS) + high[:, 2]


@cache
def _regions() -> tuple[np.ndarray, np.ndarray]:
    """Return the indices, among the H*W pixels, of the border and of the disc."""
    y, x = np.indices((SIDE, SIDE)) - (SIDE - 1) / 2
    border = np.maximum(abs(x), abs(y)) > SIDE / 2 - BORDER
    return np.flatnonzero(border), np.flatnonzero(np.hypot(x, y) < SIDE * DISC)


def _is_rare(inner: np.ndarray, border: np.ndarray) -> np.ndarray:
    """Return which CIELAB values [N, 3] are similar to only a few of the border's [M, 3]."""
    # |b|^2 - 2ib, so that |i - b|^2 < d^2 becomes |b|^2 - 2ib < d^2 - |i|^2
    squares = np.einsum("nc,nc->n", border, border) - 2 * inner @ border.T
    similar = squares < (DIFFERENT**2 - np.einsum("nc,nc->n", inner, inner))[:, None]
    return np.count_nonzero(similar, axis=1) < RARE * len(border)


def _main_word(codes: np.ndarray, share: float, boxes: tuple[Box, ...]) -> str:
    """Return the word of the median colour, "" if it has none or too few pixels share it."""
    lab = _lab()[codes]
    median = np.sort(lab, axis=0)[len(lab) // 2]
    squares = np.square(lab - median)
    lightness, chroma = squares[:, 0], squares[:, 1] + squares[:, 2]
    words = _word_table(boxes)[codes]
    word = words[np.argmin(lightness + chroma)]
    max_chroma = max(MAX_CHROMA_DIFFERENCE**2, float(median[1] ** 2 + median[2] ** 2) / 4)
    same = (lightness < MAX_LIGHTNESS_DIFFERENCE**2) & (chroma < max_chroma) | (words == word)
    return WORDS[word] if np.count_nonzero(same) >= share * len(codes) else ""
