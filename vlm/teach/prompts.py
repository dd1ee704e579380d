"""The two questions of MODA's data: Prompt I to the teacher, Prompt II to the refiner.

Both are text files that can be replaced; `$answer` is the form of the answer, `$facts` what is
known, `$text` the description to refine. What goes in goes in as JSON, so that it ends nothing.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

from vlm.answers import read_object
from vlm.judges.prompt import as_json, read_template

FILES = {name: Path(__file__).with_name(f"{name}.txt") for name in ("describe", "refine")}
NEEDED = {"describe": ("answer",), "refine": ("facts", "text", "answer")}
FIELDS = ("description", "gender", "category", "colour", "usage")
FORM = "{" + ", ".join(f'"{field}": "..."' for field in FIELDS) + "}"
LONGEST = 800  # letters of a field


def read(name: str, path: str = "") -> str:
    """The text of a question, ours or the user's.

    Raises:
        UserError: when the file cannot be read or lacks a placeholder.
    """
    file = Path(path) if path else FILES[name]
    return read_template(file, NEEDED[name], "prompt", "where they go").strip()


def fill(prompt: str, facts: Mapping[str, str], text: str = "") -> str:
    """The question about one picture."""
    known = {key: value for key, value in facts.items() if value}
    return Template(prompt).safe_substitute(facts=as_json(known), text=as_json(text), answer=FORM)


def digest(prompt: str) -> str:
    """The first 12 hexadecimal digits of a question's SHA-256."""
    return hashlib.sha256(prompt.encode()).hexdigest()[:12]


def fields(answer: str) -> dict[str, str]:
    """What an answer says, by field.

    Raises:
        CutOff: when its JSON ends half-way.
        ValueError: when it is prose, or has no description.
    """
    found = read_object(answer)
    said = {key: _plain(found[key]) for key in FIELDS if found.get(key) not in (None, "")}
    if not said.get("description"):
        raise ValueError("JSON without a description")
    return said


def _plain(value: Any) -> str:
    words = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return " ".join(words.split())[:LONGEST]
