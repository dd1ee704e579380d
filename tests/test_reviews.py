"""Decisions about descriptions: appended, taken back, applied, and how far reviewers agree."""

import json
from pathlib import Path

import pytest

from vlm.errors import UserError
from vlm.teach import reviews
from vlm.teach.reviews import Review, Reviews


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / reviews.FILE


def made(path: Path, *decisions: tuple) -> Reviews:
    found = Reviews(path)
    for decision in decisions:
        found.add(Review(*decision))
    return found


def test_the_last_decision_counts_and_survives_on_the_disk(path: Path) -> None:
    made(path, ("1", "ada", "reject", "", "other"), ("1", "ada", "approve"), ("2", "ada", "skip"))
    again = Reviews(path)
    assert again.of("ada")["1"].decision == "approve" and again.of("ada")["2"].decision == "skip"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(rows) == 3 and all(row["time"].startswith("20") for row in rows)


def test_an_undo_takes_back_ones_own_last_decision(path: Path) -> None:
    found = made(path, ("1", "ada", "approve"), ("1", "bob", "reject", "", "other"))
    found.add(Review("-", "ada", "undo"))
    for reading in (found, Reviews(path)):
        assert not reading.of("ada") and reading.of("bob")["1"].decision == "reject"
    with pytest.raises(UserError, match="nothing to take back"):
        found.add(Review("-", "ada", "undo"))
    assert len(path.read_text().splitlines()) == 3  # nothing is ever removed from the file


def test_reviews_are_applied(path: Path) -> None:
    found = made(
        path, ("1", "ada", "edit", "A red tie."), ("2", "ada", "reject", "", "other"),
        ("3", "ada", "approve"), ("4", "ada", "skip"), ("1", "bob", "skip"),
    )  # fmt: skip
    texts = {id: reviews.apply(found.settled().get(id), "A tie.") for id in "12345"}
    assert texts == {"1": "A red tie.", "2": None, "3": "A tie.", "4": "A tie.", "5": "A tie."}
    assert reviews.summary(found, "12345") == "1 approved, 1 edited, 1 rejected, 2 left"


def test_agreement_is_over_what_both_decided(path: Path) -> None:
    found = Reviews(path)
    for number in range(20):
        found.add(Review(str(number), "ada", "approve" if number % 2 else "reject", "", "other"))
        found.add(Review(str(number), "bob", "approve" if number % 2 else "edit", "Other words."))
    found.add(Review("99", "ada", "approve"))
    assert found.agreement("ada", "bob").mean == 1 and found.agreement("ada", "bob").n == 20
    assert found.agreement("ada", "eve") is None and found.reviewers() == ["ada", "bob"]


@pytest.mark.parametrize(
    ("decision", "sentence"),
    [
        (("1", "ada", "love"), "'love' is no decision"),
        (("", "ada", "approve"), "needs a picture and your name"),
        (("1", "  ", "approve"), "needs a picture and your name"),
        (("1", "ada", "edit", " "), "edited text is empty"),
        (("1", "ada", "reject"), "needs a reason, such as: wrong colour"),
        (("1", "ada", "edit", "long " * 500), "at most 1,000 letters"),
    ],
)
def test_a_wrong_decision_is_one_sentence_and_is_not_kept(decision, sentence, path: Path) -> None:
    with pytest.raises(UserError, match=sentence):
        made(path, decision)
    assert not path.exists()


@pytest.mark.parametrize("cut", range(1, 120, 5))
def test_a_torn_file_loses_no_complete_decision(cut: int, path: Path) -> None:
    made(path, *((str(number), "ada", "approve") for number in range(5)))
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    complete = whole[:-cut].count(b"\n")
    found = made(path, ("9", "bob", "approve"))
    assert len(found.of("ada")) in (complete, complete + 1)
    assert set(Reviews(path).of("bob")) == {"9"}
    assert Reviews(path).of("ada") == found.of("ada")


def test_rows_of_another_program_are_left_out(path: Path) -> None:
    path.parent.mkdir()
    path.write_text('[1]\n{"id": 1}\n{"id": "1", "reviewer": "a", "decision": "love"}\nx\n')
    assert not Reviews(path).reviewers()
