"""Reads what an answer says: yes or no, that it is not sure, which details it names."""

import json
import re
from functools import cache

from vlm.data import words
from vlm.data.words import DETAILS

YES_NO = r"\W*(?:(yes)\b|no\b(?=\W*$|[^\w\s]| (?:it|they|this|that|these|the)\b))"
UNKNOWN = "unknown"  # the kind of what nobody knows, in facts and in JSON answers
DOUBT = (
    r"\b(?:not (?:sure|certain)|unsure|uncertain|(?:do not|don't) know|(?:cannot|can't) tell) what "
    r"(?:(?:this|it|that|the picture|the image) (?:shows|is|depicts)|is (?:shown|here))\b"
    rf'|"type": ?"{UNKNOWN}"'
)


def read_yes_no(text: str) -> bool | None:
    """What an answer says: it must begin with yes or no ("No sleeves" says neither)."""
    found = re.match(YES_NO, text.lower())
    return None if found is None or is_unsure(text) else found[1] == "yes"


def is_unsure(text: str) -> bool:
    """True when the text says that it is not clear what the picture shows (JSON: type unknown)."""
    plain = " ".join(text.lower().replace("’", "'").split())
    return bool(re.search(DOUBT, plain))


def read_details(text: str) -> dict[str, str]:
    """The details that a text (or JSON) names: pattern, neckline, sleeve, fit, material, style.

    Read are the forms of `words.DETAILS`: adjective, noun, and the value unless it is an everyday
    word. The first of each key counts, at its longest; what is denied ("not striped") does not.
    """
    if (record := read_object(text)) is not None:
        return {row.key: row.value for row in DETAILS if record.get(row.key) == row.value}
    forms, longest = _detail_forms()
    tokens = re.findall(r"[a-z0-9]+|[^\sa-z0-9-]", text.lower())
    found: dict[str, str] = {}
    start = 0
    while start < len(tokens):
        size = longest
        while size and " ".join(tokens[start : start + size]) not in forms:
            size -= 1
        if size and not _denied(tokens[max(0, start - 2) : start]):
            found.setdefault(*forms[" ".join(tokens[start : start + size])])
        start += size or 1
    return found


def _denied(before: list[str]) -> bool:
    """True when the words before end with a denial, with or without an article after it."""
    while before and before[-1] in ("a", "an", "any"):
        before = before[:-1]
    return bool(before) and before[-1] in words.DENIALS


def read_object(text: str) -> dict | None:
    """The JSON object that a text is, None when it is none."""
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


@cache
def _detail_forms() -> tuple[dict[str, tuple[str, str]], int]:
    """Spelling without hyphens -> the key and value it stands for; the most words of one."""
    forms: dict[str, tuple[str, str]] = {}
    for row in DETAILS:
        value = "" if row.value in words.EVERYDAY else row.value
        for form in filter(None, (row.adjective, re.sub("^an? ", "", row.noun), value)):
            forms[form.lower().replace("-", " ")] = (row.key, row.value)
    forms["plain"] = forms["solid"]
    return forms, max(form.count(" ") + 1 for form in forms)
