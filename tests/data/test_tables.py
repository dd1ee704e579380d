"""The reader of tables: the same rows from every format, and what is said about unreadable ones."""

import json
from pathlib import Path

import pytest

from tests.benchmark_fixtures import cell, png, write
from vlm.data import tables
from vlm.errors import UserError

ROWS = [{"name": "a", "note": "x, y"}, {"name": "b", "note": 'say "z"'}]


def table(path: Path, suffix: str) -> Path:
    """Write ROWS as a table of this format; return the file."""
    file = path / f"table{suffix}"
    if suffix == ".parquet":
        write(file, ROWS)
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
    assert list(tables.read(file)) == [tables.Row(n, cells) for n, cells in enumerate(ROWS)]
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


def test_cells_beyond_the_header_are_separate(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("a,b\n1\n1,2,3,4\n")
    assert tables.read_parsed(file) == [
        {"a": "1", "b": None},
        {"a": "1", "b": "2", tables.EXTRA_CELLS: ["3", "4"]},
    ]


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl"])
def test_text_that_is_not_utf8_is_a_user_error(suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"t{suffix}"
    file.write_bytes(b'{"a": "\xff"}\n{"a": 1}\n')
    with pytest.raises(UserError, match=f"t{suffix} is not UTF-8 text; save it as UTF-8"):
        tables.read_parsed(file)


def test_the_error_for_an_unknown_format_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="t.xlsx is not a table; .* csv, tsv, jsonl, ndjson, parq"):
        tables.read(tmp_path / "t.xlsx")


def test_pictures_are_found_by_content_or_by_file_name(tmp_path: Path) -> None:
    write(tmp_path / "t.parquet", [{"id": 7, "kind": "tie", "photo": cell(1)}])
    (record,) = tables.load(tmp_path / "t.parquet").records
    assert (record.id, record.image, record.facts) == ("7", png(1), {"id": "7", "kind": "tie"})
    (tmp_path / "a.png").write_bytes(png())
    (tmp_path / "metadata.csv").write_text("photo,year\na.png,2012.0\nb.png,2013\n")
    dataset = tables.load(tmp_path)
    assert [record.image for record in dataset.records] == [tmp_path / "a.png"]
    assert dataset.problems == ("row 1: no picture in photo",)


@pytest.mark.parametrize(
    ("cell", "text"),
    [(2012.0, "2012"), (0.5, "0.5"), (" a  b ", "a b"), (True, "True"), (3, "3")]
    + [(None, ""), ("NaN", ""), ("n/a", ""), ([1], ""), ({}, "")],
)
def test_cells_become_text(cell: object, text: str) -> None:
    assert tables.cell_text(cell) == text
