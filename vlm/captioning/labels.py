"""Descriptions from metadata: a teacher and a refiner that need no model and no network."""

from vlm.captioning.review import checks
from vlm.errors import UserError
from vlm.types import Record

DESCRIPTIONS = ("brief", "describe", "detailed")  # tasks, the preferred one first


def describe(record: Record) -> str:
    """The description from the record's metadata, the shortest first.

    Raises:
        UserError: when it has none.
    """
    text = _description(record)
    if not text:
        raise UserError(
            f"Image {record.id} has no metadata to describe it by; use a model instead of labels."
        )
    return text


def caption(record: Record) -> str:
    """The text to review: the record's description, else its first answer, else an empty string."""
    return _description(record) or next((turn.answer for turn in record.turns), "")


def _description(record: Record) -> str:
    """The first answer to the preferred task that the record has, or an empty string."""
    answers = {turn.task: turn.answer for turn in reversed(record.turns)}
    return next((answers[task] for task in DESCRIPTIONS if task in answers), "")


def refine(record: Record, text: str) -> str:
    """The text itself if no check flags it, else the description from the metadata."""
    return describe(record) if checks.flags(text, record.facts) else text
