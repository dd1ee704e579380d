"""The rules judge: what it reads out of a text, what it lets pass, what it marks down."""

import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlm.data.words import COLOURS, GENDERS, SINGULAR, USAGES
from vlm.metrics import rubric
from vlm.metrics.reading import claims, kin
from vlm.metrics.rules import judge

KEY = Path(__file__).parent / "key"
SHIRT = {"articleType": "Shirts", "baseColour": "Navy Blue", "gender": "Men", "usage": "Formal"}
SHIRT |= {"season": "Fall", "pattern": "striped", "material": "cotton"}
RIGHT = "A men's navy blue striped cotton shirt for formal wear, from the fall collection."


def lowered(text: str, facts=SHIRT) -> set[str]:
    """The metrics below full marks."""
    found = judge(text, facts)
    return {name for name in rubric.NAMES if getattr(found, name) not in (rubric.BEST, None)}


def test_a_right_description_has_full_marks():
    found = judge(RIGHT, SHIRT)
    assert found.scores == dict.fromkeys((*rubric.NAMES, "overall"), 10.0) and found.why == ""


@pytest.mark.parametrize(
    ("change", "metrics", "why"),
    [
        (("navy blue", "red"), {"colour", "factual"}, "says red, is navy blue"),
        (("navy blue", "turquoise"), {"colour", "factual"}, "says turquoise"),
        (("navy blue ", ""), {"colour"}, "colour is not said"),
        (("navy blue", "navy blue and red"), {"factual"}, "says red"),
        (("shirt", "tie"), {"category", "factual"}, "says tie, is shirts"),
        (("men's ", ""), {"gender"}, "gender is not said"),
        (("men's", "women's"), {"gender", "factual"}, "says women's, is men"),
        (("formal", "party"), {"style", "factual"}, "says party, is formal"),
        (("striped", "checked"), {"factual"}, "says checked, is striped"),
        (("cotton", "cotton slim-fit"), {"factual"}, "slim fit is not in the metadata"),
        (("fall", "summer"), {"factual"}, "says summer, is fall"),
    ],
)
def test_each_fault_costs_its_own_metrics_and_is_named(change, metrics, why):
    text = RIGHT.replace(*change)
    assert text != RIGHT and lowered(text) == metrics
    assert why in judge(text, SHIRT).why


@pytest.mark.parametrize(
    "text",
    [
        "A navy button-down shirt for guys, striped, made of cotton, for the office in autumn.",
        "This blue shirt for gentlemen is striped. It is made of cotton. Perfect for work wear.",
        '{"type": "shirt", "colour": "navy blue", "gender": "men", "usage": "formal"}',
        f"{RIGHT} It goes well with black jeans.",
        f"{RIGHT} It is shown on a plain white background.",
        f"{RIGHT} It is not a jacket and has no checks.",
        f"{RIGHT} Pair it with a red tie and a belt.",
        "Men’s NAVY-BLUE SHIRT, formal!",
    ],
)
def test_other_words_for_the_same_are_right(text):
    assert lowered(text) == set(), judge(text, SHIRT).why


@pytest.mark.parametrize(
    ("label", "said", "right"),
    [
        ("Navy Blue", "navy blue", True),
        ("Navy Blue", "blue", True),  # the family is true of its shade
        ("Blue", "navy", True),  # and a shade is of its family
        ("Navy Blue", "turquoise", False),  # two shades are two colours
        ("Grey", "gray", True),
        ("Gold", "golden", True),
        ("Burgundy", "wine red", True),
        ("Multi", "multicoloured", True),
        ("Multi", "red and yellow", True),
        ("Multi", "red", False),
        ("Skin", "skin-coloured", True),
        ("White", "black", False),
    ],
)
def test_synonyms_and_shades(label, said, right):
    marks = judge(f"A {said} top.", {"articleType": "Tops", "baseColour": label})
    assert marks.colour == 10.0 * right and (marks.factual == 10) == right


@pytest.mark.parametrize("both", ["Blue, White", "Blue and White", "Blue/White"])
@pytest.mark.parametrize(("said", "mark"), [("blue", 5), ("white and blue", 10), ("red", 0)])
def test_of_several_colours_the_share_that_is_named_counts(both, said, mark):
    assert judge(f"A {said} shirt.", {"baseColour": both}).colour == mark


@pytest.mark.parametrize(
    "text", ["for men and women", "unisex", "for him and her", "for women, and for men as well"]
)
def test_everyone_is_said_in_many_ways(text):
    facts = {"articleType": "Watches", "gender": "Unisex"}
    assert lowered(f"A watch {text}.", facts) == set()
    assert judge("A watch for men.", facts).gender == 0


def test_the_name_of_a_kind_hints_at_its_use_when_nothing_else_does():
    facts = {"articleType": "Casual Shoes", "usage": "Casual"}
    assert judge("A pair of casual shoes.", facts).style == 10
    assert judge("A pair of casual shoes for parties.", facts).style == 0


def test_other_pictures_are_judged_by_their_kind():
    assert judge("A small picture of a plane.", {"kind": "airplane"}).scores["overall"] == 10
    assert judge("A photograph of a dog.", {"kind": "cat"}).scores["overall"] == 0


@pytest.mark.parametrize(
    ("facts", "none"),
    [
        ({"articleType": "Shirts", "gender": "Men"}, {"colour", "style"}),
        (SHIRT | {"baseColour": "Zebra Pink"}, {"colour"}),
        (SHIRT | {"articleType": "Flying Carpet", "usage": ""}, {"category", "style"}),
    ],
)
def test_what_the_metadata_cannot_tell_is_left_out_not_zero(facts, none):
    found = judge("A red shirt for men.", facts)
    assert {name for name in rubric.NAMES if getattr(found, name) is None} == none


@pytest.mark.parametrize("facts", [{}, {"season": "Fall"}, {"baseColour": "Zebra Pink"}])
def test_nothing_to_judge_by_is_said(facts):
    found = judge(RIGHT, facts)
    assert found.unjudged and not found.scores


def test_an_empty_answer_is_all_wrong():
    assert judge("", SHIRT).scores == dict.fromkeys((*rubric.NAMES, "overall"), 0.0)


def test_every_label_of_the_metadata_is_understood():
    for key, labels in {"baseColour": COLOURS, "gender": GENDERS, "usage": USAGES}.items():
        for label in labels:
            said = f"{label}-coloured" if label == "Skin" else label
            assert any(c.key == key and label in c.labels for c in claims(f"It is {said}.")), label
    for label, phrase in SINGULAR.items():
        marks = judge(f"This is a {phrase}.", {"articleType": label})
        assert marks.category == 10, label


def test_kin_is_mutual():
    assert all((a in kin(b)) == (b in kin(a)) for a in COLOURS for b in COLOURS)


@given(st.text(max_size=200), st.dictionaries(st.sampled_from(sorted(SHIRT)), st.text(max_size=9)))
def test_any_text_and_any_metadata_give_marks_in_bounds(text, facts):
    assert all(0 <= mark <= 10 for mark in judge(text, facts).scores.values())


# --- against the hand-made key -------------------------------------------------------------------


def rows(name: str) -> list[dict]:
    return [json.loads(line) for line in (KEY / name).read_text().splitlines()]


def agreement(found: list[dict], name: str) -> float:
    """Share of rows where judge and key both give full marks, or both do not."""
    same = [
        (getattr(judge(row["text"], row["facts"]), name) == 10) == (row["key"][name] == 10)
        for row in found
    ]
    return sum(same) / len(same)


@pytest.mark.parametrize("name", rubric.NAMES)
def test_it_agrees_with_the_key(name):
    assert agreement(rows("key.jsonl"), name) >= 0.95


def test_it_catches_every_kind_of_planted_fault():
    caught: dict[str, list[bool]] = {}
    for row in rows("key.jsonl"):
        if row["fault"]:
            marks = judge(row["text"], row["facts"])
            low = [name for name, mark in row["key"].items() if mark < 10]
            caught.setdefault(row["fault"], []).append(any(getattr(marks, n) < 10 for n in low))
    assert len(caught) == 10
    assert {kind: hits for kind, hits in caught.items() if sum(hits) / len(hits) < 0.9} == {}


# Measured, never fitted: a fall below is a step back (tests/key/README.md has the figures).
FLOORS = {"colour": 0.98, "style": 0.88, "category": 0.86, "gender": 0.91, "factual": 0.75}


@pytest.mark.parametrize("name", rubric.NAMES)
def test_texts_that_it_was_not_fitted_to_are_judged_no_worse_than_before(name):
    assert agreement(rows("unseen.jsonl"), name) >= FLOORS[name]


def test_a_planted_fault_never_gets_full_marks_where_nothing_was_fitted():
    for row in rows("unseen.jsonl"):
        marks = judge(row["text"], row["facts"])
        low = [name for name, mark in row["key"].items() if mark < 10]
        assert not row["fault"] or any(getattr(marks, name) < 10 for name in low), row["text"]


@pytest.fixture(scope="module")
def held_out(real_data):
    from vlm.data import fashion

    return fashion.load("validation", real_data / "fashion-products").records


def captions(records) -> list[str]:
    return [next(t.answer for t in r.turns if t.task == "detailed") for r in records]


def overall(texts, records) -> float:
    marks = [judge(t, r.facts).scores["overall"] for t, r in zip(texts, records, strict=True)]
    return sum(marks) / len(marks)


def test_the_metadatas_own_captions_score_ten(held_out):
    assert overall(captions(held_out), held_out) == 10.0


def test_captions_of_other_pictures_score_below_five(held_out):
    texts = captions(held_out)
    for seed in range(5):
        assert overall(random.Random(seed).sample(texts, len(texts)), held_out) < 5.0


@pytest.mark.parametrize(
    "said",
    [
        "The background is mostly blue.",
        "The dog is mostly brown, the background mostly green.",
        "What surrounds it is mostly white.",
        "It stands against a grey background.",
    ],
)
def test_colours_of_the_scenery_are_no_claims(said: str) -> None:
    told = [
        claim
        for claim in claims(f"A photograph of a brown dog. {said}")
        if claim.key == "baseColour"
    ]
    assert [claim.words for claim in told] == ["brown"]
