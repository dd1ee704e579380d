"""Reads what a free text claims about an item: colours, kinds, wearers, usages, details.

Left out are words that claim nothing of it: what is denied ("not a boot"), what it may be worn with
("goes well with jeans") and the scenery ("on a white background").
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from vlm.data import words
from vlm.metrics import lexicon

GAP = "\0"  # stands for a word that must not be read again
REACH = 3  # words between a verb and its "with"


@dataclass(frozen=True)
class Claim:
    """One thing a text says: `words`, true of an item whose `key` is among `labels`."""

    key: str
    labels: frozenset[str]
    words: str


Forms = Mapping[str, tuple[str, frozenset[str]]]
Match = tuple[int, int, Claim]


def claims(text: str, item: str = "") -> list[Claim]:
    """Everything a text (or JSON) says of an item, in order, each thing once.

    Args:
        item: what the picture is known to show; where the text names it, other things that it
            names ("and a pair of black leggings") are company, not claims.
    """
    found = list(_matches(_without_context(_tokens(text)), _lexicon()))
    company = _company(found, item)
    kept = [claim for number, (_, _, claim) in enumerate(found) if number not in company]
    return list({(claim.key, claim.labels or claim.words): claim for claim in kept}.values())


def hints(text: str) -> list[Claim]:
    """Usages that the names of kinds and of company hint at: "casual shoes", "with formal wear"."""
    found = _matches(_tokens(text), _lexicon(kinds=False))
    return [claim for _, _, claim in found if claim.key == "usage"]


def _company(found: list[Match], item: str) -> set[int]:
    """The numbers of the matches that name other things, and of the words just before those."""
    kinds = [n for n, (_, _, claim) in enumerate(found) if claim.key in ("articleType", "kind")]
    others = {n for n in kinds if item not in found[n][2].labels}
    if len(others) == len(kinds):
        return set()
    for number in sorted(others):
        while number and found[number - 1][1] == found[number][0] and number - 1 not in kinds:
            number -= 1
            others.add(number)
    return others


def _tokens(text: str) -> list[str]:
    """Lower-case words and punctuation marks; a hyphen parts words."""
    plain = text.lower().replace("’", "'").replace("&", " and ")
    return re.findall(
        r"[a-z0-9/]+(?:'[a-z]+)?|[^\sa-z0-9]", re.sub(r"(?<=\w)[-_](?=\w)", " ", plain)
    )


def _matches(tokens: list[str], table: tuple[Forms, Mapping[str, int]]) -> Iterator[Match]:
    """Start, stop and meaning of the longest phrases that are not denied, from left to right."""
    forms, sizes = table
    start = 0
    while start < len(tokens):
        size = sizes.get(tokens[start], 0)
        while size and " ".join(tokens[start : start + size]) not in forms:
            size -= 1
        if size and not _denied(tokens, start):
            said = " ".join(tokens[start : start + size])
            if forms[said][0]:
                yield start, start + size, Claim(*forms[said], said)
        start += size or 1


def _denied(tokens: list[str], start: int) -> bool:
    """True when a "not" stands up to three words before, in the same clause."""
    for place in range(start - 1, max(start - 4, -1), -1):
        if tokens[place] in lexicon.STOPS:
            return False
        if tokens[place] in lexicon.NEGATIONS:
            return True
        if tuple(tokens[place : place + 2]) in lexicon.INSTEAD:
            return True
    return False


def _without_context(tokens: list[str]) -> list[str]:
    """The tokens with gaps where the text speaks of companions or of the scenery."""
    left = list(tokens)
    for place, token in enumerate(tokens):
        near = " ".join(tokens[max(0, place - REACH) : place]).replace("pair of", "").split()
        beside = token in lexicon.BESIDE and not lexicon.COMPANIONS.isdisjoint(near)
        if beside or tuple(tokens[place - 1 : place + 1]) in lexicon.GOES_WITH:
            _blank(left, range(place, _clause_end(tokens, place + 1)))
        if token in lexicon.SCENERY:
            _blank(left, range(_preposition(tokens, place), place + 1))
        spoken_of = token in lexicon.SCENERY and tokens[place + 1 : place + 2] in lexicon.SAYS_OF_IT
        if spoken_of or token in lexicon.SURROUNDING:
            _blank(left, range(place, _clause_end(tokens, place + 1)))
    return left


def _clause_end(tokens: list[str], place: int) -> int:
    """Where the companion's clause ends; "a shirt and a tie" are two companions."""
    for end in range(place, len(tokens)):
        listed = tokens[end : end + 2] in (["and", "a"], ["and", "an"], ["and", "some"])
        if tokens[end] in lexicon.STOPS or (tokens[end] in lexicon.ONWARD and not listed):
            return end
    return len(tokens)


def _preposition(tokens: list[str], place: int) -> int:
    """Where "on a plain white background" begins: its preposition, or the words just before."""
    for start in range(place - 1, max(place - 7, -1), -1):
        if tokens[start] in ("on", "against", "over", "before", "of", "with", "in", "at"):
            return start
        if tokens[start] in lexicon.STOPS:
            return start + 1
    return place


def _blank(tokens: list[str], places: Iterable[int]) -> None:
    for place in places:
        tokens[place] = GAP


@cache
def _lexicon(kinds: bool = True) -> tuple[dict[str, tuple[str, frozenset[str]]], dict[str, int]]:
    """Phrase -> (key, labels); first word -> words of the longest phrase that begins with it."""
    forms: dict[str, tuple[str, frozenset[str]]] = {}
    for key, phrase, labels in _entries():
        if kinds or key != "articleType":
            for spelling in {phrase, phrase.replace(" ", "")}:
                forms.setdefault(spelling, (key, frozenset(labels)))
    sizes: dict[str, int] = {}
    for phrase in forms:
        first, size = phrase.split()[0], len(phrase.split())
        sizes[first] = max(sizes.get(first, 0), size)
    return forms, sizes


def _entries() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """(key, phrase, labels) of every table; what comes first keeps its phrase."""
    yield from (("", phrase, ()) for phrase in lexicon.IDLE)
    yield from _colours()
    yield from _details()
    tables = {
        "articleType": lexicon.KIND_WORDS,
        "gender": lexicon.GENDER_WORDS,
        "usage": lexicon.USAGE_WORDS,
        "season": lexicon.SEASON_WORDS,
        "kind": {name: (name,) for name in lexicon.OBJECTS},
    }
    for name, others in lexicon.OBJECTS.items():
        tables["kind"] |= {other: (name,) for other in others}
    for key, table in tables.items():
        for phrase, labels in [*table.items(), *_own(key)]:
            for ending in _endings(key, phrase):
                yield key, phrase + ending, tuple(labels)


def _own(key: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The forms that the caption grammar itself uses."""
    for label, said in words.FORMS.get(key, {}).items():
        yield from ((form.replace("-", " "), (label,)) for form in said)


def _endings(key: str, phrase: str) -> tuple[str, ...]:
    if key in ("articleType", "kind"):
        return ("", "s", "es")
    return ("", "s", "'s") if key == "gender" else ("", "s") if key == "usage" else ("",)


def _colours() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Colour words alone and tinted ("navy-coloured", "bluish")."""
    table = {label.lower(): tuple(sorted(kin(label))) for label in words.COLOURS}
    for phrase, labels in (table | lexicon.COLOUR_WORDS).items():
        alone = phrase.title() not in lexicon.NO_COLOUR_ALONE
        for tint in ("",) * alone + tuple(f" {tint}" for tint in lexicon.TINTED):
            yield "baseColour", phrase + tint, labels


def _details() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    for key, table in lexicon.DETAIL_WORDS.items():
        yield from ((key, phrase, values) for phrase, values in table.items())
    for row in words.DETAILS:
        alone = () if row.value in lexicon.VAGUE else (row.value,)
        for form in filter(None, (*alone, row.adjective, row.noun)):
            phrase = re.sub(r"^(?:an?|the) ", "", form.lower().replace("-", " "))
            if phrase not in lexicon.VAGUE:
                yield row.key, phrase, (row.value,)


@cache
def kin(label: str) -> frozenset[str]:
    """The colours that a colour's name may be said of: itself, its family, its shades."""
    families = {family for family, shades in lexicon.SHADES.items() if label in shades}
    return frozenset({label, *families, *lexicon.SHADES.get(label, ())})
