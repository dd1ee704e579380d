"""Random batches of examples of similar length, which contain little padding.

A question answered "yes" and a conversation that ends in JSON differ tenfold in length: more than
half of a fully random batch is padding (`bench/batching.py`).
"""

from collections.abc import Iterator, Sequence

import numpy as np
from torch.utils.data import ConcatDataset, Dataset, Sampler

POOL = 16  # batches per pool: drawn at random, then sorted by length within the pool


def lengths(data: Dataset) -> np.ndarray | None:
    """Return the length of each example, in any unit, as int[n]; None if the data has none."""
    if isinstance(data, ConcatDataset):
        parts = [lengths(part) for part in data.datasets]
        return None if any(part is None for part in parts) else np.concatenate(parts)
    method = getattr(data, "lengths", None)
    return method() if method else None


class LengthGroupedSampler(Sampler[int]):
    """A sampler of random pools, each sorted by length and cut into batches that are shuffled.

    Every index occurs once. The order depends only on the seed and the epoch, so a resumed run sees
    the same batches.

    Args:
        lengths: of each example, in any unit.
        batch_size: examples per optimiser step; the last step may have fewer.
    """

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int = 0):
        self.lengths, self.batch_size = np.asarray(lengths), batch_size
        self.seed, self.epoch = seed, 0

    def __len__(self) -> int:
        return len(self.lengths)

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch, which changes the order; the Trainer calls this."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        rng = np.random.default_rng((self.seed, self.epoch))
        order = rng.permutation(len(self.lengths))
        end = len(order) - len(order) % self.batch_size  # of the full batches
        for start in range(0, end, POOL * self.batch_size):
            pool = order[start : min(start + POOL * self.batch_size, end)]
            pool = pool[np.argsort(self.lengths[pool], kind="stable")]
            batches = rng.permutation(pool.reshape(-1, self.batch_size))
            yield from batches.reshape(-1).tolist()
        yield from order[end:].tolist()
