"""Which attributes of an item a text names rightly, and whether it says that it is not sure."""

import re
from collections.abc import Mapping

from vlm.data import words
from vlm.data.captions import READ_KEYS, read_back
from vlm.data.cifar10 import KINDS, read_kind
from vlm.data.replies import UNKNOWN, is_unsure
from vlm.data.taxonomy import SUBCATEGORY

ATTRIBUTES = ("subCategory", "articleType", "gender", "baseColour", "usage")
ITEM = "item"
# What each question about one attribute asks for, as `named` and `truths` have it.
ASKED_FOR = {
    "kind": ITEM,
    "colour": "baseColour",
    "gender": "gender",
    "usage": "usage",
    "season": "season",
}
# What is said of the ground is no colour of the thing.
GROUND = re.compile(
    r'"background": ?"[^"]*"'
    r"|\b(?:\w+ )?background\b(?:(?: is)? mostly \w+)?|\bsurrounds it is mostly \w+"
)


def labels(facts: Mapping[str, str]) -> dict[str, str]:
    """The facts under the keys that readers and judges know: a scene's colour is a baseColour."""
    found = dict(facts)
    if found.get("kind") in KINDS and (colour := found.pop("colour", "")):
        found["baseColour"] = colour.capitalize()
    return found


def named(text: str) -> dict[str, str]:
    """The item that a text (or JSON) names, its baseColour, gender, usage and season.

    The item is an articleType or, where none is named, the kind of a scene.
    """
    found = read_back(GROUND.sub(" ", text.lower()))
    item = found.pop("articleType", "") or read_kind(text)
    return found | ({ITEM: item} if item else {})


def truths(facts: Mapping[str, str]) -> dict[str, str]:
    """What is true of an item, in the form of `named`; what no text could name is left out."""
    known = labels(facts)
    item = known.get("articleType", "") or known.get("kind", "")
    found = {key: known[key] for key in READ_KEYS if known.get(key) in words.FORMS[key]}
    return found | ({ITEM: item} if item in (*words.SINGULAR, *KINDS) else {})


def attributes(text: str, facts: Mapping[str, str]) -> dict[str, float]:
    """1.0 for each attribute that the text names exactly as the metadata has it, else 0.0.

    An attribute that the text does not name counts as wrong; one that the metadata lacks is left
    out. The subCategory (the kind of item) is the one that the named articleType belongs to.
    """
    said, known = read_back(GROUND.sub(" ", text.lower())), labels(facts)
    said["subCategory"] = SUBCATEGORY.get(said.get("articleType", ""), "")
    return {key: float(said.get(key) == known[key]) for key in ATTRIBUTES if key in known}


def scene(text: str, facts: Mapping[str, str]) -> dict[str, float]:
    """`kind`: 1.0 when the text names the kind of the scene; nothing for what is no scene."""
    kind = facts.get("kind")
    return {"kind": float(read_kind(text) == kind)} if kind in KINDS else {}


def doubt(text: str, facts: Mapping[str, str]) -> dict[str, float]:
    """Whether the text rightly says, or rightly does not say, that it is not sure.

    `unsure` is the detection of what is neither product nor scene (kind "unknown"), `sure` is
    100 % minus the false alarms on all that is known.
    """
    if facts.get("kind") == UNKNOWN:
        return {"unsure": float(is_unsure(text))}
    return {"sure": float(not is_unsure(text))} if facts else {}


def only_about(text: str, key: str, beside: str = "") -> float:
    """1.0 when the text names the asked attribute (a key of `named`) and no other.

    Args:
        beside: an attribute that may be named too: "The cat is brown" has its kind as the subject.
    """
    return float(set(named(text)) - ({beside} - {key}) == {key})
