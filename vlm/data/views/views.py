"""Random views of pictures: the training data of a vision tower and of its stored features."""

from collections.abc import Sequence
from functools import lru_cache
from random import Random

import torch
from PIL import Image

from vlm.data.grammar.words import UNKNOWN
from vlm.data.images import open_image
from vlm.data.views.augment import augment
from vlm.data.views.compose import compose, product_mask, to_tensor
from vlm.types import Record

MARGIN = 1.15  # pictures are kept this much larger than their crops
COMPOSED = 0.5  # share of a product's views that show it on another background
CAPTIONS = ("brief", "detailed")  # tasks whose answers describe the whole picture
SCENES, SCENE_SIDE = 1000, 32  # number and side (pixels) of the photographs used as backgrounds


def is_product(record: Record) -> bool:
    """Return True for a picture of a product."""
    return "articleType" in record.facts


def scene_backgrounds(records: Sequence[Record]) -> torch.Tensor:
    """Return backgrounds for products, uint8[S, 3, 32, 32]: the pictures that show no product."""
    scenes = [r for r in records if not is_product(r) and r.facts.get("kind") != UNKNOWN]
    sample = scenes[:: max(1, len(scenes) // SCENES)][:SCENES]
    pictures = [resize(record, SCENE_SIDE) for record in sample]
    return torch.stack(pictures) if pictures else torch.zeros(0, 3, SCENE_SIDE, SCENE_SIDE).byte()


def resize(record: Record, side: int, enlarge: bool = True) -> torch.Tensor:
    """Return the picture as uint8[3, side, side].

    Args:
        enlarge: False keeps a picture of up to 32x32 pixels at uint8[3, 32, 32].
    """
    picture = open_image(record.image)
    is_tiny = max(picture.size) <= SCENE_SIDE < side
    side = SCENE_SIDE if is_tiny and not enlarge else side
    return to_tensor(picture.resize((side, side)))


def resize_with_mask(record: Record, side: int) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Return what `random_view` needs: the picture, not enlarged, and the mask of a product."""
    pixels = resize(record, side, enlarge=False)
    return pixels, product_mask(pixels) if is_product(record) else None


def random_view(
    pixels: torch.Tensor,
    mask: torch.Tensor | None,
    product: bool,
    size: int,
    seed: int,
    backgrounds: torch.Tensor | None = None,
    mild: bool = False,
) -> torch.Tensor:
    """Return uint8[3, size, size]: an augmented picture, or a product on another background.

    Args:
        mask: of a product that can be cut out, from `resize_with_mask`.
        backgrounds: uint8[S, 3, h, w].
        mild: weaker augmentation for product photos, half as often on another background.
    """
    share = COMPOSED / 2 if mild else COMPOSED
    if mask is not None and Random(seed).random() < share:
        return compose(pixels, mask, size, seed, backgrounds)
    return augment(pixels, size, seed, product, mild)


class Views:
    """Views of pictures; the last picture stays decoded, as its views are requested in a row."""

    def __init__(self, processor, records: Sequence[Record], backgrounds=None, mild=False):
        self.records, self.backgrounds, self.mild = records, backgrounds, mild
        self.side = _input_side(processor.image_processor)
        self.decoded = lru_cache(maxsize=1)(self._decode)

    def __call__(self, index: int, turn: int) -> Image.Image:
        """Return the unchanged picture (turn 0) or one of its random views."""
        record = self.records[index]
        if turn == 0:
            return open_image(record.image)
        pixels, mask = self.decoded(index)
        seed = turn * len(self.records) + index
        options = {"backgrounds": self.backgrounds, "mild": self.mild}
        view = random_view(pixels, mask, is_product(record), self.side, seed, **options)
        return Image.fromarray(view.permute(1, 2, 0).numpy())

    def _decode(self, index: int) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return the picture, slightly larger than its views, and the mask of a product."""
        return resize_with_mask(self.records[index], round(self.side * MARGIN))


def _input_side(image_processor) -> int:
    """Return the side of the pictures that the tower takes, in pixels."""
    size = dict(image_processor.size)
    return size.get("height") or size.get("shortest_edge") or max(size.values())
