"""What the classes of a classifier are called, and the broader kinds that each belongs to.

imagenet.tsv has the 1,000 classes of ImageNet (Russakovsky et al., 2015, arXiv 1409.0575) in the
order of its classifiers: WordNet id, article, plain name, broader kinds from narrow to wide. The
names and kinds are our own. A table of the same columns describes any other classifier.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from vlm.data import tables
from vlm.data.grammar import phrases
from vlm.data.tables.rows import cell_text
from vlm.errors import UserError

IMAGENET = Path(__file__).with_name("imagenet.tsv")
PLURAL, UNCOUNTED = "plural", "-"
ARTICLES = ("a", "an", PLURAL, UNCOUNTED)
# broader kinds that take no article
MASS_KINDS = frozenset(
    "armour bedding cattle cloth clothing corn equipment food footwear furniture glasses grass "
    "jewellery landscape make-up meat paper pasta trousers underwear".split()
)


@dataclass(frozen=True)
class Kind:
    """A class of a classifier.

    Attributes:
        id: of the class; the WordNet id of ImageNet's classes.
        article: a, an, plural ("sunglasses") or - ("hay").
        name: what people call one of them.
        broader: kinds that it belongs to, from narrow to wide; may be empty.
    """

    id: str
    article: str
    name: str
    broader: tuple[str, ...] = ()

    @property
    def phrase(self) -> str:
        """The name with its article: "an abacus", "sunglasses"."""
        return self.name if self.article in (PLURAL, UNCOUNTED) else f"{self.article} {self.name}"

    @property
    def is_plural(self) -> bool:
        return self.article == PLURAL


@cache
def load(file: Path = IMAGENET) -> tuple[Kind, ...]:
    """Return the classes of a table, in order.

    Raises:
        UserError: when it cannot be read or a row has no name or no such article.
    """
    kinds = []
    for number, row in enumerate(tables.read_parsed(file)):
        cells = {key: cell_text(value) for key, value in row.items()}
        name, article = cells.get("name", ""), (row.get("article") or "").strip()
        if not name or article not in ARTICLES:
            raise UserError(
                f"{file} has no name, or none of the articles {', '.join(ARTICLES)}, in row "
                f"{number}; give a table with the columns wnid, article, name and kinds."
            )
        broader = tuple(filter(None, (cells.get("kinds") or "").split(", ")))
        kinds.append(Kind(cells.get("wnid", ""), article, name, broader))
    return tuple(kinds)


@cache
def imagenet_synonyms() -> Mapping[str, tuple[str, ...]]:
    """Return WordNet's names of each class of ImageNet by its id, as timm has them."""
    from timm.data import ImageNetInfo  # imports torch

    info = ImageNetInfo()
    return {
        kind.id: tuple(name.strip() for name in info.label_name_to_description(kind.id).split(","))
        for kind in load()
    }


def from_labels(labels: Sequence[str]) -> tuple[Kind, ...]:
    """Return classes that have only a label: its first name, without broader kinds."""
    names = [label.split(",")[0].strip().replace("_", " ") for label in labels]
    return tuple(Kind(name, phrases.with_article(name).split()[0], name) for name in names)


def with_article(kind: str) -> str:
    """Return a broader kind with its article: "an animal", "clothing"."""
    return kind if kind.split()[-1] in MASS_KINDS else phrases.with_article(kind)


def siblings(kinds: Sequence[Kind]) -> list[list[int]]:
    """Return for each class the other classes of its narrowest kind that has any."""
    members: dict[str, list[int]] = {}
    for number, kind in enumerate(kinds):
        for broader in kind.broader:
            members.setdefault(broader, []).append(number)
    return [_nearest(kind, number, kinds, members) for number, kind in enumerate(kinds)]


def _nearest(
    kind: Kind, number: int, kinds: Sequence[Kind], members: dict[str, list[int]]
) -> list[int]:
    for broader in kind.broader:
        others = [n for n in members[broader] if n != number and kinds[n].name != kind.name]
        if others:
            return others
    return []


def narrowest_shared(kinds: Iterable[Kind]) -> str:
    """Return the narrowest kind that all the classes belong to, or an empty string.

    A class counts as its own narrowest kind, so that one class shares its name with itself.
    """
    lists = [(kind.name, *kind.broader) for kind in kinds]
    shared = set(lists[0]).intersection(*lists[1:]) if lists else set()
    return next((name for name in lists[0] if name in shared), "") if lists else ""


def pattern(names: Iterable[str]) -> re.Pattern:
    """Return a pattern that finds the names as whole words, in the singular or the plural.

    Where several names fit at one place, the longest one is found.
    """
    longest_first = sorted(names, key=len, reverse=True)
    escaped = (
        re.escape(n).replace(r"\ ", r"[\s-]+").replace(r"\-", r"[\s-]?") for n in longest_first
    )
    return re.compile(rf"(?<![\w-])(?:{'|'.join(escaped)})(?:e?s)?(?![\w-])", re.IGNORECASE)
