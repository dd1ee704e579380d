"""Read which objects a text mentions, and say which ones it leaves no room for.

An object is known by its name in `objects`. It is mentioned by its name, by a synonym and by the
name of any kind of it: a poodle is a dog, and a dog is an animal.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import NamedTuple

from vlm.data.scene_questions import objects

LONGEST = 3  # words of a name
NEVER_ASKED = "*"
OTHER_SENSE = "!"  # marks words that are often a verb or an adjective
IRREGULAR = {"men": "man", "women": "woman", "children": "child", "people": "person"}
IRREGULAR |= {"mice": "mouse", "geese": "goose", "feet": "foot", "teeth": "tooth"}
IRREGULAR |= {"leaves": "leaf", "knives": "knife", "wolves": "wolf", "calves": "calf"}
IRREGULAR |= {"skis": "ski", "potatoes": "potato", "tomatoes": "tomato"}
IRREGULAR |= {"oxen": "ox", "wives": "wife", "scarves": "scarf", "shelves": "shelf"}
IRREGULAR |= {"policemen": "policeman", "firemen": "fireman", "businessmen": "businessman"}
IRREGULAR |= {"horse": "horse", "goggles": "goggles", "glasses": "glasses", "lens": "lens"}
IRREGULAR |= {"sunglasses": "sunglasses", "shades": "shades", "bus": "bus", "buses": "bus"}
IRREGULAR |= {"tennis": "tennis", "clothes": "clothes", "movies": "movie", "cookies": "cookie"}
IRREGULAR |= {"pants": "pants", "jeans": "jeans", "shorts": "shorts", "trunks": "trunks"}
IRREGULAR |= {"overalls": "overalls", "woods": "woods", "steps": "steps", "stairs": "stairs"}
IRREGULAR |= {"bleachers": "bleachers", "rapids": "rapids", "bars": "bars", "canvas": "canvas"}
IRREGULAR |= {"leggings": "leggings", "lenses": "lens", "trousers": "trousers"}
IRREGULAR |= {"eyeglasses": "eyeglasses", "slacks": "slacks", "christmas": "christmas"}
SAME_IN_PLURAL = frozenset({"sheep", "deer", "fish", "cattle", "elk", "moose", "bison", "salmon"})


@dataclass(frozen=True)
class Thing:
    """An object: the kinds it belongs to directly, its other names, and where it may hide.

    Attributes:
        near: beginnings of words near which it may be present without being mentioned; those of
            whole words end with a space.
        asked: whether its presence is asked about.
    """

    name: str
    parents: tuple[str, ...]
    words: tuple[str, ...]
    near: tuple[str, ...]
    asked: bool


class Mention(NamedTuple):
    """Where a text names an object; not `sure` if the word is often a verb or an adjective."""

    start: int
    stop: int
    name: str
    sure: bool


@cache
def things() -> dict[str, Thing]:
    """Return all objects by name."""
    tables = (objects.PEOPLE, objects.ANIMALS, objects.VEHICLES, objects.PLAY)
    tables += (objects.INDOORS, objects.CLOTHES, objects.PLACES)
    rows = [line.split(";") for table in tables for line in _lines(table)]
    found = [_thing(*map(str.strip, row)) for row in rows]
    return {thing.name.rstrip(OTHER_SENSE): thing for thing in found}


@cache
def near_misses() -> dict[str, tuple[str, ...]]:
    """Return the objects that each object is easily taken for."""
    rows = (line.partition(":") for line in _lines(objects.NEAR_MISSES))
    return {name: _split(others) for name, _, others in rows}


def _lines(table: str) -> list[str]:
    """Return the entries of a table; a line that begins with spaces continues the one before."""
    return table.strip().replace("\n  ", " ").splitlines()


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _thing(name: str, parents: str, words: str, near: str) -> Thing:
    asked = near != NEVER_ASKED
    begins = tuple(w.rstrip("*") if w.endswith("*") else w + " " for w in _split(near) if asked)
    return Thing(name, _split(parents), _split(words), begins, asked)


@cache
def _names() -> dict[str, tuple[str, bool]]:
    """Return each spelling, in the singular, with its object and whether it is a sure mention."""
    names: dict[str, tuple[str, bool]] = {}
    for name, thing in things().items():
        for word in thing.words:
            names[_spelling(word)] = (name, not word.endswith(OTHER_SENSE))
    for name, thing in things().items():  # an object's own name goes before another's synonym
        names[_spelling(name)] = (name, not thing.name.endswith(OTHER_SENSE))
    return names


def _spelling(word: str) -> str:
    return " ".join(map(singular, words(word.rstrip(OTHER_SENSE))))


def words(text: str) -> list[str]:
    """Return the words of a text in lower case; marks of punctuation are words too."""
    return re.findall(r"[a-z0-9]+(?:-[a-z0-9]+)*|[^\sa-z0-9]", text.lower().replace("'s ", " "))


@lru_cache(maxsize=50_000)
def singular(word: str) -> str:
    """Return the singular of an English noun in lower case; other words stay or lose an s."""
    if word in IRREGULAR:
        return IRREGULAR[word]
    if word.endswith("men") and len(word) > 5:
        return word[:-2] + "an"
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if re.search(r"(?:ch|sh|x|ss|z)es$", word):
        return word[:-2]
    return word[:-1] if re.search(r"[^sui'\W]s$", word) and len(word) > 3 else word


def singular_of(noun: str) -> str:
    """Return the singular of a noun of one or more words."""
    first, _, last = noun.rpartition(" ")
    return f"{first} {singular(last)}".strip()


def plural(word: str) -> str:
    """Return the plural of an English noun in the singular."""
    irregular = {one: many for many, one in IRREGULAR.items() if many != one and many != "lenses"}
    first, _, last = word.rpartition(" ")
    if last in irregular or last in SAME_IN_PLURAL or (last.endswith("s") and last in IRREGULAR):
        last = irregular.get(last, last)
    elif re.search(r"[^aeiou]y$", last):
        last = last[:-1] + "ies"
    else:
        last += "es" if re.search(r"(?:ch|sh|x|s|z)$", last) else "s"
    return f"{first} {last}".strip()


def mentions(tokens: Sequence[str]) -> Iterator[Mention]:
    """Yield the objects that the words name, the longest name at each place."""
    names, place = _names(), 0
    stems = [singular(token) for token in tokens]
    while place < len(stems):
        for length in range(min(LONGEST, len(stems) - place), 0, -1):
            found = names.get(" ".join(stems[place : place + length]))
            if found:
                yield Mention(place, place + length, *found)
                place += length - 1
                break
        place += 1


def named_by(text: str) -> set[str]:
    """Return the objects that a text may mention."""
    return {mention.name for mention in mentions(words(text))}


@lru_cache(maxsize=50_000)
def head(phrase: str) -> tuple[str, str]:
    """Return the object that the last words of a noun phrase name, and those words; else "", ""."""
    tokens = words(phrase)
    last = [mention for mention in mentions(tokens) if mention.stop == len(tokens)]
    return (last[0].name, " ".join(tokens[last[0].start :])) if last else ("", "")


@cache
def kinds_of(name: str) -> frozenset[str]:
    """Return an object with all the kinds it belongs to: a dog is a dog and an animal."""
    parents = things()[name].parents
    return frozenset({name}).union(*(kinds_of(parent) for parent in parents))


@cache
def examples_of(name: str) -> frozenset[str]:
    """Return an object with everything that is a kind of it."""
    return frozenset(other for other in things() if name in kinds_of(other))


@cache
def related(name: str) -> frozenset[str]:
    """Return an object with its kinds and with what is a kind of it."""
    return kinds_of(name) | examples_of(name)


def room_for(text: str) -> frozenset[str]:
    """Return the objects that captions leave room for: something in them is, or could be, one.

    Args:
        text: all that is said about the picture.
    """
    named = named_by(text)
    spoken = set(words(text)) | named
    spoken |= {singular(word) for word in spoken}
    silent = (name for name, thing in things().items() if not thing.asked)
    return frozenset().union(silent, *map(related, named), *map(_hidden_near, spoken))


@lru_cache(maxsize=50_000)
def _hidden_near(word: str) -> frozenset[str]:
    """Return the objects that may be in the picture unmentioned if it is told of by this word."""
    return frozenset(n for n, thing in things().items() if f"{word} ".startswith(thing.near))
