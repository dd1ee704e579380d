"""Drawn products: pictures agree with their facts."""

from __future__ import annotations

import colorsys
import itertools
import threading

import numpy as np
import pytest
from PIL import Image

from vlm.data.drawing import colours, looks, place, shapes
from vlm.data.drawing import dataset as drawn
from vlm.data.drawing import studio as studios
from vlm.data.drawing.products import tops
from vlm.data.grammar import products, scenes, taxonomy, words

KINDS, SCENES = drawn.KINDS, drawn.SCENES
DRAWN = [(slug, pattern) for slug, kind in KINDS.items() for pattern in sorted({*kind.patterns})]
PATTERN_FACTS = {
    "dotted": "polka dot",
    "": None,
    "washed": None,
    "gradient": None,
}  # where the fact differs from the pattern
SIZE = 48
# Products that are almost entirely of their own colour.
WHOLE = ("polo", "tshirt", "shirt", "dress", "handbag", "wallet", "cap", "heels", "shorts", "tie")


def rng(*seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def hsv(colour: tuple[float, float, float]) -> np.ndarray:
    hue, saturation, value = colorsys.rgb_to_hsv(*(part / 255 for part in colour))
    return np.array([360 * hue, 100 * saturation, 100 * value])


def words_for(colour: tuple[float, float, float]) -> set[str]:
    """Return the words whose ranges contain the colour."""
    matches, (hue, *rest) = set(), hsv(colour)
    for word, box in ((word, box) for word, boxes in colours.WORDS.items() for box in boxes):
        in_hue = any(box[0][0] <= hue + turn <= box[0][1] for turn in (0, -360))
        if in_hue and all(low <= x <= high for x, (low, high) in zip(rest, box[1:], strict=True)):
            matches.add(word)
    return matches


def median(word: str, slug: str) -> np.ndarray:
    """Return the median colour of a drawn solid product, [3]."""
    kind, chance = KINDS[slug], rng(len(word), 1)
    pattern = "solid" if "solid" in kind.patterns else ""
    with shapes.use_frame(SIZE, 2):
        studio = studios.Studio(1234)
        kind.draw(studio, kind.look(word, pattern, chance))
        cover = np.asarray(studio.cover.resize((SIZE, SIZE))) > 250
        return np.median(np.asarray(studio.render(), float)[cover], axis=0)


# Colour words


def test_colour_words_are_those_of_the_data_set() -> None:
    assert set(colours.WORDS) <= set(words.COLOURS)


@pytest.mark.parametrize("word", colours.WORDS)
def test_a_sampled_colour_has_exactly_one_word(word: str) -> None:
    rounding = 1e-9  # a saturation of 0 has no hue
    for number in range(50):
        colour = colours.sample_colour(word, rng(number))
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
def test_the_examples_match_their_colour_words(colour: tuple, word: str) -> None:
    assert words_for(colour) == {word}


@pytest.mark.parametrize("slug", WHOLE)
def test_a_drawn_product_is_nearest_to_its_own_colour_word(slug: str) -> None:
    main = {"Black", "White", "Red", "Green", "Navy Blue", "Purple", "Yellow", "Brown"}
    centres = {
        w: np.mean([colours.sample_colour(w, rng(n)) for n in range(40)], axis=0) for w in main
    }
    for word in main & set(KINDS[slug].colours):
        seen = median(word, slug)
        nearest = min(main, key=lambda w: float(np.linalg.norm(centres[w] - seen)))
        assert nearest == word, f"{word} {slug} is seen as {seen.round()}"


# Facts


@pytest.mark.parametrize(("slug", "pattern"), DRAWN)
def test_facts_are_spelled_as_in_the_data_set(slug: str, pattern: str):
    kind = KINDS[slug]
    for word in set(kind.colours):
        row = kind.make_facts(word, pattern)
        details = products.facts(row)
        assert row["subCategory"] == taxonomy.SUBCATEGORY[row["articleType"]]
        assert row["baseColour"] in colours.WORDS and row["gender"] in words.GENDERS
        assert row["usage"] in words.USAGES and "season" not in row
        assert details.get("pattern") == PATTERN_FACTS.get(pattern, pattern)
        if pattern in ("washed", "gradient"):
            assert details["style"] == pattern


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
def test_constant_details_are_in_the_facts(slug: str, details: dict[str, str]) -> None:
    facts = products.facts(KINDS[slug].make_facts("Black", "solid"))
    assert {key: facts.get(key) for key in details} == details


def test_scenes_have_cifar10_kinds() -> None:
    for slug, scene in SCENES.items():
        image, facts = drawn.draw_picture(slug, rng(3), SIZE)
        assert facts == {"kind": scene.kind} and scene.kind in scenes.KINDS
        assert image.size == (SIZE, SIZE)


def test_checks_are_never_pale() -> None:
    samples = {KINDS["shirt"].sample(rng(number)) for number in range(300)}
    checked = {word for word, pattern in samples if pattern == "checked"}
    assert len(checked) > 5
    assert not checked & {"White", "Cream", "Beige", "Pink", "Lavender", "Yellow"}


# Drawing


@pytest.mark.parametrize(("slug", "pattern"), DRAWN)
def test_every_kind_and_pattern_is_drawn(slug: str, pattern: str) -> None:
    kind = KINDS[slug]
    with shapes.use_frame(SIZE, 2):
        studio = studios.Studio(9)
        kind.draw(studio, kind.look(kind.colours[0], pattern, rng(9)))
        share = np.asarray(studio.cover).mean() / 255
        assert 0.08 < share < 0.9
        assert np.asarray(studio.render(), float).std() > 5


def test_patterns_differ_from_plain_cloth() -> None:
    seen = []
    for pattern in ("solid", "striped", "checked", "dotted"):
        with shapes.use_frame(96, 2):
            studio = studios.Studio(9)
            tops.draw_shirt(studio, KINDS["shirt"].look("Red", pattern, rng(9)))
            seen.append(np.asarray(studio.render(), float))
    for one, other in itertools.combinations(seen, 2):
        assert np.abs(one - other)[30:70, 35:65].mean() > 8


@pytest.mark.parametrize("word", KINDS["shirt"].colours)
def test_stripes_and_dots_are_visible_on_their_cloth(word: str) -> None:
    for number in range(20):
        base = colours.sample_colour(word, rng(number))
        mark = looks.pick_mark(word, base, rng(number, 1))
        assert np.linalg.norm(np.subtract(mark, base)) > 75


def test_small_and_large_drawings_agree() -> None:
    large = studios.Studio(11)
    tops.draw_polo(large)
    with shapes.use_frame(160, 2):
        small = studios.Studio(11)
        tops.draw_polo(small)
        drawn = small.render()
    pair = [np.asarray(image.resize((40, 40)), float) for image in (large.render(), drawn)]
    assert drawn.size == (160, 160)
    assert np.abs(pair[0] - pair[1]).mean() < 4


def test_a_frame_is_limited_to_its_block_and_thread() -> None:
    other_sizes: list[int] = []
    with pytest.raises(ZeroDivisionError), shapes.use_frame(64, 2):
        thread = threading.Thread(target=lambda: other_sizes.append(shapes.frame().size))
        thread.start()
        thread.join()
        assert shapes.frame() == (64, 2)
        raise ZeroDivisionError
    assert shapes.frame() == shapes.SHIPPED and other_sizes == [shapes.SHIPPED.size]


def test_places_keep_mirror_shrink_and_turn() -> None:
    image = Image.fromarray(np.uint8(rng(5).integers(0, 255, (60, 60, 3))))
    still = place.Place(1, 1, 0, (0, 0), False, np.zeros((2, 3, 4)))
    pixels = np.asarray(image, int)
    for moved, expected in ((still, pixels), (still._replace(mirror=True), pixels[:, ::-1])):
        assert (
            np.abs(np.asarray(place.warp(image, moved, 0), int) - expected).max() <= 1
        )  # rounding
    smaller = np.asarray(place.warp(image, still._replace(zoom=0.5), 77))
    assert (smaller[:10] == 77).all() and not (smaller[25:35, 25:35] == 77).all()
    turns = [abs(place.sample_product_place(rng(number)).turn) for number in range(400)]
    assert max(turns) <= place.MAX_TURN
