"""CIFAR-10: colours measured from pixels, what is said of them, and reading a kind back."""

import io
import json
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from vlm.data import cifar10
from vlm.data.colours import WORDS
from vlm.data.grammar import scenes, words
from vlm.evaluation.metrics import replies
from vlm.evaluation.metrics.replies import read_yes_no

COLOURS = [word for word in WORDS if word]
FACTS = st.fixed_dictionaries(
    {"kind": st.sampled_from(scenes.KINDS)},
    optional={"colour": st.sampled_from(COLOURS), "ground": st.sampled_from(COLOURS)},
)


def encoded(thing: tuple, ground: tuple) -> bytes:
    """A disc on a ground, 32x32 pixels, as a PNG."""
    image = Image.new("RGB", (32, 32), ground)
    ImageDraw.Draw(image).ellipse((6, 6, 26, 26), thing)
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


RED_ON_BLUE = encoded((220, 20, 30), (120, 170, 230))


def answers(facts: dict[str, str], task: str, seeds: int = 60) -> list[str]:
    found = [scenes.turns(facts, "a", seed) for seed in range(seeds)]
    return [turn.answer for turns in found for turn in turns if turn.task == task]


def test_the_colours_of_a_picture_become_facts() -> None:
    assert cifar10.measure_colours(RED_ON_BLUE, "automobile") == {"colour": "red", "ground": "blue"}


def test_no_animal_with_fur_is_red() -> None:
    assert cifar10.measure_colours(RED_ON_BLUE, "dog") == {"ground": "blue"}
    assert cifar10.measure_colours(RED_ON_BLUE, "bird")["colour"] == "red"


def test_a_damaged_picture_has_no_colours() -> None:
    assert cifar10.measure_colours(b"no picture", "dog") == {}
    assert cifar10.measure_colours(RED_ON_BLUE[:60], "ship") == {}


@given(FACTS, st.integers(0, 10**6))
def test_answers_name_the_facts_and_no_other_colour(facts: dict[str, str], seed: int) -> None:
    known = {facts.get("colour"), facts.get("ground")}
    for turn in scenes.turns(facts, "7", seed):
        said = set(turn.answer.lower().replace(".", " ").replace(",", " ").split())
        assert not (said & set(COLOURS)) - known, turn
        if turn.task not in ("not", "colour", "chat", "yesno"):
            assert replies.read_kind(turn.answer) == facts["kind"], turn
        assert turn.answer[0].isupper() or turn.answer[0] == "{"
        assert "  " not in turn.answer and "{" not in turn.answer[1:]


@given(FACTS, st.integers(0, 10**6))
def test_articles_fit_their_words(facts: dict[str, str], seed: int) -> None:
    for turn in scenes.turns(facts, "7", seed):
        for text in (turn.answer, turn.prompt if turn.task == "yesno" else ""):
            parts = text.lower().split()
            for article, noun in zip(parts, parts[1:], strict=False):
                if article in ("a", "an"):
                    assert (article == "an") == (noun[0] in "aeiou"), text


@given(FACTS, st.integers(0, 10**6))
def test_json_has_only_what_is_clear(facts: dict[str, str], seed: int) -> None:
    (turn,) = [turn for turn in scenes.turns(facts, "7", seed) if turn.task == "json"]
    names = {"kind": "type", "colour": "colour", "ground": "background"}
    assert json.loads(turn.answer) == {names[key]: value for key, value in facts.items()}


def test_a_detailed_answer_names_every_clear_colour() -> None:
    facts = {"kind": "airplane", "colour": "white", "ground": "blue"}
    found = answers(facts, "detailed")
    assert len(set(found)) >= 5
    assert all("white" in answer and "blue" in answer for answer in found)
    for key, word in (("colour", "white"), ("ground", "blue")):
        one = answers({"kind": "airplane", key: word}, "detailed")
        assert len(set(one)) >= 4 and all(word in answer for answer in one)


def test_brief_answers_vary_and_stay_short() -> None:
    found = answers({"kind": "airplane", "colour": "white", "ground": "blue"}, "brief")
    assert len(set(found)) >= 10
    assert max(len(answer.split()) for answer in found) < 20
    assert "A white airplane against a blue background." in found


def test_colour_is_asked_only_where_it_is_clear() -> None:
    assert not answers({"kind": "cat", "ground": "green"}, "colour")
    found = answers({"kind": "cat", "colour": "black"}, "colour")
    assert found and all("black" in answer.lower() for answer in found)


def test_prompts_are_those_of_every_data_set() -> None:
    facts = {"kind": "cat", "colour": "black", "ground": "green"}
    for turn in [turn for seed in range(20) for turn in scenes.turns(facts, "a", seed)]:
        if turn.task in words.PROMPTS:
            assert turn.prompt in words.PROMPTS[turn.task]


def test_questions_for_products_are_few_and_answered_honestly() -> None:
    tasks, records = Counter(), 300
    for id in range(records):
        turns = scenes.turns({"kind": "ship"}, str(id))
        found = [turn for turn in turns if turn.task in scenes.NO_PRODUCT]
        assert len(found) <= 1
        tasks.update(turn.task for turn in found)
        for turn in found:
            assert "a ship" in turn.answer and ("not" in turn.answer or "no" in turn.answer.lower())
    assert set(tasks) == {"gender", "usage", "season"}
    assert 0.3 * records < tasks.total() < 0.5 * records


def test_yes_and_no_are_balanced_for_every_kind() -> None:
    counts = Counter()
    for id in range(2000):
        kind = scenes.KINDS[id % 10]
        for turn in scenes.turns({"kind": kind}, str(id)):
            if turn.task == "yesno":
                asked, yes = replies.read_kind(turn.prompt), read_yes_no(turn.answer)
                assert yes == (asked == kind), turn
                counts[asked, yes] += 1
    for kind in scenes.KINDS:
        share = counts[kind, True] / (counts[kind, True] + counts[kind, False])
        assert 0.35 < share < 0.65, kind


def test_every_kind_has_one_near_kind() -> None:
    paired = [kind for pair in scenes.PAIRS for kind in pair]
    assert sorted(paired) == sorted(scenes.KINDS)


def test_what_it_is_not_is_never_what_it_is() -> None:
    for id in range(200):
        for turn in scenes.turns({"kind": "cat"}, str(id)):
            if turn.task == "not":
                assert replies.read_kind(turn.answer) not in ("", "cat"), turn


def test_the_same_id_and_seed_give_the_same_turns() -> None:
    facts = {"kind": "dog", "colour": "brown"}
    assert scenes.turns(facts, "5") == scenes.turns(facts, "5", 0)
    assert scenes.turns(facts, "5") != scenes.turns(facts, "6")
    assert scenes.turns(facts, "5") != scenes.turns(facts, "5", 1)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("A plane.", "airplane"),
        ("An aeroplane in the sky.", "airplane"),
        ("Two CARS on a street.", "automobile"),
        ("It is a kitten", "cat"),
        ("puppies", "dog"),
        ("a red fire engine", "truck"),
        ("Lorries and boats.", "truck"),
        ("A boat near a car.", "ship"),
        ('{"type": "deer", "colour": "brown"}', "deer"),
        ("A jet black cat.", "cat"),
        ("A jet above the clouds.", "airplane"),
        ("No, it is a horse.", "horse"),
        ("The cat's colour is black.", "cat"),
        ("It does not look like anything.", ""),
        ("A card, a dogma, planets, cattle and a carpet.", ""),
        ("A cat-like thing on a dog-eared page.", ""),
        ("A black casual shirt for men.", ""),
        ("", ""),
    ],
)
def test_a_kind_is_read_by_whole_words_and_the_first_counts(text: str, kind: str) -> None:
    assert replies.read_kind(text) == kind


def test_every_name_is_read_as_its_kind() -> None:
    for kind in scenes.KINDS:
        for name in (kind, *scenes.ALIASES[kind]):
            assert replies.read_kind(f"This is a {name}.") == kind


def test_product_answers_name_no_kind() -> None:
    """A garment's own words must not be read as one of the ten."""
    for kind in words.SINGULAR.values():
        assert replies.read_kind(f"A {kind}.") == "", kind


def test_real_colours_are_clear_often_enough_and_plausible(real_data) -> None:
    records = cifar10.load("validation", limit=600).records
    clear = [record.facts for record in records if len(record.facts) > 1]
    assert 0.3 < len(clear) / len(records) < 0.6
    grounds = Counter(record.facts.get("ground") for record in records)
    kinds = {"airplane", "ship"}
    blue = [r.facts["kind"] in kinds for r in records if r.facts.get("ground") == "blue"]
    assert sum(blue) / len(blue) > 0.6  # sky and sea; two of ten kinds
    assert grounds["green"] > grounds["red"]
    assert random.Random(0).choice(records).turns
