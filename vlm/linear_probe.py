"""A linear probe of frozen features (Alain and Bengio, 2016, arXiv 1610.01644).

features float[n, N, Dv] --mean--> [n, Dv] --linear--> the classes of every attribute
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from vlm.pictures import labels
from vlm.types import IGNORE_INDEX, Record

STEPS, BATCH, RATE = 2000, 512, 3e-3  # of its training
SMOOTHING = 0.3  # of its labels: held-out pictures lie nearer to one another than learnt ones


class Probe:
    """One linear classifier for each attribute, all on the mean of a picture's tokens.

    Args:
        linear: Dv -> the classes of all attributes, one after another.
        values: attribute -> its classes.
    """

    def __init__(self, linear: nn.Linear, values: Mapping[str, Sequence[str]]):
        self.linear, self.values = linear, values

    def read(self, pooled: torch.Tensor) -> list[dict[str, str]]:
        """The likeliest class of every attribute, for each row of float[n, Dv]."""
        return self.sure(pooled, 0.0)

    def sure(self, pooled: torch.Tensor, least: float) -> list[dict[str, str]]:
        """The same, where its probability is `least` or more."""
        found: list[dict[str, str]] = [{} for _ in pooled]
        for key, names, chances in self._chances(pooled):
            best = chances.max(1)
            for row, chance, number in zip(found, *map(torch.Tensor.tolist, best), strict=True):
                row |= {key: names[number]} if chance >= least else {}
        return found

    @torch.inference_mode()
    def _chances(self, pooled: torch.Tensor) -> Iterator[tuple[str, Sequence[str], torch.Tensor]]:
        """Each attribute, its classes, and float[n, classes]: probabilities without smoothing."""
        sizes = [len(names) for names in self.values.values()]
        parts = self.linear(pooled).split(sizes, dim=1)
        for (key, names), part in zip(self.values.items(), parts, strict=True):
            yield key, names, (part.softmax(1) - SMOOTHING / len(names)) / (1 - SMOOTHING)

    def accuracy(self, features: np.ndarray, records: Sequence[Record]) -> dict[str, float]:
        """Percent of the records whose attribute is read rightly off float[n, N, Dv]."""
        read = self.read(pooled(features))
        right = {
            key: [row[key] == record.facts[key] for row, record in zip(read, records, strict=True)
                  if record.facts.get(key) in names]
            for key, names in self.values.items()
        }  # fmt: skip
        return {key: 100.0 * float(np.mean(rows)) for key, rows in right.items() if rows}


def pooled(features: np.ndarray) -> torch.Tensor:
    """float[n, Dv] of float16[n, N, Dv]: the mean over a picture's tokens."""
    return torch.from_numpy(np.asarray(features, dtype=np.float32).mean(1))


def fit(
    stores: Sequence[np.ndarray],
    parts: Sequence[Sequence[Record]],
    values: Mapping[str, Sequence[str]],
    seed: int = 0,
) -> Probe:
    """A probe of every attribute, fitted to all views of all parts.

    Args:
        stores: for each part float16[views, n, N, Dv], from `features.compute`.
        parts: the n records of each.
        values: attribute -> its classes, from `distil.classes`.
    """
    seen = torch.cat([pooled(view) for store in stores for view in store])
    truth = torch.cat([
        torch.tensor([labels(record, values) for record in records]).repeat(len(store), 1)
        for store, records in zip(stores, parts, strict=True)
    ])  # fmt: skip
    mean, scale = seen.mean(0), seen.std(0).clamp(min=1e-6)
    linear = _trained((seen - mean) / scale, truth, [len(v) for v in values.values()], seed)
    with torch.no_grad():  # for features as they are stored
        linear.weight /= scale
        linear.bias -= linear.weight @ mean
    return Probe(linear, values)


def _trained(seen: torch.Tensor, truth: torch.Tensor, sizes: list[int], seed: int) -> nn.Linear:
    """AdamW with a learning rate that falls to nothing."""
    chance = torch.Generator().manual_seed(seed)
    linear = nn.Linear(seen.shape[1], sum(sizes))
    nn.init.zeros_(linear.weight)
    nn.init.zeros_(linear.bias)
    optimiser = torch.optim.AdamW(linear.parameters(), lr=RATE, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, STEPS)
    for _ in range(STEPS):
        rows = torch.randint(len(seen), (min(BATCH, len(seen)),), generator=chance)
        scores = linear(seen[rows]).split(sizes, dim=1)
        loss = sum(
            cross_entropy(part, truth[rows, n], ignore_index=IGNORE_INDEX, reduction="sum",
                          label_smoothing=SMOOTHING)
            for n, part in enumerate(scores)
        )  # fmt: skip
        optimiser.zero_grad()
        (loss / len(rows)).backward()
        optimiser.step()
        schedule.step()
    return linear.requires_grad_(False)
