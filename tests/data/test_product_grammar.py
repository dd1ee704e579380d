"""The caption grammar: true, natural, varied, free of names, and readable back to the facts."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlm.data.grammar import products, words
from vlm.data.grammar.products import facts, turns
from vlm.evaluation.metrics.replies import read_back

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
ASKED = {"yesno", "not", "chat"}  # what `questions` adds
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
        **{key: SHIRT[key] for key in products.METADATA},
        "pattern": "checked",
        "fit": "slim",
    }
    assert facts(SHOES)["material"] == "leather"
    assert facts(SHOES)["style"] == "slip-on"


@pytest.mark.parametrize("missing", [None, float("nan"), "NA", "nan", "None", ""])
def test_a_missing_value_is_not_a_fact(missing):
    row = SHIRT | {"baseColour": missing, "usage": missing, "productDisplayName": missing}
    assert set(facts(row)) == set(products.METADATA) - {"baseColour", "usage"}
    tasks = {turn.task for n in range(30) for turn in turns(facts(row), "1", n)}
    assert tasks == ASKED | set(NAMED) - {"colour", "usage"}
    assert facts({}) == {}
    assert all(not wrong(turn.answer) for turn in turns({}, "1") if turn.answer != "{}")


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
def test_brand_and_model_are_not_details(kind, name):
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
            assert all(read_back(f"{form}").get(key) == label for form in said), label
    for row in words.DETAILS:
        assert read_back(f"{row.adjective} item with {row.noun}") == {}, row
    prompts = [prompt for said in words.PROMPTS.values() for prompt in said]
    assert len(set(prompts)) == len(prompts)
    assert set(words.PROMPTS) == set(NAMED) and min(map(len, words.PROMPTS.values())) >= 8
    assert min(len(words.OPENINGS), len(words.OPENINGS_WORN)) >= 6
    assert min(map(len, words.ANSWERS.values())) >= 3


@given(known_facts(), st.text(max_size=8), st.integers(0, 9))
def test_every_answer_is_english_and_reads_back(known, id, seed):
    for turn in turns(known, id, seed):
        if turn.task in NAMED:
            wanted = {key: known[key] for key in NAMED[turn.task] if key in known}
            assert read_back(turn.answer) == wanted, turn.answer
            assert turn.prompt in words.PROMPTS[turn.task]
        if not turn.answer.startswith("{"):
            assert not wrong(turn.answer), turn.answer
    assert turns(known, id, seed) == turns(dict(known), id, seed)


@given(known_facts())
def test_detailed_answers_name_every_detail(known):
    held = [row for row in words.DETAILS if known.get(row.key) == row.value]
    for answer in (turn.answer for turn in turns(known, "7") if turn.task == "detailed"):
        for row in held:
            said = {row.noun, row.adjective, f"of {row.value}", f"is {row.value}"} - {""}
            said |= {"plain"} if row.value == "solid" else set()
            assert any(text in answer for text in said), (row, answer)


@given(known_facts())
def test_json_answers_are_objects_in_order(known):
    answer, again = (turn.answer for turn in turns(known, "7") if turn.task == "json")
    assert answer == again
    keys = ["type", "colour", "gender", "usage", "season", *products.DETAIL_KEYS]
    record = json.loads(answer)
    assert list(record) == [key for key in keys if key in record]
    assert "\n" not in answer and all(record.values())


@given(known_facts(), st.integers(0, 9))
def test_brief_answers_stay_under_twenty_words(known, seed):
    for turn in turns(known, "7", seed):
        if turn.task not in ("detailed", "json", "chat"):
            assert len(turn.answer.split()) < 20, turn.answer


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
        (
            '{"type": "Sports Shoes", "gender": "boys"',
            {"articleType": "Sports Shoes", "gender": "Boys"},
        ),
    ],
)
def test_reading_other_wordings(text, found):
    assert read_back(text) == found
