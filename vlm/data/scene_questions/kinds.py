"""What is in the picture? The things that most captions mention."""

from collections import Counter
from collections.abc import Sequence
from random import Random

from vlm.data.scene_questions import vocabulary
from vlm.data.scene_questions.scene import Phrase, Scene, is_image_of
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
from vlm.types import Turn

MOST = 3  # things in one answer
SHARE = 0.5  # share of the captions that mention a thing; more than this
NOT_THINGS = ("scene", "bodyparts", "clothing")
PROMPTS = ("What is in the picture?", "What is this?", "What does this picture show?")
PROMPTS += ("What can you see in the picture?", "What is in the image?")


def turns(scene: Scene) -> tuple[Turn, ...]:
    """Return the question what is in the picture, if captions agree on something."""
    found = main_things(scene)
    if not found:
        return ()
    rng = Random(f"{scene.id}/what")
    return (turn(PROMPTS, joined(found) + ".", "what", rng),)


def main_things(scene: Scene) -> list[str]:
    """Return up to three things with articles or numbers, the most often mentioned first."""
    captions: dict[str, set[int]] = {}
    for phrase in scene.phrases:
        if not any(kind in phrase.kind for kind in NOT_THINGS):
            captions.setdefault(phrase.entity, set()).add(phrase.caption)
    shared = [e for e, where in captions.items() if len(where) > SHARE * len(scene.captions)]
    shared.sort(key=lambda entity: -len(captions[entity]))
    found = Counter(filter(None, (_describe(scene.entities[entity]) for entity in shared)))
    names = [_several(thing, times) for thing, times in found.items()]
    return [name for name in names if name][:MOST]


def _describe(own: Sequence[Phrase]) -> tuple[str, int | None] | None:
    """Return what most captions call a thing and how many they say there are, None if unclear."""
    ((name, votes),) = Counter(phrase.head for phrase in own).most_common(1)
    numbers = Counter(phrase.number for phrase in own if phrase.head == name)
    ((number, agreed),) = numbers.most_common(1)
    if not name or any(2 * share <= len(own) for share in (votes, agreed)):
        return None
    if any(is_image_of(phrase.text) for phrase in own):
        return None
    nouns = Counter(vocabulary.singular_of(p.noun) for p in own if p.head == name)
    return (name if is_plural(name) or name in MASS else nouns.most_common(1)[0][0]), number


def _several(thing: tuple[str, int | None], times: int) -> str:
    """Return a noun with its article or number; two dogs that are told apart are two dogs."""
    noun, number = thing
    if noun in MASS or is_plural(noun):
        return a_thing(noun)
    number = number and number * times
    if number == 1:
        return a_thing(noun)
    return counted(noun, number) if number and number < len(COUNTS) else several(noun)
