"""python -m vlm quiz: questions out of anyone's table, and reading them again as a benchmark."""

import csv
import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import benchmark_fixtures as fixtures
from tests import tiny
from vlm import __main__ as commands
from vlm.data.tables.load import load as load_table
from vlm.errors import UserError
from vlm.evaluation.benchmarks import quiz, quiz_maker
from vlm.types import Record

COLOURS = ("Red", "Blue", "Green", "Black", "Navy Blue", "red")
SIZES = ("small", "medium", "large")


def records(count: int) -> list[Record]:
    """Pictures with two columns to ask about and four that are none."""
    return [
        Record(
            f"r{n}",
            fixtures.png(n % 5),
            (),
            {
                "baseColour": COLOURS[n % len(COLOURS)],
                "item_size": SIZES[n % 3],
                "number": str(n),
                "shop": "ours",
                "text": ("long " * 20) + str(n % 3),
            },
        )
        for n in range(count)
    ]


@pytest.fixture
def table(tmp_path):
    """A csv beside its pictures; the fourth row's picture is missing, the fifth is none."""
    folder = tmp_path / "shop"
    folder.mkdir()
    rows = []
    for number, record in enumerate(records(24)):
        (folder / f"{number}.png").write_bytes(record.image)
        rows.append({"file_name": f"{number}.png", **record.facts})
    (folder / "3.png").unlink()
    (folder / "4.png").write_bytes(b"no picture")
    with open(folder / "metadata.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return folder


def command(capsys, *args):
    """Exit code and what was said."""
    try:
        code = commands.main([str(arg) for arg in args])
    except SystemExit as end:
        code = end.code
    said = capsys.readouterr()
    return code, said.out, said.err


def test_a_table_becomes_a_benchmark(table, tmp_path, capsys):
    out = tmp_path / "quiz"
    code, text, _ = command(capsys, "quiz", table, "--out", out)
    assert code == 0 and "44 questions about 22 pictures" in text
    assert "row 3: no picture in file_name" in text and "picture 4: This file is not" in text
    assert "number: nearly every picture has a different value" in text
    assert "shop: only one value" in text and "text: has texts of more than 60 characters" in text
    made = quiz.load("", out)
    assert len(made.questions) == 44 and not made.problems and made.circular
    assert sorted(path.name for path in out.iterdir()) == [
        "pictures",
        "questions.jsonl",
        "quiz.json",
    ]
    report = json.loads((out / "quiz.json").read_text())
    assert report["questions"] == {"baseColour": 22, "item_size": 22}
    assert {q.text for q in made.questions} == {
        "What is the base colour of this item?",
        "What is the item size of this item?",
    }
    facts = [json.loads(line) for line in (out / "questions.jsonl").read_text().splitlines()]
    first = next(row for row in facts if row["category"] == "item_size")
    assert first["answer"] == "small" and sorted(first["options"]) == sorted(SIZES)
    assert (out / first["file_name"]).read_bytes() == (table / "0.png").read_bytes()


def test_the_same_seed_makes_the_same_quiz_another_one_does_not():
    made = [quiz_maker.make(records(30), seed=seed).rows for seed in (1, 1, 2)]
    assert made[0] == made[1] != made[2]


def test_correct_answers_are_in_each_place_equally_often():
    rows = quiz_maker.make(records(48), options=3).rows
    places = Counter(row["options"].index(row["answer"]) for row in rows)
    assert max(places.values()) - min(places.values()) <= 2  # one for each number of options
    assert Counter(row["category"] for row in rows) == {"baseColour": 48, "item_size": 48}


@given(
    st.lists(
        st.fixed_dictionaries(
            {}, optional={c: st.text("AaBbCc s-", max_size=4) for c in ("one", "two", "tre")}
        ),
        min_size=1,
        max_size=40,
    ),
    st.integers(1, 4),
    st.integers(2, 6),
)
@settings(max_examples=60)
def test_whatever_the_facts_no_option_is_right_but_one(facts, per_picture, options):
    given_records = [Record(str(n), b"", (), fact) for n, fact in enumerate(facts)]
    try:
        rows = quiz_maker.make(given_records, per_picture, options).rows
    except UserError:
        return
    for row in rows:
        folded = [option.casefold() for option in row["options"]]
        assert 2 <= len(folded) <= options and len(set(folded)) == len(folded)
        assert row["options"].count(row["answer"]) == 1
        own = facts[row["picture"]][row["category"]]
        assert own.casefold() == row["answer"].casefold()
        others = [option for option in row["options"] if option != row["answer"]]
        assert not any(quiz_maker.may_mean_the_same(row["answer"], other) for other in others)
    assert max(Counter(row["picture"] for row in rows).values()) <= per_picture


@pytest.mark.parametrize(
    ("first", "second", "close"),
    [
        ("Red", "red", True),
        ("Blue", "Navy Blue", True),
        ("T-shirts", "Tshirt", True),
        ("Sandals", "sandal", True),
        ("Maroon", "Red", True),  # a shade
        ("Red", "Blue", False),
        ("Men", "Women", False),
        ("Shorts", "Shirts", False),
        ("-", "+", False),
    ],
)
def test_values_that_can_both_be_correct(first, second, close):
    assert (
        quiz_maker.may_mean_the_same(first, second)
        == quiz_maker.may_mean_the_same(second, first)
        == close
    )


def test_wrong_options_are_about_as_frequent_as_the_right_one():
    often = [Record(str(n), b"", (), {"kind": f"often{n % 5}"}) for n in range(500)]
    seldom = [Record(f"s{n}", b"", (), {"kind": f"seldom{n % 20}"}) for n in range(60)]
    for row in quiz_maker.make(often + seldom, options=3).rows:
        if row["answer"].startswith("often"):
            assert all(option.startswith("often") for option in row["options"])


@pytest.mark.parametrize(
    ("name", "words"),
    [("baseColour", "base colour"), ("base_colour", "base colour"), ("YEAR", "year")],
)
def test_column_names_become_words(name, words):
    assert quiz_maker.readable(name) == words


@pytest.mark.parametrize("kind", ["parquet", "jsonl", "csv", "tsv"])
def test_each_kind_of_table_gives_the_same_facts(tmp_path, kind):
    file = tmp_path / f"t.{kind}"
    rows = [{"year": 2012.0, "kind": "shoe", "none": None, "image": "0.png"}]
    (tmp_path / "0.png").write_bytes(fixtures.png())
    if kind == "parquet":
        fixtures.write(file, [rows[0] | {"image": fixtures.cell(), "tags": ["a"]}])
    elif kind == "jsonl":
        file.write_text(json.dumps(rows[0]))
    else:
        mark = {"csv": ",", "tsv": "\t"}[kind]
        file.write_text(mark.join(rows[0]) + "\n" + mark.join(["2012", "shoe", "NA", "0.png"]))
    (record,) = load_table(file).records
    assert record.facts == {"year": "2012", "kind": "shoe"}


def test_a_named_data_set_is_accepted(real_data, tmp_path, capsys):
    args = ("quiz", "fashion", "--data-path", real_data / "fashion-products", "--limit", 40)
    code, text, _ = command(capsys, *args, "--out", tmp_path / "q", "--per-picture", 1)
    assert code == 0 and "40 questions about 40 pictures" in text
    assert len(quiz.load("", tmp_path / "q", 7).questions) == 7


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda p: p / "nothing", "does not exist"),
        (lambda p: p, "contains neither metadata.jsonl nor metadata.csv"),
        (
            lambda p: (p / "t.txt").write_text("x") and p / "t.txt",
            "is not a table; use one of these formats: csv, tsv, jsonl",
        ),
        (lambda p: (p / "t.csv").write_text("a,b\n1,2\n") and p / "t.csv", "it has a, b"),
        (
            lambda p: (p / "t.csv").write_text('a\n"open') and p / "t.csv",
            "cannot be read at line 1",
        ),
        (
            lambda p: (p / "t.csv").write_bytes(b"a\n\xff") and p / "t.csv",
            "is not UTF-8 text",
        ),
        (lambda p: (p / "t.jsonl").write_text("{") and p / "t.jsonl", "it has no rows"),
    ],
)
def test_something_other_than_a_table_is_a_user_error_and_writes_nothing(
    make, said, tmp_path, capsys
):
    code, _, error = command(capsys, "quiz", make(tmp_path), "--out", tmp_path / "q")
    assert code == 2 and said in error and error.count("\n") == 1
    assert not (tmp_path / "q").exists()


def test_a_folder_that_is_not_empty_is_unchanged(table, tmp_path, capsys):
    out = tmp_path / "q"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    code, _, error = command(capsys, "quiz", table, "--out", out)
    assert code == 2 and "already exists and is not empty" in error
    assert [path.name for path in out.iterdir()] == ["mine.txt"]


def test_a_quiz_that_cannot_be_written_leaves_no_half(tmp_path, monkeypatch):
    made = quiz_maker.make(records(12))
    monkeypatch.setattr(quiz_maker.files, "write_json", lambda *args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        quiz_maker.write(tmp_path / "q", made, records(12), {})
    assert not list(tmp_path.iterdir())


def test_no_usable_column_is_a_user_error():
    alike = [Record(str(n), tiny.picture(), (), {"shop": "ours"}) for n in range(3)]
    with pytest.raises(UserError, match="No column is usable for a quiz .shop: only one value"):
        quiz_maker.make(alike)
    with pytest.raises(UserError, match="there are none"):
        quiz_maker.make([Record("a", tiny.picture())])
