"""Prompts for language models: chat messages, templates with placeholders, values as JSON."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

from vlm.errors import UserError

Messages = Sequence[Mapping[str, Any]]  # a chat in the OpenAI format: role and content

JSON_REMINDER = "Answer with the JSON object only, without any other word."


def read_template(file: Path, placeholders: Sequence[str], what: str, where: str) -> str:
    """Read a text file and check that it has all placeholders, such as `$text`.

    Args:
        what: the kind of template, for error messages.
        where: where the placeholders belong, for error messages.

    Raises:
        UserError: when the file cannot be read or lacks a placeholder.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UserError(f"The {what} {file} cannot be read as text: {error}.") from None
    present = Template(text).get_identifiers()
    missing = [f"${name}" for name in placeholders if name not in present]
    if missing:
        *first, last = (f"${name}" for name in placeholders)
        required = f"{', '.join(first)} and {last}" if first else last
        raise UserError(
            f"The {what} {file} lacks {', '.join(missing)}; it must contain {required} {where}."
        )
    return text


def to_json(value: Any) -> str:
    """Encode as JSON; halves of surrogate pairs, which no request can carry, become "?"."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace").decode()
