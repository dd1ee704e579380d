"""Descriptions out of metadata: a teacher and a refiner that need no model and no network."""

from vlm.errors import UserError
from vlm.teach import checks
from vlm.types import Record

NAME = "labels"
DESCRIPTIONS = ("brief", "describe", "detailed")  # tasks, the best one first


def describe(record: Record) -> str:
    """The record's own description, the short one first.

    Raises:
        UserError: when it has none.
    """
    found = _description(record)
    if not found:
        raise UserError(f"Picture {record.id} has no metadata to describe it by; name a model.")
    return found


def caption(record: Record) -> str:
    """What the data set says of the picture: its description, else its first answer, else nothing.

    Of data that asks and answers the answer is what is looked through.
    """
    return _description(record) or next((turn.answer for turn in record.turns), "")


def _description(record: Record) -> str:
    """The first answer to the best task that it has; empty without any."""
    told = {turn.task: turn.answer for turn in reversed(record.turns)}
    return next((told[task] for task in DESCRIPTIONS if task in told), "")


def refine(record: Record, text: str) -> str:
    """The text where nothing about it is doubtful, else the metadata's own description."""
    return describe(record) if checks.flags(text, record.facts) else text
