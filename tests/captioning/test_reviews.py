"""Reviewers' decisions are appended, undone and applied, and their agreement is measured."""

import json
from pathlib import Path

import pytest

from vlm.captioning.review import reviews
from vlm.captioning.review.reviews import Review, Reviews
from vlm.errors import UserError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / reviews.FILE


def decide(path: Path, *decisions: tuple) -> Reviews:
    """Append decisions to the file."""
    decided = Reviews(path)
    for decision in decisions:
        decided.add(Review(*decision))
    return decided


def test_the_last_decision_counts_and_is_read_back(path: Path) -> None:
    decide(path, ("1", "ada", "reject", "", "other"), ("1", "ada", "approve"), ("2", "ada", "skip"))
    by_ada = Reviews(path).by("ada")
    assert by_ada["1"].decision == "approve" and by_ada["2"].decision == "skip"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(rows) == 3 and all(row["time"].startswith("20") for row in rows)


def test_an_undo_removes_the_reviewers_own_last_decision(path: Path) -> None:
    decided = decide(path, ("1", "ada", "approve"), ("1", "bob", "reject", "", "other"))
    decided.add(Review("-", "ada", "undo"))
    for either in (decided, Reviews(path)):
        assert not either.by("ada") and either.by("bob")["1"].decision == "reject"
    with pytest.raises(UserError, match="nothing to undo"):
        decided.add(Review("-", "ada", "undo"))
    assert len(path.read_text().splitlines()) == 3  # nothing is ever removed from the file


def test_reviews_are_applied(path: Path) -> None:
    decided = decide(
        path,
        ("1", "ada", "edit", "A red tie."),
        ("2", "ada", "reject", "", "other"),
        ("3", "ada", "approve"),
        ("4", "ada", "skip"),
        ("1", "bob", "skip"),
    )
    texts = {id: reviews.apply(decided.final().get(id), "A tie.") for id in "12345"}
    assert texts == {"1": "A red tie.", "2": None, "3": "A tie.", "4": "A tie.", "5": "A tie."}
    assert reviews.summary(decided, "12345") == "1 approved, 1 edited, 1 rejected, 2 left"


def test_agreement_is_measured_on_images_that_both_decided_about(path: Path) -> None:
    decided = Reviews(path)
    for number in range(20):
        decided.add(Review(str(number), "ada", "approve" if number % 2 else "reject", "", "other"))
        decided.add(Review(str(number), "bob", "approve" if number % 2 else "edit", "Other words."))
    decided.add(Review("99", "ada", "approve"))
    kappa = decided.agreement("ada", "bob")
    assert kappa.mean == 1 and kappa.n == 20
    assert decided.agreement("ada", "eve") is None and decided.reviewers() == ["ada", "bob"]


@pytest.mark.parametrize(
    ("decision", "sentence"),
    [
        (("1", "ada", "love"), "'love' is not a decision"),
        (("", "ada", "approve"), "needs an image and your name"),
        (("1", "  ", "approve"), "needs an image and your name"),
        (("1", "ada", "edit", " "), "edited text is empty"),
        (("1", "ada", "reject"), "needs a reason, such as: wrong colour"),
        (("1", "ada", "edit", "long " * 500), "2,500 characters is too long; use at most 1,000"),
    ],
)
def test_an_invalid_decision_is_a_user_error_and_not_saved(decision, sentence, path: Path) -> None:
    with pytest.raises(UserError, match=sentence):
        decide(path, decision)
    assert not path.exists()


@pytest.mark.parametrize("cut", range(1, 120, 5))
def test_a_torn_file_loses_no_complete_decision(cut: int, path: Path) -> None:
    decide(path, *((str(number), "ada", "approve") for number in range(5)))
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    complete = whole[:-cut].count(b"\n")
    decided = decide(path, ("9", "bob", "approve"))
    assert len(decided.by("ada")) in (complete, complete + 1)
    assert set(Reviews(path).by("bob")) == {"9"}
    assert Reviews(path).by("ada") == decided.by("ada")


def test_other_rows_are_ignored(path: Path) -> None:
    path.parent.mkdir()
    path.write_text('[1]\n{"id": 1}\n{"id": "1", "reviewer": "a", "decision": "love"}\nx\n')
    assert not Reviews(path).reviewers()
