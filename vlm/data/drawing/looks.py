"""Looks: all colours of a product, sampled from a colour word and a pattern."""

from __future__ import annotations

import numpy as np

from vlm.data.drawing.colours import contrast, lighten, lightness, sample_colour, shade
from vlm.data.drawing.patterns import make_checks, make_dots, make_stripes
from vlm.data.drawing.products.accessories import Clock, Shades, Strap
from vlm.data.drawing.products.bags import Hide, Pack
from vlm.data.drawing.products.lowers import Denim, Gown, Silk
from vlm.data.drawing.products.shoes import Slipper, Trainer
from vlm.data.drawing.products.tops import Top, Weave
from vlm.data.drawing.scenes.road import Drive
from vlm.data.drawing.scenes.sky_and_sea import Liner, Plane
from vlm.data.drawing.studio import NICKEL, Colour, Paint

STRONG = ("Red", "Navy Blue", "Blue", "Green", "Black", "Purple", "Maroon", "Orange", "Teal")
LIGHTS = ("White", "Cream", "White", "Beige")
MIN_DISTANCE = 110.0  # RGB distance at which two colours differ visibly in a small pattern
WHITE: Colour = (246, 246, 244)
GILT: Colour = (206, 172, 104)
Rng = np.random.Generator


def pick_mark(word: str, base: Colour, rng: Rng) -> Colour:
    """Return a colour that is visible on the base: light on dark, strong on light."""
    choices = STRONG if lightness(base) > 0.7 else LIGHTS
    marks = [sample_colour(name, rng) for name in rng.permutation(choices) if name != word]
    return next(
        (mark for mark in marks if np.linalg.norm(np.subtract(mark, base)) > MIN_DISTANCE), WHITE
    )


def weave(pattern: str, word: str, rng: Rng) -> tuple[Colour, Colour | Weave]:
    """Return the main colour and the cloth, in which that colour dominates."""
    base = sample_colour(word, rng)
    mark = pick_mark(word, base, rng)
    period = float(rng.uniform(3.4, 6.6))
    if pattern == "striped":
        share, upright = float(rng.uniform(0.16, 0.4)), 90 * float(rng.random() < 0.35)
        return base, lambda turn: make_stripes(base, mark, period, share, turn + upright)
    if pattern == "checked":
        ground = lighten(base, 0.85) if lightness(base) < 0.6 else base
        line = base if lightness(base) < 0.6 else mark
        return base, lambda turn: make_checks(ground, line, period, turn)
    if pattern == "dotted":
        size = float(rng.uniform(0.13, 0.2))
        return base, lambda turn: make_dots(base, mark, period, period * size)
    return base, base


def cut(cloth: Colour | Weave) -> Colour | Paint:
    """Return the cloth cut straight."""
    return cloth(0) if callable(cloth) else cloth


def make_top(word: str, pattern: str, rng: Rng) -> Top:
    """Return the look of a polo or T-shirt."""
    base, cloth = weave(pattern, word, rng)
    plain = pattern == "solid"
    trim = shade(base, rng.uniform(0.85, 1.2)) if plain or rng.random() < 0.5 else base
    dark = lightness(base) < 0.35
    button = sample_colour("White", rng) if rng.random() < 0.6 else shade(base, 0.6 + 1.2 * dark)
    return Top(
        cloth,
        trim,
        shade(base, 0.6),
        shade(base, 0.82),
        shade(base, 1.06),
        contrast(base, 0.22),
        contrast(base, 0.28),
        button,
    )


def make_shirt(word: str, pattern: str, rng: Rng) -> Top:
    """Return the look of a shirt, whose collar has the same cloth."""
    look = make_top(word, pattern, rng)
    return look._replace(trim=look.cloth)


def make_gown(word: str, pattern: str, rng: Rng) -> Gown:
    """Return the look of a dress or skirt."""
    base, cloth = weave(pattern, word, rng)
    return Gown(cut(cloth), base, shade(base, 0.87))


def make_denim(word: str, pattern: str, rng: Rng) -> Denim:
    """Return the look of jeans, washed or raw."""
    base = shade(sample_colour(word, rng), 0.8) if word == "Blue" else sample_colour(word, rng)
    worn = lighten(base, rng.uniform(0.3, 0.5)) if pattern == "washed" else lighten(base, 0.06)
    orange = (196.0, 140.0, 72.0)
    return Denim(base, worn, orange if rng.random() < 0.6 else contrast(base, 0.3))


def make_silk(word: str, pattern: str, rng: Rng) -> Silk:
    """Return the look of a tie."""
    base = sample_colour(word, rng)
    mark = pick_mark(word, base, rng) if pattern == "striped" else base
    period, share = float(rng.uniform(4.5, 9)), float(rng.uniform(0.12, 0.36))
    return Silk(base, mark, contrast(base, 0.15), period, share)


def make_hide(word: str, pattern: str, rng: Rng) -> Hide:
    """Return the look of a handbag."""
    base = sample_colour(word, rng)
    return Hide(base, contrast(base), GILT if rng.random() < 0.6 else NICKEL)


def make_pack(word: str, pattern: str, rng: Rng) -> Pack:
    """Return the look of a backpack; its straps are a darker tone, or black."""
    base = sample_colour(word, rng)
    strap = shade(base, 0.5) if rng.random() < 0.5 else sample_colour("Black", rng)
    label = sample_colour(str(rng.choice(["Brown", "Black", "Grey", "Tan"])), rng)
    return Pack(base, strap, contrast(base, 0.45), label, contrast(label, 0.5))


def make_clock(word: str, pattern: str, rng: Rng) -> Clock:
    """Return the look of a watch: all metal, or a coloured strap on a metal case."""
    base = sample_colour(word, rng)
    pale = rng.random() < (0.2 if word == "Black" else 0.6)
    dial = sample_colour("White", rng) if pale else sample_colour("Black", rng)
    if word in ("White", "Pink"):
        dial = lighten(base, 0.6)
    mark = contrast(dial, 0.78)
    second = sample_colour(str(rng.choice(["Red", "Orange", "Blue"])), rng)
    if word in ("Silver", "Gold"):
        metal = shade(base, 1.04) if word == "Gold" else (208.0, 211.0, 217.0)
        return Clock(metal, dial, mark, mark, second)
    if word == "Black" and rng.random() < 0.5:
        return Clock((62, 63, 67), dial, mark, mark, second)
    metal = GILT if rng.random() < 0.25 else (208.0, 211.0, 217.0)
    return Clock(metal, dial, mark, mark, second, base)


def make_shades(word: str, pattern: str, rng: Rng) -> Shades:
    """Return the look of sunglasses; the lenses are dark or have the frame's colour."""
    frame = sample_colour(word, rng)
    tinted = rng.random() < 0.5
    lens = shade(frame, 0.7) if tinted and lightness(frame) < 0.6 else (44.0, 43.0, 48.0)
    return Shades(
        frame, lens, lighten(lens, 0.45) if pattern == "gradient" else lighten(lens, 0.05)
    )


def make_trainer(word: str, pattern: str, rng: Rng) -> Trainer:
    """Return the look of a sports shoe; its trim has another colour, its sole is mostly pale."""
    base = sample_colour(word, rng)
    trim = pick_mark(word, base, rng)
    pale = sample_colour("White", rng)
    lace = pale if rng.random() < 0.5 else base
    sole = pale if word != "Black" or rng.random() < 0.5 else sample_colour("Black", rng)
    panel = shade(base, rng.uniform(0.88, 1.1))
    return Trainer(base, panel, trim, shade(trim, 1.2), lace, sole, contrast(base, 0.3))


def make_slipper(word: str, pattern: str, rng: Rng) -> Slipper:
    """Return the look of flip flops; the strap may have another colour than the footbed."""
    base = sample_colour(word, rng)
    mark = pick_mark(word, base, rng)
    strap = mark if rng.random() < 0.35 else shade(base, rng.uniform(0.8, 1.1))
    edge = (222.0, 226.0, 232.0) if rng.random() < 0.5 else shade(base, 0.8)
    return Slipper(base, strap, edge, mark)


def make_strap(word: str, pattern: str, rng: Rng) -> Strap:
    """Return the look of a belt."""
    base = sample_colour(word, rng)
    back = base if rng.random() < 0.5 else shade(base, 0.8)
    return Strap(base, back, contrast(base, 0.4), GILT if rng.random() < 0.2 else NICKEL)


def make_leather(word: str, pattern: str, rng: Rng) -> Colour:
    """Return one colour, for a wallet or shorts."""
    return sample_colour(word, rng)


def make_cap(word: str, pattern: str, rng: Rng) -> tuple[Colour, Colour]:
    """Return the colours of a cap's crown and peak, which may be darker."""
    base = sample_colour(word, rng)
    return base, shade(base, 1.0 if rng.random() < 0.7 else 0.75)


def make_canvas(word: str, pattern: str, rng: Rng) -> tuple[Colour, Colour, Colour]:
    """Return the colours of a canvas shoe: cloth, laces, sole."""
    base, pale = sample_colour(word, rng), sample_colour("White", rng)
    return base, pale if rng.random() < 0.7 else base, pale


def make_pump(word: str, pattern: str, rng: Rng) -> tuple[Colour, Colour]:
    """Return the colours of a heeled shoe: leather and lining."""
    lining = sample_colour(str(rng.choice(["Beige", "Tan", "Black"])), rng)
    return sample_colour(word, rng), lining


def sample_sky(rng: Rng) -> Colour:
    """Return a blue or grey for the sky."""
    blue = (rng.uniform(40, 120), rng.uniform(105, 165), rng.uniform(180, 225))
    grey = rng.uniform(140, 190)
    return blue if rng.random() < 0.75 else (grey, grey + 6, grey + 14)


def make_liner(word: str, pattern: str, rng: Rng) -> Liner:
    """Return the look of a ship and its sky."""
    hull = sample_colour(
        str(rng.choice(["Navy Blue", "Black", "White", "Red", "Green", "Blue"])), rng
    )
    funnel = sample_colour(
        str(rng.choice(["Red", "Orange", "Yellow", "Blue", "White", "Black"])), rng
    )
    keel = sample_colour(str(rng.choice(["Maroon", "Black", "Red", "Brown"])), rng)
    return Liner(hull, keel, funnel, sample_sky(rng), float(rng.uniform(-0.9, 0.4)))


def make_plane(word: str, pattern: str, rng: Rng) -> Plane:
    """Return the look of an aeroplane and its sky."""
    body = sample_colour(
        str(rng.choice(["White", "White", "White", "Silver", "Cream", "Yellow"])), rng
    )
    trims = [sample_colour(str(name), rng) for name in rng.choice(STRONG, 2, replace=False)]
    return Plane(body, trims[0], trims[1], sample_sky(rng), float(rng.uniform(-1, 0.4)))


def make_drive(word: str, pattern: str, rng: Rng) -> Drive:
    """Return the look of a car and its sky."""
    names = ["Red", "Blue", "Silver", "White", "Black", "Green", "Yellow", "Orange", "Grey"]
    return Drive(
        sample_colour(str(rng.choice(names)), rng), sample_sky(rng), float(rng.uniform(-0.9, 0.4))
    )
