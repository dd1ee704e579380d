"""A data set under review: its captions, the doubts about them, and the decisions."""

import os
import threading
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from vlm.captioning import labels
from vlm.captioning.review import checks, reviews
from vlm.captioning.review.checks import Flag
from vlm.captioning.review.reviews import Review, Reviews
from vlm.data import folder
from vlm.errors import UserError
from vlm.types import Record

VARIABLE = "VLM_REVIEW"  # environment variable: the folder to review
LEFT, DOUBTFUL, DONE, ALL = "left", "doubtful", "done", "all"
FILTERS = {
    LEFT: "Not yet reviewed",
    DOUBTFUL: "Doubtful, not yet reviewed",
    DONE: "Reviewed",
    ALL: "All",
}


class Item(NamedTuple):
    """A picture with its caption and the checks' doubts about it."""

    record: Record
    text: str
    flags: tuple[Flag, ...]


class Desk:
    """One data set under review; several reviewers may work on it at once.

    Raises:
        UserError: when the folder cannot be read as a data set.
    """

    def __init__(self, path: Path):
        parts = [folder.load(split, path) for split in folder.SPLITS]
        records = {record.id: record for part in parts for record in part.records}
        items = {id: _make_item(record) for id, record in records.items()}
        self.items = {id: item for id, item in items.items() if item.text}
        if not self.items:
            raise UserError(
                f"{path} has no captions to review; give a folder made by `loupe caption`."
            )
        self.positions = {id: position for position, id in enumerate(self.items)}
        self.reviews, self._lock = Reviews(path / reviews.FILE), threading.Lock()

    def list_ids(self, which: str, reviewer: str) -> list[str]:
        """Return the picture ids that a filter keeps, in the order of the data set."""
        mine = self.reviews.by(reviewer)
        keep = {
            LEFT: lambda id: id not in mine,
            DOUBTFUL: lambda id: id not in mine and self.items[id].flags,
            DONE: lambda id: id in mine,
        }.get(which, lambda id: True)
        return [id for id in self.items if keep(id)]

    def find_next_id(self, which: str, reviewer: str, id: str = "") -> str:
        """Return the next picture id of a filter, starting over after the last; "" for none."""
        ids, position = self.list_ids(which, reviewer), self.positions.get(id, -1)
        later = (other for other in ids if self.positions[other] > position)
        return next(iter([*later, *ids]), "")

    def decide(self, review: Review) -> str:
        """Save a decision; return the id of the picture that it decides or resets.

        Raises:
            UserError: see `Reviews.add`.
        """
        with self._lock:
            previous = self.reviews.last(review.reviewer)
            self.reviews.add(review)
        return previous.id if review.decision == reviews.UNDO and previous else review.id

    def get_text(self, id: str, reviewer: str) -> str:
        """Return the caption, with this reviewer's edit if there is one."""
        review = self.reviews.by(reviewer).get(id)
        return review.text if review and review.decision == reviews.EDIT else self.items[id].text

    def summarize_progress(self, reviewer: str) -> str:
        """Return one line: pictures reviewed, decisions, and agreement with other reviewers."""
        done, total = len(self.reviews.by(reviewer).keys() & self.items), len(self.items)
        lines = [f"{done:,} of {total:,} by you", reviews.summary(self.reviews, self.items)]
        for other in self.reviews.reviewers():
            kappa = self.reviews.agreement(reviewer, other) if other != reviewer else None
            if kappa:
                lines.append(f"agreement with {other}: kappa {kappa.mean:.2f} over {kappa.n:,}")
        return " · ".join(lines)


def _make_item(record: Record) -> Item:
    text = labels.caption(record)
    return Item(record, text, tuple(checks.flags(text, record.facts)))


@lru_cache(maxsize=1)
def _open(path: str) -> Desk:
    return Desk(Path(path))


def get_desk() -> Desk | None:
    """Return the desk for $VLM_REVIEW, opened once; None when the variable is not set."""
    path = os.environ.get(VARIABLE)
    return _open(path) if path else None
