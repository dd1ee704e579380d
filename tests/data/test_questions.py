"""Yes/no questions, what a thing is not, conversations: right, balanced, various."""

from collections import Counter, defaultdict
from functools import cache
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.test_product_grammar import known_facts, wrong
from vlm.data.grammar import products, question_words, questions, words
from vlm.data.grammar.scenes import KINDS
from vlm.evaluation.metrics.reading import colour_family
from vlm.evaluation.metrics.replies import read_back, read_details, read_yes_no

KEYS = tuple(question_words.YES_NO)
READ_BACK = ("articleType", "baseColour", "gender", "usage")


@st.composite
def askable(draw) -> tuple[dict[str, str], str]:
    """Facts and one of their keys that can be asked about."""
    known = draw(known_facts().filter(lambda facts: questions.yes_no(facts, Random(0))))
    keys = [key for key in KEYS if questions.yes_no_about(known, key, Random(0))]
    return known, draw(st.sampled_from(keys))


def true_values(key: str, facts: dict[str, str]) -> set[str]:
    """Every label that is true of the thing, by the tables of the rules judge."""
    value = facts[key]
    if key == "baseColour":
        return set(colour_family(value))
    return {"Men", "Women", "Unisex"} if value == "Unisex" else {value}


# --- yes/no --------------------------------------------------------------------------------------


@settings(max_examples=300)
@given(askable(), st.integers(0, 99))
def test_yes_and_no_never_contradict_the_facts(asked: tuple[dict, str], seed: int) -> None:
    facts, key = asked
    (turn,) = questions.yes_no_about(facts, key, Random(seed))
    named, yes = read_back(turn.prompt), read_yes_no(turn.answer)
    assert turn.task == "yesno" and yes is not None
    if key in READ_BACK:
        only = " only " in turn.prompt
        true = {facts[key]} if only else true_values(key, facts)
        assert list(named) == [key] and (named[key] in true) == yes, turn
    elif key in products.DETAIL_KEYS:
        assert read_details(turn.prompt).get(key) is not None
        assert (read_details(turn.prompt)[key] == facts[key]) == yes, turn


@settings(max_examples=300)
@given(askable(), st.integers(0, 99))
def test_what_follows_yes_or_no_is_true(asked: tuple[dict, str], seed: int) -> None:
    facts, key = asked
    (turn,) = questions.yes_no_about(facts, key, Random(seed))
    assert not wrong(turn.answer)
    assert all(facts[name] == value for name, value in read_back(turn.answer).items()), turn
    assert all(facts[name] == value for name, value in read_details(turn.answer).items()), turn
    bare = turn.answer in ("Yes.", "No.")
    assert bare or read_back(turn.answer) or read_details(turn.answer), turn


COULD_BE = [
    ("articleType", "Tshirts", "Tops"),
    ("articleType", "Shirts", "Tops"),
    ("articleType", "Sandals", "Flats"),
    ("articleType", "Heels", "Sandals"),
    ("articleType", "Jeans", "Trousers"),
    ("articleType", "Handbags", "Clutches"),
    ("articleType", "Kurtas", "Kurtis"),
    ("baseColour", "Navy Blue", "Blue"),
    ("baseColour", "Olive", "Green"),
    ("baseColour", "Steel", "Grey"),
    ("usage", "Smart Casual", "Casual"),
    ("pattern", "floral", "printed"),
    ("neckline", "round neck", "crew neck"),
    ("style", "chronograph", "analogue"),
]


@pytest.mark.parametrize(("key", "one", "other"), COULD_BE)
def test_what_could_be_true_as_well_is_never_wrong(key: str, one: str, other: str) -> None:
    for value, never in ((one, other), (other, one)):
        rng = Random(0)
        drawn = {questions.wrong_value({key: value}, key, rng) for _ in range(500)}
        assert drawn and not drawn & {value, never}


def test_a_polo_shirt_is_a_shirt() -> None:
    polo = {"articleType": "Tshirts", "neckline": "polo collar"}
    rng = Random(0)
    assert "Shirts" not in {questions.wrong_value(polo, "articleType", rng) for _ in range(500)}
    plain = {"articleType": "Tshirts"}
    assert "Shirts" in {questions.wrong_value(plain, "articleType", rng) for _ in range(500)}


@pytest.mark.parametrize(
    "groups", [group for groups in question_words.ALIKE.values() for group in groups], ids=sorted
)
def test_labels_that_are_alike_are_spelt_as_elsewhere(groups: frozenset[str]) -> None:
    labels = {
        *words.SINGULAR,
        *words.COLOURS,
        *words.GENDERS,
        *words.USAGES,
        *question_words.FAMILIES,
    }
    assert groups <= labels | {row.value for row in words.DETAILS}


@pytest.mark.parametrize("key", KEYS)
def test_shares_and_wordings_fit_together(key: str) -> None:
    assert len(set(question_words.YES_NO[key])) == len(question_words.YES_NO[key]) >= 3
    assert min(question_words.SHARES[key].values()) > 0
    for value in question_words.SHARES[key]:
        facts = {key: value}
        if key == "family":
            facts = {"articleType": min(question_words.FAMILIES[value][1])}
        turns = [turn for n in range(40) for turn in questions.yes_no_about(facts, key, Random(n))]
        assert {read_yes_no(turn.answer) for turn in turns} == {True, False}
        assert len({turn.prompt for turn in turns}) >= 3


@cache
def many(count: int = 4000) -> list[dict[str, str]]:
    """Things whose facts are drawn, each for itself, as often as they occur."""
    rng, made = Random(0), []
    keys = (*READ_BACK, "pattern")
    for _ in range(count):
        facts = {
            key: rng.choices(*zip(*question_words.SHARES[key].items(), strict=True))[0]
            for key in keys
        }
        made.append(facts)
    return made


def test_yes_is_half_of_the_answers_for_each_fact_and_each_value() -> None:
    by_key, by_value = defaultdict(Counter), defaultdict(Counter)
    for number, facts in enumerate(many()):
        for turn in questions.yes_no(facts, Random(number), 3):
            yes = read_yes_no(turn.answer)
            for key, value in (read_back(turn.prompt) | read_details(turn.prompt)).items():
                by_key[key][yes] += 1
                by_value[value][yes] += 1
    for key in (*READ_BACK, "pattern"):
        assert by_key[key].total() > 500 and 0.45 < by_key[key][True] / by_key[key].total() < 0.55
    often = {value: count for value, count in by_value.items() if count.total() >= 200}
    assert {"Tshirts", "Shirts", "Black", "Blue", "Men", "Women", "Casual", "solid"} <= set(often)
    for value, count in often.items():
        assert 0.38 < count[True] / count.total() < 0.62, (value, count)


def test_the_question_does_not_give_the_answer_away() -> None:
    """What one learns of the wordings alone helps little on other questions."""
    learnt: dict[str, Counter] = defaultdict(Counter)
    right = asked = 0
    for number, facts in enumerate(many()):
        for turn in questions.yes_no(facts, Random(number)):
            yes = read_yes_no(turn.answer)
            if number % 2:
                learnt[turn.prompt][yes] += 1
            else:
                counts = learnt[turn.prompt]
                right += (counts[True] > counts[False]) == yes
                asked += 1
    assert asked == 4000 and right / asked < 0.6


def test_each_question_of_a_thing_is_about_another_fact() -> None:
    for number, facts in enumerate(many(200)):
        assert len(questions.yes_no(facts, Random(number))) == 2
        every = questions.yes_no(facts, Random(number), 99)
        named = [
            key for turn in every for key in read_back(turn.prompt) | read_details(turn.prompt)
        ]
        assert len(named) == len(set(named)) >= 4
    assert questions.yes_no({}, Random(0)) == ()
    assert questions.yes_no({"baseColour": "Multi"}, Random(0)) == ()  # any colour may be in it


# --- kinds of any sort ---------------------------------------------------------------------------


def test_is_it_of_ten_kinds() -> None:
    rng, seen = Random(0), Counter()
    for number in range(2000):
        kind = KINDS[number % 10]
        turn = questions.is_it(kind, [other for other in KINDS if other != kind], rng)
        yes = read_yes_no(turn.answer)
        named = next(other for other in KINDS if f" {other}" in turn.prompt)
        assert (named == kind) == yes and turn.task == "yesno" and not wrong(turn.answer)
        assert turn.answer in ("Yes.", "No.") or f" {kind}." in turn.answer
        seen[yes] += 1
    assert 0.46 < seen[True] / 2000 < 0.54
    assert questions.is_it("cat", [], rng).answer.startswith("Yes")


def test_is_not_passes_over_the_kind_itself() -> None:
    turns = [questions.is_not("cat", KINDS, Random(n)) for n in range(200)]
    assert all("not" in turn.answer and " cat" not in turn.answer for turn in turns)
    assert len({turn.answer for turn in turns}) > 20 and {turn.task for turn in turns} == {"not"}


# --- what it is not ------------------------------------------------------------------------------


@given(known_facts(), st.integers(0, 99))
def test_what_it_is_not_is_another_kind(facts: dict[str, str], seed: int) -> None:
    turns = questions.what_not(facts, Random(seed))
    assert len(turns) == (facts["articleType"] in question_words.SHARES["articleType"])
    for turn in turns:
        assert turn.task == "not" and not wrong(turn.answer)
        assert list(read_back(turn.answer)) == ["articleType"]
        other = read_back(turn.answer)["articleType"]
        assert not any({other, facts["articleType"]} <= near for near in question_words.NEAR)


def test_near_kinds_are_preferred_and_the_share_is_kept() -> None:
    drawn = Counter(
        questions.wrong_value({"articleType": "Heels"}, "articleType", Random(n))
        for n in range(2000)
    )
    assert drawn["Formal Shoes"] > 2 * drawn["Trousers"] and len(drawn) > 20  # their shares: 23, 18
    asked = sum(
        len(questions.what_not({"articleType": "Heels"}, Random(n), 0.5)) for n in range(999)
    )
    assert 430 < asked < 570
