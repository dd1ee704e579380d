"""The caption grammar: true, natural, varied, free of names, and readable back to the facts."""

import json
import os
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vlm.data import captions, words
from vlm.data.captions import facts, read_back, turns

READ = ("articleType", "baseColour", "gender", "usage", "season")
NAMED = {
    "brief": READ[:3],
    "detailed": READ,
    "json": READ,
    "kind": READ[:1],
    "colour": READ[1:2],
    "gender": READ[2:3],
    "usage": READ[3:4],
    "season": READ[4:],
}
SHIRT = {
    "articleType": "Shirts",
    "subCategory": "Topwear",
    "masterCategory": "Apparel",
    "baseColour": "Navy Blue",
    "gender": "Men",
    "usage": "Formal",
    "season": "Fall",
    "productDisplayName": "Acme Men Slim Fit Check Navy Blue Shirt 1042",
}
SHOES = {
    "articleType": "Casual Shoes",
    "subCategory": "Shoes",
    "masterCategory": "Footwear",
    "baseColour": "Off White",
    "gender": "Unisex",
    "usage": "Smart Casual",
    "season": "Summer",
    "productDisplayName": "Acme Unisex Leather Slip-On Casual Shoes",
}
AFTER_BRAND = re.compile(r"\b(men|women|boys?|girls?|unisex|kids|woman|mens)\b", re.I)


def tokens(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


def wrong(answer: str) -> str:
    """What is wrong with an answer as English, empty when nothing is."""
    for article, word in re.findall(r"\b(an?) (\w+)", answer, re.I):
        vowel = word[0].lower() in "aeiou" and word != "unisex"
        if (article.lower() == "an") != vowel:
            return f"{article} {word}"
    if "  " in answer or " ." in answer or " ," in answer or re.search(r"[{}\[\]\d]", answer):
        return "stray characters"
    if not answer[0].isupper() or not answer.endswith(".") or ".." in answer:
        return "no sentence"
    if re.search(r"[Pp]air of [^.]* (are|have)\b|They (is|has)\b|It (are|have)\b", answer):
        return "wrong number"
    return ""


@st.composite
def known_facts(draw) -> dict[str, str]:
    """Any combination of labels, with details the article type may have."""
    kind = draw(st.sampled_from(sorted(words.SINGULAR)))
    found = {"articleType": kind} | ({"subCategory": "Topwear"} if kind in words.TOPS else {})
    tables = (words.COLOURS, words.GENDERS, words.USAGES, words.SEASONS)
    for key, table in zip(READ[1:], tables, strict=True):
        label = draw(st.none() | st.sampled_from(sorted(table)))
        found |= {key: label} if label else {}
    details = [row for row in words.DETAILS if kind in row.kinds]
    chosen = draw(st.lists(st.sampled_from(details), max_size=4)) if details else []
    return found | {row.key: row.value for row in chosen}


def test_facts_of_a_row():
    assert facts(SHIRT) == {
        **{key: SHIRT[key] for key in captions.METADATA},
        "pattern": "checked",
        "fit": "slim",
    }
    assert facts(SHOES)["material"] == "leather"
    assert facts(SHOES)["style"] == "slip-on"


@pytest.mark.parametrize("missing", [None, float("nan"), "NA", "nan", "None", ""])
def test_a_missing_value_is_no_fact(missing):
    row = SHIRT | {"baseColour": missing, "usage": missing, "productDisplayName": missing}
    assert set(facts(row)) == set(captions.METADATA) - {"baseColour", "usage"}
    assert {turn.task for turn in turns(facts(row), "1")} == set(NAMED) - {"colour", "usage"}
    assert facts({}) == {}
    assert all(not wrong(turn.answer) for turn in turns({}, "1") if turn.task != "json")


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("Tshirts", "Classic Polo Men Navy Tshirt"),
        ("Tshirts", "U.S. Polo Assn. Men Tshirt"),
        ("Sweaters", "Turtle Men Sweater"),
        ("Casual Shoes", "Red Tape Men Shoes"),
        ("Casual Shoes", "Puma Women Cabana Racer SL Shoes"),
        ("Watches", "Fastrack Women Denim Steel Watch"),
        ("Heels", "Clarks Women Soma Silk Heels"),
        ("Tops", "Doodle Flower Girl Green Top"),
        ("Shirts", "Highlander Men Shirt"),
    ],
)
def test_a_brand_or_model_is_no_detail(kind, name):
    assert facts({"articleType": kind, "productDisplayName": name}) == {"articleType": kind}


def test_the_special_pattern_wins():
    for name, pattern in {
        "Acme Women Flower Print Blue Top": "floral",
        "Acme Women Stripes Solid Grey Top": "striped",
        "Acme Women Block Check Top": "checked",
        "Acme Women Graphic Printed Top": "graphic print",
    }.items():
        assert facts({"articleType": "Tops", "productDisplayName": name})["pattern"] == pattern


def test_tables_are_unmistakable():
    assert len(set(words.SINGULAR.values())) == len(words.SINGULAR)
    for key, table in words.FORMS.items():
        for label, said in table.items():
            assert all(captions._forms(key)[0][form] == label for form in said), label
    for row in words.DETAILS:
        assert read_back(f"{row.adjective} item with {row.noun}") == {}, row
    prompts = [prompt for said in words.PROMPTS.values() for prompt in said]
    assert len(set(prompts)) == len(prompts)
    assert set(words.PROMPTS) == set(NAMED) and min(map(len, words.PROMPTS.values())) >= 8
    assert min(len(words.OPENINGS), len(words.OPENINGS_WORN)) >= 6
    assert min(map(len, words.ANSWERS.values())) >= 3


@settings(deadline=None)
@given(known_facts(), st.text(max_size=8), st.integers(0, 9))
def test_every_answer_is_english_and_reads_back(known, id, seed):
    for turn in turns(known, id, seed):
        wanted = {key: known[key] for key in NAMED[turn.task] if key in known}
        assert read_back(turn.answer) == wanted, turn.answer
        assert turn.prompt in words.PROMPTS[turn.task]
        if turn.task != "json":
            assert not wrong(turn.answer), turn.answer
    assert turns(known, id, seed) == turns(dict(known), id, seed)


@settings(deadline=None)
@given(known_facts())
def test_detailed_says_every_detail(known):
    held = [row for row in words.DETAILS if known.get(row.key) == row.value]
    for answer in (turn.answer for turn in turns(known, "7") if turn.task == "detailed"):
        for row in held:
            said = {row.noun, row.adjective, f"of {row.value}", f"is {row.value}"} - {""}
            said |= {"plain"} if row.value == "solid" else set()
            assert any(text in answer for text in said), (row, answer)


@settings(deadline=None)
@given(known_facts())
def test_json_answers_are_objects_in_order(known):
    (answer,) = (turn.answer for turn in turns(known, "7") if turn.task == "json")
    keys = ["type", "colour", "gender", "usage", "season", *captions.DETAIL_KEYS]
    record = json.loads(answer)
    assert list(record) == [key for key in keys if key in record]
    assert "\n" not in answer and all(record.values())


def test_variants_and_seeds():
    known = facts(SHIRT)
    brief = {turn.answer for n in range(200) for turn in turns(known, "1", n)[:2]}
    detailed = {turn.answer for n in range(200) for turn in turns(known, "1", n)[2:4]}
    assert len(brief) >= 12 and len(detailed) >= 150
    assert turns(known, "1", 0) != turns(known, "1", 1) != turns(known, "2", 1)
    for count in (0, 1, 5):
        tasks = [turn.task for turn in turns(known, "1", variants=count)]
        assert tasks.count("brief") == tasks.count("detailed") == count
        assert tasks.count("colour") == 1
    several = [turn for turn in turns(known, "1", variants=5) if turn.task == "brief"]
    assert len({turn.answer for turn in several}) == len({turn.prompt for turn in several}) == 5


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        ("A black and white T-shirt", {"articleType": "Tshirts", "baseColour": "Black"}),
        ("navy-blue casual shoes", {"articleType": "Casual Shoes", "baseColour": "Navy Blue"}),
        ("Multicolored scarves", {"articleType": "Scarves", "baseColour": "Multi"}),
        ("a high-top shoe", {}),
        ("It is for men & women.", {"gender": "Unisex"}),
        ("a women’s smart casual look", {"gender": "Women", "usage": "Smart Casual"}),
        ("gray lounge T-shirt", {"articleType": "Lounge Tshirts", "baseColour": "Grey"}),
        ('{"type": "Sports Shoes", "gender": "boys"', {"articleType": "Sports Shoes",
                                                       "gender": "Boys"}),
    ],
)  # fmt: skip
def test_reading_other_wordings(text, found):
    assert read_back(text) == found


@pytest.fixture(scope="module")
def fashion_frame() -> list[dict]:
    """All rows of the real data set, without the pictures."""
    parquet = pytest.importorskip("pyarrow.parquet")
    shared = Path(__file__).parents[2] / "shared" / "data"
    for root in (os.environ.get("VLM_DATA"), shared):
        folder = Path(root, "fashion-products") if root else None
        if folder and (folder / "train.parquet").is_file():
            columns = ["id", "productDisplayName", *captions.METADATA]
            tables = [parquet.read_table(f, columns=columns) for f in folder.glob("*.parquet")]
            return [row for table in tables for row in table.to_pylist()]
    pytest.skip("no fashion-products: set VLM_DATA to the folder that holds it")


@pytest.fixture(scope="module")
def described(fashion_frame) -> list[tuple[dict, dict, tuple]]:
    found = ((row, facts(row)) for row in fashion_frame)
    return [(row, known, turns(known, str(row["id"]))) for row, known in found]


def test_real_rows_read_back(described):
    for _, known, said in described:
        for turn in said:
            wanted = {key: known[key] for key in NAMED[turn.task] if key in known}
            assert read_back(turn.answer) == wanted, turn.answer


def test_real_rows_are_english(described):
    answers = {turn.answer for *_, said in described for turn in said if turn.task != "json"}
    assert not [(answer, wrong(answer)) for answer in answers if wrong(answer)]
    assert not {"none", "nan", "na"} & {word for text in answers for word in tokens(text)}
    detailed = [turn.answer for *_, said in described for turn in said if turn.task == "detailed"]
    assert {answer.count(". ") + 1 for answer in detailed} == {2, 3}
    shapes = {re.sub(r"\b[a-z'-]{3,}\b", "_", answer) for answer in detailed}
    assert len(shapes) >= 300


def test_real_rows_name_no_brand(described):
    closed = set(tokens(json.dumps([words.SINGULAR, words.COLOURS, words.GENDERS, words.USAGES])))
    closed |= set(tokens(json.dumps([words.OPENINGS, words.OPENINGS_WORN, words.ANSWERS])))
    closed |= set(tokens(json.dumps([words.HAVING, words.WEAR, words.SEASONAL, words.NUMBER])))
    closed |= set(tokens(json.dumps([row[:2] + row[3:5] for row in words.DETAILS])))
    closed |= {*captions.DETAIL_KEYS, "plain", "multi", "an", "and", "fall", "summer", "winter"}
    closed |= {"spring", "type", "gender", "usage", "coloured", "nude", "skin"}
    brands = set()
    for row, *_ in described:
        name = AFTER_BRAND.split(row["productDisplayName"] or "")
        brands |= set(tokens(name[0])) if len(name) > 1 else set()
    said = {word for *_, given in described for turn in given for word in tokens(turn.answer)}
    assert len(brands) > 100 and not said & (brands - closed)
    assert said <= closed
