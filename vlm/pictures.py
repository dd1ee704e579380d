"""Decoded pictures in random views: what a vision tower is trained on, and what features are of."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from random import Random

import numpy as np
import torch
from PIL import Image
from torch.utils.data import Dataset as TorchDataset
from tqdm import tqdm

from vlm import runtime
from vlm.data.augment import erased, view
from vlm.data.compose import composed, mask_of, tensor_of
from vlm.data.images import open_image
from vlm.data.replies import UNKNOWN
from vlm.types import IGNORE_INDEX, Record

MARGIN = 1.15  # pictures are kept this much larger than the crops made of them
COMPOSED = 0.5  # share of a product's views that stand on another ground
CAPTIONS = ("brief", "detailed")  # tasks whose answers describe the whole picture
SAID = ("articleType", "baseColour", "gender", "kind", "colour", "ground")  # what captions say
SCENES, SCENE_SIDE = 1000, 32  # small photographs that products are laid on, pixels


def is_product(record: Record) -> bool:
    """True for a picture of a product, which stands on a ground of its own."""
    return "articleType" in record.facts


def scenes(records: Sequence[Record]) -> torch.Tensor:
    """Grounds for products: uint8[S, 3, 32, 32] from the records that show no product."""
    other = [r for r in records if not is_product(r) and r.facts.get("kind") != UNKNOWN]
    some = other[:: max(1, len(other) // SCENES)][:SCENES]
    small = [resized(record, SCENE_SIDE) for record in some]
    return torch.stack(small) if small else torch.zeros(0, 3, SCENE_SIDE, SCENE_SIDE).byte()


def resized(record: Record, side: int, enlarge: bool = True) -> torch.Tensor:
    """uint8[3, side, side]; of a tiny picture that is not to be enlarged, uint8[3, 32, 32]."""
    picture = open_image(record.image)
    tiny = max(picture.size) <= SCENE_SIDE < side and not enlarge
    side = SCENE_SIDE if tiny else side
    return tensor_of(picture.resize((side, side)))


def cut(record: Record, side: int) -> tuple[torch.Tensor, torch.Tensor | None]:
    """What random views are made of: `resized`, not enlarged, and the mask of a product."""
    pixels = resized(record, side, enlarge=False)
    return pixels, mask_of(pixels) if is_product(record) else None


def random_view(
    pixels: torch.Tensor,
    mask: torch.Tensor | None,
    product: bool,
    size: int,
    seed: int,
    grounds: torch.Tensor | None = None,
    mild: bool = False,
) -> torch.Tensor:
    """uint8[3, size, size]: a crop, or, by chance and where there is a mask, on another ground.

    Mild ones of a product are nearer to its picture, and half as often on another ground.
    """
    share = COMPOSED / 2 if mild else COMPOSED
    if mask is not None and Random(seed).random() < share:
        return composed(pixels, mask, size, seed, grounds)
    return view(pixels, size, seed, product, mild)


class _Decoded(TorchDataset):
    """Pixels and mask of each record, as arrays: tensors of other processes hold open files."""

    def __init__(self, records: Sequence[Record], side: int, masked: bool):
        self.records, self.side, self.masked = records, side, masked

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray | None]:
        record = self.records[index]
        pixels, mask = cut(record, self.side) if self.masked else (resized(record, self.side), None)
        return pixels.numpy(), None if mask is None else mask.numpy()


def decoded(records: Sequence[Record], side: int, masked: bool, workers: int = 0):
    """uint8[3, side, side] of each record, as they come, and its mask uint8[1, side, side].

    Args:
        masked: they are for random views: products with masks, tiny pictures not enlarged.
        workers: processes that do it, 0 = this one.
    """
    loader = runtime.loader(_Decoded(records, side, masked), 64, workers, list)
    pairs = (pair for batch in loader for pair in batch)
    yield from tqdm(pairs, "pictures", total=len(records), leave=False)


class Pictures(TorchDataset):
    """Decoded pictures with attribute labels and captions; `epochs` passes laid end to end.

    Item i is picture i % n of a pass in its own random view with one of its captions, drawn from i
    and the seed alone, so that a resumed run sees the very same pixels and words.

    Args:
        values: attribute -> its classes.
        times: how often each record comes in one pass; once each when not given.
        size: side of a view, pixels.
        augment: random views; else each picture as it is, with its first caption.
        mild: random views of products that are nearer to their pictures.
        erase: share of random views of which a part is hidden.
        workers: processes that decode the pictures, 0 = this one.
    """

    def __init__(
        self,
        records: Sequence[Record],
        values: dict[str, list[str]],
        size: int,
        *,
        times: Sequence[int] | None = None,
        epochs: float = 1,
        augment: bool = False,
        mild: bool = False,
        erase: float = 0.0,
        seed: int = 0,
        workers: int = 0,
    ):
        self.records, self.size, self.epochs = records, size, epochs
        self.augment, self.mild, self.erase, self.seed = augment, mild, erase, seed
        every = times or [1] * len(records)
        self.order = [number for number, count in enumerate(every) for _ in range(count)]
        side = round(size * MARGIN) if augment else size
        self.pixels, self.masks = [], []
        for pixels, mask in decoded(records, side, masked=augment, workers=workers):
            self.pixels.append(torch.from_numpy(pixels))
            self.masks.append(None if mask is None else torch.from_numpy(mask))
        self.labels = [labels(record, values) for record in records]
        self.grounds = scenes(records) if augment else None
        self.groups = _groups(records)

    def __len__(self) -> int:
        return round(len(self.order) * self.epochs)

    def __getitem__(self, index: int) -> dict:
        number = self.order[index % len(self.order)]
        record, pixels = self.records[number], self.pixels[number]
        seed = self.seed * 1_000_003 + index
        if self.augment:
            mask, product = self.masks[number], is_product(record)
            more = {"grounds": self.grounds, "mild": self.mild}
            pixels = random_view(pixels, mask, product, self.size, seed, **more)
            pixels = erased(pixels, seed, self.erase) if self.erase else pixels
        return {
            "pixels": pixels,
            "labels": self.labels[number],
            "caption": _caption(record, seed if self.augment else None),
            "group": self.groups[number],
        }


class Views:
    """Views of pictures; the last picture stays decoded, for its views come one after another."""

    def __init__(self, processor, records: Sequence[Record], grounds=None, mild=False):
        self.records, self.grounds, self.mild = records, grounds, mild
        self.side = _side(processor.image_processor)
        self.decoded = lru_cache(maxsize=1)(self._decoded)

    def __call__(self, index: int, turn: int) -> Image.Image:
        """The picture in its plain form (turn 0) or in one of its random views."""
        record = self.records[index]
        if turn == 0:
            return open_image(record.image)
        pixels, mask = self.decoded(index)
        seed = turn * len(self.records) + index
        more = {"grounds": self.grounds, "mild": self.mild}
        seen = random_view(pixels, mask, is_product(record), self.side, seed, **more)
        return Image.fromarray(seen.permute(1, 2, 0).numpy())

    def _decoded(self, index: int) -> tuple[torch.Tensor, torch.Tensor | None]:
        """A little larger than its views; a product with its mask."""
        return cut(self.records[index], round(self.side * MARGIN))


def _side(image_processor) -> int:
    """The side of a picture that the tower sees, pixels."""
    size = dict(image_processor.size)
    return size.get("height") or size.get("shortest_edge") or max(size.values())


def _caption(record: Record, seed: int | None) -> str:
    """One of the record's descriptions; the first without a seed, none where it has none."""
    texts = [turn.answer for turn in record.turns if turn.task in CAPTIONS]
    if not texts:
        return ""
    return texts[0] if seed is None else Random(seed).choice(texts)


def _groups(records: Sequence[Record]) -> list[int]:
    """A number for each record, the same where kind, colours and wearer are: captions fit both."""
    known: dict[tuple, int] = {}
    facts = (tuple(record.facts.get(name, "") for name in SAID) for record in records)
    return [known.setdefault(row, len(known)) for row in facts]


def labels(record: Record, values: Mapping[str, Sequence[str]]) -> list[int]:
    """The number of the record's class for each attribute, `IGNORE_INDEX` where it has none."""
    found = [record.facts.get(name) for name in values]
    return [
        names.index(value) if value in names else IGNORE_INDEX
        for value, names in zip(found, values.values(), strict=True)
    ]
