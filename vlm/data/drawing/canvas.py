"""Shared parts of the negatives: random colours, papers, text, and encoding as a file."""

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


def sample_colour(rng: Random, bright: tuple[float, float] = (0.15, 1.0)) -> Colour:
    """Return a random colour; every third is close to grey."""
    saturation = rng.uniform(0, 0.15) if rng.random() < 0.33 else rng.uniform(0.2, 1)
    return _to_rgb(rng.random(), saturation, rng.uniform(*bright))


def _to_rgb(hue: float, saturation: float, value: float) -> Colour:
    r, g, b = colorsys.hsv_to_rgb(hue, saturation, value)
    return round(r * 255), round(g * 255), round(b * 255)


def sample_palette(rng: Random, count: int) -> list[Colour]:
    """Return random colours whose neighbours differ; sometimes all have one hue."""
    if rng.random() < 0.3:
        hue, saturation = rng.random(), rng.uniform(0, 0.9)
        values = [0.2 + 0.75 * n / max(1, count - 1) for n in range(count)]
        shades = [_to_rgb(hue, saturation, value) for value in values]
        return rng.sample(shades, count)
    colours = [sample_colour(rng)]
    while len(colours) < count:
        colours.append(sample_distinct(rng, colours[-1]))
    return colours


def sample_distinct(rng: Random, other: Colour, distance: int = 150) -> Colour:
    """Return a colour whose channels differ from the other's by at least `distance` in total."""
    for _ in range(20):
        colour = sample_colour(rng)
        if sum(abs(a - b) for a, b in zip(colour, other, strict=True)) >= distance:
            return colour
    return (0, 0, 0) if sum(other) > 380 else (255, 255, 255)


def sample_paper(rng: Random) -> tuple[Colour, Colour]:
    """Return background and ink: mostly dark on light, often light on dark, sometimes coloured."""
    style = rng.random()
    if style < 0.5:
        level = rng.randint(225, 255)
        ground = (level, level - rng.randint(0, 12), level - rng.randint(0, 25))
        return ground, tuple(rng.randint(0, 90) for _ in range(3))
    if style < 0.75:
        ground = tuple(rng.randint(5, 50) for _ in range(3))
        return ground, tuple(rng.randint(170, 255) for _ in range(3))
    ground = sample_colour(rng)
    return ground, sample_distinct(rng, ground, 300)


def make_sheet(size: Size, ground: Colour) -> Image.Image:
    """Return an image of one colour."""
    return Image.new("RGB", size, ground)


@cache
def load_font(height: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    """Return Pillow's default font at a height in pixels."""
    return ImageFont.load_default(height)


def make_phrase(rng: Random, count: int) -> str:
    """Return `count` random words; sometimes with a number or a capital letter."""
    words = [rng.choice(WORDS) for _ in range(count)]
    if count and rng.random() < 0.3:
        words[rng.randrange(count)] = str(rng.randint(0, 9999))
    text = " ".join(words)
    return text.capitalize() if rng.random() < 0.6 else text


def make_generator(rng: Random) -> np.random.Generator:
    """Return a numpy generator seeded by this one."""
    return np.random.default_rng(rng.getrandbits(63))


def to_image(pixels: np.ndarray) -> Image.Image:
    """Return values [H, W, 3] or [H, W] as an image, clipped to 0 to 255."""
    data = np.clip(pixels, 0, 255).astype(np.uint8)
    return Image.fromarray(data).convert("RGB")


def make_grid(size: Size) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y of each pixel, float32 [H, W], in units of the shorter side."""
    width, height = size
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / min(size)
    return x, y


def map_colours(index: np.ndarray, colours: list[Colour]) -> Image.Image:
    """Return an image from colour indices [H, W], taken modulo the number of colours."""
    table = np.array(colours, np.uint8)
    return Image.fromarray(table[index.astype(np.int64) % len(colours)])


def encode(rng: Random, image: Image.Image) -> bytes:
    """Encode as JPEG or PNG; sometimes blurred by downscaling, sometimes grey."""
    if rng.random() < 0.2:  # like an enlarged small photograph
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
