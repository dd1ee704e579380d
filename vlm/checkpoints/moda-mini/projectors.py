"""Projectors: they turn image features, float[B, N, Dv], into decoder tokens, float[B, N', D]."""

import math
from collections.abc import Sequence

import torch
from torch import nn


class PixelShuffle(nn.Module):
    """Folds scale x scale neighbouring patches into one token, then one linear layer.

    Space-to-depth of Shi et al. (2016), as a connector in InternVL and SmolVLM. The patches must
    form a square grid; a class token in front of them is dropped.
    """

    def __init__(self, vision_width: int, text_width: int, scale: int):
        super().__init__()
        self.scale = scale
        self.linear = nn.Linear(vision_width * scale**2, text_width)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        batch, count, width = features.shape  # [B, N, Dv]
        cells = math.isqrt(self.tokens_out(count))
        grid = features[:, count - (cells * self.scale) ** 2 :]
        grid = grid.reshape(batch, cells, self.scale, cells, self.scale, width)
        grid = grid.transpose(2, 3).reshape(batch, cells**2, self.scale**2 * width)
        return self.linear(grid)  # [B, N / scale^2, D]

    def tokens_out(self, count: int) -> int:
        """Number of tokens made of `count` features.

        Raises:
            ValueError: when the grid's side is not a multiple of the scale.
        """
        side = math.isqrt(count)  # whatever stands before the grid is no patch
        if side % self.scale:
            raise ValueError(
                f"{side} x {side} patches do not fold by {self.scale}; change the scale."
            )
        return (side // self.scale) ** 2


class TokenwiseProjector(nn.Sequential):
    """Layers applied to each token alone, so that N' = N."""

    def tokens_out(self, count: int) -> int:
        """Number of tokens made of `count` features."""
        return count


class VisualWords(nn.Module):
    """A token for each group of visual words, chosen by the mean of all features.

    A group is a softmax over its words, of which the token is the expected embedding (probabilistic
    visual tokens; Ovis, Lu et al., 2024, arXiv 2405.20797). What the picture is taken for is so
    decided once, before any question, and every answer about it reads the same decision.

    Args:
        sizes: how many words each group has.
    """

    def __init__(self, vision_width: int, text_width: int, sizes: Sequence[int]):
        super().__init__()
        self.sizes = list(sizes)
        self.choose = nn.Linear(vision_width, sum(sizes))
        self.spell = nn.ModuleList(nn.Linear(size, text_width, bias=False) for size in sizes)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        scores = self.choose(features.mean(1)).split(self.sizes, dim=1)  # groups x [B, words]
        said = [spell(score.softmax(1)) for spell, score in zip(self.spell, scores, strict=True)]
        return torch.stack(said, 1)  # [B, groups, D]

    def tokens_out(self, count: int) -> int:
        """Number of tokens, however many features there are."""
        return len(self.sizes)


def linear(vision_width: int, text_width: int, config) -> nn.Module:
    """One linear layer (LLaVA 1.0, PaliGemma)."""
    return TokenwiseProjector(nn.Linear(vision_width, text_width))


def mlp(vision_width: int, text_width: int, config) -> nn.Module:
    """MODA's expand-and-reduce: Dv -> 4 D -> D with a GELU between."""
    hidden = text_width * config.projector_expansion
    return TokenwiseProjector(
        nn.Linear(vision_width, hidden), nn.GELU(), nn.Linear(hidden, text_width)
    )


def mlp2x(vision_width: int, text_width: int, config) -> nn.Module:
    """LLaVA 1.5's two layers: Dv -> D -> D with a GELU between."""
    return TokenwiseProjector(
        nn.Linear(vision_width, text_width), nn.GELU(), nn.Linear(text_width, text_width)
    )


def pixel_shuffle(vision_width: int, text_width: int, config) -> nn.Module:
    """SmolVLM's connector: fewer, wider tokens."""
    return PixelShuffle(vision_width, text_width, config.projector_scale)


def words(vision_width: int, text_width: int, config) -> nn.Module:
    """Visual words, Ovis's way of showing a picture to a decoder."""
    return VisualWords(vision_width, text_width, config.projector_words or WORDS)


WORDS = (64, 64, 64, 64)  # groups that stand for nothing yet
PROJECTORS = {
    "linear": linear,
    "mlp": mlp,
    "mlp2x": mlp2x,
    "pixel_shuffle": pixel_shuffle,
    "words": words,
}
