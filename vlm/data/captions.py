"""A grammar that says a fashion row's metadata in plain English, and reads it back.

    row -> facts -> turns (questions with right answers)      answer -> read_back -> facts

All words come from the tables in `words`, so that no brand, number or slogan gets into an answer.
Answers depend on nothing but the facts, the id and the seed.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from random import Random

from vlm.data import questions, words
from vlm.data.phrases import (
    PAIR,
    describe_colour,
    describe_kind,
    fits,
    noun,
    sentence,
    sentences,
    some,
)
from vlm.data.words import ANSWERS, DETAILS, OPENINGS, OPENINGS_WORN, PROMPTS, Detail
from vlm.types import Turn

READ_KEYS = ("baseColour", "gender", "usage", "season")
METADATA = ("articleType", "subCategory", "masterCategory", *READ_KEYS)
DETAIL_KEYS = ("pattern", "neckline", "sleeve", "fit", "material", "style")
MAX_ADJECTIVES = 2  # details before the noun; the others get a sentence of their own
YES_NO = 2  # rounds of yes/no questions: to compare words is learnt late
NOT_SHARE = 0.5  # share of records that are asked what they are not
USAGE_ADJECTIVE = 0.3  # share of detailed answers on clothes that say "casual shirt"
# The order of adjectives: slim-fit plain short-sleeved blue striped cotton casual polo T-shirt.
BEFORE_COLOUR = ("fit", "solid", "washed", "sleeve")
PLACES = (*BEFORE_COLOUR, "colour", "pattern", "material", "usage", "neckline", "style")


def facts(row: Mapping[str, object]) -> dict[str, str]:
    """What a row's metadata says, and what its product name says in words of the closed tables."""
    known = {key: value for key in METADATA if (value := _clean(row.get(key)))}
    return known | _details(_clean(row.get("productDisplayName")), known.get("articleType", ""))


def turns(facts: Mapping[str, str], id: str, seed: int = 0, variants: int = 2) -> tuple[Turn, ...]:
    """Questions about one picture with right answers; what is not known is not asked.

    `variants` is how often the brief, the detailed and the JSON answer are asked for.
    """
    said = _described(facts, Random(f"{id}/{seed}"), variants)
    rng = Random(f"{id}/{seed}/questions")
    compared = [turn for _ in range(YES_NO) for turn in questions.yes_no(facts, rng)]
    asked = (*compared, *questions.what_not(facts, rng, NOT_SHARE))
    anew = questions.yes_no(facts, rng) + questions.what_not(facts, rng)
    talk = questions.conversation(_described(facts, rng, 1) + anew, rng)
    return said + asked + talk


def _described(facts: Mapping[str, str], rng: Random, variants: int) -> tuple[Turn, ...]:
    """Descriptions, the JSON object, and one question for each fact that is known."""
    slots = _slots(facts, rng)
    answers = {
        "brief": sentences(OPENINGS, slots, rng, variants),
        "detailed": [_detailed(facts, rng) for _ in range(variants)],
        "json": [as_json(facts)] * variants,
    }
    answers |= {task: sentences(templates, slots, rng) for task, templates in ANSWERS.items()}
    return tuple(
        Turn(prompt, answer, task)
        for task, texts in answers.items()
        for prompt, answer in zip(some(PROMPTS[task], len(texts), rng), texts, strict=True)
    )


def is_thorough(turn: Turn) -> bool:
    """True for a question that wants every detail."""
    return turn.task == "detailed" and turn.prompt in words.THOROUGH


def in_full(facts: Mapping[str, str], id: str, seed: int = 0) -> Turn:
    """One such question, and the answer that tells all the facts."""
    rng = Random(f"{id}/{seed}/thorough")
    return Turn(rng.choice(words.THOROUGH), _detailed(facts, rng), "detailed")


def possible(seen: Mapping[str, str], kind: str) -> dict[str, str]:
    """Of details seen on a thing those that things of its kind (an articleType) can have."""
    fitting = (row for row in DETAILS if kind in row.kinds and seen.get(row.key) == row.value)
    return {row.key: row.value for row in fitting}


def as_json(facts: Mapping[str, str]) -> str:
    """The facts as a JSON object on one line, keys in a fixed order."""
    record = {
        "type": describe_kind(facts.get("articleType", "")).removeprefix(PAIR),
        "colour": describe_colour(facts.get("baseColour", "")),
        **{key: facts.get(key, "").lower() for key in ("gender", "usage", "season")},
        **{key: facts.get(key, "") for key in DETAIL_KEYS},
    }
    return json.dumps({key: value for key, value in record.items() if value})


def read_back(text: str) -> dict[str, str]:
    """The articleType, baseColour, gender, usage and season that a text (or JSON) names.

    The first of each counts, at its longest. Words inside an article phrase ("casual shoes") say
    nothing about colour or usage.
    """
    # punctuation is a word too, so that no phrase reaches over it
    tokens = re.findall(r"[a-z0-9]+(?:[-'][a-z0-9]+)*|[^\sa-z0-9]", text.lower().replace("’", "'"))
    kinds = list(_read("articleType", tokens))
    for start, stop, _ in kinds:
        tokens[start:stop] = [";"] * (stop - start)
    found = [("articleType", kinds), *((key, list(_read(key, tokens))) for key in READ_KEYS)]
    return {key: matches[0][2] for key, matches in found if matches}


def _clean(value: object) -> str:
    """The value as text, empty for what stands for a missing one (None, NaN, "NA")."""
    text = "" if value is None else " ".join(str(value).split())
    return "" if text.lower() in ("na", "nan", "none", "<na>") else text


def _details(name: str, kind: str) -> dict[str, str]:
    """What the product name says of pattern, neckline, sleeve, fit, material and style."""
    name = re.sub(words.NOT_DETAILS, " ", name.lower())
    found: dict[str, str] = {}
    for row in DETAILS:
        wanted = kind in row.kinds and row.key not in found
        if wanted and re.search(rf"\b(?:{row.pattern})\b", name):
            found[row.key] = row.value
    return found


def _detailed(facts: Mapping[str, str], rng: Random) -> str:
    """Two or three sentences that say all the facts, each once."""
    details = [row for row in DETAILS if facts.get(row.key) == row.value]
    front = _adjectives(details, rng)
    usage = _usage_adjective(facts, rng)
    slots = _slots(facts, rng, front, usage)
    fitting = [text for text in OPENINGS + OPENINGS_WORN if fits(text, slots)]
    if front or usage:  # only these openings have a place for adjectives
        fitting = [text for text in fitting if "thing}" in text]
    if not slots["occasion"]:  # the season is left for a second sentence
        fitting = [text for text in fitting if "{season}" not in text]
    opening = rng.choice(fitting)
    unsaid = slots | {key: "" for key in ("occasion", "season") if f"{{{key}}}" in opening}
    unsaid |= _features([row for row in details if row not in front])
    wearing = words.WEAR if unsaid["occasion"] else words.SEASONAL
    rest = sentences(words.HAVING, unsaid, rng) + sentences(wearing, unsaid, rng)
    rng.shuffle(rest)
    return " ".join([sentence(opening, slots), *rest])


def _adjectives(details: Sequence[Detail], rng: Random) -> list[Detail]:
    """The details said before the noun: those that can stand nowhere else, and by chance others."""
    must = [row for row in details if not row.noun and row.key != "material"]
    may = [row for row in details if row.adjective and row not in must]
    room = max(0, min(MAX_ADJECTIVES - len(must), len(may)))
    return must + rng.sample(may, rng.randint(0, room))


def _usage_adjective(facts: Mapping[str, str], rng: Random) -> str:
    """The usage as an adjective, by chance and only for some: "sports sandals" are a type."""
    said = facts.get("subCategory") in words.WORN and rng.random() < USAGE_ADJECTIVE
    usage = words.USAGES.get(facts.get("usage", ""))
    return usage.adjective if said and usage else ""


def _features(details: Sequence[Detail]) -> dict[str, str]:
    """Slots for the details that the opening did not say."""
    nouns = [row.noun for row in details if row.key != "material"]
    listed = " and ".join(filter(None, (", ".join(nouns[:-1]), *nouns[-1:])))
    material = next((row.value for row in details if row.key == "material"), "")
    return {"features": listed, "material": material}


def _slots(
    facts: Mapping[str, str], rng: Random, details: Sequence[Detail] = (), usage: str = ""
) -> dict[str, str]:
    """Everything a template may ask for, empty where not known or, usage, said by an adjective."""
    kind, label = describe_kind(facts.get("articleType", "")), facts.get("baseColour", "")
    colour = words.COLOUR_ADJECTIVES.get(label, describe_colour(label))
    before = _before(details, colour, usage, rng)
    gender = words.GENDERS.get(facts.get("gender", ""), words.Gender("", "", ()))
    occasions = words.USAGES.get(facts.get("usage", ""), words.Usage("", ("",), ())).occasions
    return {
        "kind": kind,
        "whose_kind": noun(kind, gender.whose),
        "thing": noun(kind, *before),
        "whose_thing": noun(kind, gender.whose, *before),
        "colour": colour,
        "label": describe_colour(label) if label not in words.COLOUR_ADJECTIVES else "",
        "people": gender.people,
        "unisex": "unisex" if gender.whose == "unisex" else "",
        "occasion": "" if usage else rng.choice(occasions),
        "season": facts.get("season", "").lower(),
        **words.NUMBER[kind.startswith(PAIR)],
    }


def _before(details: Sequence[Detail], colour: str, usage: str, rng: Random) -> list[str]:
    """The adjectives before the noun, in the order of PLACES."""
    placed = {"colour": colour, "usage": usage}
    for row in details:
        placed[row.value if row.value in PLACES else row.key] = row.adjective
    if "solid" in placed and (colour in words.METALS or rng.random() < 0.5):
        placed["solid"] = "plain"
    return [placed[place] for place in PLACES if place in placed]


def _read(key: str, tokens: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    """Start, stop and label of each phrase of the key, from left to right and longest first."""
    forms, sizes = _forms(key)
    start = 0
    while start < len(tokens):
        size = sizes.get(tokens[start], 0)
        while size and " ".join(tokens[start : start + size]) not in forms:
            size -= 1
        if size:
            yield start, start + size, forms[" ".join(tokens[start : start + size])]
        start += size or 1


@cache
def _forms(key: str) -> tuple[dict[str, str], dict[str, int]]:
    """Spelling -> the label it stands for; its first word -> how many words it has at most."""
    forms: dict[str, str] = {}
    for label, said in words.FORMS[key].items():
        for text in (form + end for form in said for end in ("", *words.ENDINGS.get(key, ()))):
            forms |= {text: label, text.replace("-", " "): label, text.replace("-", ""): label}
            forms |= {text.replace(" ", "-"): label, text.replace(" ", ""): label}
    ordered = sorted((form.split() for form in forms), key=len)
    return forms, {form[0]: len(form) for form in ordered}
