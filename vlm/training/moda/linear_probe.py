"""A linear probe of frozen features (Alain and Bengio, 2016, arXiv 1610.01644).

features float[n, N, Dv] --mean--> [n, Dv] --linear--> the classes of every attribute
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from vlm.data.attributes import class_labels
from vlm.types import IGNORE_INDEX, Record

STEPS, BATCH, LEARNING_RATE = 2000, 512, 3e-3
SMOOTHING = 0.3  # of the labels: held-out pictures are closer to each other than training ones


class Probe:
    """One linear classifier per attribute, all on the mean of a picture's tokens.

    Args:
        linear: Dv -> the classes of all attributes, one after another.
        values: attribute -> its classes.
    """

    def __init__(self, linear: nn.Linear, values: Mapping[str, Sequence[str]]):
        self.linear, self.values = linear, values

    def predict(self, pooled: torch.Tensor, threshold: float = 0.0) -> list[dict[str, str]]:
        """Return the most probable class of every attribute, for each row of float[n, Dv].

        Args:
            threshold: omit attributes whose most probable class is less probable than this.
        """
        rows: list[dict[str, str]] = [{} for _ in pooled]
        for key, names, probabilities in self._probabilities(pooled):
            best = probabilities.max(1)
            for row, probability, label in zip(rows, *map(torch.Tensor.tolist, best), strict=True):
                row |= {key: names[label]} if probability >= threshold else {}
        return rows

    @torch.inference_mode()
    def _probabilities(
        self, pooled: torch.Tensor
    ) -> Iterator[tuple[str, Sequence[str], torch.Tensor]]:
        """Yield each attribute, its classes and float[n, classes]: probabilities, unsmoothed."""
        sizes = [len(names) for names in self.values.values()]
        logits = self.linear(pooled).split(sizes, dim=1)
        for (key, names), scores in zip(self.values.items(), logits, strict=True):
            yield key, names, (scores.softmax(1) - SMOOTHING / len(names)) / (1 - SMOOTHING)

    def accuracy(self, features: np.ndarray, records: Sequence[Record]) -> dict[str, float]:
        """Return the accuracy of each attribute in percent, on features float[n, N, Dv]."""
        predictions = self.predict(mean_pool(features))
        correct = {
            key: [
                row[key] == record.facts[key]
                for row, record in zip(predictions, records, strict=True)
                if record.facts.get(key) in names
            ]
            for key, names in self.values.items()
        }
        return {key: 100.0 * float(np.mean(rows)) for key, rows in correct.items() if rows}


def mean_pool(features: np.ndarray) -> torch.Tensor:
    """Return the mean over a picture's tokens: float[n, Dv] of float16[n, N, Dv]."""
    return torch.from_numpy(np.asarray(features, dtype=np.float32).mean(1))


def fit(
    stores: Sequence[np.ndarray],
    parts: Sequence[Sequence[Record]],
    values: Mapping[str, Sequence[str]],
    seed: int = 0,
) -> Probe:
    """Fit a probe to all views of all parts.

    Args:
        stores: for each part float16[views, n, N, Dv], from `features.compute`.
        parts: the n records of each.
        values: attribute -> its classes, from `probe_labels.classes`.
    """
    inputs = torch.cat([mean_pool(view) for store in stores for view in store])
    labels = torch.cat(
        [
            torch.tensor([class_labels(record, values) for record in records]).repeat(len(store), 1)
            for store, records in zip(stores, parts, strict=True)
        ]
    )
    mean, scale = inputs.mean(0), inputs.std(0).clamp(min=1e-6)
    linear = _train((inputs - mean) / scale, labels, [len(v) for v in values.values()], seed)
    with torch.no_grad():  # fold the normalisation into the weights
        linear.weight /= scale
        linear.bias -= linear.weight @ mean
    return Probe(linear, values)


def _train(inputs: torch.Tensor, labels: torch.Tensor, sizes: list[int], seed: int) -> nn.Linear:
    """Train with AdamW and a learning rate that decays linearly to 0."""
    generator = torch.Generator().manual_seed(seed)
    linear = nn.Linear(inputs.shape[1], sum(sizes))
    nn.init.zeros_(linear.weight)
    nn.init.zeros_(linear.bias)
    optimiser = torch.optim.AdamW(linear.parameters(), lr=LEARNING_RATE, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, STEPS)
    for _ in range(STEPS):
        rows = torch.randint(len(inputs), (min(BATCH, len(inputs)),), generator=generator)
        logits = linear(inputs[rows]).split(sizes, dim=1)
        loss = sum(
            cross_entropy(
                scores,
                labels[rows, n],
                ignore_index=IGNORE_INDEX,
                reduction="sum",
                label_smoothing=SMOOTHING,
            )
            for n, scores in enumerate(logits)
        )
        optimiser.zero_grad()
        (loss / len(rows)).backward()
        optimiser.step()
        schedule.step()
    return linear.requires_grad_(False)
