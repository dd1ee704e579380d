"""From one colour word to the colours of a whole product."""

from __future__ import annotations

import numpy as np
from draw_accessories import Clock, Shades, Strap
from draw_bags import Hide, Pack
from draw_colours import contrasting, drawn, lightness, paler, toned
from draw_lowers import Denim, Gown, Silk
from draw_patterns import checked, dotted, striped
from draw_road import Drive
from draw_scenes import Liner, Plane
from draw_shoes import Slipper, Trainer
from draw_studio import Colour, Paint
from draw_tops import Top, Weave

STRONG = ("Red", "Navy Blue", "Blue", "Green", "Black", "Purple", "Maroon", "Orange", "Teal")
LIGHTS = ("White", "Cream", "White", "Beige")
SHOWS = 110.0  # distance in RGB from which two colours are told apart in a small pattern
WHITE: Colour = (246, 246, 244)
GILT: Colour = (206, 172, 104)
NICKEL: Colour = (196, 198, 203)
Rng = np.random.Generator


def other(word: str, base: Colour, rng: Rng) -> Colour:
    """A colour that shows on the word's: a light one on a dark, a strong one on a light."""
    choices = STRONG if lightness(base) > 0.7 else LIGHTS
    marks = [drawn(name, rng) for name in rng.permutation(choices) if name != word]
    return next((mark for mark in marks if np.linalg.norm(np.subtract(mark, base)) > SHOWS), WHITE)


def woven(pattern: str, word: str, rng: Rng) -> tuple[Colour, Colour | Weave]:
    """The main colour, and the cloth: the colour or a weave, where the word's colour rules."""
    base = drawn(word, rng)
    mark = other(word, base, rng)
    period = float(rng.uniform(3.4, 6.6))
    if pattern == "striped":
        share, upright = float(rng.uniform(0.16, 0.4)), 90 * float(rng.random() < 0.35)
        return base, lambda turn: striped(base, mark, period, share, turn + upright)
    if pattern == "checked":
        ground = paler(base, 0.85) if lightness(base) < 0.6 else base
        line = base if lightness(base) < 0.6 else mark
        return base, lambda turn: checked(ground, line, period, turn)
    if pattern == "dotted":
        size = float(rng.uniform(0.13, 0.2))
        return base, lambda turn: dotted(base, mark, period, period * size)
    return base, base


def cut(cloth: Colour | Weave) -> Colour | Paint:
    """The cloth, cut straight."""
    return cloth(0) if callable(cloth) else cloth


def top(word: str, pattern: str, rng: Rng) -> Top:
    """A shirt, polo or T-shirt."""
    base, cloth = woven(pattern, word, rng)
    plain = pattern == "solid"
    trim = toned(base, rng.uniform(0.85, 1.2)) if plain or rng.random() < 0.5 else base
    dark = lightness(base) < 0.35
    button = drawn("White", rng) if rng.random() < 0.6 else toned(base, 0.6 + 1.2 * dark)
    return Top(cloth, trim, toned(base, 0.6), toned(base, 0.82), toned(base, 1.06),
               contrasting(base, 0.22), contrasting(base, 0.28), button)  # fmt: skip


def shirt(word: str, pattern: str, rng: Rng) -> Top:
    """A shirt: its collar is of the same cloth."""
    look = top(word, pattern, rng)
    return look._replace(trim=look.cloth)


def gown(word: str, pattern: str, rng: Rng) -> Gown:
    """A dress or a skirt."""
    base, cloth = woven(pattern, word, rng)
    return Gown(cut(cloth), base, toned(base, 0.87))


def denim(word: str, pattern: str, rng: Rng) -> Denim:
    """Jeans, washed or raw."""
    base = toned(drawn(word, rng), 0.8) if word == "Blue" else drawn(word, rng)
    worn = paler(base, rng.uniform(0.3, 0.5)) if pattern == "washed" else paler(base, 0.06)
    orange = (196.0, 140.0, 72.0)
    return Denim(base, worn, orange if rng.random() < 0.6 else contrasting(base, 0.3))


def silk(word: str, pattern: str, rng: Rng) -> Silk:
    """A tie."""
    base = drawn(word, rng)
    mark = other(word, base, rng) if pattern == "striped" else base
    period, share = float(rng.uniform(4.5, 9)), float(rng.uniform(0.12, 0.36))
    return Silk(base, mark, contrasting(base, 0.15), period, share)


def hide(word: str, pattern: str, rng: Rng) -> Hide:
    """A handbag."""
    base = drawn(word, rng)
    return Hide(base, contrasting(base), GILT if rng.random() < 0.6 else NICKEL)


def pack(word: str, pattern: str, rng: Rng) -> Pack:
    """A backpack: straps of its own dark tone, or black."""
    base = drawn(word, rng)
    strap = toned(base, 0.5) if rng.random() < 0.5 else drawn("Black", rng)
    label = drawn(str(rng.choice(["Brown", "Black", "Grey", "Tan"])), rng)
    return Pack(base, strap, contrasting(base, 0.45), label, contrasting(label, 0.5))


def clock(word: str, pattern: str, rng: Rng) -> Clock:
    """A watch: metal, or a strap of the word's colour on a steel case."""
    base = drawn(word, rng)
    pale = rng.random() < (0.2 if word == "Black" else 0.6)
    dial = drawn("White", rng) if pale else drawn("Black", rng)
    if word in ("White", "Pink"):
        dial = paler(base, 0.6)
    mark = contrasting(dial, 0.78)
    second = drawn(str(rng.choice(["Red", "Orange", "Blue"])), rng)
    if word in ("Silver", "Gold"):
        metal = toned(base, 1.04) if word == "Gold" else (208.0, 211.0, 217.0)
        return Clock(metal, dial, mark, mark, second)
    if word == "Black" and rng.random() < 0.5:
        return Clock((62, 63, 67), dial, mark, mark, second)
    metal = GILT if rng.random() < 0.25 else (208.0, 211.0, 217.0)
    return Clock(metal, dial, mark, mark, second, base)


def shades(word: str, pattern: str, rng: Rng) -> Shades:
    """Sunglasses: lenses dark, or of the frame's colour."""
    frame = drawn(word, rng)
    tinted = rng.random() < 0.5
    lens = toned(frame, 0.7) if tinted and lightness(frame) < 0.6 else (44.0, 43.0, 48.0)
    return Shades(frame, lens, paler(lens, 0.45) if pattern == "gradient" else paler(lens, 0.05))


def trainer(word: str, pattern: str, rng: Rng) -> Trainer:
    """A sports shoe: cloth, panels and laces of the colour, trim of another, a pale sole."""
    base = drawn(word, rng)
    trim = other(word, base, rng)
    pale = drawn("White", rng)
    lace = pale if rng.random() < 0.5 else base
    sole = pale if word != "Black" or rng.random() < 0.5 else drawn("Black", rng)
    panel = toned(base, rng.uniform(0.88, 1.1))
    return Trainer(base, panel, trim, toned(trim, 1.2), lace, sole, contrasting(base, 0.3))


def slipper(word: str, pattern: str, rng: Rng) -> Slipper:
    """A flip flop: the footbed of the colour, the strap too or not."""
    base = drawn(word, rng)
    mark = other(word, base, rng)
    strap = mark if rng.random() < 0.35 else toned(base, rng.uniform(0.8, 1.1))
    edge = (222.0, 226.0, 232.0) if rng.random() < 0.5 else toned(base, 0.8)
    return Slipper(base, strap, edge, mark)


def strap(word: str, pattern: str, rng: Rng) -> Strap:
    """A belt."""
    base = drawn(word, rng)
    back = base if rng.random() < 0.5 else toned(base, 0.8)
    return Strap(base, back, contrasting(base, 0.4), GILT if rng.random() < 0.2 else NICKEL)


def leather(word: str, pattern: str, rng: Rng) -> Colour:
    """One colour alone: a wallet, shorts."""
    return drawn(word, rng)


def cap(word: str, pattern: str, rng: Rng) -> tuple[Colour, Colour]:
    """A cap: the peak as the crown, or darker."""
    base = drawn(word, rng)
    return base, toned(base, 1.0 if rng.random() < 0.7 else 0.75)


def canvas(word: str, pattern: str, rng: Rng) -> tuple[Colour, Colour, Colour]:
    """A canvas shoe: cloth, laces, sole."""
    base, pale = drawn(word, rng), drawn("White", rng)
    return base, pale if rng.random() < 0.7 else base, pale


def pump(word: str, pattern: str, rng: Rng) -> tuple[Colour, Colour]:
    """A shoe with a heel: leather and lining."""
    lining = drawn(str(rng.choice(["Beige", "Tan", "Black"])), rng)
    return drawn(word, rng), lining


def air(rng: Rng) -> Colour:
    """The blue or grey of a sky."""
    blue = (rng.uniform(40, 120), rng.uniform(105, 165), rng.uniform(180, 225))
    grey = rng.uniform(140, 190)
    return blue if rng.random() < 0.75 else (grey, grey + 6, grey + 14)


def liner(word: str, pattern: str, rng: Rng) -> Liner:
    """A ship with its sky."""
    hull = drawn(str(rng.choice(["Navy Blue", "Black", "White", "Red", "Green", "Blue"])), rng)
    funnel = drawn(str(rng.choice(["Red", "Orange", "Yellow", "Blue", "White", "Black"])), rng)
    keel = drawn(str(rng.choice(["Maroon", "Black", "Red", "Brown"])), rng)
    return Liner(hull, keel, funnel, air(rng), float(rng.uniform(-0.9, 0.4)))


def plane(word: str, pattern: str, rng: Rng) -> Plane:
    """An aeroplane with its sky."""
    body = drawn(str(rng.choice(["White", "White", "White", "Silver", "Cream", "Yellow"])), rng)
    trims = [drawn(str(name), rng) for name in rng.choice(STRONG, 2, replace=False)]
    return Plane(body, trims[0], trims[1], air(rng), float(rng.uniform(-1, 0.4)))


def drive(word: str, pattern: str, rng: Rng) -> Drive:
    """A car with its sky."""
    names = ["Red", "Blue", "Silver", "White", "Black", "Green", "Yellow", "Orange", "Grey"]
    return Drive(drawn(str(rng.choice(names)), rng), air(rng), float(rng.uniform(-0.9, 0.4)))
