"""Questions about photographs: made-up captions, phrases and boxes with known answers."""

from collections import Counter
from pathlib import Path

import pytest

from tests.scene_rows import dogs, entity_row, write_scenes
from vlm.data import scene_questions, scenes
from vlm.data.grammar.boxes import Box, read_regions
from vlm.data.scene_questions import captions, counts, kinds, presence, where
from vlm.data.scene_questions.scene import Scene, make_scene

CAPTIONS = ("A brown dog runs with a ball.", "A dog is chasing a red ball.", "The dog plays.")


def scene(texts=CAPTIONS, entities=None, id="a.jpg") -> Scene:
    return make_scene(id, texts, entities)


@pytest.mark.parametrize(
    ("text", "denied", "open_"),
    [
        ("A poodle runs.", "cat", "dog"),  # a kind of dog
        ("An animal runs.", "car", "dog"),  # what a dog is a kind of
        ("Two people walk down a street.", "dog", "car"),  # where cars are
        ("A person runs.", "horse", "man"),
        ("A girl runs.", "boy", "child"),
        ("Dogs fetch a frisbee.", "snow", "dog"),
    ],
)
def test_what_a_caption_denies(text: str, denied: str, open_: str) -> None:
    absent = scene((text,)).absent
    assert denied in absent and open_ not in absent


def test_a_toy_or_a_picture_of_a_thing_is_not_the_thing() -> None:
    found = scene(("A boy holds a toy car.", "A child with a toy car."))
    assert "car" not in found.heads and "car" not in found.absent


# Presence


def test_presence_is_balanced_in_every_picture_and_answers_begin_with_yes_or_no() -> None:
    for number in range(20):
        turns = presence.turns(scene(id=str(number)), presence.Frequencies())
        answers = Counter(turn.answer.split(",")[0] for turn in turns)
        assert answers == {"Yes": presence.PAIRS, "No": presence.PAIRS}
        assert len({turn.prompt for turn in turns}) == len(turns)


def test_a_near_miss_is_drawn_for_what_is_there() -> None:
    rng = presence.Random(0)
    for strategy, allowed in (("near miss", ("cat", "horse", "sheep", "bear", "goat")),):
        drawn = presence.draw_absent(scene(), strategy, presence.Frequencies(), rng)
        assert drawn in (*allowed, "balloon", "bubble", "frisbee")


def test_popular_and_adversarial_objects_follow_the_frequencies() -> None:
    others = [scene(("A cat on a couch.", "A cat.")), scene(("A guitar.", "A man has a guitar."))]
    known = presence.count_objects([*others, scene(("A dog and a horse.", "A dog.", "A horse."))])
    rng = presence.Random(0)
    drawn = {presence.draw_absent(scene(), "adversarial", known, rng) for _ in range(20)}
    assert "horse" in drawn and drawn <= {"horse", "couch"}  # beside a dog, beside an animal
    popular = {presence.draw_absent(scene(), "popular", known, rng) for _ in range(60)}
    assert popular <= {"cat", "couch", "guitar", "man", "person", "horse"} and len(popular) > 2


def test_captions_that_disagree_about_a_person_are_not_asked_about() -> None:
    row = entity_row("a.jpg", ["A woman sits.", "A girl sits.", "A woman sits."], [])
    row["phrases"] = [
        {"sentence": n, "entity": 7, "kind": "people", "phrase": text}
        for n, text in enumerate(("A woman", "A girl", "A woman"))
    ]
    row["boxes"] = [{"entity": 7, "xmin": 0, "ymin": 0, "xmax": 50, "ymax": 50}]
    assert presence.present(scene((), row)) == ["person"]


# Counts, places, kinds


def test_dogs_are_counted_where_captions_and_boxes_agree() -> None:
    two = dogs(boxes=((0, 0, 40, 40), (50, 50, 90, 90)))
    (turn,) = [turn for turn in counts.turns(scene((), two)) if "dog" in turn.prompt]
    assert turn.answer == "There are two dogs."
    assert counts.count(scene((), dogs(boxes=((0, 0, 40, 40),))), "dog") is None
    assert counts.count(scene((), dogs(boxes=())), "dog") is None


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("Two men sit.", "Two men are sitting."), 2),
        (("A man and a woman sit.", "A woman and a man."), 2),
        (("Two men sit.", "Three men sit."), None),
        (("People sit.", "Two people sit."), None),
        (("A group of people.", "Two people sit."), None),
        (("Two people in the street.", "Two people on a street."), None),  # more may pass by
        (("A dog runs.", "A dog."), 0),
    ],
)
def test_people_are_counted_only_if_captions_agree(texts: tuple, expected: int | None) -> None:
    assert counts.count_people(scene(texts)) == expected


def test_a_thing_with_one_box_is_asked_for_by_its_name() -> None:
    row = entity_row("a.jpg", ["A dog runs.", "The dog runs."], [("A dog", 0), ("The dog", 1)])
    row["boxes"] = [{"entity": 5, "xmin": -3, "ymin": 20, "xmax": 50, "ymax": 300}]
    (turn,) = where.turns(scene((), row))
    assert "the dog" in turn.prompt and turn.task == "where"
    assert turn.answer == "The dog is at <box>0,100,500,1000</box>."
    assert read_regions(turn.answer)[0].box == Box(0, 100, 500, 1000)
    row["phrases"].append({"sentence": 1, "entity": 6, "kind": "animals", "phrase": "a puppy"})
    assert not where.turns(scene((), row))  # two dogs


def test_the_main_things_are_those_that_most_captions_mention() -> None:
    (turn,) = kinds.turns(scene())
    assert turn.answer == "A dog and a ball."
    assert not kinds.turns(scene(("Somewhere.", "Nothing much.")))


@pytest.mark.parametrize(
    "texts",
    [
        ("A dog runs.", "A dog.", "Two dogs run."),
        ("A man with a dog.", "A boy with a dog.", "A woman with a dog."),
    ],
)
def test_the_main_things_are_not_asked_for_where_somebody_would_be_missing(texts: tuple) -> None:
    assert not kinds.turns(scene(texts))


# Captions


def test_a_short_and_a_long_description() -> None:
    texts = (
        "A brown dog is running through tall grass.",
        "A dog carrying a yellow stick in its mouth.",
        "Dog outside",
        "A cat sleeps on a white couch.",
    )
    (short,) = captions.short(scene(texts))
    assert short.answer == "A cat sleeps on a white couch."
    (long,) = captions.long(scene(texts[:3]))
    assert long.answer == (
        "A brown dog is running through tall grass. It is carrying a yellow stick in its mouth."
    )
    assert long.task == "long" and short.task == "short"


@pytest.mark.parametrize(
    "second",
    [
        "Two dogs carry a yellow stick together.",  # another number
        "A white dog carries a yellow stick along.",  # another colour
        "A dog runs with a yellow stick today.",  # says again that it runs
        "A brown dog is in tall grass.",  # nothing new
        "Brown dog carrying a yellow stick along.",  # telegram style
        "A dog holding a yellow stick and a cat on a couch.",  # the cat is not held
    ],
)
def test_a_contradiction_or_a_repetition_is_not_joined(second: str) -> None:
    first = "A brown dog is running through very tall grass near trees."
    assert not captions.long(scene((first, second)))


@pytest.mark.parametrize(
    "first",
    [
        "A brown dog on a bike zipping away while another very small one slips.",  # no verb
        "A brown dog whose very long tail is sticking out of the tall grass.",
        "Brown dog running through very tall grass near trees.",
    ],
)
def test_a_text_does_not_begin_without_a_subject_and_a_verb(first: str) -> None:
    assert not captions.long(scene((first, "A dog is carrying a yellow stick in its mouth.")))


# The data set


def test_questions_are_the_same_whatever_else_is_loaded(tmp_path: Path) -> None:
    folder = write_scenes(tmp_path)
    all_records, few = (scenes.load("train", folder, limit).records for limit in (0, 2))
    assert few == all_records[:2]
    tasks = {turn.task for record in all_records for turn in record.turns}
    assert tasks >= set(scene_questions.QUESTIONS) - {"long"}
    assert all(record.turns[0].task == "caption" for record in all_records)
    assert all(record.facts.keys() == {"captions"} for record in all_records)


def test_the_table_of_boxes_may_be_missing_or_have_bad_rows(tmp_path: Path) -> None:
    folder = write_scenes(tmp_path, with_entities=False)
    records = scenes.load("train", folder).records
    assert {turn.task for turn in records[0].turns} >= {"caption", "short", "presence", "what"}
    assert not any(turn.task == "where" for record in records for turn in record.turns)
    bad = [dogs() | {"width": 0}, dogs() | {"file_name": None}]
    folder = write_scenes(tmp_path / "bad", entities=bad)
    assert len(scenes.load("train", folder).records) == len(records)
