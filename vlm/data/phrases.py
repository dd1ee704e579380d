"""Fills the templates of the caption grammar, and names things as its answers do.

A template asks for slots in braces; a part in square brackets is dropped when a slot of it has no
value; a template with an empty slot outside brackets does not fit.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from random import Random

from vlm.data.words import SINGULAR

PAIR = "pair of "
ARTICLE = re.compile(r"\b([Aa]) (?=[aeiou])(?!uni)")  # an a that should be an


def describe_colour(label: str) -> str:
    """The colour label as answers say it: "Navy Blue" -> "navy blue"."""
    return label.lower()


def describe_kind(label: str) -> str:
    """One item of the article type: "Casual Shoes" -> "pair of casual shoes"."""
    return SINGULAR.get(label, label.lower())


def noun(kind: str, *before: str) -> str:
    """The noun with its adjectives, which go inside a pair: "pair of men's brown casual shoes"."""
    pair, bare = (PAIR, kind.removeprefix(PAIR)) if kind.startswith(PAIR) else ("", kind or "item")
    return pair + " ".join(filter(None, (*before, bare)))


def with_article(noun: str) -> str:
    """ "umbrella" -> "an umbrella"."""
    return fill("a {noun}", {"noun": noun})


def fits(template: str, slots: Mapping[str, str]) -> bool:
    """True when every slot outside brackets has a value."""
    for name in _needs(template):  # a loop, not all(): the grammar asks this half a million times
        if not slots[name]:
            return False
    return True


def fill(template: str, slots: Mapping[str, str]) -> str:
    """The template with its slots filled, optional parts kept or dropped, a and an put right."""
    parts = enumerate(_parts(template))
    kept = [part for n, part in parts if n % 2 == 0 or fits(part, slots)]
    return ARTICLE.sub(r"\1n ", "".join(kept).format_map(slots))


def sentence(template: str, slots: Mapping[str, str]) -> str:
    """The filled template with a capital letter."""
    text = fill(template, slots)
    return text[0].upper() + text[1:]


def some(choices: Sequence[str], count: int, rng: Random) -> list[str]:
    """`count` of the choices by chance, none twice before all were taken."""
    order = rng.sample(choices, min(count, len(choices)))
    return [order[n % len(order)] for n in range(count)]


def sentences(
    templates: Sequence[str], slots: Mapping[str, str], rng: Random, count: int = 1
) -> list[str]:
    """`count` different fitting templates, filled; none at all when none fits."""
    fitting = [template for template in templates if fits(template, slots)]
    return [sentence(template, slots) for template in some(fitting, count if fitting else 0, rng)]


@cache
def _parts(template: str) -> tuple[str, ...]:
    """The template cut at its square brackets: the odd parts stood in them."""
    return tuple(re.split(r"\[(.*?)\]", template))


@cache
def _needs(template: str) -> tuple[str, ...]:
    """The slots outside the square brackets."""
    return tuple(re.findall(r"{(\w+)}", re.sub(r"\[.*?\]", "", template)))
