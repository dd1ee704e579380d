"""Where is the dog? Asked about things with one box, whose name fits nothing else there."""

from collections import Counter
from random import Random

from vlm.data.grammar.boxes import Box, write_box
from vlm.data.scene_questions.counts import PERSON, is_a
from vlm.data.scene_questions.scene import Phrase, Scene, is_image_of
from vlm.data.scene_questions.wording import MASS, turn
from vlm.data.vocabulary import english, objects
from vlm.types import Turn

MOST = 2  # questions about one picture
AGREED = 2  # captions that must mention the thing
SMALLEST, LARGEST = 4_000, 900_000  # area of a box that is asked about, in millionths
KINDS = ("people", "animals", "vehicles", "instruments", "other")
WORN = ("clothing",)  # asked about where one person is all there is
PLURALS = ("jeans", "pants", "shorts", "trunks", "overalls", "trousers", "leggings", "slacks")
PLURALS += ("glasses", "sunglasses", "goggles", "shades", "stairs", "steps", "eyeglasses")
PROMPTS = (
    "Where is the {thing}?",
    "Where is the {thing} in this picture?",
    "Where can you see the {thing}?",
    "Show me where the {thing} is.",
)


def turns(scene: Scene) -> tuple[Turn, ...]:
    """Return the questions where things are."""
    rng = Random(f"{scene.id}/where")
    found = placed(scene)
    return tuple(
        turn(PROMPTS, f"The {noun} is at {write_box(box)}.", "where", rng, thing=noun)
        for noun, box in rng.sample(found, min(MOST, len(found)))
    )


def placed(scene: Scene) -> list[tuple[str, Box]]:
    """Return the things whose place is certain: noun and box, in the order of the phrases."""
    found = []
    for entity in scene.entities:
        boxes = scene.boxes.get(entity, ())
        if len(boxes) == 1 and SMALLEST <= boxes[0].area <= LARGEST:
            noun = _noun(scene, entity)
            found += [(noun, boxes[0])] if noun else []
    return found


def _noun(scene: Scene, entity: str) -> str:
    """Return what to call the thing, "" if its name is uncertain or fits something else too."""
    own = scene.entities[entity]
    others = [phrase for phrase in scene.phrases if phrase.entity != entity]
    names = Counter(phrase.head for phrase in own)
    name, votes = names.most_common(1)[0]
    kinds = KINDS + (WORN if _is_lone(scene) else ())
    is_certain = (
        name
        and name not in MASS
        and votes >= min(AGREED, len(scene.captions))
        and 2 * votes > len(own)
        and all(phrase.kind in kinds and phrase.number == 1 for phrase in own)
        and not any(is_image_of(phrase.text) for phrase in own)
        and not any(_may_be(phrase, name) for phrase in others)
    )
    nouns = Counter(phrase.noun for phrase in own if phrase.head == name)
    noun = nouns.most_common(1)[0][0] if is_certain else ""
    return "" if noun in PLURALS or noun != english.singular_of(noun) else noun


def _may_be(phrase: Phrase, name: str) -> bool:
    """Return True if another phrase may name the same kind of thing."""
    related = objects.related(name)
    is_somebody = "people" in phrase.kind and not phrase.head
    return (is_somebody and PERSON in related) or not related.isdisjoint(
        objects.named_by(phrase.text)
    )


def _is_lone(scene: Scene) -> bool:
    """Return True if there is one person at most."""
    people = [phrase for phrase in scene.phrases if is_a(phrase, PERSON)]
    entities = {phrase.entity for phrase in people}
    return len(entities) < 2 and all(phrase.number == 1 for phrase in people)
