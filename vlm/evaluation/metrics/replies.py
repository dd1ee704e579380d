"""Read what an answer says: yes or no, not sure, and which attributes and details it names."""

import json
import re
from collections.abc import Sequence
from functools import cache

from vlm.data.grammar import words
from vlm.data.grammar.products import READ_KEYS
from vlm.data.grammar.scenes import ALIASES, KINDS
from vlm.data.grammar.words import DETAILS, UNKNOWN
from vlm.evaluation.metrics.lexicon import DENIALS_OF_DETAIL
from vlm.evaluation.metrics.phrase_scan import PhraseTable, phrase_table, scan


def read_back(text: str) -> dict[str, str]:
    """Read the articleType, baseColour, gender, usage and season that a text (or JSON) names.

    The first phrase of each counts, the longest at its place. Words inside an article type ("casual
    shoes") do not count as colour or usage.
    """
    # punctuation marks are tokens too, so that no phrase extends across them
    tokens = re.findall(r"[a-z0-9]+(?:[-'][a-z0-9]+)*|[^\sa-z0-9]", text.lower().replace("’", "'"))
    matches = {"articleType": list(scan(tokens, _label_phrases("articleType")))}
    for match in matches["articleType"]:
        tokens[match.start : match.stop] = [";"] * (match.stop - match.start)
    matches |= {key: list(scan(tokens, _label_phrases(key))) for key in READ_KEYS}
    return {key: rows[0].meaning for key, rows in matches.items() if rows}


@cache
def _label_phrases(key: str) -> PhraseTable[str]:
    """Index the spellings of a key's labels."""
    labels: dict[str, str] = {}
    for label, forms in words.FORMS[key].items():
        for text in (form + end for form in forms for end in ("", *words.ENDINGS.get(key, ()))):
            labels |= {text: label, text.replace("-", " "): label, text.replace("-", ""): label}
            labels |= {text.replace(" ", "-"): label, text.replace(" ", ""): label}
    return phrase_table(labels)


def read_kind(text: str) -> str:
    """Read the scene kind that a text (or JSON) names first, as whole words; else empty."""
    pattern, kinds = _kind_pattern()
    match = pattern.search(text.lower())
    return kinds[match[1]] if match else ""


@cache
def _kind_pattern() -> tuple[re.Pattern[str], dict[str, str]]:
    """Return a pattern of all names of kinds, and the kind that each name stands for."""
    kinds = {name: kind for kind in KINDS for name in (kind, *ALIASES[kind])}
    names = "|".join(sorted(kinds, key=len, reverse=True))
    return re.compile(rf"(?<![\w-])(?!jet black)({names})s?(?![\w-])"), kinds


YES_NO = r"\W*(?:(yes)\b|no\b(?=\W*$|[^\w\s]| (?:it|they|this|that|these|the)\b))"
UNSURE = (
    r"\b(?:not (?:sure|certain)|unsure|uncertain|(?:do not|don't) know|(?:cannot|can't) tell) what "
    r"(?:(?:this|it|that|the picture|the image) (?:shows|is|depicts)|is (?:shown|here))\b"
    rf'|"type": ?"{UNKNOWN}"'
)


def read_yes_no(text: str) -> bool | None:
    """Read yes or no at the start of an answer; None for neither ("No sleeves" is neither)."""
    match = re.match(YES_NO, text.lower())
    return None if match is None or is_unsure(text) else match[1] == "yes"


def is_unsure(text: str) -> bool:
    """Return True if the text says it is unclear what the picture shows (JSON: type unknown)."""
    plain = " ".join(text.lower().replace("’", "'").split())
    return bool(re.search(UNSURE, plain))


def read_details(text: str) -> dict[str, str]:
    """Read the pattern, neckline, sleeve, fit, material and style that a text (or JSON) names.

    Recognised are the adjective and noun of each row of `words.DETAILS`, and its value unless that
    is an everyday word. The first detail of each key counts, the longest at its place; denied ones
    ("not striped") do not.
    """
    if (record := read_object(text)) is not None:
        return {row.key: row.value for row in DETAILS if record.get(row.key) == row.value}
    tokens = re.findall(r"[a-z0-9]+|[^\sa-z0-9-]", text.lower())
    details: dict[str, str] = {}
    for match in scan(tokens, _detail_phrases(), _is_denied):
        details.setdefault(*match.meaning)
    return details


def _is_denied(tokens: Sequence[str], start: int) -> bool:
    """Return True if a denial comes directly before, or up to one article earlier."""
    before = list(tokens[max(0, start - 2) : start])
    while before and before[-1] in ("a", "an", "any"):
        before.pop()
    return bool(before) and before[-1] in DENIALS_OF_DETAIL


@cache
def _detail_phrases() -> PhraseTable[tuple[str, str]]:
    """Index the details' spellings, without hyphens, as (key, value)."""
    details: dict[str, tuple[str, str]] = {}
    for row in DETAILS:
        value = "" if row.value in words.EVERYDAY else row.value
        for form in filter(None, (row.adjective, re.sub("^an? ", "", row.noun), value)):
            details[form.lower().replace("-", " ")] = (row.key, row.value)
    details["plain"] = details["solid"]
    return phrase_table(details)


def read_object(text: str) -> dict | None:
    """Parse a text that is a JSON object, None if it is not."""
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None
