"""What can be drawn: each kind with its facts, its colours and its patterns.

The facts are those of the product data set for such a product: its spelling of types, its most
frequent wearer and use. What is said of pattern, neckline, sleeve or material is drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import draw_looks as looks
import draw_more as more
import numpy as np
from draw_accessories import belt, sunglasses, watch
from draw_bags import backpack, handbag
from draw_lowers import dress, jeans, tie
from draw_road import car
from draw_scenes import aeroplane, ship
from draw_shoes import flip_flops, sports_shoes
from draw_studio import Studio
from draw_tops import polo, round_tee, shirt

SOFT = ("Pink", "Purple", "Lavender")  # the data set gives unisex things of these to women
PALE = ("White", "Cream", "Beige", "Pink", "Lavender", "Yellow")
PATTERNS = {"dotted": "Polka Dot"}  # where a name says it otherwise
CLOTH = ("Black", "White", "Blue", "Navy Blue", "Red", "Green", "Yellow", "Pink", "Purple", "Grey",
         "Orange", "Brown", "Maroon", "Olive", "Beige", "Cream", "Lavender", "Teal")  # fmt: skip
SKINS = ("Black", "Brown", "Tan", "Beige", "Red", "White", "Maroon", "Grey", "Blue", "Pink",
         "Purple", "Green", "Navy Blue")  # fmt: skip
SOLES = ("Black", "White", "Blue", "Navy Blue", "Red", "Green", "Yellow", "Pink", "Purple", "Grey",
         "Brown", "Orange")  # fmt: skip

Look = Callable[[str, str, np.random.Generator], Any]


class Kind(NamedTuple):
    """One kind of product.

    Attributes:
        draw: draws it on a studio, in a look.
        look: makes the look from colour word, pattern and chance.
        types: articleType, subCategory, masterCategory.
        colours: the words it is drawn in.
        patterns: what it is drawn in; the empty one is not named.
        wearer: gender and usage.
        name: what the product's name says, with {pattern} in it.
        women: the colours that make it a woman's.
        formal: the patterns that make it formal.
    """

    draw: Callable[[Studio, Any], None]
    look: Look
    types: tuple[str, str, str]
    colours: tuple[str, ...]
    patterns: tuple[str, ...] = ("",)
    wearer: tuple[str, str] = ("Men", "Casual")
    name: str = ""
    women: tuple[str, ...] = ()
    formal: tuple[str, ...] = ()

    def chosen(self, rng: np.random.Generator) -> tuple[str, str]:
        """A colour word and a pattern; in checks, a pale word would not rule the cloth."""
        pattern = str(rng.choice(self.patterns))
        words = [word for word in self.colours if pattern != "checked" or word not in PALE]
        return str(rng.choice(words)), pattern

    def facts(self, word: str, pattern: str) -> dict[str, str]:
        """The row of such a product, in the data set's columns."""
        gender, usage = self.wearer
        said = PATTERNS.get(pattern, pattern.title())
        return {
            **dict(zip(("articleType", "subCategory", "masterCategory"), self.types, strict=True)),
            "baseColour": word,
            "gender": "Women" if word in self.women else gender,
            "usage": "Formal" if pattern in self.formal else usage,
            "productDisplayName": " ".join(self.name.format(pattern=said).split()),
        }


TEE, SHIRT = ("Tshirts", "Topwear", "Apparel"), ("Shirts", "Topwear", "Apparel")
WOVEN = ("solid", "striped", "checked", "dotted")
KINDS: dict[str, Kind] = {
    "polo": Kind(polo, looks.top, TEE, CLOTH, ("solid", "solid", "striped"),
                 name="{pattern} Polo T-shirt Short Sleeves", women=SOFT[:1]),
    "tshirt": Kind(round_tee, looks.top, TEE, CLOTH, ("solid", "striped", "striped", "dotted"),
                   name="{pattern} Round Neck T-shirt Short Sleeves", women=SOFT[:1]),
    "shirt": Kind(shirt, looks.shirt, SHIRT, CLOTH, (*WOVEN, "checked"),
                  name="{pattern} Shirt Long Sleeves", formal=("striped",)),
    "dress": Kind(dress, looks.gown, ("Dresses", "Dress", "Apparel"), CLOTH,
                  ("solid", "dotted", "striped"), ("Women", "Casual"),
                  "{pattern} Sleeveless Dress"),
    "jeans": Kind(jeans, looks.denim, ("Jeans", "Bottomwear", "Apparel"),
                  ("Blue", "Blue", "Black", "Grey"), ("washed", ""),
                  name="{pattern} Jeans"),
    "handbag": Kind(handbag, looks.hide, ("Handbags", "Bags", "Accessories"), SKINS,
                    wearer=("Women", "Casual"), name="Leather Handbag"),
    "backpack": Kind(backpack, looks.pack, ("Backpacks", "Bags", "Accessories"),
                     ("Black", "Navy Blue", "Blue", "Grey", "Red", "Green", "Brown", "Olive",
                      "Pink", "Purple", "Orange", "Yellow"), wearer=("Unisex", "Casual"),
                     name="Backpack"),
    "watch": Kind(watch, looks.clock, ("Watches", "Watches", "Accessories"),
                  ("Silver", "Silver", "Silver", "Gold", "Gold", "Black", "Black", "Brown",
                   "White", "Pink", "Blue", "Red"), name="Analogue Watch",
                  women=("Gold", "White", "Pink", "Red")),
    "sunglasses": Kind(sunglasses, looks.shades, ("Sunglasses", "Eyewear", "Accessories"),
                       ("Black", "Black", "Black", "Brown", "Brown", "Blue", "Purple", "Green",
                        "Grey", "Red", "White", "Pink"), ("gradient", ""),
                       name="{pattern} Sunglasses", women=("Purple", "Red", "Pink")),
    "sports_shoes": Kind(sports_shoes, looks.trainer, ("Sports Shoes", "Shoes", "Footwear"),
                         (*SOLES, "White", "White", "Black", "Grey"), wearer=("Men", "Sports"),
                         name="Sports Shoes", women=SOFT),
    "flip_flops": Kind(flip_flops, looks.slipper, ("Flip Flops", "Flip Flops", "Footwear"), SOLES,
                       name="Flip Flops", women=SOFT),
    "belt": Kind(belt, looks.strap, ("Belts", "Belts", "Accessories"),
                 ("Black", "Black", "Brown", "Brown", "Tan", "Beige", "Navy Blue", "Red", "White",
                  "Grey", "Green"), name="Leather Belt", women=("Red", "White", "Grey", "Beige",
                                                               "Green")),
    "tie": Kind(tie, looks.silk, ("Ties", "Ties", "Accessories"),
                ("Black", "Blue", "Navy Blue", "Purple", "Grey", "Maroon", "Burgundy", "Red",
                 "Green", "Brown", "Yellow", "Pink"), ("striped", "striped", "solid"),
                ("Men", "Formal"), "{pattern} Tie"),
    "casual_shoes": Kind(more.casual_shoes, looks.canvas, ("Casual Shoes", "Shoes", "Footwear"),
                         (*SOLES, "Beige", "Tan", "Olive"), name="Canvas Casual Shoes",
                         women=SOFT),
    "heels": Kind(more.heels, looks.pump, ("Heels", "Shoes", "Footwear"),
                  (*SKINS, "Gold", "Silver"), wearer=("Women", "Casual"), name="Heels"),
    "wallet": Kind(more.wallet, looks.leather, ("Wallets", "Wallets", "Accessories"), SKINS,
                   name="Leather Wallet",
                   women=("Red", "Blue", "Green", "Grey", "Pink", "Purple", "Beige")),
    "cap": Kind(more.cap, looks.cap, ("Caps", "Headwear", "Accessories"), SOLES,
                wearer=("Unisex", "Casual"), name="Cap"),
    "shorts": Kind(more.shorts, looks.leather, ("Shorts", "Bottomwear", "Apparel"),
                   ("Black", "Blue", "White", "Navy Blue", "Beige", "Grey", "Olive", "Red"),
                   ("solid",), name="{pattern} Shorts"),
    "skirt": Kind(more.flared_skirt, looks.gown, ("Skirts", "Bottomwear", "Apparel"),
                  CLOTH, ("solid", "dotted", "striped"), ("Women", "Casual"), "{pattern} Skirt"),
}  # fmt: skip


class Scene(NamedTuple):
    """One kind of thing with its surroundings: how it is drawn, and CIFAR-10's word for it."""

    draw: Callable[[Studio, Any], None]
    look: Look
    kind: str


SCENES: dict[str, Scene] = {
    "ship": Scene(ship, looks.liner, "ship"),
    "aeroplane": Scene(aeroplane, looks.plane, "airplane"),
    "car": Scene(car, looks.drive, "automobile"),
}
