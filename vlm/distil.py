"""What a linear probe reads off the stored features, taught to the decoder.

Where a picture lies between two classes, the sentence, the JSON object and the single answers about
it may each fall on another side. So a linear probe (Alain and Bengio, 2016, arXiv 1610.01644) is
fitted to the frozen features, and pictures that do not exist, mixtures of two similar ones (Zhang
et al., 2018, arXiv 1710.09412), are described by what the probe reads there: the decoder meets its
doubtful cases in training, with one answer each (Beyer et al., 2022, arXiv 2106.05237).
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy, normalize

from vlm.data.folder import grammar, grammar_of
from vlm.data.taxonomy import SUBCATEGORY
from vlm.pictures import labels
from vlm.types import IGNORE_INDEX, Record

STEPS, BATCH, RATE = 2000, 512, 3e-3  # of the probe's own training
SMOOTHING = 0.1
RIVALS = 32  # pictures among which the most similar one is mixed in
LEAST = 0.3  # share of the lesser picture in a mixture


class Probe:
    """One linear classifier for each attribute, all on the mean of a picture's tokens.

    Args:
        linear: Dv -> the classes of all attributes, one after another.
        values: attribute -> its classes.
    """

    def __init__(self, linear: nn.Linear, values: Mapping[str, Sequence[str]]):
        self.linear, self.values = linear, values

    @torch.inference_mode()
    def read(self, pooled: torch.Tensor) -> list[dict[str, str]]:
        """The likeliest class of every attribute, for each row of float[n, Dv]."""
        parts = self.linear(pooled).split([len(names) for names in self.values.values()], dim=1)
        named = [
            [names[number] for number in part.argmax(1).tolist()]
            for names, part in zip(self.values.values(), parts, strict=True)
        ]
        return [dict(zip(self.values, row, strict=True)) for row in zip(*named, strict=True)]

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
        values: attribute -> its classes, from `align.attribute_values`.
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


def mixed(
    probe: Probe, store: np.ndarray, records: Sequence[Record], count: int, seed: int = 0
) -> tuple[tuple[Record, ...], np.ndarray]:
    """Mixtures of two similar pictures' features, described by what the probe reads off them.

    A mixture speaks of what its greater part speaks of; records whose facts no caption grammar
    knows (pictures that show nothing nameable) are left out.

    Args:
        store: float16[views, n, N, Dv] of the records.
        count: how many mixtures to try; about as many are returned.

    Returns:
        The records, each with its greater part's picture, and float16[1, m, N, Dv].
    """
    rng = np.random.default_rng(seed)
    able = np.flatnonzero([grammar_of(record.facts) is not None for record in records])
    if not count or len(able) < 2:
        return (), store[:1, :0]
    first = rng.choice(able, count)
    second = _similar(pooled(store[0]), first, rng.choice(able, (count, RIVALS)))
    share = rng.uniform(LEAST, 0.5, (count, 1, 1)).astype(np.float32)
    views = rng.integers(len(store), size=(2, count))
    made = (1 - share) * store[views[0], first] + share * store[views[1], second]
    told = [
        _record(records[a], f"{records[a].id}+{records[b].id}/{number}", read)
        for number, (a, b, read) in enumerate(
            zip(first, second, probe.read(pooled(made)), strict=True)
        )
    ]
    kept = [number for number, record in enumerate(told) if record.turns]
    return tuple(told[n] for n in kept), made[kept].astype(np.float16)[None]


def _similar(pooled: torch.Tensor, first: np.ndarray, rivals: np.ndarray) -> np.ndarray:
    """Of each row of rivals the one whose features are nearest to those of `first`."""
    unit = normalize(pooled, dim=1)
    chosen = []
    for start in range(0, len(first), BATCH):
        some = torch.from_numpy(rivals[start : start + BATCH])
        anchor = torch.from_numpy(first[start : start + BATCH])
        near = torch.einsum("cd,crd->cr", unit[anchor], unit[some])
        near[some == anchor[:, None]] = -1  # never with itself
        chosen.append(some.gather(1, near.argmax(1, keepdim=True))[:, 0])
    return torch.cat(chosen).numpy()


def _record(whole: Record, id: str, read: Mapping[str, str]) -> Record:
    """The record of a mixture: the probe's word for each fact that its greater part has."""
    facts = {key: read.get(key, value) for key, value in whole.facts.items()}
    group = SUBCATEGORY.get(facts.get("articleType", ""))
    facts |= {"subCategory": group} if group and "subCategory" in facts else {}
    return Record(id, whole.image, grammar(facts, id), facts)
