"""Data sets of training examples, from pictures or from stored features."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate

import numpy as np
import torch
from torch.utils.data import Dataset as TorchDataset

from vlm.data.images import open_image
from vlm.data.views.views import Views
from vlm.inference import encoding
from vlm.types import Record


class PictureExamples(TorchDataset):
    """The turns of every record, encoded from its picture on access.

    The epochs are concatenated, so item i depends only on i.

    Args:
        times: repeats of each record per epoch; 1 if omitted.
    """

    def __init__(
        self,
        processor,
        records: Sequence[Record],
        epochs: float = 1.0,
        times: Sequence[int] | None = None,
    ):
        self.processor, self.records = processor, records
        repeats = times or [1] * len(records)
        self.slots = [
            (number, turn)
            for number, (record, count) in enumerate(zip(records, repeats, strict=True))
            for _ in range(count)
            for turn in record.turns
        ]
        self.length = round(len(self.slots) * epochs)

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        number, turn = self.slots[index % len(self.slots)]
        return encoding.encode(self.processor, open_image(self.records[number].image), turn)


TEXT_CACHE = 200_000  # encoded texts kept in memory, about 2 kB each


class FeatureExamples(TorchDataset):
    """The turns of every record as training examples on stored features.

    The epochs are concatenated, so item i and its view depend only on i, and a resumed run sees the
    same data.

    Args:
        features: float16[views, n, N, Dv], from `features.compute`.
        turns: turns per record and epoch, 0 = all; the next epoch takes the next ones.
    """

    def __init__(
        self, processor, records: Sequence[Record], features: np.ndarray, epochs=1.0, turns=0
    ):
        self.processor, self.features = processor, features
        self.turns = [(number, turn) for number, r in enumerate(records) for turn in r.turns]
        counts = [len(record.turns) for record in records]
        self.starts = list(accumulate(counts, initial=0))  # index of each record's first turn
        self.slots = [
            (number, place)
            for number, count in enumerate(counts)
            for place in range(min(turns, count) if turns else count)
        ]
        self.turns_per_epoch, self.epochs = turns, epochs
        self.length = round(len(self.slots) * epochs)
        self.shuffled = np.random.default_rng(0).permutation(len(self.slots))
        self.text = lru_cache(maxsize=TEXT_CACHE)(self._encode_text)

    def __len__(self) -> int:
        return self.length

    def lengths(self) -> np.ndarray:
        """Return the characters of each example, int[n], for `batching`."""
        sizes = np.array([turn.characters for _, turn in self.turns])
        return sizes[[self._locate(index)[1] for index in range(self.length)]]

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        number, turn, view = self._locate(index)
        return {**self.text(turn), **self.vision_inputs(number, view)}

    def vision_inputs(self, number: int, view: int) -> dict[str, torch.Tensor]:
        """Return the model's inputs for one view of a picture."""
        features = torch.from_numpy(np.array(self.features[view, number]))[None]
        return {"vision_features": features}

    def _locate(self, index: int) -> tuple[int, int, int]:
        """Return the record's number, the turn's number and the view's number of an example."""
        epoch, slot = divmod(index, len(self.slots))
        is_full = (epoch + 1) * len(self.slots) <= self.length
        # a partial last epoch is a random sample of all slots
        number, place = self.slots[slot if is_full else self.shuffled[slot]]
        first, end = self.starts[number : number + 2]
        count = end - first
        earlier = epoch * (min(self.turns_per_epoch, count) or count) + place
        offset = spread(number) if self.turns_per_epoch else 0  # so that the first tasks differ
        turn = first + (earlier + offset) % count
        # each turn starts at a different view, then takes the next one in every epoch
        return number, turn, (spread(turn) + earlier // count) % len(self.features)

    def _encode_text(self, turn: int) -> dict[str, torch.Tensor]:
        return encoding.encode_text(self.processor, self.turns[turn][1])


class ViewExamples(FeatureExamples):
    """The same examples on pixels, for a trainable tower, whose features cannot be stored.

    Args:
        views: random views of each picture besides the original, as in `features.compute`.
        backgrounds: uint8[S, 3, h, w], backgrounds for products.
        mild: weaker augmentation for product photos.
    """

    def __init__(
        self, bundle, records, views: int, backgrounds=None, epochs=1.0, turns=0, mild=False
    ):
        super().__init__(bundle.processor, records, range(1 + views), epochs, turns)
        self.views = Views(bundle.processor, records, backgrounds, mild)

    def vision_inputs(self, number: int, view: int) -> dict[str, torch.Tensor]:
        picture = self.views(number, view)
        return dict(self.processor.image_processor([picture], return_tensors="pt"))


def spread(number: int) -> int:
    """Return a multiplicative hash (Knuth), so that neighbours differ."""
    return number * 2654435761 >> 7
