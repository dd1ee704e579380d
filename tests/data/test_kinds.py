"""The names of ImageNet's classes, the kinds that they belong to, and questions about them."""

import re
from pathlib import Path
from random import Random

import pytest
from timm.data import ImageNetInfo

from vlm.data.kinds import kinds
from vlm.data.kinds.kinds import ARTICLES, Kind
from vlm.data.kinds.questions import PERHAPS, SURE, Questions, likely
from vlm.data.kinds.swaps import Swaps
from vlm.errors import UserError

TABLE = kinds.load()
BY_NAME = {kind.name: number for number, kind in enumerate(TABLE)}
FEW = (
    Kind("1", "a", "beagle", ("hound", "dog", "animal")),
    Kind("2", "a", "basset hound", ("hound", "dog", "animal")),
    Kind("3", "a", "pug", ("dog", "animal")),
    Kind("4", "an", "abacus"),
    Kind("5", "plural", "sunglasses", ("glasses",)),
    Kind("6", "-", "hay", ("grass", "plant")),
)


def test_the_table_has_every_class_in_the_order_of_the_classifiers() -> None:
    assert [kind.id for kind in TABLE] == ImageNetInfo().label_names()


def test_names_are_plain_and_have_the_right_article() -> None:
    for kind in TABLE:
        assert kind.article in ARTICLES and not re.search(r"[_,;()]", kind.name)
        if kind.article in ("a", "an"):
            vowel = re.match(r"(?!uni|one)[aeiou]|hour", kind.name, re.I)
            assert (kind.article == "an") == bool(vowel), kind.name
    assert len({kind.name for kind in TABLE}) == 999  # ImageNet has sunglasses twice


def test_kinds_are_nested_in_the_same_way_everywhere() -> None:
    """A kind is never both above and below another one, and never a class's own name."""
    pairs = {(a, b) for k in TABLE for n, a in enumerate(k.broader) for b in k.broader[n + 1 :]}
    assert not {(a, b) for a, b in pairs if (b, a) in pairs}
    assert all(kind.name not in kind.broader for kind in TABLE)
    dogs = [number for number, kind in enumerate(TABLE) if "dog" in kind.broader]
    assert set(range(151, 269)) <= set(dogs) and len(dogs) == 121  # and three wild ones


@pytest.mark.parametrize(
    ("name", "broader"),
    [("cheetah", "cat"), ("convertible", "car"), ("school bus", "bus"), ("violin", "animal")],
)
def test_some_kinds(name: str, broader: str) -> None:
    assert (broader in TABLE[BY_NAME[name]].broader) == (broader != "animal")


def test_names_that_the_table_replaced_are_still_synonyms() -> None:
    assert "killer" in kinds.imagenet_synonyms()[TABLE[BY_NAME["killer whale"]].id]


def test_a_table_of_another_classifier(tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    file.write_text('wnid,article,name,kinds\nx,an,owl,"bird, animal"\ny,-,hay,\n')
    assert kinds.load(file) == (Kind("x", "an", "owl", ("bird", "animal")), Kind("y", "-", "hay"))
    file.write_text("wnid,article,name,kinds\nx,the,owl,bird\n")
    with pytest.raises(UserError, match="none of the articles a, an, plural, -, in row 0"):
        kinds.load.__wrapped__(file)
    assert kinds.from_labels(["ice_cream, cone", "owl"])[1].phrase == "an owl"
    assert kinds.from_labels(["ice_cream, cone"])[0].phrase == "an ice cream"


def test_siblings_are_of_the_narrowest_kind_that_has_others() -> None:
    assert kinds.siblings(FEW)[:4] == [[1], [0], [0, 1], []]


def test_the_narrowest_shared_kind() -> None:
    assert kinds.narrowest_shared(FEW[:2]) == "hound"
    assert kinds.narrowest_shared(FEW[:3]) == "dog"
    assert kinds.narrowest_shared([FEW[0], FEW[3]]) == ""


# questions


def test_a_sure_answer_names_the_class_and_an_unsure_one_its_kind() -> None:
    questions = Questions(FEW)
    sure = questions.turns({0: SURE + 0.1, 1: 0.1}, Random(0))
    assert [turn.task for turn in sure] == ["what", "presence", "caption"]
    assert "beagle" in sure[0].answer and "beagle" in sure[2].answer
    (unsure,) = questions.turns({0: 0.4, 1: 0.3, 2: 0.2}, Random(0))
    assert unsure.answer == "Some kind of dog, perhaps a beagle."
    (vague,) = questions.turns({0: PERHAPS - 0.02, 2: 0.1, 1: 0.1}, Random(0))
    assert vague.answer == "Some kind of dog."
    (torn,) = questions.turns({0: 0.4, 3: 0.3}, Random(0))
    assert torn.answer == "Perhaps a beagle."


def test_likely_classes_have_most_of_the_probability() -> None:
    assert likely({0: 0.5, 1: 0.02, 2: 0.3}) == [0, 2]
    assert likely({0: 0.5, 1: 0.4, 2: 0.1}) == [0, 1]


def test_yes_and_no_are_balanced_and_true() -> None:
    questions, rng = Questions(FEW), Random(0)
    for number, kind in enumerate(FEW):
        turns = [questions.presence(number, rng) for _ in range(300)]
        yes = [turn for turn in turns if turn.answer.startswith("Yes")]
        assert 0.4 < len(yes) / len(turns) < 0.6
        asked = {turn.prompt for turn in yes}
        true = {kind.phrase, *map(kinds.with_article, kind.broader)}
        assert {re.sub(r"(Is this|Are these) |\?", "", prompt) for prompt in asked} <= true
        for turn in turns:
            if turn.answer.startswith("No"):
                assert re.sub(r"(Is this|Are these) |\?", "", turn.prompt) not in true


def test_plurals_and_uncounted_things_are_spoken_of_as_such() -> None:
    questions, rng = Questions(FEW), Random(1)
    texts = {questions.what(FEW[4], rng).answer for _ in range(30)}
    assert texts == {"Sunglasses.", "These are sunglasses."}
    assert {questions.what(FEW[5], rng).answer for _ in range(30)} == {"Hay.", "This is hay."}


# captions


@pytest.mark.parametrize(
    ("caption", "before", "after"),
    [
        ("A black and white dog runs on a beach.", "", " runs on a beach."),
        ("A man walks a small brown dog", "A man walks ", ""),
        ("The dog jumps.", "The ", " jumps."),
    ],
)
def test_a_noun_is_changed_together_with_its_adjectives(caption, before, after) -> None:
    swapped, number = Swaps(FEW).swap(caption, Random(0))
    name = FEW[number].name
    assert number < 3 and swapped.startswith(before) and swapped.endswith(f"{name}{after}")


@pytest.mark.parametrize("caption", ["Two dogs run.", "A dog bed.", "A child in a hat.", ""])
def test_other_captions_are_left_out(caption: str) -> None:
    assert Swaps(FEW).swap(caption, Random(0)) is None
