"""Projectors map image features, float[B, N, Dv], to decoder tokens, float[B, N', D]."""

import math
from collections.abc import Sequence

import torch
from torch import nn


class PixelShuffle(nn.Module):
    """Folds scale x scale neighbouring patches into one token, then one linear layer.

    Space-to-depth (Shi et al., 2016), used as a connector in InternVL and SmolVLM. The patches
    must form a square grid; a class token before them is dropped.
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
        """Number of tokens for `count` features.

        Raises:
            ValueError: if the grid's side is not a multiple of the scale.
        """
        side = math.isqrt(count)  # ignores a class token
        if side % self.scale:
            raise ValueError(
                f"{side} x {side} patches do not fold by {self.scale}; change the scale."
            )
        return (side // self.scale) ** 2


class TokenwiseProjector(nn.Sequential):
    """Layers applied to each token separately, so N' = N."""

    def tokens_out(self, count: int) -> int:
        """Number of tokens for `count` features."""
        return count


class VisualWords(nn.Module):
    """One token per group of visual words, chosen from the mean of all features.

    Each group has a softmax over its words; the token is the expected embedding (probabilistic
    visual tokens; Ovis, Lu et al., 2024, arXiv 2405.20797). The image is thus classified once,
    before any question, and all answers about it use the same classification.

    Args:
        sizes: number of words in each group.
        tokens: decoder tokens of a word in each group; 1 if omitted.
    """

    def __init__(
        self, vision_width: int, text_width: int, sizes: Sequence[int], tokens: Sequence[int] = ()
    ):
        super().__init__()
        self.sizes, self.tokens = list(sizes), list(tokens) or [1] * len(sizes)
        self.choose = nn.Linear(vision_width, sum(sizes))
        self.spell = nn.ModuleList(
            nn.Linear(size, count * text_width, bias=False)
            for size, count in zip(self.sizes, self.tokens, strict=True)
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        scores = self.choose(features.mean(1)).split(self.sizes, dim=1)  # groups x [B, words]
        rows = zip(self.spell, scores, self.tokens, strict=True)
        words = [embed(score.softmax(1)).unflatten(1, (count, -1)) for embed, score, count in rows]
        return torch.cat(words, 1)  # [B, N', D]

    def tokens_out(self, count: int) -> int:
        """Number of tokens, whatever the number of features."""
        return sum(self.tokens)


def linear(vision_width: int, text_width: int, config) -> nn.Module:
    """One linear layer (LLaVA 1.0, PaliGemma)."""
    return TokenwiseProjector(nn.Linear(vision_width, text_width))


def mlp(vision_width: int, text_width: int, config) -> nn.Module:
    """MODA's expand-and-reduce MLP: Dv -> 4 D -> D with a GELU in between."""
    hidden = text_width * config.projector_expansion
    return TokenwiseProjector(
        nn.Linear(vision_width, hidden), nn.GELU(), nn.Linear(hidden, text_width)
    )


def mlp2x(vision_width: int, text_width: int, config) -> nn.Module:
    """LLaVA 1.5's two layers: Dv -> D -> D with a GELU in between."""
    return TokenwiseProjector(
        nn.Linear(vision_width, text_width), nn.GELU(), nn.Linear(text_width, text_width)
    )


def pixel_shuffle(vision_width: int, text_width: int, config) -> nn.Module:
    """SmolVLM's connector: fewer, wider tokens."""
    return PixelShuffle(vision_width, text_width, config.projector_scale)


def words(vision_width: int, text_width: int, config) -> nn.Module:
    """Visual words, as in Ovis."""
    return VisualWords(vision_width, text_width, config.projector_words or WORDS)


def image_words(config) -> VisualWords | None:
    """The words that the tower's classifiers choose, if it has any; they are never trained."""
    if not config.image_words:
        return None
    width = config.text_config.hidden_size
    return VisualWords(config.vision_width, width, *zip(*config.image_words, strict=True))


WORDS = (64, 64, 64, 64)  # default groups, without a meaning yet
PROJECTORS = {
    "linear": linear,
    "mlp": mlp,
    "mlp2x": mlp2x,
    "pixel_shuffle": pixel_shuffle,
    "words": words,
}
