"""Training examples encoded from pictures when they are asked for, for models that see pixels."""

from collections.abc import Sequence

import torch
from torch.utils.data import Dataset as TorchDataset

from vlm import encoding
from vlm.data.images import open_image
from vlm.types import Record


class Encoded(TorchDataset):
    """The turns of every record; `epochs` passes end to end, so that item i depends on i alone.

    Args:
        times: how often each record comes in one pass; once each when not given.
    """

    def __init__(
        self,
        processor,
        records: Sequence[Record],
        epochs: float = 1.0,
        times: Sequence[int] | None = None,
    ):
        self.processor, self.records = processor, records
        often = times or [1] * len(records)
        self.slots = [
            (number, turn)
            for number, (record, count) in enumerate(zip(records, often, strict=True))
            for _ in range(count)
            for turn in record.turns
        ]
        self.length = round(len(self.slots) * epochs)

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        number, turn = self.slots[index % len(self.slots)]
        return encoding.encode(self.processor, open_image(self.records[number].image), turn)
