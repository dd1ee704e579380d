"""The data sets: what every one promises, their rows and splits, and every row that is left out."""

import codecs
import hashlib
import io
import json
import random
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests import tiny
from vlm import presets
from vlm.data import DATASETS, cifar10, fashion, folder, negatives, source
from vlm.data.images import open_image
from vlm.data.readable import readable
from vlm.errors import UserError
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


def png(number: int = 0) -> bytes:
    """An encoded picture."""
    file = io.BytesIO()
    tiny.noise(number).save(file, "PNG")
    return file.getvalue()


def picture(number: int = 0) -> dict:
    """A cell of the picture column, as the Hub stores it."""
    return {"bytes": png(number), "path": None}


def fashion_rows(count: int, first: int = 0) -> list[dict]:
    kinds = ("Tshirts", "Jeans", "Watches")
    return [
        {"id": 1000 + n, **FASHION, "articleType": kinds[n % 3], "image": picture(n)}
        for n in range(first, first + count)
    ]


def cifar_rows(count: int) -> list[dict]:
    return [{"img": picture(n), "label": n % 10} for n in range(count)]


def write(path: Path, rows: list[dict]) -> Path:
    """Write a parquet table; give its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path.parent


def write_folder(path: Path, table: str | bytes, name: str = "metadata.jsonl") -> Path:
    """A folder with pictures a.png, b.png, sub/c.png and a table."""
    (path / "sub").mkdir(parents=True, exist_ok=True)
    for number, file in enumerate(("a.png", "b.png", "sub/c.png")):
        (path / file).write_bytes(png(number))
    for old in folder.TABLES:
        (path / old).unlink(missing_ok=True)
    (path / name).write_bytes(table if isinstance(table, bytes) else table.encode())
    return path


def lines(*rows: dict) -> str:
    return "\n".join(json.dumps(row) for row in rows)


def both(name: str, path: Path) -> tuple[Dataset, Dataset]:
    """A data set's two splits."""
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
        (path / split / "metadata.jsonl").write_text(lines(*rows))
    return path


SMALL: dict[str, Callable[[Path], Path]] = {
    "fashion": _small_fashion,
    "cifar10": _small_cifar,
    "folder": _small_folder,
    "negatives": lambda path: path,
}


@pytest.fixture(autouse=True)
def few_negatives(monkeypatch: pytest.MonkeyPatch) -> None:
    """A drawn data set in small too."""
    monkeypatch.setattr(negatives, "COUNTS", {"train": 12, "validation": 6})


def test_every_data_set_is_held_to_the_promises() -> None:
    assert set(DATASETS) - set(SMALL) <= {"composited"}  # fashion's records on other grounds


# What every data set promises


def check_contract(name: str, train: Dataset, validation: Dataset, opened: int = 50) -> None:
    """Pictures open as RGB, turns are whole, ids are unique, splits do not overlap."""
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
def test_a_small_table_keeps_the_promises(name: str, tmp_path: Path) -> None:
    path = SMALL[name](tmp_path)
    train, validation = both(name, path)
    check_contract(name, train, validation)
    assert both(name, str(path)) == (train, validation)
    few = DATASETS[name]("train", path, 3)
    assert few.records == train.records[:3]


@pytest.mark.parametrize("name", ["fashion", pytest.param("cifar10", marks=pytest.mark.slow)])
def test_the_real_tables_keep_the_promises(name: str, real_data: Path) -> None:
    train, validation = both(name, None)
    check_contract(name, train, validation)
    sizes = {"fashion": (7781, 802), "cifar10": (45000, 5000)}
    assert (len(train.records), len(validation.records)) == sizes[name]


@pytest.mark.parametrize("name", SMALL)
def test_a_split_does_not_depend_on_what_else_is_loaded(name: str, tmp_path: Path) -> None:
    path = SMALL[name](tmp_path)
    assert DATASETS[name]("validation", path) == both(name, path)[1]


@pytest.mark.parametrize("name", SMALL)
def test_an_unknown_split_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError):
        DATASETS[name]("validaton", SMALL[name](tmp_path))


# Where a table is looked for


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """No VLM_DATA and no Hub."""
    monkeypatch.delenv("VLM_DATA", raising=False)

    def offline(hub_id: str, split: str) -> None:
        raise ConnectionError(f"Couldn't reach {hub_id!r} on the Hub")

    monkeypatch.setattr(source, "_from_hub", offline)


@pytest.mark.parametrize("module", [fashion, cifar10])
def test_a_data_set_that_is_nowhere_is_said_with_the_three_ways(module, nowhere) -> None:
    with pytest.raises(UserError) as caught:
        module.load("train")
    sentence = str(caught.value)
    assert module.NAME in sentence and sentence.count(".") == 2  # one is in train.parquet
    for way in ("--data-path", f"VLM_DATA to the folder that holds {module.NAME}/", module.HUB_ID):
        assert way in sentence


def test_the_libraries_own_offline_error_becomes_the_sentence(monkeypatch, tmp_path) -> None:
    datasets = pytest.importorskip("datasets")
    monkeypatch.delenv("VLM_DATA", raising=False)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    with pytest.raises(UserError, match="was not found: give its folder with --data-path"):
        fashion.load("train")


def test_the_path_given_comes_before_the_variable(tmp_path: Path, monkeypatch) -> None:
    write(tmp_path / "env" / fashion.NAME / "train.parquet", fashion_rows(8))
    write(tmp_path / "env" / fashion.NAME / "validation.parquet", fashion_rows(1))
    path = _small_fashion(tmp_path / "given")
    monkeypatch.setenv("VLM_DATA", str(tmp_path / "env"))
    assert len(fashion.load("train").records) == 8
    assert len(fashion.load("train", path).records) == 12
    with pytest.raises(UserError, match=r"No train.parquet in .*; give the folder"):
        fashion.load("train", tmp_path)


def test_the_hub_table_is_parted_like_a_local_one(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.delenv("VLM_DATA", raising=False)
    rows = fashion_rows(60)
    monkeypatch.setattr(source, "_from_hub", lambda hub_id, split: pa.Table.from_pylist(rows))
    train, validation = both("fashion", None)
    write(tmp_path / "train.parquet", rows)
    assert (train.records, validation.records) == tuple(
        dataset.records for dataset in both("fashion", tmp_path)
    )


@pytest.mark.parametrize("name", ["fashion", "cifar10"])
def test_a_table_of_something_else_is_refused(name: str, tmp_path: Path) -> None:
    rows = {"fashion": cifar_rows(2), "cifar10": fashion_rows(2)}[name]
    with pytest.raises(UserError, match="lacks the column") as caught:
        DATASETS[name]("train", write(tmp_path / "train.parquet", rows))
    assert all(column in str(caught.value) for column in rows[0])


def test_a_damaged_table_is_one_sentence_whatever_the_damage(tmp_path: Path) -> None:
    whole = (_small_fashion(tmp_path) / "train.parquet").read_bytes()
    draw, refused = random.Random(0), 0
    for number in range(150):
        data = bytearray(whole[: draw.randrange(len(whole))] if number % 3 == 0 else whole)
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
    told = [turn.answer for turn in record.turns if turn.task == "brief"]
    assert told and all("blue" in answer and "T-shirt" in answer for answer in told)


@pytest.mark.parametrize("place", ["folder", "file"])
def test_a_train_only_table_is_parted_by_a_hash_of_the_ids(place: str, tmp_path: Path) -> None:
    """Both parts must go by it: else the held-out pictures are trained on."""
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


def test_a_whole_table_holds_out_what_the_shipped_model_is_measured_on(tmp_path: Path) -> None:
    """The Hub's edition is one table; moda-mini learnt from some of it."""
    predictions = presets.SHIPPED / "evaluation" / "predictions.jsonl"
    measured = [json.loads(line)["id"] for line in predictions.read_text().splitlines()]
    rows = [{**FASHION, "id": int(id), "image": picture(0)} for id in measured[::-1]]
    train, validation = both("fashion", write(tmp_path / "train.parquet", rows + fashion_rows(9)))
    assert {record.id for record in validation.records} == set(measured)
    assert len(train.records) == 9


def test_the_hash_split_is_stable_under_order_and_new_rows(tmp_path: Path) -> None:
    rows = fashion_rows(60)
    before = {r.id for r in both("fashion", write(tmp_path / "train.parquet", rows))[1].records}
    rows = fashion_rows(30, first=60) + rows[::-1]
    after = {r.id for r in both("fashion", write(tmp_path / "train.parquet", rows))[1].records}
    assert {id for id in after if int(id) < 1060} == before


@pytest.mark.parametrize("inside", ["", "train"])
@pytest.mark.parametrize("count", [1, 2, 5, 60])
def test_a_small_folder_holds_out_a_picture_too(count: int, inside: str, tmp_path: Path) -> None:
    place = tmp_path / inside
    place.mkdir(exist_ok=True)
    rows = [{"file_name": f"{number}.png", "text": "A shoe."} for number in range(count)]
    for row in rows:
        tiny.picture().save(place / row["file_name"])
    (place / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    train, held_out = ({r.id for r in folder.load(s, tmp_path).records} for s in folder.SPLITS)
    assert len(train) + len(held_out) == count and not train & held_out
    assert train and (held_out or count == 1) and len(held_out) <= max(1, count // 5)


FASHION_FAULTS = {
    "no articleType": {"articleType": None},
    "no id": {"id": None},
    "no image": {"image": None},
    "the picture is empty": {"image": {"bytes": b"", "path": None}},
    "the id 1000 came before": {"id": 1000},
}


@pytest.mark.parametrize("reason", FASHION_FAULTS)
def test_a_bad_fashion_row_is_reported_with_its_number(reason: str, tmp_path: Path) -> None:
    rows = fashion_rows(4)
    rows[2] |= FASHION_FAULTS[reason]
    write(tmp_path / "validation.parquet", fashion_rows(1))
    dataset = fashion.load("train", write(tmp_path / "train.parquet", rows))
    assert dataset.problems == (f"row 2: {reason}",)
    assert [record.id for record in dataset.records] == ["1000", "1001", "1003"]


def test_pictures_that_are_not_in_the_hubs_form_are_reported(tmp_path: Path) -> None:
    rows = [row | {"image": png()} for row in fashion_rows(3)]
    write(tmp_path / "validation.parquet", rows)
    dataset = fashion.load("train", write(tmp_path / "train.parquet", rows))
    assert not dataset.records and len(dataset.problems) == 3


# CIFAR-10


def test_a_cifar_row_becomes_its_kind(tmp_path: Path) -> None:
    records = cifar10.load("train", _small_cifar(tmp_path)).records
    for number, record in enumerate(records):
        kind = cifar10.KINDS[number % 10]
        assert record.facts == {"kind": kind} and record.id == str(number)
        named = [turn.answer for turn in record.turns if turn.task in ("brief", "json", "kind")]
        assert named and all(kind in answer.lower() for answer in named)
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


def test_a_label_that_is_no_whole_number_is_reported(tmp_path: Path) -> None:
    rows = [row | {"label": row["label"] + 0.0} for row in cifar_rows(10)]
    dataset = cifar10.load("train", write(tmp_path / "train.parquet", rows))
    assert not dataset.records and dataset.problems[2] == "row 2: label 2.0 is not one of 0 to 9"


# A folder of one's own


def load_all(path: Path) -> tuple[dict[str, Record], tuple[str, ...]]:
    """The records of both splits by id, and the problems."""
    train, validation = both("folder", path)
    assert train.problems == validation.problems
    return {r.id: r for r in (*train.records, *validation.records)}, train.problems


def answers(record: Record) -> list[tuple[str, str]]:
    return [(turn.task, turn.answer) for turn in record.turns]


def test_jsonl_rows_become_turns_several_a_picture(tmp_path: Path) -> None:
    table = lines(
        {"file_name": "a.png", "text": " A red thing. "},
        {"file_name": "sub/c.png", "question": "What colour?", "answer": "Green."},
        {"file_name": "a.png", "question": "Is it red?", "answer": "Yes."},
        {"file_name": "a.png", "text": "It is red."},
    )
    records, problems = load_all(write_folder(tmp_path, table + "\n\n"))
    assert not problems and set(records) == {"a.png", "sub/c.png"}
    assert answers(records["a.png"]) == [
        ("describe", "A red thing."),
        ("question", "Yes."),
        ("describe", "It is red."),
    ]
    asked, told = records["a.png"].turns[1], records["a.png"].turns[2]
    assert asked.prompt == "Is it red?" and told.prompt in folder.PROMPTS
    assert records["sub/c.png"].turns[0].prompt == "What colour?"
    assert open_image(records["sub/c.png"].image).size == (32, 32)


def test_csv_with_a_byte_order_mark_quotes_and_newlines(tmp_path: Path) -> None:
    table = (
        "file_name,text,question,answer\r\n"
        'a.png,"Red, they say ""red"".\r\nAnd square.",,\r\n'
        "\r\n"
        "sub/c.png,,What is it?,A naïve 漢字.\r\n"
    )
    data = codecs.BOM_UTF8 + table.encode()
    records, problems = load_all(write_folder(tmp_path, data, "metadata.csv"))
    assert not problems
    assert answers(records["a.png"]) == [("describe", 'Red, they say "red".\nAnd square.')]
    assert answers(records["sub/c.png"]) == [("question", "A naïve 漢字.")]


def test_jsonl_with_a_byte_order_mark_and_unusual_line_separators(tmp_path: Path) -> None:
    text = "One\u2028two\u0085three\x0cfour"
    row = json.dumps({"file_name": "a.png", "text": text}, ensure_ascii=False)
    more = json.dumps({"file_name": "b.png", "text": "B."})
    data = codecs.BOM_UTF8 + f"{row}\r\n{more}\r\n".encode()
    records, problems = load_all(write_folder(tmp_path, data))
    assert not problems
    assert answers(records["a.png"]) == [("describe", text)] and "b.png" in records


def test_one_picture_is_one_record_however_its_name_is_written(tmp_path: Path) -> None:
    """Else it could be in both splits."""
    names = ("a.png", "./a.png", "sub/../a.png")
    table = lines(*({"file_name": name, "text": name} for name in names))
    records, problems = load_all(write_folder(tmp_path, table))
    assert not problems and list(records) == ["a.png"]
    assert len(records["a.png"].turns) == 3


NOTHING_SAID = "neither text, nor question and answer, nor metadata such as baseColour"
BAD_ROWS = {  # a row of metadata.jsonl -> why it is left out
    "{": "not valid JSON",
    "[1, 2]": "not a JSON object",
    "[" * 100_000: "not valid JSON",
    '{"year": ' + "1" * 5000 + "}": "not valid JSON",
    '{"file_name": "a.png", "text": "\\ud800"}': "not valid JSON",
    '{"text": "A."}': "no file_name",
    '{"file_name": 5, "text": "A."}': "no file_name",
    '{"file_name": NaN, "text": "A."}': "no file_name",
    '{"file_name": "z.png", "text": "A."}': "z.png is not there",
    '{"file_name": "sub", "text": "A."}': "sub is not there",
    '{"file_name": "a\\u0000.png", "text": "A."}': "file_name cannot be the name of a file",
    json.dumps({"file_name": "a" * 5000, "text": "A."}): "file_name cannot be the name of a file",
    '{"file_name": "../secret.png", "text": "A."}': "../secret.png lies outside the folder",
    '{"file_name": "/etc/passwd", "text": "A."}': "/etc/passwd lies outside the folder",
    '{"file_name": "link.png", "text": "A."}': "link.png lies outside the folder",
    '{"file_name": "a.png"}': NOTHING_SAID,
    '{"file_name": "a.png", "text": "  "}': NOTHING_SAID,
    '{"file_name": "a.png", "text": 5}': NOTHING_SAID,
    '{"file_name": "a.png", "question": "Q?"}': NOTHING_SAID,
    '{"file_name": "a.png", "answer": "A."}': NOTHING_SAID,
    '{"file_name": "a.png", "question": 1, "answer": 2}': NOTHING_SAID,
}


@pytest.mark.parametrize("bad", BAD_ROWS, ids=lambda row: row[:40].encode("unicode_escape"))
def test_a_bad_row_is_reported_with_its_number_and_reason(bad: str, tmp_path: Path) -> None:
    path = tmp_path / "data"
    good = json.dumps({"file_name": "b.png", "text": "B."})
    write_folder(path, f"{good}\n\n{bad}\n{good}\n")
    (tmp_path / "secret.png").write_bytes(png())
    (path / "link.png").symlink_to(tmp_path / "secret.png")
    records, problems = load_all(path)
    assert problems == (f"row 2: {BAD_ROWS[bad]}",)
    assert answers(records["b.png"]) == [("describe", "B."), ("describe", "B.")]


@pytest.mark.parametrize("question", ["Why?", " ", 5], ids=repr)
def test_a_description_counts_beside_a_half_question(question, tmp_path: Path) -> None:
    row = {"file_name": "a.png", "text": "A thing.", "question": question}
    records, problems = load_all(write_folder(tmp_path, lines(row)))
    assert not problems and answers(records["a.png"]) == [("describe", "A thing.")]


def test_bad_csv_rows_are_reported_too(tmp_path: Path) -> None:
    table = "file_name,text\na.png,A.\nz.png,Z.\nb.png\n,C.\na.png,more,than,asked\n"
    records, problems = load_all(write_folder(tmp_path, table, "metadata.csv"))
    assert problems == (
        "row 1: z.png is not there",
        f"row 2: {NOTHING_SAID}",
        "row 3: no file_name",
    )
    assert answers(records["a.png"]) == [("describe", "A."), ("describe", "more")]


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ('file_name,text\na.png,"never closed\nb.png,B.\n', "a quote that is not closed"),
        (f"file_name,text\na.png,{'x' * 140_000}\n", "field larger than field limit"),
        ("file_name,text\na.png,A.\n".encode("utf-16"), "not UTF-8 text"),
    ],
    ids=["quote", "field", "encoding"],
)
def test_a_table_that_cannot_be_read_is_one_sentence(table, says: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=says) as caught:
        folder.load("train", write_folder(tmp_path, table, "metadata.csv"))
    assert "metadata.csv" in str(caught.value)


@pytest.mark.parametrize("place", ["empty", "missing"])
def test_a_folder_without_a_table_is_one_sentence(place: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="neither metadata.jsonl nor metadata.csv; write one"):
        folder.load("train", tmp_path / place)


def test_a_folder_must_be_given() -> None:
    with pytest.raises(UserError, match="--data-path"):
        folder.load("train")


def test_a_folder_without_parts_holds_a_tenth_out_for_good(tmp_path: Path) -> None:
    names = [f"{n}.png" for n in range(200)]
    write_folder(tmp_path, lines(*({"file_name": name, "text": "A."} for name in names)))
    for name in names:
        (tmp_path / name).write_bytes(b"never opened here")
    train, validation = ({r.id for r in part.records} for part in both("folder", tmp_path))
    assert train.isdisjoint(validation) and train | validation == set(names)
    assert 8 <= len(validation) <= 32
    write_folder(tmp_path, lines(*({"file_name": name, "text": "A."} for name in names[:100])))
    later = {r.id for r in folder.load("validation", tmp_path).records}
    assert later == validation & set(names[:100])


# Pictures that do not open


def test_pictures_that_do_not_open_are_listed_with_their_reasons(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    records = [
        Record("good", png()),
        Record("cut", png()[:200]),
        Record("text", tmp_path / "text.png"),
        Record("gone", tmp_path / "gone.png"),
        Record("fine", tiny.picture()),
    ]
    found = readable(Dataset("mine", tuple(records), ("row 7: no file_name",)))
    assert found.name == "mine"
    assert found.records == (records[0], records[4])
    assert found.problems[0] == "row 7: no file_name"
    said = dict(problem.split(": ", 1) for problem in found.problems[1:])
    assert list(said) == ["picture cut", "picture text", "picture gone"]
    assert "damaged" in said["picture cut"] and "not a picture" in said["picture text"]
    assert "no picture file" in said["picture gone"]
    assert all(problem in found.report() for problem in found.problems)


def test_readable_changes_nothing_when_all_is_well(tmp_path: Path) -> None:
    dataset = fashion.load("train", _small_fashion(tmp_path))
    again = readable(dataset)
    assert (again.name, again.records, again.problems) == (
        dataset.name,
        dataset.records,
        dataset.problems,
    )


@pytest.mark.slow
def test_all_real_pictures_open(real_data: Path) -> None:
    for split in ("train", "validation"):
        assert not readable(fashion.load(split)).problems


def test_metadata_columns_of_a_folder_become_facts(tmp_path: Path) -> None:
    table = (
        "file_name,text,articleType,baseColour,price\n"
        "a.png,A red shirt.,Shirts,Red,12\nb.png,,Ties,NA,7\n"
    )
    records, problems = load_all(write_folder(tmp_path, table, "metadata.csv"))
    facts = {id: dict(record.facts) for id, record in records.items()}
    assert facts == {
        "a.png": {"articleType": "Shirts", "baseColour": "Red"},
        "b.png": {"articleType": "Ties"},
    }
    assert [turn.answer for turn in records["a.png"].turns] == ["A red shirt."]
    assert not problems


def test_metadata_alone_is_asked_about_by_the_grammars(tmp_path: Path) -> None:
    table = (
        "file_name,articleType,baseColour,kind,price\n"
        "a.png,Ties,Red,,12\nb.png,,,frog,7\nsub/c.png,,Blue,spaceship,9\n"
    )
    records, problems = load_all(write_folder(tmp_path, table, "metadata.csv"))
    tasks = {id: {turn.task for turn in record.turns} for id, record in records.items()}
    assert {"brief", "detailed", "json", "kind", "colour"} <= tasks["a.png"]
    assert "kind" in tasks["b.png"] and not tasks["sub/c.png"] and not problems
    told = {id: " ".join(turn.answer for turn in r.turns) for id, r in records.items()}
    assert "red tie" in told["a.png"] and "a frog" in told["b.png"]
