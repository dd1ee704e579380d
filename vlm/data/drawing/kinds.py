"""The kinds that can be drawn, with their facts, colours and patterns.

Facts follow the product data set: its type names, and the most frequent gender and usage of each
type. Every stated pattern, neckline, sleeve or material is drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from vlm.data.drawing import looks
from vlm.data.drawing.products import accessories, bags, headwear, lowers, shoes, tops
from vlm.data.drawing.scenes import road, sky_and_sea
from vlm.data.drawing.studio import Studio

SOFT = ("Pink", "Purple", "Lavender")  # in the data set these colours are mostly women's
PALE = ("White", "Cream", "Beige", "Pink", "Lavender", "Yellow")
PATTERNS = {"dotted": "Polka Dot"}  # pattern -> its spelling in names, where it differs
CLOTH = ("Black", "White", "Blue", "Navy Blue", "Red", "Green", "Yellow", "Pink", "Purple", "Grey",
         "Orange", "Brown", "Maroon", "Olive", "Beige", "Cream", "Lavender", "Teal")  # fmt: skip
SKINS = ("Black", "Brown", "Tan", "Beige", "Red", "White", "Maroon", "Grey", "Blue", "Pink",
         "Purple", "Green", "Navy Blue")  # fmt: skip
SOLES = ("Black", "White", "Blue", "Navy Blue", "Red", "Green", "Yellow", "Pink", "Purple", "Grey",
         "Brown", "Orange")  # fmt: skip

Look = Callable[[str, str, np.random.Generator], Any]


class Kind(NamedTuple):
    """A kind of product.

    Attributes:
        draw: draws it in a studio with a look.
        look: makes the look from colour word, pattern and random generator.
        types: articleType, subCategory, masterCategory.
        colours: colour words, repeated to be more frequent.
        patterns: patterns, repeated to be more frequent; "" is not named.
        wearer: gender and usage.
        name: product name with {pattern}.
        women: colours with gender Women.
        formal: patterns with usage Formal.
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

    def sample(self, rng: np.random.Generator) -> tuple[str, str]:
        """Return a random colour word and pattern; checks are never pale."""
        pattern = str(rng.choice(self.patterns))
        words = [word for word in self.colours if pattern != "checked" or word not in PALE]
        return str(rng.choice(words)), pattern

    def make_facts(self, word: str, pattern: str) -> dict[str, str]:
        """Return the facts of a product, in the data set's columns."""
        gender, usage = self.wearer
        spelling = PATTERNS.get(pattern, pattern.title())
        return {
            **dict(zip(("articleType", "subCategory", "masterCategory"), self.types, strict=True)),
            "baseColour": word,
            "gender": "Women" if word in self.women else gender,
            "usage": "Formal" if pattern in self.formal else usage,
            "productDisplayName": " ".join(self.name.format(pattern=spelling).split()),
        }


TEE, SHIRT = ("Tshirts", "Topwear", "Apparel"), ("Shirts", "Topwear", "Apparel")
WOVEN = ("solid", "striped", "checked", "dotted")
KINDS: dict[str, Kind] = {
    "polo": Kind(tops.draw_polo, looks.make_top, TEE, CLOTH, ("solid", "solid", "striped"),
                 name="{pattern} Polo T-shirt Short Sleeves", women=SOFT[:1]),
    "tshirt": Kind(tops.draw_round_tee, looks.make_top, TEE, CLOTH,
                   ("solid", "striped", "striped", "dotted"),
                   name="{pattern} Round Neck T-shirt Short Sleeves", women=SOFT[:1]),
    "shirt": Kind(tops.draw_shirt, looks.make_shirt, SHIRT, CLOTH, (*WOVEN, "checked"),
                  name="{pattern} Shirt Long Sleeves", formal=("striped",)),
    "dress": Kind(lowers.draw_dress, looks.make_gown, ("Dresses", "Dress", "Apparel"), CLOTH,
                  ("solid", "dotted", "striped"), ("Women", "Casual"),
                  "{pattern} Sleeveless Dress"),
    "jeans": Kind(lowers.draw_jeans, looks.make_denim, ("Jeans", "Bottomwear", "Apparel"),
                  ("Blue", "Blue", "Black", "Grey"), ("washed", ""),
                  name="{pattern} Jeans"),
    "handbag": Kind(bags.draw_handbag, looks.make_hide, ("Handbags", "Bags", "Accessories"), SKINS,
                    wearer=("Women", "Casual"), name="Leather Handbag"),
    "backpack": Kind(bags.draw_backpack, looks.make_pack, ("Backpacks", "Bags", "Accessories"),
                     ("Black", "Navy Blue", "Blue", "Grey", "Red", "Green", "Brown", "Olive",
                      "Pink", "Purple", "Orange", "Yellow"), wearer=("Unisex", "Casual"),
                     name="Backpack"),
    "watch": Kind(accessories.draw_watch, looks.make_clock, ("Watches", "Watches", "Accessories"),
                  ("Silver", "Silver", "Silver", "Gold", "Gold", "Black", "Black", "Brown",
                   "White", "Pink", "Blue", "Red"), name="Analogue Watch",
                  women=("Gold", "White", "Pink", "Red")),
    "sunglasses": Kind(accessories.draw_sunglasses, looks.make_shades,
                       ("Sunglasses", "Eyewear", "Accessories"),
                       ("Black", "Black", "Black", "Brown", "Brown", "Blue", "Purple", "Green",
                        "Grey", "Red", "White", "Pink"), ("gradient", ""),
                       name="{pattern} Sunglasses", women=("Purple", "Red", "Pink")),
    "sports_shoes": Kind(shoes.draw_sports_shoes, looks.make_trainer,
                         ("Sports Shoes", "Shoes", "Footwear"),
                         (*SOLES, "White", "White", "Black", "Grey"), wearer=("Men", "Sports"),
                         name="Sports Shoes", women=SOFT),
    "flip_flops": Kind(shoes.draw_flip_flops, looks.make_slipper,
                       ("Flip Flops", "Flip Flops", "Footwear"), SOLES,
                       name="Flip Flops", women=SOFT),
    "belt": Kind(accessories.draw_belt, looks.make_strap, ("Belts", "Belts", "Accessories"),
                 ("Black", "Black", "Brown", "Brown", "Tan", "Beige", "Navy Blue", "Red", "White",
                  "Grey", "Green"), name="Leather Belt", women=("Red", "White", "Grey", "Beige",
                                                               "Green")),
    "tie": Kind(lowers.draw_tie, looks.make_silk, ("Ties", "Ties", "Accessories"),
                ("Black", "Blue", "Navy Blue", "Purple", "Grey", "Maroon", "Burgundy", "Red",
                 "Green", "Brown", "Yellow", "Pink"), ("striped", "striped", "solid"),
                ("Men", "Formal"), "{pattern} Tie"),
    "casual_shoes": Kind(shoes.draw_casual_shoes, looks.make_canvas,
                         ("Casual Shoes", "Shoes", "Footwear"), (*SOLES, "Beige", "Tan", "Olive"),
                         name="Canvas Casual Shoes", women=SOFT),
    "heels": Kind(shoes.draw_heels, looks.make_pump, ("Heels", "Shoes", "Footwear"),
                  (*SKINS, "Gold", "Silver"), wearer=("Women", "Casual"), name="Heels"),
    "wallet": Kind(bags.draw_wallet, looks.make_leather, ("Wallets", "Wallets", "Accessories"),
                   SKINS, name="Leather Wallet",
                   women=("Red", "Blue", "Green", "Grey", "Pink", "Purple", "Beige")),
    "cap": Kind(headwear.draw_cap, looks.make_cap, ("Caps", "Headwear", "Accessories"), SOLES,
                wearer=("Unisex", "Casual"), name="Cap"),
    "shorts": Kind(lowers.draw_shorts, looks.make_leather, ("Shorts", "Bottomwear", "Apparel"),
                   ("Black", "Blue", "White", "Navy Blue", "Beige", "Grey", "Olive", "Red"),
                   ("solid",), name="{pattern} Shorts"),
    "skirt": Kind(lowers.draw_flared_skirt, looks.make_gown, ("Skirts", "Bottomwear", "Apparel"),
                  CLOTH, ("solid", "dotted", "striped"), ("Women", "Casual"), "{pattern} Skirt"),
}  # fmt: skip


class Scene(NamedTuple):
    """A kind of scene: how it is drawn, and its CIFAR-10 class."""

    draw: Callable[[Studio, Any], None]
    look: Look
    kind: str


SCENES: dict[str, Scene] = {
    "ship": Scene(sky_and_sea.draw_ship, looks.make_liner, "ship"),
    "aeroplane": Scene(sky_and_sea.draw_aeroplane, looks.make_plane, "airplane"),
    "car": Scene(road.draw_car, looks.make_drive, "automobile"),
}
