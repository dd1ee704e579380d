"""Which attributes of an item a text names rightly."""

from collections.abc import Mapping

from vlm.data.captions import read_back
from vlm.data.taxonomy import SUBCATEGORY

ATTRIBUTES = ("subCategory", "articleType", "gender", "baseColour", "usage")


def attributes(text: str, facts: Mapping[str, str]) -> dict[str, float]:
    """1.0 for each attribute that the text names exactly as the metadata has it, else 0.0.

    An attribute that the text does not name counts as wrong; one that the metadata lacks is left
    out. The subCategory (the kind of item) is the one that the named articleType belongs to.
    """
    named = read_back(text)
    named["subCategory"] = SUBCATEGORY.get(named.get("articleType", ""), "")
    return {key: float(named.get(key) == facts[key]) for key in ATTRIBUTES if key in facts}


def only_about(text: str, key: str) -> float:
    """1.0 when the text names the asked attribute and no other."""
    return float(set(read_back(text)) == {key})
