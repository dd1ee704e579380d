"""Which things does a caption name, and which of them do people's captions back?"""

from collections.abc import Sequence

from vlm.data.vocabulary import objects
from vlm.data.vocabulary.english import singular, words

DENIED = frozenset({"no", "without", "not"})  # "a man without a helmet" names no helmet


def mentions(text: str) -> list[objects.Mention]:
    """Return the things that a text says are there, in order."""
    tokens = words(text)
    found = [mention for mention in objects.mentions(tokens) if mention.sure]
    return [m for m in found if DENIED.isdisjoint(tokens[max(0, m.start - 2) : m.start])]


class Backing:
    """What the references of one picture say is there."""

    def __init__(self, texts: Sequence[str]):
        """Read the captions and phrases that people wrote about the picture."""
        kinds = objects.kinds()
        found = [mention for text in texts for mention in mentions(text)]
        spoken = {part for text in texts for word in words(text) for part in word.split("-")}
        self.words = spoken.union(map(singular, spoken), (mention.name for mention in found))
        self.named = {kind for mention in found for kind in mention.kinds}
        roles = [kind for kind in self.named if kinds[kind].is_role]
        self.persons = self.named.union(*(kinds[kind].above for kind in roles))
        self.above = frozenset().union(*(kinds[kind].above for kind in self.named))

    def backs(self, mention: objects.Mention) -> bool:
        """Return True if the references name the thing, a kind of it, or what it is a kind of."""
        return any(
            name in self.named | self.above
            or (self.named if kind.is_role else self.persons) & kind.above  # a skier is a person
            or self.words & kind.evidence
            for name, kind in ((name, objects.kinds()[name]) for name in mention.kinds)
        )
