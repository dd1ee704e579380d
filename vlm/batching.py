"""Random batches of examples of about one length, so that little of a batch is padding.

A question with "yes" as its answer and a conversation that ends in JSON differ tenfold in length.
Drawn blindly, more than half of a batch is padding (`bench/batching.py`).
"""

from collections.abc import Iterator, Sequence

import numpy as np
from torch.utils.data import ConcatDataset, Dataset, Sampler

POOL = 16  # batches that are drawn blindly and sorted among themselves


def lengths(data: Dataset) -> np.ndarray | None:
    """How long each example is, in any unit (int[n]), None for data that cannot say it."""
    if isinstance(data, ConcatDataset):
        parts = [lengths(part) for part in data.datasets]
        return None if any(part is None for part in parts) else np.concatenate(parts)
    measured = getattr(data, "lengths", None)
    return measured() if measured else None


class Grouped(Sampler[int]):
    """Every number once: pools by chance, sorted by length, cut into batches that are shuffled.

    The order depends on the seed and the epoch alone, so that a resumed run sees the same batches.

    Args:
        lengths: of each example, in any unit.
        batch: examples in one optimiser step, in order of length; the last one may be smaller.
    """

    def __init__(self, lengths: Sequence[int], batch: int, seed: int = 0):
        self.lengths, self.batch, self.seed, self.epoch = np.asarray(lengths), batch, seed, 0

    def __len__(self) -> int:
        return len(self.lengths)

    def set_epoch(self, epoch: int) -> None:
        """Called by the Trainer: another pass takes another order."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        chance = np.random.default_rng((self.seed, self.epoch))
        order = chance.permutation(len(self.lengths))
        whole = len(order) - len(order) % self.batch
        for start in range(0, whole, POOL * self.batch):
            pool = order[start : min(start + POOL * self.batch, whole)]
            pool = pool[np.argsort(self.lengths[pool], kind="stable")]
            batches = chance.permutation(pool.reshape(-1, self.batch))
            yield from batches.reshape(-1).tolist()
        yield from order[whole:].tolist()
