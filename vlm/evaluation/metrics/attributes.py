"""Compare the attributes that a text names with an item's metadata, label by label."""

import re
from collections.abc import Mapping

from vlm.data.grammar import words
from vlm.data.grammar.products import READ_KEYS
from vlm.data.grammar.scenes import KINDS
from vlm.data.grammar.taxonomy import SUBCATEGORY
from vlm.data.grammar.words import UNKNOWN
from vlm.evaluation.metrics.replies import is_unsure, read_back, read_kind

ATTRIBUTES = ("subCategory", "articleType", "gender", "baseColour", "usage")
ITEM = "item"

# Task of a question about one attribute -> that attribute, as a key of `read_attributes`.
REQUESTED = {
    "kind": ITEM,
    "colour": "baseColour",
    "gender": "gender",
    "usage": "usage",
    "season": "season",
}

# Statements about the background; a colour in them is not the item's.
BACKGROUND = re.compile(
    r'"background": ?"[^"]*"'
    r"|\b(?:\w+ )?background\b(?:(?: is)? mostly \w+)?|\bsurrounds it is mostly \w+"
)


def normalise_facts(facts: Mapping[str, str]) -> dict[str, str]:
    """Return the facts under the keys that judges use: a scene's colour becomes baseColour."""
    normalised = dict(facts)
    if normalised.get("kind") in KINDS and (colour := normalised.pop("colour", "")):
        normalised["baseColour"] = colour.capitalize()
    return normalised


def read_attributes(text: str) -> dict[str, str]:
    """Read the item that a text (or JSON) names, its baseColour, gender, usage and season.

    The item is an articleType or, if none is named, the kind of a scene.
    """
    attributes = read_back(BACKGROUND.sub(" ", text.lower()))
    item = attributes.pop("articleType", "") or read_kind(text)
    return attributes | ({ITEM: item} if item else {})


def true_attributes(facts: Mapping[str, str]) -> dict[str, str]:
    """Return what is true of an item, under the keys of `read_attributes`.

    Values that no text could be read as are left out.
    """
    labels = normalise_facts(facts)
    item = labels.get("articleType", "") or labels.get("kind", "")
    attributes = {key: labels[key] for key in READ_KEYS if labels.get(key) in words.FORMS[key]}
    return attributes | ({ITEM: item} if item in (*words.SINGULAR, *KINDS) else {})


def attribute_scores(text: str, facts: Mapping[str, str]) -> dict[str, float]:
    """Score each attribute of the metadata: 1.0 if the text names exactly its label, else 0.0.

    An attribute that the text does not name scores 0.0; one that the metadata lacks has no score.
    The subCategory is the one that the named articleType belongs to.
    """
    named, labels = read_back(BACKGROUND.sub(" ", text.lower())), normalise_facts(facts)
    named["subCategory"] = SUBCATEGORY.get(named.get("articleType", ""), "")
    return {key: float(named.get(key) == labels[key]) for key in ATTRIBUTES if key in labels}


def scene_scores(text: str, facts: Mapping[str, str]) -> dict[str, float]:
    """Score `kind`: 1.0 if the text names the kind of the scene; empty for other pictures."""
    kind = facts.get("kind")
    return {"kind": float(read_kind(text) == kind)} if kind in KINDS else {}


def doubt_scores(text: str, facts: Mapping[str, str]) -> dict[str, float]:
    """Score whether the text says, exactly when it should, that it is not sure.

    `unsure` is 1.0 for a text that says so about a picture of kind "unknown", neither product nor
    scene; `sure` is 1.0 for a text that does not say so about any other picture.
    """
    if facts.get("kind") == UNKNOWN:
        return {"unsure": float(is_unsure(text))}
    return {"sure": float(not is_unsure(text))} if facts else {}


def names_only(text: str, key: str, also_allowed: str = "") -> float:
    """Return 1.0 if the text names the requested attribute (a key of `read_attributes`) alone.

    Args:
        also_allowed: an attribute that may be named too: in "The cat is brown" the kind.
    """
    return float(set(read_attributes(text)) - ({also_allowed} - {key}) == {key})
