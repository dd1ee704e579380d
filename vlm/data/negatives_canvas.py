"""What the painters of negatives share: colours, papers, letters, and the way to a picture file."""

import colorsys
import io
from functools import cache
from random import Random

import numpy as np
from PIL import Image, ImageFont

Colour = tuple[int, int, int]  # sRGB, 0 to 255
Size = tuple[int, int]  # width and height in pixels

WORDS = (
    "the and for with from this that when where into over under about after before between again "
    "open close save print file view help start stop next back page line table value total name "
    "date time place north river stone garden window paper letter market morning evening summer "
    "light water small large early later often never always maybe people friend mother child "
    "school office report meeting project number result average change reason question answer "
    "house street city village country market order price amount account message reply send "
    "please thanks regards hello sorry tomorrow yesterday minutes hours weeks return index list "
    "print import class while else true false none error count width height image string"
).split()


def colour(rng: Random, bright: tuple[float, float] = (0.15, 1.0)) -> Colour:
    """Any colour; every third is close to grey."""
    strong = rng.uniform(0, 0.15) if rng.random() < 0.33 else rng.uniform(0.2, 1)
    return _rgb(rng.random(), strong, rng.uniform(*bright))


def _rgb(hue: float, strong: float, bright: float) -> Colour:
    r, g, b = colorsys.hsv_to_rgb(hue, strong, bright)
    return round(r * 255), round(g * 255), round(b * 255)


def palette(rng: Random, count: int) -> list[Colour]:
    """Colours of which neighbours differ; sometimes all of one hue."""
    if rng.random() < 0.3:
        hue, strong = rng.random(), rng.uniform(0, 0.9)
        shades = [_rgb(hue, strong, 0.2 + 0.75 * n / max(1, count - 1)) for n in range(count)]
        return rng.sample(shades, count)
    found = [colour(rng)]
    while len(found) < count:
        found.append(apart(rng, found[-1]))
    return found


def apart(rng: Random, other: Colour, distance: int = 150) -> Colour:
    """A colour that can be told from another one: the channels differ by this much in sum."""
    for _ in range(20):
        found = colour(rng)
        if sum(abs(a - b) for a, b in zip(found, other, strict=True)) >= distance:
            return found
    return (0, 0, 0) if sum(other) > 380 else (255, 255, 255)


def paper(rng: Random) -> tuple[Colour, Colour]:
    """A ground and the ink on it: mostly dark on light, often a dark screen, at times coloured."""
    style = rng.random()
    if style < 0.5:
        level = rng.randint(225, 255)
        ground = (level, level - rng.randint(0, 12), level - rng.randint(0, 25))
        return ground, tuple(rng.randint(0, 90) for _ in range(3))
    if style < 0.75:
        ground = tuple(rng.randint(5, 50) for _ in range(3))
        return ground, tuple(rng.randint(170, 255) for _ in range(3))
    ground = colour(rng)
    return ground, apart(rng, ground, 300)


def blank(size: Size, ground: Colour) -> Image.Image:
    """An empty sheet."""
    return Image.new("RGB", size, ground)


@cache
def font(height: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    """Pillow's own font at a height in pixels."""
    return ImageFont.load_default(height)


def phrase(rng: Random, count: int) -> str:
    """So many words by chance; at times with numbers and capitals among them."""
    found = [rng.choice(WORDS) for _ in range(count)]
    if count and rng.random() < 0.3:
        found[rng.randrange(count)] = str(rng.randint(0, 9999))
    text = " ".join(found)
    return text.capitalize() if rng.random() < 0.6 else text


def numbers(rng: Random) -> np.random.Generator:
    """A numpy generator that goes on from this one."""
    return np.random.default_rng(rng.getrandbits(63))


def picture(pixels: np.ndarray) -> Image.Image:
    """A picture of values [H, W, 3] or [H, W], cut off at 0 and 255."""
    data = np.clip(pixels, 0, 255).astype(np.uint8)
    return Image.fromarray(data).convert("RGB")


def plane(size: Size) -> tuple[np.ndarray, np.ndarray]:
    """The x and y of each pixel, float32 [H, W], as shares of the shorter side."""
    width, height = size
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / min(size)
    return x, y


def inked(index: np.ndarray, colours: list[Colour]) -> Image.Image:
    """A picture of numbers [H, W] of colours, which start anew after the last one."""
    table = np.array(colours, np.uint8)
    return Image.fromarray(table[index.astype(np.int64) % len(colours)])


def encoded(rng: Random, image: Image.Image) -> bytes:
    """The picture as a file, JPEG or PNG, at times small and enlarged again, or grey."""
    if rng.random() < 0.2:  # as soft as a small photograph that was enlarged
        share = rng.uniform(0.12, 0.5)
        few = [max(8, round(side * share)) for side in image.size]
        small = image.resize(few, Image.Resampling.BOX)
        image = small.resize(image.size, Image.Resampling.BICUBIC)
    if rng.random() < 0.08:
        image = image.convert("L").convert("RGB")
    file = io.BytesIO()
    if rng.random() < 0.25 and image.getcolors(256):
        image.save(file, "PNG", compress_level=1)
    else:
        image.save(file, "JPEG", quality=rng.randint(60, 95))
    return file.getvalue()
