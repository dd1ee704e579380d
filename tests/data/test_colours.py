"""Colour words from pixels: what is clear gets its word, what is not gets none."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from vlm.data import colours

# sRGB values that nobody would call otherwise
PLAIN = {
    "black": [(0, 0, 0), (15, 15, 18)],
    "grey": [(90, 90, 90), (128, 128, 128), (150, 152, 155)],
    "white": [(255, 255, 255), (235, 235, 238)],
    "red": [(220, 20, 30), (160, 25, 25)],
    "orange": [(255, 140, 0)],
    "yellow": [(255, 225, 40), (230, 200, 60)],
    "green": [(40, 140, 50), (90, 140, 60)],
    "blue": [(30, 60, 200), (120, 170, 230)],
    "brown": [(110, 70, 40), (90, 60, 40)],
    "purple": [(120, 40, 140)],
    "pink": [(250, 150, 190)],
}
# turquoise, magenta, beige, maroon, plum, coral, khaki
UNCLEAR = (
    (0, 160, 160),
    (175, 60, 130),
    (200, 190, 150),
    (60, 20, 25),
    (90, 75, 90),
    (240, 128, 110),
    (150, 140, 80),
)


def scene(thing: tuple, ground: tuple, side: int = 32, grain: float = 0.0) -> Image.Image:
    """A disc in the middle of a ground, with normal noise of so many levels of brightness."""
    image = Image.new("RGB", (side, side), ground)
    ImageDraw.Draw(image).ellipse([side * 0.2, side * 0.2, side * 0.8, side * 0.8], thing)
    values = np.asarray(image, float) + np.random.default_rng(0).normal(0, grain, (side, side, 1))
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


@pytest.mark.parametrize(("word", "rgb"), [(word, rgb) for word in PLAIN for rgb in PLAIN[word]])
def test_a_plain_colour_has_its_word(word: str, rgb: tuple) -> None:
    assert colours.colour_word(rgb) == word


@pytest.mark.parametrize("rgb", UNCLEAR)
def test_a_colour_between_two_words_has_none(rgb: tuple) -> None:
    assert colours.colour_word(rgb) == ""


def test_no_colour_has_two_words() -> None:
    lab = colours.to_lab(np.stack(np.meshgrid(*[np.arange(0, 256, 5)] * 3), -1).reshape(-1, 3))
    each = [colours._words(lab, (box,)) > 0 for box in colours.BOXES]
    assert np.sum(each, axis=0).max() == 1
    assert all(found.any() for found in each)


def test_colour_boxes_of_objects_are_inside_those_of_backgrounds() -> None:
    lab = colours.to_lab(np.stack(np.meshgrid(*[np.arange(0, 256, 8)] * 3), -1).reshape(-1, 3))
    grounds, things = (colours._words(lab, b) for b in (colours.BOXES, colours.OBJECT_BOXES))
    assert set(np.unique(things[things != grounds])) == {0}


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [  # CIELAB, white D65, as published for the primaries of sRGB
        ((255, 255, 255), (100, 0, 0)),
        ((255, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 255, 0), (87.73, -86.18, 83.18)),
        ((0, 0, 255), (32.30, 79.19, -107.86)),
        ((0, 0, 0), (0, 0, 0)),
    ],
)
def test_cielab_of_known_colours(rgb: tuple, lab: tuple) -> None:
    assert np.allclose(colours.to_lab(np.array(rgb)), lab, atol=0.1)


@pytest.mark.parametrize("grain", [0.0, 12.0])
@pytest.mark.parametrize(
    ("thing", "ground"),
    [("red", "green"), ("white", "grey"), ("brown", "green"), ("black", "white")],
)
def test_a_thing_before_a_ground_gets_both_words(thing: str, ground: str, grain: float) -> None:
    image = scene(PLAIN[thing][0], PLAIN[ground][0], grain=grain)
    assert colours.main_colours(image) == (thing, ground)


def test_a_larger_picture_is_measured_alike() -> None:
    assert colours.main_colours(scene((220, 20, 30), (120, 170, 230), side=320)) == ("red", "blue")


def test_an_oblong_picture_is_measured_too() -> None:
    image = scene((220, 20, 30), (120, 170, 230), side=64).resize((96, 40))
    assert colours.main_colours(image) == ("red", "blue")


def test_an_empty_sky_has_a_ground_and_no_thing() -> None:
    assert colours.main_colours(Image.new("RGB", (32, 32), (120, 170, 230))) == ("", "blue")


def test_a_thing_that_fills_the_frame_gives_no_ground() -> None:
    """A brown border may be the animal itself."""
    assert colours.main_colours(Image.new("RGB", (32, 32), (110, 70, 40))) == ("", "")


def test_noise_has_no_colours() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    assert colours.main_colours(Image.fromarray(noise)) == ("", "")


def test_a_thing_of_two_colours_has_no_main_one() -> None:
    image = scene((220, 20, 30), (120, 170, 230))
    half = scene((255, 225, 40), (120, 170, 230)).crop((0, 0, 16, 32))
    image.paste(half, (0, 0))
    assert colours.main_colours(image) == ("", "blue")


def test_the_shade_of_a_white_thing_on_white_is_not_grey() -> None:
    assert colours.main_colours(scene((110, 110, 110), (250, 250, 250))) == ("", "white")


def test_small_dark_parts_do_not_name_a_thing() -> None:
    """Tyres and windows of a car whose body is as grey as the street."""
    image = Image.new("RGB", (32, 32), (128, 128, 128))
    ImageDraw.Draw(image).rectangle((10, 12, 20, 18), (5, 5, 5))
    assert colours.main_colours(image)[0] == ""


def test_one_pixel_is_accepted() -> None:
    assert colours.main_colours(Image.new("RGB", (1, 1), (120, 170, 230))) == ("", "blue")
