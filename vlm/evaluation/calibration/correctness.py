"""Judge whether an answer about a picture is right, as the probability beside it promises.

A judge is `judge(record, answer) -> bool`, or None where nothing is known to compare with.
"""

import re
from collections.abc import Callable

from vlm.data.grammar.words import UNKNOWN
from vlm.evaluation.metrics.attributes import ITEM, read_attributes, true_attributes
from vlm.evaluation.metrics.replies import is_unsure
from vlm.types import Record

AnswerJudge = Callable[[Record, str], bool | None]

MENTIONED = 0.5  # share of a caption's words that people must have used for the same picture


def labels_are_right(record: Record, answer: str) -> bool | None:
    """Judge by the labels: the answer names the item, and if a colour, the item's colour.

    About a picture of kind "unknown" it must say that it is not sure. Gender, usage and season are
    not visible in every picture and do not count.
    """
    if record.facts.get("kind") == UNKNOWN:
        return is_unsure(answer)
    named, true = read_attributes(answer), true_attributes(record.facts)
    if ITEM not in true:
        return None
    colour = true.get("baseColour")
    is_colour_right = colour is None or named.get("baseColour", colour) == colour
    return named.get(ITEM) == true[ITEM] and is_colour_right and not is_unsure(answer)


def kind_is_right(record: Record, answer: str) -> bool | None:
    """Judge by the kind of scene alone, whatever colours the answer names."""
    kind = {key: value for key, value in record.facts.items() if key == "kind"}
    return labels_are_right(Record(record.id, record.image, facts=kind), answer)


def caption_is_right(record: Record, answer: str) -> bool | None:
    """Judge by people's captions: they must use at least half of the answer's words.

    Words such as "the", "of" and "is" do not count.
    """
    references = _content_words(record.facts.get("captions", ""))
    if not references:
        return None
    words = _content_words(answer)
    if not words or is_unsure(answer):
        return False
    return len(words & references) >= MENTIONED * len(words)


def _content_words(text: str) -> set[str]:
    """Return the words of a text that are not function words, in the singular."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    words = set(re.findall(r"[a-z]+", text.lower())) - ENGLISH_STOP_WORDS
    return {re.sub(r"(?<=[^s])s$", "", word) for word in words if len(word) > 1}


ANSWER_JUDGES: dict[str, AnswerJudge] = {  # by the name of the data set
    "fashion": labels_are_right,
    "composited": labels_are_right,
    "drawn": labels_are_right,
    "folder": labels_are_right,
    "hub": labels_are_right,
    "negatives": labels_are_right,
    "cifar10": kind_is_right,
    "scenes": caption_is_right,
}
