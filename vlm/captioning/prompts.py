"""The two prompts of MODA's data: Prompt I for the teacher, Prompt II for the refiner.

Both are text files that can be replaced; `$answer` is the answer's format, `$facts` the metadata,
`$text` the description to refine. Values are inserted as JSON, so none can escape its line.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

from vlm.remote.parsing import parse_object
from vlm.remote.prompts import read_template, to_json

FILES = {name: Path(__file__).with_name(f"{name}.txt") for name in ("describe", "refine")}
PLACEHOLDERS = {"describe": ("answer",), "refine": ("facts", "text", "answer")}
FIELDS = ("description", "gender", "category", "colour", "usage")
ANSWER_FORMAT = "{" + ", ".join(f'"{field}": "..."' for field in FIELDS) + "}"
MAX_CHARACTERS = 800  # per field


def read(name: str, path: str = "") -> str:
    """Read a prompt from our file or the user's.

    Raises:
        UserError: when the file cannot be read or lacks a placeholder.
    """
    file = Path(path) if path else FILES[name]
    return read_template(file, PLACEHOLDERS[name], "prompt", "where they belong").strip()


def fill(prompt: str, facts: Mapping[str, str], text: str = "") -> str:
    """Build the question about one image."""
    metadata = {key: value for key, value in facts.items() if value}
    return Template(prompt).safe_substitute(
        facts=to_json(metadata), text=to_json(text), answer=ANSWER_FORMAT
    )


def prompt_hash(prompt: str) -> str:
    """The first 12 hexadecimal digits of the prompt's SHA-256."""
    return hashlib.sha256(prompt.encode()).hexdigest()[:12]


def parse_answer(answer: str) -> dict[str, str]:
    """Return an answer's fields.

    Raises:
        TruncatedAnswer: when its JSON breaks off.
        ValueError: when it is prose, or has no description.
    """
    values = parse_object(answer)
    fields = {key: _plain_text(values[key]) for key in FIELDS if values.get(key) not in (None, "")}
    if not fields.get("description"):
        raise ValueError("JSON without a description")
    return fields


def _plain_text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return " ".join(text.split())[:MAX_CHARACTERS]
