"""Find known phrases in a list of tokens, the longest first."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

Meaning = TypeVar("Meaning")


class Match(NamedTuple, Generic[Meaning]):
    """A phrase found at `tokens[start:stop]`, and what it means."""

    start: int
    stop: int
    phrase: str
    meaning: Meaning


@dataclass(frozen=True)
class PhraseTable(Generic[Meaning]):
    """Known phrases.

    Attributes:
        meanings: phrase, its words joined by single spaces -> meaning.
        longest: first word -> number of words of the longest phrase that starts with it.
    """

    meanings: Mapping[str, Meaning]
    longest: Mapping[str, int]


def phrase_table(meanings: Mapping[str, Meaning]) -> PhraseTable[Meaning]:
    """Index phrases by their first words."""
    longest: dict[str, int] = {}
    for phrase in meanings:
        words = phrase.split()
        longest[words[0]] = max(longest.get(words[0], 0), len(words))
    return PhraseTable(meanings, longest)


def scan(
    tokens: Sequence[str],
    table: PhraseTable[Meaning],
    is_denied: Callable[[Sequence[str], int], bool] | None = None,
) -> Iterator[Match[Meaning]]:
    """Yield the phrases from left to right, the longest at each place, without overlap.

    Args:
        is_denied: called with the tokens and the start of a phrase; a denied phrase is skipped and
            none of its words is read again.
    """
    start = 0
    while start < len(tokens):
        size = min(table.longest.get(tokens[start], 0), len(tokens) - start)
        while size and " ".join(tokens[start : start + size]) not in table.meanings:
            size -= 1
        if size and not (is_denied and is_denied(tokens, start)):
            phrase = " ".join(tokens[start : start + size])
            yield Match(start, start + size, phrase, table.meanings[phrase])
        start += size or 1
