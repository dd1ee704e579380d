"""Captions with a noun changed for a kind of the same sort: "A dog runs" -> "A cheetah runs".

So that a decoder also names in whole sentences what no caption mentions (NOC: Venugopalan et al.,
2017, arXiv 1606.07770). The adjectives go with the noun: a brown dog may be a striped zebra.
"""

import re
from collections.abc import Mapping, Sequence
from random import Random

from vlm.data.kinds.kinds import PLURAL, UNCOUNTED, Kind

# noun of captions -> broader kinds whose classes may stand for it
SORTS: Mapping[str, tuple[str, ...]] = {
    "dog": ("dog", "cat", "canine", "mammal"),
    "puppy": ("dog", "cat"),
    "cat": ("dog", "cat"),
    "horse": ("mammal",),
    "cow": ("mammal",),
    "bird": ("bird",),
    "car": ("car", "van", "truck"),
    "truck": ("car", "van", "truck", "bus"),
    "bus": ("van", "truck", "bus"),
    "boat": ("boat", "ship"),
    "bike": ("bicycle", "motorcycle", "cycle"),
    "bicycle": ("bicycle", "motorcycle", "cycle"),
    "motorcycle": ("bicycle", "motorcycle", "cycle"),
    "hat": ("hat",),
    "ball": ("ball",),
    "guitar": ("musical instrument",),
}
WATER = "sea mammal"  # never stands for a thing on land
ADJECTIVES = (
    "beautiful big black blue brindle brown cute dark dirty fluffy furry golden gray green grey "
    "hairy huge large light-brown little long-haired muddy old orange pink purple red shaggy "
    "short-haired silver small spotted tan tiny wet white yellow young"
).split()
NOUN = re.compile(
    rf"\b(an?|the|one)\s+(?:(?:{'|'.join(ADJECTIVES)}|and),?\s+)*({'|'.join(SORTS)})\b"
    r"(?!['-]|\s+(?:bed|cage|collar|house|lane|race|rack|rider|show|track|wheel|window)\b)",
    re.IGNORECASE,
)


class Swaps:
    """Changes captions' nouns for the names of a classifier's classes."""

    def __init__(self, kinds: Sequence[Kind]):
        self.kinds = kinds
        self.classes = {noun: self._of_sort(sort) for noun, sort in SORTS.items()}

    def swap(self, caption: str, rng: Random) -> tuple[str, int] | None:
        """Return the caption with its first such noun changed, and the new class; None if none."""
        match = NOUN.search(caption)
        classes = self.classes[match[2].lower()] if match else []
        if not match or not classes:
            return None
        number = rng.choice(classes)
        kind = self.kinds[number]
        words = f"the {kind.name}" if match[1].lower() == "the" else kind.phrase
        words = words[0].upper() + words[1:] if match.start() == 0 else words
        return caption[: match.start()] + words + caption[match.end() :], number

    def _of_sort(self, sort: Sequence[str]) -> list[int]:
        """Return the countable classes of these kinds."""
        return [
            number
            for number, kind in enumerate(self.kinds)
            if kind.article not in (PLURAL, UNCOUNTED)
            and set(sort).intersection(kind.broader)
            and WATER not in kind.broader
        ]
