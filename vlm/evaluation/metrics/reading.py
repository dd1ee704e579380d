"""Read what a free text claims about an item: its colours, kind, wearer, usage and details.

Words that claim nothing about the item are skipped: what is denied ("not a boot"), what goes with
it ("goes well with jeans") and the scenery ("on a white background").
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from vlm.data.grammar import words
from vlm.evaluation.metrics import lexicon
from vlm.evaluation.metrics.phrase_scan import Match, PhraseTable, phrase_table, scan

GAP = "\0"  # replaces a word that must not be read
REACH = 3  # most words between a verb and its "with"


@dataclass(frozen=True)
class Claim:
    """One statement of a text: its `words` are true of an item whose `key` is among `labels`."""

    key: str
    labels: frozenset[str]
    words: str


Meaning = tuple[str, frozenset[str]]  # key and labels; an empty key: the phrase claims nothing


def claims(text: str, item: str = "") -> list[Claim]:
    """Return everything that a text (or JSON) says about an item, in order, without repetition.

    Args:
        item: what the picture is known to show; if the text names it, other items that it names
            ("and a pair of black leggings") go with it and are not claims.
    """
    matches = _matches(_blank_context(_tokens(text)), kinds=True)
    ignored = _other_items(matches, item)
    kept = [_claim(match) for number, match in enumerate(matches) if number not in ignored]
    return list({(claim.key, claim.labels or claim.words): claim for claim in kept}.values())


def usage_hints(text: str) -> list[Claim]:
    """Return usages implied by kinds and by context: "casual shoes", "with formal wear"."""
    matches = map(_claim, _matches(_tokens(text), kinds=False))
    return [claim for claim in matches if claim.key == "usage"]


def _matches(tokens: Sequence[str], kinds: bool) -> list[Match[Meaning]]:
    """Find the phrases that are not denied and claim something."""
    return [match for match in scan(tokens, _phrases(kinds), _is_denied) if match.meaning[0]]


def _claim(match: Match[Meaning]) -> Claim:
    return Claim(*match.meaning, match.phrase)


def _other_items(matches: Sequence[Match[Meaning]], item: str) -> set[int]:
    """Return the numbers of the matches that name other items, and of the words just before."""
    kinds = [n for n, match in enumerate(matches) if match.meaning[0] in ("articleType", "kind")]
    others = {n for n in kinds if item not in matches[n].meaning[1]}
    if len(others) == len(kinds):
        return set()
    for number in sorted(others):
        while number and _is_adjacent(matches, number) and number - 1 not in kinds:
            number -= 1
            others.add(number)
    return others


def _is_adjacent(matches: Sequence[Match[Meaning]], number: int) -> bool:
    return matches[number - 1].stop == matches[number].start


def _tokens(text: str) -> list[str]:
    """Split into lower-case words and punctuation marks; hyphens separate words."""
    plain = text.lower().replace("’", "'").replace("&", " and ")
    return re.findall(
        r"[a-z0-9/]+(?:'[a-z]+)?|[^\sa-z0-9]", re.sub(r"(?<=\w)[-_](?=\w)", " ", plain)
    )


def _is_denied(tokens: Sequence[str], start: int) -> bool:
    """Return True if a denial comes up to three words before, in the same clause."""
    for place in range(start - 1, max(start - 4, -1), -1):
        if tokens[place] in lexicon.STOPS:
            return False
        if tokens[place] in lexicon.DENIALS_IN_CLAUSE:
            return True
        if tuple(tokens[place : place + 2]) in lexicon.INSTEAD:
            return True
    return False


def _blank_context(tokens: list[str]) -> list[str]:
    """Replace by gaps what is about the scenery or about things that go with the item."""
    kept = list(tokens)
    for place, token in enumerate(tokens):
        near = " ".join(tokens[max(0, place - REACH) : place]).replace("pair of", "").split()
        beside = token in lexicon.BESIDE and not lexicon.COMPANIONS.isdisjoint(near)
        if beside or tuple(tokens[place - 1 : place + 1]) in lexicon.GOES_WITH:
            _blank(kept, range(place, _clause_end(tokens, place + 1)))
        if token in lexicon.SCENERY:
            _blank(kept, range(_preposition(tokens, place), place + 1))
        described = token in lexicon.SCENERY and tokens[place + 1 : place + 2] in lexicon.SAYS_OF_IT
        if described or token in lexicon.SURROUNDING:
            _blank(kept, range(place, _clause_end(tokens, place + 1)))
    return kept


def _clause_end(tokens: list[str], place: int) -> int:
    """Return where a clause about other items ends; "a shirt and a tie" is one clause."""
    for end in range(place, len(tokens)):
        listed = tokens[end : end + 2] in (["and", "a"], ["and", "an"], ["and", "some"])
        if tokens[end] in lexicon.STOPS or (tokens[end] in lexicon.ONWARD and not listed):
            return end
    return len(tokens)


def _preposition(tokens: list[str], place: int) -> int:
    """Return where "on a plain white background" starts: at its preposition or after a stop."""
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
def _phrases(kinds: bool) -> PhraseTable[Meaning]:
    """Index the phrases of the lexicon, with or without the names of article types."""
    meanings: dict[str, Meaning] = {}
    for key, phrase, labels in _entries():
        if kinds or key != "articleType":
            for spelling in {phrase, phrase.replace(" ", "")}:
                meanings.setdefault(spelling, (key, frozenset(labels)))
    return phrase_table(meanings)


def _entries() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield (key, phrase, labels) from every table; the first entry of a phrase wins."""
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
        for phrase, labels in [*table.items(), *_grammar_forms(key)]:
            for ending in _endings(key, phrase):
                yield key, phrase + ending, tuple(labels)


def _grammar_forms(key: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the phrases that the caption grammar itself uses."""
    for label, forms in words.FORMS.get(key, {}).items():
        yield from ((form.replace("-", " "), (label,)) for form in forms)


def _endings(key: str, phrase: str) -> tuple[str, ...]:
    if key in ("articleType", "kind"):
        return ("", "s", "es")
    return ("", "s", "'s") if key == "gender" else ("", "s") if key == "usage" else ("",)


def _colours() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield colour words, alone and with an ending ("navy-coloured", "bluish")."""
    table = {label.lower(): tuple(sorted(colour_family(label))) for label in words.COLOURS}
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
def colour_family(label: str) -> frozenset[str]:
    """Return the colours that a colour's name can describe: itself, its family, its shades."""
    families = {family for family, shades in lexicon.SHADES.items() if label in shades}
    return frozenset({label, *families, *lexicon.SHADES.get(label, ())})
