"""The main colour of a thing and of its ground, measured from the pixels of a small photograph.

    pixels --CIELAB--> basic colour words --border, middle--> (thing, ground), "" when not clear

The words are the eleven basic colour terms of Berlin and Kay (Basic Color Terms, 1969). A word owns
a box of lightness, chroma and hue (CIE L*C*h, from sRGB by IEC 61966-2-1 and CIE 15, white D65);
the gaps between the boxes are left without a word, as people do not agree there.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from PIL import Image

SIDE = 32  # pixels; a picture is measured at this size
RING = 4  # pixels, the width of the border that is taken for the ground
RING_STEP = 4  # every fourth pixel of the border is enough to compare with
DISC = 0.34  # of the side: the radius of the disc in the middle where the thing is looked for
SHADE = 25  # of lightness: as far from the middle colour a pixel is still the same colour's
TINGE = 9  # of a* and b*: the same, or half the middle colour's chroma where that is more
UNLIKE = 13  # CIELAB units from where two colours differ
GROUND_SHARE = 0.6  # of the border: so much has the middle colour or its word
THING_SHARE = 0.65  # of the thing's pixels: so much has their middle colour or its word
RARE = 0.1  # of the border: a pixel of the thing has a colour that is rarer there
THING_AREA = 0.2  # of the disc: at least so much differs from the ground
DULL_AREA = 0.4  # the same for dull words, or windows, tyres and shadows would name a car's colour
BITS = 5  # of each channel, which the table keeps
TO_XYZ = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))


class Box(NamedTuple):
    """Where a word is beyond doubt: lightness and chroma in CIELAB units, hue in degrees.

    A hue range that passes 0 has its first bound above its second.
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
# Smaller boxes for a thing: what is white looks grey in the shade and bluish under the sky.
_OF_THINGS = {
    "grey": Box("grey", (34, 57), (0, 8)),
    "blue": Box("blue", (18, 80), (20, 140), (225, 300)),
    "green": Box("green", (18, 90), (18, 140), (110, 175)),
}
THING_BOXES = tuple(_OF_THINGS.get(box.word, box) for box in BOXES)
WORDS = ("", *(box.word for box in BOXES))
DULL = frozenset({"black", "grey", "white", "brown"})
SCENERY = frozenset(
    {"blue", "green", "white"}
)  # another border may be a thing that fills the frame
DOUBTFUL = frozenset({("grey", "white")})  # thing and ground: only the shade of a white thing


def colours(image: Image.Image) -> tuple[str, str]:
    """The words for the thing in the middle and for its ground, each empty when it is not clear.

    The ground's is the word of the border's middle colour, if most of the border has it. The
    thing's is found so among those pixels of the middle whose colour is rare in the border.

    Args:
        image: an RGB picture of any size; it is measured at 32x32 pixels.
    """
    small = image
    if image.size != (SIDE, SIDE):
        small = image.resize((SIDE, SIDE), Image.Resampling.BOX)
    code = _codes(np.asarray(small.convert("RGB")))
    ring, disc = (code[place] for place in _places())
    ground = _main(ring, GROUND_SHARE, BOXES)
    lab = _lab()
    apart = disc[_rare(lab[disc], lab[ring[::RING_STEP]])]
    area = len(apart) / len(disc)
    if area < THING_AREA:
        return "", ground if ground in SCENERY else ""
    thing = _main(apart, THING_SHARE, THING_BOXES)
    doubt = thing in DULL and area < DULL_AREA or (thing, ground) in DOUBTFUL
    return "" if doubt or thing == ground else thing, ground


def word_of(rgb: tuple[int, int, int]) -> str:
    """The word for one sRGB colour, empty between the words."""
    return WORDS[_words(to_lab(np.array([rgb])), BOXES)[0]]


def to_lab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB [..., 3] of sRGB values [..., 3] from 0 to 255, white D65."""
    linear = np.asarray(rgb, float) / 255
    linear = np.where(linear <= 0.04045, linear / 12.92, ((linear + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array(TO_XYZ)
    xyz = linear @ to_xyz.T / to_xyz.sum(1)
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = np.moveaxis(f, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1)


def _words(lab: np.ndarray, boxes: tuple[Box, ...]) -> np.ndarray:
    """For each row of CIELAB values [N, 3] the number of its word, 0 = none."""
    chroma = np.hypot(lab[:, 1], lab[:, 2])
    hue = np.degrees(np.arctan2(lab[:, 2], lab[:, 1])) % 360
    found = np.zeros(len(lab), np.uint8)
    for number, box in enumerate(boxes, start=1):
        first, last = box.hue
        inside = (hue - first) % 360 <= ((last - first) % 360 or 360)
        inside &= (box.lightness[0] <= lab[:, 0]) & (lab[:, 0] <= box.lightness[1])
        inside &= (box.chroma[0] <= chroma) & (chroma <= box.chroma[1])
        found[inside] = number
    return found


@cache
def _lab() -> np.ndarray:
    """The CIELAB values [32768, 3] of every code, a colour with 5 bits a channel."""
    levels = (np.arange(2**BITS) + 0.5) * 2 ** (8 - BITS)
    grid = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), -1)
    return to_lab(grid.reshape(-1, 3)).astype(np.float32)


@cache
def _table(boxes: tuple[Box, ...]) -> np.ndarray:
    """The word's number of every code."""
    return _words(_lab(), boxes)


def _codes(rgb: np.ndarray) -> np.ndarray:
    """The codes [H*W] of the pixels [H, W, 3]."""
    high = (rgb.reshape(-1, 3) >> 8 - BITS).astype(np.intp)
    return (high[:, 0] << 2 * BITS) + (high[:, 1] << BITS) + high[:, 2]


@cache
def _places() -> tuple[np.ndarray, np.ndarray]:
    """The numbers of those of the H*W pixels that are the border, and of the disc's."""
    y, x = np.indices((SIDE, SIDE)) - (SIDE - 1) / 2
    border = np.maximum(abs(x), abs(y)) > SIDE / 2 - RING
    return np.flatnonzero(border), np.flatnonzero(np.hypot(x, y) < SIDE * DISC)


def _rare(inner: np.ndarray, ring: np.ndarray) -> np.ndarray:
    """Which of the CIELAB values [N, 3] only few of the ring's [M, 3] come near."""
    squares = np.einsum("nc,nc->n", ring, ring) - 2 * inner @ ring.T  # less the inner's own
    near = squares < (UNLIKE**2 - np.einsum("nc,nc->n", inner, inner))[:, None]
    return np.count_nonzero(near, axis=1) < RARE * len(ring)


def _main(code: np.ndarray, share: float, boxes: tuple[Box, ...]) -> str:
    """The word of the middle colour, empty when it has none or too few pixels share it."""
    lab = _lab()[code]
    middle = np.sort(lab, axis=0)[len(lab) // 2]
    off = np.square(lab - middle)
    lightness, tinge = off[:, 0], off[:, 1] + off[:, 2]
    words = _table(boxes)[code]
    word = words[np.argmin(lightness + tinge)]
    bound = max(TINGE**2, float(middle[1] ** 2 + middle[2] ** 2) / 4)
    same = (lightness < SHADE**2) & (tinge < bound) | (words == word)
    return WORDS[word] if np.count_nonzero(same) >= share * len(code) else ""
