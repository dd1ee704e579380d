"""How many people are there? Asked only where the captions and the boxes agree."""

from collections.abc import Sequence
from random import Random

from vlm.data.grammar.boxes import Box, overlap
from vlm.data.scene_questions.scene import Phrase, Scene, is_image_of
from vlm.data.scene_questions.wording import COUNTS, counted, several, turn
from vlm.data.vocabulary import english, objects
from vlm.types import Turn

PERSON, ANIMAL = "person", "animal"
SAME = 0.7  # boxes that overlap more (intersection over union) are of the same thing
LONE_SHARE, NONE_SHARE = 0.5, 0.4  # of pictures of one person, and of none, asked
# beginnings of words that tell of places with more people around than captions mention
BUSY = tuple(
    (
        "game play race racing racer match compet street city market park beach crowd stadium "
        "concert stage parade festival store shop restaurant bench sidewalk court team track "
        "motocross rodeo event sport basketball soccer football baseball tennis hockey volleyball "
        "rugby cricket biker bmx show perform ski snowboard pool swim fair carnival station "
        "airport train bus audience wrestl box public downtown town plaza bar party wedding "
        "school class ride amusement skate ramp pier boardwalk museum mall club dock lot zoo road "
        "traffic camera photo background"
    ).split()
)
PROMPTS = (
    "How many {things} are there?",
    "How many {things} are in this picture?",
    "How many {things} can you see?",
    "How many {things} are in the image?",
)


def turns(scene: Scene) -> tuple[Turn, ...]:
    """Return the questions how many people and how many animals of a kind there are."""
    rng = Random(f"{scene.id}/count")
    people = count_people(scene)
    shares = {0: NONE_SHARE, 1: LONE_SHARE}
    found = [] if people is None or rng.random() > shares.get(people, 1) else [(PERSON, people)]
    animals = (objects.examples_of(ANIMAL) - {ANIMAL}) & scene.heads.keys()
    counts = ((name, count(scene, name)) for name in sorted(animals))
    found += [(name, number) for name, number in counts if number]
    return tuple(
        turn(PROMPTS, _answer(name, number), "count", rng, things=several(name))
        for name, number in found
        if number < len(COUNTS)
    )


def _answer(name: str, number: int) -> str:
    return f"There {'is' if number == 1 else 'are'} {counted(name, number)}."


def count_people(scene: Scene) -> int | None:
    """Return how many people there are, None if that is not certain."""
    has_people = any(is_a(phrase, PERSON) or "body" in phrase.kind for phrase in scene.phrases)
    if not has_people and PERSON in scene.absent:
        return 0
    is_busy = any(word.startswith(BUSY) for word in english.words(scene.text))
    return None if is_busy else count(scene, PERSON)


def is_a(phrase: Phrase, name: str) -> bool:
    """Return True if the phrase names the object, a kind of it or what it is a kind of."""
    is_annotated = {PERSON: "people", ANIMAL: "animals"}.get(name, "-") in phrase.kind
    kinds = objects.kinds_of(phrase.head) if phrase.head else ()
    return is_annotated or name in kinds or phrase.head in objects.kinds_of(name)


def count(scene: Scene, name: str) -> int | None:
    """Return how many of an object there are, None if that is not certain.

    Two captions must name that number and none a higher one; the boxes, where there are any, must
    be as many.
    """
    phrases = [phrase for phrase in scene.phrases if is_a(phrase, name)]
    if not phrases or any(is_image_of(phrase.text) for phrase in phrases):
        return None
    numbers = [stated(phrases, number) for number in {phrase.caption for phrase in phrases}]
    known = [number for number in numbers if number is not None]
    most = max(known, default=0)
    if known.count(most) < min(2, len(scene.captions)) or len(known) < len(numbers):
        return None
    boxes = [scene.boxes.get(phrase.entity) for phrase in phrases]
    if not scene.boxes:
        return most if len(set(known)) == 1 else None
    if not all(boxes):
        return None
    return most if most == len(_distinct([box for row in boxes for box in row])) else None


def stated(phrases: Sequence[Phrase], caption: int) -> int | None:
    """Return how many a caption mentions, None if it says "people" or the like."""
    entities = {phrase.entity: phrase.number for phrase in phrases if phrase.caption == caption}
    numbers = list(entities.values())
    return None if None in numbers else sum(numbers)


def _distinct(boxes: Sequence[Box]) -> list[Box]:
    """Return the boxes without those that are nearly the same as another one."""
    found: list[Box] = []
    for box in boxes:
        if all(overlap(box, other) < SAME for other in found):
            found.append(box)
    return found
