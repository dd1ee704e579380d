"""The things of everyday photographs: which of them a text names, and which it leaves no room for.

objects.txt is our own list of kinds within kinds, asked.txt says where they hide; the first lines
of both say how they are written. Kinds are known by the first name of their line. Questions call
some kinds by the name of one above, their object: a poodle is named as a dog.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

from vlm.data.vocabulary.english import singular, words

INDENT = 2  # spaces
BEFORE_NOUNS = frozenset(
    "a an the his her their its this that these those some two three four five several many "
    "of in on with by into onto from at near over under down up off through along beside toward "
    "white black red blue green yellow brown orange pink purple gray grey tan silver golden "
    "small large big little long short tall old new wet dirty wooden plastic metal".split()
)


@dataclass(frozen=True)
class Kind:
    """A kind of thing.

    Attributes:
        above: the kinds that it is a kind of.
        evidence: words that back it although they name something else.
        is_role: a kind of person that says nothing about age and sex ("skier").
        object: what questions call it.
    """

    above: frozenset[str]
    evidence: frozenset[str]
    is_role: bool
    object: str


class Name(NamedTuple):
    """A name with the kinds that it may be, none if it is no thing; not `sure` if often a verb."""

    kinds: frozenset[str]
    sure: bool


class Mention(NamedTuple):
    """Where a text names a thing; not `sure` if the word may be a verb or an adjective there."""

    start: int
    stop: int
    name: str
    kinds: frozenset[str]
    sure: bool


class Asked(NamedTuple):
    """An object that is asked about: beginnings of words near which it hides, and near misses.

    The beginnings of whole words end with a space.
    """

    near: tuple[str, ...]
    misses: tuple[str, ...]


@cache
def kinds() -> dict[str, Kind]:
    """Return all kinds by the first name of their line."""
    found: dict[str, Kind] = {}
    path: list[str] = []  # the kinds that the line stands under
    for indent, mark, spellings, evidence in _rows():
        if mark != "-":
            path, name = path[: indent // INDENT], spellings[0].lstrip("?")
            called = found[path[-1]].object if mark else name
            found[name] = Kind(frozenset(path), frozenset(evidence), mark == "~", called)
            path.append(name)
    return found


@cache
def names() -> dict[str, Name]:
    """Return all names, their words in the singular."""
    found: dict[str, Name] = {}
    for _, mark, spellings, _ in _rows():
        own = {spellings[0].lstrip("?")} if mark != "-" else set()
        for spelling in spellings:
            key = " ".join(map(singular, spelling.lstrip("?").split()))
            known = found.get(key, Name(frozenset(), True))
            found[key] = Name(known.kinds | own, known.sure and spelling[0] != "?")
    return found


def _rows() -> Iterator[tuple[int, str, list[str], list[str]]]:
    """Yield the lines of objects.txt: indent, mark ("" if none), names, evidence."""
    for line in _lines("objects.txt"):
        text = line.lstrip()
        mark = text[0] if text[0] in "-^~" else ""
        own, _, evidence = text.removeprefix(mark).partition("|")
        spellings, backing = ([w.replace("_", " ") for w in t.split()] for t in (own, evidence))
        yield len(line) - len(text), mark, spellings, backing


def _lines(file: str) -> list[str]:
    text = Path(__file__).with_name(file).read_text("utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


@cache
def asked() -> dict[str, Asked]:
    """Return the objects that yes/no questions ask about."""
    found: dict[str, Asked] = {}
    for line in "\n".join(_lines("asked.txt")).replace("\n  ", " ").splitlines():
        name, _, rest = line.partition(":")
        near, _, misses = rest.partition(";")
        begins = tuple(w.rstrip("*") if w.endswith("*") else w + " " for w in _split(near))
        found[name] = Asked(begins, _split(misses))
    return found


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def mentions(tokens: Sequence[str]) -> Iterator[Mention]:
    """Yield the things that the words name, the longest name at each place."""
    known, place = _names_by_first_word(), 0
    parts = [(n, part) for n, token in enumerate(tokens) for part in token.split("-") if part]
    stems = [singular(part) for _, part in parts]
    while place < len(stems):
        last = place
        for name in known.get(stems[place], ()):
            size = name.count(" ") + 1
            if " ".join(stems[place : place + size]) == name:
                last = place + size - 1
                own, sure = names()[name]
                start, stop = parts[place][0], parts[last][0] + 1
                if own:
                    is_sure = sure or _is_noun(tokens, start, stop)
                    yield Mention(start, stop, name, own, is_sure)
                break
        place = last + 1


@cache
def _names_by_first_word() -> dict[str, list[str]]:
    """Return the names that begin with each word, those of most words first."""
    found: dict[str, list[str]] = {}
    for name in sorted(names(), key=lambda name: -name.count(" ")):
        found.setdefault(name.split()[0], []).append(name)
    return found


def _is_noun(tokens: Sequence[str], start: int, stop: int) -> bool:
    """Return True if the words at this place must be a noun, and do not only count others."""
    return start > 0 and tokens[start - 1] in BEFORE_NOUNS and "of" not in tokens[stop : stop + 1]


@lru_cache(maxsize=50_000)
def named_by(text: str) -> frozenset[str]:
    """Return the objects that a text may mention."""
    found = (mention.kinds for mention in mentions(words(text)))
    return frozenset(kinds()[kind].object for own in found for kind in own)


@lru_cache(maxsize=50_000)
def head(phrase: str) -> tuple[str, str]:
    """Return the object that the last words of a noun phrase name, and those words.

    Two empty texts if they name none, or may name several.
    """
    tokens = words(phrase)
    last = [mention for mention in mentions(tokens) if mention.stop == len(tokens)]
    found = {kinds()[kind].object for mention in last for kind in mention.kinds}
    found -= {above for name in found for above in kinds_of(name) - {name}}
    return (*found, " ".join(tokens[last[0].start :])) if len(found) == 1 else ("", "")


@cache
def kinds_of(name: str) -> frozenset[str]:
    """Return an object with all the objects it is a kind of: a dog is a dog and an animal."""
    return frozenset(kinds()[kind].object for kind in (name, *kinds()[name].above))


@cache
def examples_of(name: str) -> frozenset[str]:
    """Return an object with everything that is a kind of it."""
    every = {kind.object for kind in kinds().values()}
    return frozenset(other for other in every if name in kinds_of(other))


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
    return frozenset().union(*map(related, named), *map(_hidden_near, spoken))


@lru_cache(maxsize=50_000)
def _hidden_near(word: str) -> frozenset[str]:
    """Return the objects that a caption with this word may leave unmentioned."""
    return frozenset(name for name, row in asked().items() if f"{word} ".startswith(row.near))
