"""The data sets: what all of them guarantee, where tables are found, rows, splits, skipped rows."""

import hashlib
import json
import random
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from tests import tiny
from tests.benchmark_fixtures import cell, png, write
from vlm.data import DATASETS, cifar10, fashion, scenes, source
from vlm.data.grammar import scenes as scene_grammar
from vlm.data.images import open_image
from vlm.data.mixture import drop_unreadable
from vlm.data.negatives import dataset as negatives
from vlm.errors import UserError
from vlm.loading import presets
from vlm.types import Dataset, Record

COLOURS = list(tiny.COLOURS)
FASHION = {
    "gender": "Men",
    "masterCategory": "Apparel",
    "subCategory": "Topwear",
    "articleType": "Tshirts",
    "baseColour": "Blue",
    "season": "Summer",
    "year": 2012.0,
    "usage": "Casual",
    "productDisplayName": "Somebody Men Striped Polo T-shirt",
}


def fashion_rows(count: int, first: int = 0) -> list[dict]:
    kinds = ("Tshirts", "Jeans", "Watches")
    return [
        {"id": 1000 + n, **FASHION, "articleType": kinds[n % 3], "image": cell(n)}
        for n in range(first, first + count)
    ]


def cifar_rows(count: int) -> list[dict]:
    return [{"img": cell(n), "label": n % 10} for n in range(count)]


def both(name: str, path: Path) -> tuple[Dataset, Dataset]:
    """Return the two splits of a data set."""
    return DATASETS[name]("train", path), DATASETS[name]("validation", path)


def _small_fashion(path: Path) -> Path:
    write(path / "validation.parquet", fashion_rows(4, first=12))
    return write(path / "train.parquet", fashion_rows(12))


def _small_cifar(path: Path) -> Path:
    return write(path / "train.parquet", cifar_rows(20))


def _small_folder(path: Path) -> Path:
    for split, count in (("train", 12), ("validation", 3)):
        (path / split).mkdir(parents=True)
        for number in range(count):
            (path / split / f"{split}{number}.png").write_bytes(png(number))
        rows = [{"file_name": f"{split}{n}.png", "text": f"Picture {n}."} for n in range(count)]
        (path / split / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return path


def scene_rows(count: int, first: int = 0) -> list[dict]:
    return [
        {"image": cell(n), "file_name": f"{n}.jpg", "captions": [f"A dog {n}.", "Two dogs."]}
        for n in range(first, first + count)
    ]


def _small_scenes(path: Path) -> Path:
    write(path / "validation.parquet", scene_rows(4, first=12))
    return write(path / "train.parquet", scene_rows(12))


SMALL: dict[str, Callable[[Path], Path]] = {
    "fashion": _small_fashion,
    "cifar10": _small_cifar,
    "folder": _small_folder,
    "scenes": _small_scenes,
    "negatives": lambda path: path,
}


@pytest.fixture(autouse=True)
def few_negatives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw few pictures for the negatives."""
    monkeypatch.setattr(negatives, "COUNTS", {"train": 12, "validation": 6})


def test_every_data_set_is_tested() -> None:
    elsewhere = {"composited", "drawn"}  # fashion's records on other backgrounds; test_drawn_folder
    elsewhere |= {"hub"}  # test_layouts
    assert set(DATASETS) - set(SMALL) <= elsewhere


# What every data set guarantees


def check_contract(name: str, train: Dataset, validation: Dataset, opened: int = 50) -> None:
    """Pictures open as RGB, turns are complete, ids are unique, splits do not overlap."""
    for dataset in (train, validation):
        assert dataset.records and not dataset.problems
        assert dataset.name in dataset.report()
        ids = [record.id for record in dataset.records]
        assert len(set(ids)) == len(ids) and all(isinstance(id, str) and id for id in ids)
        for record in dataset.records:
            assert record.turns
            for turn in record.turns:
                assert turn.prompt.strip() and turn.answer.strip() and turn.task
                assert (turn.prompt + turn.answer).isprintable()
            assert all(isinstance(fact, str) and fact for fact in record.facts.values())
        for record in random.Random(0).sample(dataset.records, min(opened, len(ids))):
            assert open_image(record.image).mode == "RGB"
    assert not {r.id for r in train.records} & {r.id for r in validation.records}
    assert len(train.records) > len(validation.records), name


@pytest.mark.parametrize("name", SMALL)
def test_a_small_table_keeps_the_guarantees(name: str, tmp_path: Path) -> None:
    path = SMALL[name](tmp_path)
    train, validation = both(name, path)
    check_contract(name, train, validation)
    assert both(name, str(path)) == (train, validation)
    first_three = DATASETS[name]("train", path, 3)
    assert first_three.records == train.records[:3]


@pytest.mark.parametrize(
    "name", ["fashion", "scenes", pytest.param("cifar10", marks=pytest.mark.slow)]
)
def test_the_real_tables_keep_the_guarantees(name: str, real_data: Path) -> None:
    train, validation = both(name, None)
    check_contract(name, train, validation)
    sizes = {"fashion": (7781, 802), "scenes": (6402, 500), "cifar10": (45000, 5000)}
    assert (len(train.records), len(validation.records)) == sizes[name]


@pytest.mark.parametrize("name", SMALL)
def test_loading_one_split_does_not_affect_the_other(name: str, tmp_path: Path) -> None:
    path = SMALL[name](tmp_path)
    assert DATASETS[name]("validation", path) == both(name, path)[1]


@pytest.mark.parametrize("name", SMALL)
def test_an_unknown_split_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError):
        DATASETS[name]("validaton", SMALL[name](tmp_path))


# Where a table is looked for


@pytest.fixture
def no_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove VLM_DATA and the connection to the Hub."""
    monkeypatch.delenv("VLM_DATA", raising=False)

    def offline(hub_id: str, split: str, config: str | None) -> None:
        raise ConnectionError(f"Couldn't reach {hub_id!r} on the Hub")

    monkeypatch.setattr(source, "_from_hub", offline)


@pytest.mark.parametrize("module", [fashion, cifar10, scenes])
def test_the_error_for_a_missing_data_set_lists_the_three_ways_to_get_it(module, no_source) -> None:
    with pytest.raises(UserError) as caught:
        module.load("train")
    sentence = str(caught.value)
    assert module.NAME in sentence and sentence.count(".") == 2  # one is in train.parquet
    variable = f"VLM_DATA to the folder that contains {module.NAME}/"
    assert all(way in sentence for way in ("--data-path", variable, module.HUB_ID))


def test_the_offline_error_of_datasets_becomes_a_user_error(monkeypatch, tmp_path) -> None:
    datasets = pytest.importorskip("datasets")
    monkeypatch.delenv("VLM_DATA", raising=False)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    with pytest.raises(UserError, match="was not found: give its folder with --data-path"):
        fashion.load("train")


def test_a_given_path_takes_precedence_over_the_variable(tmp_path: Path, monkeypatch) -> None:
    write(tmp_path / "env" / fashion.NAME / "train.parquet", fashion_rows(8))
    write(tmp_path / "env" / fashion.NAME / "validation.parquet", fashion_rows(1))
    path = _small_fashion(tmp_path / "given")
    monkeypatch.setenv("VLM_DATA", str(tmp_path / "env"))
    assert len(fashion.load("train").records) == 8
    assert len(fashion.load("train", path).records) == 12
    with pytest.raises(UserError, match=r"No train.parquet in .*; give the folder"):
        fashion.load("train", tmp_path)


def test_a_hub_table_is_divided_like_a_local_one(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.delenv("VLM_DATA", raising=False)
    rows = fashion_rows(60)
    table = pa.Table.from_pylist(rows)
    monkeypatch.setattr(source, "_from_hub", lambda hub_id, split, config: table)
    train, validation = both("fashion", None)
    write(tmp_path / "train.parquet", rows)
    assert (train.records, validation.records) == tuple(
        dataset.records for dataset in both("fashion", tmp_path)
    )


@pytest.mark.parametrize("name", ["fashion", "cifar10"])
def test_a_table_without_the_columns_is_refused(name: str, tmp_path: Path) -> None:
    rows = {"fashion": cifar_rows(2), "cifar10": fashion_rows(2)}[name]
    with pytest.raises(UserError, match="lacks ") as caught:
        DATASETS[name]("train", write(tmp_path / "train.parquet", rows))
    assert all(column in str(caught.value) for column in rows[0])


def test_a_damaged_table_raises_only_a_user_error(tmp_path: Path) -> None:
    intact = (_small_fashion(tmp_path) / "train.parquet").read_bytes()
    draw, refused = random.Random(0), 0
    for number in range(150):
        data = bytearray(intact[: draw.randrange(len(intact))] if number % 3 == 0 else intact)
        for _ in range(draw.randint(1, 8)) if number % 3 else ():
            low = len(data) - 3000 if number % 3 == 1 else 0  # the footer, or anywhere
            data[draw.randrange(low, len(data))] = draw.randrange(256)
        (tmp_path / "train.parquet").write_bytes(data)
        try:
            fashion.load("train", tmp_path)
        except UserError as error:
            refused += "is not a readable parquet file" in str(error)
    assert refused > 50


# Fashion


def test_a_fashion_row_becomes_its_facts_and_turns(tmp_path: Path) -> None:
    record = fashion.load("train", _small_fashion(tmp_path)).records[0]
    assert record.id == "1000" and record.image == png(0)
    assert record.facts["articleType"] == "Tshirts" and record.facts["baseColour"] == "Blue"
    brief = [turn.answer for turn in record.turns if turn.task == "brief"]
    assert brief and all("blue" in answer and "T-shirt" in answer for answer in brief)


@pytest.mark.parametrize("place", ["folder", "file"])
def test_a_table_without_validation_is_divided_by_the_ids_hash(place: str, tmp_path: Path) -> None:
    """For a folder and for a file; otherwise held-out pictures would be trained on."""
    rows = fashion_rows(200)
    path = write(tmp_path / "train.parquet", rows)
    path = path / "train.parquet" if place == "file" else path
    train, validation = both("fashion", path)
    held_out = {record.id for record in validation.records}
    assert held_out.isdisjoint(record.id for record in train.records)
    assert held_out | {record.id for record in train.records} == {str(row["id"]) for row in rows}
    assert 10 <= len(held_out) <= 30  # a tenth
    expected = {
        id
        for id in (str(row["id"]) for row in rows)
        if int(hashlib.sha256(id.encode()).hexdigest(), 16) % 100 < 10
    }
    assert held_out == expected


def test_a_table_without_splits_holds_out_the_evaluated_pictures(tmp_path: Path) -> None:
    """The Hub's edition is a single table, and moda-mini was trained on a part of it."""
    predictions = presets.SHIPPED / "evaluation" / "predictions.jsonl"
    evaluated = [json.loads(line)["id"] for line in predictions.read_text().splitlines()]
    rows = [{**FASHION, "id": int(id), "image": cell(0)} for id in evaluated[::-1]]
    train, validation = both("fashion", write(tmp_path / "train.parquet", rows + fashion_rows(9)))
    assert {record.id for record in validation.records} == set(evaluated)
    assert len(train.records) == 9


def test_the_hash_split_does_not_depend_on_the_order_or_on_new_rows(tmp_path: Path) -> None:
    rows = fashion_rows(60)
    before = {r.id for r in both("fashion", write(tmp_path / "train.parquet", rows))[1].records}
    rows = fashion_rows(30, first=60) + rows[::-1]
    after = {r.id for r in both("fashion", write(tmp_path / "train.parquet", rows))[1].records}
    assert {id for id in after if int(id) < 1060} == before


FASHION_FAULTS = {
    "no articleType": {"articleType": None},
    "no id": {"id": None},
    "no image": {"image": None},
    "the picture is empty": {"image": {"bytes": b"", "path": None}},
    "the id 1000 is a duplicate": {"id": 1000},
}


@pytest.mark.parametrize("reason", FASHION_FAULTS)
def test_a_bad_fashion_row_is_reported_with_its_number(reason: str, tmp_path: Path) -> None:
    rows = fashion_rows(4)
    rows[2] |= FASHION_FAULTS[reason]
    write(tmp_path / "validation.parquet", fashion_rows(1))
    dataset = fashion.load("train", write(tmp_path / "train.parquet", rows))
    assert dataset.problems == (f"row 2: {reason}",)
    assert [record.id for record in dataset.records] == ["1000", "1001", "1003"]


def test_pictures_not_in_the_hubs_layout_are_reported(tmp_path: Path) -> None:
    rows = [row | {"image": png()} for row in fashion_rows(3)]
    write(tmp_path / "validation.parquet", rows)
    dataset = fashion.load("train", write(tmp_path / "train.parquet", rows))
    assert not dataset.records and len(dataset.problems) == 3


# CIFAR-10


def test_a_cifar_row_becomes_its_kind(tmp_path: Path) -> None:
    records = cifar10.load("train", _small_cifar(tmp_path)).records
    for number, record in enumerate(records):
        kind = scene_grammar.KINDS[number % 10]
        assert record.facts == {"kind": kind} and record.id == str(number)
        answers = [turn.answer for turn in record.turns if turn.task in ("brief", "json", "kind")]
        assert answers and all(kind in answer.lower() for answer in answers)
    text = " ".join(turn.answer for record in records for turn in record.turns)
    assert "a airplane" not in text and "an automobile" in text and "a ship" in text


def test_the_last_tenth_of_cifar_is_held_out(tmp_path: Path) -> None:
    train, validation = both("cifar10", _small_cifar(tmp_path))
    assert [record.id for record in train.records] == [str(n) for n in range(18)]
    assert [record.id for record in validation.records] == ["18", "19"]


@pytest.mark.parametrize("label", [10, -1, None])
def test_a_cifar_row_without_a_known_label_is_reported(label, tmp_path: Path) -> None:
    rows = cifar_rows(20)
    rows[19]["label"], rows[18]["img"] = label, {"bytes": b"", "path": None}
    dataset = cifar10.load("validation", write(tmp_path / "train.parquet", rows))
    reason = f"row 19: label {label!r} is not one of 0 to 9"
    assert dataset.problems == ("row 18: the picture is empty", reason)


def test_a_label_that_is_not_an_integer_is_reported(tmp_path: Path) -> None:
    rows = [row | {"label": row["label"] + 0.0} for row in cifar_rows(10)]
    dataset = cifar10.load("train", write(tmp_path / "train.parquet", rows))
    assert not dataset.records and dataset.problems[2] == "row 2: label 2.0 is not one of 0 to 9"


# Pictures that do not open


def test_pictures_that_do_not_open_are_reported_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    records = [
        Record("good", png()),
        Record("cut", png()[:200]),
        Record("text", tmp_path / "text.png"),
        Record("gone", tmp_path / "gone.png"),
        Record("fine", tiny.picture()),
    ]
    checked = drop_unreadable(Dataset("mine", tuple(records), ("row 7: no file_name",)))
    assert checked.name == "mine"
    assert checked.records == (records[0], records[4])
    assert checked.problems[0] == "row 7: no file_name"
    reasons = dict(problem.split(": ", 1) for problem in checked.problems[1:])
    assert list(reasons) == ["picture cut", "picture text", "picture gone"]
    assert "damaged" in reasons["picture cut"] and "not a picture" in reasons["picture text"]
    assert "no picture file" in reasons["picture gone"]
    assert all(problem in checked.report() for problem in checked.problems)


def test_a_data_set_whose_pictures_open_is_not_changed(tmp_path: Path) -> None:
    dataset = fashion.load("train", _small_fashion(tmp_path))
    checked = drop_unreadable(dataset)
    assert (checked.name, checked.records, checked.problems) == (
        dataset.name,
        dataset.records,
        dataset.problems,
    )


@pytest.mark.slow
def test_all_real_pictures_open(real_data: Path) -> None:
    for split in ("train", "validation"):
        assert not drop_unreadable(fashion.load(split)).problems


# Scenes


def test_captions_are_read_from_both_layouts(tmp_path: Path) -> None:
    rows = [
        {
            "image": cell(0),
            "caption_0": "A  dog. ",
            "caption_1": "A dog.",
            "caption_2": "Two dogs.",
        },
        {"image": cell(1), "caption_0": "A cat.", "caption_1": "", "caption_2": None},
        {"image": cell(2), "caption_0": "", "caption_1": " ", "caption_2": None},
        {
            "image": {"bytes": b"", "path": None},
            "caption_0": "Nothing.",
            "caption_1": "",
            "caption_2": "",
        },
    ]
    data = scenes.load("train", write(tmp_path / "train.parquet", rows))
    assert [record.facts["captions"] for record in data.records] == ["A dog.\nTwo dogs.", "A cat."]
    assert data.problems == ("row 2: no caption", "row 3: the picture is empty")
    for record in data.records:
        captions = [turn for turn in record.turns if turn.task == "caption"]
        assert "\n".join(turn.answer for turn in captions) == record.facts["captions"]
        assert len({turn.prompt for turn in captions}) == 1


def test_a_photograph_that_is_there_twice_is_used_once(tmp_path: Path) -> None:
    rows = scene_rows(2) + scene_rows(1)
    data = scenes.load("train", write(tmp_path / "train.parquet", rows))
    assert len(data.records) == 2 and data.problems == ("row 2: duplicate file_name",)
