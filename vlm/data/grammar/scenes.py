"""The caption grammar for everyday scenes: kind, colour and background of a photograph.

    facts -> turns (questions with correct answers)

Answers depend on nothing but the facts, the id and the seed.
"""

import json
from collections.abc import Mapping
from random import Random

from vlm.data.grammar import questions
from vlm.data.grammar.phrases import sample_evenly, sentences, with_article
from vlm.data.grammar.words import PROMPTS
from vlm.types import Turn

KINDS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
VEHICLES = frozenset({"airplane", "automobile", "ship", "truck"})  # the others are animals

# Other names of a kind; plurals with s are recognised without being listed.
ALIASES: dict[str, tuple[str, ...]] = {
    "airplane": ("aeroplane", "plane", "aircraft", "jet", "airliner", "biplane"),
    "automobile": ("car", "sedan", "motorcar"),
    "bird": ("birdie",),
    "cat": ("kitten", "kitty"),
    "deer": ("stag", "reindeer"),
    "dog": ("puppy", "puppies", "doggy"),
    "frog": ("toad",),
    "horse": ("pony", "ponies", "foal", "stallion"),
    "ship": ("boat", "vessel", "ferry", "ferries", "steamship", "sailboat"),
    "truck": ("lorry", "lorries", "fire engine"),
}

# Similar kinds, which are better wrong answers; each kind has one, so that yes and no balance.
PAIRS = (
    ("airplane", "ship"),
    ("automobile", "truck"),
    ("bird", "frog"),
    ("cat", "dog"),
    ("deer", "horse"),
)
NEARER = 4  # how many times more often the similar kind is asked about than another one

# Templates for `phrases`; thing = the kind, with its colour if that is clear.
OPENINGS = (
    "{a_thing}.",
    "A picture of {a_thing}.",
    "A photograph of {a_thing}.",
    "A small photograph of {a_thing}.",
    "This is {a_thing}.",
    "The picture shows {a_thing}.",
    "The image shows {a_thing}.",
    "You can see {a_thing} in this picture.",
    "Shown here is {a_thing}.",
    "{a_thing} against a {ground} background.",
    "{a_thing}, with a {ground} background.",
    "A photograph of {a_thing} against a {ground} background.",
    "The picture shows {a_thing} with a {ground} background.",
)

# Two or more sentences, which name every colour that is clear.
BOTH = (
    "The picture shows {a_kind}. Its main colour is {colour}, and the background is mostly "
    "{ground}.",
    "This is {a_thing}. The background is mostly {ground}.",
    "A photograph of {a_kind}. The {kind} is mostly {colour}, the background mostly {ground}.",
    "A photograph of {a_thing}. What surrounds it is mostly {ground}.",
    "In front of a {ground} background, you can see {a_thing}.",
)
COLOUR_ALONE = (
    "The picture shows {a_kind}. The {kind} is mostly {colour}.",
    "A photograph of {a_kind}. Its main colour is {colour}.",
    "This is {a_kind}. Most of the {kind} is {colour}.",
    "This is {a_class}: {a_thing}.",
)
GROUND_ALONE = (
    "The picture shows {a_kind}. The background is mostly {ground}.",
    "A photograph of {a_kind}. What surrounds it is mostly {ground}.",
    "This is {a_kind}, and the background is mostly {ground}.",
    "In front of a {ground} background, you can see {a_kind}.",
)
NEITHER = (
    "This is a picture of {a_class}: {a_kind}.",
    "A photograph of {a_class}. It is {a_kind}.",
    "The picture shows {a_kind}. It is a photograph of {a_class}.",
    "You can see {a_class} in this picture, namely {a_kind}.",
)
ANSWERS = {
    "kind": ("{a_kind}.", "It is {a_kind}.", "This is {a_kind}.", "The picture shows {a_kind}."),
    "colour": (
        "{colour}.",
        "It is {colour}.",
        "The {kind} is {colour}.",
        "The main colour is {colour}.",
    ),
}

# Questions meant for products, with sensible answers for pictures of something else.
NO_PRODUCT: dict[str, tuple[str, ...]] = {
    "gender": (
        "It is not made for anybody: this is a picture of {a_kind}.",
        "Nobody would wear it: it is {a_kind}.",
        "This is {a_kind}, not something made for men or women.",
    ),
    "usage": (
        "It is not for any occasion: this is a picture of {a_kind}.",
        "This is {a_kind}, not something to wear.",
        "It is not a product to wear: the picture shows {a_kind}.",
    ),
    "season": (
        "It has no season: this is a picture of {a_kind}.",
        "It is from no season's collection: it is {a_kind}.",
        "This is {a_kind}, which belongs to no season.",
    ),
}
NO_PRODUCT_SHARE = 0.4  # share of records with one such question
NOT_SHARE = 0.5  # share of records with the question what the picture does not show


def turns(facts: Mapping[str, str], id: str, seed: int = 0, variants: int = 2) -> tuple[Turn, ...]:
    """Return questions with correct answers; the id and the seed choose the wording.

    There are no questions about a colour that is not clear.

    Args:
        facts: kind, and possibly colour and ground (the background); other facts are ignored.
        variants: number of brief and of detailed answers.
    """
    descriptions = _descriptions(facts, Random(f"{id}/{seed}"), variants)
    rng, others = Random(f"{id}/{seed}/questions"), _other_kinds(facts["kind"])
    yes_no = (questions.is_it(facts["kind"], others, rng),)
    if rng.random() < NOT_SHARE:
        yes_no += (questions.is_not(facts["kind"], others, rng),)
    another = questions.is_it(facts["kind"], others, rng)
    return descriptions + yes_no + questions.conversation((*descriptions, another), rng)


def as_json(facts: Mapping[str, str]) -> str:
    """Return the facts as a JSON object on one line, with its keys in a fixed order."""
    names = {"type": "kind", "colour": "colour", "background": "ground"}
    return json.dumps({name: facts[key] for name, key in names.items() if facts.get(key)})


def _descriptions(facts: Mapping[str, str], rng: Random, variants: int) -> tuple[Turn, ...]:
    """Return descriptions, JSON, kind and colour, and sometimes a question meant for products."""
    slots = _slots(facts)
    clear = bool(slots["colour"]), bool(slots["ground"])
    detailed = {(True, True): BOTH, (True, False): COLOUR_ALONE, (False, True): GROUND_ALONE}
    answers = {
        "brief": sentences(OPENINGS, slots, rng, variants),
        "detailed": sentences(detailed.get(clear, NEITHER), slots, rng, variants),
        "json": [as_json(facts)],
        **{task: sentences(templates, slots, rng) for task, templates in ANSWERS.items()},
    }
    if rng.random() < NO_PRODUCT_SHARE:
        task = rng.choice(tuple(NO_PRODUCT))
        answers[task] = sentences(NO_PRODUCT[task], slots, rng)
    return tuple(
        Turn(prompt, answer, task)
        for task, texts in answers.items()
        for prompt, answer in zip(sample_evenly(PROMPTS[task], len(texts), rng), texts, strict=True)
    )


def _other_kinds(kind: str) -> list[str]:
    """Return the kinds to draw a wrong one from; the similar one is in the list several times."""
    similar = [other for pair in PAIRS for other in pair if kind in pair and other != kind]
    return [other for other in KINDS if other != kind] + similar * (NEARER - 1)


def _slots(facts: Mapping[str, str]) -> dict[str, str]:
    """Return a value for every slot of the templates, empty if unknown."""
    kind, colour, ground = (facts.get(key, "") for key in ("kind", "colour", "ground"))
    return {
        "kind": kind,
        "colour": colour,
        "ground": ground,
        "a_kind": with_article(kind),
        "a_thing": with_article(f"{colour} {kind}".strip()),
        "a_class": "a vehicle" if kind in VEHICLES else "an animal",
    }
