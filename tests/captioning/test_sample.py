"""Choosing images: some of each class, or a stratified sample."""

from collections import Counter
from pathlib import Path

import pytest

from tests import tiny
from tests.captioning.records import KINDS, RECORDS
from vlm.captioning import sample
from vlm.commands.dataset.caption import SELECTIONS
from vlm.data import cifar10, fashion
from vlm.data.grammar import products, scenes
from vlm.errors import UserError
from vlm.types import Record


@pytest.fixture
def no_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Data sets load without the grammar's questions, which takes most of the time."""
    for module in (products, cifar10):
        monkeypatch.setattr(module, "turns", lambda facts, id: ())


def test_each_class_gives_the_same_number_of_images_drawn_by_the_seed() -> None:
    drawn = sample.per_class(RECORDS, 4)
    assert [[r.facts["kind"] for r in drawn].count(kind) for kind in KINDS] == [4, 4, 4]
    assert drawn == sample.per_class(RECORDS, 4) != sample.per_class(RECORDS, 4, seed=1)
    assert [int(r.id) for r in drawn] == sorted(int(r.id) for r in drawn)


def test_too_few_images_are_a_user_error() -> None:
    with pytest.raises(UserError, match=f"but {KINDS[2]} has only 6 images; use 6 or less"):
        sample.per_class(RECORDS, 7)
    with pytest.raises(UserError, match="no classes"):
        sample.per_class([Record("a", tiny.picture())], 1)
    with pytest.raises(UserError, match="is 21 images, but there are only 20"):
        sample.stratified(RECORDS, 21)


def test_a_stratified_sample_keeps_the_shares() -> None:
    def item(number: int) -> Record:
        facts = {"articleType": "Shirts" if number % 10 else "Ties", "gender": "Men"}
        return Record(str(number), b"", (), facts | {"baseColour": ("Red", "Blue")[number % 2]})

    everything = [item(number) for number in range(1000)]
    drawn = sample.stratified(everything, 333)
    assert len(drawn) == len({r.id for r in drawn}) == 333
    for key, value in (("articleType", "Ties"), ("baseColour", "Red")):
        shares = [
            sum(r.facts[key] == value for r in part) / len(part) for part in (everything, drawn)
        ]
        assert shares[1] == pytest.approx(shares[0], abs=0.01)


def test_the_sample_of_moda_keeps_the_shares_of_its_source(real_data: Path, no_turns) -> None:
    everything = fashion.load("train", real_data / "fashion-products").records
    drawn = sample.stratified(everything, SELECTIONS["moda"]["sample"])
    assert len(drawn) == 5400
    for key in ("articleType", "baseColour", "gender"):
        counts = [Counter(r.facts.get(key) for r in part) for part in (everything, drawn)]
        for value, count in counts[0].items():
            if count > 0.01 * len(everything):
                share = 100 * count / len(everything)
                assert counts[1][value] / 54 == pytest.approx(share, abs=1)


def test_the_sample_of_phi_vlm_is_ten_of_each_kind(real_data: Path, no_turns) -> None:
    records = cifar10.load("train", real_data / "cifar10", limit=2000).records
    drawn = sample.per_class(records, SELECTIONS["phi-vlm"]["per_class"])
    assert Counter(r.facts["kind"] for r in drawn) == dict.fromkeys(scenes.KINDS, 10)
