"""Find the things that a caption names: a vocabulary of everyday photographs, kinds within kinds.

objects.txt is our own list; its first lines say how it is written.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from vlm.evaluation.metrics.captioning.tokens import tokenise

LONGEST = 3  # words of a name
INDENT = 2  # spaces
DENIED = frozenset({"no", "without", "not"})  # "a man without a helmet" names no helmet
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
        above: the kinds that it is a kind of, as numbers of lines.
        evidence: words that back it although they name something else.
        is_role: a kind of person that says nothing about age and sex ("skier").
    """

    above: frozenset[int]
    evidence: frozenset[str]
    is_role: bool


@dataclass(frozen=True)
class Mention:
    """A name in a text and the kinds that it may be, as numbers of lines."""

    name: str
    kinds: frozenset[int]


@dataclass(frozen=True)
class Vocabulary:
    """All kinds by the number of their line, and the kinds of each name."""

    kinds: dict[int, Kind]
    names: dict[str, frozenset[int]]
    verbs: frozenset[str]


@cache
def vocabulary() -> Vocabulary:
    """Read objects.txt."""
    kinds, names, verbs = {}, {}, set()
    path: list[int] = []  # the line and those it stands under
    text = Path(__file__).with_name("objects.txt").read_text("utf-8")
    for number, line in enumerate(text.splitlines()):
        if not line or line.startswith("#"):
            continue
        own, _, evidence = line.partition("|")
        path = path[: (len(line) - len(line.lstrip())) // INDENT]
        kinds[number] = Kind(frozenset(path), frozenset(evidence.split()), "~" in own)
        path = [] if own.startswith("-") else [*path, number]
        for word in own.strip("-~ ").split():
            name = word.lstrip("?").replace("_", " ")
            names[name] = names.get(name, frozenset()) | ({number} if path else set())
            verbs |= {name} if word.startswith("?") else set()
    return Vocabulary(kinds, names, frozenset(verbs))


def words_of(text: str) -> list[str]:
    """Return the words of a text, compounds divided: "t-shirt" gives "t" and "shirt"."""
    return [part for word in tokenise(text) for part in word.split("-") if part]


def mentions(text: str) -> list[Mention]:
    """Return the things that a text says are there, in order; the longest names win."""
    words, found, start = words_of(text), [], 0
    while start < len(words):
        name, size = _name_at(words, start)
        kinds = vocabulary().names.get(name, frozenset())
        if kinds and not DENIED.intersection(words[max(0, start - 2) : start]):
            found.append(Mention(name, kinds))
        start += size
    return found


def _name_at(words: Sequence[str], start: int) -> tuple[str, int]:
    """Return the name that begins at a word, "" if none does, and its number of words."""
    names, verbs = vocabulary().names, vocabulary().verbs
    for size in range(LONGEST, 0, -1):
        for name in singulars(" ".join(words[start : start + size])):
            is_noun = name not in verbs or (start and words[start - 1] in BEFORE_NOUNS)
            if name in names and is_noun and start + size <= len(words):
                return name, size
    return "", 1


def singulars(word: str) -> Iterator[str]:
    """Yield a word and what it may be the regular plural of."""
    yield word
    for plural, singular in (("ies", "y"), ("es", ""), ("s", "")):
        if word.endswith(plural) and not word.endswith("ss"):
            yield re.sub(f"{plural}$", singular, word)


class Backing:
    """What the references of one picture say is there."""

    def __init__(self, texts: Sequence[str]):
        """Read the captions and phrases that people wrote about the picture."""
        self.words = {form for text in texts for word in words_of(text) for form in singulars(word)}
        kinds = vocabulary().kinds
        named = {kind for text in texts for found in mentions(text) for kind in found.kinds}
        roles = {kind for kind in named if kinds[kind].is_role}
        self.named = named
        self.persons = named.union(*(kinds[role].above for role in roles))  # a skier is a person
        self.above = frozenset().union(*(kinds[kind].above for kind in named))

    def backs(self, mention: Mention) -> bool:
        """Return True if the references name the thing, a kind of it, or what it is a kind of."""
        kinds = vocabulary().kinds
        return any(
            number in self.named
            or number in self.above
            or (self.named if kinds[number].is_role else self.persons) & kinds[number].above
            or self.words & kinds[number].evidence
            for number in mention.kinds
        )
