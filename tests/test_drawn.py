"""Drawn products: what is drawn is what is said of it."""

from __future__ import annotations

import colorsys
import importlib
import itertools
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vlm.data import captions, cifar10, taxonomy, words

FOLDER = Path(__file__).resolve().parents[1] / "examples"
sys.path.insert(0, str(FOLDER))  # the drawings are scripts beside the pictures, not a package
many = importlib.import_module("draw_many")
colours = importlib.import_module("draw_colours")
looks = importlib.import_module("draw_looks")
place = importlib.import_module("draw_place")
shapes = importlib.import_module("draw_shapes")
studios = importlib.import_module("draw_studio")
tops = importlib.import_module("draw_tops")

KINDS, SCENES = many.KINDS, many.SCENES
DRAWN = [(slug, pattern) for slug, kind in KINDS.items() for pattern in sorted({*kind.patterns})]
SAID = {"dotted": "polka dot", "": None, "washed": None, "gradient": None}  # pattern as a fact
SIZE = 48
# The products whose own colour covers nearly all of them.
WHOLE = ("polo", "tshirt", "shirt", "dress", "handbag", "wallet", "cap", "heels", "shorts", "tie")


def rng(*seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def hsv(colour: tuple[float, float, float]) -> np.ndarray:
    hue, saturation, value = colorsys.rgb_to_hsv(*(part / 255 for part in colour))
    return np.array([360 * hue, 100 * saturation, 100 * value])


def words_for(colour: tuple[float, float, float]) -> set[str]:
    """The words whose ranges hold the colour."""
    found, (hue, *rest) = set(), hsv(colour)
    for word, box in ((word, box) for word, boxes in colours.WORDS.items() for box in boxes):
        around = any(box[0][0] <= hue + turn <= box[0][1] for turn in (0, -360))
        if around and all(low <= x <= high for x, (low, high) in zip(rest, box[1:], strict=True)):
            found.add(word)
    return found


def median(word: str, slug: str) -> np.ndarray:
    """The median colour of a solid product in light and shade, [3]."""
    kind, chance = KINDS[slug], rng(len(word), 1)
    pattern = "solid" if "solid" in kind.patterns else ""
    with shapes.framed(SIZE, 2):
        studio = studios.Studio(1234)
        kind.draw(studio, kind.look(word, pattern, chance))
        cover = np.asarray(studio.cover.resize((SIZE, SIZE))) > 250
        return np.median(np.asarray(studio.finished(), float)[cover], axis=0)


# Colour words


def test_every_colour_word_is_one_of_the_data_set() -> None:
    assert set(colours.WORDS) <= set(words.COLOURS)


@pytest.mark.parametrize("word", colours.WORDS)
def test_a_colour_is_drawn_within_its_word_alone(word: str) -> None:
    rounding = 1e-9  # a saturation of 0 has no hue
    for number in range(50):
        colour = colours.drawn(word, rng(number))
        if hsv(colour)[1] > rounding:
            assert words_for(colour) == {word}


@pytest.mark.parametrize(
    ("colour", "word"),
    [
        (tops.NAVY.cloth, "Navy Blue"),
        ((110, 18, 40), "Burgundy"),
        ((34, 112, 178), "Blue"),
        ((196, 24, 38), "Red"),
        ((118, 66, 36), "Brown"),
    ],
)
def test_the_examples_have_the_words_they_are_named_by(colour: tuple, word: str) -> None:
    assert words_for(colour) == {word}


@pytest.mark.parametrize("slug", WHOLE)
def test_the_product_seen_is_nearest_to_its_own_word(slug: str) -> None:
    main = {"Black", "White", "Red", "Green", "Navy Blue", "Purple", "Yellow", "Brown"}
    centres = {w: np.mean([colours.drawn(w, rng(n)) for n in range(40)], axis=0) for w in main}
    for word in main & set(KINDS[slug].colours):
        seen = median(word, slug)
        nearest = min(main, key=lambda w: float(np.linalg.norm(centres[w] - seen)))
        assert nearest == word, f"{word} {slug} is seen as {seen.round()}"


# What a row says


@pytest.mark.parametrize(("slug", "pattern"), DRAWN)
def test_facts_are_spelled_as_the_data_set_and_the_captions_read_them(slug: str, pattern: str):
    kind = KINDS[slug]
    for word in set(kind.colours):
        row = kind.facts(word, pattern)
        known = captions.facts(row)
        assert row["subCategory"] == taxonomy.SUBCATEGORY[row["articleType"]]
        assert row["baseColour"] in colours.WORDS and row["gender"] in words.GENDERS
        assert row["usage"] in words.USAGES and "season" not in row
        assert known.get("pattern") == SAID.get(pattern, pattern)
        if pattern in ("washed", "gradient"):
            assert known["style"] == pattern


@pytest.mark.parametrize(
    ("slug", "details"),
    [
        ("polo", {"neckline": "polo collar", "sleeve": "short sleeves"}),
        ("tshirt", {"neckline": "round neck", "sleeve": "short sleeves"}),
        ("shirt", {"sleeve": "long sleeves"}),
        ("dress", {"sleeve": "sleeveless"}),
        ("casual_shoes", {"material": "canvas"}),
        ("watch", {"style": "analogue"}),
    ],
)
def test_what_is_always_drawn_is_said(slug: str, details: dict[str, str]) -> None:
    known = captions.facts(KINDS[slug].facts("Black", "solid"))
    assert {key: known.get(key) for key in details} == details


def test_scenes_have_the_kinds_of_cifar10() -> None:
    for slug, scene in SCENES.items():
        image, facts = many.picture(slug, rng(3), SIZE)
        assert facts == {"kind": scene.kind} and scene.kind in cifar10.KINDS
        assert image.size == (SIZE, SIZE)


def test_checks_are_never_of_a_pale_colour() -> None:
    chosen = {KINDS["shirt"].chosen(rng(number)) for number in range(300)}
    checked = {word for word, pattern in chosen if pattern == "checked"}
    assert len(checked) > 5
    assert not checked & {"White", "Cream", "Beige", "Pink", "Lavender", "Yellow"}


# Drawing


@pytest.mark.parametrize(("slug", "pattern"), DRAWN)
def test_every_kind_and_pattern_is_drawn(slug: str, pattern: str) -> None:
    kind = KINDS[slug]
    with shapes.framed(SIZE, 2):
        studio = studios.Studio(9)
        kind.draw(studio, kind.look(kind.colours[0], pattern, rng(9)))
        share = np.asarray(studio.cover).mean() / 255
        assert 0.08 < share < 0.9
        assert np.asarray(studio.finished(), float).std() > 5


def test_patterns_differ_from_plain_cloth() -> None:
    seen = []
    for pattern in ("solid", "striped", "checked", "dotted"):
        with shapes.framed(96, 2):
            studio = studios.Studio(9)
            tops.shirt(studio, KINDS["shirt"].look("Red", pattern, rng(9)))
            seen.append(np.asarray(studio.finished(), float))
    for one, other in itertools.combinations(seen, 2):
        assert np.abs(one - other)[30:70, 35:65].mean() > 8


@pytest.mark.parametrize("word", KINDS["shirt"].colours)
def test_stripes_and_dots_show_on_their_cloth(word: str) -> None:
    for number in range(20):
        base = colours.drawn(word, rng(number))
        mark = looks.other(word, base, rng(number, 1))
        assert np.linalg.norm(np.subtract(mark, base)) > 75


def test_a_small_drawing_looks_like_the_large_one() -> None:
    large = studios.Studio(11)
    tops.polo(large)
    with shapes.framed(160, 2):
        small = studios.Studio(11)
        tops.polo(small)
        drawn = small.finished()
    pair = [np.asarray(image.resize((40, 40)), float) for image in (large.finished(), drawn)]
    assert drawn.size == (160, 160)
    assert np.abs(pair[0] - pair[1]).mean() < 4


def test_a_frame_holds_for_its_block_and_its_thread_only() -> None:
    elsewhere: list[int] = []
    with pytest.raises(ZeroDivisionError), shapes.framed(64, 2):
        thread = threading.Thread(target=lambda: elsewhere.append(shapes.frame().size))
        thread.start()
        thread.join()
        assert shapes.frame() == (64, 2)
        raise ZeroDivisionError
    assert shapes.frame() == shapes.SHIPPED and elsewhere == [shapes.SHIPPED.size]


def test_a_place_moves_nothing_or_mirrors_or_turns() -> None:
    image = Image.fromarray(np.uint8(rng(5).integers(0, 255, (60, 60, 3))))
    still = place.Place(1, 1, 0, (0, 0), False, np.zeros((2, 3, 4)))
    pixels = np.asarray(image, int)
    for moved, wanted in ((still, pixels), (still._replace(mirror=True), pixels[:, ::-1])):
        assert np.abs(np.asarray(place.laid(image, moved, 0), int) - wanted).max() <= 1  # rounding
    smaller = np.asarray(place.laid(image, still._replace(zoom=0.5), 77))
    assert (smaller[:10] == 77).all() and not (smaller[25:35, 25:35] == 77).all()
    turns = [abs(place.anywhere(rng(number)).turn) for number in range(400)]
    assert max(turns) <= place.MOST_TURN
