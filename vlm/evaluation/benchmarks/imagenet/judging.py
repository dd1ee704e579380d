"""Judge by free text whether an answer names what a picture shows: the class, or a kind of it.

exact      the class's name or a synonym of WordNet's ("a beagle")
broader    a kind that the class belongs to ("some kind of dog")
false      neither, but another kind of thing
none       no kind of thing that the table has

Only the first sentence counts. It may name two other kinds beside the true one ("a dog on a sofa
beside a lamp"); with more it is a list of guesses, and false. What follows "perhaps" is a guess: it
can be exact, but never false.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache

from vlm.data.kinds import kinds
from vlm.data.kinds.kinds import Kind

EXACT, BROADER, FALSE, NONE = VERDICTS = ("exact", "broader", "false", "none")
MOST_OTHERS = 2  # other kinds that an answer may name beside the true one
HEDGE = re.compile(r",?\s*\b(?:perhaps|maybe|possibly|probably)\b", re.IGNORECASE)
DENIED = re.compile(r"\b(?:not|no) (?:an? )?$", re.IGNORECASE)
SENTENCE_END = re.compile(r"[.!?](?:\s|$)|\n")
# other words for broader kinds
WORDS: Mapping[str, str] = {
    "bike": "bicycle",
    "burger": "sandwich",
    "bug": "insect",
    "instrument": "musical instrument",
    "kitten": "cat",
    "motorbike": "motorcycle",
    "pants": "trousers",
    "plane": "airplane",
    "phone": "telephone",
    "puppy": "dog",
    "tortoise": "turtle",
    "toad": "frog",
    "wolves": "wolf",
    "geese": "goose",
    "knives": "knife",
}


class KindJudge:
    """Judges answers against a table of classes.

    Args:
        table: all classes whose names and kinds count.
        synonyms: class id -> other names of exactly this class.
    """

    def __init__(self, table: Sequence[Kind], synonyms: Mapping[str, Sequence[str]]):
        self.synonyms = synonyms
        names = {name for kind in table for name in (kind.name, *kind.broader)} | set(WORDS)
        self.names = {name.casefold(): WORDS.get(name, name) for name in names}
        self.pattern = kinds.pattern(names)

    def verdict(self, text: str, truth: Kind) -> str:
        """Return one of `VERDICTS` for an answer about a picture of the class `truth`."""
        sentence = SENTENCE_END.split(text.strip(), maxsplit=1)[0]
        said, *_ = HEDGE.split(sentence, maxsplit=1) if HEDGE.search(sentence) else (sentence,)
        named = self.named(said)
        true = {name.casefold() for name in truth.broader}
        own = [truth.name, *self.synonyms.get(truth.id, ())]
        others = [
            n for n in named if n.casefold() not in true and n.casefold() != truth.name.casefold()
        ]
        if len(others) > MOST_OTHERS:
            return FALSE
        if any(_says(sentence, name) for name in own):
            return EXACT
        if any(name.casefold() in true for name in named):
            return BROADER
        guess = sentence[len(said) :]
        return FALSE if others else BROADER if self._is_true(guess, true) else NONE

    def named(self, text: str) -> list[str]:
        """Return the kinds that a text names, the longest match at each place, once each."""
        found = []
        for match in self.pattern.finditer(text):
            if not DENIED.search(text[: match.start()]):
                found.append(self._name(match[0]))
        return list(dict.fromkeys(found))

    def _is_true(self, text: str, true: set[str]) -> bool:
        return any(name.casefold() in true for name in self.named(text))

    def _name(self, word: str) -> str:
        """Return the table's name for a matched word, which may be a plural."""
        folded = re.sub(r"[\s-]+", " ", word.casefold())
        for form in (word.casefold(), folded, folded.removesuffix("s"), folded.removesuffix("es")):
            if form in self.names:
                return self.names[form]
        return folded


@cache
def _own_pattern(name: str) -> re.Pattern:
    return kinds.pattern([name])


def _says(text: str, name: str) -> bool:
    """Return True if the text names exactly this, without a "not" before it."""
    return any(not DENIED.search(text[: m.start()]) for m in _own_pattern(name).finditer(text))
