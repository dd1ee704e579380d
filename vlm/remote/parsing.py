"""Find the JSON object in a language model's answer."""

import json
from typing import Any

MAX_STARTS = 20  # opening braces at which an object is tried
MAX_QUOTED = 60  # characters of an answer that an error message quotes


class TruncatedAnswer(ValueError):
    """The answer contains JSON that breaks off: the same question may succeed next time."""


def parse_object(text: str) -> dict[str, Any]:
    """Return the first JSON object in an answer, ignoring code fences and prose around it.

    Raises:
        TruncatedAnswer: when an object begins and does not end.
        ValueError: when there is none; the message quotes the beginning of the answer.
    """
    start, decoder = text.find("{"), json.JSONDecoder()
    first = start
    for _ in range(MAX_STARTS):
        if start < 0:
            break
        try:
            return decoder.raw_decode(text, start)[0]
        except (ValueError, RecursionError):
            start = text.find("{", start + 1)
    if first >= 0 and "}" not in text[first:]:
        raise TruncatedAnswer(f"truncated JSON: {quote(text[first:])}")
    raise ValueError(f"prose: {quote(text)}" if text.strip() else "an empty answer")


def quote(text: str) -> str:
    """The beginning of a text, on one line and in quotes."""
    line = " ".join(text.split())
    return repr(line if len(line) <= MAX_QUOTED else line[: MAX_QUOTED - 1] + "…")
