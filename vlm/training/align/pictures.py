"""The training data of the alignment stage: decoded pictures with labels and captions."""

from collections.abc import Sequence
from random import Random

import numpy as np
import torch
from torch.utils.data import Dataset as TorchDataset
from tqdm import tqdm

from vlm.data.attributes import class_labels
from vlm.data.views.augment import random_erase
from vlm.data.views.views import (
    CAPTIONS,
    MARGIN,
    is_product,
    random_view,
    resize,
    resize_with_mask,
    scene_backgrounds,
)
from vlm.system import runtime
from vlm.training.caption_words import numbered, words_of
from vlm.types import Record

# the attributes that captions mention
CAPTION_FACTS = ("articleType", "baseColour", "gender", "kind", "colour", "ground")


class _Decoder(TorchDataset):
    """Pixels and mask of each record, as arrays: tensors from workers keep file handles open."""

    def __init__(self, records: Sequence[Record], side: int, masked: bool):
        self.records, self.side, self.masked = records, side, masked

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray | None]:
        record = self.records[index]
        pixels, mask = (
            resize_with_mask(record, self.side)
            if self.masked
            else (resize(record, self.side), None)
        )
        return pixels.numpy(), None if mask is None else mask.numpy()


def decode(records: Sequence[Record], side: int, masked: bool, workers: int = 0):
    """Yield uint8[3, side, side] of each record and its mask uint8[1, side, side] or None.

    Args:
        masked: prepare for random views: with masks of products, tiny pictures not enlarged.
        workers: processes that decode, 0 = this one.
    """
    loader = runtime.data_loader(_Decoder(records, side, masked), 64, workers, list)
    pairs = (pair for batch in loader for pair in batch)
    yield from tqdm(pairs, "pictures", total=len(records), leave=False)


class Pictures(TorchDataset):
    """Decoded pictures with attribute labels and captions.

    The epochs are concatenated. Item i is a random view of picture i % n with one of its captions;
    both depend only on i and the seed, so a resumed run sees the same pixels and captions.

    Args:
        values: attribute -> its classes.
        size: side of a view, pixels.
        words: words of people's captions to predict.
        times: repeats of each record per epoch; 1 if omitted.
        augment: random views; False gives the original picture with its first caption.
        mild: weaker augmentation for product photos.
        erase: share of random views that have a part erased, 0 to 1.
        workers: processes that decode the pictures, 0 = this one.
    """

    def __init__(
        self,
        records: Sequence[Record],
        values: dict[str, list[str]],
        size: int,
        words: Sequence[str] = (),
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
        repeats = times or [1] * len(records)
        self.order = [number for number, count in enumerate(repeats) for _ in range(count)]
        side = round(size * MARGIN) if augment else size
        self.pixels, self.masks = [], []
        for pixels, mask in decode(records, side, masked=augment, workers=workers):
            self.pixels.append(torch.from_numpy(pixels))
            self.masks.append(None if mask is None else torch.from_numpy(mask))
        self.labels = [class_labels(record, values) for record in records]
        self.backgrounds = scene_backgrounds(records) if augment else None
        self.groups = _group_by_facts(records)
        self.words = numbered(map(caption_words, records), words)

    def __len__(self) -> int:
        return round(len(self.order) * self.epochs)

    def __getitem__(self, index: int) -> dict:
        number = self.order[index % len(self.order)]
        record, pixels = self.records[number], self.pixels[number]
        seed = self.seed * 1_000_003 + index
        if self.augment:
            mask, product = self.masks[number], is_product(record)
            options = {"backgrounds": self.backgrounds, "mild": self.mild}
            pixels = random_view(pixels, mask, product, self.size, seed, **options)
            pixels = random_erase(pixels, seed, self.erase) if self.erase else pixels
        return {
            "pixels": pixels,
            "labels": self.labels[number],
            "caption": _choose_caption(record, seed if self.augment else None),
            "group": self.groups[number],
            "words": self.words[number],
        }


def caption_words(record: Record) -> frozenset[str]:
    """Return the words of a record's captions by people, in lower case; empty without captions."""
    return words_of(record.facts.get("captions", ""))


def _choose_caption(record: Record, seed: int | None) -> str:
    """Return a random description of the record, the first if seed is None, "" if it has none."""
    texts = [turn.answer for turn in record.turns if turn.task in CAPTIONS]
    if not texts:
        return ""
    return texts[0] if seed is None else Random(seed).choice(texts)


def _group_by_facts(records: Sequence[Record]) -> list[int]:
    """Return a group number per record, equal for records whose captions match each other."""
    groups: dict[tuple, int] = {}
    keys = (tuple(record.facts.get(name, "") for name in CAPTION_FACTS) for record in records)
    return [groups.setdefault(key, len(groups)) for key in keys]
