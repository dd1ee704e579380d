"""reviews.jsonl: what people decided about descriptions, appended; the source is never changed.

A row: id, reviewer, decision (approve, edit, reject, skip or undo), when, for an edit the new text,
for a rejection the reason. A reviewer's last decision about a picture counts; an undo takes the one
before it back.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from vlm import runs
from vlm.errors import UserError
from vlm.metrics import intervals
from vlm.metrics.intervals import Estimate

FILE = "reviews.jsonl"
APPROVE, EDIT, REJECT, SKIP, UNDO = "approve", "edit", "reject", "skip", "undo"
DECISIONS = (APPROVE, EDIT, REJECT, SKIP)
REASONS = ("wrong colour", "wrong kind", "wrong gender", "read off the picture", "about a person",
           "bad language", "bad picture", "other")  # fmt: skip
LONGEST = 1000  # letters of a text, a name or a reason


class Review(NamedTuple):
    """One decision of one reviewer; `text` is an edit's, `reason` a rejection's."""

    id: str
    reviewer: str
    decision: str
    text: str = ""
    reason: str = ""


class Reviews:
    """The decisions in a file; a line that a kill tore is left out."""

    def __init__(self, path: Path):
        self.path, self._made = path, []
        for row in runs.read_jsonl(path):
            if isinstance(row, dict) and (review := _of_row(row)):
                self._take(review)

    def add(self, review: Review) -> None:
        """Append a decision.

        Raises:
            UserError: for a decision that is none, an edit without text, a rejection without a
                reason, or an undo where nothing is left to take back.
        """
        _check(review)
        if review.decision == UNDO and not self.last(review.reviewer):
            raise UserError("There is nothing to take back.")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        runs.end_torn_line(self.path)
        runs.append_jsonl(self.path, review._asdict() | {"time": runs.now()})
        self._take(review)

    def last(self, reviewer: str) -> Review | None:
        """The reviewer's latest decision that was not taken back."""
        return next((made for made in reversed(self._made) if made.reviewer == reviewer), None)

    def of(self, reviewer: str) -> dict[str, Review]:
        """By id, what the reviewer decided last."""
        return {made.id: made for made in self._made if made.reviewer == reviewer}

    def reviewers(self) -> list[str]:
        """Everybody who decided something, in the order they came."""
        return list(dict.fromkeys(made.reviewer for made in self._made))

    def settled(self) -> dict[str, Review]:
        """By id, the last decision of anybody that is more than a skip."""
        return {made.id: made for made in self._made if made.decision != SKIP}

    def agreement(self, one: str, other: str) -> Estimate | None:
        """Cohen's kappa of "is it good as it is?" over what both reviewed; None without any."""
        first, second = self.of(one), self.of(other)
        both = [id for id in first if id in second and SKIP not in (first[id][2], second[id][2])]
        if not both:
            return None
        good = [[made[id].decision == APPROVE for id in both] for made in (first, second)]
        return intervals.kappa(*good)

    def _take(self, review: Review) -> None:
        """An undo removes the reviewer's last decision from the list, not from the file."""
        if review.decision != UNDO:
            self._made.append(review)
            return
        mine = [
            number for number, made in enumerate(self._made) if made.reviewer == review.reviewer
        ]
        if mine:
            del self._made[mine[-1]]


def apply(made: Review | None, text: str) -> str | None:
    """The text as a settled decision leaves it; None when the picture was rejected."""
    if made is None or made.decision == APPROVE:
        return text
    return made.text if made.decision == EDIT else None


def summary(reviews: Reviews, ids: Iterable[str]) -> str:
    """How many were approved, edited, rejected, and how many are left."""
    wanted = set(ids)
    made = [review.decision for id, review in reviews.settled().items() if id in wanted]
    counts = ", ".join(f"{made.count(name):,} {word}" for name, word in
                       ((APPROVE, "approved"), (EDIT, "edited"), (REJECT, "rejected")))  # fmt: skip
    return f"{counts}, {len(wanted) - len(made):,} left"


def _check(review: Review) -> None:
    if review.decision not in (*DECISIONS, UNDO):
        raise UserError(f"{review.decision!r} is no decision; take one of {', '.join(DECISIONS)}.")
    if not review.id or not review.reviewer.strip():
        raise UserError("A decision needs a picture and your name.")
    if review.decision == EDIT and not review.text.strip():
        raise UserError("The edited text is empty; write one, or reject the picture.")
    if review.decision == REJECT and not review.reason.strip():
        raise UserError(f"A rejection needs a reason, such as: {', '.join(REASONS)}.")
    if max(map(len, review)) > LONGEST:
        raise UserError(f"That is too long; at most {LONGEST:,} letters are kept.")


def _of_row(row: dict) -> Review | None:
    """The decision of a line; None when it is none."""
    values = [row.get(field, "") for field in Review._fields]
    if not all(isinstance(value, str) for value in values):
        return None
    review = Review(*values)
    return review if review.decision in (*DECISIONS, UNDO) else None
