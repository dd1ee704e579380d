"""Train a small vision tower from scratch: it learns to name every attribute of a picture.

The heads are thrown away afterwards; the tower is what MODA then keeps frozen.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn
from torch.utils.data import Dataset as TorchDataset

from vlm.data.augment import view
from vlm.data.images import open_image
from vlm.types import IGNORE_INDEX, Record

MARGIN = 1.15  # pictures are kept this much larger than the crops made of them
MIN_COUNT = 5  # a value seen less often than this is not worth a class


class AttributeModel(nn.Module):
    """A vision tower with one linear head for each attribute.

    Args:
        tower: an AutoModel whose output has `pooler_output`.
        values: attribute -> its possible values, in the order of the classes.
    """

    def __init__(
        self, tower: nn.Module, values: dict[str, list[str]], label_smoothing: float = 0.1
    ):
        super().__init__()
        config = tower.config
        width = getattr(config, "hidden_size", None) or config.hidden_sizes[-1]
        self.tower, self.values = tower, values
        self.heads = nn.ModuleList(nn.Linear(width, len(names)) for names in values.values())
        self.loss = nn.CrossEntropyLoss(
            ignore_index=IGNORE_INDEX, label_smoothing=label_smoothing, reduction="sum"
        )

    def forward(self, pixel_values: torch.Tensor, labels: torch.Tensor) -> dict:
        """Loss per picture: every attribute it has counts the same.

        Args:
            pixel_values: float[B, 3, H, W], normalised.
            labels: int64[B, A], `IGNORE_INDEX` where a picture has no such attribute.
        """
        pooled = self.tower(pixel_values).pooler_output.flatten(1)  # [B, D]
        logits = [head(pooled).float() for head in self.heads]
        loss = sum(self.loss(scores, labels[:, number]) for number, scores in enumerate(logits))
        return {"loss": loss / len(labels), "logits": tuple(logits)}


def attribute_values(records: Sequence[Record], names: Sequence[str]) -> dict[str, list[str]]:
    """The classes of each attribute: every value seen at least `MIN_COUNT` times."""
    table = {}
    for name in names:
        seen = Counter(record.facts[name] for record in records if name in record.facts)
        table[name] = sorted(value for value, count in seen.items() if count >= MIN_COUNT)
    return {name: values for name, values in table.items() if len(values) > 1}


class Pictures(TorchDataset):
    """Decoded pictures with attribute labels; `epochs` passes laid end to end.

    Item i is picture i % n in its own random view, drawn from i and the seed alone, so that a
    resumed run sees the very same pixels.
    """

    def __init__(
        self, records, values, size: int, *, epochs: float = 1, augment=False, seed: int = 0
    ):
        side = round(size * MARGIN) if augment else size
        self.pixels = torch.stack([_resized(record, side) for record in records])
        self.labels = [_labels(record, values) for record in records]
        self.size, self.epochs, self.augment, self.seed = size, epochs, augment, seed

    def __len__(self) -> int:
        return round(len(self.pixels) * self.epochs)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, list[int]]:
        number = index % len(self.pixels)
        pixels = self.pixels[number]
        if self.augment:
            pixels = view(pixels, self.size, seed=self.seed * 1_000_003 + index)
        return pixels, self.labels[number]


def collate(mean: float, std: float):
    """A collator that stacks pictures and normalises them like the image processor."""

    def batch(items: list) -> dict[str, torch.Tensor]:
        pixels = torch.stack([pixels for pixels, _ in items]).float() / 255
        return {
            "pixel_values": (pixels - mean) / std,
            "labels": torch.tensor([labels for _, labels in items]),
        }

    return batch


def accuracy(values: dict[str, list[str]]):
    """A `compute_metrics` for the Trainer: the share of right classes for each attribute."""

    def compute(prediction) -> dict[str, float]:
        scores = {}
        for number, name in enumerate(values):
            truth = prediction.label_ids[:, number]
            known = truth != IGNORE_INDEX
            guess = prediction.predictions[number].argmax(-1)
            scores[name] = float(np.mean(guess[known] == truth[known])) if known.any() else 0.0
        return scores

    return compute


def _resized(record: Record, side: int) -> torch.Tensor:
    picture = open_image(record.image).resize((side, side))
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)  # uint8[3, side, side]


def _labels(record: Record, values: dict[str, list[str]]) -> list[int]:
    found = [record.facts.get(name) for name in values]
    return [
        names.index(value) if value in names else IGNORE_INDEX
        for value, names in zip(found, values.values(), strict=True)
    ]
