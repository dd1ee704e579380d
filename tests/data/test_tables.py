"""The reader of tables: the same rows from every format, and what is said about unreadable ones."""

import base64
import json
from pathlib import Path

import pytest

from tests.benchmark_fixtures import cell, png, write
from vlm.data import tables
from vlm.data.tables import pictures
from vlm.data.tables.load import load
from vlm.data.tables.rows import Row, cell_text
from vlm.errors import UserError

ROWS = [{"name": "a", "note": "x, y"}, {"name": "b", "note": 'say "z"'}]


def table(path: Path, suffix: str) -> Path:
    """Write ROWS as a table of this format; return the file."""
    file = path / f"table{suffix}"
    if suffix == ".parquet":
        write(file, ROWS)
    elif suffix == ".json":
        file.write_text(json.dumps(ROWS, indent=1))
    elif suffix in (".jsonl", ".ndjson"):
        file.write_text("\n".join(map(json.dumps, ROWS)))
    else:
        mark = {".csv": ",", ".tsv": "\t"}[suffix]
        quoted = [
            [json.dumps(value).replace('\\"', '""') for value in row.values()] for row in ROWS
        ]
        file.write_text("\n".join(map(mark.join, [["name", "note"], *quoted])))
    return file


@pytest.mark.parametrize("suffix", tables.READERS)
def test_every_format_gives_the_same_rows(suffix: str, tmp_path: Path) -> None:
    file = table(tmp_path, suffix)
    assert list(tables.read(file)) == [Row(n, cells) for n, cells in enumerate(ROWS)]
    assert tables.read_parsed(file) == ROWS
    upper = file.rename(tmp_path / f"TABLE{suffix.upper()}")
    assert tables.read_parsed(upper) == ROWS


def test_json_rows_are_numbered_by_line_and_bad_ones_have_a_problem(tmp_path: Path) -> None:
    file = tmp_path / "t.jsonl"
    file.write_text('{"a": 1}\n\n{"a":\n[1]\n{"a": 2}\n')
    rows = list(tables.read(file))
    assert [row.number for row in rows] == [0, 2, 3, 4]
    assert [row.problem for row in rows] == ["", "not valid JSON", "not a JSON object", ""]
    assert tables.read_parsed(file) == [{"a": 1}, {"a": 2}]


def test_more_cells_than_the_header_has_are_a_problem(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("a,b\n1\n1,2,\n1,2,3\n")
    assert tables.read_parsed(file) == [{"a": "1", "b": None}, {"a": "1", "b": "2"}]
    assert [row.problem for row in tables.read(file)] == [
        "",
        "",
        "3 cells, but the header has 2; put text with a comma in quotation marks",
    ]


@pytest.mark.parametrize("name", ["t.csv", "t.tsv"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_header_shows_the_delimiter(name: str, delimiter: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_text(f'a{delimiter}b\r\n1{delimiter}"x{delimiter} y"\r\n')
    assert tables.read_parsed(file) == [{"a": "1", "b": f"x{delimiter} y"}]


def test_a_table_of_one_column_and_excels_own_first_line(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a\nx; y\n")
    assert tables.read_parsed(tmp_path / "t.csv") == [{"a": "x; y"}]
    (tmp_path / "t.csv").write_text("sep=;\r\na;b,c\r\n1;2\r\n")
    assert tables.read_parsed(tmp_path / "t.csv") == [{"a": "1", "b,c": "2"}]


@pytest.mark.parametrize("name", ["t.json", "t.jsonl"])
def test_an_array_is_read_whatever_the_file_is_called(name: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_text(json.dumps([*ROWS, 5], indent=2))
    assert tables.read_parsed(file) == ROWS
    assert [row.problem for row in tables.read(file)] == ["", "", "not a JSON object"]


@pytest.mark.parametrize(
    "text", [json.dumps({"v": 1, "data": ROWS}), "\n".join(map(json.dumps, ROWS))]
)
def test_a_json_file_may_have_an_array_inside_or_lines(text: str, tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(text)
    assert tables.read_parsed(tmp_path / "t.json") == ROWS


@pytest.mark.parametrize("text", ["", "[1", '{"a": [1, 2]', "no"])
def test_json_that_is_no_table_is_a_user_error(text: str, tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(text)
    with pytest.raises(UserError, match="t.json is not a table; write an array of objects"):
        tables.read_parsed(tmp_path / "t.json")


URL = "data:image/png;base64," + base64.b64encode(png()).decode()


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        (png(), png()),
        ("a.png ", "a.png"),
        (URL, png()),
        ({"bytes": png(), "path": "a.png"}, png()),
        ({"bytes": None, "path": "a.png"}, "a.png"),
        ({"url": URL}, png()),
        ([{"bytes": png(), "path": None}], png()),
        (["a.png"], "a.png"),
    ],
    ids=str,
)
def test_every_kind_of_picture_cell_is_read(cell: object, value: bytes | str) -> None:
    assert pictures.unpack(cell) == value and not pictures.problem(cell)


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (None, "the picture is empty"),
        ({"bytes": b"", "path": None}, "the picture is empty"),
        ([], "the picture is empty"),
        ("data:image/png;base64,###", "the picture is empty"),
        (["a.png", "b.png"], "it has 2 pictures, and the models take one"),
        ("https://example.org/a.png", "the picture is an address on the web; download it"),
        (5, "the picture is int, not bytes or the name of a file"),
    ],
    ids=str,
)
def test_other_picture_cells_have_a_reason(cell: object, reason: str) -> None:
    assert pictures.unpack(cell) == b"" and pictures.problem(cell).startswith(reason)


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl"])
def test_text_that_is_not_utf8_is_a_user_error(suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"t{suffix}"
    file.write_bytes(b'{"a": "\xff"}\n{"a": 1}\n')
    with pytest.raises(UserError, match=f"t{suffix} is not UTF-8 text; save it as UTF-8"):
        tables.read_parsed(file)


def test_the_error_for_an_unknown_format_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match="t.xlsx is not a table; .* csv, tsv, jsonl, ndjson, json, parq"
    ):
        tables.read(tmp_path / "t.xlsx")


def test_pictures_are_found_by_content_or_by_file_name(tmp_path: Path) -> None:
    write(tmp_path / "t.parquet", [{"id": 7, "kind": "tie", "photo": cell(1)}])
    (record,) = load(tmp_path / "t.parquet").records
    assert (record.id, record.image, record.facts) == ("7", png(1), {"id": "7", "kind": "tie"})
    (tmp_path / "a.png").write_bytes(png())
    (tmp_path / "metadata.csv").write_text("photo,year\na.png,2012.0\nb.png,2013\n")
    dataset = load(tmp_path)
    assert [record.image for record in dataset.records] == [tmp_path / "a.png"]
    assert dataset.problems == ("row 1: no picture in photo",)


@pytest.mark.parametrize(
    ("cell", "text"),
    [(2012.0, "2012"), (0.5, "0.5"), (" a  b ", "a b"), (True, "True"), (3, "3")]
    + [(None, ""), ("NaN", ""), ("n/a", ""), ([1], ""), ({}, "")],
)
def test_cells_become_text(cell: object, text: str) -> None:
    assert cell_text(cell) == text
