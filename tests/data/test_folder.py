"""A folder of pictures with a table: its rows, its splits, and every row that is skipped."""

import codecs
import json
from pathlib import Path

import pytest

from tests import tiny
from tests.benchmark_fixtures import png
from vlm.data import folder, tables
from vlm.data.images import open_image
from vlm.errors import UserError
from vlm.types import Record


def write_folder(path: Path, table: str | bytes, name: str = "metadata.jsonl") -> Path:
    """Write a folder with the pictures a.png, b.png and sub/c.png and a table; return it."""
    (path / "sub").mkdir(parents=True, exist_ok=True)
    for number, file in enumerate(("a.png", "b.png", "sub/c.png")):
        (path / file).write_bytes(png(number))
    for old in tables.NAMES:
        (path / old).unlink(missing_ok=True)
    (path / name).write_bytes(table if isinstance(table, bytes) else table.encode())
    return path


def json_lines(*rows: dict) -> str:
    return "\n".join(json.dumps(row) for row in rows)


def load_all(path: Path) -> tuple[dict[str, Record], tuple[str, ...]]:
    """Return the records of both splits by id, and the problems."""
    train, validation = (folder.load(split, path) for split in folder.SPLITS)
    assert train.problems == validation.problems
    return {r.id: r for r in (*train.records, *validation.records)}, train.problems


def answers(record: Record) -> list[tuple[str, str]]:
    return [(turn.task, turn.answer) for turn in record.turns]


def test_json_rows_become_turns_and_a_picture_may_have_several(tmp_path: Path) -> None:
    table = json_lines(
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
    _, question, description = records["a.png"].turns
    assert question.prompt == "Is it red?" and description.prompt in folder.PROMPTS
    assert records["sub/c.png"].turns[0].prompt == "What colour?"
    assert open_image(records["sub/c.png"].image).size == (32, 32)


def test_csv_may_have_a_byte_order_mark_quotes_and_newlines(tmp_path: Path) -> None:
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


def test_json_lines_may_have_a_byte_order_mark_and_unusual_line_separators(tmp_path: Path) -> None:
    text = "One\u2028two\u0085three\x0cfour"
    first = json.dumps({"file_name": "a.png", "text": text}, ensure_ascii=False)
    second = json.dumps({"file_name": "b.png", "text": "B."})
    data = codecs.BOM_UTF8 + f"{first}\r\n{second}\r\n".encode()
    records, problems = load_all(write_folder(tmp_path, data))
    assert not problems
    assert answers(records["a.png"]) == [("describe", text)] and "b.png" in records


def test_different_spellings_of_a_path_are_one_record(tmp_path: Path) -> None:
    """Otherwise a picture could be in both splits."""
    names = ("a.png", "./a.png", "sub/../a.png")
    table = json_lines(*({"file_name": name, "text": name} for name in names))
    records, problems = load_all(write_folder(tmp_path, table))
    assert not problems and list(records) == ["a.png"]
    assert len(records["a.png"].turns) == 3


NO_CONTENT = "no text, no question and answer, and no metadata such as baseColour"
NO_NAME = "no file_name and no picture; the columns are"
BAD_ROWS = {  # a row of metadata.jsonl -> why it is skipped
    "{": "not valid JSON",
    "[1, 2]": "not a JSON object",
    "[" * 100_000: "not valid JSON",
    '{"year": ' + "1" * 5000 + "}": "not valid JSON",
    '{"file_name": "a.png", "text": "\\ud800"}': "not valid JSON",
    '{"text": "A."}': f"{NO_NAME} text",
    '{"file_name": 5, "text": "A."}': "the picture is int, not bytes or the name of a file",
    '{"file_name": NaN, "text": "A."}': f"{NO_NAME} file_name, text",
    '{"file_name": "z.png", "text": "A."}': "the file does not exist: z.png",
    '{"file_name": "sub", "text": "A."}': "the file does not exist: sub",
    '{"file_name": "a\\u0000.png", "text": "A."}': "file_name is not a possible file name",
    json.dumps({"file_name": "a" * 5000, "text": "A."}): "file_name is not a possible file name",
    '{"file_name": "../secret.png", "text": "A."}': "the file is outside the folder: ../secret.png",
    '{"file_name": "sub/../../secret.png", "text": "A."}': "the file is outside the folder: "
    "sub/../../secret.png",
    '{"file_name": "..\\\\secret.png", "text": "A."}': "the file is outside the folder: "
    "..\\secret.png",
    '{"file_name": "/etc/passwd", "text": "A."}': "the file is outside the folder: /etc/passwd",
    '{"file_name": "C:\\\\a.png", "text": "A."}': "the file is outside the folder: C:\\a.png",
    '{"file_name": "a.png"}': f"{NO_CONTENT}; the columns are file_name",
    '{"file_name": "a.png", "text": "  "}': f"{NO_CONTENT}; the columns are file_name, text",
    json.dumps({"file_name": "a.png", "question": "Q?"}): f"{NO_CONTENT}; the columns are "
    "file_name, question",
    '{"file_name": "a.png", "answer": "A."}': f"{NO_CONTENT}; the columns are file_name, answer",
    '{"image": ["a.png", "b.png"], "text": "A."}': "it has 2 pictures, and the models take one",
    '{"file_name": "a.png", "messages": [{"role": "user", "content": "Q?"}]}': "the conversation "
    "has no answer of an assistant",
    '{"file_name": "a.png", "messages": [{"text": "Q?"}]}': "a message has neither role and "
    "content nor from and value",
}


@pytest.mark.parametrize("bad", BAD_ROWS, ids=lambda row: row[:40].encode("unicode_escape"))
def test_a_bad_row_is_reported_with_its_number_and_reason(bad: str, tmp_path: Path) -> None:
    path = tmp_path / "data"
    good = json.dumps({"file_name": "b.png", "text": "B."})
    write_folder(path, f"{good}\n\n{bad}\n{good}\n")
    (tmp_path / "secret.png").write_bytes(png())
    records, problems = load_all(path)
    assert problems == (f"row 2: {BAD_ROWS[bad]}",)
    assert answers(records["b.png"]) == [("describe", "B."), ("describe", "B.")]


@pytest.mark.parametrize("question", ["Why?", " ", 5], ids=repr)
def test_a_description_is_used_despite_an_incomplete_question(question, tmp_path: Path) -> None:
    row = {"file_name": "a.png", "text": "A thing.", "question": question}
    records, problems = load_all(write_folder(tmp_path, json_lines(row)))
    assert not problems and answers(records["a.png"]) == [("describe", "A thing.")]


def test_bad_csv_rows_are_reported_too(tmp_path: Path) -> None:
    table = "file_name,text\na.png,A.\nz.png,Z.\nb.png\n,C.\na.png,more,than,asked\n"
    records, problems = load_all(write_folder(tmp_path, table, "metadata.csv"))
    assert problems == (
        "row 1: the file does not exist: z.png",
        f"row 2: {NO_CONTENT}; the columns are file_name, text",
        f"row 3: {NO_NAME} file_name, text",
        "row 4: 4 cells, but the header has 2; put text with a comma in quotation marks",
    )
    assert answers(records["a.png"]) == [("describe", "A.")]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ('file_name,text\na.png,"never closed\nb.png,B.\n', "a quotation mark that is not closed"),
        (f"file_name,text\na.png,{'x' * 140_000}\n", "field larger than field limit"),
        ("file_name,text\na.png,A.\n".encode("utf-16"), "not UTF-8 text"),
    ],
    ids=["quote", "field", "encoding"],
)
def test_a_table_that_cannot_be_read_is_a_user_error(table, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message) as caught:
        folder.load("train", write_folder(tmp_path, table, "metadata.csv"))
    assert "metadata.csv" in str(caught.value)


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("empty", "neither metadata.jsonl, .* nor metadata.parquet; write one of them, or put a"),
        ("missing", "missing does not exist; give a folder of pictures, or a table of them"),
        (
            "notes.docx",
            "is a file; give a folder of pictures, or a table .*: csv, .*, parquet, tar",
        ),
    ],
)
def test_a_folder_without_a_table_is_a_user_error(place: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.docx").touch()
    with pytest.raises(UserError, match=message):
        folder.load("train", tmp_path / place)


def test_a_path_is_required() -> None:
    with pytest.raises(UserError, match="--data-path"):
        folder.load("train")


def test_a_folder_without_splits_always_holds_out_the_same_tenth(tmp_path: Path) -> None:
    names = [f"{n}.png" for n in range(200)]
    write_folder(tmp_path, json_lines(*({"file_name": name, "text": "A."} for name in names)))
    for name in names:
        (tmp_path / name).write_bytes(b"not opened in this test")
    splits = [folder.load(split, tmp_path) for split in folder.SPLITS]
    train, validation = ({record.id for record in part.records} for part in splits)
    assert train.isdisjoint(validation) and train | validation == set(names)
    assert 8 <= len(validation) <= 32
    write_folder(tmp_path, json_lines(*({"file_name": name, "text": "A."} for name in names[:100])))
    later = {r.id for r in folder.load("validation", tmp_path).records}
    assert later == validation & set(names[:100])


@pytest.mark.parametrize("subfolder", ["", "train"])
@pytest.mark.parametrize("count", [1, 2, 5, 60])
def test_even_a_small_folder_holds_out_a_picture(
    count: int, subfolder: str, tmp_path: Path
) -> None:
    place = tmp_path / subfolder
    place.mkdir(exist_ok=True)
    rows = [{"file_name": f"{number}.png", "text": "A shoe."} for number in range(count)]
    for row in rows:
        tiny.picture().save(place / row["file_name"])
    (place / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    train, held_out = ({r.id for r in folder.load(s, tmp_path).records} for s in folder.SPLITS)
    assert len(train) + len(held_out) == count and not train & held_out
    assert train and (held_out or count == 1) and len(held_out) <= max(1, count // 5)


def test_metadata_columns_become_facts(tmp_path: Path) -> None:
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


def test_rows_with_only_metadata_get_turns_from_the_grammars(tmp_path: Path) -> None:
    table = (
        "file_name,articleType,baseColour,kind,price\n"
        "a.png,Ties,Red,,12\nb.png,,,frog,7\nsub/c.png,,Blue,spaceship,9\n"
    )
    records, problems = load_all(write_folder(tmp_path, table, "metadata.csv"))
    tasks = {id: {turn.task for turn in record.turns} for id, record in records.items()}
    assert {"brief", "detailed", "json", "kind", "colour"} <= tasks["a.png"]
    assert "kind" in tasks["b.png"] and not tasks["sub/c.png"] and not problems
    texts = {id: " ".join(turn.answer for turn in r.turns) for id, r in records.items()}
    assert "red tie" in texts["a.png"] and "a frog" in texts["b.png"]
