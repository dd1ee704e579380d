"""The rubric as a question to a language model, and its answer as a judgement.

The model decides and counts; the marks are computed here, as `vlm.metrics.rubric` defines them.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

from vlm.answers import read_object
from vlm.errors import UserError
from vlm.metrics.rubric import BEST, Judgement

FILE = Path(__file__).with_name("prompt.txt")
NEEDED = ("facts", "text", "answer")  # the file's placeholders: $facts, $text, $answer
COLUMNS = {  # a metric can be judged when the metadata has one of these
    "colour": ("baseColour",),
    "style": ("usage",),
    "category": ("articleType", "kind"),
    "gender": ("gender",),
}
FIELDS = {  # what is asked of the model for each metric; a pair is (all of them, the right ones)
    "colour": ("item_colours", "right_colours"),
    "style": "style",
    "category": "category",
    "gender": "gender",
    "factual": ("details_mentioned", "details_backed"),
}
NONE = "the metadata has none of colour, kind, usage and gender"
WORDS = {"true": True, "yes": True, "false": False, "no": False}
MOST = 1000  # more colours or details than any description has


def read_prompt(path: str = "") -> str:
    """The rubric's text, from our own file or the user's.

    Raises:
        UserError: when the file cannot be read or lacks a placeholder.
    """
    rest = "where the metadata, the description and the form of the answer go"
    return read_template(Path(path) if path else FILE, NEEDED, "judge's prompt", rest)


def read_template(file: Path, needed: Sequence[str], what: str, where: str) -> str:
    """A text with placeholders such as `$text`.

    Args:
        what, where: the words for it, and for where its placeholders stand, in a sentence.

    Raises:
        UserError: when the file cannot be read or lacks a placeholder.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UserError(f"The {what} {file} cannot be read as text: {error}.") from None
    known, names = Template(text).get_identifiers(), [f"${name}" for name in needed]
    missing = [name for name in names if name[1:] not in known]
    if missing:
        every = " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
        raise UserError(
            f"The {what} {file} lacks {', '.join(missing)}; write all of {every} {where}."
        )
    return text


def judgeable(facts: Mapping[str, str]) -> tuple[str, ...]:
    """The metrics that the metadata leaves something to judge by; none without any of `COLUMNS`."""
    found = [name for name, keys in COLUMNS.items() if any(facts.get(key) for key in keys)]
    return (*found, "factual") if found else ()


def question(prompt: str, text: str, facts: Mapping[str, str]) -> str:
    """The prompt about one description.

    A line that begins with a metric in brackets, such as `[colour]`, is asked only when that metric
    can be judged. Metadata and description go in as JSON, so that neither can end its place.
    """
    metrics = judgeable(facts)
    lines = [_line(line, metrics) for line in prompt.strip().splitlines()]
    known = {key: value for key, value in facts.items() if value}
    asked = Template("\n".join(line for line in lines if line is not None))
    return asked.safe_substitute(facts=as_json(known), text=as_json(text), answer=form(metrics))


def _line(line: str, metrics: tuple[str, ...]) -> str | None:
    """The line without its bracket, None when its metric is not asked."""
    for name in FIELDS:
        if line.startswith(f"[{name}]"):
            return line.removeprefix(f"[{name}]").lstrip() if name in metrics else None
    return line


def as_json(value: Any) -> str:
    """JSON without halves of surrogate pairs, which no request can carry."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace").decode()


def form(metrics: tuple[str, ...]) -> str:
    """What the answer looks like: `{"item_colours": NUMBER, ..., "why": "..."}`."""
    parts = []
    for name in metrics:
        fields = FIELDS[name]
        pair = isinstance(fields, tuple)
        parts += [f'"{field}": NUMBER' for field in fields] if pair else [f'"{fields}": true/false']
    return "{" + ", ".join([*parts, '"why": "..."']) + "}"


def verdict(answer: str, facts: Mapping[str, str]) -> Judgement:
    """The judgement that an answer stands for.

    Raises:
        CutOff: when its JSON ends half-way.
        ValueError: when it is prose, or a decision is missing or impossible.
    """
    found = read_object(answer)
    scores = {name: _score(name, found) for name in judgeable(facts)}
    return Judgement(**scores, why=" ".join(str(found.get("why") or "").split())[:300])


def _score(name: str, found: Mapping[str, Any]) -> float:
    fields = FIELDS[name]
    if not isinstance(fields, tuple):
        return BEST * _decision(fields, found.get(fields))
    whole, part = (_count(field, found.get(field)) for field in fields)
    if part > whole or (name == "colour" and not whole):
        raise ValueError(f"JSON where {fields[1]} is {part} of {fields[0]} {whole}")
    return BEST * part / whole if whole else 0.0


def _decision(field: str, value: Any) -> bool:
    value = WORDS.get(value.strip().lower(), value) if isinstance(value, str) else value
    if isinstance(value, bool) or (isinstance(value, int) and value in (0, 1)):
        return bool(value)
    raise ValueError(f"JSON where {field} is {value!r:.40}, not true or false")


def _count(field: str, value: Any) -> int:
    whole = isinstance(value, int | float) and not isinstance(value, bool) and value == value
    if not whole or not 0 <= value <= MOST or value != int(value):
        raise ValueError(f"JSON where {field} is {value!r:.40}, not a count")
    return int(value)
