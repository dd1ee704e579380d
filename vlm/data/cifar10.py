"""CIFAR-10 (Krizhevsky, 2009): 32x32 pictures of ten kinds, in the columns of the Hub's edition.

Its only label is the kind. The main colours are measured from the pixels, and said where clear.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from random import Random

from vlm.data import pixels, questions, source
from vlm.data.images import BadImage, open_image
from vlm.data.phrases import sentences, some, with_article
from vlm.data.words import PROMPTS
from vlm.errors import lookup
from vlm.types import Dataset, Record, Turn

HUB_ID = "uoft-cs/cifar10"
NAME = "cifar10"
KINDS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
VALIDATION_SHARE = 10  # percent, the last rows of train (5,000 of the real ones), held out

VEHICLES = frozenset({"airplane", "automobile", "ship", "truck"})  # the others are animals
FURRY = frozenset({"cat", "deer", "dog", "horse"})
FUR = frozenset(
    {"black", "brown", "grey", "orange", "white"}
)  # another colour is of something else

# What else a kind is called; a plural with s is read too.
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

PAIRS = (  # kinds that are asked for one another sooner; each has one, so that questions balance
    ("airplane", "ship"),
    ("automobile", "truck"),
    ("bird", "frog"),
    ("cat", "dog"),
    ("deer", "horse"),
)
NEARER = 4  # so much sooner than another kind

# Templates of `phrases`; thing = the kind, with its colour where that is clear.
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
# Two and more sentences, which say every colour that is clear.
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
    "colour": ("{colour}.", "It is {colour}.", "The {kind} is {colour}.",
               "The main colour is {colour}."),
}  # fmt: skip
# Questions for products, answered as well as they can be for what is none.
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
NO_PRODUCT_SHARE = 0.4  # of the records have one such question
NOT_SHARE = 0.5  # of the records are asked what they do not show


def load(split: str = "train", path: str | Path | None = None, limit: int = 0) -> Dataset:
    """The pictures of a split, `train` or `validation` (the last tenth of the train table).

    Facts: kind, and colour and ground where `pixels.colours` finds them clear.

    Raises:
        UserError: when the data set is found neither locally nor on the Hub, or has no such split.
    """
    rows = source.table(NAME, HUB_ID, "train", path, ("img", "label"))
    cut = len(rows) - len(rows) * VALIDATION_SHARE // 100
    bounds = {"train": (0, cut), "validation": (cut, len(rows))}
    first, last = lookup(bounds, split, "split")
    rows = rows.slice(first, last - first)
    rows = rows.slice(0, limit) if limit else rows
    records, problems = [], []
    for number, row in enumerate(rows.to_pylist(), start=first):
        reason = bad_row(row)
        if reason:
            problems.append(f"row {number}: {reason}")
        else:
            records.append(_record(row, number))
    return Dataset(f"{NAME}/{split}", tuple(records), tuple(problems))


def bad_row(row: dict) -> str:
    """Why a row cannot be used, empty when it can."""
    label = row.get("label")
    if not isinstance(label, int) or label not in range(len(KINDS)):
        return f"label {label!r} is not one of 0 to {len(KINDS) - 1}"
    return source.bad_picture(row.get("img"))


def _record(row: dict, number: int) -> Record:
    image, kind = row["img"]["bytes"], KINDS[row["label"]]
    found = {"kind": kind} | measured(image, kind)
    return Record(str(number), image, turns(found, str(number)), found)


def measured(image: bytes, kind: str) -> dict[str, str]:
    """The main colours of a picture, `colour` and `ground`, where they are clear and can be."""
    try:
        colour, ground = pixels.colours(open_image(image))
    except BadImage:  # reported, as in every data set, by `readable`
        return {}
    if kind in FURRY and colour not in FUR:
        colour = ""
    return {key: word for key, word in (("colour", colour), ("ground", ground)) if word}


def turns(facts: Mapping[str, str], id: str, seed: int = 0, variants: int = 2) -> tuple[Turn, ...]:
    """Questions with right answers, worded by id and seed; a colour that is not clear is not asked.

    Args:
        facts: kind, and perhaps colour and ground (other facts say nothing here).
        variants: how many phrasings of the brief and of the detailed answer there are.
    """
    said = _described(facts, Random(f"{id}/{seed}"), variants)
    rng, others = Random(f"{id}/{seed}/questions"), _others(facts["kind"])
    asked = (questions.is_it(facts["kind"], others, rng),)
    if rng.random() < NOT_SHARE:
        asked += (questions.is_not(facts["kind"], others, rng),)
    anew = questions.is_it(facts["kind"], others, rng)
    return said + asked + questions.conversation((*said, anew), rng)


def _described(facts: Mapping[str, str], rng: Random, variants: int) -> tuple[Turn, ...]:
    """Descriptions, the JSON object, kind and colour, and for some a question for products."""
    slots = _slots(facts)
    known = bool(slots["colour"]), bool(slots["ground"])
    detailed = {(True, True): BOTH, (True, False): COLOUR_ALONE, (False, True): GROUND_ALONE}
    answers = {
        "brief": sentences(OPENINGS, slots, rng, variants),
        "detailed": sentences(detailed.get(known, NEITHER), slots, rng, variants),
        "json": [as_json(facts)],
        **{task: sentences(templates, slots, rng) for task, templates in ANSWERS.items()},
    }
    if rng.random() < NO_PRODUCT_SHARE:
        task = rng.choice(tuple(NO_PRODUCT))
        answers[task] = sentences(NO_PRODUCT[task], slots, rng)
    return tuple(
        Turn(prompt, answer, task)
        for task, texts in answers.items()
        for prompt, answer in zip(some(PROMPTS[task], len(texts), rng), texts, strict=True)
    )


def _others(kind: str) -> list[str]:
    """The other kinds, the near one several times: what a wrong question may ask for."""
    near = [other for pair in PAIRS for other in pair if kind in pair and other != kind]
    return [other for other in KINDS if other != kind] + near * (NEARER - 1)


def as_json(facts: Mapping[str, str]) -> str:
    """The facts as a JSON object on one line, keys in a fixed order."""
    names = {"type": "kind", "colour": "colour", "background": "ground"}
    return json.dumps({name: facts[key] for name, key in names.items() if facts.get(key)})


def read_kind(text: str) -> str:
    """The kind that a text (or JSON) names first, by whole words; empty when it names none."""
    pattern, kinds = _reader()
    match = pattern.search(text.lower())
    return kinds[match[1]] if match else ""


@cache
def _reader() -> tuple[re.Pattern[str], dict[str, str]]:
    """A pattern of all the kinds' names, and the kind that each of them stands for."""
    kinds = {name: kind for kind in KINDS for name in (kind, *ALIASES[kind])}
    names = "|".join(sorted(kinds, key=len, reverse=True))
    return re.compile(rf"(?<![\w-])(?!jet black)({names})s?(?![\w-])"), kinds


def _slots(facts: Mapping[str, str]) -> dict[str, str]:
    """Everything a template may ask for, empty where it is not known."""
    kind, colour, ground = (facts.get(key, "") for key in ("kind", "colour", "ground"))
    thing = with_article(f"{colour} {kind}".strip())
    known = {"kind": kind, "colour": colour, "ground": ground}
    what = "a vehicle" if kind in VEHICLES else "an animal"
    return known | {"a_kind": with_article(kind), "a_thing": thing, "a_class": what}
