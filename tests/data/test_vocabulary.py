"""The vocabulary of everyday photographs: consistent tables, and what texts name."""

from itertools import pairwise

import pytest

from tests import ROOT
from vlm.data.vocabulary import english, objects


@pytest.mark.parametrize(
    ("plural", "singular"),
    [("dogs", "dog"), ("buses", "bus"), ("people", "person"), ("puppies", "puppy")]
    + [("women", "woman"), ("leaves", "leaf"), ("sheep", "sheep"), ("skis", "ski")]
    + [("grass", "grass"), ("horses", "horse"), ("benches", "bench"), ("policemen", "policeman")],
)
def test_singular_and_plural(plural: str, singular: str) -> None:
    assert english.singular(plural) == singular == english.singular(singular)
    assert english.plural("dog") == "dogs" and english.plural("ice cream") == "ice creams"
    if singular not in ("grass", "policeman"):
        assert english.plural(singular) == plural


def test_every_line_of_the_table_is_a_kind_with_its_names() -> None:
    text = (ROOT / "vlm/data/vocabulary/objects.txt").read_text()
    lines = [line for line in text.splitlines() if line[0] not in "#-"]
    assert len(objects.kinds()) == len(lines) > 300 and len(objects.names()) > 1000
    assert not {line for line in lines if line != line.rstrip() or "\t" in line}
    indents = [len(line) - len(line.lstrip()) for line in lines]
    assert all(after <= before + 2 and after % 2 == 0 for before, after in pairwise(indents))
    assert all(name == " ".join(english.words(name)) for name in objects.names())


def test_objects_are_read_by_their_names_and_near_misses_are_asked_about() -> None:
    asked = objects.asked()
    for name, row in asked.items():
        assert objects.head(f"a {name}") == (name, name)
        assert set(row.misses) <= set(asked)
        assert not objects.related(name) & set(row.misses)


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [
        ("two poodles", ("dog", "poodles")),
        ("a young surfer", ("person", "surfer")),
        ("a policeman", ("man", "policeman")),  # an officer too, but both are people
        ("his t-shirt", ("shirt", "t-shirt")),
        ("a tricycle", ("tricycle", "tricycle")),
        ("a board", ("", "")),  # a surfboard, a skateboard or a snowboard
        ("the camera", ("", "")),  # looked at
        ("a thing", ("", "")),
    ],
)
def test_the_last_words_of_a_phrase_name_its_object(phrase: str, expected: tuple) -> None:
    assert objects.head(phrase) == expected


def test_a_poodle_is_a_dog_and_a_bicycle_a_bike() -> None:
    assert objects.kinds_of("dog") == {"dog", "animal"}
    assert objects.kinds_of("bicycle") == {"bicycle", "bike", "vehicle"}
    assert "poodle" in objects.kinds() and "poodle" not in objects.examples_of("animal")
    assert {"man", "boy", "baby"} <= objects.examples_of("person")


@pytest.mark.parametrize(
    ("text", "sure"),
    [
        ("he slides down", []),
        ("a slide", ["slide"]),
        ("a group of ducks", ["duck"]),
        ("a group", ["group"]),
        ("a four-wheeler and a hot dog", ["four wheeler", "hot dog"]),
    ],
)
def test_a_word_that_is_often_a_verb_counts_where_a_noun_must_be(text: str, sure: list) -> None:
    found = objects.mentions(english.words(text))
    assert [mention.name for mention in found if mention.sure] == sure
