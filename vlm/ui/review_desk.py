"""What the Review tab works on: a data set's captions with their doubts, and what was decided."""

import os
import threading
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from vlm.data import folder
from vlm.errors import UserError
from vlm.teach import checks, labels, reviews
from vlm.teach.checks import Flag
from vlm.teach.reviews import Review, Reviews
from vlm.types import Record

VARIABLE = "VLM_REVIEW"  # of the environment: the folder that is reviewed
LEFT, DOUBTFUL, DONE, ALL = "left", "doubtful", "done", "all"
FILTERS = {LEFT: "Not yet reviewed", DOUBTFUL: "Doubtful, not yet reviewed",
           DONE: "Reviewed", ALL: "All"}  # fmt: skip


class Item(NamedTuple):
    """A picture with its caption and the doubts about it."""

    record: Record
    text: str
    flags: tuple[Flag, ...]


class Desk:
    """One data set under review; several people may work at it at once.

    Raises:
        UserError: when the folder cannot be read as a data set.
    """

    def __init__(self, place: Path):
        parts = [folder.load(split, place) for split in folder.SPLITS]
        records = {record.id: record for part in parts for record in part.records}
        items = {id: _item(record) for id, record in records.items()}
        self.items = {id: item for id, item in items.items() if item.text}
        if not self.items:
            raise UserError(f"{place} has no caption to review; give a folder of `vlm caption`.")
        self.places = {id: place for place, id in enumerate(self.items)}
        self.reviews, self._lock = Reviews(place / reviews.FILE), threading.Lock()

    def ids(self, which: str, reviewer: str) -> list[str]:
        """The pictures of a filter, in the order of the data set."""
        mine = self.reviews.of(reviewer)
        wanted = {
            LEFT: lambda id: id not in mine,
            DOUBTFUL: lambda id: id not in mine and self.items[id].flags,
            DONE: lambda id: id in mine,
        }.get(which, lambda id: True)
        return [id for id in self.items if wanted(id)]

    def after(self, which: str, reviewer: str, id: str = "") -> str:
        """The next picture of a filter, from the beginning again after the last; "" for none."""
        wanted, place = self.ids(which, reviewer), self.places.get(id, -1)
        later = (other for other in wanted if self.places[other] > place)
        return next(iter([*later, *wanted]), "")

    def decide(self, review: Review) -> str:
        """Keep a decision; the id of the picture it is about, for an undo the one it was about.

        Raises:
            UserError: see `Reviews.add`.
        """
        with self._lock:
            before = self.reviews.last(review.reviewer)
            self.reviews.add(review)
        return before.id if review.decision == reviews.UNDO and before else review.id

    def text(self, id: str, reviewer: str) -> str:
        """The caption as this reviewer left it."""
        made = self.reviews.of(reviewer).get(id)
        return made.text if made and made.decision == reviews.EDIT else self.items[id].text

    def progress(self, reviewer: str) -> str:
        """How far it is, and how far this reviewer agrees with the others."""
        done, total = len(self.reviews.of(reviewer).keys() & self.items), len(self.items)
        lines = [f"{done:,} of {total:,} by you", reviews.summary(self.reviews, self.items)]
        for other in self.reviews.reviewers():
            found = self.reviews.agreement(reviewer, other) if other != reviewer else None
            if found:
                lines.append(f"agreement with {other}: kappa {found.mean:.2f} over {found.n:,}")
        return " · ".join(lines)


def _item(record: Record) -> Item:
    text = labels.caption(record)
    return Item(record, text, tuple(checks.flags(text, record.facts)))


@lru_cache(maxsize=1)
def _opened(place: str) -> Desk:
    return Desk(Path(place))


def desk() -> Desk | None:
    """The desk of $VLM_REVIEW, opened once; None where nothing is to be reviewed."""
    place = os.environ.get(VARIABLE)
    return _opened(place) if place else None
