"""Several data sets as one: how they are written, loaded and laid end to end."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests import tiny
from vlm.config import TrainConfig
from vlm.data import DATASETS, mixture
from vlm.errors import UserError
from vlm.training import runs
from vlm.training.align import pictures
from vlm.types import Dataset, Record, Turn


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fashion", ("fashion", "given", 1)),
        ("3xfashion", ("fashion", "given", 3)),
        ("folder=pictures/mine", ("folder", "pictures/mine", 1)),
        ("12xfolder=C:\\pictures", ("folder", "C:\\pictures", 12)),
        ("cifar10", ("cifar10", "given", 1)),
    ],
)
def test_a_part_has_a_name_a_path_and_a_repeat_count(text: str, expected) -> None:
    assert mixture.parse_part(text, "given") == expected


@pytest.mark.parametrize("text", ["", "0xfashion", "x", "fashion=", "3 fashion", "nothing", "=p"])
def test_a_wrong_name_of_a_data_set_is_a_user_error(text: str) -> None:
    with pytest.raises(UserError) as caught:
        mixture.parse_part(text)
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
    """What the data sets were asked for."""
    asked = []

    def load(name: str):
        def records(split: str, path, limit: int) -> Dataset:
            asked.append((name, split, path, limit))
            return Dataset(name, tuple(tiny.records(3, seed=len(asked))))

        return records

    for name in ("fashion", "cifar10", "folder"):
        monkeypatch.setitem(DATASETS, name, load(name))
    return asked


def test_parts_keep_their_order_and_their_times(loaded: list[tuple]) -> None:
    found = mixture.load(["2xfashion", "folder=here"], "train", "there", 5)
    assert loaded == [("fashion", "train", "there", 5), ("folder", "train", "here", 5)]
    assert len(found) == 2 and len(found.records) == 6
    assert found.times == (2, 2, 2, 1, 1, 1)
    seen = pictures.Pictures(found.records, {}, 32, times=found.times, epochs=2)
    assert len(seen) == 18
    shown = [seen.order[index % len(seen.order)] for index in range(18)]
    assert [shown.count(number) for number in range(6)] == [4, 4, 4, 2, 2, 2]


def test_an_unavailable_part_is_a_user_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="contains neither"):
        mixture.load([f"folder={tmp_path}"], "train")


def test_a_folder_needs_no_name(tmp_path: Path) -> None:
    assert mixture.parse_part(str(tmp_path)) == ("folder", str(tmp_path), 1)


def test_a_run_names_its_data_by_hash(tmp_path: Path) -> None:
    def signed(*records: Record) -> dict:
        runs.sign(
            mixture.Mixture([mixture.LoadedPart("folder", records, 2)]),
            tmp_path / "run",
            TrainConfig(),
        )
        return json.loads((tmp_path / "run" / runs.DATA).read_text())["parts"][0]

    one, other = tiny.records(2)
    found = signed(one, other)
    assert found["pictures"] == found["times"] == 2
    assert found["questions"] == len(one.turns) + len(other.turns)
    assert found == signed(one, other) != signed(other, one)
    assert found["sha256"] != signed(one, replace(other, turns=other.turns[:1]))["sha256"]
    assert found["sha256"] != signed(one, replace(other, image=tiny.noise(5)))["sha256"]


def test_a_run_resumes_only_with_the_same_data(tmp_path: Path) -> None:
    one, other = tiny.records(2)
    started, changed = (
        mixture.Mixture([mixture.LoadedPart("folder", (one, two), 2)])
        for two in (other, replace(other, image=tiny.noise(5)))
    )
    runs.sign(started, tmp_path, TrainConfig())
    kept = (tmp_path / runs.DATA).read_text()
    runs.sign(started, tmp_path, TrainConfig(), resume=True)
    with pytest.raises(
        UserError, match=r"was started with different data, 2xfolder \(2 pictures\)"
    ):
        runs.sign(changed, tmp_path, TrainConfig(), resume=True)
    assert (tmp_path / runs.DATA).read_text() == kept


def test_an_older_run_without_stored_flags_resumes(tmp_path: Path) -> None:
    parts = mixture.Mixture([mixture.LoadedPart("folder", tuple(tiny.records(2)), 1)])
    runs.sign(parts, tmp_path, TrainConfig())
    file = tmp_path / runs.DATA
    file.write_text(json.dumps(json.loads(file.read_text())["parts"]))
    runs.sign(parts, tmp_path, TrainConfig(), resume=True, sure=70)


def test_a_run_knows_whether_it_is_older_than_a_setting(tmp_path: Path) -> None:
    assert not runs.predates(tmp_path, "packed")  # not started yet
    runs.sign(mixture.Mixture(), tmp_path, TrainConfig(), packed=True)
    assert not runs.predates(tmp_path, "packed") and runs.predates(tmp_path, "newer")
    (tmp_path / runs.DATA).write_text("[]")
    assert runs.predates(tmp_path, "packed")


def test_a_run_resumes_only_with_the_same_flags(tmp_path: Path) -> None:
    parts = mixture.Mixture([mixture.LoadedPart("folder", tuple(tiny.records(2)), 1)])
    runs.sign(parts, tmp_path, TrainConfig(), sure=70, vision=None, matched=True)
    runs.sign(parts, tmp_path, TrainConfig(), resume=True, sure=70, vision=None, matched=True)
    with pytest.raises(UserError, match=r"started with sure 70 \(now 0\); give the same"):
        runs.sign(parts, tmp_path, TrainConfig(), resume=True, sure=0, vision=None, matched=True)


def test_two_folders_are_distinguished(loaded: list[tuple]) -> None:
    found = mixture.load(["folder=a", "2xfolder=b", "fashion"], "train")
    assert [part.name for part in found] == ["folder=a", "folder=b", "fashion"]


def test_only_the_questions_of_some_tasks_are_kept() -> None:
    turns = (Turn("a", "b", "caption"), Turn("c", "d", "count"))
    parts = mixture.Mixture([mixture.LoadedPart("x", (Record("1", b"", turns),), 1)])
    assert mixture.only_tasks(parts, "") == parts
    assert mixture.only_tasks(parts, " count,").records[0].turns == turns[1:]
    assert mixture.only_tasks(parts, "count,caption").records[0].turns == turns
    with pytest.raises(UserError, match="'colour'; choose among caption, count"):
        mixture.only_tasks(parts, "caption,colour")
