"""Products cut out and laid on other grounds: what is kept, what changes, and when not."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from tests import tiny
from vlm.data import cifar10, fashion
from vlm.data.views import composited, views
from vlm.data.views.augment import augment
from vlm.data.views.compose import compose, foreground_mask, product_mask
from vlm.data.views.views import is_product, scene_backgrounds
from vlm.errors import UserError
from vlm.types import Dataset, Record

SIDE = 96


def shirt(ground=(255, 255, 255), colour=(200, 20, 30), handle: bool = False) -> np.ndarray:
    """A red thing on a plain ground, with a hole on request: uint8[H, W, 3]."""
    picture = Image.new("RGB", (SIDE, SIDE), ground)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((28, 24, 68, 76), fill=colour)
    if handle:
        draw.ellipse((38, 32, 58, 52), fill=ground)
    return np.array(picture)


def tensor(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(pixels).permute(2, 0, 1)


@pytest.mark.parametrize("ground", [(255, 255, 255), (250, 251, 250), (180, 200, 190)])
def test_a_product_on_a_plain_ground_is_cut_out(ground) -> None:
    mask = foreground_mask(shirt(ground))
    assert mask is not None and mask.shape == (SIDE, SIDE) and mask.dtype == np.uint8
    assert mask[30:70, 34:62].min() == 255 and mask[:20].max() == 0 and mask[:, :20].max() == 0


def test_what_is_seen_through_a_handle_is_ground() -> None:
    mask = foreground_mask(shirt(handle=True))
    assert mask is not None and mask[40:44, 46:50].max() == 0 and mask[70, 48] == 255


def test_white_cloth_inside_a_product_stays() -> None:
    pixels = shirt()
    shade = 246 + np.random.default_rng(0).integers(0, 8, (20, 20))
    pixels[40:60, 40:60] = shade[..., None]
    mask = foreground_mask(pixels)
    assert mask is not None and mask[44:56, 44:56].mean() > 200


@pytest.mark.parametrize("kind", ["scene", "blank", "full"])
def test_a_picture_without_a_plain_background_is_unchanged(kind: str) -> None:
    rng = np.random.default_rng(1)
    pixels = {
        "scene": rng.integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8),
        "blank": np.full((SIDE, SIDE, 3), 255, np.uint8),
        "full": np.array(Image.fromarray(shirt()).crop((30, 26, 66, 74)).resize((SIDE, SIDE))),
    }[kind]
    assert foreground_mask(pixels) is None


def test_the_product_keeps_its_colour_and_its_ground_goes() -> None:
    pixels, mask = tensor(shirt()), product_mask(tensor(shirt()))
    grounds = torch.zeros(3, 3, 32, 32, dtype=torch.uint8)
    reds = whites = 0
    for seed in range(40):
        seen = compose(pixels, mask, 64, seed, grounds)
        assert seen.shape == (3, 64, 64) and seen.dtype == torch.uint8
        red, green, blue = seen.float()
        thing = (red > 110) & (green < 0.45 * red) & (blue < 0.5 * red)
        reds += thing.float().mean().item() > 0.03
        whites += (seen > 250).all(0).float().mean().item() > 0.5
    assert reds >= 38 and whites <= 4


def test_the_same_seed_gives_the_same_picture_and_the_random_state_stays() -> None:
    pixels, mask = tensor(shirt()), product_mask(tensor(shirt()))
    state = torch.get_rng_state()
    first = compose(pixels, mask, 48, 7)
    assert torch.equal(first, compose(pixels, mask, 48, 7))
    assert torch.equal(torch.get_rng_state(), state)
    assert not torch.equal(first, compose(pixels, mask, 48, 8))


def test_half_of_a_products_views_have_another_background(monkeypatch) -> None:
    how: list[str] = []
    monkeypatch.setattr(views, "compose", lambda *args: how.append("composed"))
    monkeypatch.setattr(views, "augment", lambda *args: how.append("view"))
    pixels = tensor(shirt())
    for seed in range(400):
        views.random_view(pixels, pixels[:1], True, 48, seed)
    assert abs(how.count("composed") / 400 - views.COMPOSED) < 0.08
    how.clear()
    for seed in range(400):
        views.random_view(pixels, pixels[:1], True, 48, seed, mild=True)
    assert abs(how.count("composed") / 400 - views.COMPOSED / 2) < 0.08
    how.clear()
    for seed in range(20):  # what could not be cut out
        views.random_view(pixels, None, True, 48, seed)
    assert how == ["view"] * 20


def test_mild_views_show_nearly_the_whole_picture() -> None:
    ramp = torch.linspace(0, 250, 64).round().byte().expand(3, 64, 64)

    def shown(mild: bool) -> list[int]:
        """How much of the ramp from left to right each view shows, of 250; its ground is 255."""
        views = [augment(ramp, 48, seed, mild=mild)[0] for seed in range(60)]
        views = [seen[seen < 251] for seen in views]
        return [int(seen.max()) - int(seen.min()) for seen in views]

    assert sum(shown(True)) / 60 > sum(shown(False)) / 60 + 8
    assert sorted(shown(True))[5] > sorted(shown(False))[5] + 15


def test_grounds_are_scenes_only() -> None:
    def record(name: str, **facts: str) -> Record:
        return Record(name, Image.new("RGB", (32, 32), name), facts=facts)

    made = [record("red", articleType="Shirts"), record("blue", kind="unknown")]
    made += [record("green", kind="frog"), record("white", kind="ship")]
    assert [is_product(one) for one in made] == [True, False, False, False]
    found = scene_backgrounds(made)
    assert found.shape == (2, 3, 32, 32) and found[0, :, 0, 0].tolist() == [0, 128, 0]
    assert scene_backgrounds(made[:2]).shape == (0, 3, 32, 32)


# The data set


@pytest.fixture
def products(monkeypatch: pytest.MonkeyPatch) -> None:
    """One product that can be cut out, one that cannot, one that does not open."""
    noise = tiny.noise(3, 64)
    images = [encoded(Image.fromarray(shirt())), encoded(noise), b"no picture"]
    records = tuple(
        Record(str(n), image, facts={"articleType": "Shirts"}) for n, image in enumerate(images)
    )
    monkeypatch.setattr(fashion, "load", lambda *args: Dataset("fashion", records, ("row 9: bad",)))


def encoded(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def test_composited_pictures_are_the_same_products_elsewhere(products, monkeypatch) -> None:
    def nowhere(*args, **kwargs):
        raise UserError("not here")

    monkeypatch.setattr(cifar10, "load", nowhere)
    found, again = composited.load("validation"), composited.load("validation")
    assert [record.id for record in found.records] == ["0"]
    assert found.problems[0] == "row 9: bad" and len(found.problems) == 3
    assert found.records[0].image == again.records[0].image
    with Image.open(io.BytesIO(found.records[0].image)) as picture:
        assert picture.format == "JPEG" and picture.size == (composited.SIDE,) * 2
        assert (np.array(picture) > 250).all(-1).mean() < 0.9
    assert found.records[0].facts == {"articleType": "Shirts"}


def test_most_real_products_can_be_cut_out(real_data: Path) -> None:
    found = composited.load("validation", limit=60)
    assert len(found.records) >= 54
    assert len({record.image for record in found.records}) == len(found.records)
