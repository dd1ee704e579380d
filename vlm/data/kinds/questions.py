"""Questions about what a picture shows, answered with a class's plain name or a broader kind.

A confident answer names the class; an unsure one names the kind that the likely classes share:
"Some kind of dog, perhaps a beagle." (Hendricks et al., 2016, arXiv 1511.05284, name kinds that no
caption mentions; a hedged, broader answer instead of a wrong one: Deng et al., 2012, CVPR.)
"""

from collections.abc import Mapping, Sequence
from random import Random

from vlm.data.kinds.kinds import Kind, narrowest_shared, siblings, with_article
from vlm.types import Turn

WHAT = ("What is this?", "What is it?", "What does this picture show?", "What is shown here?")
WHAT += ("What is in this picture?", "Name the main object.", "What kind of thing is this?")
SURE = 0.5  # probability above which the class is named
LIKELY = 0.85  # share of the probability that the classes behind an unsure answer have
PERHAPS = 0.2  # probability above which an unsure answer adds its best guess
NEAR, BROAD = 0.7, 0.3  # share of questions about a near miss, and about a broader kind
TASKS = ("what", "presence", "caption")
SHOWN = ("{Kind}.", "{This} {kind}.", "{Kind} in a photograph.", "A photo of {kind}.")


class Questions:
    """Makes turns about pictures of a classifier's classes.

    Args:
        kinds: the classes, in the classifier's order.
    """

    def __init__(self, kinds: Sequence[Kind]):
        self.kinds, self.siblings = tuple(kinds), siblings(kinds)

    def turns(self, chances: Mapping[int, float], rng: Random) -> tuple[Turn, ...]:
        """Return one question of each task about a picture.

        Args:
            chances: class -> its probability; those left out are unlikely.
        """
        best = max(chances, key=lambda number: chances[number])
        if chances[best] < SURE:
            return (self.unsure(chances, rng),)
        kind = self.kinds[best]
        caption = Turn("Describe this picture.", _fill(rng.choice(SHOWN), kind), "caption")
        return (self.what(kind, rng), self.presence(best, rng), caption)

    def what(self, kind: Kind, rng: Random) -> Turn:
        """Return a question about the class, answered with its name."""
        return Turn(rng.choice(WHAT), _fill(rng.choice(SHOWN[:2]), kind), "what")

    def unsure(self, chances: Mapping[int, float], rng: Random) -> Turn:
        """Return a question about the class, answered with the kind that the likely classes share.

        If they share none, the answer says that the best guess is only that.
        """
        best = max(chances, key=lambda number: chances[number])
        shared = narrowest_shared([self.kinds[number] for number in likely(chances)])
        guess = self.kinds[best].phrase
        if not shared or shared == self.kinds[best].name:
            return Turn(rng.choice(WHAT), f"Perhaps {guess}.", "what")
        perhaps = f", perhaps {guess}" if chances[best] >= PERHAPS else ""
        return Turn(rng.choice(WHAT), f"Some kind of {shared}{perhaps}.", "what")

    def presence(self, number: int, rng: Random) -> Turn:
        """Return a yes/no question: half of them about another class, most often a near one."""
        kind = self.kinds[number]
        if rng.random() < 0.5:
            broader = [with_article(name) for name in kind.broader]
            is_broad = bool(broader) and rng.random() < BROAD
            asked = rng.choice(broader) if is_broad else kind.phrase
            return Turn(
                _ask(asked, kind.is_plural and not is_broad), f"Yes, {_is(kind)}.", "presence"
            )
        near = self.siblings[number] if rng.random() < NEAR else ()
        other = self.kinds[rng.choice(near or range(len(self.kinds)))]
        while _includes(other, kind) or _includes(kind, other):
            other = self.kinds[rng.randrange(len(self.kinds))]
        return Turn(_ask(other.phrase, other.is_plural), f"No, {_is(kind)}.", "presence")


def likely(chances: Mapping[int, float]) -> list[int]:
    """Return the fewest classes, most probable first, that have `LIKELY` of the probability."""
    chosen, total = [], sum(chances.values())
    mass = 0.0
    for number in sorted(chances, key=lambda n: (-chances[n], n)):
        if mass >= LIKELY * total:
            break
        chosen.append(number)
        mass += chances[number]
    return chosen


def _includes(kind: Kind, other: Kind) -> bool:
    """Return True if everything of the other class is of this kind."""
    return kind.name in (other.name, *other.broader)


def _fill(template: str, kind: Kind) -> str:
    this = "These are" if kind.is_plural else "This is"
    phrase = kind.phrase
    return template.format(Kind=phrase[0].upper() + phrase[1:], This=this, kind=phrase)


def _ask(phrase: str, is_plural: bool) -> str:
    return f"Are these {phrase}?" if is_plural else f"Is this {phrase}?"


def _is(kind: Kind) -> str:
    return f"these are {kind.phrase}" if kind.is_plural else f"it is {kind.phrase}"
