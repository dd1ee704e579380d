"""`python -m vlm caption`: pairs that the data set `folder` reads."""

import json
from pathlib import Path

import pytest

from tests import tiny
from vlm import load
from vlm.__main__ import main as command
from vlm.data import cifar10, folder
from vlm.errors import UserError
from vlm.teach import caption
from vlm.types import Record

KINDS = cifar10.KINDS[:3]


def record(number: int) -> Record:
    facts = {"kind": KINDS[number % 3]}
    turns = cifar10.turns(facts, str(number))
    return Record(str(number), tiny.noise(number), turns, facts)


RECORDS = tuple(record(number) for number in range(20))


def test_as_many_of_each_class_are_drawn_by_the_seed() -> None:
    some = caption.per_class(RECORDS, 4)
    assert [[r.facts["kind"] for r in some].count(kind) for kind in KINDS] == [4, 4, 4]
    assert some == caption.per_class(RECORDS, 4) != caption.per_class(RECORDS, 4, seed=1)
    assert [int(r.id) for r in some] == sorted(int(r.id) for r in some)


def test_too_few_pictures_of_a_class_are_named() -> None:
    with pytest.raises(UserError, match=f"but {KINDS[2]} has 6 pictures"):
        caption.per_class(RECORDS, 7)
    with pytest.raises(UserError, match="no classes"):
        caption.per_class([Record("a", tiny.picture())], 1)


def test_labels_describe_by_the_grammar_and_a_picture_without_any_is_named() -> None:
    for row, text in zip(RECORDS, caption.texts(RECORDS, "labels"), strict=True):
        assert text in [turn.answer for turn in row.turns]
        assert cifar10.read_kind(text) == row.facts["kind"]
    with pytest.raises(UserError, match="Picture a has no metadata"):
        list(caption.texts([Record("a", tiny.picture())], "labels"))


def test_pairs_are_read_back_as_a_data_set(tmp_path: Path) -> None:
    assert caption.write(RECORDS, caption.texts(RECORDS, "labels"), tmp_path / "out") == 20
    found = [*folder.load("train", tmp_path / "out").records]
    found += folder.load("validation", tmp_path / "out").records
    assert {r.turns[0].answer for r in found} == set(caption.texts(RECORDS, "labels"))
    assert {r.facts["kind"] for r in found} == set(KINDS)
    with pytest.raises(UserError, match="not empty"):
        caption.write(RECORDS, [], tmp_path / "out")


def test_a_model_teaches_by_the_command(tmp_path: Path, capsys) -> None:
    load.save(tiny.bundle(), tmp_path / "model")
    source = tmp_path / "source"
    caption.write(RECORDS, caption.texts(RECORDS, "labels"), source)
    given = [f"folder={source}", str(tmp_path / "out"), "--teacher", str(tmp_path / "model")]
    assert command(["caption", *given, "--per-class", "2", "--device", "cpu"]) == 0
    assert "Wrote 6 pairs" in capsys.readouterr().out
    rows = [json.loads(line) for line in (tmp_path / "out/metadata.jsonl").read_text().splitlines()]
    made = [Record("", tmp_path / "out" / row["file_name"]) for row in rows]
    assert [row["text"] for row in rows] == list(
        caption.texts(made, str(tmp_path / "model"), "cpu")
    )
