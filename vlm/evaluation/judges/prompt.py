"""Ask a language model about the rubric, and turn its answer into a judgement.

The model decides and counts; the scores are computed here, as `metrics.rubric` defines them.
"""

from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

from vlm.evaluation.metrics.rubric import BEST, Judgement
from vlm.remote.parsing import parse_object
from vlm.remote.prompts import read_template, to_json

FILE = Path(__file__).with_name("prompt.txt")
PLACEHOLDERS = ("facts", "text", "answer")  # in the file: $facts, $text, $answer
COLUMNS = {  # a metric can be judged when the metadata has one of these columns
    "colour": ("baseColour",),
    "style": ("usage",),
    "category": ("articleType", "kind"),
    "gender": ("gender",),
}
FIELDS = {  # the answer's fields for each metric: a yes/no decision, or counts (all, correct)
    "colour": ("item_colours", "right_colours"),
    "style": "style",
    "category": "category",
    "gender": "gender",
    "factual": ("details_mentioned", "details_backed"),
}
NO_METADATA = "the metadata has none of colour, kind, usage and gender"
YES_NO = {"true": True, "yes": True, "false": False, "no": False}
MAX_COUNT = 1000  # colours or details; more than any description has
MAX_REASON = 300  # characters


def read_prompt(path: str = "") -> str:
    """Read the rubric from our file or the user's.

    Raises:
        UserError: when the file cannot be read or lacks a placeholder.
    """
    where = "where the metadata, the description and the answer's format belong"
    return read_template(Path(path) if path else FILE, PLACEHOLDERS, "judge's prompt", where)


def judgeable_metrics(facts: Mapping[str, str]) -> tuple[str, ...]:
    """The metrics that the metadata allows to judge; empty without any column of `COLUMNS`."""
    metrics = [name for name, keys in COLUMNS.items() if any(facts.get(key) for key in keys)]
    return (*metrics, "factual") if metrics else ()


def fill_prompt(prompt: str, text: str, facts: Mapping[str, str]) -> str:
    """Build the question about one description.

    A line that begins with a metric in brackets, such as `[colour]`, is used only if that metric
    can be judged. Metadata and description are inserted as JSON, so neither can escape its line.
    """
    metrics = judgeable_metrics(facts)
    lines = [_select_line(line, metrics) for line in prompt.strip().splitlines()]
    metadata = {key: value for key, value in facts.items() if value}
    template = Template("\n".join(line for line in lines if line is not None))
    return template.safe_substitute(
        facts=to_json(metadata), text=to_json(text), answer=answer_format(metrics)
    )


def _select_line(line: str, metrics: tuple[str, ...]) -> str | None:
    """The line without its bracket, None when its metric cannot be judged."""
    for name in FIELDS:
        if line.startswith(f"[{name}]"):
            return line.removeprefix(f"[{name}]").lstrip() if name in metrics else None
    return line


def answer_format(metrics: tuple[str, ...]) -> str:
    """The answer's format for the model: `{"item_colours": NUMBER, ..., "why": "..."}`."""
    parts = []
    for name in metrics:
        fields = FIELDS[name]
        if isinstance(fields, tuple):
            parts += [f'"{field}": NUMBER' for field in fields]
        else:
            parts.append(f'"{fields}": true/false')
    return "{" + ", ".join([*parts, '"why": "..."']) + "}"


def parse_judgement(answer: str, facts: Mapping[str, str]) -> Judgement:
    """Compute the judgement from a model's answer.

    Raises:
        TruncatedAnswer: when its JSON breaks off.
        ValueError: when it is prose, or a decision is missing or impossible.
    """
    decisions = parse_object(answer)
    scores = {name: _score(name, decisions) for name in judgeable_metrics(facts)}
    reason = " ".join(str(decisions.get("why") or "").split())
    return Judgement(**scores, why=reason[:MAX_REASON])


def _score(name: str, decisions: Mapping[str, Any]) -> float:
    fields = FIELDS[name]
    if not isinstance(fields, tuple):
        return BEST * _decision(fields, decisions.get(fields))
    total, correct = (_count(field, decisions.get(field)) for field in fields)
    if correct > total or (name == "colour" and not total):
        raise ValueError(f"JSON where {fields[1]} is {correct} of {fields[0]} {total}")
    return BEST * correct / total if total else 0.0


def _decision(field: str, value: Any) -> bool:
    value = YES_NO.get(value.strip().lower(), value) if isinstance(value, str) else value
    if isinstance(value, bool) or (isinstance(value, int) and value in (0, 1)):
        return bool(value)
    raise ValueError(f"JSON where {field} is {value!r:.40}, not true or false")


def _count(field: str, value: Any) -> int:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and value == value
    if not is_number or not 0 <= value <= MAX_COUNT or value != int(value):
        raise ValueError(f"JSON where {field} is {value!r:.40}, not a count")
    return int(value)
