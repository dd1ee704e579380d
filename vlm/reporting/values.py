"""Checked values from JSON files that anyone may have written: right type, bounded size."""

import re
from collections.abc import Mapping
from typing import Any

BIGGEST = 1e15  # far above any count of tokens and any score
LONGEST = 2000  # characters of a text


def is_number(value: object) -> bool:
    """Return True for a finite number of a plausible size."""
    real = isinstance(value, int | float) and not isinstance(value, bool)
    return real and -BIGGEST < value < BIGGEST  # NaN compares false


def is_estimate(value: object) -> bool:
    """Return True for an object with a mean and the two ends of its interval."""
    keys = ("mean", "low", "high")
    return isinstance(value, Mapping) and all(is_number(value.get(key)) for key in keys)


def as_text(value: object) -> str:
    """Return the value as text, cut to LONGEST characters; None becomes an empty string."""
    text = "" if value is None else str(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def as_dict(value: object) -> dict[str, Any]:
    """Return a JSON object as it is, anything else as an empty one."""
    return dict(value) if isinstance(value, Mapping) else {}


def as_list(value: object) -> list[Any]:
    """Return a JSON array as it is, anything else as an empty one."""
    return value if isinstance(value, list) else []


def column_label(name: object) -> str:
    """Return a column's name as words: "articleType" -> "Article type"."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|[_-]+", " ", as_text(name)).lower()
    return spaced[:1].upper() + spaced[1:]
