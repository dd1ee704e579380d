"""The caption grammar for products: it puts a fashion row's metadata into plain English.

    row -> facts -> turns (questions with correct answers)

`evaluation.metrics.replies.read_back` recovers the facts from an answer. All words come from the
tables in `words`, so that answers contain no brands, numbers or slogans. They depend on nothing but
the facts, the id and the seed.
"""

import json
import re
from collections.abc import Mapping, Sequence
from random import Random

from vlm.data.grammar import questions, words
from vlm.data.grammar.phrases import (
    PAIR,
    describe_colour,
    describe_kind,
    fits,
    noun,
    sample_evenly,
    sentence,
    sentences,
)
from vlm.data.grammar.words import ANSWERS, DETAILS, OPENINGS, OPENINGS_WORN, PROMPTS, Detail
from vlm.types import Turn

READ_KEYS = ("baseColour", "gender", "usage", "season")
METADATA = ("articleType", "subCategory", "masterCategory", *READ_KEYS)
DETAIL_KEYS = ("pattern", "neckline", "sleeve", "fit", "material", "style")
MAX_ADJECTIVES = 2  # details before the noun; the others get their own sentence
YES_NO = 2  # rounds of yes/no questions, because models learn late to compare words
NOT_SHARE = 0.5  # share of records with the question what the item is not
USAGE_ADJECTIVE = 0.3  # share of detailed answers about clothes that write "casual shirt"

# The order of adjectives: slim-fit plain short-sleeved blue striped cotton casual polo T-shirt.
BEFORE_COLOUR = ("fit", "solid", "washed", "sleeve")
PLACES = (*BEFORE_COLOUR, "colour", "pattern", "material", "usage", "neckline", "style")


def facts(row: Mapping[str, object]) -> dict[str, str]:
    """Return a row's metadata, and the details in its product name that `words` has a word for."""
    metadata = {key: value for key in METADATA if (value := _clean(row.get(key)))}
    name, kind = _clean(row.get("productDisplayName")), metadata.get("articleType", "")
    return metadata | _details(name, kind)


def turns(facts: Mapping[str, str], id: str, seed: int = 0, variants: int = 2) -> tuple[Turn, ...]:
    """Return questions about one picture with correct answers, only about facts that are known.

    Args:
        variants: number of brief, of detailed and of JSON answers.
    """
    descriptions = _descriptions(facts, Random(f"{id}/{seed}"), variants)
    rng = Random(f"{id}/{seed}/questions")
    yes_no = [turn for _ in range(YES_NO) for turn in questions.yes_no(facts, rng)]
    short = (*yes_no, *questions.what_not(facts, rng, NOT_SHARE))
    more_short = questions.yes_no(facts, rng) + questions.what_not(facts, rng)
    conversation = questions.conversation(_descriptions(facts, rng, 1) + more_short, rng)
    return descriptions + short + conversation


def _descriptions(facts: Mapping[str, str], rng: Random, variants: int) -> tuple[Turn, ...]:
    """Return descriptions, the JSON object, and one question for each known fact."""
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
        for prompt, answer in zip(sample_evenly(PROMPTS[task], len(texts), rng), texts, strict=True)
    )


def asks_for_every_detail(turn: Turn) -> bool:
    """Return True for a question that asks for every visible detail."""
    return turn.task == "detailed" and turn.prompt in words.THOROUGH


def full_description(facts: Mapping[str, str], id: str, seed: int = 0) -> Turn:
    """Return a question that asks for every detail, and an answer with all the facts."""
    rng = Random(f"{id}/{seed}/thorough")
    return Turn(rng.choice(words.THOROUGH), _detailed(facts, rng), "detailed")


def possible_details(details: Mapping[str, str], kind: str) -> dict[str, str]:
    """Return the details that an item of this kind (an articleType) can have."""
    rows = (row for row in DETAILS if kind in row.kinds and details.get(row.key) == row.value)
    return {row.key: row.value for row in rows}


def as_json(facts: Mapping[str, str]) -> str:
    """Return the facts as a JSON object on one line, with its keys in a fixed order."""
    record = {
        "type": describe_kind(facts.get("articleType", "")).removeprefix(PAIR),
        "colour": describe_colour(facts.get("baseColour", "")),
        **{key: facts.get(key, "").lower() for key in ("gender", "usage", "season")},
        **{key: facts.get(key, "") for key in DETAIL_KEYS},
    }
    return json.dumps({key: value for key, value in record.items() if value})


def _clean(value: object) -> str:
    """Return a value as text, empty for a missing one (None, NaN, "NA")."""
    text = "" if value is None else " ".join(str(value).split())
    return "" if text.lower() in ("na", "nan", "none", "<na>") else text


def _details(name: str, kind: str) -> dict[str, str]:
    """Return the pattern, neckline, sleeve, fit, material and style that a product name states."""
    name = re.sub(words.NOT_DETAILS, " ", name.lower())
    details: dict[str, str] = {}
    for row in DETAILS:
        is_candidate = kind in row.kinds and row.key not in details
        if is_candidate and re.search(rf"\b(?:{row.pattern})\b", name):
            details[row.key] = row.value
    return details


def _detailed(facts: Mapping[str, str], rng: Random) -> str:
    """Return two or three sentences that state all the facts, each once."""
    details = [row for row in DETAILS if facts.get(row.key) == row.value]
    adjectives = _adjectives(details, rng)
    usage = _usage_adjective(facts, rng)
    slots = _slots(facts, rng, adjectives, usage)
    openings = [text for text in OPENINGS + OPENINGS_WORN if fits(text, slots)]
    if adjectives or usage:  # only these openings have a slot for adjectives
        openings = [text for text in openings if "thing}" in text]
    if not slots["occasion"]:  # the season is kept for a second sentence
        openings = [text for text in openings if "{season}" not in text]
    opening = rng.choice(openings)
    remaining = slots | {key: "" for key in ("occasion", "season") if f"{{{key}}}" in opening}
    remaining |= _features([row for row in details if row not in adjectives])
    wear = words.WEAR if remaining["occasion"] else words.SEASONAL
    rest = sentences(words.HAVING, remaining, rng) + sentences(wear, remaining, rng)
    rng.shuffle(rest)
    return " ".join([sentence(opening, slots), *rest])


def _adjectives(details: Sequence[Detail], rng: Random) -> list[Detail]:
    """Return the details to put before the noun: those that fit nowhere else, and a few others."""
    required = [row for row in details if not row.noun and row.key != "material"]
    optional = [row for row in details if row.adjective and row not in required]
    max_optional = max(0, min(MAX_ADJECTIVES - len(required), len(optional)))
    return required + rng.sample(optional, rng.randint(0, max_optional))


def _usage_adjective(facts: Mapping[str, str], rng: Random) -> str:
    """Return the usage as an adjective, sometimes and only for clothes; otherwise "".

    Not for shoes, for example: "sports sandals" are an article type.
    """
    use_adjective = facts.get("subCategory") in words.WORN and rng.random() < USAGE_ADJECTIVE
    usage = words.USAGES.get(facts.get("usage", ""))
    return usage.adjective if use_adjective and usage else ""


def _features(details: Sequence[Detail]) -> dict[str, str]:
    """Return the slots for details that are not in the opening."""
    nouns = [row.noun for row in details if row.key != "material"]
    features = " and ".join(filter(None, (", ".join(nouns[:-1]), *nouns[-1:])))
    material = next((row.value for row in details if row.key == "material"), "")
    return {"features": features, "material": material}


def _slots(
    facts: Mapping[str, str], rng: Random, details: Sequence[Detail] = (), usage: str = ""
) -> dict[str, str]:
    """Return a value for every slot of the templates, empty if unknown.

    The occasion is empty too if the usage is said by an adjective.
    """
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
    """Return the adjectives before the noun, in the order of PLACES."""
    placed = {"colour": colour, "usage": usage}
    for row in details:
        placed[row.value if row.value in PLACES else row.key] = row.adjective
    if "solid" in placed and (colour in words.METALS or rng.random() < 0.5):
        placed["solid"] = "plain"
    return [placed[place] for place in PLACES if place in placed]
