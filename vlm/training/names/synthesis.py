"""Image features of a classifier's classes, made from its last layer and from real backgrounds.

The last layer, logits = W f + b, reads the very feature f that the projector reads, so its rows
show what a class adds to it. A feature is that of a real picture, of anything, moved along the rows
of its classes until the classifier gives them their probabilities:

    real background [N, Dv] --faded--> + strength * mask * direction --clipped to real values--> f

The mask spreads what is added over the cells of a grid as a blob around the middle; its mean is 1,
as the pooled feature is the mean of the cells. Text-only training of a decoder on features with
noise: Nukrai et al., 2022 (CapDec, arXiv 2211.00575); here the noise is a real picture.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

STEPS = 10  # of the search for the strength
BRACKET = 60.0  # strongest move, in the features' units
SPREAD = (0.8, 1.8)  # width of the blob, in cells of a 4 x 4 grid
FLOOR = 0.15  # of the blob, where the thing is not


class Imagined(NamedTuple):
    """What an imagined picture shows.

    Attributes:
        chances: class -> probability that the classifier gives it.
        background: number of the real picture behind it; None = another one in each view.
    """

    chances: Mapping[int, float]
    background: int | None = None


@dataclass(frozen=True, eq=False)
class Synthesiser:
    """Makes features of classes, the same ones for the same seed.

    Attributes:
        weight, bias: float32[K, Dv], float32[K], the classifier's last layer.
        backgrounds: float[n, N, Dv], features of real pictures.
        has_pooled: True if the first of several tokens is the pooled feature; one token always is.
        fade: what is kept of the background.
    """

    weight: np.ndarray
    bias: np.ndarray
    backgrounds: np.ndarray
    has_pooled: bool = True
    fade: float = 1.0

    def __post_init__(self):
        rows = self.weight - self.weight.mean(0)
        rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        object.__setattr__(self, "directions", rows.astype(np.float32))
        sample = np.asarray(self.backgrounds[:: max(1, len(self.backgrounds) // 64)], np.float32)
        object.__setattr__(self, "limits", (float(sample.min()), float(sample.max())))

    @classmethod
    def of(
        cls, layer: nn.Linear, backgrounds: np.ndarray, has_pooled: bool, fade: float
    ) -> "Synthesiser":
        """Return one for a classifier's last layer."""
        weight = layer.weight.detach().float().cpu().numpy()
        bias = np.zeros(len(weight), np.float32) if layer.bias is None else layer.bias
        bias = torch.as_tensor(bias).detach().float().cpu().numpy()
        return cls(weight, bias, backgrounds, has_pooled, fade)

    def __call__(self, imagined: Imagined, rng: np.random.Generator) -> np.ndarray:
        """Return float16[N, Dv], to which the classifier gives about these chances."""
        chances, number = imagined
        if number is None:
            number = int(rng.integers(len(self.backgrounds)))
        tokens = self.fade * np.asarray(self.backgrounds[number], np.float32)  # [N, Dv]
        classes = np.fromiter(chances, int)
        shares = np.fromiter(chances.values(), np.float32)
        direction = shares @ self.directions[classes]
        direction = direction / np.linalg.norm(direction)
        strength = self._strength(self._pooled(tokens), direction, classes, float(shares.sum()))
        mask = self._mask(len(tokens), rng)  # [N, 1]
        return np.clip(tokens + strength * mask * direction, *self.limits).astype(np.float16)

    def probabilities(self, pooled: np.ndarray) -> np.ndarray:
        """Return the classifier's probabilities float32[..., K] of pooled features [..., Dv]."""
        logits = pooled @ self.weight.T + self.bias
        exps = np.exp(logits - logits.max(-1, keepdims=True))
        return exps / exps.sum(-1, keepdims=True)

    def _pooled(self, tokens: np.ndarray) -> np.ndarray:
        return tokens[0] if self.has_pooled or len(tokens) == 1 else tokens.mean(0)

    def _strength(
        self, pooled: np.ndarray, direction: np.ndarray, classes: np.ndarray, share: float
    ) -> float:
        """Return how far to move, by bisection, until the classes have this probability."""
        low, high = 0.0, BRACKET
        for _ in range(STEPS):
            middle = (low + high) / 2
            moved = np.clip(pooled + middle * direction, *self.limits)
            reached = self.probabilities(moved)[classes].sum()
            low, high = (middle, high) if reached < share else (low, middle)
        return (low + high) / 2

    def _mask(self, tokens: int, rng: np.random.Generator) -> np.ndarray:
        """Return how strongly each token shows the thing, float32[N, 1]; the cells' mean is 1."""
        cells = tokens - 1 if self.has_pooled and tokens > 1 else tokens
        side = round(cells**0.5)
        if cells == 1 or side * side != cells:
            return np.ones((tokens, 1), np.float32)
        centre = rng.normal((side - 1) / 2, side / 8, size=2)
        width = rng.uniform(*SPREAD) * side / 4
        rows, columns = np.indices((side, side))
        distance = (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2
        blob = FLOOR + np.exp(-distance / (2 * width**2)) * rng.uniform(0.6, 1.4, (side, side))
        blob = (blob / blob.mean()).reshape(-1, 1)
        whole = np.ones((tokens - cells, 1))
        return np.concatenate([whole, blob]).astype(np.float32)


@dataclass(frozen=True, eq=False)
class SyntheticFeatures:
    """Features of many imagined pictures, made when they are read: like float16[views, n, N, Dv].

    Attributes:
        pictures: what each of them shows.
        views: different features of each picture.
    """

    synthesiser: Synthesiser
    pictures: Sequence[Imagined]
    views: int = 1
    seed: int = 0

    @property
    def shape(self) -> tuple[int, int, int, int]:
        return (self.views, len(self.pictures), *self.synthesiser.backgrounds.shape[1:])

    def __len__(self) -> int:
        return self.views

    def __getitem__(self, place: tuple[int, int]) -> np.ndarray:
        """Return float16[N, Dv] of one view of one picture; it depends only on seed and place."""
        view, number = place
        rng = np.random.default_rng((self.seed, int(view), int(number)))
        return self.synthesiser(self.pictures[number], rng)

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        views, count = self.shape[:2]
        made = [[self[view, number] for number in range(count)] for view in range(views)]
        return np.asarray(made, dtype or np.float16)
