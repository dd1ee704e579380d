"""Pictures that are neither products nor scenes: always the same, varied, and honestly answered."""

import json

import numpy as np
import pytest

from vlm.data import negatives
from vlm.data.captions import read_back
from vlm.data.cifar10 import read_kind
from vlm.data.images import open_image
from vlm.data.replies import is_unsure, read_details, read_yes_no
from vlm.errors import UserError
from vlm.types import Record

FAMILIES = [
    *(("train", name) for name in negatives.SEEN),
    *(("validation", name) for name in negatives.UNSEEN),
]


def some_of(split: str, family: str, count: int) -> list[int]:
    """The first numbers of a family."""
    numbers = (n for n in range(10_000) if negatives.family_of(split, n) == family)
    return [next(numbers) for _ in range(count)]


def shrunk(data: bytes) -> np.ndarray:
    """The picture at 24x24 pixels, float."""
    return np.asarray(open_image(data).resize((24, 24)), np.float32)


@pytest.fixture(scope="module")
def records() -> tuple[Record, ...]:
    train, validation = (negatives.load(split, limit=70) for split in negatives.COUNTS)
    return train.records + validation.records


def test_the_splits_have_their_sizes_and_share_no_id(monkeypatch) -> None:
    assert negatives.COUNTS == {"train": 3000, "validation": 500}
    monkeypatch.setattr(negatives, "draw", lambda split, number: b"")
    train, validation = negatives.load("train"), negatives.load("validation")
    ids = {record.id for record in (*train.records, *validation.records)}
    assert (len(train.records), len(validation.records), len(ids)) == (3000, 500, 3500)
    families = [record.facts["family"] for record in validation.records]
    assert sum(name in negatives.UNSEEN for name in families) == 250
    assert not {record.facts["family"] for record in train.records} & set(negatives.UNSEEN)


def test_every_family_has_its_share(monkeypatch) -> None:
    monkeypatch.setattr(negatives, "draw", lambda split, number: b"")
    for split, names in (("train", negatives.SEEN), ("validation", negatives.UNSEEN)):
        families = [record.facts["family"] for record in negatives.load(split).records]
        counts = [families.count(name) for name in names]
        assert max(counts) - min(counts) <= 1


def test_loading_twice_gives_the_same_bytes_and_a_limit_its_beginning() -> None:
    first = negatives.load("validation", limit=30)
    assert first == negatives.load("validation", "no/such/place", 30)
    assert negatives.load("validation", limit=10).records == first.records[:10]


def test_an_unknown_split_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UserError, match="train, validation"):
        negatives.load("test")


@pytest.mark.parametrize(("split", "family"), FAMILIES)
def test_a_family_opens_within_the_sizes(split: str, family: str) -> None:
    for number in some_of(split, family, 25):
        picture = open_image(negatives.draw(split, number))
        assert picture.mode == "RGB"
        assert all(128 <= side <= 320 for side in picture.size)


@pytest.mark.parametrize(("split", "family"), FAMILIES)
def test_the_pictures_of_a_family_differ(split: str, family: str) -> None:
    tiles = [shrunk(negatives.draw(split, number)) for number in some_of(split, family, 12)]
    apart = [np.abs(a - b).mean() for n, a in enumerate(tiles) for b in tiles[:n]]
    assert np.median(apart) > 10  # grey levels


@pytest.mark.parametrize(("split", "family"), [pair for pair in FAMILIES if pair[1] != "plain"])
def test_something_is_drawn(split: str, family: str) -> None:
    for number in some_of(split, family, 25):
        pixels = np.asarray(open_image(negatives.draw(split, number)), np.float32)
        assert pixels.std((0, 1)).max() > 3, number  # grey levels


def test_seen_families_have_other_pictures_in_validation() -> None:
    train = {negatives.draw("train", number) for number in range(70)}
    assert not train & {negatives.draw("validation", number) for number in range(70)}


def test_every_answer_in_words_is_the_confession(records) -> None:
    for record in records:
        turns = record.turns
        assert {*negatives.TASKS, "yesno", "not", "chat"} == {turn.task for turn in turns}
        for turn in turns:
            for answer in (turn.answer, *(said for _, said in turn.history)):
                assert is_unsure(answer) and read_yes_no(answer) is None
                if not answer.startswith("{"):
                    start, _, end = answer.partition("; ")
                    assert (
                        start == negatives.UNSURE and end.endswith(".") and answer.count(".") == 1
                    )


def test_json_says_unknown_and_nothing_else(records) -> None:
    for record in records:
        (answer,) = [turn.answer for turn in record.turns if turn.task == "json"]
        assert json.loads(answer) == {"type": negatives.UNKNOWN}


def test_brief_answers_stay_under_twenty_words(records) -> None:
    briefs = [turn.answer for record in records for turn in record.turns if turn.task == "brief"]
    assert max(len(text.split()) for text in briefs) < 20


def test_a_family_is_named_only_where_it_is_right(records) -> None:
    for record in records:
        wrong = [
            ending
            for family, endings in negatives.FAMILY_ENDINGS.items()
            for ending in endings
            if family != record.facts["family"]
        ]
        told = " ".join(turn.answer for turn in record.turns)
        assert not any(ending in told for ending in wrong)


def test_most_families_are_named_now_and_then(records) -> None:
    told = " ".join(turn.answer for record in records for turn in record.turns)
    for family, endings in negatives.FAMILY_ENDINGS.items():
        assert any(ending in told for ending in endings), family


def test_yes_no_questions_are_about_many_things(records) -> None:
    asked = {turn.prompt for record in records for turn in record.turns if turn.task == "yesno"}
    assert len(asked) > len(records) / 2 and all(text.strip() for text in asked)


def test_no_product_is_read_from_an_answer() -> None:
    named = (text for row in negatives.FAMILY_ENDINGS.values() for text in row)
    for ending in {*negatives.ENDINGS, *named}:
        answer = f"{negatives.UNSURE}; {ending}"
        assert not read_details(answer) and not read_back(answer) and not read_kind(answer), answer


def test_another_seed_words_it_differently(records) -> None:
    facts = records[0].facts
    assert negatives.turns(facts, "a") == negatives.turns(facts, "a")
    assert negatives.turns(facts, "a") != negatives.turns(facts, "a", seed=1)
