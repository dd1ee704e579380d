"""The caption grammar over every row of the real data set, where it is at hand."""

import json
import os
import re
from collections import Counter
from pathlib import Path

import pytest

from tests import ROOT
from tests.data.test_product_grammar import NAMED, tokens, wrong
from vlm.data.grammar import products, question_words, words
from vlm.data.grammar.products import facts, turns
from vlm.evaluation.metrics.replies import read_back, read_details

AFTER_BRAND = re.compile(r"\b(men|women|boys?|girls?|unisex|kids|woman|mens)\b", re.I)


@pytest.fixture(scope="module")
def fashion_frame() -> list[dict]:
    """All rows of the real data set, without the pictures."""
    parquet = pytest.importorskip("pyarrow.parquet")
    shared = ROOT.parent / "shared" / "data"
    for root in (os.environ.get("VLM_DATA"), shared):
        folder = Path(root, "fashion-products") if root else None
        if folder and (folder / "train.parquet").is_file():
            columns = ["id", "productDisplayName", *products.METADATA]
            tables = [parquet.read_table(f, columns=columns) for f in folder.glob("*.parquet")]
            return [row for table in tables for row in table.to_pylist()]
    pytest.skip("no fashion-products: set VLM_DATA to the folder that holds it")


@pytest.fixture(scope="module")
def described(fashion_frame) -> list[tuple[dict, dict, tuple]]:
    found = ((row, facts(row)) for row in fashion_frame)
    return [(row, known, turns(known, str(row["id"]))) for row, known in found]


def test_real_rows_read_back(described):
    for _, known, said in described:
        for turn in (turn for turn in said if turn.task in NAMED):
            wanted = {key: known[key] for key in NAMED[turn.task] if key in known}
            assert read_back(turn.answer) == wanted, turn.answer


def test_real_rows_are_english(described):
    answers = {turn.answer for *_, said in described for turn in said}
    answers = {answer for answer in answers if not answer.startswith("{")}
    assert not [(answer, wrong(answer)) for answer in answers if wrong(answer)]
    assert not {"none", "nan", "na"} & {word for text in answers for word in tokens(text)}
    detailed = [turn.answer for *_, said in described for turn in said if turn.task == "detailed"]
    assert {answer.count(". ") + 1 for answer in detailed} == {2, 3}
    shapes = {re.sub(r"\b[a-z'-]{3,}\b", "_", answer) for answer in detailed}
    assert len(shapes) >= 300


def test_real_rows_brief_answers_are_brief(described):
    lengths = [
        len(turn.answer.split())
        for *_, said in described
        for turn in said
        if turn.task not in ("detailed", "json", "chat")
    ]
    assert len(lengths) > 1000 and max(lengths) < 20


def test_detailed_answers_about_real_rows_name_every_detail(described):
    for _, known, said in described:
        wanted = {key: known[key] for key in products.DETAIL_KEYS if key in known}
        for turn in said:
            if turn.task in ("detailed", "json"):
                assert read_details(turn.answer) == wanted, turn.answer


def test_real_rows_have_questions_of_every_sort(described):
    counts = Counter(turn.task for *_, said in described for turn in said)
    size = len(described)
    assert counts["yesno"] == 2 * products.YES_NO * size and counts["chat"] == size
    assert 0.45 * size < counts["not"] < 0.55 * size
    told = Counter(len(turn.history) for *_, said in described for turn in said)
    assert told.keys() == {0, 1, 2} and min(told[1], told[2]) > 0.4 * size


def test_real_rows_name_no_brand(described):
    closed = set(tokens(json.dumps([words.SINGULAR, words.COLOURS, words.GENDERS, words.USAGES])))
    closed |= set(tokens(json.dumps([words.OPENINGS, words.OPENINGS_WORN, words.ANSWERS])))
    closed |= set(tokens(json.dumps([words.HAVING, words.WEAR, words.SEASONAL, words.NUMBER])))
    closed |= set(tokens(json.dumps([row[:2] + row[3:5] for row in words.DETAILS])))
    closed |= set(
        tokens(
            json.dumps(
                [
                    question_words.NOT_ANSWERS,
                    question_words.YES,
                    question_words.NO,
                    question_words.TRUTHS,
                ]
            )
        )
    )
    closed |= {*products.DETAIL_KEYS, "plain", "multi", "an", "and", "fall", "summer", "winter"}
    closed |= {"spring", "type", "gender", "usage", "coloured", "nude", "skin"}
    brands = set()
    for row, *_ in described:
        name = AFTER_BRAND.split(row["productDisplayName"] or "")
        brands |= set(tokens(name[0])) if len(name) > 1 else set()
    said = {word for *_, given in described for turn in given for word in tokens(turn.answer)}
    assert len(brands) > 100 and not said & (brands - closed)
    assert said <= closed
