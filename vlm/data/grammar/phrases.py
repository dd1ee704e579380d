"""Fill the templates of the caption grammars, and name things as their answers do.

A template has slots in braces. A part in square brackets is dropped if one of its slots is empty; a
template with an empty slot outside brackets does not fit.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from random import Random

from vlm.data.grammar.words import SINGULAR

PAIR = "pair of "
ARTICLE = re.compile(r"\b([Aa]) (?=[aeiou])(?!uni)")  # an "a" that should be "an"


def describe_colour(label: str) -> str:
    """Return the colour label as answers write it: "Navy Blue" -> "navy blue"."""
    return label.lower()


def describe_kind(label: str) -> str:
    """Return the name of one item of an article type: "Casual Shoes" -> "pair of casual shoes"."""
    return SINGULAR.get(label, label.lower())


def noun(kind: str, *before: str) -> str:
    """Return a noun with adjectives: "pair of shoes" -> "pair of men's brown shoes"."""
    pair, bare = (PAIR, kind.removeprefix(PAIR)) if kind.startswith(PAIR) else ("", kind or "item")
    return pair + " ".join(filter(None, (*before, bare)))


def with_article(noun: str) -> str:
    """Return a noun with its article: "umbrella" -> "an umbrella"."""
    return fill("a {noun}", {"noun": noun})


def fits(template: str, slots: Mapping[str, str]) -> bool:
    """Return True if every slot outside brackets has a value."""
    for name in _required_slots(template):  # faster than all(); called half a million times
        if not slots[name]:
            return False
    return True


def fill(template: str, slots: Mapping[str, str]) -> str:
    """Fill a template's slots, keep or drop its optional parts, and correct "a" to "an"."""
    parts = enumerate(_parts(template))
    kept = [part for n, part in parts if n % 2 == 0 or fits(part, slots)]
    return ARTICLE.sub(r"\1n ", "".join(kept).format_map(slots))


def sentence(template: str, slots: Mapping[str, str]) -> str:
    """Return a filled template with a capital letter."""
    text = fill(template, slots)
    return text[0].upper() + text[1:]


def sample_evenly(choices: Sequence[str], count: int, rng: Random) -> list[str]:
    """Draw `count` choices at random; none is repeated before all have been drawn."""
    order = rng.sample(choices, min(count, len(choices)))
    return [order[n % len(order)] for n in range(count)]


def sentences(
    templates: Sequence[str], slots: Mapping[str, str], rng: Random, count: int = 1
) -> list[str]:
    """Fill `count` different templates that fit; return an empty list if none fits."""
    fitting = [template for template in templates if fits(template, slots)]
    return [
        sentence(template, slots)
        for template in sample_evenly(fitting, count if fitting else 0, rng)
    ]


@cache
def _parts(template: str) -> tuple[str, ...]:
    """Split a template at its square brackets; the odd parts are those inside."""
    return tuple(re.split(r"\[(.*?)\]", template))


@cache
def _required_slots(template: str) -> tuple[str, ...]:
    """Return the slots outside square brackets."""
    return tuple(re.findall(r"{(\w+)}", re.sub(r"\[.*?\]", "", template)))
