"""Check replies to questions other than "describe it": JSON, yes/no, details, conversations."""

from collections.abc import Mapping
from typing import NamedTuple

from vlm.data.grammar import question_words
from vlm.data.grammar.products import DETAIL_KEYS
from vlm.data.grammar.question_words import FOLLOW_UPS, NOT_PROMPTS
from vlm.data.grammar.words import PROMPTS
from vlm.evaluation.metrics.attributes import ITEM, REQUESTED, read_attributes, true_attributes
from vlm.evaluation.metrics.lexicon import DENIALS_OF_ITEM
from vlm.evaluation.metrics.replies import is_unsure, read_details, read_object, read_yes_no
from vlm.types import Turn

BRIEF_WORDS = 20  # a brief answer has fewer
ASSERTIONS = frozenset({"is", "are", "it's", "shows", "show"})
POLO, SHIRTS = "polo collar", "Shirts"
TASKS = {
    prompt: task
    for table in ({"not": NOT_PROMPTS}, PROMPTS, FOLLOW_UPS)
    for task, prompts in table.items()
    for prompt in prompts
}


def is_json_object(text: str) -> bool:
    """Return True if the text is a JSON object."""
    return read_object(text) is not None


def json_agrees(record: str, sentence: str) -> bool:
    """Return True if a JSON object says the same as a sentence about the same picture.

    Item and colour must be the same in both, gender and usage where both name them. A sentence that
    names no item agrees only if both say that they are not sure.
    """
    if is_unsure(record) or is_unsure(sentence):
        return is_json_object(record) and is_unsure(record) and is_unsure(sentence)
    one, two = read_attributes(record), read_attributes(sentence)
    both = [key for key in ("gender", "usage") if key in one and key in two]
    same = all(one.get(key) == two.get(key) for key in (ITEM, "baseColour", *both))
    return is_json_object(record) and ITEM in two and same


def is_brief(text: str) -> bool:
    """Return True for an answer of at least one word and fewer than `BRIEF_WORDS`."""
    return 0 < len(text.split()) < BRIEF_WORDS


def names_other_item(text: str, facts: Mapping[str, str]) -> bool:
    """Return True if the text answers "what is it not?" with an item that this one clearly is not.

    It must not assert that item. Items that both fit the same thing (`question_words.ALIKE`) are
    no correct answers for each other.
    """
    item, true_item = read_attributes(text).get(ITEM), true_attributes(facts).get(ITEM)
    tokens = set(text.lower().replace("’", "'").replace(".", " ").replace(",", " ").split())
    asserted = tokens & ASSERTIONS and not tokens & DENIALS_OF_ITEM
    if not item or asserted or item == true_item:
        return False
    is_polo = item == SHIRTS and facts.get("neckline") == POLO
    alike = question_words.ALIKE["articleType"]
    return not is_polo and not any({item, true_item} <= group for group in alike)


class DetailCheck(NamedTuple):
    """The details of one text.

    Attributes:
        recalled: for each detail of the metadata, whether the text names it.
        correct: for each detail named whose key the metadata has, whether the value is the same.
        unverifiable: how many named details have a key that the metadata lacks: a product name
            that mentions no sleeve does not say that there is none.
    """

    recalled: list[bool]
    correct: list[bool]
    unverifiable: int


def check_details(text: str, facts: Mapping[str, str]) -> DetailCheck:
    """Compare the details that a text names with those of the metadata."""
    true = {key: facts[key] for key in DETAIL_KEYS if facts.get(key)}
    details = read_details(text)
    recalled = [details.get(key) == value for key, value in true.items()]
    correct = [value == true[key] for key, value in details.items() if key in true]
    return DetailCheck(recalled, correct, len(details) - len(correct))


def last_answer_is_right(text: str, turn: Turn, facts: Mapping[str, str]) -> bool | None:
    """Return whether the last answer of a conversation agrees with the facts it was asked about.

    A question about one attribute needs that attribute; a description or JSON the item and nothing
    that contradicts the metadata; yes/no and "what is it not?" a true answer. None if the metadata
    has nothing to compare with.
    """
    task = TASKS.get(turn.prompt, "")
    if is_unsure(turn.answer):
        return is_unsure(text)
    if task == "not":
        return names_other_item(text, facts)
    if (yes := read_yes_no(turn.answer)) is not None:
        return read_yes_no(text) is yes
    named, true = read_attributes(text), true_attributes(facts)
    if (key := REQUESTED.get(task, "")) in true:
        return named.get(key) == true[key]
    if ITEM not in true or (task == "json" and not is_json_object(text)):
        return False if ITEM in true else None
    return ITEM in named and all(true.get(name, value) == value for name, value in named.items())
