"""Negatives: reproducible and varied pictures, all answered with "I am not sure"."""

import json

import numpy as np
import pytest

from vlm.data.images import open_image
from vlm.data.negatives import dataset as negatives
from vlm.errors import UserError
from vlm.evaluation.metrics.replies import (
    is_unsure,
    read_back,
    read_details,
    read_kind,
    read_yes_no,
)
from vlm.types import Record

FAMILIES = [
    *(("train", name) for name in negatives.SEEN),
    *(("validation", name) for name in negatives.UNSEEN),
]


def first_numbers(split: str, family: str, count: int) -> list[int]:
    """Return the first picture numbers of a family."""
    numbers = (n for n in range(10_000) if negatives.get_family(split, n) == family)
    return [next(numbers) for _ in range(count)]


def shrink(data: bytes) -> np.ndarray:
    """Return the picture as float [24, 24, 3]."""
    return np.asarray(open_image(data).resize((24, 24)), np.float32)


@pytest.fixture(scope="module")
def records() -> tuple[Record, ...]:
    train, validation = (negatives.load(split, limit=70) for split in negatives.COUNTS)
    return train.records + validation.records


def test_splits_have_fixed_sizes_and_distinct_ids(monkeypatch) -> None:
    assert negatives.COUNTS == {"train": 3000, "validation": 500}
    monkeypatch.setattr(negatives, "draw", lambda split, number: b"")
    train, validation = negatives.load("train"), negatives.load("validation")
    ids = {record.id for record in (*train.records, *validation.records)}
    assert (len(train.records), len(validation.records), len(ids)) == (3000, 500, 3500)
    families = [record.facts["family"] for record in validation.records]
    assert sum(name in negatives.UNSEEN for name in families) == 250
    assert not {record.facts["family"] for record in train.records} & set(negatives.UNSEEN)


def test_families_are_equally_frequent(monkeypatch) -> None:
    monkeypatch.setattr(negatives, "draw", lambda split, number: b"")
    for split, names in (("train", negatives.SEEN), ("validation", negatives.UNSEEN)):
        families = [record.facts["family"] for record in negatives.load(split).records]
        counts = [families.count(name) for name in names]
        assert max(counts) - min(counts) <= 1


def test_loading_is_reproducible_and_a_limit_takes_the_first() -> None:
    first = negatives.load("validation", limit=30)
    assert first == negatives.load("validation", "no/such/place", 30)
    assert negatives.load("validation", limit=10).records == first.records[:10]


def test_an_unknown_split_is_a_user_error() -> None:
    with pytest.raises(UserError, match="train, validation"):
        negatives.load("test")


@pytest.mark.parametrize(("split", "family"), FAMILIES)
def test_pictures_open_and_have_valid_sizes(split: str, family: str) -> None:
    for number in first_numbers(split, family, 25):
        picture = open_image(negatives.draw(split, number))
        assert picture.mode == "RGB"
        assert all(128 <= side <= 320 for side in picture.size)


@pytest.mark.parametrize(("split", "family"), FAMILIES)
def test_pictures_of_a_family_differ(split: str, family: str) -> None:
    tiles = [shrink(negatives.draw(split, number)) for number in first_numbers(split, family, 12)]
    distances = [np.abs(a - b).mean() for n, a in enumerate(tiles) for b in tiles[:n]]
    assert np.median(distances) > 10  # grey levels


@pytest.mark.parametrize(("split", "family"), [pair for pair in FAMILIES if pair[1] != "plain"])
def test_pictures_are_not_blank(split: str, family: str) -> None:
    for number in first_numbers(split, family, 25):
        pixels = np.asarray(open_image(negatives.draw(split, number)), np.float32)
        assert pixels.std((0, 1)).max() > 3, number  # grey levels


def test_train_and_validation_pictures_differ() -> None:
    train = {negatives.draw("train", number) for number in range(70)}
    assert not train & {negatives.draw("validation", number) for number in range(70)}


def test_every_answer_is_unsure(records) -> None:
    for record in records:
        turns = record.turns
        assert {*negatives.TASKS, "yesno", "not", "chat"} == {turn.task for turn in turns}
        for turn in turns:
            for answer in (turn.answer, *(reply for _, reply in turn.history)):
                assert is_unsure(answer) and read_yes_no(answer) is None
                if not answer.startswith("{"):
                    start, _, end = answer.partition("; ")
                    assert (
                        start == negatives.UNSURE and end.endswith(".") and answer.count(".") == 1
                    )


def test_json_answers_contain_only_the_type_unknown(records) -> None:
    for record in records:
        (answer,) = [turn.answer for turn in record.turns if turn.task == "json"]
        assert json.loads(answer) == {"type": negatives.UNKNOWN}


def test_brief_answers_have_fewer_than_twenty_words(records) -> None:
    briefs = [turn.answer for record in records for turn in record.turns if turn.task == "brief"]
    assert max(len(text.split()) for text in briefs) < 20


def test_answers_never_name_a_wrong_family(records) -> None:
    for record in records:
        wrong = [
            ending
            for family, endings in negatives.FAMILY_ENDINGS.items()
            for ending in endings
            if family != record.facts["family"]
        ]
        answers = " ".join(turn.answer for turn in record.turns)
        assert not any(ending in answers for ending in wrong)


def test_every_seen_family_is_named_in_some_answer(records) -> None:
    answers = " ".join(turn.answer for record in records for turn in record.turns)
    for family, endings in negatives.FAMILY_ENDINGS.items():
        assert any(ending in answers for ending in endings), family


def test_yes_no_questions_vary(records) -> None:
    prompts = {turn.prompt for record in records for turn in record.turns if turn.task == "yesno"}
    assert len(prompts) > len(records) / 2 and all(text.strip() for text in prompts)


def test_answers_contain_no_product_details() -> None:
    family_endings = (text for row in negatives.FAMILY_ENDINGS.values() for text in row)
    for ending in {*negatives.ENDINGS, *family_endings}:
        answer = f"{negatives.UNSURE}; {ending}"
        assert not read_details(answer) and not read_back(answer) and not read_kind(answer), answer


def test_another_seed_changes_the_wording(records) -> None:
    facts = records[0].facts
    assert negatives.turns(facts, "a") == negatives.turns(facts, "a")
    assert negatives.turns(facts, "a") != negatives.turns(facts, "a", seed=1)
