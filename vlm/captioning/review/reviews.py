"""reviews.jsonl: reviewers' decisions about descriptions, appended; the data set is not changed.

A row contains the id, the reviewer, the decision (approve, edit, reject, skip or undo), the time,
the new text of an edit and the reason of a rejection. A reviewer's last decision about an image
counts; an undo removes the reviewer's previous decision.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from vlm.errors import UserError
from vlm.evaluation.metrics import intervals
from vlm.evaluation.metrics.intervals import Estimate
from vlm.system import files

FILE = "reviews.jsonl"
APPROVE, EDIT, REJECT, SKIP, UNDO = "approve", "edit", "reject", "skip", "undo"
DECISIONS = (APPROVE, EDIT, REJECT, SKIP)
REASONS = (
    "wrong colour",
    "wrong kind",
    "wrong gender",
    "quotes text in the picture",
    "about a person",
    "bad language",
    "bad picture",
    "other",
)
MAX_CHARACTERS = 1000  # of a text, a name or a reason


class Review(NamedTuple):
    """One decision; `text` belongs to an edit, `reason` to a rejection."""

    id: str
    reviewer: str
    decision: str
    text: str = ""
    reason: str = ""


class Reviews:
    """The decisions in a file; a line torn by a kill is ignored."""

    def __init__(self, path: Path):
        self.path, self._decisions = path, []
        for row in files.read_jsonl(path):
            if isinstance(row, dict) and (review := _read_row(row)):
                self._apply(review)

    def add(self, review: Review) -> None:
        """Append a decision.

        Raises:
            UserError: for an unknown decision, an edit without text, a rejection without a reason,
                or an undo without a previous decision.
        """
        _check(review)
        if review.decision == UNDO and not self.last(review.reviewer):
            raise UserError("There is nothing to undo.")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        files.end_torn_line(self.path)
        files.append_jsonl(self.path, review._asdict() | {"time": files.now()})
        self._apply(review)

    def last(self, reviewer: str) -> Review | None:
        """The reviewer's latest decision that was not undone."""
        return next((r for r in reversed(self._decisions) if r.reviewer == reviewer), None)

    def by(self, reviewer: str) -> dict[str, Review]:
        """The reviewer's last decisions by image id."""
        return {r.id: r for r in self._decisions if r.reviewer == reviewer}

    def reviewers(self) -> list[str]:
        """Everyone with a decision, in the order of their first ones."""
        return list(dict.fromkeys(r.reviewer for r in self._decisions))

    def final(self) -> dict[str, Review]:
        """The last decision of all reviewers by image id, not counting skips."""
        return {r.id: r for r in self._decisions if r.decision != SKIP}

    def agreement(self, one: str, other: str) -> Estimate | None:
        """Cohen's kappa of approval over the images that both decided about; None without any."""
        first, second = self.by(one), self.by(other)
        both = [
            id
            for id, review in first.items()
            if id in second and SKIP not in (review.decision, second[id].decision)
        ]
        if not both:
            return None
        approved = [[side[id].decision == APPROVE for id in both] for side in (first, second)]
        return intervals.kappa(*approved)

    def _apply(self, review: Review) -> None:
        """Add a decision to the list; an undo removes the reviewer's last one from it."""
        if review.decision != UNDO:
            self._decisions.append(review)
            return
        numbers = [n for n, r in enumerate(self._decisions) if r.reviewer == review.reviewer]
        if numbers:
            del self._decisions[numbers[-1]]


def apply(review: Review | None, text: str) -> str | None:
    """The text after a final decision; None when the image was rejected."""
    if review is None or review.decision == APPROVE:
        return text
    return review.text if review.decision == EDIT else None


def summary(reviews: Reviews, ids: Iterable[str]) -> str:
    """How many images were approved, edited and rejected, and how many are left."""
    wanted = set(ids)
    decisions = [review.decision for id, review in reviews.final().items() if id in wanted]
    counts = ", ".join(
        f"{decisions.count(name):,} {word}"
        for name, word in ((APPROVE, "approved"), (EDIT, "edited"), (REJECT, "rejected"))
    )
    return f"{counts}, {len(wanted) - len(decisions):,} left"


def _check(review: Review) -> None:
    if review.decision not in (*DECISIONS, UNDO):
        raise UserError(
            f"{review.decision!r} is not a decision; choose one of: {', '.join(DECISIONS)}."
        )
    if not review.id or not review.reviewer.strip():
        raise UserError("A decision needs an image and your name; enter your name.")
    if review.decision == EDIT and not review.text.strip():
        raise UserError("The edited text is empty; write one, or reject the image.")
    if review.decision == REJECT and not review.reason.strip():
        raise UserError(f"A rejection needs a reason, such as: {', '.join(REASONS)}.")
    longest = max(map(len, review))
    if longest > MAX_CHARACTERS:
        raise UserError(
            f"A text of {longest:,} characters is too long; use at most {MAX_CHARACTERS:,}."
        )


def _read_row(row: dict) -> Review | None:
    """The decision in a row, None when the row is not one."""
    values = [row.get(field, "") for field in Review._fields]
    if not all(isinstance(value, str) for value in values):
        return None
    review = Review(*values)
    return review if review.decision in (*DECISIONS, UNDO) else None
