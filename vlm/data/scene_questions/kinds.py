"""What is in the picture? The things that most captions mention."""

from collections import Counter
from collections.abc import Sequence
from random import Random

from vlm.data.scene_questions.counts import ANIMAL, PERSON, is_a, stated
from vlm.data.scene_questions.scene import UNCOUNTED, Phrase, Scene, is_image_of
from vlm.data.scene_questions.wording import (
    COUNTS,
    MASS,
    a_thing,
    counted,
    is_plural,
    joined,
    several,
    turn,
)
from vlm.data.vocabulary import english, objects
from vlm.types import Turn

Thing = tuple[str, int | None]  # a noun in the singular, and how many there are, if known
MOST = 3  # things in one answer
SHARE = 0.5  # share of the captions that mention a thing; more than this
NOT_THINGS = ("scene", "bodyparts", "clothing")
PROMPTS = ("What is in the picture?", "What is this?", "What does this picture show?")
PROMPTS += ("What can you see in the picture?", "What is in the image?")


def turns(scene: Scene) -> tuple[Turn, ...]:
    """Return the question what is in the picture, if captions agree on something."""
    found = main_things(scene)
    if not found or any(_misses(scene, found, name) for name in (PERSON, ANIMAL)):
        return ()
    rng = Random(f"{scene.id}/what")
    names = [_several(thing) for thing in found]
    return (turn(PROMPTS, joined(names) + ".", "what", rng),)


def main_things(scene: Scene) -> list[Thing]:
    """Return up to three things, the most often mentioned first.

    Two dogs that the captions distinguish count as two things.
    """
    captions: dict[str, set[int]] = {}
    for phrase in scene.phrases:
        if not any(kind in phrase.kind for kind in NOT_THINGS):
            captions.setdefault(phrase.entity, set()).add(phrase.caption)
    shared = [e for e, where in captions.items() if len(where) > SHARE * len(scene.captions)]
    shared.sort(key=lambda entity: -len(captions[entity]))
    found = Counter(filter(None, (_describe(scene.entities[entity]) for entity in shared)))
    things = [(noun, number and number * times) for (noun, number), times in found.items()]
    return things[:MOST]


def _misses(scene: Scene, found: Sequence[Thing], name: str) -> bool:
    """Return True if captions mention more people (or animals) than the answer would."""
    phrases = [phrase for phrase in scene.phrases if is_a(phrase, name)]
    captions = {phrase.caption for phrase in phrases}
    told = [number for noun, number in found if name in objects.kinds_of(objects.head(noun)[0])]
    if not told:
        return len(captions) > SHARE * len(scene.captions)
    most = max((stated(phrases, caption) or 0 for caption in captions), default=0)
    return None not in told and most > sum(told)


def _describe(own: Sequence[Phrase]) -> Thing | None:
    """Return what most captions call a thing and how many they say there are, None if unclear."""
    ((name, votes),) = Counter(phrase.head for phrase in own).most_common(1)
    numbers = Counter(phrase.number for phrase in own if phrase.head == name)
    ((number, agreed),) = numbers.most_common(1)
    if not name or any(2 * share <= len(own) for share in (votes, agreed)):
        return None
    if any(is_image_of(p.text) or not UNCOUNTED.isdisjoint(p.noun.split()) for p in own):
        return None
    nouns = Counter(english.singular_of(p.noun) for p in own if p.head == name)
    return (name if is_plural(name) or name in MASS else nouns.most_common(1)[0][0]), number


def _several(thing: Thing) -> str:
    """Return a noun with its article or number."""
    noun, number = thing
    if noun in MASS or is_plural(noun):
        return a_thing(noun)
    if number == 1:
        return a_thing(noun)
    return counted(noun, number) if number and number < len(COUNTS) else several(noun)
